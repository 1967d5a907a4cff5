"""Outcomes of the classifier: label and prediction compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal["TN", "FN", "FP", "TP"]
OUTCOMES: tuple[Outcome, ...] = ("TN", "FN", "FP", "TP")
ERRORS: tuple[Outcome, ...] = ("FN", "FP")

#: Confidence from which the survey's classifier predicts an artifact.
DEFAULT_THRESHOLD = 0.95

#: The verdicts of a reviewer about a cutout.
Verdict = Literal["artifact", "no artifact", "unsure"]
VERDICTS: tuple[Verdict, ...] = ("artifact", "no artifact", "unsure")

#: The names of the label values 0 and 1.
LABEL_NAMES: tuple[Verdict, Verdict] = ("no artifact", "artifact")


def outcome_codes(
    label: npt.NDArray[np.int8], preds: npt.NDArray[np.int8]
) -> npt.NDArray[np.int8]:
    """Return the outcome of each cutout, as its index in `OUTCOMES`.

    Parameters
    ----------
    label, preds : ndarray of int8, shape (n,)
        Labels of the data set and of the model: 1 artifact, 0 none.

    Returns
    -------
    ndarray of int8, shape (n,)
        0 to 3.
    """
    return np.asarray(label + 2 * preds, dtype=np.int8)


def outcome_names(codes: npt.NDArray[np.int8]) -> pd.Categorical[str]:
    """Return the names of outcomes, shape (n,), from their indices in `OUTCOMES`."""
    # The dock imports the names above, and must open without pandas.
    import pandas as pd

    return pd.Categorical.from_codes(codes, categories=pd.Index(OUTCOMES))
