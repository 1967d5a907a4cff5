"""FITS files that are compressed as a whole, or break the standard."""

from __future__ import annotations

import tracemalloc

import pytest

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.fits import read_fits

HEAD = ("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 4", "NAXIS2  = 4")


def padded(data, by=b"\0"):
    return data + by * (-len(data) % 2880)


def unit(*cards, data=bytes(16)):
    """Return an HDU with the cards as they are, which astropy would correct."""
    head = b"".join(card.encode().ljust(80) for card in (*cards, "END"))
    return padded(head, b" ") + padded(data)


@pytest.mark.parametrize(
    "axes",
    [
        ("NAXIS   = 2", f"NAXIS1  = '{'a' * 60}'", "NAXIS2  = 10000000"),
        ("NAXIS   = 2", "NAXIS1  = 4", f"NAXIS2  = {10**30}"),
        ("NAXIS   = 2", "NAXIS1  = 4.5", "NAXIS2  = 4"),
        ("NAXIS   = 1000000000", "NAXIS1  = 4", "NAXIS2  = 4"),
    ],
)
def test_an_axis_that_is_no_count_takes_no_memory(tmp_path, axes):
    path = tmp_path / "a.fits"
    path.write_bytes(unit(*HEAD[:2], *axes, data=b"") + b" " * 2880)
    tracemalloc.start()
    try:
        with pytest.raises(ImageError):
            read_fits(path)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()
