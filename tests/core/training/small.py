"""A survey of six small images, as the tests of exports need it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.io import fits

from napari_artifact_review.core.training.exporting.export import Exported, export

#: Side length of a cutout, and rows and columns of an image, in pixels.
SIZE, SHAPE = 20, (40, 60)
NAMES = tuple(f"c{i}" for i in range(6))


def pixels_of(number: int) -> np.ndarray:
    """Return the pixels of an image; each value tells the image, row and column."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return (number * 10_000 + rows * 100 + columns).astype(np.float32)


def make_small(folder: Path) -> Path:
    """Write the images and the table; return the path of the table."""
    lines = ["image_name,grid_x,grid_y,label,preds,confidence,field"]
    for number, name in enumerate(NAMES):
        header = fits.Header()
        header["EXPNUM"], header["CCDNUM"] = 100 + number // 2, number % 2
        if number < 5:
            header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
            header["CRVAL1"], header["CRVAL2"] = 150.0, 2.0
            header["CRPIX1"], header["CRPIX2"] = 10.5, 10.5
            header["CDELT1"], header["CDELT2"] = -1e-4, 1e-4
        fits.writeto(folder / f"{name}.fits", pixels_of(number), header)
        for y in range(0, SHAPE[0], SIZE):
            for x in range(0, SHAPE[1], SIZE):
                label = int((x, y) == (0, 0))
                preds = int((x, y) in ((0, 0), (20, 0)))
                lines.append(f"{name},{x},{y},{label},{preds},0.5,f{number // 2}")
    path = folder / "predictions.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def export_small(table: Path, to: Path, **options: Any) -> Exported:
    """Export the small survey."""
    return export(table, to=to, cutout_size=SIZE, **options)


def load(folder: Path) -> tuple[np.ndarray, pd.DataFrame, dict[str, Any]]:
    """Load an export: the cutouts, one array after another, the table and export.json.

    The CSV is compared with the Parquet table.
    """
    table = pd.read_parquet(folder / "cutouts.parquet")
    texts = dict.fromkeys(table.columns[table.dtypes == "str"], str)
    csv = pd.read_csv(folder / "cutouts.csv", dtype=texts, keep_default_na=False)
    for name in ("ra", "dec"):
        csv[name] = pd.to_numeric(csv[name])
    pd.testing.assert_frame_equal(csv, table, check_dtype=False)
    told = json.loads((folder / "export.json").read_text())
    arrays = [
        np.load(folder / part["file"], mmap_mode="r", allow_pickle=False)
        for part in told["parts"]
    ]
    for name, digest in told["files"].items():
        if digest is not None:
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    return np.concatenate(arrays), table, told


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file of a folder by name, also of hidden ones."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
