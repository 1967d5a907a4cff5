"""Split text into cells, preserving every character of cells and line endings."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from napari_artifact_review.core.errors import TableError

_LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r|\Z)")
_BREAK = re.compile(r"\r\n|\n|\r")
_LINE_ENDS = ("\r\n", "\n", "\r", "")
_LARGE_STRING = pa.large_string()


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
        Text after the header and after each row: a line ending and any blank lines.
        None if it is always `line_end`, except after the last row.
    line_end, last_end : str
        Line ending of the header, and text after the last row.
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
        A header and rows. Blank lines are not rows. A row whose number of cells differs
        from the header is a fault.
    delimiter : str
        Separator of cells; consecutive spaces count as one separator.
    first_line : int, optional
        Line number of the first line of `body` in its file.

    Raises
    ------
    TableError
        If `body` has no header.
    """
    split = _split_regular(body, delimiter, first_line)
    return split or _split_any(body, delimiter, first_line)


def _split_regular(body: str, delimiter: str, first_line: int) -> Split | None:
    """Split regular text quickly; return None if the text is not regular.

    Regular text has equal line endings, equal numbers of cells, no blank lines, and no
    delimiters or line endings inside quotes.
    """
    line_end = _regular_line_end(body)
    if line_end is None or (delimiter == " " and "  " in body):
        return None
    raw = body.encode()
    if '"' in body and _quotes_hide(raw, delimiter):
        return None
    names = _LINE.match(body)[1].split(delimiter)  # type: ignore[index]
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
    return Split(names, cells, lines, "", None, line_end, last_end)


def _regular_line_end(body: str) -> str | None:
    """Return the line ending of `body`; None if endings differ or a line is blank."""
    line_end = "\r\n" if "\r\n" in body else "\n"
    returns = body.count("\r")
    if returns and not returns == body.count("\r\n") == body.count("\n"):
        return None
    blank = line_end * 2 in body or body.startswith(line_end)
    return None if blank else line_end


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
    faults: list[TableError] = []
    lead = ""
    try:
        for line, row, end in _rows(body, delimiter, first_line):
            if len(row) == 1 and not row[0].strip():
                if ends:
                    ends[-1] += row[0] + end
                else:
                    lead += row[0] + end
            elif rows and len(row) != len(rows[0]):
                faults.append(_ragged(line, len(row), len(rows[0])))
            else:
                rows.append(row)
                lines.append(line)
                ends.append(end)
    except TableError as error:
        # Text after an unclosed quote cannot be split.
        faults.append(error)
    if not rows:
        empty = TableError("the table is empty", remedy="Choose another table")
        raise faults[0] if faults else empty
    cells = pd.DataFrame(rows[1:], columns=range(len(rows[0])), dtype="str")
    regular = not lead and set(ends[:-1]) <= {ends[0]} and ends[-1] in (ends[0], "")
    return Split(
        rows[0],
        cells,
        np.asarray(lines[1:], dtype=np.int64),
        lead,
        None if regular else tuple(ends),
        ends[0] or "\n",
        ends[-1],
        tuple(faults),
    )


def _ragged(line: int, cells: int, expected: int) -> TableError:
    return TableError(
        f"{cells} cells where the header has {expected}",
        where=f"line {line}",
        remedy="Correct that line, or quote the cell that holds the delimiter",
    )


def _rows(
    body: str, delimiter: str, first_line: int
) -> Iterator[tuple[int, list[str], str]]:
    """Yield the line number, the cells and the line ending of each row."""
    between = " +" if delimiter == " " else re.escape(delimiter)
    after = rf"{between}|\r\n|\n|\r|\Z"
    cell = re.compile(
        rf'("[^"]*(?:""[^"]*)*"(?={after})|[^{re.escape(delimiter)}\r\n]*)({after})'
    )
    plain = re.compile(between)
    position, line = 0, first_line
    while position < len(body):
        match = _LINE.match(body, position)
        assert match is not None, "any text matches"
        if '"' in match[1]:
            row, end, stop = _quoted_row(body, position, cell, line)
        else:
            row, end, stop = plain.split(match[1]), match[2], match.end()
        yield line, row, end
        line += len(_BREAK.findall(body, position, stop))
        position = stop


def _quoted_row(
    body: str, position: int, cell: re.Pattern[str], line: int
) -> tuple[list[str], str, int]:
    """Return the cells of a row with quotes, its line ending, and the next index."""
    row: list[str] = []
    while True:
        match = cell.match(body, position)
        assert match is not None, "any text matches"
        if match[1].startswith('"') and match[1].count('"') % 2:
            raise TableError(
                "a quote is opened here and never closed",
                where=f"line {line}",
                remedy="Close or remove it; nothing after it was read",
            )
        row.append(match[1])
        line += len(_BREAK.findall(match[1]))
        position = match.end()
        if match[2] in _LINE_ENDS:
            return row, match[2], position
