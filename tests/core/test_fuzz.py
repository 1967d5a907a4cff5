"""Any bytes are a table, an image, or one clear fault: never anything else.

ARTIFACT_REVIEW_TESTS=nightly tries far more of them. What was found so stands as plain
tests in test_bad_tables and test_bad_images.
"""

from __future__ import annotations

import gzip
import io
import re
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.decoders import MOST_BYTES
from napari_artifact_review.core.errors import ImageError, TableError
from napari_artifact_review.core.images.folder import FullImage, read_image
from napari_artifact_review.core.tables.reading import inspect_predictions
from tests.nightly import many


def fuzzed(ordinary: int, nightly: int) -> settings:
    return settings(
        max_examples=many(ordinary, nightly),
        suppress_health_check=list(HealthCheck),
    )


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes], pieces: list[bytes]) -> bytes:
    """Bytes of a sound file with a few pieces put in, taken out or written over."""
    data = draw(st.sampled_from(seeds))
    piece = st.sampled_from(pieces) | st.binary(max_size=4)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        gone = draw(st.sampled_from([0, 0, 1, 2, 7, 80, len(data)]))
        data = data[:at] + draw(piece) + data[at + gone :]
    return data


# Tables


SOUND = '''image_name,grid_x,grid_y,label,preds,confidence,error_id,remark
a,0,0,"1",0,0.5,1,"x, ""y"""
a,200,0,0,1,0.97,02,
b/c,0,0,True,1.0,1e-3,,é
'''
ECSV = """# %ECSV 1.0
# ---
# datatype:
# - {name: image_name, datatype: string}
# - {name: grid_x, datatype: int64}
# - {name: grid_y, datatype: int64}
# - {name: label, datatype: int64}
# - {name: preds, datatype: int64}
image_name grid_x grid_y label preds
"a b" 0 0 1 0
"" 200 0 0 1
"""
TABLES = [
    SOUND.encode(),
    SOUND.replace(",", ";").replace("\n", "\r\n").encode(),
    SOUND.replace(",", "\t").encode("latin-1"),
    SOUND.encode("utf-16"),
    gzip.compress(SOUND.encode(), mtime=0),
    ECSV.encode(),
    f"sep=,\n# night 3\n# {SOUND},,,\n".encode(),
    ECSV[ECSV.index("image_name grid_x") :].replace(" ", "  ").encode(),
]
PIECES = [
    *(b'"', b'""', b",", b";", b"\t", b" ", b"\n", b"\r", b"\r\n", b"\n\n", b"\0"),
    *(b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b", b"\x1a", b"\x85"),
    *(b"-1", b"1e308", b"1e999", b"9" * 30, b"nan", b"NA", b"True", b"0x1", b"1_0"),
    *(b"label,", b"=1+1", b"../", b"#", b"# ", b"# - {name: x, datatype: y}\n"),
    *(b"sep=;\n", b"sep=,", b"  ", b",,", b",,,,,,,\n", b"image_name", b"Night 3\n"),
    *(b"[", b"*a", b"&a", b"!!python/name:os.system"),
    *("é".encode(), "\u0301".encode(), "\u2028".encode(), "\U0001f600".encode()),
]  # fmt: skip


def inspect(folder: Path, data: bytes) -> None:
    path = folder / "t.csv"
    path.write_bytes(data)
    found = inspect_predictions(path)
    assert (found.predictions is None) == bool(found.faults)
    for fault in found.faults:
        assert isinstance(fault, TableError)
        assert fault.path == path
        assert fault.remedy
    if found.predictions is not None:
        stream = io.BytesIO()
        found.predictions.file.write(stream, {})
        assert unpacked(stream.getvalue()) == unpacked(data)


def unpacked(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


@fuzzed(150, 30_000)
@given(
    st.sampled_from([b"", b"\x1f\x8b\x08", b"# %ECSV 1.0\n", b"\xff\xfe"]),
    st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=30),
)
def test_any_bytes_are_a_table_or_a_fault(tmp_path, start, pieces):
    inspect(tmp_path, start + b"".join(pieces))


@fuzzed(250, 60_000)
@given(damaged(TABLES, PIECES))
def test_a_damaged_table_is_a_table_or_a_fault(tmp_path, data):
    inspect(tmp_path, data)


# FITS images


def sky() -> fits.Header:
    header = fits.Header()
    header.update(CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRVAL1=15.0, CRVAL2=-1.0)
    header.update(CRPIX1=1.0, CRPIX2=1.0, CDELT1=-1e-4, CDELT2=1e-4, BUNIT="adu")
    return header


def written(*hdus: object) -> bytes:
    stream = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(stream)
    return stream.getvalue()


def fits_samples() -> list[bytes]:
    counts = np.arange(30 * 40, dtype=np.int16).reshape(30, 40)
    floats = counts.astype(np.float32) / 7
    scaled = fits.PrimaryHDU(counts.copy(), sky())
    scaled.header.update(BLANK=3, BSCALE=0.5, BZERO=7)
    table = fits.BinTableHDU(np.zeros(3, [("a", "f4")]))
    empty = fits.PrimaryHDU()
    lossless = {"compression_type": "GZIP_2", "quantize_level": 0}
    return [
        written(fits.PrimaryHDU(floats, sky())),
        written(scaled),
        written(empty, table, fits.ImageHDU(np.stack([counts] * 3), name="SCI")),
        written(empty, fits.CompImageHDU(counts, sky())),
        written(empty, fits.CompImageHDU(floats, sky())),
        written(empty, fits.CompImageHDU(floats, **lossless)),
        written(empty, fits.CompImageHDU(counts, compression_type="HCOMPRESS_1")),
        written(empty, fits.CompImageHDU(counts, compression_type="PLIO_1")),
    ]


FITS = fits_samples()
VALUES = [
    *("0", "1", "-1", "2", "3", "-32", "16", "40", "2880", "99999", "1000000000"),
    *("-2147483648", "9223372036854775807", "1E20", "1e400", "NaN", "0.5", "T", "F"),
    *("''", "'x'", "'RA---SIN'", "'DEC--ZZZ'", "'GLON-CAR'", "'RICE_1'", "'GZIP_1'"),
    *("'1PB(99999999)'", "'1QB'", "'J'", "'deg'", "'bananas'", "", "'", "(1,2)"),
    "\xff",
]  # fmt: skip
KEYWORDS = [
    *("NAXIS", "NAXIS1", "NAXIS2", "NAXIS3", "BITPIX", "PCOUNT", "GCOUNT", "GROUPS"),
    *("TFIELDS", "TFORM1", "THEAP", "ZNAXIS", "ZNAXIS1", "ZTILE1", "ZTILE2", "ZBITPIX"),
    *(
        "ZVAL1",
        "ZVAL2",
        "ZNAME1",
        "ZCMPTYPE",
        "BSCALE",
        "BZERO",
        "BLANK",
        "CTYPE1",
        "CD1_1",
        "PV1_1",
        "LONPOLE",
    ),
    *("NAXIS99", "CUNIT1", "WCSAXES", "WCSAXESA", "A_ORDER", "B_ORDER", "PV2_99"),
    *("D2IMDIS1", "EXTNAME", "XTENSION", "CONTINUE"),
    *("HIERARCH", "END", "SIMPLE", "DATE-OBS", "EQUINOX", "RADESYS", "CPDIS1", "\xe9"),
]


@st.composite
def other_cards(draw: st.DrawFn) -> bytes:
    """A FITS file with some other cards."""
    data = draw(st.sampled_from(FITS))
    cards = [found.start() for found in re.finditer(rb"[A-Z0-9_-]{1,8} *= ", data)]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.sampled_from(cards)) // 80 * 80
        own = data[at : at + 8].decode("latin-1")
        keyword = own if draw(st.booleans()) else draw(st.sampled_from(KEYWORDS))
        value = draw(st.sampled_from(VALUES) | st.integers().map(str))
        card = f"{keyword:8}= {value:>20}".ljust(80)[:80].encode("latin-1")
        data = data[:at] + card + data[at + 80 :]
    return data


def look(folder: Path, name: str, data: bytes, memory: int = 2**26) -> None:
    """Read an image with the memory that its file is worth, and all that it offers."""
    path = folder / name
    path.write_bytes(data)
    tracemalloc.start()
    start = time.thread_time()
    try:
        image = read_image(path)
    except ImageError as error:
        assert (error.path, bool(error.remedy)) == (path, True)  # noqa: PT017
        assert not isinstance(error.__cause__, Warning), error  # noqa: PT017
    else:
        check(image)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < memory
    assert time.thread_time() - start < 20


def check(image: FullImage) -> None:
    lower, upper = image.limits
    assert image.pixels.ndim == 2
    assert image.pixels.size
    assert np.isfinite([lower, upper]).all()
    assert lower < upper
    if image.sky is not None:
        for point in ((0, 0), (-1e3, 1e9), (20.5, 3.5)):
            assert isinstance(image.sky.text(*point), str)


@fuzzed(150, 40_000)
@given(other_cards(), st.booleans())
def test_a_fits_header_that_says_something_else_is_shown_or_a_fault(
    tmp_path, data, packed
):
    look(tmp_path, "a.fits", gzip.compress(data) if packed else data)


@fuzzed(150, 40_000)
@given(damaged([*FITS, *map(gzip.compress, FITS)], [b"\0" * 80, b" " * 80, b"'", b"-"]))
def test_a_damaged_fits_file_is_shown_or_a_fault(tmp_path, data):
    look(tmp_path, "a.fits.gz", data)


# Other images


def rasters() -> dict[str, list[bytes]]:
    grey = np.arange(12 * 7, dtype=np.uint8).reshape(12, 7)

    def as_bytes(write: Callable[[io.BytesIO], object]) -> bytes:
        stream = io.BytesIO()
        write(stream)
        return stream.getvalue()

    return {
        ".npy": [as_bytes(lambda f: np.save(f, grey))],
        ".tif": [
            as_bytes(lambda f: tifffile.imwrite(f, grey, compression="zlib")),
            as_bytes(lambda f: tifffile.imwrite(f, grey, tile=(16, 16))),
        ],
        ".png": [iio.imwrite("<bytes>", grey, extension=".png")],
        ".jpg": [iio.imwrite("<bytes>", grey, extension=".jpg")],
    }


RASTERS = rasters()


@pytest.mark.parametrize("suffix", RASTERS)
@fuzzed(40, 10_000)
@given(data=st.data())
def test_a_damaged_raster_is_shown_or_a_fault(tmp_path, suffix, data):
    pieces = [b"\0", b"\xff", b"\xff" * 4, b"9", b"L", b"\\", b"(", b"'O'", b"-"]
    # An image within the limit has its memory before it is found to be damaged, and
    # Pillow asks for as much as a chunk declares, of which only what is there is used.
    memory = {".png": 2**31}.get(suffix, MOST_BYTES) + 2**26
    look(tmp_path, f"a{suffix}", data.draw(damaged(RASTERS[suffix], pieces)), memory)
