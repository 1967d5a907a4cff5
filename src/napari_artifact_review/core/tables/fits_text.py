"""Read the values of an ASCII table in FITS, described in section 7.2 of the standard.

The reader of astropy needs columns in the order of their numbers. It takes TNULL for a
number, which is a string here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from astropy.io import fits

from napari_artifact_review.core.tables.fits_records import FitsRecords


def text_values(records: FitsRecords) -> pd.DataFrame:
    """Return the values of an ASCII table; missing values are NA or NaN.

    Raises
    ------
    ValueError
        If a field of numbers holds another text.
    """
    header = fits.Header.fromstring("".join(records.cards))
    columns = []
    for number, (start, width) in enumerate(records.fields, 1):
        raw = np.ascontiguousarray(records.rows[:, start : start + width])
        fields = raw.view(f"S{width}")[:, 0]
        columns.append(_column(fields, header, number))
    values = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    return values.set_axis(pd.Index(records.names, dtype="str"), axis=1)


def _column(
    fields: npt.NDArray[np.bytes_], header: fits.Header, number: int
) -> pd.Series[Any]:
    null = header.get(f"TNULL{number}")
    texts = [field.decode("latin-1").rstrip(" ") for field in fields.tolist()]
    is_null = np.array(
        [null is not None and text.strip() == str(null).strip() for text in texts],
        dtype=bool,
    )
    kind = header[f"TFORM{number}"].strip()[0]
    if kind == "A":
        return pd.Series(texts, dtype="str").mask(is_null)
    # A blank field has the value 0.
    spelt = [
        "0" if missing else text.strip() or "0"
        for text, missing in zip(texts, is_null.tolist(), strict=True)
    ]
    scale, zero = header.get(f"TSCAL{number}", 1), header.get(f"TZERO{number}", 0)
    if kind == "I" and (scale, zero) == (1, 0):
        integers = pd.Series([int(text) for text in spelt], dtype="int64")
        return integers.astype("Int64").mask(is_null) if is_null.any() else integers
    reals = np.array([float(text.replace("D", "E")) for text in spelt])
    return pd.Series(reals * scale + zero).mask(is_null)
