"""Read and write ECSV tables: text with a YAML header, defined by Astropy's APE 6."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Self

import pandas as pd
import yaml
from astropy.table import Table

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.tables.column_names import IDENTIFYING
from napari_artifact_review.core.tables.delimited import DelimitedFile, Dialect, decode
from napari_artifact_review.core.tables.table_file import check_names
from napari_artifact_review.core.tables.text_rows import value_of

MARK = "# %ECSV "
_HEADER = re.compile(f"{MARK}.*\n(?:#.*\n)*")


class EcsvFile(DelimitedFile):
    """A text table with a YAML header, which specifies the type of each column."""

    suffixes = (".ecsv",)

    @property
    def description(self) -> str:
        """Description of the format for the user."""
        return f"ECSV, {self.dialect.description}"

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        wanted: Collection[str] = IDENTIFYING,  # noqa: ARG003
    ) -> Self:
        """Read an ECSV table; see `TableFile.from_bytes`."""
        text, dialect = decode(data)
        header = _HEADER.match(text)
        if header is None or header.end() == len(text):
            raise _unsound("is missing or has no table after it")
        entries = _header_entries(header[0])
        node = entries.get("delimiter")
        delimiter = " " if node is None else node.value
        if delimiter not in (" ", ","):
            raise _unsound(f"names {delimiter!r} as delimiter, not a space or a comma")
        types = _types(entries)
        file = cls.from_text(
            text[header.end() :],
            replace(dialect, delimiter=delimiter, preamble=header[0]),
        )
        if list(types) != list(file.values.columns):
            raise _unsound("names other columns than the table after it")
        return file

    @classmethod
    def from_values(
        cls,
        values: pd.DataFrame,
        dialect: Dialect | None = None,  # noqa: ARG003
    ) -> Self:
        """Create a table as astropy writes it; `dialect` is ignored."""
        check_names(map(str, values.columns), "ECSV", named=True)
        out = io.StringIO()
        Table.from_pandas(values).write(out, format="ascii.ecsv")
        return cls.from_bytes(out.getvalue().encode())

    def _preamble(self, edits: Mapping[str, pd.Series[Any]]) -> str:
        """Return the YAML header, with the types of added columns."""
        preamble = self.dialect.preamble
        entries = _header_entries(preamble)
        types = _types(entries)
        kinds = {"error_id": "int64"}
        if "label_new" in edits:
            # The column of labels may have another name.
            label = types.get("label", _type_of(edits["label_new"]))
            kinds["label_new"] = label
        lines = preamble.split("\n")
        mark = entries["datatype"].value[-1].end_mark
        # The YAML begins on the second line. A list ends where the next entry begins.
        end = mark.line + (2 if mark.column else 1)
        line_end = "\r" if lines[0].endswith("\r") else ""
        added = [
            f"# - {{name: {name}, datatype: {kinds.get(name, 'string')}}}{line_end}"
            for name in edits
            if name not in types
        ]
        return "\n".join([*lines[:end], *added, *lines[end:]])


def _type_of(cells: pd.Series[Any]) -> str:
    """Return the type of a new column of labels."""
    values = {value_of(cell, " ") for cell in cells}
    if values <= {"True", "False"}:
        return "bool"
    return "int64" if values <= {"0", "1"} else "string"


def _header_entries(preamble: str) -> dict[str, yaml.Node]:
    """Parse the YAML header, and return its entries as nodes with line numbers."""
    lines = (line[2:] for line in preamble.split("\n")[1:])
    try:
        return _entries(yaml.compose("\n".join(lines)))
    except (yaml.YAMLError, RecursionError) as error:
        raise _unsound(f"is not YAML ({error})") from error


def _types(entries: Mapping[str, yaml.Node]) -> dict[str, str]:
    """Return the type of each column, by column name."""
    columns = entries.get("datatype")
    if not isinstance(columns, yaml.SequenceNode) or columns.flow_style:
        raise _unsound("has no list 'datatype' with a line for each column")
    described = [_entries(node) for node in columns.value]
    if not all({"name", "datatype"} <= each.keys() for each in described):
        raise _unsound("lacks the name or the type of a column")
    return {each["name"].value: each["datatype"].value for each in described}


def _entries(node: yaml.Node | None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {
        key.value: value
        for key, value in node.value
        if isinstance(key, yaml.ScalarNode)
    }


def _unsound(what: str) -> TableError:
    return TableError(
        f"the ECSV header {what}",
        remedy="Write the table again with astropy's format 'ascii.ecsv'",
    )
