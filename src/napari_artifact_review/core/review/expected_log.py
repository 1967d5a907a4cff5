"""Expected state of the log after all pending commands are recorded."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.command import Command
from napari_artifact_review.core.decisions.decision import LabelState
from napari_artifact_review.core.decisions.entry import EntryId
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.decisions.recorder import Recorder
from napari_artifact_review.core.outcomes import LABEL_NAMES, UNSURE
from napari_artifact_review.core.review.labels import Labels
from napari_artifact_review.core.tables.cutout_index import CutoutIndex

#: A recorded act, or the command that will create the act.
Act = EntryId | Command

#: The kinds of command that create an act.
VERDICT_KINDS = ("decide", "adopt", "adjudicate")


class ExpectedLog:
    """Expected label states and acts after all pending commands are recorded.

    Parameters
    ----------
    recorder : Recorder
        Recorder with the pending commands.
    log : DecisionLog
        Log with the entries on disk.
    labels : Labels
        Labels according to the entries on disk.
    cutout_index : CutoutIndex
        Index for looking up the rows of cutouts.
    """

    def __init__(
        self,
        recorder: Recorder,
        log: DecisionLog,
        labels: Labels,
        cutout_index: CutoutIndex,
    ) -> None:
        self._recorder = recorder
        self._log = log
        self._labels = labels
        self._index = cutout_index

    def states_of(self, cutouts: Collection[CutoutKey]) -> dict[CutoutKey, LabelState]:
        """Return the expected label state of each cutout."""
        states = {
            cutout: self._labels.state_of(self._index.row_of(cutout))
            for cutout in cutouts
        }
        pending = {
            cutout for command in self._recorder.pending for cutout in command.cutouts
        }
        changing = pending & states.keys()
        if not changing:
            return states
        for cutout in changing:
            states[cutout] = self._labels.initial_state(self._index.row_of(cutout))
        done, _ = self._acts()
        # A carried verdict is in force only if there is no other.
        for act in sorted(done, key=self._is_decided):
            after = self.states_after(act)
            states |= {key: after[key] for key in changing & after.keys()}
        return states

    def states_after(self, act: Act) -> Mapping[CutoutKey, LabelState]:
        """Return the label states that result from an act, by cutout."""
        if isinstance(act, Command):
            return act.new_states
        return {
            one.cutout: LabelState.after(one)
            for one in self._log.decisions_of(act)
            if not one.is_adjudicated
        }

    def cutouts_of(self, act: Act) -> tuple[CutoutKey, ...]:
        """Return the cutouts of an act, in its order."""
        if isinstance(act, Command):
            return act.cutouts
        return tuple(dict.fromkeys(one.cutout for one in self._log.decisions_of(act)))

    def act_to_undo(self, reviewer: str) -> Act | None:
        """Return the last act in force that a reviewer may undo, or None."""
        return self._last_own(self._acts()[0], reviewer)

    def act_to_redo(self, reviewer: str) -> Act | None:
        """Return the last undone act that a reviewer may redo, or None."""
        return self._last_own(self._acts()[1], reviewer)

    def commands_on(self, act: Act) -> list[Command]:
        """Return the pending commands that undo or redo an act, in submission order."""
        return [
            command
            for command in self._recorder.pending
            if command.target is not None and settled_act(command.target) == act
        ]

    def _is_decided(self, act: Act) -> bool:
        return isinstance(act, Command) or not self._log.is_carrying(act)

    def _last_own(self, acts: Sequence[Act], reviewer: str) -> Act | None:
        for act in reversed(acts):
            if isinstance(act, Command) or self._log.is_of(act, reviewer):
                return act
        return None

    def _acts(self) -> tuple[list[Act], list[Act]]:
        """Return the acts in force and the undone acts, latest last."""
        done: list[Act] = [*reversed(self._log.done)]
        undone: list[Act] = [*reversed(self._log.undone)]
        for command in self._recorder.pending:
            if command.kind in VERDICT_KINDS:
                done.append(command)
                undone.clear()
            elif command.target is not None:
                target = settled_act(command.target)
                source, other = (done, undone)
                if command.kind == "redo":
                    source, other = undone, done
                if target in source:
                    source.remove(target)
                    other.append(target)
        return done, undone


def settled_act(act: Act) -> Act:
    """Return the act that a command or its replacement has created.

    If there is no act yet, return the latest command. A recorded act is returned
    unchanged.
    """
    while isinstance(act, Command) and act.renewed is not None:
        act = act.renewed
    if isinstance(act, Command) and act.act is not None:
        return act.act
    return act


def changed_states(
    states: Mapping[CutoutKey, LabelState],
    wanted: LabelState,
    repeatable: Container[CutoutKey],
) -> dict[CutoutKey, LabelState]:
    """Return the new label states of the cutouts that a verdict changes.

    Parameters
    ----------
    states : mapping of CutoutKey to LabelState
        Label states before the verdict.
    wanted : LabelState
        The verdict; its label is ignored.
    repeatable : container of CutoutKey
        Cutouts for which even a repeated verdict is a change, because of a disagreement
        or because the verdict was carried from an earlier round.
    """
    changed = {}
    for key, before in states.items():
        label = before.label_new
        if wanted.decision != UNSURE:
            label = LABEL_NAMES.index(wanted.decision)
        after = wanted._replace(label_new=label)
        is_same = before._replace(reviewed_at=after.reviewed_at) == after
        if not is_same or key in repeatable:
            changed[key] = after
    return changed
