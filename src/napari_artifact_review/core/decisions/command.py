"""A command of the reviewer: pending until it is on disk, then recorded; or refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from psygnal import Signal

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.decisions.log import LabelState
from napari_artifact_review.core.errors import StoreError

#: Give verdicts; undo and redo them; adopt labels of the table or of another program;
#: receive entries of other logs.
CommandKind = Literal["decide", "undo", "redo", "adopt", "receive"]

#: Seconds after which the window shows that a command is pending.
PENDING_DELAY = 0.3

CommandState = Literal["pending", "recorded", "refused"]


class Command:
    """A change that is to be recorded, and its result.

    Its note and its cutouts are fixed when it is given.

    Parameters
    ----------
    kind : str
        The kind of change.
    cutouts : sequence of CutoutKey
        The cutouts that it changes.
    make : callable
        Returns the entries to be written, once all commands before it are settled.
    depends_on : sequence of Command
        Commands whose refusal refuses this one.
    target : EntryId or Command, optional
        For undo and redo: the act, or the pending command that will make it.
    title : str
        The command in a few words, for messages.

    Attributes
    ----------
    again : callable or None
        Gives the same command once more.
    renewed : Command or None
        For a refused command: the command that was given in its stead.
    new_states : mapping of CutoutKey to LabelState
        For verdicts and labels: the state of each cutout once it is recorded.
    notes : mapping of CutoutKey to str
        For undo: the notes of the verdicts that it takes back.
    state : str
        "pending", "recorded" or "refused".
    entries : sequence of Entry
        The entries that were recorded; none if there was nothing to change.
    error : StoreError or None
        The reason of a refusal.
    given_at : float
        The time of `time.monotonic` at which it was given.
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
        self.again: Callable[[], Command] | None = None
        self.renewed: Command | None = None
        self.new_states: Mapping[CutoutKey, LabelState] = {}
        self.notes: Mapping[CutoutKey, str] = {}
        self.state: CommandState = "pending"
        self.entries: tuple[Entry, ...] = ()
        self.error: StoreError | None = None
        self.given_at = time.monotonic()

    @property
    def is_pending(self) -> bool:
        """Whether it is neither recorded nor refused."""
        return self.state == "pending"

    @property
    def act(self) -> EntryId | None:
        """The act that it made, undid or redid; None if it changed nothing."""
        return self.entries[0].act if self.entries else None

    def settle(self, entries: Sequence[Entry]) -> None:
        """Mark it as recorded."""
        self.state, self.entries = "recorded", tuple(entries)
        self.settled.emit(self)

    def refuse(self, error: StoreError) -> None:
        """Mark it as refused."""
        self.state, self.error = "refused", error
        self.settled.emit(self)
