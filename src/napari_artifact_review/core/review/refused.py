"""The refused commands of a review, until they are retried, dismissed or replaced."""

from __future__ import annotations

from psygnal import Signal

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.command import Command


class RefusedCommands:
    """The commands that could not be recorded, in the order of submission.

    Attributes
    ----------
    changed : Signal
        Emitted when `commands` has changed.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._commands: tuple[Command, ...] = ()

    @property
    def commands(self) -> tuple[Command, ...]:
        """Refused commands that have not been retried, dismissed or replaced."""
        return self._commands

    def add(self, command: Command) -> None:
        """Add a command, unless the exchange with a team repeats it by itself."""
        if command.kind != "receive":
            self._set((*self._commands, command))

    def dismiss(self, commands: tuple[Command, ...]) -> None:
        """Remove commands."""
        self._set(tuple(one for one in self._commands if one not in commands))

    def dismiss_on(self, cutouts: set[CutoutKey], newer: Command | None = None) -> None:
        """Remove the commands whose cutouts all have a newer verdict.

        If `newer` gave it, an adjudication replaces only adjudications, and a verdict
        only verdicts.
        """
        self.dismiss(
            tuple(
                one
                for one in self._commands
                if cutouts.issuperset(one.cutouts)
                and (newer is None or _is_adjudication(one) == _is_adjudication(newer))
            )
        )

    def retry_all(self) -> tuple[Command, ...]:
        """Retry all commands in order, and return the new commands."""
        refused = self._commands
        self.dismiss(refused)
        for command in refused:
            if command.resubmit is not None:
                command.renewed = command.resubmit()
        return tuple(c.renewed for c in refused if c.renewed is not None)

    def _set(self, commands: tuple[Command, ...]) -> None:
        if commands != self._commands:
            self._commands = commands
            self.changed.emit()


def _is_adjudication(command: Command) -> bool:
    return command.kind == "adjudicate"
