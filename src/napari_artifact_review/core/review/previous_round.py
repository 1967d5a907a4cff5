"""The verdicts of a previous round, read from its table or its log."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import LabelState
from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.decisions.log import NO_CUTOUT, DecisionLog
from napari_artifact_review.core.decisions.log_opening import find_log_path
from napari_artifact_review.core.decisions.log_paths import (
    log_path_beside,
    log_path_in_user_data,
)
from napari_artifact_review.core.decisions.schema import StoreContents
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import (
    HeldError,
    MappingNeededError,
    ReviewError,
)
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.outcomes import UNSURE
from napari_artifact_review.core.review.cursor import DEFAULT_RULE
from napari_artifact_review.core.review.judged_images import (
    JUDGED_IMAGE,
    identities_in,
)
from napari_artifact_review.core.review.opening import (
    OpenedFiles,
    OpenRequest,
    opened_files,
)
from napari_artifact_review.core.review.paths import (
    default_output,
    image_folder,
)
from napari_artifact_review.core.review.position import Position
from napari_artifact_review.core.review.resume import apply_log, binding_of
from napari_artifact_review.core.review.table_opening import Given, read_with_images
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.tables.predictions import Predictions
from napari_artifact_review.core.team.votes import consensus_of
from napari_artifact_review.core.user_folders import absolute_path

#: First bytes of an SQLite file (https://www.sqlite.org/fileformat.html).
_SQLITE = b"SQLite format 3\0"


_REMEDY = "Name a reviewed table, predictions with a log, or a log"


class PreviousVerdict(NamedTuple):
    """A verdict of a previous round.

    Attributes
    ----------
    cutout : CutoutKey
        The cutout, as the previous round names it.
    state : LabelState
        Verdict, reviewer and time.
    entry : EntryId or None
        Entry of the log with the verdict; None if only the table has the verdict.
    """

    cutout: CutoutKey
    state: LabelState
    entry: EntryId | None


@dataclass(frozen=True)
class PreviousRound:
    """The verdicts of a previous round, and facts about its images.

    Attributes
    ----------
    path : Path
        The table or log that was read.
    verdicts : tuple of PreviousVerdict
        Verdicts in force.
    cutout_size : int or None
        Side length of a cutout in pixels; None if it is not known.
    image_names : tuple of str
        Names of all images.
    aliases : mapping of str to str
        Name in `image_names` for each other name of an image.
    identities : mapping of str to set of str
        Known identities of the images, by name.
    images : ImageFolder or None
        Folder of the images; None if it is not known.
    errors, artifacts : frozenset of CutoutKey, or None
        Cutouts that the model of that round had wrong by the labels before the review,
        and those that it predicted as artifacts; None if the table is not known.
    """

    path: Path
    verdicts: tuple[PreviousVerdict, ...]
    cutout_size: int | None
    image_names: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    identities: Mapping[str, set[str]] = field(default_factory=dict)
    images: ImageFolder | None = None
    errors: frozenset[CutoutKey] | None = None
    artifacts: frozenset[CutoutKey] | None = None

    @property
    def wrong(self) -> frozenset[CutoutKey] | None:
        """Cutouts that the model had wrong, by a label or by a verdict.

        None if its predictions are not known.
        """
        if self.errors is None or self.artifacts is None:
            return None
        contradicted = (
            one.cutout
            for one in self.verdicts
            if one.state.decision != UNSURE
            and (one.state.decision == "artifact") != (one.cutout in self.artifacts)
        )
        return self.errors.union(contradicted)


def check_previous_round(previous: str | Path, request: OpenRequest) -> None:
    """Check that a previous round exists and is not this round.

    This comes before this round is locked, so that nothing is left of a mistyped name.

    Raises
    ------
    ReviewError
        If it does not exist, or is this round.
    """
    path = absolute_path(previous)
    if not path.exists():
        raise ReviewError(
            "the previous round cannot be read: there is no such file",
            path=path,
            remedy=_REMEDY,
        )
    log = path if _is_database(path) else find_log_path(None, _output_of(path))
    _check_is_other(path, log, request)


def read_previous_round(previous: str | Path, given: Given) -> PreviousRound:
    """Read the verdicts of a previous round; no file is written.

    Parameters
    ----------
    previous : path-like
        A reviewed table, a predictions table with a log of its review, or a log.
    given : Given
        What the user said about the table of this round; it is also used for a previous
        table about which nothing is known.

    Raises
    ------
    ReviewError
        If the previous round cannot be read; see also `check_previous_round`.
    """
    path = absolute_path(previous)
    is_log = _is_database(path)
    output = path if is_log else _output_of(path)
    try:
        if is_log:
            return _read_log(path)
        try:
            return _read_table(path, output, Given(None, None))
        except MappingNeededError:
            if given.mapping is None and given.cutout_size is None:
                raise
            return _read_table(path, output, given)
    except HeldError as error:
        # An older log is migrated when it is opened.
        raise ReviewError(
            "the log of the previous round was written by an older version",
            path=error.path or path,
            remedy="Open that review once with this version",
        ) from error
    except ReviewError as error:
        remedy = _REMEDY
        if isinstance(error, MappingNeededError):
            remedy = "Open that review once and answer, so that its log has the answer"
        raise ReviewError(
            f"the previous round cannot be read: {error.what.splitlines()[0]}",
            path=error.path or path,
            where=error.where,
            remedy=remedy,
        ) from error


def identities_of(
    predictions: Predictions | None, contents: StoreContents
) -> dict[str, set[str]]:
    """Return the known identities of images, by name, without reading an image.

    They come from the column `image_id` of the table, and from the log.
    """
    found: dict[str, set[str]] = {}
    if predictions is not None:
        for name, identity in identities_in(predictions).items():
            found[name] = {identity}
    for record in contents.images:
        found.setdefault(record.image_name, set()).add(record.identity)
    for entry in contents.entries:
        facts = entry.context.get(JUDGED_IMAGE)
        if isinstance(facts, dict) and isinstance(facts.get("identity"), str):
            name = entry.cutout.image_name
            found.setdefault(name, set()).add(facts["identity"])
    return found


def _read_table(path: Path, output: Path, given: Given) -> PreviousRound:
    request = OpenRequest(
        path,
        images=None,
        output=output,
        cutout_size=given.cutout_size,
        mapping=given.mapping,
        reviewer=None,
        store=None,
        team=None,
        read_only=True,
        order=DEFAULT_RULE.order,
    )
    with opened_files(request, None) as files:
        verdicts = _verdicts_of(files)
    files.store.close()
    table = files.catalog.predictions
    return PreviousRound(
        path,
        tuple(verdicts),
        files.catalog.cutout_size,
        table.image_names,
        table.aliases,
        identities_of(table, files.contents),
        files.images,
        _keys(files, table.preds != table.label),
        _keys(files, table.preds == 1),
    )


def _keys(files: OpenedFiles, mask: npt.NDArray[np.bool_]) -> frozenset[CutoutKey]:
    """Return the cutouts of a mask."""
    key_of = files.catalog.cutout_index.key_of
    return frozenset(key_of(row) for row in np.flatnonzero(mask).tolist())


def _verdicts_of(files: OpenedFiles) -> Iterable[PreviousVerdict]:
    """Return the verdicts of a table and its log."""
    index, labels = files.catalog.cutout_index, files.catalog.labels
    log = consensus_of(
        DecisionLog(files.contents.entries, index.__contains__),
        lambda cutout: labels.initial_state(index.row_of(cutout)).label_new,
    )
    apply_log(log, labels, index)
    # The log may name an image otherwise than the table does.
    entries = {
        (index.row_of(entry.cutout), entry.reviewer, entry.decided_at): entry.id
        for entry in log.entries
        if _gives_verdict(entry) and entry.cutout in index
    }
    verdicts = []
    for row in labels.reviewed.nonzero()[0].tolist():
        state = labels.state_of(row)
        entry = entries.get((row, state.reviewed_by, state.reviewed_at))
        state = state.with_verdict().with_matching_verdict()
        verdicts.append(PreviousVerdict(index.key_of(row), state, entry))
    return verdicts


def _read_log(path: Path) -> PreviousRound:
    contents = Store(path, read_only=True).read()
    # Without the table, the earlier label is unknown; an unsure verdict ignores it.
    log = consensus_of(DecisionLog(contents.entries), lambda _: 0)
    entries = {
        (entry.cutout, entry.reviewer, entry.decided_at): entry.id
        for entry in log.entries
        if _gives_verdict(entry)
    }
    verdicts = []
    for cutout in log.cutouts:
        decision = log.in_force(cutout)
        if decision is not None:
            key = (cutout, decision.reviewer, decision.decided_at)
            state = LabelState.after(decision).with_matching_verdict()
            verdicts.append(PreviousVerdict(cutout, state, entries.get(key)))
    position, _ = Position.from_json(contents.state)
    names = tuple(dict.fromkeys(one.cutout.image_name for one in verdicts))
    path_of_table = None if contents.binding is None else contents.binding.table_name
    table = _table_of(contents, position.mapping)
    if table is None:
        return PreviousRound(
            path,
            tuple(verdicts),
            position.cutout_size,
            names,
            identities=identities_of(None, contents),
            images=_folder_beside(path_of_table, names),
        )
    identities = identities_of(None, contents)
    for name, more in table.identities.items():
        identities[name] = identities.get(name, set()) | more
    return replace(
        table,
        path=path,
        verdicts=tuple(verdicts),
        cutout_size=position.cutout_size or table.cutout_size,
        identities=identities,
    )


def _table_of(
    contents: StoreContents, mapping: TableMapping | None
) -> PreviousRound | None:
    """Read the table of a log, if the table is still there and has the log's images."""
    if contents.binding is None:
        return None
    table = Path(contents.binding.table_name)
    try:
        found = _read_table(table, table, Given(mapping, None))
    except ReviewError:
        return None
    names = {*found.image_names, *found.aliases}
    cutouts = {entry.cutout for entry in contents.entries} - {NO_CUTOUT}
    has_all = all(cutout.image_name in names for cutout in cutouts)
    return found if has_all else None


def _folder_beside(table: str | None, names: Sequence[str]) -> ImageFolder | None:
    if table is None or not names:
        return None
    return image_folder(None, Path(table), names)


def _gives_verdict(entry: Entry) -> bool:
    return entry.action in ("decide", "carry")


def _is_database(path: Path) -> bool:
    """Return whether a path is a regular file that begins as an SQLite database."""
    if not path.is_file():
        # Reading from a pipe would wait for a writer.
        return False
    try:
        with path.open("rb") as stream:
            return stream.read(len(_SQLITE)) == _SQLITE
    except OSError:
        # The reader of tables reports the error.
        return False


def _output_of(path: Path) -> Path:
    """Return the output of the review of a table, which may be the table itself.

    The log of the default output belongs to the table only if it says so: a folder may
    also contain reviewed tables without a log.
    """
    output = default_output(path)
    if not log_path_beside(path).exists():
        for log in (log_path_in_user_data(output), log_path_beside(output)):
            if log.exists() and _is_of(log, path):
                return output
    return path


def _is_of(log: Path, table: Path) -> bool:
    """Return whether the log of the default output belongs to a table."""
    try:
        contents = Store(log, read_only=True).read()
    except ReviewError:
        # The error is reported when the previous round is read.
        return True
    if contents.binding is None:
        return False
    if Path(contents.binding.table_name).name == table.name:
        return True
    # The review may have been resumed from its output.
    position, _ = Position.from_json(contents.state)
    try:
        predictions, _ = read_with_images(table, None, Given(position.mapping, None))
    except ReviewError:
        return False
    return binding_of(predictions).fingerprint == contents.binding.fingerprint


def _check_is_other(path: Path, log: Path, request: OpenRequest) -> None:
    """Check that the previous round is not this round."""
    table = absolute_path(request.predictions)
    output = absolute_path(request.output or default_output(table))
    own = (
        output,
        find_log_path(request.store, output),
        log_path_beside(output),
        log_path_in_user_data(output),
    )
    real = {os.path.realpath(one) for one in own}
    if {os.path.realpath(path), os.path.realpath(log)} & real:
        raise ReviewError(
            "the previous round would get the verdicts of this round too",
            path=path,
            remedy=f"Name another output than {output.name} for this round (open "
            "--output, check --reviewed)",
        )
