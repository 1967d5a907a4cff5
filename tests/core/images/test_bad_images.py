"""Bad full images of all kinds: one clear fault each, or a correct reading.

A fault names the file, the HDU where there is one, and what to do. What declares more
than it holds is refused before memory is taken for it.
"""

from __future__ import annotations

import bz2
import gzip
import re
import resource
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from astropy.io import fits

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images import folder as images
from napari_artifact_review.core.images.folder import ImageFolder, read_image
from napari_artifact_review.core.review.check import check_review

NOISE = np.random.default_rng(2).integers(0, 250, (72, 80), np.uint8)
SUFFIXES = (
    *(".fits", ".fits.gz", ".fits.bz2", ".fits.fz"),
    *(".tif", ".png", ".jpg", ".npy"),
)


def put(folder: Path, suffix: str, pixels: np.ndarray = NOISE) -> Path:
    """Write an image in the format of its suffix."""
    path = folder / f"a{suffix}"
    if suffix == ".npy":
        np.save(path, pixels)
    elif suffix == ".tif":
        tifffile.imwrite(path, pixels, compression="zlib")
    elif suffix.startswith(".fits"):
        hdu = fits.ImageHDU(pixels)
        if suffix == ".fits.fz":
            lossless = "RICE_1" if pixels.dtype.kind == "u" else "GZIP_2"
            hdu = fits.CompImageHDU(pixels, None, None, lossless, quantize_level=0)
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path, overwrite=True)
    else:
        iio.imwrite(path, pixels)
    return path


def edit(path: Path, **cards: int | str) -> Path:
    """Change cards of the last header of a FITS file, compressed or not."""
    content = path.read_bytes()
    packed = content.startswith(b"\x1f\x8b")
    content = gzip.decompress(content) if packed else content
    for name, value in cards.items():
        *_, card = re.finditer(rf"{name:8}= +-?\d+".encode(), content)
        new = f"{name:8}= {value:>{len(card[0]) - 10}}".encode()
        content = content[: card.start()] + new + content[card.end() :]
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


@contextmanager
def refused(path: Path, what: str, memory: int = 2**23) -> Iterator[None]:
    """Expect one clear fault that takes neither time nor memory."""
    tracemalloc.start()
    start = time.thread_time()
    try:
        with pytest.raises(ImageError, match=what) as caught:
            yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.path == path
    assert caught.value.remedy
    assert peak < memory
    assert time.thread_time() - start < 10


# Not there


def test_a_missing_image_is_a_fault_of_the_row_that_needs_it(tmp_path):
    put(tmp_path, ".fits")
    table = tmp_path / "t.csv"
    table.write_text("image_name,grid_x,grid_y,label,preds\na,0,0,0,1\nb,0,0,0,1\n")
    [fault] = check_review(table)[1]
    assert str(fault).startswith(
        f"{table}, line 3, column image_name: {tmp_path}: image "
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_image_that_vanishes_once_it_was_found_is_a_fault(
    tmp_path, suffix, monkeypatch
):
    path = put(tmp_path, suffix)
    found = ImageFolder(tmp_path).find("a")
    path.unlink()
    with refused(path, "there is no such file"):
        read_image(found)
    put(tmp_path, suffix)
    monkeypatch.setattr(images, "_check_regular", lambda path: path.unlink())
    with refused(path, "there is no such file"):
        read_image(found)


# Not whole


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.9])
def test_an_image_that_is_cut_short_is_a_fault(tmp_path, suffix, kept):
    # Noise of many blocks, for each cut to take pixels away.
    noise = np.random.default_rng(1).integers(0, 250, (300, 400), np.uint8)
    path = put(tmp_path, suffix, noise)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with refused(path, r"cut short|damaged|empty|cannot be read|not a FITS file|tiles"):
        read_image(path)


@pytest.mark.parametrize("lost", [1, 2879, 2880, 4000])
@pytest.mark.parametrize("kind", ["plain", "compressed", "cube"])
def test_a_fits_file_that_lacks_a_byte_of_its_pixels_is_a_fault(tmp_path, kind, lost):
    hdu = {
        "plain": fits.ImageHDU(NOISE),
        "cube": fits.ImageHDU(np.stack([NOISE] * 4)),
        "compressed": fits.CompImageHDU(NOISE, compression_type="GZIP_1"),
    }[kind]
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    padding = 0
    if kind == "compressed":
        with fits.open(path, disable_image_compression=True) as hdus:
            padding = -(hdus[1].size) % 2880
    path.write_bytes(path.read_bytes()[: -lost - padding])
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert caught.value.where.startswith("HDU 1")
    if kind != "compressed" or lost >= 2880:
        assert "cut short" in caught.value.what


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"not an image", gzip.compress(b"", mtime=0)])
def test_what_is_no_image_is_a_fault_whatever_its_name(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with refused(path, "the file is empty|not a FITS file|its contents are no"):
        read_image(path)


# Of another size


def test_an_image_of_another_size_than_the_grid_names_the_cutouts_outside(tmp_path):
    put(tmp_path, ".fits", np.zeros((250, 450), np.uint8))
    table = tmp_path / "t.csv"
    grid = [(x, y) for y in (0, 200, 400) for x in (0, 200, 400, 600)]
    rows = [f"a,{x},{y},0,1" for x, y in grid]
    table.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *rows]))
    faults = check_review(table)[1]
    assert [(fault.path, fault.where) for fault in faults] == [
        (table, "line 5, column grid_x"),
        (table, "line 9, column grid_x"),
        (table, "line 10, column grid_y"),
        (table, "line 11, column grid_y"),
        (table, "line 12, column grid_y"),
        (table, "line 13, column grid_x and grid_y"),
    ]
    assert "outside the image of 450 x 250 pixels" in faults[0].what


# Of an impossible size


@pytest.mark.parametrize("rows", [10**6, 10**9, 10**14, 10**19])
@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
def test_more_rows_than_a_fits_file_holds_take_no_memory(tmp_path, suffix, rows):
    path = edit(put(tmp_path, suffix), NAXIS2=rows)
    with refused(path, "cut short|header says NAXIS2 = |Invalid argument"):
        read_image(path)


@pytest.mark.parametrize("rows", [-1, -72, -7200, -(10**12)])
@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
def test_a_negative_size_is_a_fault(tmp_path, suffix, rows):
    path = edit(put(tmp_path, suffix), NAXIS2=rows)
    with refused(path, "negative size|holds an image with pixels|cannot be read"):
        read_image(path)


def test_a_size_that_leads_back_to_its_own_header_ends(tmp_path):
    block = fits.ImageHDU(np.zeros((72, 40), np.uint8))
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(NOISE), block]).writeto(path)
    edit(path, NAXIS2=-72)
    with refused(path, "HDU 1 declares a negative size"):
        read_image(path)


@pytest.mark.parametrize(
    ("cards", "what"),
    [
        ({"ZNAXIS2": 10**5}, "declares 100,000 tiles, the file holds 72"),
        ({"ZNAXIS2": 10**5, "ZTILE2": 10**5}, "tiles|cannot be read"),
        ({"ZNAXIS1": 2 * 10**9, "ZTILE1": 2 * 10**9}, "more than 1 GiB"),
        ({"ZNAXIS1": 10**9, "ZTILE1": 10**9}, "side of it is longer than 262,144"),
        ({"ZNAXIS1": -80}, "holds an image with pixels"),
        ({"ZTILE2": 0}, "cannot be read"),
        ({"ZTILE2": -1}, "cannot be read"),
    ],
)
def test_a_compressed_image_with_more_than_its_tiles_takes_no_memory(
    tmp_path, cards, what
):
    with refused(edit(put(tmp_path, ".fits.fz"), **cards), what):
        read_image(tmp_path / "a.fits.fz")


def test_a_tile_through_more_planes_than_memory_holds_is_not_decompressed(tmp_path):
    cube = fits.CompImageHDU(np.stack([NOISE] * 4), tile_shape=(4, 72, 80))
    path = tmp_path / "a.fits.fz"
    fits.HDUList([fits.PrimaryHDU(), cube]).writeto(path)
    assert read_image(path).notes == ("first plane of 4",)
    edit(path, ZNAXIS3=10**6, ZTILE3=10**6)
    with refused(path, "more than 1 GiB"):
        read_image(path)


def npy(shape: tuple[int, ...]) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + bytes(999)


def png(columns: int, rows: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(10**6)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.npy", npy((10**6, 10**6)), "cannot be read"),
        ("a.npy", npy((10**16, 10**6)), "cannot be read"),
        ("a.npy", npy((-10, 10)), "cannot be read"),
        ("a.png", png(40_000, 40_000), "more than 1 GiB"),
        ("a.png", png(2**31 - 1, 2**31 - 1), "more than 1 GiB"),
    ],
)
def test_a_raster_that_declares_too_much_takes_no_memory(tmp_path, name, content, what):
    path = tmp_path / name
    path.write_bytes(content)
    with refused(path, what):
        read_image(path)


def test_a_tiff_that_declares_too_much_takes_no_memory(tmp_path):
    path = put(tmp_path, ".tif")
    with tifffile.TiffFile(path, mode="r+") as tif:
        for tag in ("ImageWidth", "ImageLength"):
            tif.pages.first.tags[tag].overwrite(100_000)
    with refused(path, "more than 1 GiB"):
        read_image(path)


# Bombs: little on disk, much in memory


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        (".fits.gz", gzip.compress),
        (".fits.bz2", bz2.compress),
        (".fits", gzip.compress),
    ],
)
@pytest.mark.parametrize("whole", ["zeros", "image"])
def test_a_compressed_bomb_is_given_up_at_the_limit(
    tmp_path, monkeypatch, suffix, compress, whole
):
    monkeypatch.setattr(
        "napari_artifact_review.core.decoders.MOST_BYTES", limit := 2**21
    )
    path = put(tmp_path, ".fits")
    path.write_bytes(compress(path.read_bytes() * (whole == "image") + bytes(2**26)))
    assert path.stat().st_size < 2**17
    with refused(path.rename(tmp_path / f"a{suffix}"), "of memory", 4 * limit):
        read_image(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("suffix", [".fits", ".fits.fz", ".npy", ".tif"])
def test_an_image_beyond_the_limit_is_refused_and_one_at_it_is_read(
    tmp_path, monkeypatch, suffix
):
    limit = "napari_artifact_review.core.decoders.MOST_BYTES"
    path = put(tmp_path, suffix, np.zeros((2000, 5000), np.uint8))
    # A TIFF's strip is held beside its page.
    size = 10**7 + (5000 * 52 if suffix == ".tif" else 0)
    monkeypatch.setattr(limit, size)
    assert read_image(path).pixels.shape == (2000, 5000)
    monkeypatch.setattr(limit, size - 1)
    with refused(path, "of memory"):
        read_image(path)


# Odd pixels


HOT = np.full((300, 300), 7, np.float32)
HOT[150, 151] = 60_000


@pytest.mark.parametrize(
    ("pixels", "limits"),
    [
        pytest.param(np.full((30, 40), np.nan, np.float32), (0, 1), id="all NaN"),
        pytest.param(np.full((30, 40), np.inf, np.float32), (0, 1), id="all infinite"),
        pytest.param(np.full((30, 40), -4.5, np.float32), (-4.5, -3.5), id="constant"),
        pytest.param(np.zeros((30, 40), np.uint8), (0, 1), id="zero"),
        pytest.param(HOT, (7, 60_000), id="one hot pixel"),
    ],
)
@pytest.mark.parametrize("suffix", [".fits", ".fits.fz", ".npy", ".tif"])
def test_odd_pixels_are_shown_as_they_are(tmp_path, suffix, pixels, limits):
    image = read_image(put(tmp_path, suffix, pixels))
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.limits == limits
    assert image.notes == ()


# Odd headers


@pytest.mark.parametrize(
    "cards",
    [
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--SIN"},
        {"CTYPE1": "RA---TAN", "CTYPE2": "RA---TAN"},
        {"CTYPE1": "RA---XXX", "CTYPE2": "DEC--XXX"},
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": 0.0},
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CUNIT1": "bananas"},
    ],
    ids=str,
)
def test_a_wcs_that_cannot_be_built_costs_a_note_only(tmp_path, cards):
    hdu = fits.PrimaryHDU(NOISE)
    hdu.header.update(cards)
    hdu.writeto(tmp_path / "a.fits")
    image = read_image(tmp_path / "a.fits")
    np.testing.assert_array_equal(image.pixels, NOISE)
    assert image.sky is None
    [note] = image.notes
    assert note.startswith("no sky coordinates: ")


# Headers and tiles that the fuzzing found to take forever, or to end the program


def test_a_tiff_with_a_tile_larger_than_memory_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, NOISE, tile=(80, 80), compression="zlib")
    with tifffile.TiffFile(path, mode="r+") as tif:
        for tag in ("TileWidth", "TileLength"):
            tif.pages.first.tags[tag].overwrite(2**15)
    with refused(path, "more than 1 GiB"):
        read_image(path)


def test_tiff_pages_that_lead_back_end(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, NOISE, metadata=None)
    with tifffile.TiffFile(path) as tif:
        first, after = tif.pages.first.offset, tif.pages.next_page_offset
    content = path.read_bytes()
    # After the first page one without a tag, and after that the first again.
    to_second, to_first = struct.pack("<I", len(content)), struct.pack("<I", first)
    content = content[:after] + to_second + content[after + 4 :]
    path.write_bytes(content + b"\0\0" + to_first)
    np.testing.assert_array_equal(read_image(path).pixels, NOISE)


def test_a_tiff_strip_that_declares_too_much_takes_no_memory(tmp_path):
    path = put(tmp_path, ".tif")
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages.first.tags["StripByteCounts"].overwrite(2**30)
    with refused(path, "the file is cut short: its pixels end at byte 1,073,"):
        read_image(path)


def test_a_tiff_tile_with_many_sides_is_not_multiplied(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((128, 80), np.uint8), tile=(64, 80), metadata=None)
    with tifffile.TiffFile(path, mode="r+") as tif:
        page = tif.pages.first
        sides = struct.pack("<HHII", 323, 4, 50, 2**16)
        at = page.tags["TileLength"].offset
    content = path.read_bytes().ljust(2**18, b"\0")
    path.write_bytes(content[:at] + sides + content[at + len(sides) :])
    with refused(path, "cannot be read"):
        read_image(path)


@pytest.mark.parametrize("layout", [{"rowsperstrip": 1}, {"tile": (16, 16)}])
def test_a_tiff_that_lists_less_than_it_declares_is_not_filled_in(tmp_path, layout):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, NOISE, **layout)
    np.testing.assert_array_equal(read_image(path).pixels, NOISE)
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages.first.tags["ImageLength"].overwrite(10**7)
    with refused(path, "strips or tiles, and lists"):
        read_image(path)


@pytest.mark.parametrize("declared", [2**26, 2**31 - 1])
def test_a_png_chunk_that_declares_too_much_takes_no_memory(tmp_path, declared):
    path = put(tmp_path, ".png")
    content = path.read_bytes()
    at = content.index(b"IDAT") - 4
    path.write_bytes(content[:at] + struct.pack(">I", declared) + content[at + 4 :])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    np.testing.assert_array_equal(read_image(path).pixels, NOISE)
    # In units of 1024 bytes. Asked for, but never used: tracemalloc would count it.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**14


@pytest.mark.parametrize("name", ["NAXIS", "TFIELDS", "ZNAXIS"])
@pytest.mark.parametrize("count", [1000, 10**9, 10**18])
def test_a_header_that_counts_forever_is_refused(tmp_path, name, count):
    path = edit(put(tmp_path, ".fits.fz"), **{name: count})
    with refused(path, f"header says {name} = {count}, not a number up to 999"):
        read_image(path)


def test_a_primary_header_that_counts_forever_is_refused(tmp_path):
    fits.PrimaryHDU(NOISE).writeto(tmp_path / "a.fits")
    with refused(edit(tmp_path / "a.fits", NAXIS=10**9), "header says NAXIS"):
        read_image(tmp_path / "a.fits")


@pytest.mark.parametrize("name", ["GCOUNT", "PCOUNT", "NAXIS2"])
def test_a_size_in_words_is_refused_before_it_is_multiplied(tmp_path, name):
    path = edit(put(tmp_path, ".fits"), BITPIX=64, **{name: "'bananas'"})
    with refused(path, f"header says {name} = 'bananas', not a number"):
        read_image(path)


def test_more_bits_than_a_pixel_has_are_refused(tmp_path):
    path = edit(put(tmp_path, ".fits"), BITPIX=99999)
    with refused(path, "header says BITPIX = 99999"):
        read_image(path)


@pytest.mark.parametrize(
    "cards",
    [
        *({"WCSAXES": count} for count in (5258, 10**9, -(2**61))),
        {"WCSAXESA": 10**9},
        {"A_ORDER": 10**5, "B_ORDER": 10**5},
    ],
    ids=str,
)
def test_a_wcs_that_counts_forever_costs_a_note_only(tmp_path, cards):
    hdu = fits.PrimaryHDU(NOISE)
    hdu.header.update(CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", **cards)
    hdu.writeto(tmp_path / "a.fits")
    start = time.thread_time()
    image = read_image(tmp_path / "a.fits")
    assert time.thread_time() - start < 10
    assert image.sky is None
    assert image.notes[0].startswith("no sky coordinates: its header says ")


def packed(folder: Path, method: str) -> Path:
    path = folder / "a.fits.fz"
    hdu = fits.CompImageHDU(NOISE.astype(np.int16), compression_type=method)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    assert read_image(path).pixels.shape == NOISE.shape
    return path


@pytest.mark.parametrize("value", [-1, 0, 3, 100_000, "'x'"])
def test_a_rice_tile_of_impossible_pixels_is_not_decoded(tmp_path, value):
    path = edit(packed(tmp_path, "RICE_1"), ZVAL2=value)
    with refused(path, "its BYTEPIX is"):
        read_image(path)


@pytest.mark.parametrize("cards", [{"ZNAXIS1": 8}, {"ZNAXIS2": 8}])
def test_an_hcompress_tile_larger_than_its_room_is_not_decoded(tmp_path, cards):
    path = edit(packed(tmp_path, "HCOMPRESS_1"), **cards)
    with refused(path, "a tile does not hold what it declares"):
        read_image(path)


# Where a list of lines begins, and its length in each of two forms.
@pytest.mark.parametrize(
    "words", [(-5, -100, 7, 0), (7, 30_000, 7, 0), (7, -100, 9, 9)]
)
def test_a_plio_tile_that_leaves_itself_is_not_decoded(tmp_path, words):
    path = packed(tmp_path, "PLIO_1")
    with fits.open(path, disable_image_compression=True) as hdus:
        heap = hdus.fileinfo(1)["datLoc"] + hdus[1].data.nbytes
    content = bytearray(path.read_bytes())
    content[heap + 2 : heap + 10] = struct.pack(">4h", *words)
    path.write_bytes(content)
    with refused(path, "a tile does not hold what it declares"):
        read_image(path)


# Code


def test_what_is_pickled_is_never_run(tmp_path, monkeypatch):
    class Trap:
        def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
            return (tmp_path.joinpath("sprung").touch, ())

    path = tmp_path / "a.npy"
    np.save(path, np.array([[Trap()]]), allow_pickle=True)
    for suffix in (".npy", ".png", ".tif", ".fits"):
        path = path.rename(path.with_suffix(suffix))
        with refused(path, "cannot be read|not a FITS file|its contents are no"):
            read_image(path)
    # Nor where the look at its header finds nothing.
    monkeypatch.setattr(np.lib.format, "open_memmap", lambda *_: np.zeros(1))
    path = path.rename(path.with_suffix(".npy"))
    with refused(path, "cannot be read"):
        read_image(path)
    assert not (tmp_path / "sprung").exists()
    np.load(path, allow_pickle=True)
    assert (tmp_path / "sprung").exists()
