"""Makes pictures of cutouts off the main thread, first those that are looked at."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images import ImageFolder
from napari_artifact_review.core.thumbnails import CutoutReader, Look

Picture = npt.NDArray[np.uint8]

#: Bytes of pictures that are kept: some 800 of 200 x 200 pixels.
_MOST_BYTES = 96 * 2**20

#: How many can be made ahead without those in view being forgotten for them.
MOST_AHEAD = 400

#: The longest side of a picture in pixels: more is not seen of a small one.
_LONGEST_SIDE = 256

#: Seconds after which what has been made is shown, while more is being made.
_SOON = 0.03


class Made(NamedTuple):
    """What came of a cutout.

    Attributes
    ----------
    look : Look
        How the picture looks.
    picture : ndarray of uint8, shape (rows, columns, 3), or None
        The picture, if there is one.
    problem : str
        Why there is none.
    """

    look: Look
    picture: Picture | None
    problem: str = ""


class PictureLoader:
    """One thread that makes pictures of cutouts; the latest ones are kept.

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
        self._reader = CutoutReader(images, hdus)
        self._run_in_main = run_in_main
        self._executor = ThreadPoolExecutor(1, "artifact-review-pictures")
        self._made: OrderedDict[int, Made] = OrderedDict()
        self._bytes = 0
        # What both threads know.
        self._lock = threading.Lock()
        self._look = look
        self._wanted: deque[Cutout] = deque()
        self._is_working = False

    def show_as(self, look: Look) -> None:
        """Make pictures that look otherwise; those that are there stay meanwhile."""
        with self._lock:
            self._look = look

    def want(self, cutouts: Sequence[Cutout]) -> None:
        """Make pictures of these, the first ones first, and of nothing else.

        Those of an image are made together: each image is read once.
        """
        missing = [cutout for cutout in cutouts if not self.has(cutout.row)]
        place: dict[str, int] = {}
        for cutout in missing:
            place.setdefault(cutout.image_name, len(place))
        missing.sort(key=lambda cutout: place[cutout.image_name])
        with self._lock:
            self._wanted = deque(missing)
            begins = bool(missing) and not self._is_working
            self._is_working |= begins
        if begins:
            self._executor.submit(self._work)

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
        with self._lock:
            self._wanted.clear()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _work(self) -> None:
        """Make what is wanted until nothing is."""
        done: list[tuple[int, Made]] = []
        told = time.monotonic()
        try:
            while (cutout := self._next()) is not None:
                done.append((cutout.row, self._make(cutout, self._look)))
                if time.monotonic() - told > _SOON:
                    self._run_in_main(partial(self._take, done))
                    done, told = [], time.monotonic()
        # Whatever it is, the main thread decides who hears of it.
        except Exception as error:  # noqa: BLE001
            with self._lock:
                self._wanted.clear()
                self._is_working = False
            self._run_in_main(partial(_fail, error))
        finally:
            self._run_in_main(partial(self._take, done))

    def _next(self) -> Cutout | None:
        with self._lock:
            self._is_working = bool(self._wanted)
            return self._wanted.popleft() if self._wanted else None

    def _make(self, cutout: Cutout, look: Look) -> Made:
        try:
            return Made(look, _shrunk(self._reader.picture(cutout, look)))
        except ImageError as error:
            return Made(look, None, str(error))

    def _take(self, done: list[tuple[int, Made]]) -> None:
        for row, made in done:
            self._bytes += _size(made) - _size(self._made.pop(row, None))
            self._made[row] = made
        while self._bytes > _MOST_BYTES:
            self._bytes -= _size(self._made.popitem(last=False)[1])
        if done:
            self.made.emit([row for row, _ in done])


def _shrunk(picture: Picture) -> Picture:
    """Return a picture that is no larger than it will be seen."""
    step = -(-max(picture.shape[:2]) // _LONGEST_SIDE)
    rows, columns = (side // step for side in picture.shape[:2])
    if step == 1 or not rows or not columns:
        return picture
    blocks = picture[: rows * step, : columns * step]
    means = blocks.reshape(rows, step, columns, step, 3).mean(axis=(1, 3))
    return means.round().astype(np.uint8)


def _size(made: Made | None) -> int:
    return 0 if made is None or made.picture is None else int(made.picture.nbytes)


def _fail(error: Exception) -> None:
    raise error
