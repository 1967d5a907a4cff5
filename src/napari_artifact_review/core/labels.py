"""The labels as the review leaves them, who decided them, and what is not saved yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.decisions import Decision
from napari_artifact_review.core.predictions import Predictions
from napari_artifact_review.core.reviewed import ReviewedTable


class Labels:
    """What stands for each row: as it was read, or as it was decided since.

    Parameters
    ----------
    predictions : Predictions
        The table as it was read.
    is_error : ndarray of bool, shape (n,)
        Which of its rows are errors.
    """

    def __init__(
        self, predictions: Predictions, is_error: npt.NDArray[np.bool_]
    ) -> None:
        self._predictions = predictions
        self._is_error = is_error
        self._label_new = predictions.label_new.copy()
        self._decisions: dict[int, Decision] = {}
        self._saved: dict[int, Decision] = {}
        self._unsaved: set[int] = set()
        self._output_is_ours = False
        read = (predictions.reviewed_at != "") | (predictions.reviewed_by != "")
        self._errors_reviewed = int(np.count_nonzero(read & is_error))

    @property
    def errors_reviewed(self) -> int:
        """How many errors somebody decided about."""
        return self._errors_reviewed

    @property
    def unsaved(self) -> int:
        """How many rows have decisions that the output does not show yet."""
        return len(self._unsaved)

    def label_new(self, row: int) -> int:
        """Return the label after review: 1 artifact, 0 none."""
        return int(self._label_new[row])

    def review(self, row: int) -> tuple[str, str]:
        """Return who decided about a row and when; empty where nobody did."""
        decision = self._decisions.get(row)
        if decision is not None:
            return decision.reviewer, decision.decided_at
        table = self._predictions
        return str(table.reviewed_by[row]), str(table.reviewed_at[row])

    def columns(self) -> dict[str, Any]:
        """Return copies of the columns `label_new`, `reviewed_by`, `reviewed_at`."""
        by = self._predictions.reviewed_by.copy()
        at = self._predictions.reviewed_at.copy()
        for row, decision in self._decisions.items():
            by[row], at[row] = decision.reviewer, decision.decided_at
        return {
            "label_new": self._label_new.copy(),
            "reviewed_by": pd.Series(by, dtype=object),
            "reviewed_at": pd.Series(at, dtype=object),
        }

    def put(self, row: int, decision: Decision | None) -> None:
        """Let a decision stand for a row; with None, what was read."""
        before = any(self.review(row))
        if decision is None:
            self._decisions.pop(row, None)
            self._label_new[row] = self._predictions.label_new[row]
        else:
            self._decisions[row] = decision
            self._label_new[row] = decision.label_new
        if self._saved.get(row) == decision:
            self._unsaved.discard(row)
        else:
            self._unsaved.add(row)
        if self._is_error[row]:
            self._errors_reviewed += any(self.review(row)) - before

    def reviewed_table(self, output: Path) -> ReviewedTable:
        """Return what the review has come to, to be written on any thread."""
        return ReviewedTable(
            path=output,
            keeps_previous=not self._output_is_ours,
            predictions=self._predictions,
            label_new=self._label_new.copy(),
            decisions=dict(self._decisions),
        )

    def forget_output(self) -> None:
        """Take all that was decided for unsaved: the output is another file now."""
        self._output_is_ours = False
        self._saved = {}
        self._unsaved = set(self._decisions)

    def mark_saved(self, reviewed: ReviewedTable) -> None:
        """Note that a reviewed table has been written."""
        self._output_is_ours = True
        self._saved = dict(reviewed.decisions)
        rows = self._decisions.keys() | self._saved.keys()
        self._unsaved = {
            row for row in rows if self._decisions.get(row) != self._saved.get(row)
        }
