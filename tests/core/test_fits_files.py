"""FITS files that are compressed as a whole, or break the standard."""

from __future__ import annotations

import bz2
import gzip
import tracemalloc

import pytest
from astropy.io import fits

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.fits import read_fits, read_header_values

HEAD = ("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 4", "NAXIS2  = 4")
EXTENSION = ("XTENSION= 'IMAGE   '", *HEAD[1:], "PCOUNT  = 0", "GCOUNT  = 1")
EMPTY = ("XTENSION= 'IMAGE   '", "BITPIX  = 8", "NAXIS   = 0", *EXTENSION[-2:])


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


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize(
    ("simple", "after"), [("F", b""), ("T", b" " * 2880), ("F", b"x" * 2880)]
)
def test_header_values_are_read_where_the_image_is(tmp_path, simple, after, compress):
    path = tmp_path / "a.fits"
    cards = (f"SIMPLE  = {simple}", *HEAD[1:], "EXPID   = 77")
    path.write_bytes(compress(unit(*cards) + after))
    assert read_fits(path).pixels.shape == (4, 4)
    assert read_header_values(path, ["EXPID"]) == ("77",)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize(
    "after",
    [
        b" " * 2880 + bytes(2880),
        bytes(2880) + b"x" * 2880,
        b"x" * 2880,
        b"x" * 100,
        b"END".ljust(2880),
    ],
)
@pytest.mark.parametrize("is_groups", [False, True])
def test_what_follows_the_last_hdu_does_not_matter(
    tmp_path, after, compress, is_groups
):
    path = tmp_path / "a.fits"
    first = unit(*HEAD)
    if is_groups:
        axes = ("NAXIS   = 3", "NAXIS1  = 0", "NAXIS2  = 60", "NAXIS3  = 60")
        counts = ("GROUPS  = T", "PCOUNT  = 0", "GCOUNT  = 2")
        first = unit(*HEAD[:2], *axes, *counts, data=bytes(7200))
    path.write_bytes(compress(first + unit(*EXTENSION, data=b"a" * 16) + after))
    image = read_fits(path, 1)
    assert (image.pixels == ord("a")).all()
    assert len(image.hdus) == 2 - is_groups


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (
            unit(*HEAD, *["COMMENT x"] * 26_000),
            "a header of it takes more than 2 MB",
        ),
        (unit(*HEAD) + unit(*EMPTY, data=b"") * 10_000, "more than 10,000 HDUs"),
    ],
    ids=["cards", "hdus"],
)
def test_a_file_of_headers_without_end_is_refused_before_they_are_read(
    tmp_path, monkeypatch, compress, content, what
):
    path = tmp_path / "a.fits"
    path.write_bytes(compress(content))
    monkeypatch.setattr(fits, "open", lambda *_args, **_kwargs: pytest.fail("opened"))
    with pytest.raises(ImageError, match=what) as caught:
        read_fits(path)
    assert caught.value.path == path


def test_a_header_of_a_megabyte_is_read(tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(unit(*HEAD, *["COMMENT x"] * 13_000))
    assert read_fits(path).pixels.shape == (4, 4)
