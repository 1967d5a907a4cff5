"""The label state of each row: label, reviewer and verdict; which are not saved yet."""

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
    """The label state of each row: as read from the table, or as decided.

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
        # The states before the review, of rows that were read from a later table.
        self._initial: dict[int, LabelState] = {}
        self._decisions: dict[int, Decision] = {}
        self._saved: dict[int, Decision] = {}
        self._unsaved: set[int] = set()

    @property
    def unsaved(self) -> int:
        """Number of rows with decisions that the output does not show yet."""
        return len(self._unsaved)

    @property
    def decisions(self) -> dict[int, Decision]:
        """The decision in force for each row that has one (a copy)."""
        return dict(self._decisions)

    @property
    def label_new(self) -> npt.NDArray[np.int8]:
        """Read-only labels after review, shape (n,)."""
        return _read_only(self._label_new)

    @property
    def reviewed(self) -> npt.NDArray[np.bool_]:
        """Read-only mask of the rows with a verdict, shape (n,)."""
        return _read_only(self._reviewed)

    @property
    def unsure(self) -> npt.NDArray[np.bool_]:
        """Read-only mask of rows whose verdict is "unsure", shape (n,)."""
        return _read_only(self._unsure)

    @property
    def pending(self) -> npt.NDArray[np.bool_]:
        """Read-only mask of the rows with a pending command, shape (n,)."""
        return _read_only(self._pending)

    @property
    def kinds(self) -> Mapping[int, str]:
        """The kind of artifact of each row that has one."""
        return MappingProxyType(self._kinds)

    def state_as_read(self, row: int) -> LabelState:
        """Return the label state of a row in the table as it was read."""
        table = self._predictions
        columns = (table.reviewed_by, table.reviewed_at, table.decision, table.kind)
        texts = ("" if c is None else str(c[row]) for c in (*columns, table.note))
        return LabelState(int(table.label_new[row]), *texts).with_verdict()

    def initial_state(self, row: int) -> LabelState:
        """Return the label state of a row before its first decision."""
        return self._initial.get(row) or self.state_as_read(row)

    def state_of(self, row: int) -> LabelState:
        """Return the label state of a row that is in force now."""
        decision = self._decisions.get(row)
        return (
            self.initial_state(row) if decision is None else LabelState.after(decision)
        )

    def changed_states(self) -> dict[int, LabelState]:
        """Return the label state of each row that may differ from the table's."""
        return {row: self.state_of(row) for row in self._initial | self._decisions}

    def states_in_output(self) -> dict[int, LabelState]:
        """Return the label state that the output shows of each row not saved yet."""
        return {
            row: LabelState.after(self._saved[row])
            if row in self._saved
            else self.initial_state(row)
            for row in self._unsaved
        }

    def columns(self) -> dict[str, Any]:
        """Return copies of the columns that a review adds, by their names."""
        table, states = self._predictions, self.changed_states()
        columns: dict[str, Any] = {"label_new": self._label_new.copy()}
        for name in REVIEW_TEXTS:
            read = getattr(table, name)
            empty = np.full(len(self._label_new), "", dtype=object)
            texts = empty if read is None else read.copy()
            for row, state in states.items():
                texts[row] = getattr(state, name)
            columns[name] = pd.Series(texts, dtype=object)
        return columns

    def set_decision(self, row: int, decision: Decision | None) -> None:
        """Set the decision in force for a row; with None, its initial state is."""
        if decision is None:
            self._decisions.pop(row, None)
            self._label_new[row] = self.initial_state(row).label_new
        else:
            self._decisions[row] = decision
            self._label_new[row] = decision.label_new
        if self._saved.get(row) == decision:
            self._unsaved.discard(row)
        else:
            self._unsaved.add(row)
        self._update_masks(row)

    def mark_pending(self, rows: Iterable[int]) -> None:
        """Mark the rows with pending commands, and no others."""
        self._pending[:] = False
        self._pending[list(rows)] = True

    def set_initial_state(self, row: int, state: LabelState) -> None:
        """Set the label state of a row before its first decision."""
        self._initial[row] = state
        if row not in self._decisions:
            self._label_new[row] = state.label_new
        self._update_masks(row)

    def mark_saved(self, decisions: Mapping[int, Decision]) -> None:
        """Mark the decisions that the output shows, and no others, as saved."""
        self._saved = dict(decisions)
        rows = self._decisions.keys() | self._saved.keys()
        self._unsaved = {
            row for row in rows if self._decisions.get(row) != self._saved.get(row)
        }

    def _update_masks(self, row: int) -> None:
        """Update the masks and the kinds of all rows after a change of one row."""
        state = self.state_of(row)
        self._reviewed[row] = state.reviewed
        self._unsure[row] = state.decision == "unsure"
        # Removed first, so that the kinds are in the order of their decisions.
        self._kinds.pop(row, None)
        if state.kind:
            self._kinds[row] = state.kind


def _read_only(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = values.view()
    view.flags.writeable = False
    return view
