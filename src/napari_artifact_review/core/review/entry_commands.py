"""Commands that record anything but the verdicts that a reviewer gives here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, Literal

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.command import Command, title_of
from napari_artifact_review.core.decisions.decision import Decision, LabelState, utc_now
from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.outcomes import LABEL_NAMES, UNSURE
from napari_artifact_review.core.review.expected_log import (
    Act,
    ExpectedLog,
    settled_act,
)
from napari_artifact_review.core.review.reviewers import Reviewers
from napari_artifact_review.core.team.rules import SET_RULES
from napari_artifact_review.core.team.votes import SEE_VOTES


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


def adjudicate_command(
    log: DecisionLog,
    cutout: CutoutKey,
    state: LabelState,
    label_before: Callable[[], int],
    seen: Callable[[], Mapping[str, Any]],
) -> Command:
    """Create the command that settles a cutout on which reviewers differ.

    Parameters
    ----------
    log : DecisionLog
        Log with the entries on disk.
    cutout : CutoutKey
        The cutout.
    state : LabelState
        Adjudicator, verdict, storable kind and storable note; label and time are
        ignored.
    label_before : callable
        Function that returns the label before the first verdict, which an unsure
        verdict keeps.
    seen : callable
        Function that returns the context of the entry, when it is written.
    """

    def make() -> list[Entry]:
        is_unsure = state.decision == UNSURE
        names: tuple[str, ...] = LABEL_NAMES
        label = label_before() if is_unsure else names.index(state.decision)
        after = state._replace(label_new=label, reviewed_at=utc_now())
        decision = Decision.from_state(cutout, after, is_adjudicated=True)
        return log.adjudicate(decision, seen())

    title = f"{title_of([cutout])}: adjudicated as {state.decision}"
    command = Command("adjudicate", [cutout], make, title=title)
    command.adjudications = {cutout: state}
    return command


def rules_command(
    log: DecisionLog,
    reviewers: Reviewers,
    changes: Mapping[str, Any],
    pending: Iterable[Command],
) -> Command:
    """Create the command that changes rules of the team.

    The other rules are those in force when the entry is written.

    Raises
    ------
    ReviewError
        If a value is not valid after the changes of the pending commands.
    """
    expected = reviewers.rules
    for earlier in pending:
        expected = replace(expected, **earlier.rule_changes)
    replace(expected, **changes)

    def make() -> list[Entry]:
        rules = replace(reviewers.rules, **changes)
        return log.record_event(SET_RULES, reviewers.reviewer, rules.as_context())

    command = Command("rules", (), make, title="rules of the team")
    command.rule_changes = changes
    return command


def see_votes_command(
    log: DecisionLog, reviewer: str, cutouts: Sequence[CutoutKey]
) -> Command:
    """Create the command that records which votes of others a reviewer saw."""

    def make() -> list[Entry]:
        return log.record_event(
            SEE_VOTES, reviewer, {"cutouts": [[*one] for one in cutouts]}
        )

    return Command(SEE_VOTES, (), make, title="votes of others seen")


def reversal_command(
    kind: Literal["undo", "redo"],
    target: Act,
    expected: ExpectedLog,
    make: Callable[[EntryId], list[Entry]],
) -> Command:
    """Create the command that undoes or redoes an act.

    Parameters
    ----------
    kind : "undo" or "redo"
        Kind of the command.
    target : EntryId or Command
        The act, or the pending command that will create it.
    expected : ExpectedLog
        The expected log, which has the act.
    make : callable
        Function that returns the entries, for the act as it was recorded.
    """
    depends_on = expected.commands_on(target)
    if isinstance(target, Command):
        depends_on.insert(0, target)

    def make_if_recorded() -> list[Entry]:
        act = settled_act(target)
        # A command changed nothing if an earlier command was refused.
        return [] if isinstance(act, Command) else make(act)

    cutouts = expected.cutouts_of(target)
    return Command(
        kind,
        cutouts,
        make_if_recorded,
        depends_on=depends_on[-1:],
        target=target,
        title=f"{kind} of {title_of(cutouts)}",
    )
