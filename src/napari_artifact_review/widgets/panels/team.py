"""The panel for the exchange of verdicts with other computers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container
from magicgui.widgets.bases import Widget

from napari_artifact_review.core.errors import FaultyFileError, StoreError
from napari_artifact_review.widgets.panels.banner import alarm
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import html_text, tooltip_text

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class TeamPanel(Container[Widget]):
    """The panel with the number of unsent entries and any problem of the exchange."""

    def __init__(self) -> None:
        self.state = Line()
        self.problem = alarm()
        super().__init__(widgets=[self.problem, self.state], labels=False)
        self.margins = (0, 0, 0, 0)
        self.problem.hide()
        self.hide()

    def show_team(self, session: ReviewSession) -> None:
        """Show the exchange of a session; hide the panel if there is no exchange."""
        team = session.team
        self.visible = team is not None
        if team is None:
            return
        count, problem = team.unsent, team.problem
        unsent = f"{count} not sent yet" if count else "all sent"
        self.state.show_text(f"Meeting place: {unsent}")
        self.state.tooltip = tooltip_text(f"Verdicts are exchanged with {team.name}")
        if problem is not None:
            self.problem.value = _banner_text(problem)
            self.problem.tooltip = tooltip_text(str(problem))
        self.problem.visible = problem is not None


def _banner_text(problem: StoreError) -> str:
    """Return the HTML text about a problem of the exchange."""
    what = breakable(html_text(problem.what))
    if isinstance(problem, FaultyFileError):
        name = "" if problem.path is None else problem.path.name
        return (
            f"<b>A file at the meeting place is left out:</b> "
            f"{breakable(html_text(name))}: {what}. All other verdicts are exchanged."
        )
    remedy = f" {breakable(html_text(problem.remedy))}." if problem.remedy else ""
    return (
        f"<b>Verdicts are not exchanged:</b> {what}.{remedy} Verdicts are recorded on "
        "this computer, and sent when this is solved."
    )
