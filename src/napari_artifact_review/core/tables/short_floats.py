"""Numbers of less than double precision, as the decimal numbers that they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

#: Size in bytes of a float64.
_DOUBLE = 8


def as_doubles(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of float16 or float32 as the float64 with the same notation.

    0.95 in float32 becomes 0.95, not 0.949999988079071, as if the table were text: the
    shortest decimal number that float32 rounds to it counts. Other columns are
    returned unchanged.

    Parameters
    ----------
    column : Series
        Column of any type.
    """
    dtype = getattr(column.dtype, "numpy_dtype", column.dtype)
    if not isinstance(dtype, np.dtype):
        return column
    if dtype.kind != "f" or dtype.itemsize >= _DOUBLE:
        return column
    short = column.to_numpy(dtype.newbyteorder("="), na_value=np.nan)
    codes, distinct = pd.factorize(short)
    # A missing value has the code -1, which is the last number.
    doubles = np.array([*(float(str(value)) for value in distinct), np.nan])
    return pd.Series(doubles[codes], column.index, name=column.name)
