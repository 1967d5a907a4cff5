"""How a label and a prediction compare: the outcome of the classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

OUTCOMES = ("TN", "FN", "FP", "TP")
ERRORS = ("FN", "FP")

#: Confidence from which the survey's classifier says "artifact".
DEFAULT_THRESHOLD = 0.95

#: What a reviewer calls the values 0 and 1 of a label.
LABEL_NAMES = ("no artifact", "artifact")


def classify_outcomes(
    label: npt.NDArray[np.int8], preds: npt.NDArray[np.int8]
) -> pd.Categorical[str]:
    """Name the outcome of each cutout.

    Parameters
    ----------
    label, preds : ndarray of int8, shape (n,)
        What the data set and the model say: 1 artifact, 0 none.

    Returns
    -------
    Categorical, shape (n,)
        One of `OUTCOMES` for each cutout.
    """
    # The dock knows the names below; it opens without pandas.
    import pandas as pd

    codes: npt.NDArray[np.int64] = label.astype(np.int64) + 2 * preds
    return pd.Categorical.from_codes(codes, categories=pd.Index(OUTCOMES))
