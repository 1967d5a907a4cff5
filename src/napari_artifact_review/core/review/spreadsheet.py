"""Copy of a table in which a spreadsheet program finds no formula."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any

import pandas as pd

from napari_artifact_review.core.atomic_files import replace_file, stem_and_suffix
from napari_artifact_review.core.tables.delimited import DelimitedFile, Dialect

# Characters from OWASP's advice on CSV injection; the last four are full-width.
_FORMULA_STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_FORMULA = re.compile(f"[{re.escape(_FORMULA_STARTS)}]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

# Without a byte order mark, Excel does not read the text as UTF-8.
_DIALECT = Dialect(bom=codecs.BOM_UTF8)


def spreadsheet_path(output: Path) -> Path:
    """Return the path of the copy for spreadsheets, in the folder of the output."""
    return output.with_name(f"{stem_and_suffix(output)[0]}_spreadsheet.csv")


def write_spreadsheet(table: pd.DataFrame, output: Path) -> Path:
    """Write a copy of a table for spreadsheet programs; return its path.

    A string that a spreadsheet program would read as a formula is prefixed with an
    apostrophe. Numbers are unchanged. The copy is a CSV file in UTF-8.

    Parameters
    ----------
    table : DataFrame
        Cells of the table to copy.
    output : Path
        Path of the table; see `spreadsheet_path`.

    Raises
    ------
    SaveError
        If the copy cannot be written.
    """
    path = spreadsheet_path(output)
    values = table.apply(_escape_column)
    names = [escape_cell(str(name)) for name in values.columns]
    values.columns = pd.Index(names, dtype="str")
    file = DelimitedFile.from_values(values, _DIALECT)
    return replace_file(path, lambda stream: file.write(stream, {})).path


def escape_cell(text: str) -> str:
    """Prefix a string with an apostrophe if the string could be read as a formula."""
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _escape_column(values: pd.Series[Any]) -> pd.Series[Any]:
    texts = values.astype("str")
    are_suspect = texts.str.match(_FORMULA.pattern).fillna(False)
    return texts.mask(are_suspect, texts[are_suspect].map(escape_cell))
