"""Where each picture of the gallery stands: by arithmetic, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np


class GalleryLayout:
    """Pictures in lines from left to right, group under group.

    Nothing is kept for each picture, so that it is made anew at each change of a
    window's width.

    Parameters
    ----------
    sizes : sequence of int
        How many pictures each group has, each at least one.
    width : int
        Of the page, in pixels, like all lengths here.
    cell : int
        Side of the square that a picture stands in; what is left of a line is spread
        between them.
    header : int
        Height of the line over each group; 0 for none.
    """

    def __init__(
        self, sizes: Sequence[int], width: int, cell: int, header: int
    ) -> None:
        self.cell = cell
        self.header = header
        self.columns = max(1, width // cell)
        self._pitch = max(cell, width // self.columns)
        lines = [-(-size // self.columns) for size in sizes]
        self._firsts = np.array([0, *accumulate(sizes)])
        heights = (header + count * cell for count in lines)
        self._tops = np.array([0, *accumulate(heights)])

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return int(self._firsts[-1])

    @property
    def height(self) -> int:
        """Of the page."""
        return int(self._tops[-1])

    def place_of(self, position: int) -> tuple[int, int]:
        """Return left and top of the square of a picture."""
        group = self._group_of(position)
        line, column = divmod(position - int(self._firsts[group]), self.columns)
        top = int(self._tops[group]) + self.header + line * self.cell
        return column * self._pitch + (self._pitch - self.cell) // 2, top

    def position_at(self, x: int, y: int) -> int | None:
        """Return the picture at a place of the page, or None."""
        column = x // self._pitch
        if not (0 <= y < self.height and 0 <= column < self.columns):
            return None
        group = int(np.searchsorted(self._tops, y, "right")) - 1
        line = (y - int(self._tops[group]) - self.header) // self.cell
        position = int(self._firsts[group]) + line * self.columns + column
        inside = line >= 0 and position < int(self._firsts[group + 1])
        return position if inside else None

    def positions_between(self, top: int, bottom: int) -> range:
        """Return the pictures of which something lies between two heights."""
        if bottom <= 0 or top >= self.height or not self.count:
            return range(0)
        return range(self._first_below(max(top, 0)), self._first_from(bottom))

    def headers_between(self, top: int, bottom: int) -> list[tuple[int, int]]:
        """Return the groups whose headers are between two heights, and their tops."""
        tops = self._tops[:-1]
        seen = np.flatnonzero((tops < bottom) & (tops + self.header > top))
        return [(int(group), int(tops[group])) for group in seen] if self.header else []

    def moved(self, position: int, lines: int) -> int:
        """Return the picture some lines below, or with a negative number above.

        At the first or the last line it stays in its column as far as there is one.
        """
        x, y = self.place_of(position)
        step = 1 if lines > 0 else -1
        for _ in range(abs(lines)):
            beyond = self._line_beside(y, step)
            if beyond is None:
                break
            y = beyond
        found = self.position_at(x, y)
        if found is None:
            # A last line that is not full.
            return self._first_from(y + self.cell) - 1
        return found

    def _line_beside(self, y: int, step: int) -> int | None:
        """Return the top of the line under, or over, that whose top is y."""
        group = int(np.searchsorted(self._tops, y, "right")) - 1
        if step > 0:
            below = y + self.cell
            if below < self._tops[group + 1]:
                return below
            return below + self.header if below < self.height else None
        above = y - self.cell
        if above >= self._tops[group] + self.header:
            return above
        above -= self.header
        return above if above >= self.header else None

    def _group_of(self, position: int) -> int:
        return int(np.searchsorted(self._firsts, position, "right")) - 1

    def _first_below(self, y: int) -> int:
        """Return the first picture that ends below a height inside the page."""
        group = int(np.searchsorted(self._tops, y, "right")) - 1
        line = max(y - int(self._tops[group]) - self.header, 0) // self.cell
        return min(
            int(self._firsts[group]) + line * self.columns, int(self._firsts[group + 1])
        )

    def _first_from(self, y: int) -> int:
        """Return the first picture that begins at a height, or below it."""
        if y >= self.height:
            return self.count
        group = int(np.searchsorted(self._tops, y, "right")) - 1
        lines = -(-max(y - int(self._tops[group]) - self.header, 0) // self.cell)
        return min(
            int(self._firsts[group]) + lines * self.columns,
            int(self._firsts[group + 1]),
        )
