"""Split text into cells, preserving every character of cells and line endings."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.tables.table_file import MOST_BYTES
from napari_artifact_review.core.tables.text_rows import (
    BREAK,
    LINE,
    LINE_ENDS,
    count_filled,
    rows_of,
)

_LARGE_STRING = pa.large_string()

#: Measured memory for a cell in bytes, of regular text and of any other text.
_BYTES_OF_REGULAR, _BYTES_OF_ANY = 25, 100


@dataclass(frozen=True)
class Split:
    """The result of splitting text into cells.

    Attributes
    ----------
    names : list of str, length m
        Cells of the header.
    cells : DataFrame, shape (n, m)
        Cells of the rows, including quotes; the columns are numbered from 0.
    lines : ndarray of int64, shape (n,)
        Line number at which each row begins, counted from 1.
    lead : str
        Blank lines before the header.
    ends : tuple of str, length n + 1, or None
        Text after the header and after each row: delimiters with nothing after them, a
        line ending and any blank lines. None if it is always `line_end`, except after
        the last row.
    line_end, last_end : str
        Line ending of the header, and text after the last row, with any empty rows.
    faults : tuple of TableError
        Errors of rows that cannot be split; such rows are omitted.
    """

    names: list[str]
    cells: pd.DataFrame
    lines: npt.NDArray[np.int64]
    lead: str
    ends: tuple[str, ...] | None
    line_end: str
    last_end: str
    faults: tuple[TableError, ...] = ()


def split_cells(body: str, delimiter: str, first_line: int = 1) -> Split:
    """Split text into cells.

    Parameters
    ----------
    body : str
        A header and rows. Blank lines, and empty rows after the last row, are not rows.
        A row whose number of cells differs from the header is a fault, unless they
        differ by delimiters at the end of the line with nothing after them.
    delimiter : str
        Separator of cells; further blanks after a blank are part of the next cell.
    first_line : int, optional
        Line number of the first line of `body` in its file.

    Raises
    ------
    TableError
        If `body` has no header, or has too many cells for the memory.
    """
    _check_cells(body, delimiter, _BYTES_OF_REGULAR)
    split = _split_regular(body, delimiter, first_line)
    if split is not None:
        return split
    _check_cells(body, delimiter, _BYTES_OF_ANY)
    return _split_any(body, delimiter, first_line)


def _check_cells(body: str, delimiter: str, each: int) -> None:
    """Check that the cells fit into 1 GiB and twice the size of the text.

    `each` is the memory for a cell in bytes. A small compressed file can hold a text
    of many short cells, which take much more memory than the text.
    """
    count = body.count(delimiter) + body.count("\n") + body.count("\r")
    if count * each > MOST_BYTES + 2 * len(body):
        raise TableError(
            f"it has about {count:,} cells, which take too much memory",
            remedy="Is this the table with the predictions? Split it if it is, or "
            "leave out columns",
        )


def _split_regular(body: str, delimiter: str, first_line: int) -> Split | None:
    """Split regular text quickly; return None if the text is not regular.

    Regular text has equal line endings, equal numbers of cells, no blank lines, and no
    delimiters or line endings inside quotes.
    """
    line_end = _regular_line_end(body)
    if line_end is None or (delimiter == " " and is_padded(body)):
        return None
    raw = body.encode()
    if '"' in body and _quotes_hide(raw, delimiter):
        return None
    names = LINE.match(body)[1].split(delimiter)  # type: ignore[index]
    columns = [str(i) for i in range(len(names))]
    try:
        table = csv.read_csv(
            io.BytesIO(raw),
            csv.ReadOptions(skip_rows=1, column_names=columns),
            csv.ParseOptions(delimiter=delimiter, quote_char=False),
            csv.ConvertOptions(column_types=dict.fromkeys(columns, _LARGE_STRING)),
        )
    except pa.ArrowInvalid:
        # A row has a wrong number of cells or is very long, or there are no rows.
        return None
    text = pd.StringDtype(na_value=np.nan)
    cells = table.to_pandas(types_mapper={_LARGE_STRING: text}.get)
    cells.columns = pd.RangeIndex(len(names))
    lines = np.arange(len(cells), dtype=np.int64) + first_line + 1
    last_end = line_end if body.endswith("\n") else ""
    split = Split(names, cells, lines, "", None, line_end, last_end)
    return _without_empty_rows(split, delimiter)


def _without_empty_rows(split: Split, delimiter: str) -> Split:
    """Move the text of empty rows after the last row of regular text to `last_end`."""
    count = len(split.cells)
    if not count or any(cell.strip() for cell in split.cells.iloc[-1]):
        return split
    columns = [split.cells[i].tolist() for i in split.cells]
    while count and not any(column[count - 1].strip() for column in columns):
        count -= 1
    after = zip(*(column[count:] for column in columns), strict=True)
    text = split.line_end.join(map(delimiter.join, after))
    return replace(
        split,
        cells=split.cells.iloc[:count],
        lines=split.lines[:count],
        last_end=split.line_end + text + split.last_end,
    )


def _regular_line_end(body: str) -> str | None:
    """Return the line ending of `body`; None if endings differ or a line is blank."""
    line_end = "\r\n" if "\r\n" in body else "\n"
    returns = body.count("\r")
    if returns and not returns == body.count("\r\n") == body.count("\n"):
        return None
    blank = line_end * 2 in body or body.startswith(line_end)
    return None if blank else line_end


def is_padded(body: str) -> bool:
    """Return whether a text has blanks in a row, or at the start or end of a line."""
    return (
        body.startswith(" ")
        or body.endswith(" ")
        or any(blanks in body for blanks in ("  ", "\n ", " \n", " \r"))
    )


def _quotes_hide(raw: bytes, delimiter: str) -> bool:
    """Return whether any delimiter or line ending is inside quotes."""
    characters = np.frombuffer(raw, dtype=np.uint8)
    # The count may overflow, but is only used to find odd counts.
    odd = np.cumsum(characters == ord('"'), dtype=np.uint8) & 1
    breaks = (characters == ord(delimiter)) | (characters == ord("\n"))
    return bool(odd[-1]) or bool(np.any(odd.view(bool) & breaks))


def _split_any(body: str, delimiter: str, first_line: int) -> Split:
    """Split any text row by row; see `split_cells`."""
    rows: list[list[str]] = []
    lines: list[int] = []
    ends: list[str] = []
    unclosed: list[TableError] = []
    # The texts of blank lines, by the number of rows before them.
    blank: dict[int, list[str]] = {}
    try:
        for row in rows_of(body, delimiter, first_line):
            if not row.is_blank:
                rows.append(row.cells)
                lines.append(row.line)
                ends.append(row.end)
            else:
                blank.setdefault(len(rows), []).append(row.cells[0] + row.end)
    except TableError as error:
        # Text after an unclosed quote cannot be split.
        unclosed.append(error)
    if not rows:
        empty = TableError("the table is empty", remedy="Choose another table")
        raise unclosed[0] if unclosed else empty
    lead = _add_blank_lines(ends, blank)
    _move_empty_rows(rows, ends, delimiter)
    _move_trailing_delimiters(rows, ends, delimiter)
    width = len(rows[0])
    sound = [i for i, row in enumerate(rows) if len(row) == width]
    ragged = [
        _ragged(line, len(row), width)
        for line, row in zip(lines, rows, strict=False)
        if len(row) != width
    ]
    ends = [ends[i] for i in sound]
    is_equal = len(ends) == 1 or (ends[0] in LINE_ENDS and set(ends[:-1]) == {ends[0]})
    line_end = BREAK.search(ends[0])
    return Split(
        rows[0],
        pd.DataFrame([rows[i] for i in sound[1:]], columns=range(width), dtype="str"),
        np.asarray([lines[i] for i in sound[1:]], dtype=np.int64),
        lead,
        None if is_equal and not lead else tuple(ends),
        line_end[0] if line_end else "\n",
        ends[-1],
        tuple(ragged + unclosed),
    )


def _add_blank_lines(ends: list[str], blank: dict[int, list[str]]) -> str:
    """Add blank lines to the ends of the rows before them; return those before all."""
    lead = "".join(blank.pop(0, []))
    for count, texts in blank.items():
        ends[count - 1] += "".join(texts)
    return lead


def _move_empty_rows(rows: list[list[str]], ends: list[str], delimiter: str) -> None:
    """Move the text of empty rows after the last row to the end of that row."""
    after: list[str] = []
    while len(rows) > 1 and not any(cell.strip() for cell in rows[-1]):
        after.append(delimiter.join(rows.pop()) + ends.pop())
    ends[-1] += "".join(reversed(after))


def _move_trailing_delimiters(
    rows: list[list[str]], ends: list[str], delimiter: str
) -> None:
    """Move delimiters with nothing after them, which exceed the columns, to the ends.

    Nothing is moved if all rows have them, or if a row has more values than the header.
    """
    if len({len(row) for row in rows}) == 1:
        return
    width = max(map(count_filled, rows))
    if width > len(rows[0]):
        return
    for i, row in enumerate(rows):
        if len(row) > width:
            ends[i] = delimiter.join(["", *row[width:]]) + ends[i]
            del row[width:]


def _ragged(line: int, cells: int, expected: int) -> TableError:
    return TableError(
        f"{cells} cells where the header has {expected}",
        where=f"line {line}",
        remedy="Correct that line, or quote the cell that holds the delimiter",
    )
