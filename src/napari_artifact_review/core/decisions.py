"""What reviewers decided: an append-only log, with undo and redo as entries."""

from __future__ import annotations

import getpass
import os
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime

from napari_artifact_review.core.cutout import CutoutKey


@dataclass(frozen=True, slots=True)
class Decision:
    """One statement of one reviewer about one cutout.

    Attributes
    ----------
    cutout : CutoutKey
        What it is about.
    label_new : int
        1 artifact, 0 none.
    reviewer : str
        Who decided.
    decided_at : str
        When, in UTC (ISO 8601).
    """

    cutout: CutoutKey
    label_new: int
    reviewer: str
    decided_at: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of the log: a decision that is made, taken back, or made again."""

    action: str
    decision: Decision


class DecisionLog:
    """Append-only log of decisions, and what follows from it.

    Nothing is ever removed: undo and redo are entries of their own.
    """

    def __init__(self) -> None:
        self._entries: list[LogEntry] = []
        self._done: list[Decision] = []
        self._undone: list[Decision] = []
        self._standing: defaultdict[CutoutKey, list[Decision]] = defaultdict(list)

    @property
    def entries(self) -> tuple[LogEntry, ...]:
        """Everything that was ever logged, oldest first."""
        return tuple(self._entries)

    def standing(self, cutout: CutoutKey) -> Decision | None:
        """Return the decision that stands for a cutout, if there is one."""
        decisions = self._standing.get(cutout)
        return decisions[-1] if decisions else None

    def decide(self, decision: Decision) -> None:
        """Log a new decision; what was undone before can no longer be redone."""
        self._undone.clear()
        self._apply("decide", decision)

    def undo(self) -> CutoutKey | None:
        """Take back the latest decision; return its cutout, None if there is none."""
        if not self._done:
            return None
        decision = self._done.pop()
        self._undone.append(decision)
        self._standing[decision.cutout].pop()
        self._entries.append(LogEntry("undo", decision))
        return decision.cutout

    def redo(self) -> CutoutKey | None:
        """Make the decision that was undone last again; return its cutout, or None."""
        if not self._undone:
            return None
        decision = self._undone.pop()
        self._apply("redo", decision)
        return decision.cutout

    def _apply(self, action: str, decision: Decision) -> None:
        self._entries.append(LogEntry(action, decision))
        self._done.append(decision)
        self._standing[decision.cutout].append(decision)


def login_name() -> str:
    """Return the user's login name; the user's number where the system has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def utc_now() -> str:
    """Return the present time in UTC, in ISO 8601 to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
