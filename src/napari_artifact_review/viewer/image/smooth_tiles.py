"""Smoothing of the visible parts of tiled images in a thread."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from napari_artifact_review.core.decoders import Pixels
from napari_artifact_review.core.images.stretch import smoothed
from napari_artifact_review.core.tiled.tiles import Level, TiledImage

#: Smallest sigma with a visible effect, in pixels of a level.
_LEAST_SIGMA = 0.25


def smooth_levels(tiles: TiledImage, sigma: float) -> list[Level | SmoothLevel]:
    """Return the levels of a tiled image, smoothed where this has a visible effect.

    The coarsest level is never smoothed.

    Parameters
    ----------
    tiles : TiledImage
        The image. Its signal `changed` is emitted when a part has been smoothed.
    sigma : float
        Sigma of the Gaussian, in pixels of level 0; 0 for no smoothing.
    """
    *fine, last = tiles.levels
    smooth = [
        SmoothLevel(tiles, level, sigma / 2**number)
        if sigma / 2**number >= _LEAST_SIGMA
        else level
        for number, level in enumerate(fine)
    ]
    return [*smooth, last]


class SmoothLevel:
    """A smoothed level of a tiled image, as an array for napari.

    Indexing never waits. Until a part has been smoothed, indexing returns raw pixels.

    Attributes
    ----------
    shape, dtype, ndim, size, chunks
        As for `Level`, but the dtype is always float32.
    """

    ndim = 2
    dtype = np.dtype(np.float32)

    def __init__(self, tiles: TiledImage, level: Level, sigma: float) -> None:
        self._tiles = tiles
        self._level = level
        self._sigma = sigma
        self.shape, self.size, self.chunks = level.shape, level.size, level.chunks
        self._lock = threading.Lock()
        self._is_working = False
        # The pixels to smooth next.
        self._wanted: Pixels | None = None
        # The pixels that were smoothed last, and the result.
        self._ready: tuple[Pixels, Pixels] | None = None

    def __getitem__(self, key: Any) -> Any:
        """Return a smoothed part, or the raw pixels while a thread smooths them."""
        with np.errstate(over="ignore"):
            found = np.asarray(self._level[key], np.float32)
        if found.ndim != 2 or not found.size:
            return found
        with self._lock:
            if self._ready is not None and _is_same(self._ready[0], found):
                return self._ready[1]
            self._wanted = found
            begins, self._is_working = not self._is_working, True
        if begins:
            threading.Thread(target=self._work, name="artifact-review-smooth").start()
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Pixels:
        """Return the whole level without smoothing."""
        return np.asarray(self._level, dtype or self.dtype)

    def _work(self) -> None:
        """Smooth the latest request; repeat until no request is pending."""
        while True:
            with self._lock:
                wanted, self._wanted = self._wanted, None
                if wanted is None:
                    self._is_working = False
                    return
            result = smoothed(wanted, self._sigma)
            with self._lock:
                self._ready = wanted, result
            self._tiles.changed.emit()


def _is_same(one: Pixels, other: Pixels) -> bool:
    """Return whether two float32 arrays are bitwise equal, including NaN."""
    return one.shape == other.shape and np.array_equal(
        one.view(np.uint32), other.view(np.uint32)
    )
