"""Real FITS files open with astropy's pixels, or are refused in a sentence."""

from __future__ import annotations

import warnings
from pathlib import Path

import astropy
import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.fits import read_fits


def fits_files(folder):
    found = {*folder.rglob("*.fits*"), *folder.rglob("*.fz"), *folder.rglob("*.fit")}
    return sorted(path for path in found if path.is_file())


#: Files of astropy's own tests, if they are installed.
ASTROPY = fits_files(Path(astropy.__file__).parent)


def check(path):
    """Return whether a file opens; check the pixels, or the sentence that refuses."""
    image, refusal = None, ""
    try:
        image = read_fits(path)
    except ImageError as error:
        refusal = str(error)
    if image is None:
        assert refusal.endswith(".")
        # Errors of a decoder would have the name of their class.
        assert "Error)" not in refusal
        return False
    [chosen] = [one for one in image.hdus if one.index == image.hdu]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = fits.getdata(path, image.hdu)[chosen.first_plane]
    pixels = np.asarray(image.pixels[:])
    assert pixels.shape == chosen.plane
    assert np.array_equal(
        expected.reshape(chosen.plane).astype(float),
        pixels.astype(float),
        equal_nan=True,
    )
    return True


@pytest.mark.skipif(not ASTROPY, reason="astropy is installed without its test data")
def test_the_files_of_astropys_tests():
    opened = [path.name for path in ASTROPY if check(path)]
    assert len(opened) > 10


def test_the_files_of_public_test_suites(shared_data):
    opened = [path.name for path in fits_files(shared_data / "fits") if check(path)]
    assert len(opened) > 10
