"""The verdicts that tell how much reviewers lean to the word of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.learning.anchoring import (
    Agreement,
    agreement_with_model,
)
from napari_artifact_review.core.outcomes import UNSURE
from napari_artifact_review.core.review.audit_looks import VerdictHistory

#: Settings of the view of queues in which cutouts are hidden for other reasons.
_OTHER_QUEUES = ("audit", "second_look")


def agreement_of(
    history: VerdictHistory, prediction_of: Callable[[CutoutKey], int]
) -> Agreement | None:
    """Compare verdicts on hidden cutouts with those on cutouts that were not hidden.

    Only a random choice makes the two comparable. So the verdicts are those that were
    given while predictions were hidden for a share of the cutouts that was less than
    the whole: the first one of each reviewer on each cutout, without unsure ones, and
    without those of audits and second looks.

    Parameters
    ----------
    history : VerdictHistory
        The recorded verdicts.
    prediction_of : callable
        Function that returns the prediction for a cutout, 0 or 1, at the threshold in
        use now.

    Returns
    -------
    Agreement or None
        Shares and difference; None without verdicts of both sorts.
    """
    agree, count = [0, 0], [0, 0]
    for entry in _first_verdicts(history):
        view = entry.context.get("view")
        if not isinstance(view, Mapping) or not _is_shared(view):
            continue
        is_hidden = entry.context.get("hidden") is True
        count[is_hidden] += 1
        agree[is_hidden] += entry.label_new == prediction_of(entry.cutout)
    return agreement_with_model((agree[0], count[0]), (agree[1], count[1]))


def _first_verdicts(history: VerdictHistory) -> Iterator[Entry]:
    """Yield the first verdict of each reviewer on each cutout, unless it is unsure."""
    known: set[tuple[str, CutoutKey]] = set()
    for entry in history.decisions():
        key = entry.reviewer, entry.cutout
        if key not in known:
            known.add(key)
            if entry.verdict != UNSURE:
                yield entry


def _is_shared(view: Mapping[str, object]) -> bool:
    """Return whether a verdict was given while a share of the cutouts was hidden."""
    share = view.get("hidden_share")
    is_share = isinstance(share, (int, float)) and 0 < share < 1
    is_other = any(name in view for name in _OTHER_QUEUES)
    return view.get("hide_predictions") is True and is_share and not is_other
