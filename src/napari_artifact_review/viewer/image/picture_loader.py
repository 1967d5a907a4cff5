"""Makes pictures of cutouts in a thread, first those that are looked at."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
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
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.thumbnails import CutoutReader, Look

#: A pixel is 0xffRRGGBB: what Qt draws fastest, `QImage.Format_RGB32`.
Picture = npt.NDArray[np.uint32]

#: How many images are foreseen: more than are read at once.
_FORESEEN = 8

#: Seconds after which what has been made is shown, while more is being made: each time
#: the window is painted, for which the thread has to wait.
_SOON = 0.2


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
    """Makes pictures of cutouts in a thread; the latest ones are kept.

    A second thread gains nothing: the two wait for each other, and the window for both.
    Images are read ahead in others, unless they are there already. Used from the main
    thread only.

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
    at_hand : callable
        Returns an image that was read for the screen, by its name; None without.

    Attributes
    ----------
    made : Signal
        Emitted with the rows whose pictures are there now.
    most_bytes : int
        How many bytes of pictures are kept.
    """

    made = Signal(list)

    #: Some 600 pictures of 200 x 200 pixels.
    most_bytes = 96 * 2**20

    def __init__(
        self,
        images: ImageFolder,
        hdus: Mapping[str, int],
        look: Look,
        run_in_main: Callable[[Callable[[], object]], None],
        at_hand: Callable[[str], LoadedImage | None] = lambda _: None,
    ) -> None:
        self._look = look
        self._at_hand = at_hand
        self._made: OrderedDict[int, Made] = OrderedDict()
        self._bytes = 0

        def deliver(done: Sequence[tuple[int, Made]]) -> None:
            run_in_main(partial(self._take, done))

        def fail(error: Exception) -> None:
            run_in_main(partial(_fail, error))

        self._worker = _Worker(CutoutReader(images, hdus), deliver, fail)

    def show_as(self, look: Look) -> None:
        """Make pictures that look otherwise; those that are there stay meanwhile."""
        self._look = look

    def want(self, cutouts: Iterable[Cutout]) -> None:
        """Make pictures of these and of nothing else, each image read once."""
        missing = [cutout for cutout in cutouts if not self.has(cutout.row)]
        names = dict.fromkeys(cutout.image_name for cutout in missing)
        found = ((name, self._at_hand(name)) for name in names)
        at_hand = {name: loaded for name, loaded in found if loaded is not None}
        self._worker.want(missing, self._look, at_hand)

    def has(self, row: int) -> bool:
        """Tell whether it is known how a cutout looks as is wished now, or why not."""
        made = self._made.get(row)
        return made is not None and made.look is self._look

    def room_for(self, size: int) -> int:
        """Return of how many cutouts, of a size in pixels, the pictures are kept."""
        return self.most_bytes // (4 * (size // self._look.shrink) ** 2)

    def find(self, row: int) -> Made | None:
        """Return the latest of a cutout, perhaps with another look; None without."""
        made = self._made.get(row)
        if made is not None:
            self._made.move_to_end(row)
        return made

    def close(self) -> None:
        """Make no more; a picture that is being made is the last one."""
        self._worker.close()

    def _take(self, done: Sequence[tuple[int, Made]]) -> None:
        for row, made in done:
            self._bytes += _size(made) - _size(self._made.pop(row, None))
            self._made[row] = made
        while self._bytes > self.most_bytes:
            self._bytes -= _size(self._made.popitem(last=False)[1])
        self.made.emit([row for row, _ in done])


class _Task(NamedTuple):
    """A picture to be made.

    Attributes
    ----------
    cutout : Cutout
        Of what.
    look : Look
        How it looks.
    coming : list of Cutout
        What is to be made from here on, where that is news.
    at_hand : mapping of str to LoadedImage
        Images that need not be read.
    """

    cutout: Cutout
    look: Look
    coming: list[Cutout]
    at_hand: Mapping[str, LoadedImage]


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
        self._wanted: deque[_Task] = deque()
        # Rows that are being made, or are made and not delivered, and their looks.
        self._begun: dict[int, Look] = {}
        self._is_working = False
        self._is_closed = False

    def want(
        self,
        cutouts: Iterable[Cutout],
        look: Look,
        at_hand: Mapping[str, LoadedImage],
    ) -> None:
        """Make pictures of these, image by image, and of nothing else."""
        with self._lock:
            missing = (c for c in cutouts if self._begun.get(c.row) is not look)
            self._wanted = deque(_tasks(missing, look, at_hand))
            begins = bool(self._wanted) and not self._is_working
            self._is_working |= begins
        if begins:
            self._executor.submit(self._work)

    def close(self) -> None:
        """Make no more."""
        with self._lock:
            self._wanted.clear()
            self._is_closed = True
            is_idle = not self._is_working
        # Who makes a picture now does it after that one.
        if is_idle:
            self._reader.close()
        self._executor.shutdown(wait=False)

    def _work(self) -> None:
        """Make what is wanted until nothing is."""
        done: list[tuple[int, Made]] = []
        told = time.monotonic()
        try:
            while (task := self._next()) is not None:
                if task.coming:
                    sigma = task.look.display.sigma
                    self._reader.expect(task.coming, sigma, task.at_hand)
                # What is made is not to wait for the next image.
                self._wait_for(task, told + _SOON)
                if done and time.monotonic() - told >= _SOON:
                    self._tell(done)
                    done, told = [], time.monotonic()
                done.append((task.cutout.row, self._make(task)))
        # Whatever it is, the main thread decides who hears of it.
        except Exception as error:  # noqa: BLE001
            with self._lock:
                self._wanted.clear()
                self._begun.clear()
                self._is_working = False
            self._fail(error)
        if done:
            self._tell(done)
        if self._is_closed:
            self._reader.close()

    def _wait_for(self, task: _Task, end: float) -> None:
        """Wait for a cutout's image, but not beyond a time."""
        seconds = max(0.0, end - time.monotonic())
        self._reader.wait_for(task.cutout, task.look.display.sigma, seconds)

    def _tell(self, done: Sequence[tuple[int, Made]]) -> None:
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


def _tasks(
    cutouts: Iterable[Cutout], look: Look, at_hand: Mapping[str, LoadedImage]
) -> Iterator[_Task]:
    """Return what there is to do: images in the order of their first cutouts."""
    found: dict[str, list[Cutout]] = {}
    for cutout in cutouts:
        found.setdefault(cutout.image_name, []).append(cutout)
    batches = [*found.values()]
    for at, batch in enumerate(batches):
        coming = [*chain.from_iterable(batches[at : at + _FORESEEN])]
        for cutout in batch:
            yield _Task(cutout, look, coming, at_hand)
            coming = []


def _packed(picture: npt.NDArray[np.uint8]) -> Picture:
    """Return red, green and blue of each pixel in one number."""
    red, green, blue = np.moveaxis(picture.astype(np.uint32), -1, 0)
    packed: Picture = 0xFF000000 | red << 16 | green << 8 | blue
    return packed


def _size(made: Made | None) -> int:
    return 0 if made is None or made.picture is None else int(made.picture.nbytes)


def _fail(error: Exception) -> None:
    raise error
