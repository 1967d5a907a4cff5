"""Generated inputs, cached so that only the first run makes them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd
from astropy.io import fits

from napari_artifact_review.demo import make_demo

from .plan import Plan

#: Side of a cutout in pixels.
CUTOUT = 200


@dataclass(frozen=True)
class Survey:
    """A table of predictions and the folder of its images."""

    predictions: Path
    images: Path
    cutout_size: int | None = None

    def file(self, name: str) -> Path:
        """Return the file of an image."""
        return self.images / f"{name}.fits"


def sdss() -> Survey | None:
    """Return the survey of real, compressed frames, if it is beside the project."""
    folder = Path(__file__).parents[2] / "shared/data/sdss"
    survey = Survey(folder / "predictions.csv", folder / "images")
    return survey if folder.is_dir() else None


def demo(plan: Plan, images: int) -> Survey:
    """Make the demo survey: realistic images and the errors of a real classifier."""
    made = make_demo(plan.cache / f"demo-{images}", images)
    return Survey(made.predictions, made.images)


def ccds(plan: Plan) -> Survey:
    """Make so many images that there is always one that the review has not read yet.

    The operating system has all files in its memory.
    """
    return different_ccds(plan, plan.pick(6, 60, 170))


def different_ccds(plan: Plan, images: int) -> Survey:
    """Make float32 images of 4200 x 2000 pixels that all differ, 210 cutouts each.

    They are images of the demo with another background.
    """
    made = plan.pick(3, 6, 12)
    folder = plan.cache / f"ccds-{made}-{images}"
    with _new_folder(folder) as partial:
        if partial:
            source = demo(plan, made)
            table = pd.read_csv(source.predictions, dtype=str)
            found = list(table.groupby("image_name", sort=False))
            (partial / "images").mkdir()
            tables = []
            for i in range(images):
                name, part = found[i % made]
                target = partial / f"images/ccd_{i:04d}.fits"
                pixels, header = fits.getdata(source.file(name), header=True)
                shifted = pixels.astype(np.float32) + np.float32(i)
                fits.PrimaryHDU(shifted, header).writeto(target)
                tables.append(part.assign(image_name=target.stem))
            _write(pd.concat(tables), partial)
    return Survey(folder / "predictions.csv", folder / "images")


def one_image(plan: Plan, cutouts: int, size: int) -> Survey:
    """Make a survey of one large image of about `cutouts` cutouts of `size` pixels.

    A fifth of them are marked, as in the demo; a quarter of those are errors. The image
    has noise and stars, and is written piece by piece.
    """
    rows, columns = grid_shape(cutouts)
    folder = plan.cache / f"one-{cutouts}-{size}"
    with _new_folder(folder) as partial:
        if partial:
            (partial / "images").mkdir()
            needed = rows * columns * size * size * 2
            free = shutil.disk_usage(partial).free
            if free < needed + 2**31:
                raise OSError(f"{needed / 1e9:.1f} GB are needed, not {free / 1e9:.1f}")
            _write_big_fits(partial / "images/plane.fits", rows * size, columns * size)
            _write(_grid_table("plane", rows, columns, size), partial)
    return Survey(folder / "predictions.csv", folder / "images")


def images_of_size(plan: Plan, rows: int, columns: int) -> Survey:
    """Make a survey of four images of `rows` x `columns` pixels, 210 cutouts each."""
    folder = plan.cache / f"size-{rows}-{columns}"
    with _new_folder(folder) as partial:
        if partial:
            (partial / "images").mkdir()
            tables = []
            for i in range(4):
                file = partial / f"images/size_{i}.fits"
                _write_big_fits(file, rows, columns)
                table = _grid_table(
                    file.stem, rows // CUTOUT, columns // CUTOUT, CUTOUT
                )
                tables.append(table.sample(min(210, len(table)), random_state=0))
            _write(pd.concat(tables), partial)
    return Survey(folder / "predictions.csv", folder / "images")


def focal_plane(plan: Plan, cutouts: int, size: int) -> Survey:
    """Make a survey of six small images and then the large one of `one_image`.

    Six are enough that the large one is not read ahead while the first one is shown.
    """
    plane = one_image(plan, cutouts, size)
    folder = plan.cache / f"focal-{cutouts}-{size}"
    with _new_folder(folder) as partial:
        if partial:
            small = one_image(plan, 210, CUTOUT)
            (partial / "images").mkdir()
            tables = []
            for i in range(6):
                target = partial / f"images/small_{i}.fits"
                # A link would be the same image under another name.
                shutil.copyfile(small.file("plane"), target)
                tables.append(_grid_table(target.stem, *grid_shape(210), CUTOUT))
            _link(plane.file("plane"), partial / "images/plane.fits")
            _write(pd.concat([*tables, pd.read_csv(plane.predictions)]), partial)
    return Survey(folder / "predictions.csv", folder / "images")


def grid_shape(cutouts: int) -> tuple[int, int]:
    """Return rows and columns of a grid of `cutouts` cutouts."""
    known = {210: (10, 21), 1_000: (25, 40), 5_000: (50, 100)}
    known |= {14_000: (100, 140), 80_000: (200, 400)}
    return known[cutouts]


def many_rows(plan: Plan, rows: int) -> Survey:
    """Make a table of `rows` rows, 210 an image; its first four images exist.

    These four are the same for any number of rows.
    """
    folder = plan.cache / f"rows-{rows}"
    with _new_folder(folder) as partial:
        if partial:
            source = demo(plan, plan.pick(4, 6, 12))
            table = pd.read_csv(source.predictions, dtype=str)
            names = table.image_name.unique()[:4]
            table = table[table.image_name.isin(names)]
            (partial / "images").mkdir()
            for name in names:
                _link(source.file(name), partial / "images" / f"{name}.fits")
            copies = -(-rows // len(table))
            whole = pd.concat([table] * copies, ignore_index=True)[:rows]
            number = np.repeat(np.arange(copies), len(table))[:rows]
            more = whole.image_name + "_" + pd.Series(number).astype(str).str.zfill(5)
            whole["image_name"] = whole.image_name.where(number == 0, more)
            _write(whole, partial)
    return Survey(folder / "predictions.csv", folder / "images")


def many_cutouts(plan: Plan, images: int, cutouts: int) -> Survey:
    """Make a table of `cutouts` errors at random positions in images of the demo."""
    folder = plan.cache / f"cutouts-{images}-{cutouts}"
    source = demo(plan, images)
    with _new_folder(folder) as partial:
        if partial:
            rng = np.random.default_rng(2)
            names = pd.read_csv(source.predictions, dtype=str).image_name.unique()
            # Twice as many, because duplicates are dropped.
            each = -(-2 * cutouts // images)
            table = pd.DataFrame({"image_name": np.repeat(names, each)})
            table["grid_x"] = rng.integers(0, 4000, len(table))
            table["grid_y"] = rng.integers(0, 1800, len(table))
            table = table.drop_duplicates().sample(cutouts, random_state=0)
            table["label"] = rng.integers(0, 2, len(table))
            table["preds"] = 1 - table.label
            table["confidence"] = rng.random(len(table)).round(4)
            _write(table.sort_values("image_name"), partial)
    return Survey(folder / "predictions.csv", source.images, CUTOUT)


def marked(survey: Survey) -> dict[str, pd.DataFrame]:
    """Return the marked cutouts of each image, including errors, for the peers."""
    table = pd.read_csv(survey.predictions)
    table = table[(table.label == 1) | (table.preds == 1)]
    table["error"] = table.label != table.preds
    return dict(list(table.groupby("image_name", sort=False)))


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path | None]:
    """Yield a partial folder to fill, renamed at the end; None if `folder` exists."""
    if folder.is_dir():
        yield None
        return
    partial = folder.with_name(f".{folder.name}-{uuid4().hex[:8]}.partial")
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def _write(table: pd.DataFrame, folder: Path) -> None:
    table.to_csv(folder / "predictions.csv", index=False, lineterminator="\n")


def _grid_table(name: str, rows: int, columns: int, size: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    row, column = np.indices((rows, columns)).reshape(2, -1)
    kind = rng.choice(
        ["TN", "TP", "FN", "FP"], rows * columns, p=[0.8, 0.15, 0.03, 0.02]
    )
    return pd.DataFrame(
        {
            "image_name": name,
            "grid_x": column * size,
            "grid_y": row * size,
            "label": np.isin(kind, ["TP", "FN"]).astype(int),
            "preds": np.isin(kind, ["TP", "FP"]).astype(int),
            "confidence": rng.random(rows * columns).round(4),
        }
    )


def _write_big_fits(path: Path, rows: int, columns: int) -> None:
    """Write a plain FITS file of 16-bit pixels without holding it in memory."""
    header = fits.Header()
    header["SIMPLE"], header["BITPIX"], header["NAXIS"] = True, 16, 2
    header["NAXIS1"], header["NAXIS2"] = columns, rows
    rng = np.random.default_rng(0)
    strip = min(rows, 2000)
    noise = rng.normal(1000, 20, (strip, columns)).astype(">i2")
    for _ in range(columns * strip // 20_000):
        y, x = rng.integers(0, strip - 6), rng.integers(0, columns - 6)
        noise[y : y + 5, x : x + 5] += rng.integers(50, 5000)
    with path.open("wb") as file:
        file.write(header.tostring().encode("ascii"))
        for begin in range(0, rows, strip):
            part = np.roll(noise, int(rng.integers(columns)), axis=1)
            file.write(part[: rows - begin].tobytes())
        file.write(b"\0" * (-file.tell() % 2880))
