"""Commands that record entries of other logs, or labels from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.command import Command, title_of
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.log import Decision, DecisionLog, LabelState
from napari_artifact_review.core.errors import StoreError


def receive_command(log: DecisionLog, entries: Sequence[Entry]) -> Command:
    """Create the command that records entries of other logs, if they are new.

    The command is refused if an entry does not follow the one before it.
    """

    def make() -> list[Entry]:
        last: dict[str, Entry | None] = {}
        new = []
        for entry in sorted(entries, key=attrgetter("id")):
            known = last.get(entry.log_id) or log.last_entry(entry.log_id)
            if known is not None and entry.number <= known.number:
                continue
            if not (entry.is_sound() and entry.follows(known)):
                raise StoreError(
                    f"entry {entry.number} of the log {entry.log_id} does not "
                    "follow on the one before it",
                    remedy="The log was changed or damaged; nothing was recorded",
                )
            last[entry.log_id] = entry
            new.append(entry)
        return new

    return Command("receive", (), make, title="received decisions")


def carry_command(
    log: DecisionLog,
    decisions: Sequence[Decision],
    contexts: Mapping[CutoutKey, Mapping[str, Any]],
) -> Command:
    """Create the command that carries verdicts, except those that were carried before.

    Parameters
    ----------
    log : DecisionLog
        Log with the entries on disk.
    decisions : sequence of Decision
        Verdicts of an earlier round, on cutouts of the table.
    contexts : mapping of CutoutKey to mapping
        Source of each verdict, as plain JSON.
    """

    def make() -> list[Entry]:
        new = [one for one in decisions if not log.has_carried(one)]
        return log.decide(new, contexts, "carried")

    keys = tuple(one.cutout for one in decisions)
    return Command("carry", keys, make, title=f"{title_of(keys)}: carried")


def adopt_command(
    log: DecisionLog,
    labels: Mapping[CutoutKey, LabelState],
    contexts: Mapping[CutoutKey, Mapping[str, Any]],
    chosen: tuple[str, str],
) -> Command:
    """Create the command that adopts labels of another program or reviewer.

    Parameters
    ----------
    log : DecisionLog
        Log with the entries on disk.
    labels : mapping of CutoutKey to LabelState
        Label states to adopt; see `Journal.adopt`.
    contexts : mapping of CutoutKey to mapping
        Circumstances of each choice, as plain JSON.
    chosen : tuple of str
        Current reviewer, and time of the choice (UTC, ISO 8601).
    """

    def make() -> list[Entry]:
        known = {(e.cutout, e.reviewer, e.decided_at) for e in log.entries}
        decisions = []
        for cutout, theirs in labels.items():
            by, at = theirs.reviewed_by, theirs.reviewed_at
            is_own = not (by or at) or (cutout, by, at) in known
            by, at = chosen if is_own else (by or chosen[0], at or chosen[1])
            state = theirs._replace(reviewed_by=by, reviewed_at=at)
            decisions.append(Decision.from_state(cutout, state.with_matching_verdict()))
        return log.decide(decisions, contexts, "taken over")

    keys = tuple(labels)
    command = Command("adopt", keys, make, title=f"{title_of(keys)}: taken over")
    command.new_states = {
        key: state.with_matching_verdict() for key, state in labels.items()
    }
    return command
