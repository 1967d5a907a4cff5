"""Journal of a review, which records commands and updates the labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from psygnal import Signal

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.command import Command, title_of
from napari_artifact_review.core.decisions.decision import Decision, LabelState, utc_now
from napari_artifact_review.core.decisions.entry import (
    Entry,
    EntryId,
    plain_json,
    storable_text,
)
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.decisions.log_state import CHOSEN_BY
from napari_artifact_review.core.decisions.recorder import Recorder
from napari_artifact_review.core.decisions.schema import StoreContents
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import HeldError, StoreError
from napari_artifact_review.core.outcomes import Verdict
from napari_artifact_review.core.review.adjudications import Adjudications
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.entry_commands import (
    adopt_command,
    carry_command,
    receive_command,
    reversal_command,
    rules_command,
    see_votes_command,
)
from napari_artifact_review.core.review.expected_log import (
    VERDICT_KINDS,
    Act,
    ExpectedLog,
    changed_states,
    settled_act,
)
from napari_artifact_review.core.review.judged_images import facts_about
from napari_artifact_review.core.review.refused import RefusedCommands
from napari_artifact_review.core.review.resume import (
    TABLE_STATE,
    Disagreement,
    LabelChoice,
    apply_log,
)
from napari_artifact_review.core.review.reviewers import Perspective, Reviewers


class Journal:
    """A journal that records the commands of a review and applies them to the labels.

    Parameters
    ----------
    catalog : Catalog
        The cutouts; recorded decisions are applied to their labels.
    store : Store
        File of the log.
    contents : StoreContents
        Contents of the file.
    perspective : Perspective
        The reviewer of the session, and the verdicts that it shows.

    Attributes
    ----------
    changed : Signal
        Emitted with the rows whose label, reviewer or verdict may have changed.
    appended : Signal
        Emitted with the entries that were written to disk.
    pending_changed : Signal
        Emitted when a command is submitted, recorded or refused.
    problem_changed : Signal
        Emitted when `problem` has changed.
    disagreements_changed : Signal
        Emitted when disagreements have been resolved.
    recorder : Recorder
        Recorder that writes the log.
    refused : RefusedCommands
        The commands that could not be recorded.
    reviewers : Reviewers
        The votes of all reviewers.
    adjudications : Adjudications
        The verdicts that settle what is disputed.
    """

    changed = Signal(list)
    appended = Signal(list)
    pending_changed = Signal()
    problem_changed = Signal()
    disagreements_changed = Signal()

    def __init__(
        self,
        catalog: Catalog,
        store: Store,
        contents: StoreContents,
        perspective: Perspective,
    ) -> None:
        self._catalog = catalog
        self._index = catalog.cutout_index
        self._labels = catalog.labels
        self._reviewer = perspective.reviewer
        self._log = DecisionLog(
            contents.entries, self._index.__contains__, contents.log_id
        )
        self.reviewers = Reviewers(
            self._log,
            perspective,
            self._index.__contains__,
            lambda cutout: self._initial_state(cutout).label_new,
        )
        decisions = self.reviewers.decisions
        self._disagreements = apply_log(decisions, self._labels, self._index)
        self.refused = RefusedCommands()
        self._last: Command | None = None
        self.recorder = Recorder(store, self._log)
        self._expected = ExpectedLog(
            self.recorder, self._log, self._labels, self._index
        )
        self.adjudications = Adjudications(
            self._log, self.recorder, self.reviewers, self._initial_state, self._submit
        )
        self.recorder.recorded.connect(self._on_recorded)
        self.recorder.refused.connect(self.refused.add)
        self.recorder.pending_changed.connect(self._on_pending_changed)
        self.recorder.problem_changed.connect(self._on_problem_changed)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All recorded entries, in sort order."""
        return tuple(self._log.entries)

    @property
    def acts_in_force(self) -> Sequence[EntryId]:
        """Acts that are not undone, of the shown reviewer or of all, latest first."""
        return self._log.done

    @property
    def last_numbers(self) -> dict[str, int]:
        """Number of the last entry in each log, by log id."""
        return self._log.last_numbers

    @property
    def pending(self) -> tuple[Command, ...]:
        """Commands that are not recorded or refused yet, in the order of submission."""
        return self.recorder.pending

    @property
    def last_command(self) -> Command | None:
        """The last verdict, undo or redo of this session; None if there is none."""
        return self._last

    @property
    def problem(self) -> StoreError | None:
        """Error that currently prevents recording; None if there is none."""
        return self.recorder.problem

    @property
    def disagreements(self) -> tuple[Disagreement, ...]:
        """Cutouts whose label state in the table contradicts the recorded decision."""
        return tuple(self._disagreements)

    def block_signals(self) -> None:
        """Block all signals except `appended`, when the session is closed."""
        for signal in (
            self.changed,
            self.pending_changed,
            self.refused.changed,
            self.reviewers.changed,
            self.problem_changed,
            self.disagreements_changed,
        ):
            signal.block()

    # Commands

    def decide(
        self,
        rows: Sequence[int],
        verdict: Verdict,
        kind: str,
        note: str,
        view: Mapping[str, Any],
        images: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Command:
        """Submit a verdict on rows as one act; skip rows with the same verdict.

        `images` contains facts about the judged images, by image name; see
        `JudgedImages.facts_of`. The context of a verdict on a hidden cutout says so. A
        cutout that is asked about again may get the same verdict again, also if it is
        shown before the entry is written.
        """
        kind, note = storable_text(kind), storable_text(note)
        by_key = {self._index.key_of(row): row for row in rows}
        keys = [*by_key]
        wanted = LabelState(0, self._reviewer, utc_now(), verdict, kind, note)
        expected = self._expected.states_of(keys)
        changing = (command.cutouts for command in self.pending)
        may_repeat = self._repeatable(by_key)
        new = changed_states(expected, wanted, may_repeat.difference(*changing))
        if not new:
            return self._command_without_effect(keys, expected)
        context, hidden = self._context(view), self._catalog.hidden.facts_of
        facts = {k: facts_about(k.image_name, images) | hidden(by_key[k]) for k in keys}
        team = self.reviewers.facts_of
        contexts = {
            key: context | self._table_state(key) | facts[key] | team(key)
            for key in keys
        }

        def make() -> list[Entry]:
            states = {key: self._labels.state_of(row) for key, row in by_key.items()}
            # A queue of second looks may have ended since the verdict was given.
            again = may_repeat | self._repeatable(by_key)
            new = changed_states(states, wanted, again)
            decisions = [Decision.from_state(key, state) for key, state in new.items()]
            return self._log.decide(decisions, contexts)

        command = Command("decide", keys, make, title=f"{title_of(keys)}: {verdict}")
        command.old_states, command.new_states = expected | self._shown(by_key), new
        command.resubmit = partial(self.decide, rows, verdict, kind, note, view, images)
        return self._submit(command)

    def expected_state(self, cutout: CutoutKey) -> LabelState:
        """Return the label state of a cutout after recording all pending commands."""
        return self._expected.states_of([cutout])[cutout]

    def undo(self) -> Command | None:
        """Submit an undo of the last act that the reviewer may undo.

        Return None if there is no such act.
        """
        act = self._expected.act_to_undo(self._reviewer)
        return None if act is None else self._submit_reversal("undo", act)

    def redo(self) -> Command | None:
        """Submit a redo of the last undone act that the reviewer may redo.

        Return None if there is no such act.
        """
        act = self._expected.act_to_redo(self._reviewer)
        return None if act is None else self._submit_reversal("redo", act)

    def settle(self, keep: LabelChoice, cutouts: Sequence[CutoutKey] | None) -> Command:
        """Resolve disagreements in favour of the table's label or the decision.

        If `cutouts` is None, resolve all disagreements.
        """
        labels = {}
        for one in self._disagreements:
            if cutouts is None or one.cutout in cutouts:
                confirmed = replace(one.decision, reviewer="", decided_at="")
                chosen = one.table if keep == "table" else LabelState.after(confirmed)
                labels[one.cutout] = chosen
        return self.adopt(labels)

    def adopt(self, labels: Mapping[CutoutKey, LabelState]) -> Command:
        """Adopt labels of another program or reviewer, as one act.

        Each decision gets the reviewer and the time of the adopted label state. If the
        state has neither, or the log has an entry with both, another program edited
        only the label. The decision then gets the current reviewer and time.
        """
        if not labels:
            return self._command_without_effect(())
        now = utc_now()
        context = self._context({}) | {CHOSEN_BY: self._reviewer, "chosen_at": now}
        contexts = {cutout: context | self._table_state(cutout) for cutout in labels}
        command = adopt_command(self._log, labels, contexts, (self._reviewer, now))
        command.resubmit = partial(self.adopt, labels)
        return self._submit(command)

    def carry(
        self,
        decisions: Sequence[Decision],
        contexts: Mapping[CutoutKey, Mapping[str, Any]],
    ) -> Command:
        """Carry verdicts of an earlier round, as one act, each at most once.

        If nothing can be recorded, because the review is read-only or open elsewhere,
        the verdicts are in force in this session only.
        """
        contexts = {
            key: plain_json(context) | self._table_state(key)
            for key, context in contexts.items()
        }

        command = carry_command(self._log, decisions, contexts)
        command.resubmit = partial(self.carry, decisions, contexts)
        if isinstance(self.problem, HeldError):
            entries = command.make()
            touched = self._log.add(entries) | self.reviewers.add(entries)
            self._update_labels(touched)
            command.settle(entries)
            return command
        return self._submit(command)

    def record_seen_votes(self, cutouts: Sequence[CutoutKey]) -> Command:
        """Submit that the reviewer sees votes of others on cutouts."""
        command = see_votes_command(self._log, self._reviewer, cutouts)
        command.resubmit = partial(self.record_seen_votes, cutouts)
        return self._submit(command)

    def set_rules(self, changes: Mapping[str, Any]) -> Command:
        """Submit changes of the rules of the team.

        Raises
        ------
        ReviewError
            If a value is not valid.
        """
        command = rules_command(self._log, self.reviewers, changes, self.pending)
        command.resubmit = partial(self.set_rules, changes)
        return self._submit(command)

    def receive(self, entries: Sequence[Entry]) -> Command:
        """Record entries of other logs; skip entries that are already recorded."""
        return self._submit(receive_command(self._log, entries))

    # Parts of commands

    def _repeatable(self, rows: Mapping[CutoutKey, int]) -> set[CutoutKey]:
        """Return the cutouts on which the same verdict is a new one.

        They have a disagreement, a verdict that was carried from an earlier round, or
        are asked again.
        """
        may_repeat = self._catalog.takes_equal_verdict
        again = {key for key, row in rows.items() if may_repeat(row)}
        return again | {one.cutout for one in self._disagreements}

    def _shown(self, rows: Mapping[CutoutKey, int]) -> dict[CutoutKey, LabelState]:
        """Return the label states of repeats as the screen shows them."""
        again, states = self._catalog.hidden.repeated_row, self._catalog.shown_state
        return {key: states(row)[0] for key, row in rows.items() if row == again}

    def _command_without_effect(
        self,
        keys: Sequence[CutoutKey],
        expected: Mapping[CutoutKey, LabelState] | None = None,
    ) -> Command:
        """Return the last pending command on the cutouts, or else an empty command."""
        about = [c for c in self.pending if not set(keys).isdisjoint(c.cutouts)]
        if about:
            return about[-1]
        command = Command("decide", keys, list)
        command.settle(())
        if expected:
            command.old_states, self._last = expected, command
        return command

    def _submit_reversal(self, kind: Literal["undo", "redo"], target: Act) -> Command:
        """Submit a command that undoes or redoes an act."""
        states = self._expected.states_after(target)
        undo = partial(self._log.undo, self._reviewer, self._initial_state)
        redo = partial(self._log.redo, self._reviewer)
        make = undo if kind == "undo" else redo
        command = reversal_command(kind, target, self._expected, make)
        command.resubmit = lambda: self._submit_reversal(kind, settled_act(target))
        command.old_states = self._expected.states_of(command.cutouts)
        is_carrying = not isinstance(target, Command) and self._log.is_carrying(target)
        if kind == "undo" and not is_carrying:
            command.notes = {cutout: state.note for cutout, state in states.items()}
        return self._submit(command)

    def _initial_state(self, cutout: CutoutKey) -> LabelState:
        return self._labels.initial_state(self._index.row_of(cutout))

    def _context(self, view: Mapping[str, Any]) -> dict[str, Any]:
        """Return the threshold and the view settings, as plain JSON."""
        context = {"threshold": self._catalog.threshold_in_force, "view": view}
        plain: dict[str, Any] = plain_json(context)
        return plain

    def _table_state(self, key: CutoutKey) -> dict[str, Any]:
        """Return a cutout's label state in the table, for a decision's context."""
        return {TABLE_STATE: list(self._labels.state_as_read(self._index.row_of(key)))}

    # Results of commands

    def _submit(self, command: Command) -> Command:
        if command.old_states or command.adjudications:
            self._last = command
        if command.is_pending:
            self.recorder.submit(command)
        return command

    def _mark_pending(self) -> None:
        cutouts = {cutout for command in self.pending for cutout in command.cutouts}
        self._labels.mark_pending(map(self._index.row_of, cutouts))

    def _on_pending_changed(self) -> None:
        self._mark_pending()
        self.pending_changed.emit()

    def _on_problem_changed(self) -> None:
        self.problem_changed.emit()

    def _update_labels(self, cutouts: Iterable[CutoutKey]) -> None:
        found = self.reviewers.decisions
        for cutout in cutouts:
            row, carried = self._index.row_of(cutout), found.carried(cutout)
            self._labels.set_decision(row, found.in_force(cutout), carried)

    def _on_recorded(
        self,
        command: Command | None,
        entries: Sequence[Entry],
        touched: set[CutoutKey],
    ) -> None:
        """Update the labels after entries were written to disk."""
        self.appended.emit(list(entries))
        self._mark_pending()
        touched = touched | self.reviewers.add(entries)
        rows = [self._index.row_of(cutout) for cutout in touched]
        cutouts = () if command is None else command.cutouts
        # Keep the order of the command, because undo moves to its first cutout.
        order = {self._index.row_of(cutout): i for i, cutout in enumerate(cutouts)}
        rows.sort(key=lambda row: (order.get(row, len(order)), row))
        self._update_labels(map(self._index.key_of, rows))
        left = [d for d in self._disagreements if d.cutout not in touched]
        fewer = len(left) < len(self._disagreements)
        self._disagreements = left
        try:
            if rows:
                self.changed.emit(rows)
        finally:
            if fewer:
                self.disagreements_changed.emit()
            # Dismiss refused verdicts that a later verdict replaces, or that are on
            # disk after all.
            if command is None or command.kind in VERDICT_KINDS:
                self.refused.dismiss_on(touched, command)
