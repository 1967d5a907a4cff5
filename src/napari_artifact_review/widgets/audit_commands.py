"""The commands for audits, for confirming their finds, and for second looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QInputDialog, QWidget

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.widgets.parts.background import Background
from napari_artifact_review.widgets.parts.focus import give_keys_to_viewer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.widgets.panels.review_panel import ReviewPanel
    from napari_artifact_review.widgets.parts.background import Connections, MainThread

#: Size of an audit unless the user asks for another one.
_SIZE = 100


class AuditCommands:
    """The commands behind the buttons for audits and second looks.

    Parameters
    ----------
    dock : QWidget
        The dock.
    panel : ReviewPanel
        The panels.
    session : ReviewSession
        The review.
    connections : Connections
        The connections of the review.
    main_thread : MainThread
        Runs functions in the main thread.
    """

    def __init__(
        self,
        dock: QWidget,
        panel: ReviewPanel,
        session: ReviewSession,
        connections: Connections,
        main_thread: MainThread,
    ) -> None:
        self._dock, self._panel, self._session = dock, panel, session
        audit = panel.results.left
        connections.connect(audit.audit_requested, self._audit)
        connections.connect(audit.confirm_requested, self._confirm)
        connections.connect(audit.second_looks_requested, self._look_again)
        self._background = Background(main_thread)
        connections.at_end(self._background.give_up)

    def _audit(self) -> None:
        """Go back from the audit, or continue the last one, or begin a new one."""
        answered, size = self._session.audits.progress
        if self._session.audits.is_in_queue:
            self._session.end_audit()
        elif answered < size:
            self._continue()
        else:
            self._ask_size()

    def _ask_size(self) -> None:
        left = self._session.audits.left
        if not left:
            self._panel.say("Each cutout has a verdict, so there is nothing to audit.")
            return
        dialog = QInputDialog(self._dock)
        dialog.setWindowTitle("Audit")
        dialog.setInputMode(QInputDialog.InputMode.IntInput)
        dialog.setLabelText(
            f"Number of cutouts to draw at random from the {left:,} without a verdict:"
        )
        dialog.setIntRange(1, left)
        dialog.setIntValue(min(_SIZE, left))
        dialog.intValueSelected.connect(self._begin)
        dialog.finished.connect(dialog.deleteLater)
        dialog.finished.connect(lambda _: give_keys_to_viewer(self._dock))
        # `open` returns immediately, so that images and verdicts still arrive.
        dialog.open()

    def _begin(self, size: int) -> None:
        def begin() -> str:
            number = self._session.audit(size)
            return (
                f"Audit {number}: {size:,} cutouts, drawn at random. “Back from "
                "audit” in the results returns to your queue."
            )

        self._run(begin)

    def _continue(self) -> None:
        def go_on() -> str:
            if self._session.continue_audit():
                return ""
            return "Each cutout of the audit has a verdict."

        self._run(go_on)

    def _confirm(self) -> None:
        def confirm() -> str:
            if self._session.confirm_audit():
                return (
                    "Judge each cutout anew. Some of these labels were changed, "
                    "and some were kept."
                )
            return "There is no find to confirm."

        self._run(confirm)

    def _look_again(self) -> None:
        """Queue the most surprising verdicts, or go back from them."""
        if self._session.shows_surprising:
            self._session.end_surprising()
        elif not self._background.busy:
            self._panel.say("Looking for the most surprising verdicts...")
            self._background.start(
                self._session.find_surprising(), self._show_surprising, _raise
            )

    def _show_surprising(self, rows: npt.NDArray[np.int64]) -> None:
        def show() -> str:
            if not self._session.show_surprising(rows=rows):
                return "You have given no verdict yet that could be looked at again."
            count = len(self._session.review_queue)
            return (
                f"{count:,} of your verdicts to give anew, the most surprising first. "
                "“Back from second looks” in the results returns to your queue."
            )

        self._run(show)

    def _run(self, command: Callable[[], str]) -> None:
        """Run a command, and show its message or the reason of a refusal."""
        try:
            self._panel.say(command())
        except ReviewError as error:
            self._panel.say(str(error))


def _raise(error: Exception) -> None:
    raise error
