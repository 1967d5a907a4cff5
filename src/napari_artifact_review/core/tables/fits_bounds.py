"""Check the size of a FITS table before its columns are read."""

from __future__ import annotations

import re

import numpy as np

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.tables.fits_records import FitsRecords
from napari_artifact_review.core.tables.table_file import check_size

#: Format of a column of a binary table: count and type (FITS standard 4.0, section
#: 7.3.1).
_FORM = re.compile(r"(\d*)([A-Z])")
#: Bytes in memory of a value, and of an element of a variable-length array.
_VALUE = 8
#: Bytes in memory of a character, and of a text beside its characters.
_CHARACTER, _TEXT = 4, 60
#: Types of the descriptors of variable-length arrays, which are length and offset.
_DESCRIPTORS = {"P": ">i4", "Q": ">i8"}


def check_fits_size(records: FitsRecords) -> None:
    """Raise an error if the columns of a FITS table would take too much memory.

    Parameters
    ----------
    records : FitsRecords
        The table, whose cells are not decoded.

    Raises
    ------
    TableError
        If the table is too large, or has rows without bytes.
    """
    count, width = records.rows.shape
    if count and not width:
        raise TableError(
            f"not a valid FITS table: its {count:,} rows have no bytes",
            remedy="Write it again",
        )
    if records.is_text:
        # Each field is read as a text.
        row = sum(_CHARACTER * size + _TEXT for _, size in records.fields)
        check_size(count * row)
        return
    row = 0
    arrays = 0.0
    for number, (start, size) in enumerate(records.fields, 1):
        form = str(records.value(f"TFORM{number}")).strip()
        found = _FORM.match(form)
        # The records have been parsed, so that each format is valid.
        elements, kind = (found[1], found[2]) if found else ("", "")
        if kind == "A":
            row += _CHARACTER * size + _TEXT
        elif kind in _DESCRIPTORS and size:
            raw = np.ascontiguousarray(records.rows[:, start : start + size])
            lengths = raw.view(_DESCRIPTORS[kind])[:, 0]
            arrays += _VALUE * float(np.abs(lengths.astype(np.float64)).sum())
            row += size
        else:
            row += _VALUE * int(elements or 1)
    check_size(int(count * row + arrays))
