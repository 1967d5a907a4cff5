"""Protection against damaged images: checks of sizes, and a single type of error."""

from __future__ import annotations

import math
import re
import warnings
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from astropy.utils.exceptions import AstropyWarning
from numpy.typing import NDArray

from napari_artifact_review.core.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from astropy.io import fits

Pixels: TypeAlias = NDArray[Any]

#: Maximum size of an image in memory, in bytes: 16,384 x 16,384 pixels of 32 bits.
MOST_BYTES = 2**30
#: Number of pixels above which an image is shown tile by tile. Reading a larger image
#: as a whole would take too long: 8,192 x 8,192 pixels take about 0.3 s.
MOST_PIXELS_AT_ONCE = 2**26
#: Length of a side, in pixels, above which an image is shown tile by tile. A longer
#: side exceeds the largest texture of a graphics card.
LONGEST_SIDE_AT_ONCE = 16_384
#: Maximum length of a side of any image, in pixels. Several rows of each pyramid level
#: must fit into memory.
LONGEST_SIDE = 2**18
#: Messages of astropy about a card, and of wcslib.
_UNPARSABLE = re.compile(r"Unparsable card \((.+?)\)")
_WCSLIB = re.compile(r"ERROR \d+ in \w+\(\) at line")


def is_large(shape: tuple[int, ...]) -> bool:
    """Return whether an image is so large that it is shown tile by tile.

    Parameters
    ----------
    shape : tuple of int
        Shape of the image, (..., rows, columns).
    """
    plane = shape[-2:]
    return math.prod(plane) > MOST_PIXELS_AT_ONCE or max(plane) > LONGEST_SIDE_AT_ONCE


def check_sides(shape: tuple[int, ...]) -> None:
    """Raise an error if a side of an image is too long.

    Parameters
    ----------
    shape : tuple of int
        Shape of the image, (..., rows, columns).

    Raises
    ------
    ImageError
        If a side is longer than `LONGEST_SIDE`.
    """
    if max(shape[-2:]) > LONGEST_SIDE:
        raise ImageError(
            f"a side of it is longer than {LONGEST_SIDE:,} pixels",
            remedy="Check that it is sound; if it is, cut it into smaller images",
        )


def check_memory(count: int, remedy: str = "cut it into smaller images") -> None:
    """Raise an error if data need too much memory; call this before reading them.

    Parameters
    ----------
    count : int
        Size of the data in bytes.
    remedy : str
        Advice for the user if the file is not damaged.

    Raises
    ------
    ImageError
        If `count` exceeds `MOST_BYTES`.
    """
    if count > MOST_BYTES:
        raise ImageError(
            f"it takes more than {MOST_BYTES / 2**30:g} GiB of memory",
            remedy=f"Check that it is sound; if it is, {remedy}",
        )


def check_counts(
    header: fits.Header,
    most: Mapping[re.Pattern[str], int],
    subject: str = "its header",
) -> None:
    """Raise an error if keywords of a FITS header have invalid or too large values.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Header of a FITS HDU.
    most : mapping of pattern to int
        Largest allowed absolute value of the keywords that match each pattern.
    subject : str
        First words of the error message.

    Raises
    ------
    ImageError
        If a value exceeds its maximum, or is not a number.
    """
    for card in header.cards:
        for kind, limit in most.items():
            if not kind.fullmatch(card.keyword):
                continue
            count = card.value
            if not isinstance(count, (int, float)) or not abs(count) <= limit:
                raise ImageError(
                    f"{subject} says {card.keyword} = {count!r}, not a number up to "
                    f"{limit}",
                    remedy="Correct the header, or copy the file again from its source",
                )


def plain_pixels(values: Pixels) -> Pixels:
    """Convert pixels to a contiguous array in native byte order.

    Parameters
    ----------
    values : ndarray
        Pixels, shape (rows, columns), of any type and byte order.

    Returns
    -------
    ndarray
        C-contiguous pixels in native byte order. Booleans become uint8, and floats
        wider than 64 bits become float64.

    Raises
    ------
    ImageError
        If the values are not real numbers, not two-dimensional, or empty.
    """
    if values.dtype.kind not in "buif":
        raise ImageError(
            f"its pixels are of type {values.dtype}, not real numbers",
            remedy="Save it with whole numbers or floats",
        )
    if values.ndim != 2 or not values.size:
        raise ImageError(
            f"its shape {values.shape} is no image of rows and columns",
            remedy="Check that it is the full image",
        )
    if values.dtype.kind == "b":
        return np.ascontiguousarray(values, dtype=np.uint8)
    if values.dtype.itemsize > 8:
        return np.ascontiguousarray(values, dtype=np.float64)
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))


@contextmanager
def decoding(
    path: Path | None = None, where: str | None = None, doing: str = "cannot be read"
) -> Iterator[None]:
    """Raise an `ImageError` for any exception of a decoder inside the block.

    An `ImageError` inside the block is raised again, with `path` and `where` added if
    it has no path. Warnings inside the block are ignored.

    Parameters
    ----------
    path : Path, optional
        The file to read.
    where : str, optional
        Part of the file, for example the HDU.
    doing : str
        First words of the error message.

    Raises
    ------
    ImageError
        For any exception inside the block.
    """
    with one_error(path, where, doing), warnings.catch_warnings():
        # napari would show a decoder's warnings about the file to the user.
        warnings.simplefilter("ignore", AstropyWarning)
        # Pillow warns about more than 89 million pixels, and numpy about overflow.
        warnings.simplefilter("ignore", RuntimeWarning)
        # numpy warns about .npy files that Python 2 has written.
        warnings.simplefilter("ignore", UserWarning)
        yield


@contextmanager
def one_error(
    path: Path | None = None, where: str | None = None, doing: str = "cannot be read"
) -> Iterator[None]:
    """Raise an `ImageError` for any exception inside the block, like `decoding`.

    Warnings are not ignored, because all threads share the warning filters.

    Parameters
    ----------
    path : Path, optional
        The file to read.
    where : str, optional
        Part of the file, for example the HDU.
    doing : str
        First words of the error message.

    Raises
    ------
    ImageError
        For any exception inside the block.
    """
    try:
        with np.errstate(all="ignore"):
            yield
    except ImageError as error:
        if path is None or error.path is not None:
            raise
        raise type(error)(
            error.what, path=path, where=where, remedy=error.remedy
        ) from error
    # A decoder can raise any exception for a damaged file, such as struct.error.
    except Exception as error:
        what, remedy = _in_plain_words(error)
        raise ImageError(
            f"{doing}: {what}", path=path, where=where, remedy=remedy
        ) from error


def _in_plain_words(error: Exception) -> tuple[str, str]:
    """Return a description of a decoder's exception for the user, and a remedy."""
    while isinstance(error.__cause__, Exception):
        # The cause of an exception is often more specific than the exception itself.
        error = error.__cause__
    if isinstance(error, FileNotFoundError):
        return "there is no such file", "Check the folder of the images"
    if isinstance(error, PermissionError):
        return "permission is denied", "Ask the owner of the file for access"
    copy = "Copy it again from its source"
    if isinstance(error, (EOFError, zlib.error)):
        return "its compressed data are cut short or damaged", copy
    lines = str(error).strip().splitlines() or [""]
    # wcslib begins with places in its source, and ends with the reason.
    is_trace = _WCSLIB.match(lines[0]) is not None
    message = lines[-1 if is_trace else 0].strip().rstrip(".")
    if card := _UNPARSABLE.match(message):
        remedy = "Correct the header, or copy the file again from its source"
        return f"its card {card[1]} has no value that can be read", remedy
    kind = type(error).__name__
    what = f"{message} ({kind})" if message else kind
    return what, f"{copy}, or check it with another program"
