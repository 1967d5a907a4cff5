"""Headers whose WCS is incomplete, contradicts itself, or has texts for numbers."""

from __future__ import annotations

import pytest
from astropy.io import fits

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.sky import SkyCoordinates
from napari_artifact_review.core.images.wcs_header import inherited

PLACE = (
    "CTYPE1  = 'RA---TAN'",
    "CTYPE2  = 'DEC--TAN'",
    "CRVAL1  = 150.0",
    "CRVAL2  = 20.0",
    "CRPIX1  = 5.0",
    "CRPIX2  = 5.0",
)
CD = ("CD1_1   = -1E-4", "CD1_2   = 0.0", "CD2_1   = 0.0", "CD2_2   = 1E-4")
CDELT = ("CDELT1  = -1E-4", "CDELT2  = 1E-4")


def header_of(*cards):
    """Return a header with the cards as they are, which astropy would correct."""
    head = ["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 9", "NAXIS2  = 9"]
    return fits.Header.fromstring("".join(card.ljust(80) for card in (*head, *cards)))


def sky_of(*cards):
    return SkyCoordinates.from_header(header_of(*cards))


@pytest.mark.parametrize(
    ("cards", "what"),
    [
        (CD[:3], "no number for CD2_2"),
        (CD[1:], "no number for CD1_1"),
        (("CD1_1   = 0.0", "CD2_2   = 0.0"), "CD matrix has no inverse"),
        ([f"CD{n}   = 1E-4" for n in ("1_1", "1_2", "2_1", "2_2")], "no inverse"),
        ((*CD, "PC1_1   = 1.0", "PC2_2   = 1.0"), "both CD and PC"),
        (("PC1_2   = 0.0",), "no number for CDELT1"),
        ([f"PC{n}   = 1.0" for n in ("1_1", "2_2")], "no number for CDELT1"),
        (
            ("PC1_1   = -1.0", "PC1_2   = 0.0", "PC2_1   = 0.0", "PC2_2   = 1.0"),
            "no number for CDELT1",
        ),
        ((CDELT[0], "CDELT2  = 0.0"), "singular|no inverse"),
    ],
)
def test_a_scale_that_is_not_determined_is_no_position_and_a_notice(cards, what):
    with pytest.raises(ImageError, match=what) as caught:
        sky_of(*PLACE, *cards)
    assert caught.value.what.startswith("no sky coordinates: ")


def test_missing_elements_beside_a_whole_diagonal_are_zero():
    found = sky_of(*PLACE, CD[0], CD[3]).radec(9, 6)
    assert found == sky_of(*PLACE, *CD).radec(9, 6)
    assert found == pytest.approx((149.99946791, 20.0002), abs=1e-7)


@pytest.mark.parametrize(
    ("own", "primary", "kept"),
    [
        (CD, ("PC1_1   = 1.0", "CDELT1  = 1.0", "CROTA2  = 90.0"), ()),
        (CDELT, CD, ()),
        (("PC1_1   = 1.0", *CDELT), ("CD001001= 1.0", "CRVAL1  = 150.0"), ("CRVAL1",)),
        ((), CD, ("CD1_1", "CD1_2", "CD2_1", "CD2_2")),
    ],
)
def test_scale_and_rotation_come_from_one_header(own, primary, kept):
    header = header_of("INHERIT = T", *own)
    empty = fits.Header([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 0)])
    empty.extend(header_of(*primary).cards[5:])
    assert tuple(inherited(header, empty))[len(header) :] == kept


@pytest.mark.parametrize(
    ("scale", "card"),
    [
        (CD, "LONPOLE = '90.'"),
        (CD, "LATPOLE = T"),
        (CDELT, "CROTA2  = '90.'"),
        (CD, "CRVAL1  = 1.0E400"),
        (CD, "CRPIX1  = NaN"),
        (CD, "EQUINOX = 0.0"),
        (CD, "EQUINOX = '1950.0'"),
        (CD, "A_2_0   = '1E-5'"),
        (CD, "PV1_1   = '1.0'"),
    ],
)
def test_a_keyword_of_the_wcs_that_is_no_number_is_named(scale, card):
    with pytest.raises(ImageError, match=card[:8].strip()) as caught:
        sky_of(*PLACE, *scale, card)
    assert caught.value.what.startswith("no sky coordinates: its ")


@pytest.mark.parametrize(
    "cards",
    [
        ("EQUINOX = 2000",),
        ("EQUINOX = 1950.0",),
        ("EQUINOX =",),
        ("EQUINOX = 0.0", "RADESYS = 'ICRS'"),
    ],
)
def test_an_equinox_that_is_a_year_or_does_not_matter_is_no_error(cards):
    assert sky_of(*PLACE, *CD, *cards) is not None


def test_a_card_of_the_convention_hierarch_is_no_card_of_the_wcs():
    with pytest.raises(ImageError, match="no number for CRVAL1"):
        sky_of(*PLACE[:2], *PLACE[3:], *CD, "HIERARCH CRVAL1 = 150.0")
    sky = sky_of(*PLACE, *CD, "HIERARCH LONPOLE = 'x'")
    assert sky.radec(4, 4) == pytest.approx((150, 20))


@pytest.mark.parametrize("suffixed", [(), (0,), (1,), (0, 1)])
def test_sip_terms_with_one_suffix_are_used_with_a_notice(suffixed):
    place = list(PLACE)
    for at in suffixed:
        place[at] = place[at].replace("TAN", "TAN-SIP")
    sky = sky_of(*place, *CD, "A_ORDER = 2", "B_ORDER = 2", "A_2_0   = 1E-1")
    assert sky.lacks_suffix == (len(suffixed) < 2)
    assert sky.radec(8, 4) == pytest.approx((149.99940407, 20), abs=1e-5)


def test_an_error_of_wcslib_is_its_reason():
    projection = (PLACE[0].replace("TAN", "XXX"), PLACE[1].replace("TAN", "XXX"))
    with pytest.raises(ImageError) as caught:
        sky_of(*projection, *PLACE[2:], *CD)
    assert "ERROR" not in caught.value.what
    assert "line" not in caught.value.what
