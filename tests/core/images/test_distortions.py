"""Tables of other HDUs that a WCS reads, of any size."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review.core.images.fits import read_fits, read_sky

SKY = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRVAL1": 10.0,
    "CRVAL2": 20.0,
    "CRPIX1": 5.0,
    "CRPIX2": 5.0,
    "CDELT1": -0.01,
    "CDELT2": 0.01,
}


def with_lookup(path, table, *, is_used=True):
    """Write an image whose WCS refers to tables of distortion."""
    header = fits.Header(SKY)
    for axis in (1, 2) if is_used else ():
        header[f"CPDIS{axis}"] = "LOOKUP"
        for text in ("EXTVER: 1.0", "NAXES: 2.0", "AXIS.1: 1.0", "AXIS.2: 2.0"):
            header.append((f"DP{axis}", text))
    for name in ("CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", "CDELT1", "CDELT2"):
        table.header[name] = 1.0
    image = fits.ImageHDU(np.ones((10, 10), "f4"), header, name="SCI")
    fits.HDUList([fits.PrimaryHDU(), image, table]).writeto(path)
    return path


def enlarged(path, *names):
    """Make the last HDU declare sides of 9,000 pixels, which it does not hold."""
    content = bytearray(path.read_bytes())
    for name in names:
        at = content.rindex(f"{name:8}=".encode())
        content[at + 10 : at + 30] = b"%20d" % 9000
    path.write_bytes(content)
    return path


def small_table(compressed):
    pixels = np.zeros((20, 20), "f4" if not compressed else "i2")
    if compressed:
        return fits.CompImageHDU(pixels, compression_type="GZIP_1", name="WCSDVARR")
    return fits.ImageHDU(pixels, name="WCSDVARR")


@pytest.mark.parametrize("compressed", [False, True])
def test_tables_beyond_the_limit_cost_the_position_only(tmp_path, compressed):
    path = with_lookup(tmp_path / "a.fits", small_table(compressed))
    assert read_fits(path, "SCI").sky is not None
    prefix = "Z" if compressed else ""
    names = [f"{prefix}NAXIS1", f"{prefix}NAXIS2"]
    if compressed:
        names += ["ZTILE1", "ZTILE2"]
    image = read_fits(enlarged(path, *names), "SCI")
    assert image.sky is None
    assert read_sky(path, "SCI")[0] is None
    assert any("tables of its WCS take more than 64 MiB" in n for n in image.notes)


def test_tables_that_the_wcs_does_not_use_do_not_matter(tmp_path):
    path = with_lookup(tmp_path / "a.fits", small_table(False), is_used=False)
    assert read_fits(enlarged(path, "NAXIS1", "NAXIS2"), "SCI").sky is not None


def test_a_compressed_table_with_a_bad_tile_costs_the_position_only(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 999, (20, 20)).astype("i4")
    table = fits.CompImageHDU(
        pixels, compression_type="HCOMPRESS_1", tile_shape=(20, 20), name="WCSDVARR"
    )
    path = with_lookup(tmp_path / "a.fits", table)
    with fits.open(path, disable_image_compression=True) as hdus:
        start = hdus[2].fileinfo()["datLoc"]
        size = hdus[2].header["NAXIS1"] * hdus[2].header["NAXIS2"]
    content = bytearray(path.read_bytes())
    content[start + size + 2 : start + size + 6] = (2**20).to_bytes(4, "big")
    path.write_bytes(content)
    image = read_fits(path, "SCI")
    assert image.sky is None
    assert any("a tile does not hold what it declares" in n for n in image.notes)
