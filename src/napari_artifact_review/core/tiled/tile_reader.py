"""The tiles of a large image in memory, and the thread that reads those it lacks.

What is looked at is put together from tiles in memory. Those that are missing are
drawn from a coarser level for now, and read by the thread.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from psygnal import Signal

from napari_artifact_review.core.decoders import Pixels, one_error
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.tiled.pyramid import TILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels
    from napari_artifact_review.core.tiled.pyramid import Pyramid

# Views whose tiles are still read: of one window, and what it showed just before.
_VIEWS = 4
# Seconds between two signals: a redraw costs some 10 ms.
_PACE = 0.05
# The same where all that is new is a little more of the overview.
_OVERVIEW_PACE = 1.0

# Level, row and column of a tile.
_Key: TypeAlias = tuple[int, int, int]


class _Tiles:
    """Tiles in memory; those that nobody looked at for longest go first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0
        self._tiles = OrderedDict[_Key, Pixels]()

    def get(self, key: _Key) -> Pixels | None:
        tile = self._tiles.get(key)
        if tile is not None:
            self._tiles.move_to_end(key)
        return tile

    def __contains__(self, key: _Key) -> bool:
        return key in self._tiles

    def put(self, key: _Key, tile: Pixels) -> None:
        if key in self._tiles:
            self.held -= self._tiles.pop(key).nbytes
        self._tiles[key] = tile
        self.held += tile.nbytes
        while self.held > self.most and len(self._tiles) > 1:
            self.held -= self._tiles.popitem(last=False)[1].nbytes


class TileReader:
    """The tiles of one image, and the thread that reads them.

    Parameters
    ----------
    pixels : LazyPixels
        The image.
    pyramid : Pyramid
        Its levels of detail; closed when the thread ends.
    most : int
        Bytes of tiles in memory.

    Attributes
    ----------
    changed : SignalInstance
        Sent, by the thread, when more is known; at most about 20 times a second.
    pyramid : Pyramid
        As given.
    problem : ImageError or None
        Why something cannot be read.
    """

    changed = Signal()

    def __init__(self, pixels: LazyPixels, pyramid: Pyramid, most: int) -> None:
        self.pyramid = pyramid
        self.problem: ImageError | None = None
        # Made here, not by whichever thread comes first.
        _ = self.changed
        self._pixels = pixels
        self._last = len(pyramid.shapes) - 1
        # Held for microseconds only; guards all that follows.
        self._lock = threading.Condition()
        self._tiles = _Tiles(most)
        # What was looked at, the newest last, and the tiles that it lacks.
        self._views = OrderedDict[Any, dict[_Key, None]]()
        self._ahead = dict[_Key, None]()
        self._failed = set[_Key]()
        # Whether something was read that is looked at, and `changed` not sent since.
        self._untold = False
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def held(self) -> int:
        """The bytes of tiles in memory."""
        return self._tiles.held

    @property
    def is_idle(self) -> bool:
        """Whether no tile that was looked at is still to be read."""
        with self._lock:
            return not any(self._views.values())

    def look(self, level: int, rows: slice, columns: slice) -> Pixels:
        """Put a part of a level together, and ask for what is missing.

        Parameters
        ----------
        level : int
            0 or more.
        rows, columns : slice
            Of that level; both ends given.

        Returns
        -------
        ndarray
            What is known now; nobody else holds it.
        """
        if level == self._last:
            self.start()
            return self.pyramid.overview[
                rows.start : rows.stop, columns.start : columns.stop
            ].copy()
        keys = list(_keys(level, rows, columns))
        found = dict[_Key, tuple[_Key, Pixels]]()
        with self._lock:
            lacking = list[_Key]()
            for key in keys:
                tile = self._tiles.get(key)
                if tile is None:
                    lacking.append(key)
                else:
                    found[key] = (key, tile)
            for key in lacking:
                found[key] = self._coarser(key)
            # More than memory holds would drive itself out, again and again.
            room = self._room(level) - (len(keys) - len(lacking))
            view = (level, rows.start, rows.stop, columns.start, columns.stop)
            wanted = [key for key in lacking if key not in self._failed]
            self._views[view] = dict.fromkeys(wanted[: max(0, room)])
            self._views.move_to_end(view)
            while len(self._views) > _VIEWS:
                self._views.popitem(last=False)
            self._start()
            self._lock.notify()
        out = np.empty(
            (rows.stop - rows.start, columns.stop - columns.start),
            self.pyramid.overview.dtype,
        )
        for key, (origin, tile) in found.items():
            _draw(out, rows, columns, key, origin, tile)
        return out

    def read_ahead(self, level: int, rows: slice, columns: slice) -> None:
        """Have tiles read when nobody waits for another; forget earlier such wishes.

        Parameters
        ----------
        level : int
            0 or more.
        rows, columns : slice
            Of that level; both ends given.
        """
        if level == self._last:
            return
        keys = list(_keys(level, rows, columns))
        with self._lock:
            # What is looked at now stays in memory.
            wanted = keys[: self._room(level) // 2]
            self._ahead = dict.fromkeys(k for k in wanted if k not in self._tiles)
            self._start()
            self._lock.notify()

    def has(self, level: int, rows: slice, columns: slice) -> bool:
        """Tell whether a part of a level is there, and who looks at it knows."""
        if level == self._last:
            return True
        with self._lock:
            there = all(key in self._tiles for key in _keys(level, rows, columns))
        return there and not self._untold

    def _room(self, level: int) -> int:
        """Return how many tiles of a level memory holds."""
        shape = self.pyramid.shapes[level]
        pixels = math.prod(min(side, TILE) for side in shape)
        fitting: int = self._tiles.most // (pixels * self.pyramid.overview.itemsize)
        return fitting

    def _coarser(self, key: _Key) -> tuple[_Key, Pixels]:
        """Return the best tile in memory that shows the same part."""
        level, row, column = key
        for up in range(1, self._last - level):
            origin = (level + up, row >> up, column >> up)
            tile = self._tiles.get(origin)
            if tile is not None:
                return origin, tile
        return (self._last, 0, 0), self.pyramid.overview

    def start(self) -> None:
        """Begin to read, unless that is under way or it was closed."""
        with self._lock:
            self._start()

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(
                target=self._run, name="large image", daemon=True
            )
            self._thread.start()

    def close(self) -> None:
        """Have the thread end, without a wait for it."""
        with self._lock:
            self._closed = True
            self._lock.notify()

    def join(self, timeout: float | None) -> bool:
        """Wait until the thread has ended; tell whether it has.

        Parameters
        ----------
        timeout : float or None
            Seconds.
        """
        with self._lock:
            thread = self._thread
        if thread is None:
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def _run(self) -> None:
        try:
            with self._pixels.held_open():
                self._work()
        finally:
            self.pyramid.close()

    def _work(self) -> None:
        """Read what is asked for; else build; else wait."""
        steps: Iterator[None] | None = self.pyramid.build()
        # Since when there has been something new in a view, and in the overview.
        news: float | None = None
        overview_news = False
        last = 0.0
        while True:
            now = time.monotonic()
            with self._lock:
                if self._closed:
                    return
                wishes = [tuple(view) for view in reversed(self._views.values())]
            # A view is drawn again when it is complete, or when that takes long.
            due = _OVERVIEW_PACE + last if overview_news else math.inf
            if news is not None:
                due = min(due, _PACE + max(last, news if any(wishes) else 0))
            if now >= due:
                news, overview_news, last = None, False, now
                self._untold = False
                self.changed.emit()
                continue
            with self._lock:
                wishes.append(tuple(self._ahead))
                if steps is None and not any(wishes):
                    # Unless somebody looked meanwhile, and gave notice to nobody.
                    if not any(self._views.values()) and not self._closed:
                        self._lock.wait(None if due == math.inf else due - now)
                    continue
            keys = self._next(wishes)
            try:
                with one_error(self._pixels.path):
                    if keys:
                        awaited = self._are_awaited(keys)
                        self._untold |= awaited
                        if self._read(keys):
                            if awaited and news is None:
                                news = time.monotonic()
                        else:
                            steps = self.pyramid.build()
                    elif steps is not None:
                        if next(steps, steps) is steps:
                            steps = None
                        overview_news = True
            except ImageError as error:
                self.problem = self.problem or error.again()
                news = -math.inf
                if not keys:
                    steps = None
                self._failed.update(keys)
                self._done(keys)

    def _are_awaited(self, keys: Iterable[_Key]) -> bool:
        """Tell whether somebody looked at one of the tiles."""
        with self._lock:
            return any(key in view for view in self._views.values() for key in keys)

    def _next(self, wishes: Iterable[Sequence[_Key]]) -> list[_Key]:
        """Return tiles to be read in one go, the newest wishes first."""
        for wish in wishes:
            for key in wish:
                if self.pyramid.can_read(key[0], *self._place(key)):
                    return self._with_neighbours(key, wish)
        return []

    def _with_neighbours(self, key: _Key, wanted: Iterable[_Key]) -> list[_Key]:
        """Add the tiles of the same row that have to be decoded with a tile."""
        wide = self._pixels.block[1]
        if key[0] > 0 or wide <= TILE:
            return [key]
        block = key[2] * TILE // wide
        return [k for k in wanted if k[:2] == key[:2] and k[2] * TILE // wide == block]

    def _place(self, key: _Key) -> tuple[slice, slice]:
        """Return rows and columns of a tile in its level."""
        level, *corner = key
        rows, columns = (
            slice(n * TILE, min((n + 1) * TILE, side))
            for n, side in zip(corner, self.pyramid.shapes[level], strict=True)
        )
        return rows, columns

    def _read(self, keys: list[_Key]) -> bool:
        """Read tiles of one row; tell whether they could be read."""
        rows = self._place(keys[0])[0]
        parts = {key: self._place(key)[1] for key in keys}
        left = min(part.start for part in parts.values())
        right = max(part.stop for part in parts.values())
        read = self.pyramid.read(keys[0][0], rows, slice(left, right))
        if read is None:
            return False
        for key, part in parts.items():
            tile = read[:, part.start - left : part.stop - left]
            # A part of a larger array would keep all of it in memory.
            tile = tile if len(keys) == 1 else tile.copy()
            with self._lock:
                self._tiles.put(key, tile)
        self._done(keys)
        return True

    def _done(self, keys: Iterable[_Key]) -> None:
        """Forget wishes that were granted, or never can be."""
        with self._lock:
            for wish in (*self._views.values(), self._ahead):
                for key in keys:
                    wish.pop(key, None)


def _keys(level: int, rows: slice, columns: slice) -> Iterable[_Key]:
    """Return the tiles under a window, from its middle outwards."""
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return []
    ends = [(part.start // TILE, (part.stop - 1) // TILE) for part in (rows, columns)]
    (top, bottom), (left, right) = ends

    def distance(key: _Key) -> int:
        _, row, column = key
        down: int = abs(2 * row - top - bottom)
        return down + int(abs(2 * column - left - right))

    keys = (
        (level, row, column)
        for row in range(top, bottom + 1)
        for column in range(left, right + 1)
    )
    return sorted(keys, key=distance)


def _draw(
    out: Pixels, rows: slice, columns: slice, key: _Key, origin: _Key, tile: Pixels
) -> None:
    """Draw the part of a window that a tile covers, from it or from a coarser one."""
    up = origin[0] - key[0]
    places, sources = list[slice](), list[Any]()
    for part, at, first in zip((rows, columns), key[1:], origin[1:], strict=True):
        start = max(part.start, at * TILE)
        stop = min(part.stop, (at + 1) * TILE)
        places.append(slice(start - part.start, stop - part.start))
        if up:
            sources.append((np.arange(start, stop) >> up) - first * TILE)
        else:
            sources.append(slice(start - first * TILE, stop - first * TILE))
    if not up:
        out[tuple(places)] = tile[tuple(sources)]
        return
    along, across = sources
    # Few rows first, then each several times: faster than pixel by pixel.
    few = tile[along[0] : along[-1] + 1].take(across, axis=1)
    out[tuple(places)] = few.take(along - along[0], axis=0)
