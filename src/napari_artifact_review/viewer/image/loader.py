"""Reads full images off the main thread, a few of them ahead of need."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.folder import ImageFolder, read_image

ImageKey = tuple[str, int | None]


class ImageLoader:
    """One thread that reads images; the latest ones are kept, as far as memory goes.

    Used from the main thread only, but for the callbacks of its futures.

    Parameters
    ----------
    folder : ImageFolder
        Where the images are.
    run_in_main : callable
        Runs a function in the main thread, soon; called from any thread.

    Attributes
    ----------
    most_images : int
        How many images are kept.
    most_bytes : int
        How many bytes of pixels are kept besides those of the image on the screen.
    """

    #: The image on the screen, the next two and the previous one.
    most_images = 4

    most_bytes = 2**30

    def __init__(
        self,
        folder: ImageFolder,
        run_in_main: Callable[[Callable[[], object]], None],
    ) -> None:
        self._folder = folder
        self._run_in_main = run_in_main
        self._executor = ThreadPoolExecutor(1, "artifact-review-images")
        self._futures: OrderedDict[ImageKey, Future[LoadedImage]] = OrderedDict()
        self._sigma = 0.0

    @property
    def names(self) -> list[str]:
        """The images that are kept, or being read; the first is forgotten first."""
        return [name for name, _ in self._futures]

    @property
    def is_reading(self) -> bool:
        """Whether an image is being read, or waits to be."""
        return not all(future.done() for future in self._futures.values())

    def smooth(self, sigma: float) -> None:
        """Smooth by a Gaussian, `sigma` in pixels, what is loaded from now on.

        What has been read is not read again, only smoothed when it is asked for.
        """
        self._sigma = sigma

    def load(self, name: str, hdu: int | None = None) -> Future[LoadedImage]:
        """Return the future of an image, which goes before any that is read ahead."""
        key = (name, hdu)
        for other in [k for k, f in self._futures.items() if k != key and f.cancel()]:
            del self._futures[other]
        return self._future(key)

    def read_ahead(self, keys: Sequence[ImageKey]) -> None:
        """Read images that will soon be asked for, in this order, and forget others."""
        current = list(self._futures)[-1:]
        for key in keys:
            self._future(key).add_done_callback(
                lambda _: self._run_in_main(self._forget)
            )
        # What is asked for last is forgotten first, and what is on the screen never.
        for key in (*reversed(keys), *current):
            if key in self._futures:
                self._futures.move_to_end(key)
        self._forget()

    def at_hand(self, name: str, hdu: int | None = None) -> LoadedImage | None:
        """Return an image that has been read as a whole; None without."""
        future = self._futures.get((name, hdu))
        loaded = None if future is None else _loaded(future)
        # One in tiles is closed when the screen needs it no more.
        return None if loaded is None or loaded.full.tiles is not None else loaded

    def close(self) -> None:
        """Stop reading; an image that is being read is the last one."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        while self._futures:
            _give_up(self._futures.popitem()[1])

    def _future(self, key: ImageKey) -> Future[LoadedImage]:
        future = self._futures.get(key)
        # A failure is not kept: the file may have come back.
        if future is None or (future.done() and future.exception() is not None):
            future = self._executor.submit(self._read, *key)
        elif future.done() and future.result().sigma != self._sigma:
            future = self._executor.submit(self._again, future.result())
        self._futures[key] = future
        self._futures.move_to_end(key)
        return future

    def _forget(self) -> None:
        """Keep no more images, and no more bytes, than there is room for."""
        while len(self._futures) > self.most_images or self._are_too_large():
            _give_up(self._futures.popitem(last=False)[1])

    def _are_too_large(self) -> bool:
        """Tell whether images besides that on the screen take too much memory."""
        others = list(self._futures.values())[:-1]
        read = filter(None, map(_loaded, others))
        return sum(image.size for image in read) > self.most_bytes

    def _read(self, name: str, hdu: int | None) -> LoadedImage:
        return LoadedImage.of(read_image(self._folder.find(name), hdu), self._sigma)

    def _again(self, loaded: LoadedImage) -> LoadedImage:
        if loaded.full.tiles is not None:
            # They are smoothed as they are looked at.
            return loaded._replace(sigma=self._sigma)
        return LoadedImage.of(loaded.full, self._sigma)


def _give_up(future: Future[LoadedImage]) -> None:
    """Read an image no more, and let go of its file if it has been read."""
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
