"""The line with the verdicts of other reviewers on the current cutout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_artifact_review.core.team.vote_texts import others_lines, others_text
from napari_artifact_review.widgets.parts.fitted_line import FittedLine

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class OthersLine(FittedLine):
    """The line with the verdicts of other reviewers on the current cutout.

    Until the reviewer may see them, the line is the same for all cutouts.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hide()

    def show_others(self, session: ReviewSession) -> None:
        """Show the votes on the current cutout; hide the line without other reviewers.

        While disputed cutouts are adjudicated, another panel shows all votes.
        """
        reviewers, cutout = session.reviewers, session.current_cutout
        self.setVisible(reviewers.has_several and not session.is_adjudicating)
        if cutout.is_hidden or not reviewers.may_see(cutout.key):
            self.show_texts("Others: shown after your verdict")
            return
        seen = reviewers.votes, cutout.key, session.reviewer
        text = f"Others: {others_text(*seen)}"
        self.show_texts(text, tooltip="\n".join([text, *others_lines(*seen)]))
