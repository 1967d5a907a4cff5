"""Read one full image after another, and the next ones ahead of need."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeAlias

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.image_cache import ImageCache, ImageSource

#: Number of images that are read at once. Decoders release Python's lock: as many
#: images as there are processors take as long as one.
_AT_ONCE = min(4, os.cpu_count() or 1)

#: Bytes of a file beyond which it is not read ahead: there may be no room for several
#: such images.
_MOST_BYTES = 64 * 2**20

#: An image, or why it cannot be read: an error without traceback, so that it does not
#: keep frames alive.
_Read: TypeAlias = LoadedImage | ImageError


class ImageReader:
    """Reads images in threads of its own; used from one thread.

    The last image stays in memory. An image that cannot be read is tried once while it
    is the last one.

    Parameters
    ----------
    cache : ImageCache
        Reads the images, and may have them already.
    """

    def __init__(self, cache: ImageCache) -> None:
        self._cache = cache
        self._executor = ThreadPoolExecutor(_AT_ONCE, "artifact-review-reading")
        self._futures: dict[ImageSource, Future[_Read]] = {}

    def read(self, source: ImageSource) -> LoadedImage:
        """Return an image; waits until it is read.

        Raises
        ------
        ImageError
            If it cannot be read.
        """
        read = self._future(source).result()
        if isinstance(read, ImageError):
            raise read.again()
        return read

    def wait_for(self, source: ImageSource, seconds: float) -> bool:
        """Wait up to `seconds` for an image; return whether `read` returns at once."""
        return bool(wait([self._future(source)], seconds).done)

    def expect(self, sources: Iterable[ImageSource]) -> None:
        """Begin to read the images that `read` will return next; drop all others.

        Parameters
        ----------
        sources : iterable of ImageSource
            The images, in the order of need. As many as can be read at once are begun.
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
        """Read no more; reads under way end by themselves."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _future(self, source: ImageSource) -> Future[_Read]:
        if source not in self._futures:
            # There may be no room for this image and any other.
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
            return error.again()

    def _is_small(self, name: str) -> bool:
        try:
            path = self._cache.folder.find(name)
            return path.is_file() and path.stat().st_size <= _MOST_BYTES
        except (ImageError, OSError):
            # `read` raises the error when it is asked for this image.
            return False
