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

#: What is done: verdicts; undo and redo of them; labels settled or taken over; entries
#: received from other logs.
CommandKind = Literal["decide", "undo", "redo", "adopt", "receive"]

#: Seconds after which a pending command is shown as such.
NOTICEABLE = 0.3

CommandState = Literal["pending", "recorded", "refused"]


class Command:
    """Something that is to be recorded, with what becomes of it.

    What belongs to it, such as a note or a selection, is fixed when it is given.

    Parameters
    ----------
    kind : str
        What is done.
    cutouts : sequence of CutoutKey
        The cutouts that it is about.
    make : callable
        Returns the entries to be written, once all commands before it are settled.
    depends_on : sequence of Command
        Commands without which this one has no meaning.
    target : EntryId or Command, optional
        Of undo and redo: the act, or the command that will have made it.
    title : str
        The command in a few words, for messages.

    Attributes
    ----------
    again : callable or None
        Gives the same command once more.
    renewed : Command or None
        Of a refused one: the command that was given in its place.
    said : mapping of CutoutKey to LabelState
        Of verdicts and labels: what is in force for each cutout once it is recorded.
    notes : mapping of CutoutKey to str
        Of undo: the notes of what is taken back.
    state : str
        "pending", "recorded" or "refused".
    entries : sequence of Entry
        The entries that were recorded; none if there was nothing to do.
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
        self.said: Mapping[CutoutKey, LabelState] = {}
        self.notes: Mapping[CutoutKey, str] = {}
        self.state: CommandState = "pending"
        self.entries: tuple[Entry, ...] = ()
        self.error: StoreError | None = None
        self.given_at = time.monotonic()

    def __bool__(self) -> bool:
        """Tell whether it did something, or may still do so."""
        return self.state == "pending" or bool(self.entries)

    @property
    def is_pending(self) -> bool:
        """Whether it is neither recorded nor refused."""
        return self.state == "pending"

    @property
    def act(self) -> EntryId | None:
        """The act that it made, took back or made again; None if it did nothing."""
        return self.entries[0].act if self.entries else None

    def settle(self, entries: Sequence[Entry]) -> None:
        """Note that it is recorded."""
        self.state, self.entries = "recorded", tuple(entries)
        self.settled.emit(self)

    def refuse(self, error: StoreError) -> None:
        """Note that it cannot be recorded."""
        self.state, self.error = "refused", error
        self.settled.emit(self)
