"""Read and write delimited text such as CSV, preserving every character."""

from __future__ import annotations

import codecs
import gzip
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from typing import Any, BinaryIO, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.tables.column_names import IDENTIFYING
from napari_artifact_review.core.tables.short_floats import as_doubles
from napari_artifact_review.core.tables.splitting import is_padded, split_cells
from napari_artifact_review.core.tables.table_file import TableFile, decompress
from napari_artifact_review.core.tables.text_layout import (
    begins_like_preamble,
    find_layout,
    without_sep_line,
)
from napari_artifact_review.core.tables.text_rows import (
    BREAK,
    LINE,
    check_line,
    value_of,
)

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}
_ROWS_PER_CHUNK = 65_536


@dataclass(frozen=True)
class Dialect:
    """Encoding, delimiter and line endings of a text table.

    Attributes
    ----------
    encoding : str
        Python's name of the encoding.
    bom : bytes
        Byte order mark at the start of the file; empty if there is none.
    compressed : bool
        Whether the file is compressed with gzip.
    delimiter : str
        Separator of cells.
    preamble : str
        Text before the header line: blank lines, a line such as "sep=;", comments, or
        the YAML header of ECSV.
    line_end, last_end : str
        Line ending of the header, and text after the last row.
    ends : tuple of str, optional
        Text after the header and after each row; None if it is always `line_end`,
        except after the last row.
    """

    encoding: str = "utf-8"
    bom: bytes = b""
    compressed: bool = False
    delimiter: str = ","
    preamble: str = ""
    line_end: str = "\n"
    last_end: str = "\n"
    ends: tuple[str, ...] | None = None

    @property
    def description(self) -> str:
        """Description of the dialect for the user."""
        separator = _DELIMITERS.get(self.delimiter, repr(self.delimiter))
        words = f"{separator} delimited, {self.encoding.upper()}"
        return f"{words}, gzip" if self.compressed else words

    def quote(self, value: str) -> str:
        """Return the cell for a string, with quotes only if they are necessary."""
        if self.delimiter == " " and not value:
            return '""'
        if any(character in value for character in (self.delimiter, '"', "\r", "\n")):
            return '"' + value.replace('"', '""') + '"'
        return value


_USUAL_DIALECT = Dialect()


class DelimitedFile(TableFile):
    """A table in delimited text such as CSV or TSV, optionally compressed with gzip."""

    suffixes: ClassVar[tuple[str, ...]] = (
        ".csv",
        ".tsv",
        ".txt",
        ".dat",
        ".csv.gz",
        ".tsv.gz",
    )

    def __init__(
        self,
        cells: pd.DataFrame,
        values: pd.DataFrame,
        dialect: Dialect,
        lines: npt.NDArray[np.int64],
    ) -> None:
        self._cells = cells
        self._values = values
        self.dialect = dialect
        self.lines = lines

    @property
    def cells(self) -> pd.DataFrame:
        """Strings between the delimiters, including quotes."""
        return self._cells

    @property
    def values(self) -> pd.DataFrame:
        """The cells as strings without quotes."""
        return self._values

    @property
    def description(self) -> str:
        """Description of the format for the user."""
        return f"text, {self.dialect.description}"

    @classmethod
    def from_bytes(cls, data: bytes, wanted: Collection[str] = IDENTIFYING) -> Self:
        """Read delimited text; see `TableFile.from_bytes`."""
        text, dialect = decode(data)
        first = LINE.match(text)
        check_line(first[1] if first else "")
        preamble, delimiter = find_layout(text, wanted)
        dialect = replace(dialect, preamble=preamble, delimiter=delimiter)
        return cls.from_text(text[len(preamble) :], dialect)

    @classmethod
    def from_text(cls, body: str, dialect: Dialect) -> Self:
        """Create a table from the decoded text after the preamble."""
        first_line = len(BREAK.findall(dialect.preamble)) + 1
        split = split_cells(body, dialect.delimiter, first_line)
        cells = split.cells.set_axis(pd.Index(split.names, dtype="str"), axis=1)
        values = cells
        if '"' in body or (dialect.delimiter == " " and is_padded(body)):
            read = partial(value_of, delimiter=dialect.delimiter)
            names = [read(name) for name in split.names]
            values = _map_columns(split.cells, read, names)
        dialect = replace(
            dialect,
            preamble=dialect.preamble + split.lead,
            line_end=split.line_end,
            last_end=split.last_end,
            ends=split.ends,
        )
        file = cls(cells, values, dialect, split.lines)
        file.faults = split.faults
        return file

    @classmethod
    def from_values(
        cls, values: pd.DataFrame, dialect: Dialect = _USUAL_DIALECT
    ) -> Self:
        """Create a text table from values, by default in UTF-8 with commas."""
        names = [str(name) for name in values.columns]
        text = _map_columns(values, _as_text, names)
        header = [dialect.quote(name) for name in names]
        if header and begins_like_preamble(header[0]):
            header[0] = f'"{header[0]}"'
        cells = _map_columns(text, dialect.quote, header)
        first_line = len(BREAK.findall(dialect.preamble)) + 2
        return cls(cells, text, dialect, np.arange(len(values)) + first_line)

    def suited_to(self, name: str) -> DelimitedFile:
        """Return the table with the compression and delimiter that suit a file name."""
        suffix = name.lower()
        dialect = replace(self.dialect, compressed=suffix.endswith(".gz"))
        if suffix.endswith((".tsv", ".tsv.gz")) and dialect.delimiter != "\t":
            # The text after a row may hold delimiters.
            preamble = without_sep_line(dialect.preamble)
            plain = replace(
                dialect,
                delimiter="\t",
                preamble=preamble,
                last_end=dialect.line_end,
                ends=None,
            )
            return self.from_values(self.values, plain)
        return type(self)(self.cells, self.values, dialect, self.lines)

    def as_utf8(self) -> DelimitedFile:
        """Return the table with its encoding changed to UTF-8."""
        if self.dialect.encoding == "utf-8":
            return self
        dialect = replace(self.dialect, encoding="utf-8", bom=b"")
        return type(self)(self.cells, self.values, dialect, self.lines)

    def spell(self, value: Any) -> str:
        """Convert a value to a string, with quotes if necessary."""
        return self.dialect.quote(_as_text(value))

    def new_column(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Convert each value to a string, with quotes if necessary."""
        return _map_distinct(values, self.spell)

    def describe_row(self, row: int) -> str:
        """Return the line at which a row begins, for example "line 12"."""
        return f"line {self.lines[row]}"

    def write(self, stream: BinaryIO, edits: Mapping[str, pd.Series[Any]]) -> None:
        """Write the table; see `TableFile.write`."""
        names = list(self.cells.columns)
        columns = [self.cells.iloc[:, i] for i in range(len(names))]
        for name, cells in edits.items():
            at = self.position_of(name)
            if at is None:
                names.append(self.spell(name))
                columns.append(cells)
            else:
                columns[at] = cells
        head = self._preamble(edits) + self.dialect.delimiter.join(names)
        if self.dialect.compressed:
            # Omit the time stamp, so that equal reviews give equal files.
            with gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as packed:
                self._write_lines(packed, head, columns)
        else:
            self._write_lines(stream, head, columns)

    def _write_lines(
        self,
        stream: BinaryIO | gzip.GzipFile,
        head: str,
        columns: Sequence[pd.Series[Any]],
    ) -> None:
        dialect, size = self.dialect, _ROWS_PER_CHUNK
        stream.write(dialect.bom + head.encode(dialect.encoding))
        for begin in range(0, len(self.cells), size):
            chunk = [c.iloc[begin : begin + size].tolist() for c in columns]
            rows = map(dialect.delimiter.join, zip(*chunk, strict=True))
            # Each row is preceded by the line ending of the previous line.
            ends = dialect.ends[begin:-1] if dialect.ends else repeat(dialect.line_end)
            text = "".join(map(operator.add, ends, rows))
            stream.write(text.encode(dialect.encoding))
        stream.write(dialect.last_end.encode(dialect.encoding))

    def _preamble(self, edits: Mapping[str, pd.Series[Any]]) -> str:  # noqa: ARG002
        """Return the text before the header line."""
        return self.dialect.preamble


def _as_text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _map_columns(
    table: pd.DataFrame, change: Callable[[Any], str], names: list[str]
) -> pd.DataFrame:
    """Convert the columns of a table, whose names may be equal, to strings."""
    columns = [_map_distinct(table.iloc[:, i], change) for i in range(table.shape[1])]
    changed = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    return changed.set_axis(pd.Index(names, dtype="str"), axis=1)


def _map_distinct(
    column: pd.Series[Any], change: Callable[[Any], str]
) -> pd.Series[Any]:
    """Convert a column to strings, calling `change` once for each distinct value."""
    codes, distinct = pd.factorize(as_doubles(column), use_na_sentinel=False)
    changed = pd.array([change(value) for value in distinct], dtype="str")
    return pd.Series(changed.take(codes), index=column.index, name=column.name)


def decode(data: bytes) -> tuple[str, Dialect]:
    """Decode a text table.

    Returns
    -------
    text : str
        The text, without the byte order mark.
    dialect : Dialect
        Encoding, byte order mark and compression; defaults for all other attributes.

    Raises
    ------
    TableError
        If the data are damaged or are not text.
    """
    compressed = data.startswith(b"\x1f\x8b")
    if compressed:
        data = decompress(data)
    bom, encoding = next(
        ((b, e) for b, e in _BOMS if data.startswith(b)), (b"", "utf-8")
    )
    try:
        text = data[len(bom) :].decode(encoding)
    except UnicodeDecodeError as error:
        if bom:
            raise TableError(
                f"byte {error.start} is not {encoding.upper()}, which the file's first "
                "bytes promise",
                remedy="Save the table as UTF-8",
            ) from error
        # Every byte is a character in Latin-1, so writing restores the same bytes.
        encoding, text = "latin-1", data.decode("latin-1")
    if "\0" in text:
        raise TableError(
            "the text contains a NUL byte",
            where=f"line {text.count(chr(10), 0, text.index(chr(0))) + 1}",
            remedy="Is this a text table? Export it again as CSV",
        )
    return text, Dialect(encoding, bom, compressed)
