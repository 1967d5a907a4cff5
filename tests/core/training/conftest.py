"""A model whose calls are counted, its images, and a survey to export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from napari_artifact_review.core.review.session import ReviewSession
from tests.core.training.small import SIZE, make_small

#: A model that can be held or killed; a confidence is the mean of column / 1000.
MODEL = '''
import os
import signal
import time
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


def note(cutouts):
    with (FOLDER / "calls.txt").open("a") as file:
        file.write(f"{os.getpid()} {len(cutouts)}\\n")


def predict(cutouts):
    note(cutouts)
    return (cutouts % 1000 / 1000).mean(axis=(1, 2))


def hold(cutouts):
    """Wait at the second call until the file `go` is there."""
    note(cutouts)
    while len(calls()) > 1 and not (FOLDER / "go").exists():
        time.sleep(0.02)
    return (cutouts % 1000 / 1000).mean(axis=(1, 2))


def die_once(cutouts):
    note(cutouts)
    try:
        (FOLDER / "dead").touch(exist_ok=False)
    except FileExistsError:
        return (cutouts % 1000 / 1000).mean(axis=(1, 2))
    os.kill(os.getpid(), signal.SIGKILL)


def calls():
    return (FOLDER / "calls.txt").read_text().splitlines()
'''


@pytest.fixture
def images(survey: Path) -> Path:
    """Return a folder with the three images of the small survey, 12 cutouts each."""
    folder = survey.parent / "images"
    folder.mkdir()
    for image in survey.parent.glob("*.fits"):
        image.rename(folder / image.name)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the file of the model."""
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return path


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "scored.csv"


def calls_of(model: Path) -> int:
    """Return how often the model was called."""
    notes = model.with_name("calls.txt")
    return len(notes.read_text().splitlines()) if notes.exists() else 0


def scored_by_numpy(
    images: Path, size: int = 200, stride: int = 200, threshold: float = 0.95
) -> pd.DataFrame:
    """Score the images with astropy and numpy alone."""
    rows = []
    for path in sorted(images.glob("*.fits")):
        pixels = fits.getdata(path).astype(np.float32)
        for y in range(0, pixels.shape[0] - size + 1, stride):
            for x in range(0, pixels.shape[1] - size + 1, stride):
                cutout = pixels[None, y : y + size, x : x + size]
                confidence = float((cutout % 1000 / 1000).mean(axis=(1, 2))[0])
                preds = int(confidence >= threshold)
                rows.append((path.stem, x, y, preds, confidence))
    columns = ["image_name", "grid_x", "grid_y", "preds", "confidence"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def small(tmp_path) -> Path:
    """Return the table of six images of 3 x 2 cutouts of 20 pixels."""
    return make_small(tmp_path)


@pytest.fixture
def reviewed(small) -> Path:
    """Review four cutouts of the small survey; return its table."""
    with ReviewSession.open(small, cutout_size=SIZE, reviewer="ada") as session:
        session.set_queue(("FP", "FN", "TP", "TN"))
        session.select("c0", 20, 0)
        session.set_label("artifact", kind="trail", note="bright “long”\r=1+1")
        session.select("c1", 0, 20)
        session.set_label("unsure", note="=?")
        session.select("c2", 0, 0)
        session.set_label("no artifact")
        session.select("c3", 40, 20)
        session.set_label("artifact", kind="ghost")
        session.undo()
        session.select("c4", 40, 0)
        session.set_label("no artifact")
        session.set_label("artifact", kind="ghost")
    return small


@pytest.fixture
def nan_image(tmp_path) -> Path:
    """Return an image with NaN, infinite and very large pixels."""
    pixels = np.arange(2400, dtype=np.float64).reshape(40, 60)
    pixels[3, 4], pixels[5, 6], pixels[7, 8] = np.nan, np.inf, 1e300
    path = tmp_path / "wild.fits"
    fits.writeto(path, pixels)
    return path
