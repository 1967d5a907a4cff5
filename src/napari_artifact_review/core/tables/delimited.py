"""Read and write delimited text such as CSV, preserving every character."""

from __future__ import annotations

import codecs
import gzip
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any, BinaryIO, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.tables.splitting import split_cells
from napari_artifact_review.core.tables.table_file import TableFile, decompress

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
        Text before the header line: blank lines, or the YAML header of ECSV.
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
        words = f"{_DELIMITERS[self.delimiter]} delimited, {self.encoding.upper()}"
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
    def from_bytes(cls, data: bytes) -> Self:
        """Read delimited text; see `TableFile.from_bytes`."""
        text, dialect = decode(data)
        header = re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0]
        return cls.from_text(text, replace(dialect, delimiter=_find_delimiter(header)))

    @classmethod
    def from_text(cls, body: str, dialect: Dialect) -> Self:
        """Create a table from the decoded text after the preamble."""
        first_line = dialect.preamble.count("\n") + 1
        split = split_cells(body, dialect.delimiter, first_line)
        cells = split.cells.set_axis(pd.Index(split.names, dtype="str"), axis=1)
        values = cells
        if '"' in body:
            unquoted = [_map_distinct(split.cells[i], unquote) for i in split.cells]
            values = pd.concat(unquoted, axis=1)
            values.columns = pd.Index(
                [unquote(name) for name in split.names], dtype="str"
            )
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
        text = values.apply(_map_distinct, args=(_as_text,))
        cells = text.apply(_map_distinct, args=(dialect.quote,))
        names = [dialect.quote(name) for name in values.columns]
        cells.columns = pd.Index(names, dtype="str")
        return cls(cells, text, dialect, np.arange(2, len(values) + 2))

    def suited_to(self, name: str) -> DelimitedFile:
        """Return the table with the compression and delimiter that suit a file name."""
        suffix = name.lower()
        dialect = replace(self.dialect, compressed=suffix.endswith(".gz"))
        if suffix.endswith((".tsv", ".tsv.gz")) and dialect.delimiter != "\t":
            return self.from_values(self.values, replace(dialect, delimiter="\t"))
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
        names = dict(zip(self.values.columns, self.cells.columns, strict=True))
        columns = {name: self.cells[name] for name in self.cells.columns}
        for name, cells in edits.items():
            columns[names.get(name, self.spell(name))] = cells
        preamble = self._preamble(list(edits))
        if self.dialect.compressed:
            # Omit the time stamp, so that equal reviews give equal files.
            with gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as packed:
                self._write_lines(packed, preamble, columns)
        else:
            self._write_lines(stream, preamble, columns)

    def _write_lines(
        self,
        stream: BinaryIO | gzip.GzipFile,
        preamble: str,
        columns: Mapping[str, pd.Series[Any]],
    ) -> None:
        dialect, size = self.dialect, _ROWS_PER_CHUNK
        head = preamble + dialect.delimiter.join(columns)
        stream.write(dialect.bom + head.encode(dialect.encoding))
        for begin in range(0, len(self.cells), size):
            chunk = [c.iloc[begin : begin + size].tolist() for c in columns.values()]
            rows = map(dialect.delimiter.join, zip(*chunk, strict=True))
            # Each row is preceded by the line ending of the previous line.
            ends = dialect.ends[begin:-1] if dialect.ends else repeat(dialect.line_end)
            text = "".join(map(operator.add, ends, rows))
            stream.write(text.encode(dialect.encoding))
        stream.write(dialect.last_end.encode(dialect.encoding))

    def _preamble(self, edited: list[str]) -> str:  # noqa: ARG002
        """Return the text before the header line."""
        return self.dialect.preamble


def unquote(cell: str) -> str:
    """Return the string in a cell, without the quotes of the cell."""
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"')
    return cell


def _as_text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _map_distinct(
    column: pd.Series[Any], change: Callable[[Any], str]
) -> pd.Series[Any]:
    """Convert a column to strings, calling `change` once for each distinct value."""
    codes, distinct = pd.factorize(column, use_na_sentinel=False)
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


def _find_delimiter(header: str) -> str:
    """Return the delimiter that gives a column `grid_x`, or else the most columns."""
    names = {
        delimiter: [unquote(name.strip()) for name in header.split(delimiter)]
        for delimiter in ",;\t|"
    }
    return max(names, key=lambda d: ("grid_x" in names[d], len(names[d])))
