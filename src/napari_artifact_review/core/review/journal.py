"""The commands of a review: recorded first, then shown in the labels."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Any

from psygnal import Signal

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.command import Command
from napari_artifact_review.core.decisions.entry import Entry, EntryId, plain_json
from napari_artifact_review.core.decisions.log import (
    Decision,
    DecisionLog,
    LabelState,
    utc_now,
)
from napari_artifact_review.core.decisions.recorder import Recorder
from napari_artifact_review.core.decisions.schema import SaveRecord, StoreContents
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.outcomes import LABEL_NAMES, Verdict
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.resume import (
    TABLE,
    Disagreement,
    LabelChoice,
    restore,
)

#: An act in force or taken back, or the command that will make it.
_Act = EntryId | Command

#: The kinds of command that make an act.
_VERDICTS = ("decide", "adopt")


class Journal:
    """Gives commands to the recorder, and shows in the labels what it has recorded.

    Parameters
    ----------
    catalog : Catalog
        The cutouts; what is recorded is put into its labels.
    store : Store
        The file of the log.
    contents : StoreContents
        What it holds.
    reviewer : str
        The reviewer.

    Attributes
    ----------
    changed : Signal
        Emitted with the rows whose label, reviewer or verdict may have changed, with
        the kind of command.
    appended : Signal
        Emitted with the entries that are on disk now.
    pending_changed : Signal
        Emitted when a command was given or settled.
    refused_changed : Signal
        Emitted when there are other commands in `refused`.
    problem_changed, disagreements_changed : Signal
        Those of the session.
    recorder : Recorder
        Writes the log.
    """

    changed = Signal(list, str)
    appended = Signal(list)
    pending_changed = Signal()
    refused_changed = Signal()
    problem_changed = Signal()
    disagreements_changed = Signal()

    def __init__(
        self, catalog: Catalog, store: Store, contents: StoreContents, reviewer: str
    ) -> None:
        self._catalog = catalog
        self._index = catalog.cutout_index
        self._labels = catalog.labels
        self._reviewer = reviewer
        self._log = DecisionLog(
            contents.entries, self._index.__contains__, contents.log_id
        )
        self._disagreements = restore(self._labels, self._log, self._index)
        self._refused: list[Command] = []
        self.recorder = Recorder(store, self._log)
        self.recorder.recorded.connect(self._take)
        self.recorder.refused.connect(self._take_refused)
        self.recorder.pending_changed.connect(self._tell_pending)
        self.recorder.problem_changed.connect(self._tell_problem)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything on record, in the order of the review."""
        return tuple(self._log.entries)

    @property
    def last_numbers(self) -> dict[str, int]:
        """The number of the last entry of each log."""
        return self._log.last_numbers

    @property
    def pending(self) -> tuple[Command, ...]:
        """The commands that are neither recorded nor refused, in their order."""
        return self.recorder.pending

    @property
    def refused(self) -> tuple[Command, ...]:
        """The commands that were refused and not given again since."""
        return tuple(self._refused)

    @property
    def problem(self) -> StoreError | None:
        """The reason why nothing can be recorded now, if so."""
        return self.recorder.problem

    @property
    def disagreements(self) -> tuple[Disagreement, ...]:
        """Where the table's `label_new` is not what was decided."""
        return tuple(self._disagreements)

    # Commands

    def decide(
        self,
        rows: Sequence[int],
        verdict: Verdict,
        kind: str,
        note: str,
        view: Mapping[str, Any],
    ) -> Command:
        """Decide about rows as one act; what the reviewer said already is left out."""
        kind, note = _storable(kind), _storable(note)
        keys = [self._index.key_of(row) for row in dict.fromkeys(rows)]
        wanted = LabelState(0, self._reviewer, utc_now(), verdict, kind, note)
        said = self._news(self._expected(keys), wanted, self._questions())
        if not said:
            return self._nothing(keys)
        state = self._state(view)
        contexts = {key: state | self._read_of(key) for key in keys}

        def make() -> list[Entry]:
            in_force = {key: self._in_force(key) for key in keys}
            open_now = {one.cutout for one in self._disagreements}
            news = self._news(in_force, wanted, open_now)
            decisions = [Decision.from_state(*one) for one in news.items()]
            return self._log.decide(decisions, contexts)

        command = Command("decide", keys, make, title=f"{_named(keys)}: {verdict}")
        command.new_states = said
        command.again = partial(self.decide, rows, verdict, kind, note, view)
        return self._give(command)

    def given(self, cutout: CutoutKey) -> LabelState:
        """Return what is in force for a cutout once all that is pending is recorded."""
        return self._expected([cutout])[cutout]

    def undo(self) -> Command | None:
        """Take back the reviewer's last act, also a pending one; None without one."""
        own = [act for act in self._acts()[0] if self._is_own(act)]
        return self._turn("undo", own[-1]) if own else None

    def redo(self) -> Command | None:
        """Make the act that the reviewer undid last again; None without one."""
        own = [act for act in self._acts()[1] if self._is_own(act)]
        return self._turn("redo", own[-1]) if own else None

    def settle(self, keep: LabelChoice, cutouts: Sequence[CutoutKey] | None) -> Command:
        """Let the table's label, or the decision, stand where they disagree."""
        labels = {}
        for one in self._disagreements:
            if cutouts is None or one.cutout in cutouts:
                confirmed = replace(one.decision, reviewer="", decided_at="")
                chosen = one.table if keep == "table" else LabelState.after(confirmed)
                labels[one.cutout] = chosen
        return self.adopt(labels)

    def adopt(self, labels: Mapping[CutoutKey, LabelState]) -> Command:
        """Decide as another program or reviewer did, as one act.

        The decision is theirs, where they left a name. A name and time that belong to
        another decision do not count: the label alone was edited then.
        """
        if not labels:
            return self._nothing(())
        now = utc_now()
        chosen = {"chosen_by": self._reviewer, "chosen_at": now}
        state = self._state({}) | chosen
        contexts = {cutout: state | self._read_of(cutout) for cutout in labels}

        def make() -> list[Entry]:
            known = {(e.cutout, e.reviewer, e.decided_at) for e in self._log.entries}
            decisions = []
            for cutout, theirs in labels.items():
                by, at = theirs.reviewed_by, theirs.reviewed_at
                own = not (by or at) or (cutout, by, at) in known
                by, at = (self._reviewer, now) if own else (by, at)
                stands = theirs._replace(
                    reviewed_by=by or self._reviewer, reviewed_at=at or now
                )
                decisions.append(
                    Decision.from_state(cutout, stands.with_matching_verdict())
                )
            return self._log.decide(decisions, contexts, "taken over")

        keys = tuple(labels)
        command = Command("adopt", keys, make, title=f"{_named(keys)}: taken over")
        command.new_states = {
            key: said.with_matching_verdict() for key, said in labels.items()
        }
        command.again = partial(self.adopt, labels)
        return self._give(command)

    def receive(self, entries: Sequence[Entry]) -> Command:
        """Record entries of other logs.

        Parameters
        ----------
        entries : sequence of Entry
            Entries as other logs have them; those that are known are left out.
        """

        def make() -> list[Entry]:
            last: dict[str, Entry | None] = {}
            fresh = []
            for entry in sorted(entries, key=attrgetter("id")):
                known = last.get(entry.log_id) or self._log.last_entry(entry.log_id)
                if known is not None and entry.number <= known.number:
                    continue
                if not (entry.is_sound() and entry.follows(known)):
                    raise StoreError(
                        f"entry {entry.number} of the log {entry.log_id} does not "
                        "follow on the one before it",
                        remedy="The log was changed or damaged; nothing was taken",
                    )
                last[entry.log_id] = entry
                fresh.append(entry)
            return fresh

        return self._give(Command("receive", (), make, title="received decisions"))

    def dismiss_refused(self, commands: Sequence[Command]) -> None:
        """Forget commands that were refused."""
        left = [command for command in self._refused if command not in commands]
        if len(left) < len(self._refused):
            self._refused = left
            self.refused_changed.emit()

    def give_again(self) -> tuple[Command, ...]:
        """Give the refused commands again, in their order; return the new ones."""
        refused = self.refused
        self.dismiss_refused(refused)
        for command in refused:
            if command.again is not None:
                command.renewed = command.again()
        return tuple(c.renewed for c in refused if c.renewed is not None)

    def mark_saved(self, saves: Sequence[SaveRecord], digest: str | None) -> None:
        """Find out which decisions the output shows, if this review wrote it."""
        for save in saves:
            if save.digest == digest:
                entries = [
                    entry
                    for entry in self._log.entries
                    if entry.number <= save.last_numbers.get(entry.log_id, 0)
                ]
                shown = DecisionLog(entries, self._index.__contains__)
                decisions = {
                    self._index.row_of(cutout): decision
                    for cutout in shown.cutouts
                    if (decision := shown.in_force(cutout)) is not None
                }
                self._labels.mark_saved(decisions)

    # What a command is about

    def _news(
        self,
        in_force: Mapping[CutoutKey, LabelState],
        wanted: LabelState,
        questions: Container[CutoutKey],
    ) -> dict[CutoutKey, LabelState]:
        """Return what a verdict says of cutouts, but for those that it leaves as is.

        Parameters
        ----------
        in_force : mapping of CutoutKey to LabelState
            What is in force before it.
        wanted : LabelState
            The verdict, with any label.
        questions : container of CutoutKey
            Cutouts about which it is an answer in any case.
        """
        news = {}
        for key, standing in in_force.items():
            label = standing.label_new
            if wanted.decision != "unsure":
                label = LABEL_NAMES.index(wanted.decision)
            said = wanted._replace(label_new=label)
            is_same = standing._replace(reviewed_at=said.reviewed_at) == said
            if not is_same or key in questions:
                news[key] = said
        return news

    def _in_force(self, key: CutoutKey) -> LabelState:
        return self._labels.state_of(self._index.row_of(key))

    def _questions(self) -> set[CutoutKey]:
        """Return the cutouts of disagreements that nothing pending is about."""
        asked = {one.cutout for one in self._disagreements}
        return asked.difference(*(command.cutouts for command in self.pending))

    def _expected(self, keys: Sequence[CutoutKey]) -> dict[CutoutKey, LabelState]:
        """Return what is in force for cutouts once all that is pending is recorded."""
        expected = {key: self._in_force(key) for key in keys}
        pending = {key for command in self.pending for key in command.cutouts}
        changing = pending & expected.keys()
        if not changing:
            return expected
        expected |= {key: self._before(key) for key in changing}
        done, _ = self._acts()
        for act in done:
            for key, said in self._said_by(act).items():
                if key in changing:
                    expected[key] = said
        return expected

    def _is_own(self, act: _Act) -> bool:
        return isinstance(act, Command) or self._log.is_of(act, self._reviewer)

    def _said_by(self, act: _Act) -> Mapping[CutoutKey, LabelState]:
        if isinstance(act, Command):
            return act.new_states
        return {
            one.cutout: LabelState.after(one) for one in self._log.decisions_of(act)
        }

    def _nothing(self, keys: Sequence[CutoutKey]) -> Command:
        """Return a command that does nothing, or the pending one that did it all."""
        about = [c for c in self.pending if not set(keys).isdisjoint(c.cutouts)]
        if about:
            return about[-1]
        nothing = Command("decide", (), list)
        nothing.settle(())
        return nothing

    def _acts(self) -> tuple[list[_Act], list[_Act]]:
        """Return the acts to undo and to redo, last one last, once all is recorded."""
        done: list[_Act] = [*reversed(self._log.done)]
        undone: list[_Act] = [*reversed(self._log.undone)]
        for command in self.pending:
            if command.kind in _VERDICTS:
                done.append(command)
                undone.clear()
            elif command.target is not None:
                target = _settled(command.target)
                source, other = (done, undone)
                if command.kind == "redo":
                    source, other = undone, done
                if target in source:
                    source.remove(target)
                    other.append(target)
        return done, undone

    def _turn(self, kind: str, target: _Act) -> Command:
        """Take an act back, or make it again."""
        cutouts = tuple(self._said_by(target))
        depends_on = [
            other
            for other in self.pending
            if other.target is not None and _settled(other.target) == target
        ]
        if isinstance(target, Command):
            depends_on.insert(0, target)

        def make() -> list[Entry]:
            act = _settled(target)
            if isinstance(act, Command):
                # It found nothing to do: one that it was to change was refused.
                return []
            if kind == "redo":
                return self._log.redo(self._reviewer, act)
            return self._log.undo(self._reviewer, self._before, act)

        command = Command(
            "redo" if kind == "redo" else "undo",
            cutouts,
            make,
            depends_on=depends_on[-1:],
            target=target,
            title=f"{kind} of {_named(cutouts)}",
        )
        command.again = lambda: self._turn(kind, _settled(target))
        if kind == "undo":
            said = self._said_by(target)
            command.notes = {cutout: one.note for cutout, one in said.items()}
        return self._give(command)

    def _before(self, cutout: CutoutKey) -> LabelState:
        return self._labels.before(self._index.row_of(cutout))

    def _state(self, view: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state in which a command is given, as plain JSON."""
        state = {"threshold": self._catalog.threshold_in_force, "view": view}
        plain: dict[str, Any] = plain_json(state)
        return plain

    def _read_of(self, key: CutoutKey) -> dict[str, Any]:
        """Return what the table said of a cutout, to be kept with its decision."""
        return {TABLE: list(self._labels.read(self._index.row_of(key)))}

    # What becomes of it

    def _give(self, command: Command) -> Command:
        self.recorder.give(command)
        return command

    def _mark_pending(self) -> None:
        cutouts = {cutout for command in self.pending for cutout in command.cutouts}
        self._labels.mark_pending(map(self._index.row_of, cutouts))

    def _tell_pending(self) -> None:
        self._mark_pending()
        self.pending_changed.emit()

    def _tell_problem(self) -> None:
        self.problem_changed.emit()

    def _take_refused(self, command: Command) -> None:
        if command.kind != "receive":
            self._refused.append(command)
            self.refused_changed.emit()

    def _take(
        self,
        command: Command | None,
        entries: Sequence[Entry],
        touched: set[CutoutKey],
    ) -> None:
        """Show what is on disk now."""
        self.appended.emit(list(entries))
        self._mark_pending()
        rows = [self._index.row_of(cutout) for cutout in touched]
        cutouts = () if command is None else command.cutouts
        # In the order of the command: the first one is the one to go back to.
        order = {self._index.row_of(cutout): i for i, cutout in enumerate(cutouts)}
        rows.sort(key=lambda row: (order.get(row, len(order)), row))
        for row, cutout in ((row, self._index.key_of(row)) for row in rows):
            self._labels.put(row, self._log.in_force(cutout))
        left = [d for d in self._disagreements if d.cutout not in touched]
        fewer = len(left) < len(self._disagreements)
        self._disagreements = left
        try:
            if rows:
                self.changed.emit(rows, "receive" if command is None else command.kind)
        finally:
            if fewer:
                self.disagreements_changed.emit()
            # A later verdict stands for an earlier one that was refused; and one that
            # was refused may be on disk after all.
            if command is None or command.kind in _VERDICTS:
                late = [c for c in self._refused if touched.issuperset(c.cutouts)]
                self.dismiss_refused(late)


def _settled(target: _Act) -> _Act:
    """Return the act that a command, or the one in its place, made once recorded."""
    while isinstance(target, Command) and target.renewed is not None:
        target = target.renewed
    if isinstance(target, Command) and target.act is not None:
        return target.act
    return target


def _named(cutouts: Sequence[CutoutKey]) -> str:
    if len(cutouts) != 1:
        return f"{len(cutouts)} cutouts"
    [cutout] = cutouts
    return f"{cutout.image_name} ({cutout.grid_x}, {cutout.grid_y})"


def _storable(text: str) -> str:
    """Return what every format gives back of a text: FITS keeps no space at its end."""
    return text.replace("\0", "").encode(errors="replace").decode().strip()
