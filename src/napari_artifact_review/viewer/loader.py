"""Read full images off the main thread, a few of them ahead of need."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from napari_artifact_review.core.full_image import FullImage
from napari_artifact_review.core.images import ImageFolder, read_image

#: The image on the screen, the next, the one after, and the previous one.
_IMAGES_KEPT = 4

ImageKey = tuple[str, int | None]


class ImageLoader:
    """One thread that reads images; the latest ones are kept.

    Used from the main thread only, but for the callbacks of its futures.
    """

    def __init__(self, folder: ImageFolder) -> None:
        self._folder = folder
        self._executor = ThreadPoolExecutor(1, "artifact-review-images")
        self._futures: OrderedDict[ImageKey, Future[FullImage]] = OrderedDict()

    def load(self, name: str, hdu: int | None = None) -> Future[FullImage]:
        """Return the future of an image, which goes before any that is read ahead."""
        key = (name, hdu)
        for other in [k for k, f in self._futures.items() if k != key and f.cancel()]:
            del self._futures[other]
        return self._future(key)

    def read_ahead(self, names: Sequence[str]) -> None:
        """Read images that will soon be asked for, in this order."""
        for name in names:
            self._future((name, None))
        while len(self._futures) > _IMAGES_KEPT:
            self._futures.popitem(last=False)[1].cancel()

    def close(self) -> None:
        """Stop reading; an image that is being read is the last one."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._futures.clear()

    def _future(self, key: ImageKey) -> Future[FullImage]:
        future = self._futures.get(key)
        # A failure is not kept: the file may have come back.
        if future is None or (future.done() and future.exception() is not None):
            future = self._executor.submit(self._read, *key)
            self._futures[key] = future
        self._futures.move_to_end(key)
        return future

    def _read(self, name: str, hdu: int | None) -> FullImage:
        return read_image(self._folder.find(name), hdu)
