"""Find the header and the delimiter of a text table, whatever precedes them."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import islice
from typing import NamedTuple

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.tables.column_names import fold_name
from napari_artifact_review.core.tables.text_rows import (
    BREAK,
    LINE,
    Row,
    count_filled,
    first_rows,
    value_of,
)

#: Delimiters to choose from. The first one is that of a table with a single column.
_DELIMITERS = ",;\t| "
#: First line that names the delimiter to Excel, such as "sep=;".
_SEP_LINE = re.compile(r'"?sep=([\t !#-/:-@\[-^`{-~])"?[ ]*(?=[\r\n]|\Z)', re.I)
#: Beginning of a comment.
_COMMENT_SIGN = re.compile(r"\s*#+ *")
_NUMBER = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|nan|inf)", re.ASCII | re.I
)
#: Number of lines among which the header is searched.
_FIRST_LINES = 10


class Layout(NamedTuple):
    """The parts of a text table.

    Attributes
    ----------
    preamble : str
        Text before the header: blank lines, a line such as "sep=;", comments, and the
        comment sign of a header that is a comment.
    delimiter : str
        Separator of cells.
    """

    preamble: str
    delimiter: str


def find_layout(text: str, wanted: Collection[str]) -> Layout:
    """Find the header and the delimiter of a text table.

    Parameters
    ----------
    text : str
        The whole text.
    wanted : collection of str
        Names of columns to look for, in any notation.

    Raises
    ------
    TableError
        If the first line holds values or a title instead of the names of columns.
    """
    names = frozenset(map(fold_name, wanted))
    sep_line = _SEP_LINE.match(text)
    chosen = sep_line[1] if sep_line else None
    begin = _find_header(text, sep_line.end() if sep_line else 0, names, chosen)
    body = text[begin:]
    delimiter = chosen or _find_delimiter(body, names)
    first_line = len(BREAK.findall(text, 0, begin)) + 1
    rows = first_rows(body, delimiter, first_line, 2)
    if rows and not _count_wanted(rows[0].cells, delimiter, names):
        _refuse_values(rows, delimiter)
        _refuse_title(body, first_line, names)
    return Layout(text[:begin], delimiter)


def without_sep_line(preamble: str) -> str:
    """Return the text before a header without the line that names the delimiter."""
    return LINE.sub("", preamble, count=1) if _SEP_LINE.match(preamble) else preamble


def begins_like_preamble(name: str) -> bool:
    """Return whether a header that begins with this name looks like a comment."""
    return name.lstrip().startswith("#") or _SEP_LINE.match(name) is not None


def _find_header(
    text: str, begin: int, wanted: frozenset[str], delimiter: str | None
) -> int:
    """Return the index at which the header begins, after `begin`."""
    last, comment, sign_width = begin, "", 0
    while begin < len(text):
        match = LINE.match(text, begin)
        assert match is not None, "any text matches"
        if sign := _COMMENT_SIGN.match(match[1]):
            last, comment, sign_width = begin, match[1][sign.end() :], sign.end()
        elif match[1].strip():
            break
        begin = match.end()
    if not comment:
        return begin
    if not _is_header(comment, text[begin:], wanted, delimiter):
        return begin
    delimiter = delimiter or _find_delimiter(comment, wanted)
    # If no name comes first, the sign itself is the name of the first column.
    return last if comment.startswith(delimiter) else last + sign_width


def _is_header(
    comment: str, rest: str, wanted: frozenset[str], delimiter: str | None
) -> bool:
    """Return whether a comment is the header of the rows after it."""
    above = delimiter or _find_delimiter(comment, wanted)
    below = delimiter or _find_delimiter(rest, wanted)
    if _count_wanted(_first_cells(rest, below), below, wanted):
        return False
    names, values = _first_cells(comment, above), _first_cells(rest, above)
    if _count_wanted(names, above, wanted):
        return True
    # Other names are the header of a table without one, if they fit its values.
    return (
        count_filled(values) == len(names) > 1
        and not _count_numbers(names, above)
        and _count_numbers(values, above) > 0
    )


def _find_delimiter(body: str, wanted: frozenset[str]) -> str:
    """Return the delimiter that gives most wanted names, or else the most columns.

    Blanks are a delimiter only if there is no other one.
    """

    def suitability(delimiter: str) -> tuple[int, bool, int]:
        cells = _first_cells(body, delimiter)
        is_usual = delimiter != " " and len(cells) > 1
        return _count_wanted(cells, delimiter, wanted), is_usual, len(cells)

    return max(_DELIMITERS, key=suitability)


def _first_cells(body: str, delimiter: str) -> list[str]:
    """Return the cells of the first row; none if there is no row."""
    rows = first_rows(body, delimiter, 1, 1)
    if rows:
        return rows[0].cells
    # A quote in the first line is not closed.
    line = re.split(r"[\r\n]", body.lstrip(), maxsplit=1)[0]
    return line.split(delimiter) if line else []


def _count_wanted(cells: list[str], delimiter: str, wanted: frozenset[str]) -> int:
    """Return the number of wanted names in a header."""
    return len(wanted & {fold_name(value_of(c.strip(), delimiter)) for c in cells})


def _count_numbers(cells: list[str], delimiter: str) -> int:
    """Return the number of cells that hold a number."""
    values = (value_of(cell, delimiter).strip() for cell in cells)
    return sum(_NUMBER.fullmatch(value) is not None for value in values)


def _refuse_values(rows: list[Row], delimiter: str) -> None:
    """Raise an error if the first row has as many numbers as the second row."""
    numbers = [_count_numbers(row.cells, delimiter) for row in rows]
    if len(rows) == 2 and numbers[0] == numbers[1] > 0:
        raise TableError(
            "the line holds values, not the names of columns",
            where=f"line {rows[0].line}",
            remedy="Add a line with the names of the columns above it",
        )


def _refuse_title(body: str, first_line: int, wanted: frozenset[str]) -> None:
    """Raise an error if a line below the first one looks like the header."""
    lines = [
        (number, match[1])
        for number, match in enumerate(
            islice(LINE.finditer(body), _FIRST_LINES + 1), first_line
        )
        if match[1].strip()
    ]
    likely = None
    for at in range(1, min(len(lines), _FIRST_LINES)):
        delimiter = _find_delimiter(lines[at][1], wanted)
        cells = [_first_cells(line, delimiter) for _, line in lines]
        widths = [count_filled(each) for each in cells]
        if widths[0] >= widths[at]:
            continue
        if _count_wanted(cells[at], delimiter, wanted):
            likely = lines[at][0]
            break
        is_even = widths[at : at + 2] == [widths[at]] * 2
        if likely is None and is_even and min(widths[at:]) > max(widths[:at]):
            likely = lines[at][0]
    if likely is not None:
        number, title = lines[0]
        raise TableError(
            f"{title.strip()[:60]!r} looks like a title, and line {likely} like the "
            "header with the names of the columns",
            where=f"line {number}",
            remedy=f"Remove the lines above line {likely}, or begin them with '#'",
        )
