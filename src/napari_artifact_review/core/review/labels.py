"""The labels as the review leaves them, who decided them, and what is not saved yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.decisions.log import Decision, LabelState
from napari_artifact_review.core.tables.predictions import REVIEW_TEXTS, Predictions


class Labels:
    """What stands for each row: as it was before the review, or as it was decided.

    Parameters
    ----------
    predictions : Predictions
        The table as it was read.
    """

    def __init__(self, predictions: Predictions) -> None:
        self._predictions = predictions
        self._label_new = predictions.label_new.copy()
        self._reviewed = predictions.are_reviewed()
        self._unsure = np.zeros(len(self._reviewed), dtype=bool)
        if predictions.decision is not None:
            self._unsure |= predictions.decision == "unsure"
        self._pending = np.zeros(len(self._reviewed), dtype=bool)
        self._kinds: dict[int, str] = {}
        if predictions.kind is not None:
            named = np.flatnonzero(predictions.kind != "").tolist()
            self._kinds = {row: str(predictions.kind[row]) for row in named}
        # Only the rows that differ from what was read, and what was there before.
        self._before: dict[int, LabelState] = {}
        self._decisions: dict[int, Decision] = {}
        self._saved: dict[int, Decision] = {}
        self._unsaved: set[int] = set()

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

    @property
    def unsure(self) -> npt.NDArray[np.bool_]:
        """Read-only mask of rows whose verdict is "unsure", shape (n,)."""
        return _read_only(self._unsure)

    @property
    def pending(self) -> npt.NDArray[np.bool_]:
        """Read-only mask of the rows with a command under way, shape (n,)."""
        return _read_only(self._pending)

    @property
    def kinds(self) -> Mapping[int, str]:
        """The kind of artifact of each row that has one."""
        return MappingProxyType(self._kinds)

    def read(self, row: int) -> LabelState:
        """Return what the table said when it was read."""
        table = self._predictions
        columns = (table.reviewed_by, table.reviewed_at, table.decision, table.kind)
        said = ("" if c is None else str(c[row]) for c in (*columns, table.note))
        return LabelState(int(table.label_new[row]), *said).with_verdict()

    def before(self, row: int) -> LabelState:
        """Return what stood before the first decision about a row."""
        return self._before.get(row) or self.read(row)

    def state_of(self, row: int) -> LabelState:
        """Return what stands for a row now."""
        decision = self._decisions.get(row)
        return self.before(row) if decision is None else LabelState.after(decision)

    def differing(self) -> dict[int, LabelState]:
        """Return what stands for each row that may differ from what was read."""
        return {row: self.state_of(row) for row in self._before | self._decisions}

    def shown(self) -> dict[int, LabelState]:
        """Return what the output shows of each row that is not saved yet."""
        return {
            row: LabelState.after(self._saved[row])
            if row in self._saved
            else self.before(row)
            for row in self._unsaved
        }

    def columns(self) -> dict[str, Any]:
        """Return copies of the columns that a review adds, by their names."""
        table, rows = self._predictions, self.differing()
        columns: dict[str, Any] = {"label_new": self._label_new.copy()}
        for name in REVIEW_TEXTS:
            read = getattr(table, name)
            empty = np.full(len(self._label_new), "", dtype=object)
            texts = empty if read is None else read.copy()
            for row, standing in rows.items():
                texts[row] = getattr(standing, name)
            columns[name] = pd.Series(texts, dtype=object)
        return columns

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
        self._note(row)

    def mark_pending(self, rows: Iterable[int]) -> None:
        """Note which rows have a command that is not recorded yet."""
        self._pending[:] = False
        self._pending[list(rows)] = True

    def put_before(self, row: int, before: LabelState) -> None:
        """Let something else than what was read stand where no decision does."""
        self._before[row] = before
        if row not in self._decisions:
            self._label_new[row] = before.label_new
        self._note(row)

    def mark_saved(self, decisions: Mapping[int, Decision]) -> None:
        """Note which decisions the output shows."""
        self._saved = dict(decisions)
        rows = self._decisions.keys() | self._saved.keys()
        self._unsaved = {
            row for row in rows if self._decisions.get(row) != self._saved.get(row)
        }

    def _note(self, row: int) -> None:
        """Keep what is asked for of all rows at once in step with one of them."""
        standing = self.state_of(row)
        self._reviewed[row] = standing.reviewed
        self._unsure[row] = standing.decision == "unsure"
        # The one that was named last stands last.
        self._kinds.pop(row, None)
        if standing.kind:
            self._kinds[row] = standing.kind


def _read_only(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = values.view()
    view.flags.writeable = False
    return view
