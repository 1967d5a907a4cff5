"""Commands of the reviewer, which are pending until they are recorded or refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from psygnal import Signal

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import LabelState
from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.errors import StoreError

#: Kinds of command: give verdicts, undo or redo them, adopt labels of the table or of
#: another program, carry verdicts of an earlier round, receive entries of other logs,
#: settle a cutout on which reviewers differ, see votes on such a cutout, set the rules
#: of the team.
CommandKind = Literal[
    "decide",
    "undo",
    "redo",
    "adopt",
    "carry",
    "receive",
    "adjudicate",
    "see votes",
    "rules",
]

#: Longest time in seconds that a window waits until a decision is on disk. To users,
#: shorter delays appear instantaneous (J. Nielsen, Usability Engineering, 1993, ch. 5).
MAX_WAIT = 0.1

#: Seconds after which the window shows that a command is pending.
PENDING_DELAY = 0.3

CommandState = Literal["pending", "recorded", "refused"]


def title_of(cutouts: Sequence[CutoutKey]) -> str:
    """Return a short text that names one cutout, or counts several."""
    if len(cutouts) != 1:
        return f"{len(cutouts)} cutouts"
    return cutouts[0].title


class Command:
    """A change to record, and its result.

    Parameters
    ----------
    kind : str
        Kind of change; see `CommandKind`.
    cutouts : sequence of CutoutKey
        Cutouts to change.
    make : callable
        Function without arguments that returns the entries to write. It is called after
        all earlier commands are recorded or refused.
    depends_on : sequence of Command
        Commands on which this command depends. If any of them is refused, this command
        is also refused.
    target : EntryId or Command, optional
        For undo and redo: the act, or the pending command that will create the act.
    title : str
        Short description, shown in messages.

    Attributes
    ----------
    resubmit : callable or None
        Function that submits an equal command and returns it.
    renewed : Command or None
        For a refused command: the command that replaced it.
    old_states : mapping of CutoutKey to LabelState
        For verdicts, undo and redo: the expected state of each cutout beforehand.
    new_states : mapping of CutoutKey to LabelState
        For verdicts and adopted labels: the state of each cutout after recording.
    adjudications : mapping of CutoutKey to LabelState
        For adjudications: the verdict that settles each cutout. Its label and its time
        are not known yet.
    rule_changes : mapping of str to object
        For rules of the team: the changed attributes of `TeamRules`.
    notes : mapping of CutoutKey to str
        For undo: the notes of the undone verdicts.
    state : str
        "pending", "recorded" or "refused".
    entries : tuple of Entry
        Recorded entries; empty if there was nothing to change.
    error : StoreError or None
        Reason why the command was refused.
    given_at : float
        Time at which the command was created, from `time.monotonic`, in seconds.
    settled : Signal
        Emitted with the command when it is recorded or refused.
    """

    settled = Signal(object)

    def __init__(
        self,
        kind: CommandKind,
        cutouts: Sequence[CutoutKey],
        make: Callable[[], Sequence[Entry]],
        *,
        depends_on: Sequence[Command] = (),
        target: EntryId | Command | None = None,
        title: str = "",
    ) -> None:
        self.kind = kind
        self.cutouts = tuple(cutouts)
        self.make = make
        self.depends_on = tuple(depends_on)
        self.target = target
        self.title = title
        self.resubmit: Callable[[], Command] | None = None
        self.renewed: Command | None = None
        self.old_states: Mapping[CutoutKey, LabelState] = {}
        self.new_states: Mapping[CutoutKey, LabelState] = {}
        self.adjudications: Mapping[CutoutKey, LabelState] = {}
        self.rule_changes: Mapping[str, Any] = {}
        self.notes: Mapping[CutoutKey, str] = {}
        self.state: CommandState = "pending"
        self.entries: tuple[Entry, ...] = ()
        self.error: StoreError | None = None
        self.given_at = time.monotonic()

    @property
    def is_pending(self) -> bool:
        """Whether the command has not been recorded or refused yet."""
        return self.state == "pending"

    @property
    def act(self) -> EntryId | None:
        """Act that was created, undone or redone; None if nothing was recorded."""
        return self.entries[0].act if self.entries else None

    def settle(self, entries: Sequence[Entry]) -> None:
        """Mark the command as recorded, with these entries."""
        self.state, self.entries = "recorded", tuple(entries)
        self.settled.emit(self)

    def refuse(self, error: StoreError) -> None:
        """Mark the command as refused, with the reason."""
        self.state, self.error = "refused", error
        self.settled.emit(self)
