"""A line with the last verdict; a click on the line goes to the verdict's cutout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_artifact_review.core.outcomes import LABEL_NAMES
from napari_artifact_review.viewer.input.key_choice import KeyChoice
from napari_artifact_review.viewer.style import ATTENTION_COLOR
from napari_artifact_review.widgets.parts.link_line import LinkLine
from napari_artifact_review.widgets.parts.plain_text import tooltip_text

if TYPE_CHECKING:
    from napari_artifact_review.core.cutout import CutoutKey
    from napari_artifact_review.core.decisions.command import Command
    from napari_artifact_review.core.decisions.decision import LabelState
    from napari_artifact_review.core.review.session import ReviewSession


class LastVerdictLine(LinkLine):
    """A line with the last verdict, undo or redo, and its result.

    Attributes
    ----------
    cutout_requested : Signal
        Emitted with the key of the verdict's first cutout when the line is clicked.
    """

    cutout_requested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.native.setPlaceholderText("No verdict since the review was opened")
        self._keys = KeyChoice()
        self._session: ReviewSession | None = None
        self._is_slow = False
        self.clicked.connect(self._request_cutout)

    def show_keys(self, keys: KeyChoice) -> None:
        """Store the current keys, which the next `show_last` shows."""
        self._keys = keys

    def show_recording(self, count: int) -> None:
        """Show that verdicts are still being recorded, if `count` is not 0."""
        self._is_slow = count > 0
        if self._session is not None:
            self.show_last(self._session)

    def show_last(self, session: ReviewSession | None) -> None:
        """Show the last verdict, undo or redo of a session, or nothing for None."""
        self._session = session
        command = None if session is None else session.last_command
        if session is None or command is None:
            self.show_text("")
        else:
            text, hint = self._text(session, command), self._hint(command)
            line = f"{text}, {hint}" if hint else text
            # The key is less important than the end of the text.
            width = self.native.fontMetrics().horizontalAdvance(line)
            self.show_text(line if width < self.native.width() else text)
            image = command.cutouts[0].image_name
            tip = f"{image}: {line}\nClick to go back to this cutout"
            self.tooltip = tooltip_text(tip)
        is_refused = command is not None and command.state == "refused"
        self.emphasize(ATTENTION_COLOR if is_refused else None)

    def _request_cutout(self) -> None:
        if self._session is not None and self._session.last_command is not None:
            self.cutout_requested.emit(self._session.last_command.cutouts[0])

    def _text(self, session: ReviewSession, command: Command) -> str:
        text = describe_command(session, command)
        if command.state == "refused":
            return f"Not recorded: {text}"
        return f"Recording: {text}" if command.is_pending and self._is_slow else text

    def _hint(self, command: Command) -> str:
        """Return the key that reverses a command; empty if there is nothing to undo."""
        if command.state == "refused" or not has_effect(command):
            return ""
        key = self._keys["redo" if command.kind == "undo" else "undo"]
        return f"{key.label} to {key.title.lower()}"


def has_effect(command: Command) -> bool:
    """Return whether a command changes anything."""
    if command.kind == "adjudicate":
        return command.state != "recorded" or bool(command.entries)
    return command.kind != "decide" or bool(command.new_states)


def describe_command(session: ReviewSession, command: Command) -> str:
    """Return one line of text about a verdict, an undo or a redo."""
    cutouts = _name_of(session, command.cutouts)
    if command.kind == "adjudicate":
        [state] = command.adjudications.values()
        verb = "Adjudicated" if has_effect(command) else "Already adjudicated"
        return f"{verb} as {_verdict_of(state)}: {cutouts}"
    if command.kind != "decide":
        verb = "Undone" if command.kind == "undo" else "Redone"
        return f"{verb}: {cutouts}"
    before, after = command.old_states, command.new_states
    if not after:
        return f"{cutouts}: already {_verdict_of(before[command.cutouts[0]])}"
    new = next(iter(after.values()))
    rows = [*map(session.cutout_index.row_of, command.cutouts)]
    if session.catalog.hidden.mask[rows].any():
        # What the verdict changes would show the label.
        return f"{cutouts}: {_verdict_of(new)}"
    if len(command.cutouts) == 1:
        return f"{cutouts}: {_change(before[command.cutouts[0]], new)}"
    counts = {
        "labels changed": sum(after[x].label_new != before[x].label_new for x in after),
        "replaced": sum(before[x].reviewed for x in after),
        "already so": len(command.cutouts) - len(after),
    }
    parts = [f"{count:,} {name}" for name, count in counts.items() if count]
    return ", ".join([f"{cutouts}: {_verdict_of(new)}", *parts])


def _name_of(session: ReviewSession, cutouts: tuple[CutoutKey, ...]) -> str:
    if len(cutouts) > 1:
        return f"{len(cutouts):,} cutouts"
    [(_, x, y)] = cutouts
    row = session.cutout_index.row_of(cutouts[0])
    return f"({x}, {y}) {session.catalog.cutout(row).outcome}".rstrip()


def _verdict_of(state: LabelState) -> str:
    """Return the verdict and the kind of a label state; its label without a verdict."""
    verdict = state.decision or LABEL_NAMES[state.label_new]
    return f"{verdict} ({state.kind})" if state.kind else verdict


def _change(before: LabelState, after: LabelState) -> str:
    label, old, new = LABEL_NAMES[before.label_new], *map(_verdict_of, (before, after))
    if not before.reviewed:
        kind = f" ({after.kind})" if after.kind else ""
        is_same = after.decision == label
        return f"{label} confirmed{kind}" if is_same else f"{label} → {new}"
    if old == new:
        return f"{old}, note changed"
    return f"replaced {old} by {new}"
