"""Stand-ins for large images: sources in memory, and the expected levels."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels, Sample
from napari_artifact_review.core.tiled.pyramid_folder import PyramidFolder
from napari_artifact_review.core.tiled.tiles import Level, TiledImage

#: Rows and columns of several tiles, neither of which is even.
SHAPE = (1801, 2305)


class ArraySource:
    """An array that is read like a file, and records the windows that were read.

    While `gate` is not set, reading hangs.
    """

    def __init__(
        self, array: np.ndarray, block: tuple[int, int] = (1, 1), name: str = "array"
    ) -> None:
        self.path = Path(name)
        self.array = array
        self.shape = array.shape
        self.dtype = array.dtype
        self.block = block
        self.coarser: tuple[ArraySource, ...] = ()
        self.gate = threading.Event()
        self.gate.set()
        self.reads: list[tuple[slice, slice]] = []
        self.error: Exception | None = None
        self.is_open = False

    def read(self, rows: slice, columns: slice) -> np.ndarray:
        self.is_open = True
        self.reads.append((rows, columns))
        assert self.gate.wait(20)
        if self.error is not None:
            raise self.error
        return self.array[rows, columns].copy()

    def fingerprint(self) -> str:
        return str(self.path)

    def close(self) -> None:
        self.is_open = False


def noise(dtype: Any = np.uint16, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Return an image of which no two parts are alike."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    random = np.random.default_rng(5).integers(0, 40, shape)
    return (rows // 17 + columns // 23 + random).astype(dtype)


def mean(pixels: np.ndarray) -> np.ndarray:
    """Return the mean of each 2 x 2 pixels, computed in the simplest way."""
    rows, columns = pixels.shape
    padded = np.full((rows + rows % 2, columns + columns % 2), np.nan)
    padded[:rows, :columns] = pixels
    four = [padded[i::2, j::2] for i in (0, 1) for j in (0, 1)]
    count = np.sum([~np.isnan(part) for part in four], axis=0)
    with np.errstate(invalid="ignore"):
        result = np.nansum(four, axis=0) / count
    if pixels.dtype.kind != "f":
        result = np.floor(result + 0.5)
    return result.astype(pixels.dtype)


def means(pixels: np.ndarray, count: int) -> list[np.ndarray]:
    """Return all levels of an image."""
    levels = [pixels]
    while len(levels) < count:
        levels.append(mean(levels[-1]))
    return levels


def opened(
    source: ArraySource, folder: Path, medians: float = 0, **options: Any
) -> TiledImage:
    """Return a large image whose levels are stored in a folder."""
    medians = np.full((2, 2), float(medians))
    first = Sample(medians, (0, 1), medians)
    return TiledImage(LazyPixels(source), first, PyramidFolder(folder), **options)


def until(happened: Callable[[], object], timeout: float = 20) -> None:
    """Wait until something is true."""
    end = time.monotonic() + timeout
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def shows(level: Level, expected: np.ndarray, *window: slice) -> bool:
    """Return whether a level shows the expected pixels when all of it is read."""
    expected = expected[window]
    until(lambda: np.array_equal(level[window], expected, equal_nan=True))
    return True


def threads() -> list[threading.Thread]:
    """Return the threads that read large images."""
    return [thread for thread in threading.enumerate() if thread.name == "large image"]
