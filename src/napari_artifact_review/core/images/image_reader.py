"""Read full images in background threads, before they are needed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeAlias

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.image_cache import ImageCache, ImageSource

#: Number of images to read in parallel. Decoders release Python's global interpreter
#: lock, so reading one image per processor takes as long as reading a single image.
_AT_ONCE = min(4, os.cpu_count() or 1)

#: Size in bytes above which a file is not read ahead, because several such images may
#: not fit into memory.
_MOST_BYTES = 64 * 2**20

#: An image, or the error from reading the image. The error has no traceback, because a
#: traceback would keep frames in memory.
_Read: TypeAlias = LoadedImage | ImageError


class ImageReader:
    """A reader of images in background threads.

    Call its methods from a single thread. The latest image stays in memory. If the
    latest image cannot be read, further calls raise the same error without another
    attempt.

    Parameters
    ----------
    cache : ImageCache
        Cache that reads the images.
    """

    def __init__(self, cache: ImageCache) -> None:
        self._cache = cache
        self._executor = ThreadPoolExecutor(_AT_ONCE, "artifact-review-reading")
        self._futures: dict[ImageSource, Future[_Read]] = {}

    def read(self, source: ImageSource) -> LoadedImage:
        """Wait until an image has been read, and return it.

        Raises
        ------
        ImageError
            If the image cannot be read.
        """
        read = self._future(source).result()
        if isinstance(read, ImageError):
            raise read.without_traceback()
        return read

    def wait_for(self, source: ImageSource, seconds: float) -> bool:
        """Wait up to `seconds` for an image; return whether reading has finished."""
        return bool(wait([self._future(source)], seconds).done)

    def expect(self, sources: Iterable[ImageSource]) -> None:
        """Start reading images before they are needed, and cancel other reads.

        Reads that have already started are not cancelled.

        Parameters
        ----------
        sources : iterable of ImageSource
            The images, in the order in which they are needed. Only the first few images
            are read, and only if their files are small.
        """
        before, self._futures = self._futures, {}
        for source in islice(sources, _AT_ONCE):
            if source in before:
                self._futures[source] = before.pop(source)
            elif self._cache.find(source) is not None or self._is_small(source.name):
                self._begin(source)
        for future in before.values():
            future.cancel()

    def close(self) -> None:
        """Stop reading; reads that have already started finish in the background."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _future(self, source: ImageSource) -> Future[_Read]:
        if source not in self._futures:
            # Remove other images, because memory may not suffice for two images.
            self.expect(())
            self._begin(source)
        return self._futures[source]

    def _begin(self, source: ImageSource) -> None:
        found = self._cache.find(source)
        if found is None:
            self._futures[source] = self._executor.submit(self._read, source)
        else:
            self._futures[source] = Future()
            self._futures[source].set_result(found)

    def _read(self, source: ImageSource) -> _Read:
        try:
            return self._cache.read(source, sky=False)
        except ImageError as error:
            return error.without_traceback()

    def _is_small(self, name: str) -> bool:
        try:
            path = self._cache.folder.find(name)
            return path.is_file() and path.stat().st_size <= _MOST_BYTES
        except (ImageError, OSError):
            # `read` raises the error when this image is requested.
            return False
