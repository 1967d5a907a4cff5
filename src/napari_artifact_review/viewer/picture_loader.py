"""Makes pictures of cutouts off the main thread, first those that are looked at."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images import ImageFolder
from napari_artifact_review.core.thumbnails import CutoutReader, Look

#: A pixel is 0xffRRGGBB: what Qt draws fastest, `QImage.Format_RGB32`.
Picture = npt.NDArray[np.uint32]

#: Bytes of pictures that are kept: some 600 of 200 x 200 pixels.
_MOST_BYTES = 96 * 2**20

#: How many can be made ahead without those in view being forgotten for them.
MOST_AHEAD = 400

#: Two images are read at a time: one of the two waits for the disk, mostly.
_WORKERS = 2

#: Seconds after which what has been made is shown, while more is being made.
_SOON = 0.03


class Made(NamedTuple):
    """What came of a cutout.

    Attributes
    ----------
    look : Look
        How the picture looks.
    picture : ndarray of uint32, shape (rows, columns), or None
        The picture, if there is one; a pixel is 0xffRRGGBB.
    problem : str
        Why there is none.
    """

    look: Look
    picture: Picture | None
    problem: str = ""


class PictureLoader:
    """Makes pictures of cutouts in threads; the latest ones are kept.

    Used from the main thread only.

    Parameters
    ----------
    images : ImageFolder
        Where the images are.
    hdus : mapping of str to int
        The HDU that is wished of an image, by its name.
    look : Look
        How pictures look.
    run_in_main : callable
        Runs a function in the main thread, soon; called from any thread.

    Attributes
    ----------
    made : Signal
        Emitted with the rows whose pictures are there now.
    """

    made = Signal(list)

    def __init__(
        self,
        images: ImageFolder,
        hdus: Mapping[str, int],
        look: Look,
        run_in_main: Callable[[Callable[[], object]], None],
    ) -> None:
        self._look = look
        self._made: OrderedDict[int, Made] = OrderedDict()
        self._bytes = 0

        def deliver(done: Sequence[tuple[int, Made]]) -> None:
            run_in_main(partial(self._take, done))

        def fail(error: Exception) -> None:
            run_in_main(partial(_fail, error))

        self._workers = [
            _Worker(CutoutReader(images, hdus), deliver, fail) for _ in range(_WORKERS)
        ]

    def show_as(self, look: Look) -> None:
        """Make pictures that look otherwise; those that are there stay meanwhile."""
        self._look = look

    def want(self, cutouts: Sequence[Cutout], ahead: Sequence[Cutout] = ()) -> None:
        """Make pictures of these, then of those ahead, and of nothing else.

        Of either, those of an image are made together, so that it is read once.
        """
        shares: list[list[Cutout]] = [[] for _ in self._workers]
        for part in (cutouts, ahead):
            for name, group in _by_image(c for c in part if not self.has(c.row)):
                # Always by the same one, who may have its cutouts still.
                shares[crc32(name.encode()) % len(shares)] += group
        for worker, share in zip(self._workers, shares, strict=True):
            worker.want(share, self._look)

    def has(self, row: int) -> bool:
        """Tell whether it is known how a cutout looks as is wished now, or why not."""
        made = self._made.get(row)
        return made is not None and made.look is self._look

    def find(self, row: int) -> Made | None:
        """Return the latest of a cutout, perhaps with another look; None without."""
        made = self._made.get(row)
        if made is not None:
            self._made.move_to_end(row)
        return made

    def close(self) -> None:
        """Make no more; a picture that is being made is the last one."""
        for worker in self._workers:
            worker.close()

    def _take(self, done: Sequence[tuple[int, Made]]) -> None:
        for row, made in done:
            self._bytes += _size(made) - _size(self._made.pop(row, None))
            self._made[row] = made
        while self._bytes > _MOST_BYTES:
            self._bytes -= _size(self._made.popitem(last=False)[1])
        self.made.emit([row for row, _ in done])


class _Worker:
    """A thread that makes what is wanted last.

    Parameters
    ----------
    reader : CutoutReader
        Reads, in the thread.
    deliver : callable
        Called in the thread with rows and what came of them.
    fail : callable
        Called in the thread with what must not have been raised there.
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
        # What both threads know.
        self._lock = threading.Lock()
        self._wanted: deque[tuple[Cutout, Look]] = deque()
        self._is_working = False

    def want(self, cutouts: Sequence[Cutout], look: Look) -> None:
        """Make pictures of these, in this order, and of nothing else."""
        with self._lock:
            self._wanted = deque((cutout, look) for cutout in cutouts)
            begins = bool(cutouts) and not self._is_working
            self._is_working |= begins
        if begins:
            self._executor.submit(self._work)

    def close(self) -> None:
        """Make no more."""
        with self._lock:
            self._wanted.clear()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _work(self) -> None:
        """Make what is wanted until nothing is."""
        done: list[tuple[int, Made]] = []
        told = time.monotonic()
        try:
            while (wanted := self._next()) is not None:
                cutout, look = wanted
                done.append((cutout.row, self._make(cutout, look)))
                if time.monotonic() - told > _SOON:
                    self._deliver(done)
                    done, told = [], time.monotonic()
        # Whatever it is, the main thread decides who hears of it.
        except Exception as error:  # noqa: BLE001
            with self._lock:
                self._wanted.clear()
                self._is_working = False
            self._fail(error)
        if done:
            self._deliver(done)

    def _next(self) -> tuple[Cutout, Look] | None:
        with self._lock:
            self._is_working = bool(self._wanted)
            return self._wanted.popleft() if self._wanted else None

    def _make(self, cutout: Cutout, look: Look) -> Made:
        try:
            return Made(look, _packed(self._reader.picture(cutout, look)))
        except ImageError as error:
            return Made(look, None, str(error))


def _by_image(cutouts: Iterable[Cutout]) -> Iterable[tuple[str, list[Cutout]]]:
    """Return cutouts image by image, in the order of each image's first one."""
    found: dict[str, list[Cutout]] = {}
    for cutout in cutouts:
        found.setdefault(cutout.image_name, []).append(cutout)
    return found.items()


def _packed(picture: npt.NDArray[np.uint8]) -> Picture:
    """Return red, green and blue of each pixel in one number."""
    red, green, blue = np.moveaxis(picture.astype(np.uint32), -1, 0)
    packed: Picture = 0xFF000000 | red << 16 | green << 8 | blue
    return packed


def _size(made: Made | None) -> int:
    return 0 if made is None or made.picture is None else int(made.picture.nbytes)


def _fail(error: Exception) -> None:
    raise error
