"""Parts of the cutouts: by kind or another text, and by brightness."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

#: Names of the parts by brightness, from dark to bright.
BRIGHTNESS_NAMES = (
    "darkest quarter",
    "second quarter",
    "third quarter",
    "brightest quarter",
)

_Ints = npt.NDArray[np.int64]


def parts_by_text(texts: pd.Series[Any]) -> tuple[_Ints, tuple[str, ...]]:
    """Divide cutouts by a text, such as their kind.

    Parameters
    ----------
    texts : Series of str, shape (n,)
        Text of each cutout; empty for none.

    Returns
    -------
    codes : ndarray of int64, shape (n,)
        Index of each text among the names; -1 for an empty one.
    names : tuple of str
        The distinct texts in alphabetical order.
    """
    codes, names = pd.factorize(texts.where(texts != ""), sort=True)
    return codes.astype(np.int64), tuple(map(str, names))


def parts_by_brightness(brightness: npt.NDArray[np.float64]) -> _Ints:
    """Divide cutouts into quarters by brightness.

    Parameters
    ----------
    brightness : ndarray of float64, shape (n,)
        Brightness of each cutout, in any unit; NaN if it is unknown.

    Returns
    -------
    ndarray of int64, shape (n,)
        Index of the part of each cutout in `BRIGHTNESS_NAMES`; -1 if the brightness is
        unknown.
    """
    known = ~np.isnan(brightness)
    codes = np.full(len(brightness), -1, dtype=np.int64)
    if known.any():
        # A limit between two nearly equal values would be rounded to the lower one.
        limits = np.quantile(brightness[known], (0.25, 0.5, 0.75), method="higher")
        codes[known] = np.digitize(brightness[known], limits)
    return codes
