"""Outcomes of the classifier, from a comparison of labels and predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal["TN", "FN", "FP", "TP"]
OUTCOMES: tuple[Outcome, ...] = ("TN", "FN", "FP", "TP")
ERRORS: tuple[Outcome, ...] = ("FN", "FP")

#: Outcomes in display order: errors first.
OUTCOME_DISPLAY_ORDER: tuple[Outcome, ...] = ("FP", "FN", "TP", "TN")

#: Outcomes as they are shown. The last one, which is empty, is that of a cutout whose
#: predictions are hidden.
SHOWN_OUTCOMES: tuple[str, ...] = (*OUTCOMES, "")

#: Confidence at or above which the survey's classifier predicts an artifact.
DEFAULT_THRESHOLD = 0.95

#: The possible verdicts on a cutout.
Verdict = Literal["artifact", "no artifact", "unsure"]
VERDICTS: tuple[Verdict, ...] = ("artifact", "no artifact", "unsure")

#: The verdict that leaves the label unchanged, and abstains from a consensus.
UNSURE: Verdict = "unsure"

#: Names of the label values 0 and 1.
LABEL_NAMES: tuple[Verdict, Verdict] = ("no artifact", "artifact")


def outcome_codes(
    label: npt.NDArray[np.int8], preds: npt.NDArray[np.int8]
) -> npt.NDArray[np.int8]:
    """Compute the outcome of each cutout, as an index into `OUTCOMES`.

    Parameters
    ----------
    label, preds : ndarray of int8, shape (n,)
        Labels and predictions: 1 artifact, 0 no artifact.

    Returns
    -------
    ndarray of int8, shape (n,)
        Indices from 0 to 3.
    """
    return np.asarray(label + 2 * preds, dtype=np.int8)


def outcome_names(codes: npt.NDArray[np.int8]) -> pd.Categorical[str]:
    """Convert indices into `OUTCOMES` to the names of the outcomes, shape (n,)."""
    # Import pandas here, because the dock imports this module and must open fast.
    import pandas as pd

    return pd.Categorical.from_codes(codes, categories=pd.Index(OUTCOMES))
