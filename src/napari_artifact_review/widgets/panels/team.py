"""The panel for the exchange of verdicts with other computers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_artifact_review.core.errors import FaultyFileError, StoreError
from napari_artifact_review.widgets.panels.banner import alarm
from napari_artifact_review.widgets.parts.font import keep_compact
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import html_text, tooltip_text

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class TeamPanel(Container[Widget]):
    """The panel with the number of unsent entries and any problem of the exchange.

    Attributes
    ----------
    team_requested : Signal
        Emitted to show the window of the team.
    """

    team_requested = Signal()

    def __init__(self) -> None:
        self.window = team_button()
        self.state = Line()
        self.problem = alarm()
        super().__init__(widgets=[self.problem, self.state, self.window], labels=False)
        self.margins = (0, 0, 0, 0)
        self.window.changed.connect(lambda: self.team_requested.emit())
        self.problem.hide()
        self.hide()

    def show_team(self, session: ReviewSession) -> None:
        """Show the exchange of a session; hide the panel if there is no exchange."""
        team = session.team
        self.visible = team is not None or session.reviewers.is_team
        self.state.visible = team is not None
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


def team_button() -> PushButton:
    """Return a button that shows the window of the team."""
    button = PushButton(
        text="Team...",
        tooltip="Show the work of each reviewer, the rules and the agreement",
    )
    keep_compact(button.native)
    return button


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
