"""Carry the verdicts of a previous round to the cutouts of a new table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision, LabelState
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.outcomes import UNSURE
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.image_matches import ImageMatches, match_images
from napari_artifact_review.core.review.opening import OpenedFiles
from napari_artifact_review.core.review.previous_round import (
    PreviousRound,
    PreviousVerdict,
)
from napari_artifact_review.core.review.resume import apply_log

#: Key in an entry's context for the source of a carried verdict.
CARRIED_FROM = "carried_from"

#: How a cutout was found: the same image and position, an overlap in pixels of the same
#: image, or an overlap on the sky.
Match = Literal["cutout", "footprint", "sky"]

#: Smallest overlap, as a share of the larger cutout. The tolerance is for the sky.
_HALF = 0.5 - 1e-6


class NotCarried(NamedTuple):
    """A verdict of a previous round that was not carried.

    Attributes
    ----------
    cutout : CutoutKey
        The cutout, as the previous round names it.
    verdict : str
        "artifact", "no artifact" or "unsure".
    reviewed_by, reviewed_at : str
        Reviewer and time of the verdict.
    reason : str
        Reason, as a phrase.
    """

    cutout: CutoutKey
    verdict: str
    reviewed_by: str
    reviewed_at: str
    reason: str

    @classmethod
    def of(cls, verdict: PreviousVerdict, reason: str) -> NotCarried:
        """Create the record of a verdict that was not carried, with the reason."""
        state = verdict.state
        return cls(
            verdict.cutout,
            state.decision,
            state.reviewed_by,
            state.reviewed_at,
            reason,
        )

    @property
    def text(self) -> str:
        """The item as one line."""
        when = f"{self.reviewed_by} {self.reviewed_at}".strip()
        by = f" by {when}" if when else ""
        return f"{self.cutout.title}: {self.verdict}{by}: {self.reason}"


@dataclass(frozen=True)
class CarryPlan:
    """The verdicts to carry, and the verdicts that cannot be carried.

    Attributes
    ----------
    path : Path
        The previous round.
    decisions : tuple of Decision
        Decisions to carry, by cutout of the table.
    contexts : mapping of CutoutKey to mapping
        Source of each decision, as plain JSON.
    not_carried : tuple of NotCarried
        Verdicts that cannot be carried.
    new_versions : tuple of str
        Names of images that had other pixels, or another `image_id`, before.
    wrong_before : ndarray of bool, shape (n,), or None
        Mask of the rows of the table that the previous model had wrong, by a label or
        by a verdict; None if its predictions are not known.
    """

    path: Path
    decisions: tuple[Decision, ...]
    contexts: Mapping[CutoutKey, Mapping[str, Any]]
    not_carried: tuple[NotCarried, ...]
    new_versions: tuple[str, ...] = ()
    wrong_before: npt.NDArray[np.bool_] | None = None

    @property
    def on_sky(self) -> int:
        """Number of verdicts that were matched by their position on the sky."""
        sources = (context[CARRIED_FROM] for context in self.contexts.values())
        return sum(source["match"] == "sky" for source in sources)


class _Candidate(NamedTuple):
    verdict: PreviousVerdict
    match: Match
    share: float

    @property
    def rank(self) -> tuple[float, str]:
        """Sort key; the candidate with the highest is carried."""
        return self.share, self.verdict.state.reviewed_at


def plan_carrying(files: OpenedFiles, previous: PreviousRound) -> CarryPlan:
    """Match the verdicts of a previous round with the cutouts of a table.

    A verdict goes to the cutout of the same image with the same position and size.
    Without such a cutout, it goes to each cutout without a verdict of its own that it
    overlaps by half of the larger of the two. If several verdicts on a cutout differ,
    none of them is carried to it.
    """
    catalog, index = files.catalog, files.catalog.cutout_index
    # The table may be the output, with the decisions of its log.
    log = DecisionLog(files.contents.entries, index.__contains__)
    apply_log(log, catalog.labels, index)
    size = previous.cutout_size or catalog.cutout_size
    matches = match_images(previous, catalog.predictions, files.images, files.contents)
    candidates: dict[int, list[_Candidate]] = {}
    not_carried = []
    for verdict in previous.verdicts:
        found = list(_matches_of(verdict.cutout, size, catalog, matches))
        for row, match, share in found:
            candidate = _Candidate(verdict, match, share)
            candidates.setdefault(row, []).append(candidate)
        if not found:
            reason = "no cutout of the new table overlaps it by half"
            if not matches.has(verdict.cutout.image_name):
                reason = "its image is not in the new table"
            not_carried.append(NotCarried.of(verdict, reason))
    decisions, contexts = [], {}
    for row in sorted(candidates):
        chosen, reason = _choose(candidates[row], row, catalog)
        if chosen is None:
            verdicts = (candidate.verdict for candidate in candidates[row])
            not_carried += [NotCarried.of(verdict, reason) for verdict in verdicts]
            continue
        key = index.key_of(row)
        not_carried += _displaced(candidates[row], chosen, key)
        state = _carried_state(chosen.verdict.state, row, catalog)
        decisions.append(Decision.from_state(key, state, is_carried=True))
        contexts[key] = {CARRIED_FROM: _source(chosen, previous.path, size)}
    return CarryPlan(
        previous.path,
        tuple(decisions),
        contexts,
        tuple(not_carried),
        matches.new_versions,
        _wrong_before(previous, size, catalog, matches),
    )


def _wrong_before(
    previous: PreviousRound, size: int, catalog: Catalog, matches: ImageMatches
) -> npt.NDArray[np.bool_] | None:
    """Return the mask of the rows that the previous model had wrong, if it is known."""
    if previous.wrong is None:
        return None
    mask = np.zeros(len(catalog.predictions.label), dtype=bool)
    for cutout in previous.wrong:
        for row, _, _ in _matches_of(cutout, size, catalog, matches):
            mask[row] = True
    return mask


def _matches_of(
    old: CutoutKey, size: int, catalog: Catalog, matches: ImageMatches
) -> Iterator[tuple[int, Match, float]]:
    """Yield the rows of the cutouts to which a verdict may go, and their overlap."""
    new_size, index = catalog.cutout_size, catalog.cutout_index
    names = matches.same.get(old.image_name, ())
    for name in names:
        key = old._replace(image_name=name)
        if size == new_size and key in index:
            yield index.row_of(key), "cutout", 1.0
            continue
        rows = index.cutouts_of(name)
        for row, share in _overlaps(old, size, rows, catalog):
            yield row, "footprint", share
    for name, before, after in matches.on_sky.get(old.image_name, ()):
        rows, table = index.cutouts_of(name), catalog.predictions
        corners = np.column_stack([table.grid_x[rows], table.grid_y[rows]])
        corner = (old.grid_x, old.grid_y)
        shares = before.overlaps(corner, size, after, corners, new_size)
        for i in np.flatnonzero(shares >= _HALF).tolist():
            yield int(rows[i]), "sky", float(shares[i])


def _overlaps(
    old: CutoutKey, size: int, rows: np.ndarray[Any, Any], catalog: Catalog
) -> Iterator[tuple[int, float]]:
    """Yield the rows whose cutouts overlap a square by half, and the overlap.

    The overlap is a share of the larger of the two squares.
    """
    table, new_size = catalog.predictions, catalog.cutout_size
    larger = max(size, new_size)
    # Float cannot overflow, unlike the difference of two integers.
    across = np.abs(table.grid_x[rows].astype(float) - old.grid_x)
    down = np.abs(table.grid_y[rows].astype(float) - old.grid_y)
    for row in rows[(across < larger) & (down < larger)].tolist():
        area = 1
        for start, other in (
            (int(table.grid_x[row]), old.grid_x),
            (int(table.grid_y[row]), old.grid_y),
        ):
            end = min(start + new_size, other + size)
            area *= max(0, end - max(start, other))
        if 2 * area >= larger**2:
            yield row, area / larger**2


def _choose(
    candidates: list[_Candidate], row: int, catalog: Catalog
) -> tuple[_Candidate | None, str]:
    """Return the verdict to carry to a cutout; or None, and the reason."""
    exact = [one for one in candidates if one.match == "cutout"]
    among = exact or candidates
    where = catalog.cutout_index.key_of(row).title
    if len({one.verdict.state.decision for one in among}) > 1:
        return None, f"verdicts on {where} differ"
    best = max(among, key=lambda one: one.rank)
    own = catalog.labels.initial_state(row)
    # A table that was made from the previous reviewed table may repeat its verdicts.
    if own.reviewed and own[1:4] != best.verdict.state[1:4]:
        return None, f"the new table has another verdict on {where}"
    return best, ""


def _displaced(
    candidates: list[_Candidate], chosen: _Candidate, key: CutoutKey
) -> Iterator[NotCarried]:
    """Yield the overlapping verdicts that differ from the verdict on a cutout."""
    for candidate in candidates:
        if candidate.verdict.state.decision != chosen.verdict.state.decision:
            yield NotCarried.of(
                candidate.verdict, f"{key.title} has a verdict of its own that differs"
            )


def _carried_state(state: LabelState, row: int, catalog: Catalog) -> LabelState:
    """Return the label state that a carried verdict gives to a row."""
    label = catalog.labels.initial_state(row).label_new
    if state.decision != UNSURE:
        label = int(state.decision == "artifact")
    return state._replace(label_new=label)


def _source(chosen: _Candidate, path: Path, size: int) -> dict[str, Any]:
    """Return the source of a carried verdict, as plain JSON."""
    entry = chosen.verdict.entry
    return {
        "path": str(path).encode(errors="backslashreplace").decode(),
        "entry": None if entry is None else [entry.log_id, entry.number],
        "cutout": [*chosen.verdict.cutout, size],
        "match": chosen.match,
    }
