"""Compare two models on the same cutouts, with the labels after review."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.errors import (
    ImageError,
    ImageNotFoundError,
    SaveError,
)
from napari_artifact_review.core.grid import DEFAULT_CUTOUT_SIZE
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.scores.jackknife import (
    MOST_BLOCKS,
    join_groups,
)
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.training.comparing.brightness import cutout_brightness
from napari_artifact_review.core.training.comparing.common_cutouts import (
    Overlap,
    check_sizes,
    match_cutouts,
    read_tables,
    spacing_of,
    with_equal_names,
)
from napari_artifact_review.core.training.comparing.comparison_groups import (
    ImageGroups,
    group_images,
)
from napari_artifact_review.core.training.comparing.leave_one_out import Sample
from napari_artifact_review.core.training.comparing.model_tables import (
    CutoutTable,
)
from napari_artifact_review.core.training.comparing.paired_scores import (
    Model,
    PairedScores,
    pair_scores,
)
from napari_artifact_review.core.training.comparing.slices import Slice, slice_scores
from napari_artifact_review.core.training.comparing.table_mappings import (
    GivenMapping,
    mapping_notices,
)
from napari_artifact_review.core.training.comparing.true_labels import (
    LabelSource,
    TrueLabels,
    find_labels,
)
from napari_artifact_review.core.user_folders import absolute_path

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class VerdictChoice(NamedTuple):
    """Which cutouts have verdicts, as far as the old model's errors go.

    These are its errors by the labels before the review. Unsure verdicts do not count.

    Attributes
    ----------
    verdicts, verdicts_on_errors : int
        Numbers of cutouts with a verdict, and of errors among them.
    cutouts, errors : int
        Numbers of all cutouts, and of errors among them.
    """

    verdicts: int
    verdicts_on_errors: int
    cutouts: int
    errors: int

    @property
    def prefers_errors(self) -> bool:
        """Whether errors have a larger share among the verdicts than among all."""
        return self.verdicts_on_errors * self.cutouts > self.errors * self.verdicts


def _are_decided(labels: TrueLabels) -> npt.NDArray[np.bool_]:
    return np.isin(labels.decision.astype(str), ("artifact", "no artifact"))


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Two models on the same cutouts.

    Attributes
    ----------
    tables : dict of str to CutoutTable
        The tables "old" and "new", and "labels" and "test" if they were given.
    rows : DataFrame
        The cutouts of the headline, sorted by image and position, with the columns
        `image_name`, `grid_x`, `grid_y`, `label`, `weight`, `decision`, `kind`,
        `old_preds`, `new_preds`, `old_confidence`, `new_confidence`.
    headline : PairedScores
        Scores of the test set, or of all common cutouts without an export.
    verdicts : PairedScores or None
        Scores of the reviewed cutouts alone; None if none or all are reviewed.
    slices : tuple of Slice
        Scores of parts of the cutouts, for exploration.
    labels : TrueLabels
        The labels of these cutouts, and where they come from.
    overlap : Overlap
        Numbers of cutouts in the tables.
    groups : ImageGroups
        Groups that the intervals leave out.
    images : ImageFolder or None
        Folder of the full images, if it was given.
    cutout_size : int
        Side length of a cutout in pixels.
    options : dict
        Options of the comparison, as plain JSON.
    notices : tuple of str
        Notices on mappings, labels, and images that cannot be read.
    """

    tables: dict[str, CutoutTable]
    rows: pd.DataFrame
    headline: PairedScores
    verdicts: PairedScores | None
    slices: tuple[Slice, ...]
    labels: TrueLabels
    overlap: Overlap
    groups: ImageGroups
    images: ImageFolder | None
    cutout_size: int
    options: dict[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def verdict_choice(self) -> VerdictChoice:
        """The share of the old model's errors among the verdicts, and among all."""
        is_error = self.rows["old_preds"].to_numpy() != self.labels.label_before
        has_verdict = _are_decided(self.labels)
        return VerdictChoice(
            int(np.count_nonzero(has_verdict)),
            int(np.count_nonzero(has_verdict & is_error)),
            len(is_error),
            int(np.count_nonzero(is_error)),
        )

    def __repr__(self) -> str:
        old, new = (self.tables[title].path.name for title in ("old", "new"))
        return f"<Comparison of {new} with {old} on {len(self.rows):,} cutouts>"

    @property
    def is_test_set(self) -> bool:
        """Whether the headline is the test set of an export."""
        return "test" in self.tables

    def check_output(self, path: Path) -> None:
        """Raise a SaveError if a file to write is a table of the comparison."""
        for table in self.tables.values():
            if path.exists() and table.path.samefile(path):
                raise SaveError(
                    "this is a table of the comparison",
                    path=path,
                    remedy="Name another file to write",
                )

    @property
    def headline_blocks(self) -> int:
        """Number of blocks into which the groups were joined."""
        return min(self.groups.total, MOST_BLOCKS)

    @property
    def models(self) -> tuple[Model, Model]:
        """What the old and the new model say about `rows`."""
        return _model(self.tables, self.rows, "old"), _model(
            self.tables, self.rows, "new"
        )

    @property
    def sample(self) -> Sample:
        """Labels, weights and groups of `rows`, with a block for each group."""
        label = self.rows["label"].to_numpy(np.int8)
        return Sample(label, self.rows["weight"].to_numpy(), self.groups.codes)

    @property
    def mended(self) -> npt.NDArray[np.int64]:
        """Positions in `rows` of the cutouts that only the new model has right."""
        return self._changes("new", "old")

    @property
    def broken(self) -> npt.NDArray[np.int64]:
        """Positions in `rows` of the cutouts that only the old model has right."""
        return self._changes("old", "new")

    def _changes(self, right: str, wrong: str) -> npt.NDArray[np.int64]:
        label, rows = self.rows["label"], self.rows
        which = (rows[f"{right}_preds"] == label) & (rows[f"{wrong}_preds"] != label)
        return np.flatnonzero(which)


def _model(tables: dict[str, CutoutTable], rows: pd.DataFrame, name: str) -> Model:
    has_confidence = tables[name].has_confidence
    return Model(
        rows[f"{name}_preds"].to_numpy(np.int8),
        rows[f"{name}_confidence"].to_numpy(float) if has_confidence else None,
    )


def compare(
    old: str | Path | ReviewSession,
    new: str | Path | ReviewSession,
    labels: str | Path | ReviewSession | None = None,
    *,
    test: str | Path | None = None,
    images: str | Path | None = None,
    group: str | None = None,
    mapping: TableMapping | None = None,
    mapping_for: Collection[str] = (),
    cutout_size: int | None = None,
    brightness: bool = True,
) -> Comparison:
    """Compare two models on the same cutouts.

    Cutouts are the same if image and position are equal. Image names match as in
    `match_names`. A cutout that only one of the models has is counted, and otherwise
    ignored.

    Parameters
    ----------
    old, new : path-like or ReviewSession
        Predictions of the two models; an open review stands for its predictions. Labels
        are optional.
    labels : path-like or ReviewSession, optional
        Reviewed table or open review, whose labels after review are the true ones. For
        cutouts that are not in it, these are the labels of the export, and else those
        of the models' tables, the new one's first: `label_new`, or else `label`.
    test : path-like, optional
        Folder of an export, whose test set is the headline, with its labels. A verdict
        in `labels` has priority, because it may be newer.
    images : path-like, optional
        Folder of the full images, for scores by brightness, for header keys, and for
        image names that differ from table to table.
    group : str, optional
        Columns, or header keys of the images, whose values are the groups to leave out,
        such as a field or an exposure, separated by commas. By default, the groups of
        the export, or else the images.
    mapping : TableMapping, optional
        Meanings of columns and values. A table that can be read without it is read
        without it: as its review, or with the usual names and values. A table without
        a mapping of its review that can be read both ways, with different contents, is
        an error unless `mapping_for` decides.
    mapping_for : collection of "old", "new", "labels", optional
        Tables that are read with `mapping` in any case; the others only if they need
        it.
    cutout_size : int, optional
        Side length of a cutout in pixels, for both models; by default inferred from the
        positions.
    brightness : bool
        Whether to read all images for the scores by brightness, if `images` is given.

    Returns
    -------
    Comparison
        Scores of both models and their paired differences, with 95 % intervals.

    Raises
    ------
    ReviewError
        If a table has faults, the models have cutouts of different sizes or none in
        common, `labels` has none of the cutouts, or a cutout has no label.
    """
    given_mapping = GivenMapping(mapping, mapping_for)
    models = {"old": old, "new": new}
    tables = read_tables(models, labels, test, given_mapping, cutout_size)
    if cutout_size is None:
        check_sizes(tables["old"], tables["new"])
    folder = None
    if images is not None:
        folder = ImageFolder(absolute_path(images))
        folder.check()
    tables = with_equal_names(tables, images)
    sources, overlap = match_cutouts(tables)
    by_title = {source.title: source for source in sources}
    given = [by_title[title] for title in ("labels", "test") if title in by_title]
    new_row = by_title["new"].row
    truth = find_labels(len(new_row), given, [by_title["new"], by_title["old"]])
    rows = _rows(by_title, truth)
    if folder is not None:
        folder = ImageFolder(folder.folder, rows["image_name"].unique())
    groups = group_images(
        rows["image_name"], sorted(sources, key=_group_priority), group, folder
    )
    size = cutout_size or spacing_of(rows) or DEFAULT_CUTOUT_SIZE
    options = {
        "group": group,
        "cutout_size": size,
        "mapping": None if mapping is None else mapping.as_json(),
        "mapping_for": sorted(mapping_for),
    }
    read = folder if brightness else None
    scored = _score(tables, rows, truth, overlap, groups, read, options)
    notices = (*mapping_notices(tables, mapping), *truth.notices, *scored.notices)
    return replace(scored, images=folder, notices=notices)


def _group_priority(source: LabelSource) -> int:
    return ("test", "labels", "new", "old").index(source.title)


def _rows(sources: dict[str, LabelSource], truth: TrueLabels) -> pd.DataFrame:
    """Return the cutouts of the headline; see `Comparison`."""
    new, old = sources["new"], sources["old"]
    found = new.table.cutouts.iloc[new.row]
    rows = found[["image_name", "grid_x", "grid_y"]].reset_index(drop=True)
    rows = rows.assign(
        label=truth.label, decision=truth.decision, kind=truth.kind, weight=1.0
    )
    if "test" in sources:
        test = sources["test"]
        rows["weight"] = test.table.cutouts["weight"].to_numpy(float)[test.row]
    for title, source in (("old", old), ("new", new)):
        cutouts = source.table.cutouts.iloc[source.row]
        for name in ("preds", "confidence"):
            rows[f"{title}_{name}"] = cutouts[name].to_numpy()
    return rows


def _score(
    tables: dict[str, CutoutTable],
    rows: pd.DataFrame,
    truth: TrueLabels,
    overlap: Overlap,
    groups: ImageGroups,
    images: ImageFolder | None,
    options: dict[str, Any],
) -> Comparison:
    old, new = _model(tables, rows, "old"), _model(tables, rows, "new")
    sample = Sample(truth.label, rows["weight"].to_numpy(), join_groups(groups.codes))
    brightness, notices = None, tuple[str, ...]()
    if images is not None:
        brightness, faults = cutout_brightness(rows, images, options["cutout_size"])
        notices = tuple(_on_images(faults, images))
    decided = _are_decided(truth)
    verdicts = None
    if decided.any() and not decided.all():
        verdicts = pair_scores(
            sample.take(decided), old.take(decided), new.take(decided)
        )
    return Comparison(
        tables,
        rows,
        pair_scores(sample, old, new),
        verdicts,
        tuple(slice_scores(rows, sample, (old, new), brightness)),
        truth,
        overlap,
        groups,
        images,
        options["cutout_size"],
        options,
        notices,
    )


def _on_images(faults: Iterable[ImageError], images: ImageFolder) -> Iterator[str]:
    """Yield a notice on each image that cannot be read, and one on all missing ones."""
    missing = 0
    for fault in faults:
        if isinstance(fault, ImageNotFoundError):
            missing += 1
        else:
            yield f"No brightness: {fault}"
    if missing:
        were = "1 image was" if missing == 1 else f"{missing:,} images were"
        yield f"No brightness and no pictures: {were} not found in {images.folder}."
