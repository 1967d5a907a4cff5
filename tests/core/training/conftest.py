"""A model of a few lines, whose calls are counted, and the images that it scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

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
