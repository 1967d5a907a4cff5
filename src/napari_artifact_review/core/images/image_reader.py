"""Full images read one after another, and meanwhile those that come next."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import NamedTuple, TypeAlias

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.folder import ImageFolder, read_image

#: Images that are read at once: decoders let others run, so that as many as there are
#: processors take as long as one.
_AT_ONCE = min(4, os.cpu_count() or 1)

#: Bytes of a file beyond which it is read in its turn only: there may be no room for
#: several such images.
_MOST_BYTES = 64 * 2**20

#: What came of an image. An error that is kept must hold no frames: it is not raised.
_Read: TypeAlias = LoadedImage | ImageError


class ImageSource(NamedTuple):
    """What is to be read.

    Attributes
    ----------
    name : str
        Of the image.
    hdu : int or None
        The HDU that is wished.
    sigma : float
        What its pixels are smoothed by, in pixels; 0 for not at all.
    """

    name: str
    hdu: int | None
    sigma: float


class ImageReader:
    """Reads one image after another; used from one thread.

    The last image is kept, and one that cannot be read is tried once while it is the
    last.

    Parameters
    ----------
    images : ImageFolder
        Where the images are.
    """

    def __init__(self, images: ImageFolder) -> None:
        self._images = images
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
        """Tell whether it is known what comes of an image; wait for that a while."""
        return bool(wait([self._future(source)], seconds).done)

    def expect(
        self, sources: Iterable[ImageSource], at_hand: Mapping[str, LoadedImage]
    ) -> None:
        """Begin to read what will be asked for, in this order, and forget all else.

        Parameters
        ----------
        sources : iterable of ImageSource
            The images; read ahead are as many as can be read at once.
        at_hand : mapping of str to LoadedImage
            By name, images that the caller has read already.
        """
        before, self._futures = self._futures, {}
        for source in islice(sources, _AT_ONCE):
            loaded = at_hand.get(source.name)
            if source in before:
                self._futures[source] = before.pop(source)
            elif loaded is not None and loaded.sigma == source.sigma:
                self._futures[source] = Future()
                self._futures[source].set_result(loaded)
            elif self._is_small(source.name):
                self._begin(source)
        for future in before.values():
            future.cancel()

    def close(self) -> None:
        """Read no more; what is being read is the last."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _future(self, source: ImageSource) -> Future[_Read]:
        if source not in self._futures:
            # There may be no room for this one and any other.
            self.expect((), {})
            self._begin(source)
        return self._futures[source]

    def _begin(self, source: ImageSource) -> None:
        self._futures[source] = self._executor.submit(self._read, source)

    def _read(self, source: ImageSource) -> _Read:
        try:
            full = read_image(self._images.find(source.name), source.hdu, sky=False)
            return LoadedImage.of(full, source.sigma)
        except ImageError as error:
            return error.again()

    def _is_small(self, name: str) -> bool:
        try:
            path = self._images.find(name)
            return path.is_file() and path.stat().st_size <= _MOST_BYTES
        except (ImageError, OSError):
            # It is said in its turn.
            return False
