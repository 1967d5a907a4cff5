"""The cutouts that the rules of a team assign to the reviewer of a session."""

from __future__ import annotations

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.reviewers import Perspective, Reviewers
from napari_artifact_review.core.team.assignment import (
    Numbers,
    assignment_by,
    cutout_numbers,
)
from napari_artifact_review.core.team.rules import TeamRules


class AssignedWork:
    """Apply the rules of a team on its members' work to the catalog of a review.

    Parameters
    ----------
    catalog : Catalog
        The cutouts of the table; `Catalog.assignment` is set here.
    reviewers : Reviewers
        The reviewers, with the rules of the team. A verdict says whether its cutout was
        assigned to the reviewer.
    perspective : Perspective
        The reviewer of the session. A session that shows the consensus has all cutouts.

    Attributes
    ----------
    perspective : Perspective
        The reviewer of the session.
    """

    def __init__(
        self, catalog: Catalog, reviewers: Reviewers, perspective: Perspective
    ) -> None:
        self._catalog = catalog
        self._reviewers = reviewers
        self.perspective = perspective
        self._numbers: Numbers | None = None
        # The rules that were applied; None for a reviewer alone.
        self._rules: TeamRules | None = None
        reviewers.is_assigned = self.is_assigned
        self.update()

    @property
    def numbers(self) -> Numbers:
        """Number of each cutout for all draws, shape (n,); see `cutout_numbers`."""
        if self._numbers is None:
            table = self._catalog.predictions
            self._numbers = cutout_numbers(
                table.image_names, table.image_index, table.grid_x, table.grid_y
            )
        return self._numbers

    @property
    def notices(self) -> tuple[str, ...]:
        """A notice for a reviewer that is not a member of the team."""
        assignment = self._catalog.assignment
        if assignment is None or assignment.is_member:
            return ()
        members = ", ".join(self._reviewers.rules.members)
        return (
            f"{self.perspective.reviewer} is not a member of the team ({members}), so "
            "that the queue has all cutouts. The members are assigned in the rules of "
            "the team.",
        )

    def is_assigned(self, cutout: CutoutKey) -> bool:
        """Return whether a cutout of the table is assigned to the reviewer."""
        assignment = self._catalog.assignment
        row = self._catalog.cutout_index.row_of(cutout)
        return assignment is None or bool(assignment.assigned[row])

    def update(self) -> bool:
        """Apply the rules of the team; return whether they have changed."""
        rules, reviewer = self._reviewers.rules, self.perspective.reviewer
        applied = rules if self._reviewers.is_team else None
        if applied == self._rules:
            return False
        self._rules = applied
        self._catalog.assignment = None
        if rules.assigns_cutouts and not self.perspective.shows_consensus:
            self._catalog.assignment = assignment_by(rules, self.numbers, reviewer)
        return True
