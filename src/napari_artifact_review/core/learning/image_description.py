"""Descriptors of an image's cutouts, from its file or from the user's cache."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from napari_artifact_review.core.errors import CacheError
from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.core.images.identity import ImageFile, pixel_identity
from napari_artifact_review.core.learning.descriptor_cache import DescriptorCache
from napari_artifact_review.core.learning.descriptors import describe_cutouts


class ImageDescription(NamedTuple):
    """Descriptors of an image's cutouts.

    Attributes
    ----------
    values : ndarray of float16, shape (n, d)
        The descriptors; see `describe_cutouts`.
    identity : str or None
        Identity of the pixels; None if they cannot identify the image.
    file : ImageFile or None
        The file that was read; None if the descriptors are from the cache.
    problem : CacheError or None
        Error of the cache, without which the descriptors were computed.
    """

    values: npt.NDArray[np.float16]
    identity: str | None
    file: ImageFile | None = None
    problem: CacheError | None = None


def describe_image(
    path: Path,
    hdu: int | str | None,
    grid_x: npt.NDArray[np.int64],
    grid_y: npt.NDArray[np.int64],
    size: int,
    identity: str | None = None,
) -> ImageDescription:
    """Describe the cutouts of an image, or look up their descriptors in the cache.

    A large image, which is read part by part, has no identity by which the cache could
    know it.

    Parameters
    ----------
    path : Path
        File of the image.
    hdu : int, str or None
        HDU of the image; None for the default one.
    grid_x, grid_y : ndarray of int64, shape (n,)
        Column and row of the top left pixel of each cutout.
    size : int
        Side length of a cutout in pixels.
    identity : str, optional
        Identity of the pixels, if it is known. An image in the cache is then not read.

    Raises
    ------
    ImageError
        If the image cannot be read.
    """
    # Rounding depends on the number of threads.
    with threadpool_limits(1):
        return _describe(path, hdu, grid_x, grid_y, size, identity)


def _describe(
    path: Path,
    hdu: int | str | None,
    grid_x: npt.NDArray[np.int64],
    grid_y: npt.NDArray[np.int64],
    size: int,
    identity: str | None,
) -> ImageDescription:
    cache = _Cache(grid_x, grid_y, size)
    found = cache.get(identity)
    if found is not None:
        return ImageDescription(found, identity)
    image = read_image(path, hdu, sky=False)
    pixels = image.pixels
    identity = pixel_identity(pixels) if isinstance(pixels, np.ndarray) else None
    found = cache.get(identity)
    if found is None:
        found = describe_cutouts(pixels, grid_x, grid_y, size)
        cache.put(identity, found)
    return ImageDescription(found, identity, image.file, cache.problem)


class _Cache:
    """The cache for the cutouts of one image; its first error is kept, not raised."""

    def __init__(
        self, grid_x: npt.NDArray[np.int64], grid_y: npt.NDArray[np.int64], size: int
    ) -> None:
        self.problem: CacheError | None = None
        self._cache = DescriptorCache.of_user()
        self._cutouts = grid_x, grid_y, size

    def get(self, identity: str | None) -> npt.NDArray[np.float16] | None:
        if identity is None or self.problem is not None:
            return None
        try:
            return self._cache.get(identity, *self._cutouts)
        except CacheError as error:
            self.problem = error
            return None

    def put(self, identity: str | None, values: npt.NDArray[np.float16]) -> None:
        if identity is None or self.problem is not None:
            return
        try:
            grid_x, grid_y, size = self._cutouts
            self._cache.put(identity, grid_x, grid_y, size, values)
        except CacheError as error:
            self.problem = error
