"""Sky coordinates of a pixel."""

from __future__ import annotations

import math
import time
import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.core.images.sky import SkyCoordinates, sexagesimal


def tan_header(**cards: object) -> fits.Header:
    header = fits.Header()
    header.update(
        CTYPE1="RA---TAN",
        CTYPE2="DEC--TAN",
        CRPIX1=50.0,
        CRPIX2=40.0,
        CRVAL1=155.0,
        CRVAL2=-5.2,
        CDELT1=-1e-4,
        CDELT2=1e-4,
        CUNIT1="deg",
        CUNIT2="deg",
        RADESYS="ICRS",
    )
    header.update(cards)
    return header


def separation(radec: tuple[float, float], coord: SkyCoord) -> float:
    """Return the angle between a direction and a coordinate in arcseconds."""
    return float(SkyCoord(*radec, unit="deg").separation(coord).arcsec)


def test_pixels_are_counted_from_0_at_their_centres():
    sky = SkyCoordinates.from_header(tan_header())
    assert sky.radec(49, 39) == pytest.approx((155.0, -5.2), abs=1e-12)
    assert sky.text(49, 39) == "RA 10:20:00.00  Dec -05:12:00.0"
    ra, dec = sky.radec(49, 139)
    assert (ra, dec) == pytest.approx((155.0, -5.19), abs=1e-9)
    assert sky.radec(-51, 39)[0] > 155


@pytest.mark.parametrize(
    ("cards", "frame"),
    [
        ({"RADESYS": "FK5", "EQUINOX": 2000.0}, "fk5"),
        ({"RADESYS": "FK5", "EQUINOX": 1975.0}, "fk5"),
        ({"RADESYS": "FK4", "EQUINOX": 1950.0}, "fk4"),
        ({"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"}, "galactic"),
    ],
)
def test_other_frames_are_converted_to_icrs(cards, frame):
    sky = SkyCoordinates.from_header(tan_header(**cards))
    options = {"equinox": f"J{cards['EQUINOX']}"} if frame == "fk5" else {}
    there = SkyCoord(155.0, -5.2, unit="deg", frame=frame, **options)
    assert separation(sky.radec(49, 39), there.icrs) < 1e-6


def test_right_ascension_runs_from_0_to_360():
    west = SkyCoordinates.from_header(tan_header(CRVAL1=350.0))
    assert west.radec(49, 39) == pytest.approx((350.0, -5.2))


def test_the_order_of_the_axes_does_not_matter():
    swapped = tan_header(CTYPE1="DEC--TAN", CTYPE2="RA---TAN", CRVAL1=-5.2, CRVAL2=155)
    assert SkyCoordinates.from_header(swapped).radec(49, 39) == pytest.approx(
        (155.0, -5.2)
    )


def test_a_cube_has_the_sky_of_its_planes():
    cube = tan_header(NAXIS=3, CTYPE3="FREQ", CRVAL3=1e9, CDELT3=1e6, CRPIX3=1)
    assert SkyCoordinates.from_header(cube).radec(49, 39) == pytest.approx(
        (155.0, -5.2)
    )


def test_axes_that_are_not_the_images_have_no_sky():
    turned = tan_header(CTYPE3="DEC--TAN", CRVAL3=-5.2, CDELT3=1e-4, CRPIX3=1)
    turned.update(NAXIS=3, CTYPE2="FREQ", CRVAL2=1e9, CDELT2=1e6, CUNIT2="Hz")
    assert SkyCoordinates.from_header(turned) is None
    assert SkyCoordinates.from_header(fits.Header()) is None
    assert SkyCoordinates.from_header(tan_header(CTYPE1="X", CTYPE2="Y")) is None


def test_nothing_is_said_where_the_projection_ends():
    whole_sky = tan_header(
        CTYPE1="RA---AIT", CTYPE2="DEC--AIT", CDELT1=-4.0, CDELT2=4.0, CRVAL2=0.0
    )
    sky = SkyCoordinates.from_header(whole_sky)
    assert sky.radec(49, 39) == pytest.approx((155.0, 0.0), abs=1e-9)
    for x, y in ((0, 0), (math.nan, 1), (math.inf, 1)):
        assert sky.radec(x, y) is None
        assert sky.text(x, y) == ""


def test_distortion_counts():
    sip = tan_header(CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", A_ORDER=2, B_ORDER=2)
    sip.update(A_2_0=1e-4, B_0_2=2e-4, A_1_1=0.0, B_1_1=0.0)
    sky = SkyCoordinates.from_header(sip)
    expected = WCS(sip).pixel_to_world(80, 70)
    assert separation(sky.radec(80, 70), expected) < 1e-6
    straight = SkyCoordinates.from_header(tan_header()).radec(80, 70)
    assert separation(straight, expected) > 0.03


def test_scamp_polynomials_beside_sip_are_left_out_as_astropy_does():
    both = tan_header(CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", A_ORDER=2)
    both.update(B_ORDER=2, A_2_0=1e-4, B_0_2=2e-4, PV1_1=1.01, PV1_5=0.1, PV2_1=1.01)
    sip = both.copy()
    del sip["PV*"]
    expected = SkyCoordinates.from_header(sip).radec(80, 70)
    assert SkyCoordinates.from_header(both).radec(80, 70) == pytest.approx(expected)


def test_a_wcs_that_cannot_be_built_is_one_error():
    for cards in ({"CDELT1": 0.0}, {"CTYPE2": "DEC--SIN"}, {"RADESYS": "NOWHERE"}):
        with pytest.raises(ImageError, match="no sky coordinates: "):
            SkyCoordinates.from_header(tan_header(**cards))


def test_distortion_tables_in_other_hdus_count(tmp_path):
    primary = fits.PrimaryHDU(np.zeros((80, 100), np.float32))
    primary.header.update(tan_header())
    tables = []
    for axis in (1, 2):
        primary.header[f"CPDIS{axis}"] = "Lookup"
        for record in (f"EXTVER: {axis}", "NAXES: 2", "AXIS.1: 1", "AXIS.2: 2"):
            primary.header.append(fits.Card(f"DP{axis}", record))
        half = np.full((8, 8), 0.5, np.float32)
        tables.append(fits.ImageHDU(half, name="WCSDVARR", ver=axis))
        tables[-1].header.update(CRPIX1=1, CRPIX2=1, CRVAL1=1, CRVAL2=1)
        tables[-1].header.update(CDELT1=20, CDELT2=20)
    fits.HDUList([primary, *tables]).writeto(tmp_path / "acs.fits")
    sky = read_image(tmp_path / "acs.fits").sky
    assert sky.radec(48.5, 38.5) == pytest.approx((155.0, -5.2), abs=1e-9)


def test_a_mouse_move_is_fast_enough():
    sky = SkyCoordinates.from_header(tan_header(RADESYS="FK5", EQUINOX=2000.0))
    fastest = math.inf
    for _ in range(5):
        start = time.perf_counter()
        for x in range(100):
            sky.text(x, x)
        fastest = min(fastest, time.perf_counter() - start)
    assert fastest / 100 < 3e-4


@pytest.mark.parametrize(
    ("ra", "dec", "text"),
    [
        (155.125500, -5.209278, "RA 10:20:30.12  Dec -05:12:33.4"),
        (359.99999999, 89.99999999, "RA 00:00:00.00  Dec +90:00:00.0"),
        (14.99999999, 0.99999999, "RA 01:00:00.00  Dec +01:00:00.0"),
        (0, -1e-9, "RA 00:00:00.00  Dec +00:00:00.0"),
        (0, -0.5, "RA 00:00:00.00  Dec -00:30:00.0"),
    ],
)
def test_sexagesimal_carries_and_signs(ra, dec, text):
    assert sexagesimal(ra, dec) == text


@given(st.floats(0, 360, exclude_max=True), st.floats(-90, 90))
def test_sexagesimal_is_what_astropy_reads(ra, dec):
    _, hours, _, degrees = sexagesimal(ra, dec).split()
    read = SkyCoord(hours, degrees, unit=(u.hourangle, u.deg))
    assert separation((ra, dec), read) < 0.1


def test_real_headers_agree_with_astropy(shared_data):
    for name, hdu in {
        "sdss/images/frame-u-001035-6-0017.fits.bz2": 0,
        "fits/panoptes_solved.fits.fz": 1,
        "fits/astropydata_gc_bolocam_gps_NaN.fits": 0,
        "fits/lsstafw_exposure-noversion.fits": 1,
    }.items():
        sky = read_image(shared_data / name).sky
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(fits.getheader(shared_data / name, hdu))
        for x, y in ((0, 0), (500.25, 300.75)):
            assert separation(sky.radec(x, y), wcs.pixel_to_world(x, y).icrs) < 1e-6


@pytest.mark.parametrize("angle", [0, 30, 90, 200])
@pytest.mark.parametrize("mirrored", [False, True])
def test_north_and_east_are_where_astropy_finds_them(angle, mirrored):
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = 359.999, 60.0
    header["CRPIX1"], header["CRPIX2"] = 50.0, 50.0
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    across = 1 if mirrored else -1
    header["CD1_1"], header["CD1_2"] = across * cos * 1e-3, -sin * 1e-3
    header["CD2_1"], header["CD2_2"] = across * sin * 1e-3, cos * 1e-3
    sky = SkyCoordinates.from_header(header)
    wcs = WCS(header)
    here = wcs.pixel_to_world(20.0, 70.0)
    north, east = sky.directions(20.0, 70.0)
    for direction, position_angle in ((north, 0 * u.deg), (east, 90 * u.deg)):
        there = here.directional_offset_by(position_angle, 1e-4 * u.deg)
        step = np.array(wcs.world_to_pixel(there)) - (20.0, 70.0)
        assert np.allclose(step / np.hypot(*step), direction, atol=1e-3)
