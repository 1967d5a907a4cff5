"""Summary of what a new model changed since a previous round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_artifact_review.core.review.carrying import CarryPlan, NotCarried
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.texts import counted

#: Hint for the user.
_WHERE = "check --previous lists the reasons"


@dataclass(frozen=True)
class RoundSummary:
    """What was carried from earlier rounds, and the errors of both models.

    An error is a cutout whose prediction differs from its label; the label is that of a
    carried verdict, if there is one. For the previous model, it is the label of that
    round, or that of a verdict.

    Attributes
    ----------
    carried : int
        Number of cutouts with a carried verdict, undone ones excluded.
    contradicted : int
        Number of carried verdicts that the new model contradicts.
    new, gone, old : int or None
        Numbers of errors of the new model only, of the previous model only, and of
        both; None if the predictions of the previous round are not known, as after
        opening the review without `previous`.
    not_carried : tuple of NotCarried
        Verdicts that could not be carried when the review was opened with `previous`.
    has_verdicts : bool
        Whether the previous round has any verdicts.
    """

    carried: int
    contradicted: int
    new: int | None = None
    gone: int | None = None
    old: int | None = None
    not_carried: tuple[NotCarried, ...] = ()
    has_verdicts: bool = True

    @property
    def text(self) -> str:
        """The summary as one line."""
        verdicts = counted(self.carried, "verdict")
        source = "the previous round"
        if not self.has_verdicts:
            source = f"{source}, which has no verdicts"
        line = f"{verdicts} carried from {source}"
        if self.carried:
            line = f"{line}; {self.contradicted:,} of them contradicted"
        if self.new is not None:
            line = (
                f"{line}; errors: {self.new:,} new, {self.gone:,} gone, "
                f"{self.old:,} old"
            )
        if self.not_carried:
            line = f"{line}; {counted(len(self.not_carried), 'verdict')} not carried"
        return line


def summarise(catalog: Catalog, plan: CarryPlan | None) -> RoundSummary | None:
    """Return the summary of a round; None without a previous round.

    Parameters
    ----------
    catalog : Catalog
        The cutouts, with the labels of the review.
    plan : CarryPlan or None
        What was carried when the review was opened, if anything was.
    """
    carried = len(catalog.labels.carried_decisions)
    if plan is None and not carried:
        return None
    contradicted = int(np.count_nonzero(catalog.are_contradicted()))
    if plan is None:
        return RoundSummary(carried, contradicted)
    new, gone, old = _errors(catalog, plan)
    has_verdicts = bool(plan.decisions or plan.not_carried)
    return RoundSummary(
        carried, contradicted, new, gone, old, plan.not_carried, has_verdicts
    )


def _errors(
    catalog: Catalog, plan: CarryPlan
) -> tuple[int, int, int] | tuple[None, None, None]:
    """Return the numbers of errors that are new, gone and old, if they are known."""
    before = plan.wrong_before
    if before is None:
        return None, None, None
    carried = catalog.labels.carried_label
    label = np.where(carried >= 0, carried, catalog.predictions.label)
    now = label != catalog.preds
    parts = (now & ~before, before & ~now, before & now)
    new, gone, old = (int(np.count_nonzero(part)) for part in parts)
    return new, gone, old


def round_notices(catalog: Catalog, plan: CarryPlan) -> tuple[str, ...]:
    """Return the notices for the reviewer after verdicts were carried."""
    summary = summarise(catalog, plan)
    assert summary is not None, "there is a plan"
    count = len(plan.not_carried)
    if not plan.decisions:
        found = f"0 of {count:,} verdicts could be carried; {_WHERE}."
        if not count:
            found = "It has no verdicts; name its reviewed table, or its log."
        return (f"Previous round {plan.path}: {found}",)
    notices = [f"{summary.text}; {_WHERE}." if count else f"{summary.text}."]
    if plan.on_sky:
        notices.append(
            f"{counted(plan.on_sky, 'verdict')} carried by position on the sky, "
            "because the images have other names: check that they are the same "
            "exposures."
        )
    if plan.new_versions:
        notices.append(
            f"{counted(len(plan.new_versions), 'image')} had other pixels, or another "
            "image_id, in the previous round; verdicts were carried by name."
        )
    return tuple(notices)
