"""FITS tables that declare too much are one error before their columns are read."""

from __future__ import annotations

import gzip
import struct
import time

import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.tables import fits_tables
from napari_artifact_review.core.tables.reading import read_predictions
from napari_artifact_review.core.tables.table_formats import read_table_file

END = b"END".ljust(80)


def card(key, value):
    return f"{key:<8}= {value!s:>20}".ljust(80).encode()


def padded(part, filler=b" "):
    return part.ljust(-(-len(part) // 2880) * 2880, filler)


def table(width, rows, form, data=b"", heap=b"", fields=1):
    """Return a FITS file with a binary table of one column."""
    primary = card("SIMPLE", "T") + card("BITPIX", 8) + card("NAXIS", 0) + END
    header = b"".join(
        [
            b"XTENSION= 'BINTABLE'".ljust(80),
            *(card("BITPIX", 8), card("NAXIS", 2), card("NAXIS1", width)),
            *(card("NAXIS2", rows), card("PCOUNT", len(heap)), card("GCOUNT", 1)),
            *(card("TFIELDS", fields), b"TTYPE1  = 'image_name'".ljust(80)),
            f"TFORM1  = '{form:<8}'".ljust(80).encode(),
            END,
        ]
    )
    return padded(primary) + padded(header) + padded(data + heap, b"\0")


def shared_heap():
    """Return ten thousand arrays that all are the same megabyte."""
    descriptors = struct.pack(">ii", 2**20, 0) * 10**4
    return table(8, 10**4, "1PB(1048576)", descriptors, bytes(2**20))


def many_axes():
    whole = table(8, 1, "8A", b"abcdefgh")
    return whole.replace(card("NAXIS", 0), card("NAXIS", 999_999_999))


BAD = {
    "rows without bytes": (lambda: table(0, 10**8, "0A"), "have no bytes"),
    "arrays of one heap": (shared_heap, "holds more than 1 GiB"),
    "short texts": (
        lambda: gzip.compress(table(1, 17 * 10**6, "1A", bytes(17 * 10**6)), 1),
        "holds more than 1 GiB",
    ),
    "bits": (
        lambda: table(2, 10**7, "16X", bytes(2 * 10**7)),
        "holds more than 1 GiB",
    ),
    "columns": (
        lambda: table(8, 1, "8A", b"abcdefgh", fields=999_999_999),
        "TFIELDS = 999999999",
    ),
    "axes": (many_axes, "NAXIS = 999999999"),
    "negative rows": (lambda: table(8, -720, "8A"), "negative size"),
    "few negative rows": (lambda: table(1, -1, "1A", heap=b"ab"), "-1 rows"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_declares_too_much_is_one_error_at_once(tmp_path, monkeypatch, kind):
    make, what = BAD[kind]
    path = tmp_path / "t.fits"
    path.write_bytes(make())

    def read(*args, **kwargs):
        raise AssertionError("the columns were read")

    monkeypatch.setattr(fits_tables.Table, "read", read)
    start = time.thread_time()
    with pytest.raises(TableError, match=what) as caught:
        read_table_file(path)
    assert time.thread_time() - start < 10
    assert caught.value.path == path
    assert caught.value.remedy


@pytest.mark.parametrize("filler", [b" ", b"\0"])
def test_bytes_after_the_last_hdu_are_kept(tmp_path, filler):
    path = tmp_path / "t.fits"
    path.write_bytes(table(8, 1, "8A", b"abcdefgh") + filler * 2880)
    file = read_table_file(path)
    assert file.values["image_name"].tolist() == ["abcdefgh"]
    with (tmp_path / "copy.fits").open("wb") as stream:
        file.write(stream, {})
    assert (tmp_path / "copy.fits").read_bytes() == path.read_bytes()


def test_ordinary_arrays_of_variable_length_are_read(tmp_path):
    arrays = np.array([np.arange(3), np.arange(5)], dtype=object)
    columns = [
        fits.Column("image_name", "8A", array=["a", "b"]),
        fits.Column("shape", "PJ()", array=arrays),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "t.fits")
    assert read_table_file(tmp_path / "t.fits").values["image_name"].tolist() == [
        "a",
        "b",
    ]


@pytest.mark.parametrize(
    ("form", "cells", "what"),
    [
        ("8X", [[True] * 8] * 2, "'Label' holds bits"),
        ("2J", [[0, 1], [1, 1]], "'Label' holds several values per cell"),
    ],
)
def test_a_needed_column_without_single_values_is_named(tmp_path, form, cells, what):
    columns = [
        fits.Column("image_name", "8A", array=["a", "b"]),
        fits.Column("grid_x", "J", array=[0, 0]),
        fits.Column("grid_y", "J", array=[0, 0]),
        fits.Column("Label", form, array=np.array(cells)),
        fits.Column("preds", "J", array=[0, 1]),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "t.fits")
    with pytest.raises(TableError, match=f"no column label; {what}; the columns"):
        read_predictions(tmp_path / "t.fits")
