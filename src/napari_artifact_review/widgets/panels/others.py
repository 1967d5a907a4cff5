"""The line that says what other reviewers say about the current cutout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_artifact_review.core.team.vote_texts import others_lines, others_text
from napari_artifact_review.widgets.parts.fitted_line import FittedLine

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class OthersLine(FittedLine):
    """The line with the votes of others, once the reviewer may see them.

    Before, the line is the same for all cutouts, so that it tells nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hide()

    def show_others(self, session: ReviewSession) -> None:
        """Show the votes on the current cutout; hide the line without other reviewers.

        While disputed cutouts are adjudicated, another panel shows all votes.
        """
        reviewers, cutout = session.reviewers, session.current_cutout
        self.setVisible(reviewers.are_several and not session.is_adjudicating)
        if cutout.is_hidden or not reviewers.may_see(cutout.key):
            self.show_texts("Others: shown after your verdict")
            return
        seen = reviewers.votes, cutout.key, session.reviewer
        text = f"Others: {others_text(*seen)}"
        self.show_texts(text, tooltip="\n".join([text, *others_lines(*seen)]))
