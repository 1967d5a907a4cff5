"""A loader that reads the current image, and nearby images in advance, in a thread."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.images.image_cache import (
    MOST_BYTES,
    ImageCache,
    ImageSource,
)

ImageKey = tuple[str, int | str | None]


class ImageLoader:
    """A loader that reads the current image and nearby images of the queue.

    One thread reads the images. All methods run in the main thread, except the
    callbacks of futures.

    Parameters
    ----------
    folder : ImageFolder
        The folder of the images.
    run_in_main : callable
        Schedules a function in the main thread; callable from any thread.
    on_read : callable, optional
        Called with the name and the image after an image was read from its file, in
        the thread that read the image.

    Attributes
    ----------
    cache : ImageCache
        The images in memory, shared with the gallery.
    most_images : int
        Maximum number of images in memory or being read.
    most_bytes : int
        Maximum number of bytes of the images in memory, without the image on the
        screen.
    """

    #: The image on the screen, the next two and the previous one.
    most_images = 4

    most_bytes = 2**30

    def __init__(
        self,
        folder: ImageFolder,
        run_in_main: Callable[[Callable[[], object]], None],
        on_read: Callable[[str, FullImage], object] | None = None,
    ) -> None:
        self.cache = ImageCache(folder, MOST_BYTES, on_read)
        self._run_in_main = run_in_main
        self._executor = ThreadPoolExecutor(1, "artifact-review-images")
        # `LRUCache` is not suitable: the size of an image is unknown before it is read,
        # the number of images is limited too, and the image on the screen must never be
        # dropped.
        self._futures: OrderedDict[ImageKey, Future[LoadedImage]] = OrderedDict()
        self._sigma = 0.0
        # Replaced images, which may be on the screen until they have been read again.
        self._replaced: list[Future[LoadedImage]] = []

    @property
    def names(self) -> list[str]:
        """Names of images in memory or being read; the first image is dropped first."""
        return [name for name, _ in self._futures]

    @property
    def is_reading(self) -> bool:
        """Whether an image is being read or is waiting to be read."""
        return not all(future.done() for future in self._futures.values())

    def smooth(self, sigma: float) -> None:
        """Set the sigma, in pixels, of the Gaussian that smooths images; 0 for none.

        An image that is already in memory is smoothed at its next request, without
        being read again.
        """
        self._sigma = sigma

    def load(self, name: str, hdu: int | str | None = None) -> Future[LoadedImage]:
        """Return the future of an image, and cancel other reads that have not begun.

        `hdu` is the index or name of an HDU; None means the default HDU. The future
        raises `ImageError` if the image cannot be read.
        """
        key = (name, hdu)
        for other in [k for k, f in self._futures.items() if k != key and f.cancel()]:
            del self._futures[other]
        return self._future(key)

    def read_again(self, name: str, hdu: int | str | None = None) -> None:
        """Read the changed file of an image again at the image's next request."""
        future = self._futures.pop((name, hdu), None)
        if future is not None:
            self._replaced.append(future)

    def read_ahead(self, keys: Sequence[ImageKey]) -> None:
        """Read images in advance in the given order, and drop excess images."""
        current = list(self._futures)[-1:]
        for key in keys:
            self._future(key).add_done_callback(
                lambda _: self._run_in_main(self._drop_excess)
            )
        # The last image of `keys` is dropped first. The image on the screen is never
        # dropped.
        for key in (*reversed(keys), *current):
            if key in self._futures:
                self._futures.move_to_end(key)
        self._drop_excess()

    def at_hand(self, name: str, hdu: int | str | None = None) -> LoadedImage | None:
        """Return an untiled image that is in memory, or None."""
        future = self._futures.get((name, hdu))
        loaded = None if future is None else _loaded(future)
        # Never return a tiled image, which may be closed at any time.
        return None if loaded is None or loaded.full.tiles is not None else loaded

    def close(self) -> None:
        """Drop all images, and stop reading after the image that is being read."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        while self._futures:
            _give_up(self._futures.popitem()[1])
        self._drop_excess()
        self.cache.clear()

    def _future(self, key: ImageKey) -> Future[LoadedImage]:
        future = self._futures.get(key)
        # Read an image again after an error, because its file may be available now.
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
        """Drop replaced images, and images in excess of the limits."""
        while self._replaced:
            _give_up(self._replaced.pop())
        while len(self._futures) > self.most_images or self._are_too_large():
            _give_up(self._futures.popitem(last=False)[1])

    def _are_too_large(self) -> bool:
        """Return whether the images, except the newest, exceed `most_bytes`."""
        others = list(self._futures.values())[:-1]
        read = filter(None, map(_loaded, others))
        return sum(image.size for image in read) > self.most_bytes


def _give_up(future: Future[LoadedImage]) -> None:
    """Cancel the read of an image, or close the image after the read."""
    if not future.cancel():
        future.add_done_callback(_close)


def _close(future: Future[LoadedImage]) -> None:
    loaded = _loaded(future)
    if loaded is not None and loaded.full.tiles is not None:
        loaded.full.tiles.close()


def _loaded(future: Future[LoadedImage]) -> LoadedImage | None:
    """Return the image of a future, or None before the read and after an error."""
    ended = future.done() and not future.cancelled()
    return future.result() if ended and future.exception() is None else None
