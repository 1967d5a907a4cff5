"""The commands that give, repeat, undo and redo verdicts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from qtpy.QtWidgets import QWidget

from napari_artifact_review.viewer.verdicts import read_only_reason
from napari_artifact_review.widgets.parts.focus import give_keys_to_viewer
from napari_artifact_review.widgets.parts.key_menu import show_menu

if TYPE_CHECKING:
    from napari_artifact_review.core.cutout import CutoutKey
    from napari_artifact_review.core.outcomes import Verdict
    from napari_artifact_review.core.review.resume import LabelChoice
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController
    from napari_artifact_review.widgets.panels.review_panel import ReviewPanel
    from napari_artifact_review.widgets.parts.background import Connections


class VerdictCommands:
    """The commands that give, repeat, undo and redo verdicts, with kinds and notes.

    Parameters
    ----------
    dock : QWidget
        The dock.
    panel : ReviewPanel
        The panels.
    session : ReviewSession
        The review.
    controller : ReviewController
        Gives the verdicts on the cutouts on the screen.
    connections : Connections
        The connections of the review.
    """

    def __init__(
        self,
        dock: QWidget,
        panel: ReviewPanel,
        session: ReviewSession,
        controller: ReviewController,
        connections: Connections,
    ) -> None:
        self._dock, self._panel = dock, panel
        self._session, self._controller = session, controller
        self._connect(connections.connect)

    def _connect(self, connect: Callable[..., None]) -> None:
        verdict = self._panel.verdict
        details = self._panel.kind_and_note
        connect(verdict.label_requested, partial(self._decide, advance=False))
        connect(verdict.verdict_requested, self._decide)
        connect(details.kind_requested, self._decide_kind)
        connect(details.note_requested, self._take_note)
        connect(details.left, lambda: give_keys_to_viewer(self._dock))
        connect(self._panel.pending.retry_requested, self._retry)
        connect(self._panel.pending.dismiss_requested, self._session.dismiss_refused)
        connect(self._panel.disagreements.chosen, self._settle)

    def key_actions(self) -> dict[str, Callable[[], object]]:
        """Return the functions for the actions of the key table, by name."""
        return {
            "artifact": lambda: self._decide("artifact"),
            "no_artifact": lambda: self._decide("no artifact"),
            "unsure": lambda: self._decide("unsure"),
            "kind": self._choose_kind,
            "note": self._write_note,
            "repeat": self._repeat,
            "give_again": self._retry,
            "undo": self._undo,
            "redo": self._redo,
        }

    def _decide(self, value: Verdict, advance: bool = True) -> None:
        kind, note = self._kind_and_note()
        if value == "no artifact":
            kind = ""
        self._controller.verdicts.give(value, kind, note, advance=advance)
        self._panel.show_current(self._session)

    def _decide_kind(self, kind: str) -> None:
        """Mark the target as an artifact of the kind that the reviewer chose."""
        _, note = self._kind_and_note()
        self._controller.verdicts.give("artifact", kind, note, advance=bool(kind))
        self._panel.show_current(self._session)

    def _repeat(self) -> None:
        """Repeat the last verdict, with the note in the note field."""
        if self._is_read_only():
            return
        self._controller.verdicts.repeat(self._kind_and_note()[1])
        self._panel.show_current(self._session)

    def _retry(self) -> None:
        if self._is_read_only():
            return
        if not self._session.retry_refused():
            self._panel.say("There is no refused verdict to retry.")

    def _kind_and_note(self) -> tuple[str, str]:
        """Return the kind of artifact and the note for the next verdict.

        For a verdict on the current cutout, return the values of the fields. For a
        verdict on other cutouts, the kind is empty, and the note is a draft or empty.
        """
        current, rows = self._session.current_cutout, self._controller.target().rows
        if rows == (current.row,):
            return self._panel.kind_and_note.kind_and_note()
        note = self._session.drafts.get(current.key, "") if current.row in rows else ""
        return "", note

    def _choose_kind(self) -> None:
        """Show the kinds in a menu, in which digits and letters choose a kind."""
        if self._is_read_only():
            return
        choices = {
            kind: partial(self._decide_kind, kind) for kind in self._session.kinds
        }
        show_menu(self._dock, self._panel.kind_and_note.kind.native, choices)

    def _take_note(self, key: CutoutKey, note: str, is_adjudication: bool) -> None:
        """Record a note with its verdict, or else store the note as a draft."""
        session = self._session
        if is_adjudication:
            self._take_adjudication_note(key, note)
            return
        # A note on a hidden cutout must not record its earlier verdict again.
        given = session.shown_state(key)
        if given.decision:
            if note == given.note:
                return
            command = session.set_label(
                cast("Verdict", given.decision),
                given.kind,
                note,
                cutouts=[key],
                wait=session.patience,
            )
            if command.error is None:
                return
        # The next verdict uses the draft.
        if note:
            session.drafts[key] = note
        else:
            session.drafts.pop(key, None)
        session.save_position()

    def _take_adjudication_note(self, key: CutoutKey, note: str) -> None:
        """Record a note with the reviewer's adjudication, or else store a draft."""
        session, given = self._session, self._session.adjudication_of(key)
        session.adjudication_drafts[key] = note
        session.save_position()
        is_own = given is not None and given.reviewed_by == session.reviewer
        if given is not None and is_own and not read_only_reason(session):
            session.adjudicate(
                cast("Verdict", given.decision),
                given.kind,
                note,
                cutout=key,
                wait=session.patience,
            )

    def _is_read_only(self) -> bool:
        """Return whether the review is read-only; if so, show the reason."""
        reason = read_only_reason(self._session)
        if reason:
            self._panel.say(f"{reason} Nothing was changed.")
        return bool(reason)

    def _undo(self) -> None:
        if self._is_read_only():
            return
        if self._session.undo(wait=self._session.patience) is None:
            self._panel.say("There is nothing to undo.")

    def _redo(self) -> None:
        if self._is_read_only():
            return
        if self._session.redo(wait=self._session.patience) is None:
            self._panel.say("There is nothing to redo.")

    def _write_note(self) -> None:
        """Give the keyboard focus to the note field, even from another window."""
        note = self._panel.kind_and_note.note.native
        note.activateWindow()
        note.setFocus()

    def _settle(self, keep: LabelChoice, rows: list[int]) -> None:
        cutouts = self._panel.disagreements.cutouts(rows)
        self._session.settle(keep, cutouts, wait=self._session.patience)
