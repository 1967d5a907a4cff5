"""The panel of a team: how far each reviewer is, disputes, and the exchange."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_artifact_review.core.errors import FaultyFileError, StoreError
from napari_artifact_review.core.texts import counted
from napari_artifact_review.widgets.panels.banner import alarm
from napari_artifact_review.widgets.parts.fitted_line import FittedLine
from napari_artifact_review.widgets.parts.font import fit_to_font, keep_compact
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import (
    html_text,
    shortened,
    tooltip_text,
)

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.input.key_choice import KeyChoice

#: Maximum number of characters of a name where full names do not fit.
_NAME_LENGTH = 12


class TeamPanel(Container[Widget]):
    """The panel with the progress of each reviewer, disputes, and the exchange.

    Attributes
    ----------
    disputed_requested, team_requested : Signal
        Emitted to adjudicate the disputed cutouts, and to show the window of the team.
    progress : FittedLine
        Number of cutouts with a verdict of each reviewer; nothing about the verdicts.
    disputed : PushButton
        The button with the number of disputed cutouts; hidden if there are none.
    window : PushButton
        The button that shows the window of the team.
    state : Line
        Number of entries that are not sent yet; hidden without a meeting place.
    problem : Label
        Problem of the exchange.
    """

    disputed_requested = Signal()
    team_requested = Signal()

    def __init__(self) -> None:
        self.progress = FittedLine()
        self.disputed = PushButton(text="Disputed (0)")
        self.window = team_button()
        self.state = Line()
        self.problem = alarm()
        super().__init__(widgets=[self.problem], labels=False)
        self.margins = (0, 0, 0, 0)
        self.native.layout().addWidget(self.progress)
        self.native.layout().addWidget(self._make_row())
        self.disputed.changed.connect(lambda: self.disputed_requested.emit())
        self.window.changed.connect(lambda: self.team_requested.emit())
        self.problem.hide()
        self.disputed.hide()
        self.hide()

    def _make_row(self) -> QWidget:
        """Return the row of exchange and buttons, as high as with its buttons."""
        row, button = QWidget(), self.disputed.native
        assert isinstance(button, QPushButton), "made by magicgui"
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.state.native, 100)
        layout.addStretch(1)
        layout.addWidget(button)
        layout.addWidget(self.window.native)
        keep_compact(button)
        fit_to_font(button, lambda: row.setFixedHeight(button.sizeHint().height()))
        return row

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current key in the tooltip."""
        self.disputed.tooltip = keys["adjudicate"].hint

    def show_team(self, session: ReviewSession) -> None:
        """Show the reviewers and the exchange of a session.

        The panel is hidden if there is one reviewer and no exchange.
        """
        is_team = session.reviewers.is_team
        self.visible = is_team or session.team is not None
        self.progress.setVisible(is_team)
        self.window.visible = is_team
        if is_team:
            self._show_reviewers(session)
        self.state.visible = session.team is not None
        self._show_exchange(session)

    def _show_reviewers(self, session: ReviewSession) -> None:
        # If all verdicts are undone, there is no count.
        counts = _counts(session) or {session.reviewer: 0}
        total = session.rule_queue.progress[1]
        # With assigned cutouts, the queue of each reviewer is another one.
        is_split = session.team_rules.reviewers_per_cutout is not None
        is_own = is_split and session.reviewer in counts
        counted_in = counts[session.reviewer] if is_own else max(counts.values())
        # A reviewer may have looked beyond the queue.
        of = f" of {total:,}" if counted_in <= total else ""
        ends = (of, "") if is_own else ("", of)
        lines = [f"{name}: {counted(n, 'cutout')}" for name, n in counts.items()]
        tooltip = "\n".join([*lines, f"Your queue: {counted(total, 'cutout')}"])
        self.progress.show_texts(*_progress_texts(counts, *ends), tooltip=tooltip)
        disputed = [] if session.is_adjudicating else session.reviewers.votes.disputed
        count = len(disputed)
        self.disputed.text = f"Disputed ({count:,})"
        self.disputed.visible = count > 0

    def _show_exchange(self, session: ReviewSession) -> None:
        """Show how far the exchange with the meeting place is, and its problem."""
        team = session.team
        problem = None if team is None else team.problem
        if problem is not None:
            self.problem.value = _banner_text(problem)
            self.problem.tooltip = tooltip_text(str(problem))
        self.problem.visible = problem is not None
        if team is None:
            return
        self.state.show_text(f"Meeting place: {team.state_text}")
        self.state.tooltip = tooltip_text(f"Verdicts are exchanged with {team.name}")


def team_button() -> PushButton:
    """Return a button that shows the window of the team."""
    button = PushButton(
        text="Team...",
        tooltip="Show the work of each reviewer, the rules and the agreement",
    )
    keep_compact(button.native)
    return button


def _counts(session: ReviewSession) -> dict[str, int]:
    """Return the number of cutouts with a vote by reviewer, the session's first."""
    reviewers, own = session.reviewers, session.reviewer
    counts = reviewers.votes.counts
    names = {*counts, *reviewers.rules.members}
    if reviewers.decisions is not reviewers.votes:
        # A window of the consensus may belong to a login name that reviews nothing.
        names.add(own)
    ordered = sorted(names, key=lambda name: (name != own, name))
    return {name: counts.get(name, 0) for name in ordered}


def _progress_texts(
    counts: Mapping[str, int], after_first: str, at_end: str
) -> Iterator[str]:
    """Yield texts such as "Ana 120, Ben 80 of 551", each shorter than the one before.

    The two last parameters are added after the first reviewer, and at the end.
    """
    short = [(shortened(name, _NAME_LENGTH), n) for name, n in counts.items()]
    yield ", ".join(_parts(counts.items(), after_first)) + at_end
    parts = _parts(short, after_first)
    for shown in range(len(parts), 0, -1):
        left_out = len(parts) - shown
        more = f", +{left_out}" if left_out else ""
        yield ", ".join(parts[:shown]) + more + at_end


def _parts(counts: Iterable[tuple[str, int]], after_first: str) -> list[str]:
    first, *others = (f"{name} {count:,}" for name, count in counts)
    return [f"{first}{after_first}", *others]


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
