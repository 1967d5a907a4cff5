"""The panel to adjudicate disputed cutouts, with all votes on the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, Container, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_artifact_review.core.team.vote_texts import vote_lines
from napari_artifact_review.core.texts import counted
from napari_artifact_review.viewer.style import ATTENTION_COLOR
from napari_artifact_review.widgets.parts.font import keep_compact
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.row import row_of
from napari_artifact_review.widgets.parts.value_lines import ScrolledLines, ValueLines

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.input.key_choice import KeyChoice

#: Maximum number of votes in view.
_MOST = 6


class AdjudicationPanel(Container[Widget]):
    """The votes on the current cutout, side by side; hidden while none are adjudicated.

    Attributes
    ----------
    back_requested : Signal
        Emitted to return to the previous queue.
    heading : Line
        The number of cutouts that are still disputed.
    votes : ValueLines
        The votes on the current cutout, and its earlier adjudications.
    names : CheckBox
        Whether the votes have the names of their reviewers.
    """

    back_requested = Signal()

    def __init__(self) -> None:
        self.heading = Line()
        self.votes = ValueLines()
        self.names = CheckBox(
            text="Names", tooltip="Show the names of the reviewers", value=False
        )
        self.back = PushButton(text="Back from adjudication")
        self._area = ScrolledLines(self.votes, _MOST)
        # The lines without names and with names.
        self._lines: dict[bool, list[tuple[str, str]]] = {False: [], True: []}
        row = row_of(self.names, self.back)
        super().__init__(widgets=[self.heading, row], labels=False)
        self.margins = (0, 0, 0, 0)
        self.native.layout().insertWidget(1, self._area)
        self.heading.emphasize(ATTENTION_COLOR)
        keep_compact(self.back.native)
        self.names.changed.connect(lambda _: self._show_lines())
        self.back.changed.connect(lambda: self.back_requested.emit())
        self.hide()

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current key in the tooltip."""
        key = keys["adjudicate"].label
        self.back.tooltip = f"Return to the queue before the adjudication ({key})"

    def show_adjudication(self, session: ReviewSession) -> None:
        """Show the votes on the current cutout; hide the panel in any other queue."""
        is_shown = session.is_adjudicating
        if self.native.isHidden() == is_shown:
            self._begin()
            self.visible = is_shown
        if is_shown:
            left = session.still_disputed
            text = counted(left, "disputed cutout") if left else "all settled"
            self.heading.show_text(f"Adjudication: {text}")
            for has_names in self._lines:
                self._lines[has_names] = _lines_on_current(session, has_names)
            # One line for each reviewer, and one for an adjudication.
            self._show_lines(len(session.reviewers.votes.counts) + 1)

    def _begin(self) -> None:
        """Forget the names and the number of lines of an earlier adjudication."""
        with self.names.changed.blocked():
            self.names.value = False
        self.votes.show_lines(())

    def _show_lines(self, fewest: int = 0) -> None:
        lines = self._lines[self.names.value]
        # As many lines for each cutout, so that the panels below stay where they are.
        before = len(self.votes.lines)
        count = max(fewest, before, len(lines))
        self.votes.show_lines(lines + [("", "")] * (count - len(lines)))
        if count != before:
            self._area.fit_to_lines()


def _lines_on_current(session: ReviewSession, has_names: bool) -> list[tuple[str, str]]:
    current = session.current_cutout
    if current.row not in session.review_queue:
        # It may have votes that the reviewer must not see yet.
        return [("", "This cutout is not in the adjudication")]
    return vote_lines(session.reviewers.votes, current.key, has_names=has_names)
