"""The commands to adjudicate disputed cutouts, and to go back from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_artifact_review.core.errors import HeldError

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController
    from napari_artifact_review.widgets.panels.review_panel import ReviewPanel
    from napari_artifact_review.widgets.parts.background import Connections


class AdjudicationCommands:
    """The commands behind the key and the buttons for disputed cutouts.

    Parameters
    ----------
    panel : ReviewPanel
        The panels.
    session : ReviewSession
        The review.
    controller : ReviewController
        Has the selection, which ends when an adjudication begins.
    connections : Connections
        The connections of the review.

    Attributes
    ----------
    key : str
        Label of the key that begins an adjudication and goes back from it.
    """

    def __init__(
        self,
        panel: ReviewPanel,
        session: ReviewSession,
        controller: ReviewController,
        connections: Connections,
    ) -> None:
        self._panel, self._session, self._controller = panel, session, controller
        self.key = ""
        connections.connect(panel.team.disputed_requested, self.toggle)
        connections.connect(panel.adjudication.back_requested, self.toggle)

    def toggle(self) -> None:
        """Queue the disputed cutouts, or go back to the previous queue."""
        if self._session.end_disputed():
            self._panel.say("")
            return
        try:
            has_disputed = self._session.show_disputed()
        except HeldError as error:
            self._panel.say(str(error))
            return
        if has_disputed:
            self._controller.selection.clear()
            self._panel.say(
                "Each verdict settles the current cutout for the team, and is no "
                f"verdict of your own. {self.key} goes back."
            )
        else:
            self._panel.say("No cutout is disputed.")
