"""Full images in FITS files: as astropy reads them, or one error."""

from __future__ import annotations

import bz2
import gzip
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review.core import decoders
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.fits import add_sky, read_fits
from napari_artifact_review.core.images.folder import ImageHdu, read_image
from napari_artifact_review.core.review.check import check_review
from napari_artifact_review.core.tiled import lazy_pixels, sources
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels
from napari_artifact_review.core.tiled.pyramid_folder import PyramidFolder
from tests.core.tiled.large import mean, shows, threads, until

SKY = np.random.default_rng(1).normal(100, 5, (30, 40)).astype(np.float32)
COUNTS = SKY.astype(np.int16)


def same(pixels: np.ndarray, expected: np.ndarray) -> bool:
    assert pixels.dtype == expected.dtype.newbyteorder("=")
    assert pixels.dtype.isnative
    assert pixels.flags.writeable
    root = pixels
    while isinstance(root.base, np.ndarray):
        root = root.base
    assert not isinstance(root, np.memmap)
    assert root.flags.owndata
    assert root.nbytes == pixels.nbytes
    np.testing.assert_array_equal(pixels, expected)
    return True


def written(path: Path, *hdus: object) -> Path:
    fits.HDUList(list(hdus)).writeto(path, overwrite=True)
    return path


def table(name: str = "CAT") -> fits.BinTableHDU:
    return fits.BinTableHDU(np.zeros(3, [("a", "f4")]), name=name)


def random_groups() -> fits.GroupsHDU:
    visibilities = np.zeros((2, 3, 4), np.float32)
    baselines = {"parnames": ["UU"], "pardata": [np.zeros(2)]}
    return fits.GroupsHDU(fits.GroupData(visibilities, bitpix=-32, **baselines))


@pytest.mark.parametrize(
    "dtype", ["u1", "i2", "i4", "i8", "f4", "f8", "u2", "u4", "i1"]
)
def test_the_datas_own_type_is_kept(tmp_path, dtype):
    pixels = SKY.astype(dtype)
    image = read_image(written(tmp_path / "a.fits", fits.PrimaryHDU(pixels)))
    assert same(image.pixels, pixels)
    assert image.path == tmp_path / "a.fits"
    assert (image.hdu, image.notes, image.unit, image.sky) == (0, (), "", None)
    assert image.hdus == (ImageHdu(0, "PRIMARY", (30, 40)),)
    assert 80 < image.limits[0] < image.limits[1] < 120


def test_the_first_plane_with_pixels_is_taken_and_the_others_are_offered(tmp_path):
    path = written(
        tmp_path / "a.fits",
        fits.PrimaryHDU(),
        fits.ImageHDU(np.arange(5.0), name="BIAS"),
        table(),
        fits.ImageHDU(SKY, name="SCI"),
        fits.CompImageHDU(COUNTS, name="MASK"),
        fits.ImageHDU(SKY * 2),
    )
    image = read_image(path)
    assert same(image.pixels, SKY)
    assert image.hdu == 3
    assert image.notes == ("HDU 3 (SCI) of 3 images: 3 SCI, 4 MASK, 5",)
    assert [(hdu.index, hdu.name, hdu.shape) for hdu in image.hdus] == [
        (3, "SCI", (30, 40)),
        (4, "MASK", (30, 40)),
        (5, "", (30, 40)),
    ]
    assert same(read_image(path, hdu=5).pixels, SKY * 2)
    assert same(read_image(path, hdu="mask").pixels, COUNTS)
    for wrong in (0, 1, 2, 9, -1, "CAT", "nothing"):
        with pytest.raises(ImageError, match="no image HDU") as caught:
            read_image(path, hdu=wrong)
        assert "3 SCI, 4 MASK, 5" in (caught.value.remedy or "")


@pytest.mark.parametrize("kind", [fits.ImageHDU, fits.CompImageHDU])
def test_a_cube_gives_its_first_plane(tmp_path, kind):
    cube = np.stack([COUNTS, COUNTS + 1, COUNTS + 2]).reshape(1, 3, 30, 40)
    image = read_image(written(tmp_path / "a.fits", fits.PrimaryHDU(), kind(cube)))
    assert same(image.pixels, COUNTS)
    assert image.notes == ("first plane of 3",)
    assert image.hdus[0].shape == (1, 3, 30, 40)
    one = read_image(written(tmp_path / "b.fits", fits.PrimaryHDU(cube[:, :1])))
    assert same(one.pixels, COUNTS)
    assert one.notes == ()


def test_a_plane_is_taken_before_a_cube(tmp_path):
    cube = fits.PrimaryHDU(np.zeros((3, 4, 5), np.float32))
    path = written(tmp_path / "a.fits", cube, fits.ImageHDU(SKY))
    assert read_image(path).hdu == 1
    assert read_image(path, hdu=0).notes[-1] == "first plane of 3"


@pytest.mark.parametrize(
    "method", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "PLIO_1"]
)
def test_tile_compressed_integers_are_exact(tmp_path, method):
    compressed = fits.CompImageHDU(COUNTS, compression_type=method)
    image = read_image(written(tmp_path / "a.fits.fz", fits.PrimaryHDU(), compressed))
    assert same(image.pixels, COUNTS)
    assert image.hdu == 1


def test_tile_compressed_floats_are_what_astropy_reads(tmp_path):
    pixels = SKY.copy()
    pixels[3, 4] = np.nan
    path = written(tmp_path / "a.fits", fits.PrimaryHDU(), fits.CompImageHDU(pixels))
    image = read_image(path)
    assert same(image.pixels, fits.getdata(path, 1))
    assert np.isnan(image.pixels[3, 4])


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress])
def test_the_sky_is_added_to_an_image_that_was_read_without(tmp_path, compress):
    hdu = fits.PrimaryHDU(SKY)
    hdu.header.update(CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRVAL1=15.0, CRVAL2=-1.0)
    hdu.header.update(CRPIX1=1.0, CRPIX2=1.0, CDELT1=-1e-4, CDELT2=1e-4)
    path = written(tmp_path / "a.fits", hdu)
    path.write_bytes(compress(path.read_bytes()))
    thumbnail = read_fits(path, sky=False)
    assert thumbnail.sky is None
    complete = add_sky(thumbnail)
    assert complete.sky is not None
    assert complete.sky.text(0, 0) == read_fits(path).sky.text(0, 0)
    assert same(complete.pixels, SKY)


@pytest.mark.parametrize(
    ("suffix", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress)]
)
def test_compressed_files_and_their_damage(tmp_path, suffix, compress):
    whole = written(tmp_path / "a.fits", fits.PrimaryHDU(SKY)).read_bytes()
    packed = compress(whole)
    for name in (f"b.fits{suffix}", "misnamed.fits"):
        (tmp_path / name).write_bytes(packed)
        assert same(read_image(tmp_path / name).pixels, SKY)
    path = tmp_path / f"b.fits{suffix}"
    middle = len(packed) // 2
    for damage in (
        packed[:-1],
        packed[:middle],
        packed[:5],
        packed[:middle] + b"damage" + packed[middle + 6 :],
        compress(whole[:-2880]),
    ):
        path.write_bytes(damage)
        with pytest.raises(ImageError, match=r"damaged|cut short|cannot be read"):
            read_image(path)
    path.write_bytes(packed[:middle])
    with pytest.raises(ImageError, match="compressed data are cut short or damaged"):
        read_image(path)


def test_scaling_is_astropys(tmp_path):
    hdu = fits.PrimaryHDU(COUNTS.copy())
    hdu.header["BLANK"] = int(COUNTS[2, 3])
    image = read_image(written(tmp_path / "a.fits", hdu))
    assert image.pixels.dtype.kind == "f"
    assert np.isnan(image.pixels[2, 3])
    assert np.isfinite(image.limits).all()
    hdu.header.update(BSCALE=0.5, BZERO=7)
    path = written(tmp_path / "b.fits", hdu)
    assert same(read_image(path).pixels, fits.getdata(path))


def test_unit_and_sky_come_from_the_header(tmp_path):
    hdu = fits.ImageHDU(SKY)
    hdu.header.update(CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRVAL1=15.0, CRVAL2=-1.0)
    hdu.header.update(CRPIX1=1.0, CRPIX2=1.0, CDELT1=-1e-4, CDELT2=1e-4)
    hdu.header["BUNIT"] = " nanomaggy "
    for path in (
        written(tmp_path / "a.fits", fits.PrimaryHDU(), hdu),
        written(
            tmp_path / "b.fits",
            fits.PrimaryHDU(),
            fits.CompImageHDU(COUNTS, header=hdu.header),
        ),
    ):
        image = read_image(path)
        assert image.unit == "nanomaggy"
        assert image.sky.text(0, 0) == "RA 01:00:00.00  Dec -01:00:00.0"
        assert image.notes == ()


def test_a_unit_that_cannot_be_read_costs_a_note_only(tmp_path):
    hdu = fits.PrimaryHDU(SKY)
    hdu.header["BUNIT"] = "count"
    path = written(tmp_path / "a.fits", hdu)
    path.write_bytes(path.read_bytes().replace(b"'count   '", b"'count    "))
    image = read_image(path)
    assert same(image.pixels, SKY)
    assert image.unit == ""
    assert image.notes[0].startswith("no unit: ")


def test_remarks_of_astropy_are_not_shown(tmp_path):
    hdu = fits.PrimaryHDU(SKY)
    hdu.header.update(CTYPE1="RA---TAN", CTYPE2="DEC--TAN", RADECSYS="FK5")
    hdu.header.update(CRVAL1=1.0, CRVAL2=2.0, CRPIX1=1.0, CRPIX2=1.0)
    hdu.header.update(CDELT1=-1e-4, CDELT2=1e-4)
    hdu.header["DATE-OBS"] = "2001-02-03"
    path = written(tmp_path / "a.fits", hdu)
    # A remark would be an error here, and become a note.
    assert read_image(path).notes == ()
    path.write_bytes(path.read_bytes() + b"rest of another file" * 200)
    assert same(read_image(path).pixels, SKY)


@pytest.mark.parametrize(
    "hdus",
    [
        [fits.PrimaryHDU()],
        [fits.PrimaryHDU(), table()],
        [fits.PrimaryHDU(np.arange(5.0))],
        [fits.PrimaryHDU(np.zeros((0, 5))), fits.ImageHDU(np.zeros((5, 0)))],
        [random_groups()],
    ],
    ids=["nothing", "table", "spectrum", "zero width", "random groups"],
)
def test_a_file_without_an_image_is_one_error(tmp_path, hdus):
    path = written(tmp_path / "a.fits", *hdus)
    with pytest.raises(ImageError, match="holds an image with pixels"):
        read_image(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty"),
        (b"hello", "not a FITS file"),
        (b"SIMPLE  =", "cannot be read"),
        (gzip.compress(b"", mtime=0), "the file is empty"),
    ],
)
def test_what_is_no_fits_file_is_one_error(tmp_path, content, what):
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=what) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert caught.value.remedy


def test_missing_padding_loses_no_pixel(tmp_path):
    path = written(tmp_path / "a.fits", fits.PrimaryHDU(SKY))
    with fits.open(path) as hdus:
        end = hdus.fileinfo(0)["datLoc"] + SKY.nbytes
    path.write_bytes(path.read_bytes()[:end])
    assert same(read_image(path).pixels, SKY)


def test_a_wrong_checksum_is_no_reason_to_fail(tmp_path):
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(SKY).writeto(path, checksum=True)
    content = bytearray(path.read_bytes())
    content[2880] ^= 1
    path.write_bytes(content)
    assert read_image(path).pixels.shape == (30, 40)


def test_files_are_closed(tmp_path):
    path = written(tmp_path / "a.fits", fits.PrimaryHDU(SKY))
    broken = tmp_path / "b.fits"
    broken.write_bytes(path.read_bytes()[:3000])
    before = open_files()
    image = read_image(path)
    with pytest.raises(ImageError):
        read_image(broken)
    assert open_files() == before
    path.write_bytes(b"")
    assert same(image.pixels, SKY)


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def refused_of(paths: Iterable[Path]) -> set[str]:
    """Return which files are refused; check that the others open as in astropy."""
    refused = set()
    for path in sorted(paths):
        try:
            image = read_image(path)
        except ImageError as error:
            assert error.path == path  # noqa: PT017 - either may happen
            refused.add(path.name)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                data = fits.getdata(path, image.hdu, memmap=False)
            assert same(image.pixels, data[(0,) * (data.ndim - 2)]), path
            assert image.limits[0] < image.limits[1], path
    return refused


def test_every_file_of_astropy_opens_as_in_astropy_or_gives_one_error():
    """Astropy comes with real and difficult files, more of them in later versions."""
    images = {"blank", "checksum_false", "comp", "double_ext", "scale", "test0"}
    images |= {"arange", "fixed-1890", "o4sp040b0_raw"}
    others = {"btable", "history_header", "random_groups", "tb", "zerowidth"}
    folder = Path(fits.__file__).parent / "tests" / "data"
    refused = {Path(name).stem for name in refused_of(folder.glob("*.fits"))}
    assert refused & (images | others) == others


def test_every_real_file_opens_as_in_astropy_or_gives_one_error(shared_data):
    refused = refused_of((shared_data / "fits").iterdir())
    assert refused == {
        "astropy_random_groups.fits",
        "astropy_tb.fits",
        "astropy_zerowidth.fits",
        "derived_not_fits.fits",
        "derived_truncated_rice.fits.fz",
        "derived_zero_bytes.fits",
    }


@pytest.mark.parametrize(
    ("name", "hdu", "shape", "note"),
    [
        ("astropy_arange.fits", 0, (10, 11), "first plane of 7"),
        ("lsstafw_exposure-noversion.fits", 1, (10, 10), "HDU 1 of 3 images: 1, 2, 3"),
        ("nocdelt.fits", 1, (4, 1024), "HDU 1 (SPECTRUM) of 2 images: 0 PRIMARY"),
    ],
)
def test_real_files_say_what_was_read(shared_data, name, hdu, shape, note):
    image = read_image(shared_data / "fits" / name)
    assert (image.hdu, image.pixels.shape) == (hdu, shape)
    assert any(text.startswith(note) for text in image.notes)


def test_a_real_header_with_odd_cards_has_its_position(shared_data):
    image = read_image(shared_data / "fits" / "image_M12c.fits")
    assert image.pixels.shape == (519, 519)
    # CRVAL1 and CRVAL2 at CRPIX.
    assert image.sky.radec(258.705, 258.705) == pytest.approx(
        (7.59045833333, 4.87761111111), abs=2e-5
    )
    assert image.notes == ()


def test_a_real_cube_with_a_wcs_that_cannot_be_built_opens(shared_data):
    image = read_image(shared_data / "fits" / "nocdelt.fits", hdu=0)
    assert image.pixels.shape == (125, 125)
    assert image.notes[1] == "first plane of 3"
    assert image.notes[2].startswith("no sky coordinates: ")


def test_the_sdss_frames_open(shared_data):
    frames = sorted((shared_data / "sdss" / "images").iterdir())
    assert len(frames) == 12
    for frame in frames:
        image = read_image(frame)
        assert image.pixels.shape == (1489, 2048)
        assert image.pixels.dtype == np.float32
        assert image.unit == "nanomaggy"
        assert image.notes == ()
        assert image.limits[0] < 0 < image.limits[1]
        assert image.sky is not None


# Large ones, which are read as they are looked at


@pytest.fixture
def large(monkeypatch, tmp_path):
    """Treat small images as large, and store their levels in a temporary folder."""
    monkeypatch.setattr(decoders, "MOST_PIXELS_AT_ONCE", 1000)
    folder = PyramidFolder(tmp_path / "pyramids")
    monkeypatch.setattr(PyramidFolder, "of_user", lambda: folder)


WIDE = np.random.default_rng(8).normal(1000, 300, (530, 1040))


def lazy(path: Path, hdu: int | None = None) -> np.ndarray:
    """Check a large image against astropy's own pixels, and return those."""
    image = read_image(path, hdu)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = fits.getdata(path, image.hdu, memmap=False)
    plane = data[(0,) * (data.ndim - 2)]
    assert isinstance(image.pixels, LazyPixels)
    assert image.pixels.shape == plane.shape
    assert image.pixels.dtype == plane.dtype.newbyteorder("=")
    for window in (
        (slice(None), slice(None)),
        (slice(100, 400), slice(500, 900)),
        (slice(-3, None), slice(-3, None)),
        (7, slice(None)),
        (slice(None, None, 50), slice(3, None, 70)),
        (5, 1039),
    ):
        found = image.pixels[window]
        assert found.dtype == image.pixels.dtype
        np.testing.assert_array_equal(found, plane[window])
    level = image.tiles.levels[0]
    assert shows(level, plane.astype(level.dtype), slice(None), slice(None))
    image.tiles.close()
    assert image.tiles.join(20)
    return plane


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_a_large_image_has_astropys_pixels(large, tmp_path, dtype):
    pixels = (WIDE / 10).astype(dtype)
    found = lazy(written(tmp_path / "a.fits", fits.PrimaryHDU(pixels)))
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_a_large_image_of_64_bits_has_astropys_pixels(large, tmp_path, dtype):
    pixels = WIDE.astype(dtype) * 10**14
    lazy(written(tmp_path / "a.fits", fits.PrimaryHDU(), fits.ImageHDU(pixels)))


@pytest.mark.parametrize("cards", [{"BLANK": 900}, {"BSCALE": 0.5, "BZERO": 7.0}])
@pytest.mark.parametrize("blank", [False, True])
def test_scaling_of_a_large_image_is_astropys(large, tmp_path, cards, blank):
    hdu = fits.PrimaryHDU(WIDE.astype(np.int16))
    hdu.header.update(cards)
    if blank:
        hdu.header["BLANK"] = 900
    found = lazy(written(tmp_path / "a.fits", hdu))
    assert found.dtype.kind == "f"
    assert np.isnan(found).any() == ("BLANK" in hdu.header)


def test_a_large_float_image_with_blank_is_read_without_a_remark(large, tmp_path):
    hdu = fits.PrimaryHDU(WIDE.astype(np.float32))
    path = written(tmp_path / "a.fits", hdu)
    content = path.read_bytes()
    end = content.index(b"END" + b" " * 77)
    card = b"BLANK   =" + b"0".rjust(21) + b" " * 50
    path.write_bytes(content[:end] + card + content[end:2800] + content[2880:])
    lazy(path)


@pytest.mark.parametrize(
    "tile",
    [
        pytest.param((1, 1040), marks=pytest.mark.exhaustive),
        pytest.param((64, 64), marks=pytest.mark.exhaustive),
        (100, 333),
    ],
)
@pytest.mark.parametrize(
    "method", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "PLIO_1"]
)
def test_a_large_compressed_image_has_astropys_pixels(large, tmp_path, method, tile):
    if method == "HCOMPRESS_1" and tile[0] == 1:
        tile = (20, 1040)
    pixels = abs(WIDE).astype(np.int16)
    hdu = fits.CompImageHDU(pixels, compression_type=method, tile_shape=tile)
    path = written(tmp_path / "a.fits.fz", fits.PrimaryHDU(), hdu)
    np.testing.assert_array_equal(lazy(path), pixels)
    # From the first time on zarr has a loop of its own, with files.
    before = open_files()
    lazy(path)
    assert open_files() == before


def test_a_large_tile_is_decoded_once_while_the_file_is_open(
    large, tmp_path, monkeypatch
):
    monkeypatch.setattr(sources, "PIECE", 400)
    pixels = WIDE.astype(np.int16)
    hdu = fits.CompImageHDU(pixels, tile_shape=(200, 1040))
    path = written(tmp_path / "a.fits.fz", fits.PrimaryHDU(), hdu)
    np.testing.assert_array_equal(lazy(path), pixels)
    image, decoded = read_image(path), []
    section = fits.CompImageHDU.section

    def counted(self):
        decoded.append(self)
        return section.fget(self)

    monkeypatch.setattr(fits.CompImageHDU, "section", property(counted))
    window = slice(150, 450), slice(7, 1000)
    with image.pixels.held_open():
        for _ in range(3):
            np.testing.assert_array_equal(image.pixels[window], pixels[window])
        assert len(decoded) == 9
        del decoded[:]
        for row in (400, 500, 410):
            np.testing.assert_array_equal(image.pixels[row], pixels[row])
        assert decoded == []


@pytest.mark.parametrize("dtype", ["u2", "f4", "f8"])
def test_other_large_compressed_images_have_astropys_pixels(large, tmp_path, dtype):
    pixels = WIDE.astype(dtype)
    if dtype != "u2":
        pixels[100:120, 200:300] = np.nan
    hdu = fits.CompImageHDU(pixels, tile_shape=(32, 128))
    lazy(written(tmp_path / "a.fits.fz", fits.PrimaryHDU(), hdu))


@pytest.mark.parametrize("kind", [fits.ImageHDU, fits.CompImageHDU])
def test_the_first_plane_of_a_large_cube_is_shown(large, tmp_path, kind):
    cube = np.stack([WIDE, WIDE + 1]).astype(np.int32).reshape(1, 2, 530, 1040)
    path = written(tmp_path / "a.fits", fits.PrimaryHDU(), kind(cube))
    np.testing.assert_array_equal(lazy(path), cube[0, 0])
    image = read_image(path)
    assert image.notes == ("first plane of 2",)
    assert image.limits[0] < 1000 < image.limits[1]
    assert image.hdus[0].shape == cube.shape


def test_which_images_are_large(monkeypatch, tmp_path):
    path = written(tmp_path / "a.fits", fits.PrimaryHDU(SKY))
    assert read_image(path).tiles is None
    for name in ("MOST_PIXELS_AT_ONCE", "LONGEST_SIDE_AT_ONCE"):
        limit = 1200 if name.startswith("MOST") else 40
        monkeypatch.setattr(decoders, name, limit)
        assert read_image(path).tiles is None
        monkeypatch.setattr(decoders, name, limit - 1)
        assert read_image(path).tiles is not None
        monkeypatch.undo()


def test_reading_a_large_image_starts_no_thread_and_leaves_no_open_file(
    large, tmp_path
):
    before = open_files()
    for kind in (fits.ImageHDU, fits.CompImageHDU):
        path = written(tmp_path / "a.fits", fits.PrimaryHDU(), kind(COUNTS))
        image = read_image(path)
        assert image.pixels[3, 4] == COUNTS[3, 4]
        assert open_files() == before
    assert not threads()
    assert not (tmp_path / "pyramids").exists()


def test_a_whole_file_that_is_compressed_is_read_at_once(large, tmp_path):
    whole = written(tmp_path / "a.fits", fits.PrimaryHDU(SKY)).read_bytes()
    path = tmp_path / "a.fits.gz"
    path.write_bytes(gzip.compress(whole))
    image = read_image(path)
    assert image.tiles is None
    assert same(image.pixels, SKY)


@pytest.mark.parametrize("kind", [fits.ImageHDU, fits.CompImageHDU])
def test_a_large_file_that_changes_while_it_is_shown_is_one_error(
    large, tmp_path, kind
):
    path = written(tmp_path / "a.fits", fits.PrimaryHDU(), kind(COUNTS))
    image = read_image(path)
    path.write_bytes(path.read_bytes()[:-2880])
    with pytest.raises(ImageError, match="was changed while it was shown") as caught:
        image.pixels[0, 0]
    assert caught.value.path == path
    image.tiles.levels[0][:9, :9]
    until(lambda: image.tiles.problem)
    assert "was changed" in image.tiles.problem.what
    image.tiles.close()
    assert image.tiles.join(20)
    path.unlink()
    with pytest.raises(ImageError, match="no such file"):
        image.pixels[0, 0]


def test_a_large_file_that_is_cut_short_is_one_error(large, tmp_path, monkeypatch):
    path = written(tmp_path / "a.fits", fits.PrimaryHDU(SKY))
    image = read_image(path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ImageError, match="the file is cut short"):
        read_image(path)
    # Cut short between the look at its size and the reading.
    monkeypatch.setattr(sources, "_check_state", lambda *_: None)
    with pytest.raises(ImageError, match="cut short"):
        image.pixels[29, :]


def test_a_changed_large_file_gets_a_new_pyramid(large, tmp_path):
    for pixels in (SKY, SKY + 1):
        path = written(tmp_path / "a.fits", fits.PrimaryHDU(pixels))
        for _ in range(2):
            image = read_image(path)
            last = image.tiles.levels[-1]
            assert shows(last, mean(pixels), slice(None), slice(None))
            until(lambda image=image: image.tiles.is_whole)
            image.tiles.close()
            assert image.tiles.join(20)
    assert len(list((tmp_path / "pyramids").iterdir())) == 2


def test_a_side_that_memory_cannot_hold_is_refused(large, tmp_path, monkeypatch):
    path = written(tmp_path / "a.fits", fits.PrimaryHDU(SKY))
    monkeypatch.setattr(decoders, "LONGEST_SIDE", 40)
    assert read_image(path).tiles is not None
    monkeypatch.setattr(decoders, "LONGEST_SIDE", 39)
    with pytest.raises(ImageError, match="a side of it is longer than 39"):
        read_image(path)


def test_a_tile_of_a_large_image_that_memory_cannot_hold_is_refused(
    large, tmp_path, monkeypatch
):
    hdu = fits.CompImageHDU(WIDE.astype(np.int16), tile_shape=(500, 1000))
    path = written(tmp_path / "a.fits.fz", fits.PrimaryHDU(), hdu)
    monkeypatch.setattr(decoders, "MOST_BYTES", 10**6)
    assert read_image(path).pixels[3, 4] == WIDE.astype(np.int16)[3, 4]
    with pytest.raises(ImageError, match="of memory"):
        read_image(path).pixels[:]
    monkeypatch.setattr(decoders, "MOST_BYTES", 10**6 - 1)
    with pytest.raises(ImageError, match="of memory"):
        read_image(path)


def test_checking_reads_all_of_a_large_image(large, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "PIECE", 400)
    monkeypatch.setattr(lazy_pixels, "PIECE", 400)
    monkeypatch.setattr(lazy_pixels, "_MOST_DECODED", 0)
    pixels = WIDE.astype(np.int16)
    hdu = fits.CompImageHDU(pixels, compression_type="GZIP_1", tile_shape=(1, 1040))
    path = written(tmp_path / "a.fits.fz", fits.PrimaryHDU(), hdu)
    image = read_image(path)
    before = open_files()
    image.pixels.check()
    assert open_files() == before
    content = bytearray(path.read_bytes())
    # Between the samples.
    start = int(len(content) * 0.36)
    content[start : start + 4000] = bytes(4000)
    path.write_bytes(content)
    assert read_image(path).tiles is not None
    table = tmp_path / "t.csv"
    table.write_text("image_name,grid_x,grid_y,label,preds\na,0,0,0,1\n")
    _, faults = check_review(table)
    assert len(faults) == 1
