"""A reviewer's decision on a cutout, and the label state that results from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Self, cast

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.outcomes import LABEL_NAMES, UNSURE, Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict of a reviewer on one cutout.

    Attributes
    ----------
    cutout : CutoutKey
        Cutout to which the decision applies.
    label_new : int
        Label after the decision: 1 artifact, 0 no artifact. An unsure verdict leaves
        the label unchanged.
    reviewer : str
        Name of the reviewer.
    decided_at : str
        Time of the decision in UTC (ISO 8601).
    verdict : "artifact", "no artifact" or "unsure"
        The verdict.
    kind : str
        Kind of artifact; empty if none was given.
    note : str
        Note of the reviewer; empty if none was given.
    is_carried : bool
        Whether the verdict was carried from an earlier round.
    is_adjudicated : bool
        Whether the verdict settles a cutout on which reviewers differ.
    """

    cutout: CutoutKey
    label_new: int
    reviewer: str
    decided_at: str
    verdict: Verdict
    kind: str = ""
    note: str = ""
    is_carried: bool = False
    is_adjudicated: bool = False

    @classmethod
    def from_state(
        cls,
        cutout: CutoutKey,
        state: LabelState,
        *,
        is_carried: bool = False,
        is_adjudicated: bool = False,
    ) -> Self:
        """Create the decision that gives a cutout the label state `state`."""
        label, reviewer, decided_at, verdict, kind, note = state
        verdict = cast(Verdict, verdict)
        sort = is_carried, is_adjudicated
        return cls(cutout, label, reviewer, decided_at, verdict, kind, note, *sort)


class LabelState(NamedTuple):
    """Label, reviewer and verdict currently in force for a cutout.

    Attributes
    ----------
    label_new : int
        Current label: 1 artifact, 0 no artifact.
    reviewed_by, reviewed_at : str
        Reviewer and time (UTC, ISO 8601) of the verdict; empty without a verdict.
    decision : str
        The verdict; empty if there is none.
    kind, note : str
        Kind of artifact and note of the reviewer; empty if not given.
    """

    label_new: int
    reviewed_by: str = ""
    reviewed_at: str = ""
    decision: str = ""
    kind: str = ""
    note: str = ""

    @classmethod
    def after(cls, one: Decision | Entry) -> Self:
        """Return the state after a decision or a log entry."""
        by, at = one.reviewer, one.decided_at
        return cls(one.label_new, by, at, one.verdict, one.kind, one.note)

    @property
    def reviewed(self) -> bool:
        """Whether the cutout has a verdict."""
        return bool(self.reviewed_at or self.reviewed_by or self.decision)

    def has_same_verdict(self, other: LabelState) -> bool:
        """Return whether two states have the same label, verdict, kind and note.

        If either state has no verdict, compare only the labels.
        """
        if not self.decision or not other.decision:
            return self.label_new == other.label_new
        return (self.label_new, *self[3:]) == (other.label_new, *other[3:])

    def with_verdict(self) -> Self:
        """Return the state, with a verdict added if a reviewed label has no verdict.

        Older versions did not write the column `decision` and had no verdict "unsure".
        The missing verdict therefore follows from the label.
        """
        if self.reviewed and not self.decision:
            return self._replace(decision=LABEL_NAMES[self.label_new])
        return self

    def with_matching_verdict(self) -> Self:
        """Return the state with the verdict that matches the label.

        An unsure verdict is not changed. The label and the verdict may differ if a user
        edited only the label in the table.
        """
        if self.decision == UNSURE:
            return self
        return self._replace(decision=LABEL_NAMES[self.label_new])


def utc_now() -> str:
    """Return the current time in UTC, in ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
