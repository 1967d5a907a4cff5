"""Any exception of a decoder becomes one error in plain words."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from napari_artifact_review.core.decoders import decoding
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.full_image import (
    ImageHdu,
    hdu_keys,
    matching_hdus,
)


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (FileNotFoundError(2, "No such file"), "there is no such file"),
        (PermissionError(13, "Permission denied"), "permission is denied"),
        (EOFError("x"), "compressed data are cut short or damaged"),
        (KeyError("ZCMPTYPE"), "'ZCMPTYPE' (KeyError)"),
        (struct.error("unpack requires 4 bytes.\nmore"), "requires 4 bytes (error)"),
        (MemoryError(), "cannot be read: MemoryError"),
        (RecursionError("too deep"), "too deep (RecursionError)"),
    ],
)
def test_any_exception_becomes_one_error_with_its_cause(error, what):
    with pytest.raises(ImageError) as caught, decoding(Path("a.fits"), "HDU 1"):
        raise error
    assert caught.value.what.endswith(what)
    assert caught.value.path == Path("a.fits")
    assert caught.value.where == "HDU 1"
    assert caught.value.remedy
    assert caught.value.__cause__ is error


def test_an_image_error_gets_its_place_once():
    outer, inner = Path("outer"), Path("inner")
    with pytest.raises(ImageError) as caught, decoding(outer), decoding(inner, "HDU 2"):
        raise ImageError("odd", remedy="Mend it")
    assert (caught.value.path, caught.value.where) == (inner, "HDU 2")
    assert (caught.value.what, caught.value.remedy) == ("odd", "Mend it")


def hdus_of(*named):
    """Return a primary HDU, and others with these names and versions."""
    named = (("PRIMARY", 1), *named)
    return [
        ImageHdu(i, name, (9, 9), version) for i, (name, version) in enumerate(named)
    ]


@pytest.mark.parametrize(
    ("named", "keys"),
    [
        ([("SCI", 1), ("DQ", 1)], ["SCI", "DQ"]),
        ([("SCI", 2), ("SCI", 1)], ["SCI,2", "SCI,1"]),
        ([("SCI", 2)], ["SCI,2"]),
        ([("SCI", 1), ("sci", 1), ("", 1)], [1, 2, 3]),
        ([("A", 2), ("A,2", 1)], [1, "A,2"]),
    ],
    ids=str,
)
def test_the_key_of_an_hdu_finds_it_again(named, keys):
    hdus = hdus_of(*named)
    found = hdu_keys(hdus)
    assert list(found.values()) == [0, *keys]
    for hdu in hdus:
        assert matching_hdus(hdus, found[hdu.index]) == [hdu]


@pytest.mark.parametrize("hdu", ["a,2", "A,2", " A,2 "])
def test_a_name_with_a_comma_wins_over_a_version(hdu):
    hdus = hdus_of(("A", 2), ("A,2", 1))
    assert matching_hdus(hdus, hdu) == [hdus[2]]
    assert matching_hdus(hdus[:2], hdu) == [hdus[1]]
