"""Tiles of compressed FITS images that would crash a decoder, or fill the memory."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review.core import decoders
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.fits import read_fits

NOISE = np.random.default_rng(0).normal(100, 10, (40, 50)).astype(np.float32)


def dithered(path, seed):
    """Write a dithered image, and change its seed."""
    fits.CompImageHDU(
        NOISE, compression_type="RICE_1", quantize_method=1, dither_seed=5
    ).writeto(path)
    content = bytearray(path.read_bytes())
    at = content.index(b"ZDITHER0=")
    content[at : at + 80] = seed.ljust(80).encode()
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    "card",
    [
        "ZDITHER0= -2147483648",
        "ZDITHER0= -1",
        "ZDITHER0= 0",
        "ZDITHER0= 10001",
        "ZDITHER0= 5.0",
        "ZDITHER0= T",
        "ZDITHER0= 'five'",
        "COMMENT without a seed",
    ],
)
def test_a_seed_out_of_range_is_refused(tmp_path, monkeypatch, card, large):
    if large:
        monkeypatch.setattr(decoders, "MOST_PIXELS_AT_ONCE", 1)
    path = dithered(tmp_path / "a.fits", card)
    with pytest.raises(ImageError, match="its ZDITHER0 is") as caught:
        read_fits(path)
    assert caught.value.path == path


@pytest.mark.parametrize("seed", [1, 5, 10_000])
def test_a_seed_in_range_is_read(tmp_path, seed):
    image = read_fits(dithered(tmp_path / "a.fits", f"ZDITHER0= {seed:>20}"))
    assert abs(image.pixels - NOISE).max() < 10
