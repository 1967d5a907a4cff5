"""FITS files as archives have them: odd headers, blocks, axes and incomplete WCS."""

from __future__ import annotations

import bz2
import gzip
import warnings

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core import decoders
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.fits import read_fits
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels
from tests.nightly import many

PIXELS = np.arange(12, dtype=">i2").reshape(3, 4)
BASE = (
    "SIMPLE  = T",
    "BITPIX  = 16",
    "NAXIS   = 2",
    "NAXIS1  = 4",
    "NAXIS2  = 3",
)
WCS = (
    "CTYPE1  = 'RA---TAN'",
    "CTYPE2  = 'DEC--TAN'",
    "CRVAL1  = 150.0",
    "CRVAL2  = 2.0",
    "CRPIX1  = 2.0",
    "CRPIX2  = 2.0",
    "CD1_1   = -1E-4",
    "CD2_2   = 1E-4",
)


def unit(cards, data=b""):
    """Return an HDU with the cards as they are, which astropy would correct."""
    head = b"".join(card.encode("latin-1").ljust(80) for card in (*cards, "END"))
    return padded(head, b" ") + padded(data, b"\0")


def padded(data, by):
    return data + by * (-len(data) % 2880)


def file_of(folder, cards, data=PIXELS, after=b"", compress=bytes):
    path = folder / "a.fits"
    path.write_bytes(compress(unit(cards, data.tobytes()) + after))
    return path


def pixels_of(path):
    return np.asarray(read_fits(path).pixels[:])


@pytest.fixture
def as_large(monkeypatch):
    """Read every image as a large one, tile by tile."""
    monkeypatch.setattr(decoders, "MOST_PIXELS_AT_ONCE", 1)


# One header, one answer

NUMBERS = st.sampled_from(["2.0", "1.0D1", "1.0D-1", "-3", "0.5E1", "32768", "100.0"])
SCALING = st.lists(
    st.tuples(st.sampled_from(["BSCALE", "BZERO"]), NUMBERS)
    | st.tuples(st.just("BLANK"), st.sampled_from(["3", "0", "-1", "'3'", "3.0"])),
    max_size=5,
)


@given(SCALING)
@settings(max_examples=many(60, 1000, few=25))
def test_large_and_small_images_have_the_same_pixels(tmp_path_factory, scaling):
    cards = [f"{name:8}= {value}" for name, value in scaling]
    path = file_of(tmp_path_factory.mktemp("odd"), [*BASE, *cards])
    if any(name == "BLANK" and value in ("'3'", "3.0") for name, value in scaling):
        with pytest.raises(ImageError, match=r"its BLANK is .*, not a whole number"):
            read_fits(path)
        return
    small = pixels_of(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoders, "MOST_PIXELS_AT_ONCE", 1)
        image = read_fits(path)
        assert isinstance(image.pixels, LazyPixels)
        large = np.asarray(image.pixels[:])
    assert small.dtype == large.dtype
    assert np.array_equal(small, large, equal_nan=small.dtype.kind == "f")


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("large", [False, True])
def test_blank_is_no_value_in_unsigned_integers_too(tmp_path, bits, large, request):
    if large:
        request.getfixturevalue("as_large")
    cards = [*BASE, f"BZERO   = {2 ** (bits - 1)}", "BLANK   = 3"]
    cards[1] = f"BITPIX  = {bits}"
    found = pixels_of(file_of(tmp_path, cards, PIXELS.astype(f">i{bits // 8}")))
    assert found.dtype.kind == "f"
    assert np.isnan(found[0, 3])
    assert np.isnan(found).sum() == 1
    assert found[0, 2] == 2 ** (bits - 1) + 2


@pytest.mark.parametrize("name", ["BSCALE", "BZERO"])
@pytest.mark.parametrize("value", ["'x'", "T", "(1.0, 2.0)"])
def test_a_scale_that_is_no_number_is_named(tmp_path, name, value):
    path = file_of(tmp_path, [*BASE, f"{name:8}= {value}"])
    with pytest.raises(ImageError, match=f"its {name} is .*, not a number"):
        read_fits(path)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("value", ["T", "'3'", "3.0"])
def test_a_blank_that_is_no_whole_number_is_named(tmp_path, value, large, request):
    if large:
        request.getfixturevalue("as_large")
    path = file_of(tmp_path, [*BASE, f"BLANK   = {value}"])
    with pytest.raises(ImageError, match=r"its BLANK is .*, not a whole number"):
        read_fits(path)


@pytest.mark.parametrize("name", ["BSCALE", "BZERO"])
def test_a_scale_without_a_value_is_named(tmp_path, name):
    with pytest.raises(ImageError, match=f"its {name} has no value"):
        read_fits(file_of(tmp_path, [*BASE, f"{name:8}="]))


@pytest.mark.parametrize("large", [False, True])
def test_a_card_of_the_convention_hierarch_does_not_scale(tmp_path, large, request):
    if large:
        request.getfixturevalue("as_large")
    cards = ["HIERARCH BZERO = 7", "HIERARCH BSCALE = 'x'", "HIERARCH BLANK = T"]
    assert (pixels_of(file_of(tmp_path, [*BASE, *cards])) == PIXELS).all()


@pytest.mark.parametrize("large", [False, True])
def test_signed_bytes_with_a_blank_are_read(tmp_path, large, request):
    if large:
        request.getfixturevalue("as_large")
    cards = [BASE[0], "BITPIX  = 8", *BASE[2:], "BZERO   = -128", "BLANK   = 255"]
    raw = np.array([[0, 1, 127, 128], [129, 254, 255, 0], [1, 2, 3, 4]], "u1")
    found = pixels_of(file_of(tmp_path, cards, raw))
    expected = np.where(raw == 255, np.nan, raw.astype("f4") - 128)
    assert np.array_equal(found, expected, equal_nan=True)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("occurs", [False, True])
def test_integers_of_64_bits_stay_whole_unless_a_pixel_is_blank(
    tmp_path, large, occurs, request
):
    if large:
        request.getfixturevalue("as_large")
    cards = [BASE[0], "BITPIX  = 64", *BASE[2:]]
    cards += ["BZERO   = 9223372036854775808", "BLANK   = -9223372036854775808"]
    raw = (np.arange(12).reshape(3, 4) + 2**53).astype(">i8")
    raw[2, 3] = -(2**63) if occurs else -3
    found = pixels_of(file_of(tmp_path, cards, raw))
    assert np.isnan(found).sum() == occurs
    assert (found.dtype == np.uint64) == (not occurs)
    if not occurs:
        assert (found.astype(object) - 2**63 == raw.astype(object)).all()


# What surrounds the image


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize(
    "after", [b" " * 2880, b" " * 8640, b"\0" * 2880, b"\0" * 2880 + b" " * 2880]
)
def test_blanks_after_the_last_hdu_do_not_matter(tmp_path, after, compress):
    path = file_of(tmp_path, BASE, after=after, compress=compress)
    assert (pixels_of(path) == PIXELS).all()


def test_an_image_whose_last_pixels_are_blanks_is_whole(tmp_path, as_large):
    pixels = np.full((90, 64), 0x2020, ">i2")
    cards = [*BASE[:3], "NAXIS1  = 64", "NAXIS2  = 90"]
    assert (pixels_of(file_of(tmp_path, cards, pixels)) == pixels).all()


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("large", [False, True])
def test_a_file_that_does_not_conform_is_read_all_the_same(
    tmp_path, compress, large, request
):
    if large:
        request.getfixturevalue("as_large")
    path = file_of(tmp_path, ["SIMPLE  = F", *BASE[1:]], compress=compress)
    assert (pixels_of(path) == PIXELS).all()


def test_tiles_of_a_file_that_does_not_conform(tmp_path, as_large):
    path = tmp_path / "a.fits"
    pixels = np.arange(1200, dtype=np.int16).reshape(30, 40)
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(pixels)])
    hdus.writeto(path)
    whole = bytearray(path.read_bytes())
    whole[whole.index(b"T")] = ord("F")
    path.write_bytes(whole + b" " * 2880)
    assert (pixels_of(path) == pixels).all()


EXTENSION = ("XTENSION= 'IMAGE'", *BASE[1:], "PCOUNT  = 0", "GCOUNT  = 1")
PRIMARY = (BASE[0], BASE[1], "NAXIS   = 0")


@pytest.mark.parametrize("value", ["'two'", "", "2.5", "T", "???"])
def test_a_version_that_is_no_whole_number_is_1(tmp_path, value):
    path = tmp_path / "a.fits"
    cards = [*EXTENSION, "EXTNAME = 'SCI'", f"EXTVER  = {value}"]
    path.write_bytes(unit(PRIMARY) + unit(cards, PIXELS.tobytes()))
    image = read_fits(path, "SCI,1")
    assert (image.pixels == PIXELS).all()
    assert image.hdus[0].version == 1


@pytest.mark.parametrize("value", ["NaN", "???"])
def test_an_hdu_whose_scale_cannot_be_read_is_named_with_its_card(tmp_path, value):
    path = tmp_path / "a.fits"
    cards = [*EXTENSION, f"BSCALE  = {value}"]
    path.write_bytes(unit(PRIMARY) + unit(cards, PIXELS.tobytes()))
    with pytest.raises(ImageError, match=r"HDU 1 cannot be read: its card BSCALE"):
        read_fits(path)


def test_a_card_that_cannot_be_read_is_named_without_advice_for_programmers(tmp_path):
    image = read_fits(file_of(tmp_path, [*BASE, "BUNIT   = ???"]))
    assert image.notes == ("no unit: its card BUNIT has no value that can be read",)


# Axes


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ((4, 3, 1), (3, 4)),
        ((4, 3, 1, 1), (3, 4)),
        ((1, 4, 3), (3, 4)),
        ((4, 1, 3), (3, 4)),
        ((4, 1), (1, 4)),
        ((2, 3, 2), (3, 2)),
    ],
)
def test_axes_of_length_1_are_dropped(tmp_path, axes, shape, large, request):
    if large:
        request.getfixturevalue("as_large")
    cards = [*BASE[:2], f"NAXIS   = {len(axes)}"]
    cards += [f"NAXIS{i}  = {length}" for i, length in enumerate(axes, 1)]
    found = pixels_of(file_of(tmp_path, cards, PIXELS))
    assert found.shape == shape
    assert found.ravel().tolist() == list(range(shape[0] * shape[1]))


@pytest.mark.parametrize("large", [False, True])
def test_tiles_with_an_axis_of_length_1(tmp_path, large, request):
    if large:
        request.getfixturevalue("as_large")
    pixels = np.arange(1200, dtype=np.int16).reshape(30, 1, 40)
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(pixels)]).writeto(path)
    assert (pixels_of(path) == pixels[:, 0]).all()


def test_an_image_with_an_axis_of_length_1_comes_before_a_cube(tmp_path):
    path = tmp_path / "a.fits"
    cube, image = np.zeros((5, 3, 4), "f4"), np.ones((1, 3, 4), "f4")
    fits.HDUList([fits.PrimaryHDU(cube), fits.ImageHDU(image, name="SCI")]).writeto(
        path
    )
    assert read_fits(path).hdu == 1
    assert not any("plane" in note for note in read_fits(path).notes)


def test_a_wcs_of_a_dropped_axis_is_no_position(tmp_path):
    cards = [*BASE[:2], "NAXIS   = 3", "NAXIS1  = 1", "NAXIS2  = 4", "NAXIS3  = 3"]
    assert read_fits(file_of(tmp_path, [*cards, *WCS])).sky is None


# The sky


def test_the_whole_wcs_is_a_position(tmp_path):
    image = read_fits(file_of(tmp_path, [*BASE, *WCS]))
    assert image.sky.text(1, 1) == "RA 10:00:00.00  Dec +02:00:00.0"
    assert image.notes == ()


@pytest.mark.parametrize("at", range(2, 8))
@pytest.mark.parametrize("value", [None, "'150'", "T", "''"])
def test_an_incomplete_wcs_is_no_position_and_a_notice(tmp_path, at, value):
    cards, keyword = list(WCS), WCS[at][:8]
    cards[at : at + 1] = [] if value is None else [f"{keyword}= {value}"]
    image = read_fits(file_of(tmp_path, [*BASE, *cards]))
    assert image.sky is None
    [note] = image.notes
    assert "no sky coordinates" in note
    assert keyword.strip() in note


@pytest.mark.parametrize(
    ("scale", "is_known"),
    [
        (["CDELT1  = -1E-4", "CDELT2  = 1E-4"], True),
        (["CDELT1  = -1E-4"], False),
        (["PC1_1   = -1E-4", "PC1_2   = 0", "PC2_1   = 0", "PC2_2   = 1E-4"], True),
        (["PC1_1   = -1E-4", "PC2_2   = 1E-4"], False),
        (["CDELT1  = '1'", "PC1_1   = -1E-4", "PC2_2   = 1E-4"], False),
        (["CD1_1   = -1E-4"], False),
        ([], False),
    ],
)
def test_a_scale_may_be_given_in_each_way_of_the_standard(tmp_path, scale, is_known):
    image = read_fits(file_of(tmp_path, [*BASE, *WCS[:6], *scale]))
    assert (image.sky is not None) == is_known
    assert len(image.notes) == (not is_known)


@pytest.mark.parametrize("card", ["OBJECT  = 'a\tb'", "OBSERVER= 'Jos\xe9'", "X=\x01"])
def test_an_odd_card_elsewhere_does_not_cost_the_wcs(tmp_path, card):
    image = read_fits(file_of(tmp_path, [*BASE, card, *WCS]))
    assert image.sky is not None
    assert image.notes == ()


def test_an_odd_card_of_the_wcs_is_named(tmp_path):
    cards = [*WCS[:2], "CRVAL1  = '1\t5'", *WCS[3:]]
    image = read_fits(file_of(tmp_path, [*BASE, *cards]))
    assert image.sky is None
    assert "CRVAL1" in image.notes[0]


@pytest.mark.parametrize(("inherit", "data"), [("T", False), ("F", False), ("T", True)])
def test_a_wcs_and_a_unit_are_inherited_from_an_empty_primary(tmp_path, inherit, data):
    primary = [BASE[0], BASE[1], "NAXIS   = 0", "EXTEND  = T", *WCS, "BUNIT   = 'Jy'"]
    primary = [*BASE, *primary[3:]] if data else primary
    extension = ["XTENSION= 'IMAGE'", *BASE[1:], "PCOUNT  = 0", "GCOUNT  = 1"]
    extension += [f"INHERIT = {inherit}", "EXTNAME = 'SCI'"]
    path = tmp_path / "a.fits"
    content = unit(primary, PIXELS.tobytes() if data else b"")
    path.write_bytes(content + unit(extension, PIXELS.tobytes()))
    image = read_fits(path, "SCI")
    assert (image.sky is not None) == (inherit == "T" and not data)
    assert image.unit == ("Jy" if inherit == "T" and not data else "")


def test_sip_terms_without_their_suffix_are_used_and_told_once(tmp_path, capfd):
    terms = ["A_ORDER = 2", "B_ORDER = 2", "A_2_0   = 1E-1", "B_0_2   = 0"]
    suffix = [card.replace("TAN", "TAN-SIP") for card in WCS]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = read_fits(file_of(tmp_path, [*BASE, *WCS, *terms]))
        complete = read_fits(file_of(tmp_path, [*BASE, *suffix, *terms]))
    assert image.sky.radec(3, 2) == complete.sky.radec(3, 2)
    assert image.sky.radec(3, 2) != image.sky.radec(2, 2)
    [note] = image.notes
    assert "no suffix -SIP" in note
    assert complete.notes == ()
    assert capfd.readouterr() == ("", "")
