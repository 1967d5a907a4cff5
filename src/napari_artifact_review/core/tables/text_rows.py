"""Read the rows of a text one after another, preserving every character."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from napari_artifact_review.core.errors import TableError

LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r|\Z)")
BREAK = re.compile(r"\r\n|\n|\r")
LINE_ENDS = ("\r\n", "\n", "\r", "")
#: A cell of a line without quotes, with the blanks before it.
_PADDED = re.compile(" *[^ ]+")
#: Number of blank lines after which a search for the first rows gives up.
_MOST_BLANK = 10_000
#: Maximum number of characters of a line.
_LONGEST_LINE = 2**24


class Row(NamedTuple):
    """A row of a text.

    Attributes
    ----------
    line : int
        Line number at which the row begins.
    cells : list of str
        Cells of the row, including quotes and, between blanks, the padding before them.
    end : str
        Text after the last cell: the line ending, and blanks before it.
    """

    line: int
    cells: list[str]
    end: str

    @property
    def is_blank(self) -> bool:
        """Whether the row is a blank line."""
        return len(self.cells) == 1 and not self.cells[0].strip()


def rows_of(body: str, delimiter: str, first_line: int) -> Iterator[Row]:
    """Yield the rows of a text, including blank lines.

    The cells of a row, joined with the delimiter, are the text of the row. If the
    delimiter is a blank, all further blanks before a cell are part of the cell, and
    blanks after the last cell are part of the row's end.

    Raises
    ------
    TableError
        If a quote is not closed, or a line is too long.
    """
    is_padded = delimiter == " "
    padding = " *" if is_padded else ""
    between = re.escape(delimiter)
    after = rf"{between}|\r\n|\n|\r|\Z"
    cell = re.compile(
        rf'({padding}"[^"]*(?:""[^"]*)*"(?={after})|{padding}[^{between}\r\n]*)'
        rf"({after})"
    )
    position, line = 0, first_line
    while position < len(body):
        match = LINE.match(body, position)
        assert match is not None, "any text matches"
        check_line(match[1])
        breaks = 1
        if '"' in match[1]:
            cells, end, stop = _quoted_row(body, position, cell, line, is_padded)
            breaks = len(BREAK.findall(body, position, stop))
        elif is_padded:
            cells, trailing = _padded_cells(match[1])
            end, stop = trailing + match[2], match.end()
        else:
            cells, end, stop = match[1].split(delimiter), match[2], match.end()
        yield Row(line, cells, end)
        line += breaks
        position = stop


def check_line(line: str) -> None:
    """Raise an error if a line is too long to be a row of a table.

    Raises
    ------
    TableError
        If it has more than 2**24 characters.
    """
    if len(line) > _LONGEST_LINE:
        raise TableError(
            f"a line of it has more than {_LONGEST_LINE:,} characters",
            remedy="Is this the table with the predictions?",
        )


def first_rows(body: str, delimiter: str, first_line: int, count: int) -> list[Row]:
    """Return the first rows of a text that are not blank lines, at most `count`.

    An unclosed quote ends them, and so do ten thousand blank lines.
    """
    found: list[Row] = []
    # The split of the whole text reports an unclosed quote.
    with suppress(TableError):
        for row in islice(rows_of(body, delimiter, first_line), count + _MOST_BLANK):
            if not row.is_blank:
                found.append(row)
            if len(found) == count:
                break
    return found


def count_filled(cells: list[str]) -> int:
    """Return the number of cells up to the last one that is not blank."""
    count = len(cells)
    while count and not cells[count - 1].strip():
        count -= 1
    return count


def unquote(cell: str) -> str:
    """Return the string in a cell, without the quotes of the cell."""
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"')
    return cell


def value_of(cell: str, delimiter: str) -> str:
    """Return the string in a cell, without its quotes and its padding with blanks."""
    return unquote(cell.strip(" ") if delimiter == " " else cell)


def _padded_cells(line: str) -> tuple[list[str], str]:
    """Split a line at single blanks; also return the blanks at its end."""
    text = line.rstrip(" ")
    found = _PADDED.findall(text)
    if not found:
        return [line], ""
    return [found[0], *(cell[1:] for cell in found[1:])], line[len(text) :]


def _quoted_row(
    body: str, position: int, cell: re.Pattern[str], line: int, is_padded: bool
) -> tuple[list[str], str, int]:
    """Return the cells of a row with quotes, its end, and the next index."""
    row: list[str] = []
    while True:
        match = cell.match(body, position)
        assert match is not None, "any text matches"
        opening = match[1].lstrip(" ") if is_padded else match[1]
        if opening.startswith('"') and opening.count('"') % 2:
            raise TableError(
                "a quote is opened here and never closed",
                where=f"line {line}",
                remedy="Close or remove it; nothing after it was read",
            )
        row.append(match[1])
        line += len(BREAK.findall(match[1]))
        position = match.end()
        if match[2] in LINE_ENDS:
            is_trailing = is_padded and len(row) > 1 and not row[-1].strip(" ")
            end = f" {row.pop()}{match[2]}" if is_trailing else match[2]
            return row, end, position
