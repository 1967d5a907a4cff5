"""The cutouts whose predictions and labels are hidden until their verdict."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_artifact_review.core.decisions.decision import utc_now
from napari_artifact_review.core.review.labels import Labels


class HiddenCutouts:
    """The cutouts that show no prediction, label or earlier verdict.

    Reviewers lean to the word of the model if they see it. Two rules hide a cutout
    until the verdict on it is recorded. `hide_unanswered` hides cutouts without a
    verdict of this round, all of them or a share. `ask` hides given cutouts until each
    has a new verdict, whatever verdicts they have already. If a verdict is undone, its
    cutout is hidden again.

    A third rule, `set_repeat`, makes one cutout look as if it had no verdict of this
    round. So it is hidden only if `hide_unanswered` says so.

    Parameters
    ----------
    labels : Labels
        Label state of each row.

    Attributes
    ----------
    changed : Signal
        Emitted when a rule has changed, but not after a verdict.
    repeated_row : int
        The row of `set_repeat`; -1 for none.
    """

    changed = Signal()

    def __init__(self, labels: Labels) -> None:
        count = len(labels.reviewed)
        self._labels = labels
        self._mask = np.zeros(count, dtype=bool)
        self._asked = np.zeros(count, dtype=bool)
        self._rows: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._hides_unanswered = False
        self._share = 1.0
        # A fixed seed, so that a resumed review hides the same rows.
        self._lot = np.random.default_rng(0).random(count, dtype=np.float32)
        self._reviewer = ""
        self.repeated_row = -1
        # Time from which a verdict answers for its cutout.
        self._since = ""

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Read-only mask of the hidden rows, shape (n,)."""
        return _read_only(self._mask)

    @property
    def asked(self) -> npt.NDArray[np.bool_]:
        """Read-only mask of the rows of `ask` that wait for a new verdict."""
        return _read_only(self._asked)

    def facts_of(self, row: int) -> dict[str, bool]:
        """Return ``{"hidden": True}`` for a hidden row, for the log; else nothing."""
        return {"hidden": True} if self._mask[row] else {}

    def hide_unanswered(self, on: bool, share: float = 1.0) -> None:
        """Hide rows without a verdict of this round, or stop hiding them.

        Parameters
        ----------
        on : bool
            Whether to hide rows.
        share : float
            Share of the rows to hide, drawn at random, above 0 and at most 1. The same
            share is always the same rows, and a larger share includes them.
        """
        self._hides_unanswered, self._share = on, share
        self._refresh()

    def ask(self, rows: Iterable[int], reviewer: str) -> None:
        """Hide rows until each has a new verdict of a reviewer.

        These rows replace those of an earlier call.
        """
        self._rows = np.unique(np.fromiter(rows, dtype=np.int64))
        self._reviewer, self._since = reviewer, utc_now()
        self._asked[:] = False
        self._asked[self._rows] = True
        self._refresh()

    def set_repeat(self, row: int) -> None:
        """Make a row look as if it had no verdict of this round, instead of another.

        -1 is no row. The caller emits `changed`, when the queue has its place.
        """
        rows = [one for one in (self.repeated_row, row) if one >= 0]
        self.repeated_row = row
        self.update(rows)

    def update(self, rows: Iterable[int]) -> None:
        """Hide or show rows whose label state has changed."""
        for row in rows:
            at = int(np.searchsorted(self._rows, row))
            if at < len(self._rows) and self._rows[at] == row:
                self._asked[row] = not self._is_answered(row)
            is_drawn = self._hides_unanswered and self._lot[row] < self._share
            is_repeated = row == self.repeated_row
            is_hidden = is_drawn and (is_repeated or not self._labels.answered_at(row))
            self._mask[row] = is_hidden or self._asked[row]

    def _refresh(self) -> None:
        self._mask[:] = self._asked
        if self._hides_unanswered:
            self._mask |= ~self._labels.answered & (self._lot < self._share)
        if self.repeated_row >= 0:
            self.update([self.repeated_row])
        self.changed.emit()

    def _is_answered(self, row: int) -> bool:
        """Return whether an asked row has a new verdict of the reviewer."""
        decision = self._labels.decision_of(row)
        if decision is None or decision.decided_at < self._since:
            return False
        # After the reviewer's answer, a verdict of another reviewer may be in force.
        return decision.reviewer == self._reviewer or not self._asked[row]


def _read_only(values: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    view = values.view()
    view.flags.writeable = False
    return view
