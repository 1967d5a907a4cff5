"""Open the files of a review: read its table and its log, and lock the log."""

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
from napari_artifact_review.core.decisions.log import login_name
from napari_artifact_review.core.decisions.log_opening import find_log_path, open_log
from napari_artifact_review.core.decisions.log_paths import (
    log_path_beside,
    log_path_in_user_data,
)
from napari_artifact_review.core.decisions.meeting_place import (
    MeetingPlace,
    ReviewIdentity,
)
from napari_artifact_review.core.decisions.schema import Binding, StoreContents
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import ReviewError, StoreError
from napari_artifact_review.core.grid import DEFAULT_CUTOUT_SIZE, infer_cutout_size
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.kinds import DEFAULT_KINDS, kinds_beside
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.open_log import OpenLog
from napari_artifact_review.core.review.output import Output, check_output
from napari_artifact_review.core.review.paths import (
    absolute_path,
    default_output,
    image_folder,
)
from napari_artifact_review.core.review.resume import binding_of, check_fit
from napari_artifact_review.core.tables.predictions import (
    Predictions,
    read_predictions,
)

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class OpenRequest(NamedTuple):
    """The arguments of `ReviewSession.open`."""

    predictions: str | Path
    images: str | Path | None
    output: str | Path | None
    cutout_size: int | None
    reviewer: str | None
    store: str | Path | None
    team: str | None
    read_only: bool


@dataclass(frozen=True)
class OpenedFiles:
    """The files of a review, read and locked: the parts of a session.

    Attributes
    ----------
    catalog : Catalog
        The cutouts of the table.
    images : ImageFolder
        The full images.
    output : Output
        The file that the reviewed table is saved to.
    store : Store
        The file of the log, locked unless another process holds it.
    contents : StoreContents
        The log and the position, as they are in that file.
    notices : tuple of str
        What the reviewer should know of these files, in sentences.
    kinds : tuple of str
        The kinds of artifact that are offered.
    reviewer : str
        Name of the reviewer.
    identity : ReviewIdentity
        The review, as a meeting place knows it.
    meeting_place : MeetingPlace or None
        Where computers exchange the log.
    team_url : str or None
        The URL of that place, with the password.
    """

    catalog: Catalog
    images: ImageFolder
    output: Output
    store: Store
    contents: StoreContents
    notices: tuple[str, ...]
    kinds: tuple[str, ...]
    reviewer: str
    identity: ReviewIdentity
    meeting_place: MeetingPlace | None
    team_url: str | None


@contextmanager
def opened_files(
    request: OpenRequest, replaced: ReviewSession | None
) -> Iterator[OpenedFiles]:
    """Open the files of a review; an error inside the context closes the log again.

    The session that is replaced is paused inside the context. Parameters and errors
    are those of `ReviewSession.open`.
    """
    path = absolute_path(request.predictions)
    output = absolute_path(request.output or default_output(path))
    log = find_log_path(request.store, output)
    former = None if replaced is None else replaced.open_log
    # Refused before anything is read or made.
    team_url, place = _meeting_place(request, log, former)
    check_output(output)
    table = read_predictions(path)
    images = image_folder(request.images, path, table.image_names[0])
    size = request.cutout_size or infer_cutout_size(table.grid_x, table.grid_y)
    catalog = Catalog(table, size or DEFAULT_CUTOUT_SIZE)
    kinds, faults = _offered_kinds(path)
    with nullcontext() if former is None else former.paused():
        former_store = None if former is None else former.store
        store, notices = open_log(log, output, former_store, request.read_only)
        try:
            contents, binding = store.read(), binding_of(table)
            if replaced is not None and replaced.open_log.store.path == store.path:
                # Its position counts, also where it could not be saved.
                position = plain_json(replaced.position.as_json())
                contents = dataclasses.replace(contents, state=position)
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
                request.reviewer or login_name(),
                _identity(contents, binding),
                place,
                team_url,
            )
        except BaseException:
            store.close()
            raise


def copy_log(
    entries: Sequence[Entry],
    table: Predictions,
    output: Path,
    position: Mapping[str, Any],
) -> None:
    """Write a log beside an output.

    Parameters
    ----------
    entries : sequence of Entry
        The log.
    table : Predictions
        The table that it is about.
    output : Path
        The output beside which it is written.
    position : mapping
        The position of the review as JSON.

    Raises
    ------
    StoreError
        If there is a log beside that output already, or none can be written.
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
    """Refuse to move a log that is not where the output puts it.

    Raises
    ------
    StoreError
        If it is elsewhere.
    """
    if log not in (log_path_beside(output), log_path_in_user_data(output)):
        raise StoreError(
            f"the decisions are kept in {log}, not beside the output",
            remedy="Close the review, and open the table with the other output",
        )


def _identity(contents: StoreContents, binding: Binding) -> ReviewIdentity:
    return ReviewIdentity(contents.review_id, binding.fingerprint, binding.table_name)


def _offered_kinds(predictions: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the kinds of artifact beside a table, or the default ones; and notices."""
    try:
        return kinds_beside(predictions), ()
    except ReviewError as error:
        # A review can do without its own list.
        return DEFAULT_KINDS, (f"The default kinds of artifact are used: {error}",)


def _meeting_place(
    request: OpenRequest, log: Path, former: OpenLog | None
) -> tuple[str | None, MeetingPlace | None]:
    """Return the URL of the meeting place of a review, and the place."""
    url = request.team
    if url is None and former is not None and log == former.store.path:
        # The same review keeps its meeting place.
        url = former.team_url
    store = request.store
    if url is None and isinstance(store, str) and "://" in store:
        url = None if isinstance(read_database_url(store), Path) else store
    place = None if url is None else find_meeting_place(url)
    if request.read_only and place is not None:
        raise StoreError(
            "a meeting place cannot be read without a log on this computer",
            where=place.name,
            remedy="Open the review with it once; then leave it out here",
        )
    return url, place
