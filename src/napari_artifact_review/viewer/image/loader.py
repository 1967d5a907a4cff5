"""Reads full images off the main thread, a few of them ahead of need."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.image_cache import (
    MOST_BYTES,
    ImageCache,
    ImageSource,
)

ImageKey = tuple[str, int | None]


class ImageLoader:
    """One thread that reads the image on the screen, and those near it in the queue.

    Used from the main thread only, but for the callbacks of its futures.

    Parameters
    ----------
    folder : ImageFolder
        The folder of the images.
    run_in_main : callable
        Runs a function in the main thread, soon; called from any thread.

    Attributes
    ----------
    cache : ImageCache
        The images in memory; the gallery takes its images from here too.
    most_images : int
        Maximum number of images held.
    most_bytes : int
        Maximum bytes of pixels held besides those of the image on the screen.
    """

    #: The image on the screen, the next two and the previous one.
    most_images = 4

    most_bytes = 2**30

    def __init__(
        self,
        folder: ImageFolder,
        run_in_main: Callable[[Callable[[], object]], None],
    ) -> None:
        self.cache = ImageCache(folder, MOST_BYTES)
        self._run_in_main = run_in_main
        self._executor = ThreadPoolExecutor(1, "artifact-review-images")
        # No `LRUCache`: the size is not known before an image is read, the number
        # counts too, and the image on the screen always stays.
        self._futures: OrderedDict[ImageKey, Future[LoadedImage]] = OrderedDict()
        self._sigma = 0.0

    @property
    def names(self) -> list[str]:
        """The images that are held or being read; the first is dropped first."""
        return [name for name, _ in self._futures]

    @property
    def is_reading(self) -> bool:
        """Whether an image is being read, or waits to be."""
        return not all(future.done() for future in self._futures.values())

    def smooth(self, sigma: float) -> None:
        """Smooth by a Gaussian, `sigma` in pixels, every image loaded from now on.

        An image that has been read is not read again, only smoothed when it is asked
        for.
        """
        self._sigma = sigma

    def load(self, name: str, hdu: int | None = None) -> Future[LoadedImage]:
        """Return the future of an image, which precedes any that is read ahead."""
        key = (name, hdu)
        for other in [k for k, f in self._futures.items() if k != key and f.cancel()]:
            del self._futures[other]
        return self._future(key)

    def read_ahead(self, keys: Sequence[ImageKey]) -> None:
        """Read images that will soon be asked for, in this order, and drop others."""
        current = list(self._futures)[-1:]
        for key in keys:
            self._future(key).add_done_callback(
                lambda _: self._run_in_main(self._drop_excess)
            )
        # The last of `keys` is dropped first, and the image on the screen never.
        for key in (*reversed(keys), *current):
            if key in self._futures:
                self._futures.move_to_end(key)
        self._drop_excess()

    def at_hand(self, name: str, hdu: int | None = None) -> LoadedImage | None:
        """Return an image that has been read as a whole; None without."""
        future = self._futures.get((name, hdu))
        loaded = None if future is None else _loaded(future)
        # An image in tiles is closed when the screen needs it no more.
        return None if loaded is None or loaded.full.tiles is not None else loaded

    def close(self) -> None:
        """Stop reading; an image that is being read is the last one."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        while self._futures:
            _give_up(self._futures.popitem()[1])
        self.cache.clear()

    def _future(self, key: ImageKey) -> Future[LoadedImage]:
        future = self._futures.get(key)
        # A failure does not stay: the file may have come back.
        if future is None or (future.done() and future.exception() is not None):
            future = self._executor.submit(self._read, key)
        elif future.done() and future.result().sigma != self._sigma:
            future = self._executor.submit(self._smooth, key, future.result())
        self._futures[key] = future
        self._futures.move_to_end(key)
        return future

    def _read(self, key: ImageKey) -> LoadedImage:
        return self.cache.read(ImageSource(*key, self._sigma))

    def _smooth(self, key: ImageKey, loaded: LoadedImage) -> LoadedImage:
        return self.cache.smooth(ImageSource(*key, self._sigma), loaded)

    def _drop_excess(self) -> None:
        """Hold no more images, and no more bytes, than allowed."""
        while len(self._futures) > self.most_images or self._are_too_large():
            _give_up(self._futures.popitem(last=False)[1])

    def _are_too_large(self) -> bool:
        """Return whether images besides that on the screen take too much memory."""
        others = list(self._futures.values())[:-1]
        read = filter(None, map(_loaded, others))
        return sum(image.size for image in read) > self.most_bytes


def _give_up(future: Future[LoadedImage]) -> None:
    """Cancel the reading of an image, or close its file if it has been read."""
    if not future.cancel():
        future.add_done_callback(_close)


def _close(future: Future[LoadedImage]) -> None:
    loaded = _loaded(future)
    if loaded is not None and loaded.full.tiles is not None:
        loaded.full.tiles.close()


def _loaded(future: Future[LoadedImage]) -> LoadedImage | None:
    """Return what was read; None as long as it is not, or if it cannot be."""
    ended = future.done() and not future.cancelled()
    return future.result() if ended and future.exception() is None else None
