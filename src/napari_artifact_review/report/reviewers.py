"""The section of the report about several reviewers and their agreement."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.team.against_others import FEWEST_REVIEWERS
from napari_artifact_review.core.team.agreement_tables import agreement_tables
from napari_artifact_review.core.team.agreement_texts import REFERENCES, sentences
from napari_artifact_review.core.team.overview_texts import (
    rules_origin,
    rules_sentences,
    state_lines,
    work_table,
)
from napari_artifact_review.core.team.vote_texts import verdict_text
from napari_artifact_review.core.team.votes import Votes
from napari_artifact_review.core.texts import counted
from napari_artifact_review.core.training.comparing.brightness import cutout_brightness

#: Maximum number of disputed cutouts in the page.
MOST_DISPUTED = 20

#: Maximum number of images that are read for the brightness of cutouts.
_MOST_IMAGES = 100


def team_section(session: ReviewSession) -> dict[str, Any] | None:
    """Return the texts and tables of the section; None with fewer than two reviewers.

    The keys are "sentences", "tables" (each a `TextsTable`), "notes", "rules" (a list
    of sentences), "rules_origin" (a sentence), "work" (a `TextsTable`), "state" (names
    and numbers), "disputed" (rows of texts), "more" (the number of disputed cutouts
    that are not among them) and "references".
    """
    if not session.reviewers.has_several:
        return None
    snapshot = session.team_snapshot()
    overview = snapshot.overview()
    brightness, notes = _brightness(session, snapshot.votes)
    agreement = snapshot.agreement(brightness)
    disputed = snapshot.votes.disputed
    return {
        "sentences": sentences(agreement),
        "tables": agreement_tables(agreement),
        "notes": notes,
        "rules": rules_sentences(overview.rules),
        "rules_origin": rules_origin(overview),
        "work": work_table(overview),
        "state": state_lines(overview),
        "disputed": [_votes(snapshot.votes, one) for one in disputed[:MOST_DISPUTED]],
        "more": max(len(disputed) - MOST_DISPUTED, 0),
        "references": REFERENCES,
    }


def are_disputed(session: ReviewSession) -> npt.NDArray[np.bool_]:
    """Return the mask of the cutouts on which reviewers differ, shape (n,)."""
    mask = np.zeros(len(session.predictions.label), dtype=bool)
    mask[[*map(session.cutout_index.row_of, session.reviewers.votes.disputed)]] = True
    return mask


def _brightness(
    session: ReviewSession, votes: Votes
) -> tuple[npt.NDArray[np.float64] | None, list[str]]:
    """Return the brightness of cutouts with votes, and notes about unread images.

    At most `_MOST_IMAGES` images are read, evenly spaced in the table. The brightness
    of other cutouts is NaN.
    """
    # A part by brightness needs a comparison with the others.
    if len(votes.counts) < FEWEST_REVIEWERS or not session.images.folder.is_dir():
        return None, []
    voted = [one for one in votes.cutouts if votes.on(one)]
    rows = np.array(sorted(map(session.cutout_index.row_of, voted)), dtype=np.int64)
    images = np.unique(session.predictions.image_index[rows])
    step = -(-len(images) // _MOST_IMAGES)
    chosen = images[::step]
    rows = rows[np.isin(session.predictions.image_index[rows], chosen)]
    brightness = np.full(len(session.predictions.label), np.nan)
    brightness[rows], faults = cutout_brightness(
        session.table.iloc[rows], session.images, session.cutout_size
    )
    notes = []
    if step > 1:
        notes.append(
            f"The parts by brightness have the cutouts of {len(chosen):,} of "
            f"{counted(len(images), 'image')} with votes."
        )
    if faults:
        notes.append(
            f"{counted(len(faults), 'image')} cannot be read for the brightness; the "
            f"first one: {faults[0]}"
        )
    return brightness, notes


def _votes(votes: Votes, cutout: CutoutKey) -> tuple[str, str]:
    """Return a disputed cutout, and the verdict of each reviewer on it."""
    verdicts = [
        f"{one.reviewer}: {verdict_text(one)}"
        for one in sorted(votes.on(cutout).values(), key=lambda one: one.reviewer)
    ]
    verdicts += [
        f"{one.reviewer} adjudicated: {verdict_text(one)}"
        for one in votes.adjudications_on(cutout)
    ]
    return cutout.title, "; ".join(verdicts)
