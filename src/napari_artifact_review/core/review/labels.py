"""Label states of all rows, and the rows whose decision is not yet saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.decisions.decision import Decision, LabelState
from napari_artifact_review.core.outcomes import UNSURE
from napari_artifact_review.core.tables.predictions import (
    REVIEW_TEXTS,
    Predictions,
)

#: Carried label of a row without one.
_NO_LABEL = np.int8(-1)


class Labels:
    """The label state of each row, from the table or from a decision.

    Parameters
    ----------
    predictions : Predictions
        The table as read.

    Attributes
    ----------
    carried_changes : int
        Number of times that a carried verdict of a row has changed.
    """

    def __init__(self, predictions: Predictions) -> None:
        self._predictions = predictions
        self._label_new = predictions.label_new.copy()
        self._reviewed = predictions.are_reviewed()
        self._unsure = np.zeros(len(self._reviewed), dtype=bool)
        if predictions.decision is not None:
            self._unsure |= predictions.decision == UNSURE
        self._pending = np.zeros(len(self._reviewed), dtype=bool)
        self._kinds: dict[int, str] = {}
        if predictions.kind is not None:
            named = np.flatnonzero(predictions.kind != "").tolist()
            self._kinds = {row: str(predictions.kind[row]) for row in named}
        # Label states before the first decision, for rows whose decision the table may
        # already include.
        self._initial: dict[int, LabelState] = {}
        self._decisions: dict[int, Decision] = {}
        self._saved: dict[int, Decision] = {}
        self._unsaved: set[int] = set()
        # The unsaved rows without those whose verdict was only carried.
        self._to_export: set[int] = set()
        # Verdicts of an earlier round, also where a decision of this round is in force.
        self._carried: dict[int, Decision] = {}
        self.carried_changes = 0
        self._carried_label = np.full(len(self._reviewed), _NO_LABEL)
        self._is_carried = np.zeros(len(self._reviewed), dtype=bool)
        self._has_carried = np.zeros(len(self._reviewed), dtype=bool)

    @property
    def unsaved(self) -> int:
        """Number of rows whose decision is not yet in the output.

        A verdict that was only carried from an earlier round does not count.
        """
        return len(self._to_export)

    @property
    def decided(self) -> int:
        """Number of rows with a decision of this round in force."""
        return len(self._decisions) - int(np.count_nonzero(self._is_carried))

    @property
    def decisions(self) -> dict[int, Decision]:
        """Copy of the decisions in force, by row."""
        return dict(self._decisions)

    @property
    def carried_decisions(self) -> Mapping[int, Decision]:
        """Verdicts of an earlier round, by row, in force or not."""
        return MappingProxyType(self._carried)

    @property
    def are_carried(self) -> npt.NDArray[np.bool_]:
        """Read-only mask of rows with a carried verdict in force, shape (n,)."""
        return _read_only(self._is_carried)

    @property
    def have_carried(self) -> npt.NDArray[np.bool_]:
        """Read-only mask of rows with a carried verdict, in force or not."""
        return _read_only(self._has_carried)

    @property
    def carried_label(self) -> npt.NDArray[np.int8]:
        """Read-only array of the carried labels; -1 without one or if unsure."""
        return _read_only(self._carried_label)

    @property
    def answered(self) -> npt.NDArray[np.bool_]:
        """Mask of rows with a verdict of this round, shape (n,)."""
        return np.greater(self._reviewed, self._is_carried)

    def answered_at(self, row: int) -> bool:
        """Return whether a row has a verdict of this round; an item of `answered`."""
        return bool(self._reviewed[row] and not self._is_carried[row])

    def decision_of(self, row: int) -> Decision | None:
        """Return the decision in force for a row, or None."""
        return self._decisions.get(row)

    @property
    def label_new(self) -> npt.NDArray[np.int8]:
        """Read-only array of the labels after review, shape (n,)."""
        return _read_only(self._label_new)

    @property
    def reviewed(self) -> npt.NDArray[np.bool_]:
        """Read-only mask of rows with a verdict, shape (n,)."""
        return _read_only(self._reviewed)

    @property
    def unsure(self) -> npt.NDArray[np.bool_]:
        """Read-only mask of rows whose verdict is "unsure", shape (n,)."""
        return _read_only(self._unsure)

    @property
    def pending(self) -> npt.NDArray[np.bool_]:
        """Read-only mask of rows with a pending command, shape (n,)."""
        return _read_only(self._pending)

    @property
    def kinds(self) -> Mapping[int, str]:
        """Kinds of artifact, by row; rows without a kind are omitted."""
        return MappingProxyType(self._kinds)

    def state_as_read(self, row: int) -> LabelState:
        """Return the label state of a row, as read from the table."""
        table = self._predictions
        columns = (table.reviewed_by, table.reviewed_at, table.decision, table.kind)
        texts = ("" if c is None else str(c[row]) for c in (*columns, table.note))
        return LabelState(int(table.label_new[row]), *texts).with_verdict()

    def initial_state(self, row: int) -> LabelState:
        """Return the label state of a row before its first decision."""
        return self._initial.get(row) or self.state_as_read(row)

    def earlier_state(self, row: int) -> LabelState:
        """Return the label state of a row without the verdicts of this round."""
        carried = self._carried.get(row)
        return self.initial_state(row) if carried is None else LabelState.after(carried)

    def state_of(self, row: int) -> LabelState:
        """Return the label state in force for a row."""
        decision = self._decisions.get(row)
        return (
            self.initial_state(row) if decision is None else LabelState.after(decision)
        )

    def changed_states(self) -> dict[int, LabelState]:
        """Return the label states that may differ from the table as read, by row."""
        return {row: self.state_of(row) for row in self._initial | self._decisions}

    def states_in_output(self) -> dict[int, LabelState]:
        """Return the label states that the output has for unsaved rows, by row."""
        return {
            row: LabelState.after(self._saved[row])
            if row in self._saved
            else self.initial_state(row)
            for row in self._unsaved
        }

    def columns(self) -> dict[str, Any]:
        """Return copies of the columns that a review adds, by name."""
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

    def set_decision(
        self, row: int, decision: Decision | None, carried: Decision | None = None
    ) -> None:
        """Set the decision in force for a row; None restores the initial state.

        `carried` is the verdict of an earlier round, which may be in force or not.
        """
        self._set_carried(row, carried)
        if decision is None:
            self._decisions.pop(row, None)
            self._label_new[row] = self.initial_state(row).label_new
        else:
            self._decisions[row] = decision
            self._label_new[row] = decision.label_new
        if self._saved.get(row) == decision:
            self._unsaved.discard(row)
            self._to_export.discard(row)
        else:
            self._unsaved.add(row)
            self._note_export(row)
        self._update_masks(row)

    def _set_carried(self, row: int, carried: Decision | None) -> None:
        if carried != self._carried.get(row):
            self.carried_changes += 1
        if carried is None:
            self._carried.pop(row, None)
        else:
            self._carried[row] = carried
        is_unsure = carried is None or carried.verdict == UNSURE
        label = _NO_LABEL if carried is None or is_unsure else carried.label_new
        self._carried_label[row] = label
        self._has_carried[row] = carried is not None

    def _note_export(self, row: int) -> None:
        """Note whether the decision of an unsaved row is for the output."""
        decision = self._decisions.get(row)
        is_only_carried = decision is not None and decision.is_carried
        if is_only_carried and row not in self._saved:
            self._to_export.discard(row)
        else:
            self._to_export.add(row)

    def mark_pending(self, rows: Iterable[int]) -> None:
        """Mark these rows as having a pending command, and unmark all other rows."""
        self._pending[:] = False
        self._pending[list(rows)] = True

    def set_initial_state(self, row: int, state: LabelState) -> None:
        """Set the label state of a row before its first decision."""
        self._initial[row] = state
        if row not in self._decisions:
            self._label_new[row] = state.label_new
        self._update_masks(row)

    def mark_saved(self, decisions: Mapping[int, Decision]) -> None:
        """Mark these decisions as saved in the output, and all others as unsaved."""
        self._saved = dict(decisions)
        rows = self._decisions.keys() | self._saved.keys()
        self._unsaved = {
            row for row in rows if self._decisions.get(row) != self._saved.get(row)
        }
        self._to_export = set()
        for row in self._unsaved:
            self._note_export(row)

    def _update_masks(self, row: int) -> None:
        """Update masks and kinds after the state of a row has changed."""
        state = self.state_of(row)
        self._reviewed[row] = state.reviewed
        self._unsure[row] = state.decision == UNSURE
        decision = self._decisions.get(row)
        self._is_carried[row] = decision is not None and decision.is_carried
        # Remove the old kind first, so that the kinds are in the order of decision.
        self._kinds.pop(row, None)
        if state.kind:
            self._kinds[row] = state.kind


def _read_only(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = values.view()
    view.flags.writeable = False
    return view
