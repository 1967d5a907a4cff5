"""The labels as the review leaves them, who decided them, and what is not saved yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.decisions import Decision
from napari_artifact_review.core.predictions import Predictions


class Standing(NamedTuple):
    """What stands for a cutout.

    Attributes
    ----------
    label_new : int
        1 artifact, 0 none.
    reviewed_by, reviewed_at : str
        Who decided and when; empty where nobody did.
    """

    label_new: int
    reviewed_by: str
    reviewed_at: str


class Labels:
    """What stands for each row: as it was before the review, or as it was decided.

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
        read = (predictions.reviewed_at != "") | (predictions.reviewed_by != "")
        self._reviewed: npt.NDArray[np.bool_] = np.asarray(read, dtype=bool)
        # Only the rows that differ from what was read, and what was there before.
        self._before: dict[int, Standing] = {}
        self._decisions: dict[int, Decision] = {}
        self._saved: dict[int, Decision] = {}
        self._unsaved: set[int] = set()
        self._errors_reviewed = int(np.count_nonzero(self._reviewed & is_error))

    @property
    def errors_reviewed(self) -> int:
        """How many errors somebody decided about."""
        return self._errors_reviewed

    @property
    def unsaved(self) -> int:
        """How many rows have decisions that the output does not show yet."""
        return len(self._unsaved)

    @property
    def decisions(self) -> dict[int, Decision]:
        """The decision that stands for each row that has one (a copy)."""
        return dict(self._decisions)

    @property
    def label_new(self) -> npt.NDArray[np.int8]:
        """The label after review of every row, shape (n,), not to be written to."""
        return _read_only(self._label_new)

    @property
    def reviewed(self) -> npt.NDArray[np.bool_]:
        """Whether anybody decided about each row, shape (n,), not to be written to."""
        return _read_only(self._reviewed)

    def read(self, row: int) -> Standing:
        """Return what the table said when it was read."""
        table = self._predictions
        return Standing(
            int(table.label_new[row]),
            str(table.reviewed_by[row]),
            str(table.reviewed_at[row]),
        )

    def before(self, row: int) -> Standing:
        """Return what stood before the first decision about a row."""
        return self._before.get(row) or self.read(row)

    def review(self, row: int) -> tuple[str, str]:
        """Return who decided about a row and when; empty where nobody did."""
        decision = self._decisions.get(row)
        if decision is not None:
            return decision.reviewer, decision.decided_at
        return self.before(row)[1:]

    def reviews(self) -> dict[int, tuple[str, str]]:
        """Return who decided and when, of each row that differs from what was read."""
        return {row: self.review(row) for row in self._before | self._decisions}

    def shown(self) -> dict[int, Standing]:
        """Return what the output shows of each row that is not saved yet."""
        return {
            row: _standing(self._saved[row]) if row in self._saved else self.before(row)
            for row in self._unsaved
        }

    def columns(self) -> dict[str, Any]:
        """Return copies of the columns `label_new`, `reviewed_by`, `reviewed_at`."""
        by = self._predictions.reviewed_by.copy()
        at = self._predictions.reviewed_at.copy()
        for row, review in self.reviews().items():
            by[row], at[row] = review
        return {
            "label_new": self._label_new.copy(),
            "reviewed_by": pd.Series(by, dtype=object),
            "reviewed_at": pd.Series(at, dtype=object),
        }

    def put(self, row: int, decision: Decision | None) -> None:
        """Let a decision stand for a row; with None, what was there before."""
        if decision is None:
            self._decisions.pop(row, None)
            self._label_new[row] = self.before(row).label_new
        else:
            self._decisions[row] = decision
            self._label_new[row] = decision.label_new
        if self._saved.get(row) == decision:
            self._unsaved.discard(row)
        else:
            self._unsaved.add(row)
        self._count(row)

    def put_before(self, row: int, before: Standing) -> None:
        """Let something else than what was read stand where no decision does."""
        self._before[row] = before
        if row not in self._decisions:
            self._label_new[row] = before.label_new
        self._count(row)

    def mark_saved(self, decisions: Mapping[int, Decision]) -> None:
        """Note which decisions the output shows."""
        self._saved = dict(decisions)
        rows = self._decisions.keys() | self._saved.keys()
        self._unsaved = {
            row for row in rows if self._decisions.get(row) != self._saved.get(row)
        }

    def _count(self, row: int) -> None:
        before, now = bool(self._reviewed[row]), any(self.review(row))
        self._reviewed[row] = now
        if self._is_error[row]:
            self._errors_reviewed += now - before


def _read_only(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = values.view()
    view.flags.writeable = False
    return view


def _standing(decision: Decision) -> Standing:
    return Standing(decision.label_new, decision.reviewer, decision.decided_at)
