"""Open the files of a review: read the table and the log, and lock the log."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_artifact_review.core.decisions.database_url import read_database_url
from napari_artifact_review.core.decisions.entry import Entry, plain_json
from napari_artifact_review.core.decisions.exchange import find_meeting_place
from napari_artifact_review.core.decisions.log_opening import (
    find_log_path,
    open_log,
)
from napari_artifact_review.core.decisions.log_paths import (
    log_path_beside,
    log_path_in_user_data,
)
from napari_artifact_review.core.decisions.meeting_place import (
    MeetingPlace,
    ReviewIdentity,
)
from napari_artifact_review.core.decisions.reviewer_names import (
    check_reviewer,
    default_reviewer,
    login_name,
)
from napari_artifact_review.core.decisions.schema import Binding, StoreContents
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import ReviewError, StoreError
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.kinds import DEFAULT_KINDS, kinds_beside
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.cutout_size import find_grid
from napari_artifact_review.core.review.open_log import OpenLog
from napari_artifact_review.core.review.output import Output, check_output
from napari_artifact_review.core.review.paths import (
    default_output,
)
from napari_artifact_review.core.review.queue import Order
from napari_artifact_review.core.review.resume import binding_of, check_fit
from napari_artifact_review.core.review.reviewers import Perspective
from napari_artifact_review.core.review.table_opening import (
    Given,
    read_with_images,
    what_was_given,
)
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.tables.predictions import Predictions
from napari_artifact_review.core.user_folders import absolute_path

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class OpenRequest(NamedTuple):
    """Arguments of `ReviewSession.open`, except `replaced`."""

    predictions: str | Path
    images: str | Path | None
    output: str | Path | None
    cutout_size: int | None
    mapping: TableMapping | None
    reviewer: str | None
    store: str | Path | None
    team: str | Path | None
    read_only: bool
    order: Order
    hdu: int | str | None = None


@dataclass(frozen=True)
class OpenedFiles:
    """The opened files of a review, from which a session is created.

    Attributes
    ----------
    catalog : Catalog
        The cutouts of the table.
    images : ImageFolder
        Folder of the full images.
    output : Output
        File for the reviewed table.
    store : Store
        File of the log, locked unless another process holds the lock or the review is
        read-only.
    contents : StoreContents
        Contents of the log's file.
    notices : tuple of str
        Notices for the reviewer about the files.
    kinds : tuple of str
        Kinds of artifact to choose from.
    perspective : Perspective
        Whose verdicts the session shows and records.
    identity : ReviewIdentity
        Identity of the review at a meeting place.
    meeting_place : MeetingPlace or None
        Meeting place through which computers exchange the log, if there is one.
    team_place : str or None
        URL of the meeting place with its password, or path of its folder.
    order : str
        Order of the queue if no position is stored.
    given : Given
        What the user said about the table.
    """

    catalog: Catalog
    images: ImageFolder
    output: Output
    store: Store
    contents: StoreContents
    notices: tuple[str, ...]
    kinds: tuple[str, ...]
    perspective: Perspective
    identity: ReviewIdentity
    meeting_place: MeetingPlace | None
    team_place: str | None
    order: Order
    given: Given


@contextmanager
def opened_files(
    request: OpenRequest, replaced: ReviewSession | None
) -> Iterator[OpenedFiles]:
    """Open the files of a review, from which the caller creates a session.

    If the context raises an error, the log is closed again. The log of a replaced
    session is paused, and resumes only after an error. The errors are those of
    `ReviewSession.open`.
    """
    reviewer = name_of_reviewer(request.reviewer)
    path = absolute_path(request.predictions)
    output = absolute_path(request.output or default_output(path))
    log = find_log_path(request.store, output)
    former = None if replaced is None else replaced.open_log
    # Check the meeting place and the output first, before anything is read or created.
    team_place, place = _meeting_place(request, log, former)
    check_output(output)
    now = Given(request.mapping, request.cutout_size, request.hdu)
    given = what_was_given(now, output, log, replaced)
    table, images = read_with_images(path, request.images, given)
    catalog = Catalog(table, *find_grid(table, images, given.cutout_size))
    kinds, faults = _offered_kinds(path)
    with nullcontext() if former is None else former.paused():
        former_store = None if former is None else former.store
        store, notices = open_log(log, output, former_store, request.read_only)
        try:
            contents, binding = _contents_of(store, replaced), binding_of(table)
            notices += (*check_fit(contents, binding, catalog.cutout_index), *faults)
            store.bind(binding)
            yield OpenedFiles(
                catalog,
                images,
                Output(output, [save.digest for save in contents.saves], table),
                store,
                contents,
                notices,
                kinds,
                _perspective(request, reviewer, place),
                _identity(contents, binding),
                place,
                team_place,
                request.order,
                given,
            )
        except BaseException:
            store.close()
            raise


def _perspective(
    request: OpenRequest, reviewer: str, place: MeetingPlace | None
) -> Perspective:
    """Return whose verdicts the session shows."""
    is_given = request.reviewer is not None
    # A login name that a team sees is the name of one of its reviewers.
    is_named = is_given or place is not None
    # A report or an export is of the team, unless a reviewer is named.
    return Perspective(reviewer, is_named, request.read_only and not is_given)


def _contents_of(store: Store, replaced: ReviewSession | None) -> StoreContents:
    """Read a log, with the current position of a replaced session of the same log."""
    contents = store.read()
    if replaced is not None and replaced.open_log.store.path == store.path:
        # The session may not have been able to save its position.
        position = plain_json(replaced.position.as_json())
        contents = dataclasses.replace(contents, state=position)
    return contents


def name_of_reviewer(given: str | None) -> str:
    """Return the name of a reviewer, by default the login name as a valid name.

    Raises
    ------
    ReviewError
        If the given name is not valid; see `check_reviewer`.
    """
    return default_reviewer(login_name()) if given is None else check_reviewer(given)


def copy_log(
    entries: Sequence[Entry],
    table: Predictions,
    output: Path,
    position: Mapping[str, Any],
) -> None:
    """Write a copy of a log for another output.

    Parameters
    ----------
    entries : sequence of Entry
        Entries to write.
    table : Predictions
        Predictions table of the review.
    output : Path
        The other output, in whose folder the log is written.
    position : mapping
        Position of the review, as plain JSON.

    Raises
    ------
    StoreError
        If the output already has a log with entries, or the log cannot be written.
    """
    copy, _ = open_log(log_path_beside(output), output)
    try:
        there = copy.read()
        if there.entries:
            raise StoreError(
                f"a review with {len(there.entries)} entries is beside that output",
                path=copy.path,
                remedy="Open the table with that output to resume it, or choose "
                "another output",
            )
        copy.bind(binding_of(table))
        copy.append(entries)
    finally:
        copy.close(position)


def check_log_is_beside(log: Path, output: Path) -> None:
    """Check that a log has one of the default paths for the output.

    Raises
    ------
    StoreError
        If the log has another path.
    """
    if log not in (log_path_beside(output), log_path_in_user_data(output)):
        raise StoreError(
            f"the decisions are kept in {log}, not beside the output",
            remedy="Close the review, and open the table with the other output",
        )


def _identity(contents: StoreContents, binding: Binding) -> ReviewIdentity:
    return ReviewIdentity(
        contents.review_id, binding.fingerprint, binding.table_name, contents.log_id
    )


def _offered_kinds(predictions: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the kinds of artifact for a table, and notices for the reviewer."""
    try:
        return kinds_beside(predictions), ()
    except ReviewError as error:
        # Use the default kinds, because a faulty list must not prevent a review.
        return DEFAULT_KINDS, (f"The default kinds of artifact are used: {error}",)


def _meeting_place(
    request: OpenRequest, log: Path, former: OpenLog | None
) -> tuple[str | None, MeetingPlace | None]:
    """Return the URL or folder of a review's meeting place, and the meeting place.

    Both are None if the review has no meeting place.
    """
    team = request.team
    if team is None and former is not None and log == former.store.path:
        # The same review keeps its meeting place.
        team = former.team_place
    store = request.store
    if team is None and isinstance(store, str) and "://" in store:
        team = None if isinstance(read_database_url(store), Path) else store
    if team is None:
        return None, None
    place = find_meeting_place(team)
    if request.read_only:
        raise StoreError(
            "a meeting place cannot be read without a log on this computer",
            where=place.name,
            remedy="Open it with the meeting place once; then open it here without",
        )
    is_url = isinstance(team, str) and "://" in team
    # The current folder may change before the review is opened again.
    return str(team) if is_url else place.name, place
