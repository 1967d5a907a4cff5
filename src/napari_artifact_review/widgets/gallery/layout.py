"""The layout of the gallery, which computes the positions of thumbnails."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate


class GalleryLayout:
    """The layout of thumbnails in lines and groups.

    The layout stores no data for single thumbnails. A new layout is therefore fast when
    the width of the window changes. All lengths are in Qt pixels. A position is the
    index of a thumbnail.

    Parameters
    ----------
    sizes : sequence of int
        Number of thumbnails in each group, at least one.
    width : int
        Width of the page.
    cell : int
        Side of the square around a thumbnail; the remaining width is spread between the
        squares.
    header : int
        Height of the header above each group; 0 for no header.
    """

    def __init__(
        self, sizes: Sequence[int], width: int, cell: int, header: int
    ) -> None:
        self.cell = cell
        self.header = header
        self.columns = max(1, width // cell)
        self._pitch = max(cell, width // self.columns)
        lines = [-(-size // self.columns) for size in sizes]
        self._firsts = [0, *accumulate(sizes)]
        self._tops = [0, *accumulate(header + count * cell for count in lines)]

    @property
    def count(self) -> int:
        """Number of thumbnails."""
        return self._firsts[-1]

    @property
    def height(self) -> int:
        """Height of the page."""
        return self._tops[-1]

    def corner_of(self, position: int) -> tuple[int, int]:
        """Return the left and top coordinates of the square around a thumbnail."""
        group = self._group_of(position)
        line, column = divmod(position - self._firsts[group], self.columns)
        top = self._tops[group] + self.header + line * self.cell
        return column * self._pitch + (self._pitch - self.cell) // 2, top

    def position_at(self, x: int, y: int) -> int | None:
        """Return the position of the thumbnail at a point of the page, or None."""
        column = x // self._pitch
        if not (0 <= y < self.height and 0 <= column < self.columns):
            return None
        group = bisect_right(self._tops, y) - 1
        line = (y - self._tops[group] - self.header) // self.cell
        position = self._firsts[group] + line * self.columns + column
        is_inside = line >= 0 and position < self._firsts[group + 1]
        return position if is_inside else None

    def positions_between(self, top: int, bottom: int) -> range:
        """Return the positions of thumbnails at least partly between two y values."""
        if bottom <= 0 or top >= self.height or not self.count:
            return range(0)
        return range(self._first_below(max(top, 0)), self._first_from(bottom))

    def headers_between(self, top: int, bottom: int) -> list[tuple[int, int]]:
        """Return (group, top) of the headers at least partly between two y values."""
        if not self.header:
            return []
        first = bisect_right(self._tops, top - self.header)
        last = min(bisect_left(self._tops, bottom), len(self._tops) - 1)
        return [(group, self._tops[group]) for group in range(first, last)]

    def moved(self, position: int, lines: int) -> int:
        """Return the position that is `lines` lines below, or above if negative.

        The move ends at the first or the last line at the latest. The column stays the
        same if the line at the end is long enough.
        """
        x, y = self.corner_of(position)
        step = 1 if lines > 0 else -1
        for _ in range(abs(lines)):
            beyond = self._line_beside(y, step)
            if beyond is None:
                break
            y = beyond
        found = self.position_at(x, y)
        if found is None:
            # This line is the last of its group, and has fewer columns.
            return self._first_from(y + self.cell) - 1
        return found

    def _line_beside(self, y: int, step: int) -> int | None:
        """Return the top of the line after or before the line with top `y`, or None.

        `step` is 1 for the line after and -1 for the line before.
        """
        group = bisect_right(self._tops, y) - 1
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
        return bisect_right(self._firsts, position) - 1

    def _first_below(self, y: int) -> int:
        """Return the first position whose square ends below `y`."""
        group = bisect_right(self._tops, y) - 1
        line = max(y - self._tops[group] - self.header, 0) // self.cell
        return min(self._firsts[group] + line * self.columns, self._firsts[group + 1])

    def _first_from(self, y: int) -> int:
        """Return the first position whose square begins at or below `y`."""
        if y >= self.height:
            return self.count
        group = bisect_right(self._tops, y) - 1
        lines = -(-max(y - self._tops[group] - self.header, 0) // self.cell)
        return min(
            self._firsts[group] + lines * self.columns,
            self._firsts[group + 1],
        )
