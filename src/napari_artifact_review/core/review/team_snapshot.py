"""Verdicts of all reviewers of a review up to one moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.decisions.decision import LabelState
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.tables.cutout_index import CutoutIndex
from napari_artifact_review.core.tables.predictions import Predictions
from napari_artifact_review.core.team.agreement import (
    TeamAgreement,
    measure_agreement,
)
from napari_artifact_review.core.team.assignment import (
    assignment_by,
    cutout_numbers,
)
from napari_artifact_review.core.team.first_votes import ratings_of
from napari_artifact_review.core.team.overview import (
    TeamOverview,
    overview_of,
    reviewers_of,
)
from napari_artifact_review.core.team.rules import TeamRules
from napari_artifact_review.core.team.votes import Votes


class TeamNumbers(NamedTuple):
    """What the reviewers of a review have done, and how well they agree.

    Attributes
    ----------
    overview : TeamOverview
        What each reviewer has done, and what is disputed and open.
    agreement : TeamAgreement or None
        Agreement of the reviewers; None if it was not asked for.
    """

    overview: TeamOverview
    agreement: TeamAgreement | None


@dataclass(frozen=True, eq=False)
class TeamSnapshot:
    """Verdicts of all reviewers up to one moment, for use in any thread.

    Attributes
    ----------
    entries : tuple of Entry
        All recorded entries, in sort order.
    rules : TeamRules
        Rules of the team.
    cutout_index : CutoutIndex
        Index for looking up cutouts.
    predictions : Predictions
        The table.
    under_review : ndarray of bool, shape (n,)
        Mask of the rows about which the review asks.
    initial_state : callable
        Function that returns the label state of a row before its first decision.
    """

    entries: Sequence[Entry]
    rules: TeamRules
    cutout_index: CutoutIndex
    predictions: Predictions
    under_review: npt.NDArray[np.bool_]
    initial_state: Callable[[int], LabelState]

    @cached_property
    def votes(self) -> Votes:
        """The votes of all reviewers."""
        index = self.cutout_index
        log = DecisionLog(self.entries, index.__contains__)
        return Votes(
            log,
            lambda cutout: self.initial_state(index.row_of(cutout)).label_new,
            self.rules,
        )

    def numbers(self, with_agreement: bool) -> TeamNumbers:
        """Return the overview, with or without the agreement."""
        return TeamNumbers(
            self.overview(), self.agreement() if with_agreement else None
        )

    def overview(self) -> TeamOverview:
        """Return what each reviewer has done, and what is disputed and open."""
        table = self.predictions
        numbers = cutout_numbers(
            table.image_names, table.image_index, table.grid_x, table.grid_y
        )
        return overview_of(
            self.votes,
            self.cutout_index.row_of,
            self.under_review,
            {
                name: assignment_by(self.rules, numbers, name).assigned
                for name in reviewers_of(self.votes)
            },
        )

    def agreement(
        self, brightness: npt.NDArray[np.float64] | None = None
    ) -> TeamAgreement:
        """Measure how well the reviewers agree; see `ReviewSession.agreement`."""
        index = self.cutout_index
        return team_agreement(self.votes, index, self.predictions, brightness)


def team_agreement(
    votes: Votes,
    cutout_index: CutoutIndex,
    predictions: Predictions,
    brightness: npt.NDArray[np.float64] | None,
) -> TeamAgreement:
    """Measure how well reviewers agree, with intervals by full image."""
    images = predictions.image_index.astype(np.int64)
    ratings = ratings_of(votes, cutout_index.row_of, images, brightness)
    return measure_agreement(ratings)
