"""Export the cutouts and labels of a review as a data set for training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_artifact_review.core.atomic_files import digest_of
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.images.identity import cutout_id
from napari_artifact_review.core.review.paths import find_output
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.training.exporting.array_parts import (
    Part,
    PartTask,
    plan_parts,
)
from napari_artifact_review.core.training.exporting.earlier_splits import EarlierSplits
from napari_artifact_review.core.training.exporting.export_files import (
    counts_of,
    reviewers_of,
    versions,
    write_tables,
)
from napari_artifact_review.core.training.exporting.export_folder import (
    FORMAT,
    VERSION,
    ExportFolder,
)
from napari_artifact_review.core.training.exporting.export_options import ExportOptions
from napari_artifact_review.core.training.exporting.export_rows import (
    jobs_of,
    rows_to_export,
)
from napari_artifact_review.core.training.exporting.image_groups import (
    GroupRule,
    ImageSplits,
    notices_on_images,
    split_images,
)
from napari_artifact_review.core.training.exporting.image_reading import CutRule
from napari_artifact_review.core.training.exporting.part_runs import write_parts
from napari_artifact_review.core.user_folders import absolute_path


@dataclass(frozen=True)
class Exported:
    """The result of an export.

    Attributes
    ----------
    folder : Path
        Folder of the export.
    table : DataFrame
        The table of cutouts, as in `cutouts.parquet`, with the column `outcome`.
    counts : mapping
        Numbers of cutouts by split, outcome, kind and decision, as in `export.json`.
    notices : tuple of str
        Notices for the user, for example about copies of an image.
    skipped : tuple of ReviewError
        Errors of images that were left out.
    """

    folder: Path
    table: pd.DataFrame
    counts: Mapping[str, Mapping[str, Any]]
    notices: tuple[str, ...]
    skipped: tuple[ReviewError, ...]


def export(
    reviewed: str | Path,
    images: str | Path | None = None,
    to: str | Path = "training",
    *,
    split_from: str | Path | None = None,
    output: str | Path | None = None,
    store: str | None = None,
    cutout_size: int | None = None,
    mapping: TableMapping | None = None,
    scheduler: str | None = None,
    on_image: Callable[[int, int], object] = lambda _done, _all: None,
    **options: Any,
) -> Exported:
    """Export the cutouts of a review, with labels, splits and weights.

    The folder then has `cutouts.npy` (float32, raw pixels), `cutouts.csv` and
    `cutouts.parquet`, which agree row by row, and `export.json`. The review is read
    only. If the export fails or is killed, an earlier export in the folder is
    unchanged.

    Parameters
    ----------
    reviewed : path-like
        The predictions table, or a reviewed table.
    images : path-like, optional
        Folder of the full images; see `ReviewSession.open`.
    to : path-like
        Folder to write to: new, empty, or with an earlier export.
    split_from : path-like, optional
        Folder of an earlier export, whose splits stay as they are. New groups get train
        or validation. Its option `group` is used, unless another one is given. By
        default, the splits of an earlier export in `to` stay, and all options on which
        splits depend must be the same.
    output : path-like, optional
        The reviewed table whose log is used. By default, `reviewed` if it has a log, or
        else the default output of the predictions.
    store : str, optional
        SQLite file of the log, or its URL; by default `<output>.review.sqlite`.
    cutout_size : int, optional
        Side length of a reviewed cutout in pixels; by default that of the review, or
        inferred. Another size than that of a review with verdicts is an error.
    mapping : TableMapping, optional
        Meanings of the columns and values of the table; by default that of the review.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers write the arrays of a large export.
    on_image : callable, optional
        Called with the numbers of finished images and of all images.
    **options
        Attributes of `ExportOptions`: `context`, `split`, `group`, `seed`, `unsure`,
        `only`, `hdu`, `image_key`, `skip_bad_images`, `largest_array`,
        `largest_shard`.

    Returns
    -------
    Exported
        The table of cutouts, counts and notices.

    Raises
    ------
    BadImagesError
        If images cannot be used, unless `skip_bad_images` is True.
    SaveError
        If `to` has other files, or a file cannot be written.
    ReviewError
        If an option is invalid, a group would be in two splits, the earlier export has
        other options or other images, or the review cannot be opened.
    """
    chosen = ExportOptions(**options)
    folder = ExportFolder(absolute_path(to))
    folder.check()
    path = absolute_path(reviewed)
    with ExitStack() as stack:
        stack.enter_context(folder.locked())
        folder.recover()
        earlier = None
        if split_from is not None:
            earlier = EarlierSplits.read(absolute_path(split_from), chosen.group)
            # Otherwise, new images of a test group would be in train.
            chosen = replace(chosen, group=chosen.group or earlier.group)
        elif folder.has_export:
            # Further verdicts would give other splits.
            earlier = EarlierSplits.of_replaced(folder.path, chosen)
        open_review = partial(
            ReviewSession.open,
            path,
            images,
            find_output(path, output, store),
            mapping=mapping,
            store=store,
            read_only=True,
        )
        session = stack.enter_context(open_review(cutout_size=cutout_size))
        if cutout_size is not None and len(session.log):
            with open_review() as own:
                _check_size(own, cutout_size)
        return _export(session, folder, chosen, earlier, scheduler, on_image)


def _check_size(review: ReviewSession, given: int) -> None:
    """Check that a size that the user gives is the size of the reviewed cutouts."""
    size = review.cutout_size
    if size != given:
        raise ReviewError(
            f"the review has cutouts of {size} px; its verdicts say nothing about "
            f"cutouts of {given} px",
            path=review.output,
            remedy="Leave out --cutout-size; --context adds pixels on each side",
        )


def _export(
    session: ReviewSession,
    folder: ExportFolder,
    options: ExportOptions,
    earlier: EarlierSplits | None,
    scheduler: str | None,
    on_image: Callable[[int, int], object],
) -> Exported:
    rows = rows_to_export(session, options)
    rule = GroupRule(session, options)
    cut_rule = CutRule(session.cutout_size, options.context, rule.keys)
    jobs, missing = jobs_of(session, rows, cut_rule, options)
    tasks = plan_parts(
        folder.unfinished,
        jobs,
        cut_rule,
        skip=options.skip_bad_images,
        largest_array=options.largest_array,
        largest_shard=options.largest_shard,
    )
    parts = write_parts(folder, tasks, scheduler, on_image)
    facts = [one for part in parts for one in part.images]
    rows = rows[rows["image_name"].isin([one.name for one in facts])]
    found = split_images([*map(rule.apply, facts)], rows, options, earlier)
    table = _table(rows.reset_index(drop=True), parts, found, session.cutout_size)
    notices = [*notices_on_images(found, table, options, earlier)]
    if scheduler is not None and len(tasks) == 1:
        notices.append("The scheduler was not used, because one array is enough.")
    faults = [fault.as_error() for part in parts for fault in part.faults]
    groups = [found.group_of(name) for name in table["image_name"]]
    counts = counts_of(table, groups)
    done = Exported(folder.path, table, counts, tuple(notices), (*missing, *faults))
    manifest = {
        **_about_export(done, options, tasks[0]),
        **_about_review(session, table),
        **_about_images(parts, found, earlier),
        **_about_files(tasks, parts, write_tables(table, folder.unfinished)),
    }
    folder.finish(manifest)
    return done


def _table(
    rows: pd.DataFrame, parts: Sequence[Part], found: ImageSplits, size: int
) -> pd.DataFrame:
    """Return the table of the exported cutouts, row by row as in the arrays."""
    names = rows["image_name"].tolist()
    grid = (rows[axis].tolist() for axis in ("grid_x", "grid_y"))
    ids = [
        cutout_id(found.images[name].identity, x, y, size)
        for name, x, y in zip(names, *grid, strict=True)
    ]
    facts = [one for part in parts for one in part.images]
    table = rows.assign(
        id=pd.Series(ids, dtype="str"),
        split=pd.Series([*map(found.split_of, names)], dtype="str"),
        ra=np.array([ra for one in facts for ra in one.ra], dtype=np.float64),
        dec=np.array([dec for one in facts for dec in one.dec], dtype=np.float64),
    )
    if [part.file for part in parts] != ["cutouts.npy"]:
        counts = [part.count for part in parts]
        shards = np.repeat([part.file for part in parts], counts)
        table["shard"] = pd.Series(shards, dtype="str")
        table["row"] = np.concatenate([np.arange(count) for count in counts])
    return table


def _about_export(
    done: Exported, options: ExportOptions, task: PartTask
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "versions": versions(),
        "options": options.as_json(),
        "cutouts": {
            "count": len(done.table),
            "size": task.rule.size,
            "side": task.rule.side,
        },
        "counts": done.counts,
        "skipped": [str(error) for error in done.skipped],
        "notices": [*done.notices],
    }


def _about_review(session: ReviewSession, table: pd.DataFrame) -> dict[str, Any]:
    predictions = session.predictions
    return {
        "table": {
            "name": predictions.path.name,
            "sha256": digest_of(predictions.path),
            "mapping": list(predictions.mapping.as_options()),
        },
        "log": {"entries": len(session.log)},
        "threshold": session.catalog.threshold_in_force,
        "reviewers": reviewers_of(table),
    }


def _about_images(
    parts: Sequence[Part], found: ImageSplits, earlier: EarlierSplits | None
) -> dict[str, Any]:
    images = []
    for facts in (one for part in parts for one in part.images):
        image = found.images[facts.name]
        images.append(
            {
                "image_name": facts.name,
                "file": facts.file,
                "size": facts.size,
                "modified_at": facts.modified_at,
                "hdu": facts.hdu,
                "identity": image.identity,
                "pixels": image.pixels,
                "group": image.group,
                "split": found.split_of(facts.name),
            }
        )
    if earlier is None:
        return {"images": images, "split_from": None, "earlier_images": []}
    return {
        "images": images,
        "split_from": earlier.origin,
        "earlier_images": earlier.others([*found.images.values()]),
    }


def _about_files(
    tasks: Sequence[PartTask], parts: Sequence[Part], digests: Mapping[str, str]
) -> dict[str, Any]:
    """Return the digest of each file; shards have a file with facts beside them."""
    files: dict[str, str | None] = {part.file: part.sha256 for part in parts}
    if len(tasks) > 1 or tasks[0].file != "cutouts.npy":
        files |= {str(Path(part.file).with_suffix(".json")): None for part in parts}
    return {
        "parts": [
            {"file": one.file, "cutouts": one.count, "inputs": one.inputs}
            for one in parts
        ],
        "files": {**files, **digests},
    }
