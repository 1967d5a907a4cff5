"""A loader that makes thumbnails of cutouts in a thread."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.image_cache import BytesCache, ImageCache
from napari_artifact_review.core.images.thumbnails import CutoutReader, Look

#: Pixels 0xffRRGGBB in Qt's fastest format, `QImage.Format_RGB32`.
Picture = npt.NDArray[np.uint32]

#: Number of images to request in advance. The reader reads fewer of them in parallel.
_IMAGES_AHEAD = 8

#: Minimum time between two deliveries of finished thumbnails, in seconds. The thread
#: must wait while the window paints the thumbnails.
_DELIVERY_INTERVAL = 0.2


class Made(NamedTuple):
    """A thumbnail, or the reason why it is missing.

    Attributes
    ----------
    look : Look
        Settings of the thumbnail.
    picture : ndarray of uint32, shape (rows, columns), or None
        Pixels 0xffRRGGBB of the thumbnail, or None if it is missing.
    problem : str
        The reason why the thumbnail is missing, or an empty string.
    """

    look: Look
    picture: Picture | None
    problem: str = ""


class PictureLoader:
    """A loader that makes thumbnails of cutouts, and keeps the latest in memory.

    One thread makes the thumbnails, because two threads would slow down each other and
    the window. Other threads read images in advance. All methods run in the main
    thread.

    Parameters
    ----------
    cache : ImageCache
        The images in memory, including the one on the screen.
    hdus : mapping of str to int
        The chosen HDU of each image, by image name.
    look : Look
        Settings of the thumbnails.
    run_in_main : callable
        Schedules a function in the main thread; callable from any thread.

    Attributes
    ----------
    made : Signal
        Emitted with the rows of new thumbnails.
    """

    made = Signal(list)

    def __init__(
        self,
        cache: ImageCache,
        hdus: Mapping[str, int | str],
        look: Look,
        run_in_main: Callable[[Callable[[], object]], None],
    ) -> None:
        self._look = look
        # About 600 thumbnails of 200 x 200 pixels.
        self.most_bytes = 96 * 2**20

        def deliver(done: Sequence[tuple[int, Made]]) -> None:
            run_in_main(partial(self._receive, done))

        def fail(error: Exception) -> None:
            run_in_main(partial(_fail, error))

        self._worker = _Worker(CutoutReader(cache, hdus), deliver, fail)

    @property
    def most_bytes(self) -> int:
        """Maximum bytes of thumbnails in memory; a new value drops all thumbnails."""
        return int(self._made.maxsize)

    @most_bytes.setter
    def most_bytes(self, count: int) -> None:
        self._made = BytesCache[int, Made](count, _size)

    def show_as(self, look: Look) -> None:
        """Change the settings of new thumbnails, and keep the old thumbnails."""
        self._look = look

    def want(self, cutouts: Iterable[Cutout]) -> None:
        """Request the missing thumbnails of cutouts, and cancel earlier requests."""
        missing = [cutout for cutout in cutouts if not self.has(cutout.row)]
        self._worker.want(missing, self._look)

    def has(self, row: int) -> bool:
        """Return whether a thumbnail or an error for the current settings is in memory.

        `row` is the cutout's row in the table.
        """
        made = self._made.get(row)
        return made is not None and made.look is self._look

    def room_for(self, size: int) -> int:
        """Return the number of thumbnails that fit into `most_bytes`.

        `size` is the side of a cutout in pixels.
        """
        return self.most_bytes // (4 * (size // self._look.shrink) ** 2)

    def find(self, row: int) -> Made | None:
        """Return a cutout's latest thumbnail, even with outdated settings, or None."""
        return self._made.get(row)

    def close(self) -> None:
        """Stop making thumbnails after the current one."""
        self._worker.close()

    def _receive(self, done: Sequence[tuple[int, Made]]) -> None:
        self._made.update(done)
        self.made.emit([row for row, _ in done])


class _Task(NamedTuple):
    """A request for one thumbnail.

    Attributes
    ----------
    cutout : Cutout
        The cutout.
    look : Look
        Settings of the thumbnail.
    next_cutouts : list of Cutout
        In the first task of an image, the cutouts of this image and the next images;
        otherwise empty.
    """

    cutout: Cutout
    look: Look
    next_cutouts: list[Cutout]


class _Worker:
    """A worker that makes the thumbnails requested last, in a thread.

    Parameters
    ----------
    reader : CutoutReader
        Reads the cutouts; used in the thread.
    deliver : callable
        Called in the thread with a list of (row, thumbnail).
    fail : callable
        Called in the thread with an unexpected exception.
    """

    def __init__(
        self,
        reader: CutoutReader,
        deliver: Callable[[Sequence[tuple[int, Made]]], None],
        fail: Callable[[Exception], None],
    ) -> None:
        self._reader = reader
        self._deliver = deliver
        self._fail = fail
        self._executor = ThreadPoolExecutor(1, "artifact-review-pictures")
        # Guards the attributes below.
        self._lock = threading.Lock()
        self._wanted: deque[_Task] = deque()
        # Settings by row, for thumbnails that are being made or have not been
        # delivered.
        self._begun: dict[int, Look] = {}
        self._is_working = False
        self._is_closed = False

    def want(self, cutouts: Iterable[Cutout], look: Look) -> None:
        """Request thumbnails, image by image, and cancel earlier requests."""
        with self._lock:
            missing = (c for c in cutouts if self._begun.get(c.row) is not look)
            self._wanted = deque(_tasks(missing, look))
            begins = bool(self._wanted) and not self._is_working
            self._is_working |= begins
        if begins:
            self._executor.submit(self._work)

    def close(self) -> None:
        """Stop making thumbnails."""
        with self._lock:
            self._wanted.clear()
            self._is_closed = True
            is_idle = not self._is_working
        # A working thread closes the reader after its current thumbnail.
        if is_idle:
            self._reader.close()
        self._executor.shutdown(wait=False)

    def _work(self) -> None:
        """Make the next requested thumbnail; repeat until no request is pending."""
        done: list[tuple[int, Made]] = []
        delivered = time.monotonic()
        try:
            while (task := self._next()) is not None:
                if task.next_cutouts:
                    self._reader.expect(task.next_cutouts, task.look.display.sigma)
                # Deliver finished thumbnails without waiting for the next image.
                self._wait_for(task, delivered + _DELIVERY_INTERVAL)
                if done and time.monotonic() - delivered >= _DELIVERY_INTERVAL:
                    self._hand_over(done)
                    done, delivered = [], time.monotonic()
                done.append((task.cutout.row, self._make(task)))
        # `fail` raises the exception in the main thread.
        except Exception as error:  # noqa: BLE001
            with self._lock:
                self._wanted.clear()
                self._begun.clear()
                self._is_working = False
            self._fail(error)
        if done:
            self._hand_over(done)
        if self._is_closed:
            self._reader.close()

    def _wait_for(self, task: _Task, end: float) -> None:
        """Wait until the image of a cutout is read, or until the time `end`.

        `end` is a time of `time.monotonic`.
        """
        seconds = max(0.0, end - time.monotonic())
        self._reader.wait_for(task.cutout, task.look.display.sigma, seconds)

    def _hand_over(self, done: Sequence[tuple[int, Made]]) -> None:
        self._deliver(done)
        with self._lock:
            for row, made in done:
                if self._begun.get(row) is made.look:
                    del self._begun[row]

    def _next(self) -> _Task | None:
        with self._lock:
            self._is_working = bool(self._wanted)
            if not self._wanted:
                return None
            task = self._wanted.popleft()
            self._begun[task.cutout.row] = task.look
            return task

    def _make(self, task: _Task) -> Made:
        try:
            picture = self._reader.picture(task.cutout, task.look)
            return Made(task.look, _packed(picture))
        except ImageError as error:
            return Made(task.look, None, str(error))


def _tasks(cutouts: Iterable[Cutout], look: Look) -> Iterator[_Task]:
    """Yield tasks image by image; images are in the order of their first cutouts."""
    found: dict[str, list[Cutout]] = {}
    for cutout in cutouts:
        found.setdefault(cutout.image_name, []).append(cutout)
    batches = [*found.values()]
    for i, batch in enumerate(batches):
        next_cutouts = [*chain.from_iterable(batches[i : i + _IMAGES_AHEAD])]
        for cutout in batch:
            yield _Task(cutout, look, next_cutouts)
            next_cutouts = []


def _packed(picture: npt.NDArray[np.uint8]) -> Picture:
    """Pack red, green and blue of each pixel into one number 0xffRRGGBB.

    `picture` has the shape (rows, columns, 3).
    """
    red, green, blue = np.moveaxis(picture.astype(np.uint32), -1, 0)
    packed: Picture = 0xFF000000 | red << 16 | green << 8 | blue
    return packed


def _size(made: Made) -> int:
    return 0 if made.picture is None else int(made.picture.nbytes)


def _fail(error: Exception) -> None:
    raise error
