"""Tiles of a large image in memory, and a thread that reads missing tiles.

A view is the part of a level that napari requests. A view is assembled from tiles in
memory. Until the thread has read a missing tile, a coarser level is drawn instead.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from cachetools import LRUCache
from psygnal import Signal

from napari_artifact_review.core.decoders import Pixels, one_error
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.tiled.pyramid import TILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels
    from napari_artifact_review.core.tiled.pyramid import Pyramid

# Number of latest views whose missing tiles are read. This is enough for the current
# and the previous views of a window.
_MOST_VIEWS = 4
#: Minimum seconds between two signals; a redraw takes about 10 ms.
SIGNAL_INTERVAL = 0.05
#: Minimum seconds between two signals while only the overview changes.
OVERVIEW_SIGNAL_INTERVAL = 1.0

# Level, row and column of a tile.
_Key: TypeAlias = tuple[int, int, int]


class TileReader:
    """A cache of the tiles of an image, with a thread that reads missing tiles.

    Parameters
    ----------
    pixels : LazyPixels
        The image.
    pyramid : Pyramid
        Pyramid of the image; it is closed when the thread ends.
    most : int
        Maximum size of the tiles in memory, in bytes.

    Attributes
    ----------
    changed : SignalInstance
        Emitted in the thread after new tiles, a new overview or an error, at most
        about 20 times per second.
    pyramid : Pyramid
        Pyramid of the image.
    problem : ImageError or None
        First error of the thread; None if there was no error.
    """

    changed = Signal()

    def __init__(self, pixels: LazyPixels, pyramid: Pyramid, most: int) -> None:
        self.pyramid = pyramid
        self.problem: ImageError | None = None
        # psygnal creates a signal on first use. Use it here, so that two threads do not
        # create two signals.
        _ = self.changed
        self._pixels = pixels
        self._last = len(pyramid.shapes) - 1
        # Protects the attributes below up to `_thread`; locked only for microseconds.
        self._lock = threading.Condition()
        self._tiles = LRUCache[_Key, Pixels](most, lambda tile: tile.nbytes)
        # Missing tiles of each view; the latest view is last.
        self._views = OrderedDict[Any, dict[_Key, None]]()
        self._ahead = dict[_Key, None]()
        self._failed = set[_Key]()
        # Whether a tile of a view was read after `changed` was last emitted.
        self._is_signal_pending = False
        self._closed = False
        self._thread: threading.Thread | None = None
        # Only the thread uses the attributes below.
        # Steps that build the pyramid; None after it is built.
        self._steps: Iterator[None] | None = None
        # Time of the first tile of a view since the last signal; whether the overview
        # has changed since the last signal; time of the last signal.
        self._changed_at: float | None = None
        self._has_overview_changed = False
        self._signalled_at = 0.0

    @property
    def held(self) -> int:
        """Size of the tiles in memory, in bytes."""
        return int(self._tiles.currsize)

    @property
    def is_idle(self) -> bool:
        """Whether all readable tiles of the latest views have been read."""
        with self._lock:
            return not any(self._views.values())

    def assemble(self, level: int, rows: slice, columns: slice) -> Pixels:
        """Assemble a view from tiles in memory, and request the missing tiles.

        Parameters
        ----------
        level : int
            Pyramid level; 0 is full resolution.
        rows, columns : slice
            Range of pixels at that level, with explicit start and stop.

        Returns
        -------
        ndarray
            The pixels, as a new array. Missing tiles are drawn from a coarser level.
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
            # Request only tiles that fit into memory, because more tiles would evict
            # each other repeatedly.
            room = self._room(level) - (len(keys) - len(lacking))
            view = (level, rows.start, rows.stop, columns.start, columns.stop)
            wanted = [key for key in lacking if key not in self._failed]
            self._views[view] = dict.fromkeys(wanted[: max(0, room)])
            self._views.move_to_end(view)
            while len(self._views) > _MOST_VIEWS:
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
        """Request tiles that are read after the missing tiles of all views.

        A new request replaces the previous one.

        Parameters
        ----------
        level : int
            Pyramid level; 0 is full resolution.
        rows, columns : slice
            Range of pixels at that level, with explicit start and stop.
        """
        if level == self._last:
            return
        keys = list(_keys(level, rows, columns))
        with self._lock:
            # Leave space for the tiles of the current view.
            wanted = keys[: self._room(level) // 2]
            self._ahead = dict.fromkeys(k for k in wanted if k not in self._tiles)
            self._start()
            self._lock.notify()

    def has(self, level: int, rows: slice, columns: slice) -> bool:
        """Return whether a part of a level is in memory; see `TiledImage.has`."""
        if level == self._last:
            return True
        with self._lock:
            there = all(key in self._tiles for key in _keys(level, rows, columns))
        return there and not self._is_signal_pending

    def _room(self, level: int) -> int:
        """Return the number of tiles of a level that fit into memory."""
        shape = self.pyramid.shapes[level]
        pixels = math.prod(min(side, TILE) for side in shape)
        return int(self._tiles.maxsize // (pixels * self.pyramid.overview.itemsize))

    def _coarser(self, key: _Key) -> tuple[_Key, Pixels]:
        """Return the finest coarser tile in memory that covers a tile, with its key."""
        level, row, column = key
        for up in range(1, self._last - level):
            origin = (level + up, row >> up, column >> up)
            tile = self._tiles.get(origin)
            if tile is not None:
                return origin, tile
        return (self._last, 0, 0), self.pyramid.overview

    def start(self) -> None:
        """Start the thread, unless it was started or the reader was closed before."""
        with self._lock:
            self._start()

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(
                target=self._run, name="large image", daemon=True
            )
            self._thread.start()

    def close(self) -> None:
        """Stop the thread, without waiting for it to end."""
        with self._lock:
            self._closed = True
            self._lock.notify()

    def join(self, timeout: float | None) -> bool:
        """Wait for the thread to end; return whether it has ended.

        Parameters
        ----------
        timeout : float or None
            Maximum time to wait, in seconds; None for no limit.
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
            # Deleting the generator also discards an unfinished pyramid.
            self._steps = None
            self.pyramid.close()

    def _work(self) -> None:
        """Read missing tiles and build the pyramid, until the reader is closed.

        Missing tiles have priority. Without any work, the thread waits for requests.
        """
        self._steps = self.pyramid.build()
        while True:
            with self._lock:
                if self._closed:
                    return
                wanted = [tuple(view) for view in reversed(self._views.values())]
            seconds = self._seconds_to_signal(is_view_complete=not any(wanted))
            if seconds <= 0:
                self._send_changed()
                continue
            with self._lock:
                wanted.append(tuple(self._ahead))
                if self._steps is None and not any(wanted):
                    # Do not wait if a view was added meanwhile, because its
                    # notification was sent before the wait.
                    if not any(self._views.values()) and not self._closed:
                        self._lock.wait(None if seconds == math.inf else seconds)
                    continue
            keys = self._next(wanted)
            try:
                with one_error(self._pixels.path):
                    if keys:
                        self._read(keys)
                    else:
                        self._build_step()
            except ImageError as error:
                self.problem = self.problem or error.without_traceback()
                self._changed_at = -math.inf
                if not keys:
                    self._steps = None
                self._failed.update(keys)
                self._remove_from_requests(keys)

    def _seconds_to_signal(self, is_view_complete: bool) -> float:
        """Return the seconds until `changed` is due; 0 or less if it is due now.

        The signal is due earlier if all views are complete, because no more tiles are
        expected.
        """
        due = math.inf
        if self._has_overview_changed:
            due = self._signalled_at + OVERVIEW_SIGNAL_INTERVAL
        if self._changed_at is not None:
            since = 0 if is_view_complete else self._changed_at
            due = min(due, SIGNAL_INTERVAL + max(self._signalled_at, since))
        return due - time.monotonic()

    def _send_changed(self) -> None:
        self._changed_at, self._has_overview_changed = None, False
        self._signalled_at = time.monotonic()
        self._is_signal_pending = False
        self.changed.emit()

    def _build_step(self) -> None:
        """Run the next step of building the pyramid, which takes about 10 ms."""
        if self._steps is not None:
            if next(self._steps, self._steps) is self._steps:
                self._steps = None
            self._has_overview_changed = True

    def _next(self, requests: Iterable[Sequence[_Key]]) -> list[_Key]:
        """Return the first readable tile in the requests, and tiles decoded with it."""
        for keys in requests:
            for key in keys:
                if self.pyramid.can_read(key[0], *self._extent(key)):
                    return self._with_neighbours(key, keys)
        return []

    def _with_neighbours(self, key: _Key, wanted: Iterable[_Key]) -> list[_Key]:
        """Return a tile and the wanted tiles that are decoded together with it."""
        wide = self._pixels.block[1]
        if key[0] > 0 or wide <= TILE:
            return [key]
        block = key[2] * TILE // wide
        return [k for k in wanted if k[:2] == key[:2] and k[2] * TILE // wide == block]

    def _extent(self, key: _Key) -> tuple[slice, slice]:
        """Return the rows and columns of a tile at its level."""
        level, *corner = key
        rows, columns = (
            slice(n * TILE, min((n + 1) * TILE, side))
            for n, side in zip(corner, self.pyramid.shapes[level], strict=True)
        )
        return rows, columns

    def _read(self, keys: list[_Key]) -> None:
        """Read tiles with the same row; if the stored pyramid is lost, rebuild it."""
        with self._lock:
            is_in_view = any(k in view for view in self._views.values() for k in keys)
            self._is_signal_pending |= is_in_view
        rows = self._extent(keys[0])[0]
        parts = {key: self._extent(key)[1] for key in keys}
        left = min(part.start for part in parts.values())
        right = max(part.stop for part in parts.values())
        read = self.pyramid.read(keys[0][0], rows, slice(left, right))
        if read is None:
            self._steps = self.pyramid.build()
            return
        for key, part in parts.items():
            tile = read[:, part.start - left : part.stop - left]
            # Copy the tile, because a numpy view would keep the larger array in memory.
            tile = tile if len(keys) == 1 else tile.copy()
            with self._lock:
                self._tiles[key] = tile
        self._remove_from_requests(keys)
        if is_in_view and self._changed_at is None:
            self._changed_at = time.monotonic()

    def _remove_from_requests(self, keys: Iterable[_Key]) -> None:
        """Remove tiles that were read or cannot be read from all requests."""
        with self._lock:
            for request in (*self._views.values(), self._ahead):
                for key in keys:
                    request.pop(key, None)


def _keys(level: int, rows: slice, columns: slice) -> Iterable[_Key]:
    """Return the keys of the tiles in a range of pixels, from the centre outwards."""
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
    """Draw a tile into the array of a view, from its own or from coarser pixels.

    Parameters
    ----------
    out : ndarray
        Array of the view, which is changed in place.
    rows, columns : slice
        Range of pixels of the view.
    key : tuple of int
        Key of the tile to draw.
    origin, tile
        Key and pixels of the same tile, or of a coarser tile that covers it.
    """
    up = origin[0] - key[0]
    targets, sources = list[slice](), list[Any]()
    for part, at, first in zip((rows, columns), key[1:], origin[1:], strict=True):
        start = max(part.start, at * TILE)
        stop = min(part.stop, (at + 1) * TILE)
        targets.append(slice(start - part.start, stop - part.start))
        if up:
            sources.append((np.arange(start, stop) >> up) - first * TILE)
        else:
            sources.append(slice(start - first * TILE, stop - first * TILE))
    if not up:
        out[tuple(targets)] = tile[tuple(sources)]
        return
    along, across = sources
    # Sample each row once and then repeat it, which is faster than sampling each pixel.
    few = tile[along[0] : along[-1] + 1].take(across, axis=1)
    out[tuple(targets)] = few.take(along - along[0], axis=0)
