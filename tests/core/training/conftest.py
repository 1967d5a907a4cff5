"""A survey to export, small enough for many exports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review.core.review.session import ReviewSession
from tests.core.training.small import SIZE, make_small


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
