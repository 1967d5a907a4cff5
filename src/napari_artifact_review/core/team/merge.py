"""Merge logs that never met into one file."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple, get_args

from napari_artifact_review.core.atomic_files import Written
from napari_artifact_review.core.decisions.entry import Action, Entry, EntryId
from napari_artifact_review.core.decisions.lock import WriterLock
from napari_artifact_review.core.decisions.log_copies import read_log, write_log
from napari_artifact_review.core.decisions.merging import MergedEntries, merge_entries
from napari_artifact_review.core.decisions.schema import (
    ImageRecord,
    SaveRecord,
    StoreContents,
)
from napari_artifact_review.core.errors import HeldError, StoreError


class GivenLog(NamedTuple):
    """A log in one of the files that were merged.

    Attributes
    ----------
    path : Path
        The file.
    log_id : str
        Id of the log in that file.
    verdicts : dict of str to int
        Number of verdicts, also undone ones, by the name of the reviewer.
    entries : int
        Number of entries.
    new : int
        Number of entries that were neither in the output nor in an earlier file.
    """

    path: Path
    log_id: str
    verdicts: dict[str, int]
    entries: int
    new: int


class DivergedCopies(NamedTuple):
    """Copies of one log that diverged.

    Attributes
    ----------
    log_id : str
        Id of the log.
    paths : tuple of Path
        A file with each branch, each file once.
    branches : int
        Number of branches.
    after : Entry or None
        The last entry that the copies share; None if they share none.
    """

    log_id: str
    paths: tuple[Path, ...]
    branches: int
    after: Entry | None


@dataclass(frozen=True)
class MergeSummary:
    """Result of a merge.

    Attributes
    ----------
    written : Written
        The file, with a dated copy of an earlier file with an older schema.
    given : tuple of GivenLog
        The logs in the given files.
    divergences : tuple of DivergedCopies
        Copies of one log that diverged.
    logs_of : dict of str to tuple of str
        Ids of the logs of each reviewer before any divergence, by name.
    entries, logs : int
        Number of entries and of logs in the file.
    """

    written: Written
    given: tuple[GivenLog, ...]
    divergences: tuple[DivergedCopies, ...]
    logs_of: dict[str, tuple[str, ...]]
    entries: int
    logs: int


class _LogFile(NamedTuple):
    path: Path
    contents: StoreContents


def merge_logs(paths: Sequence[Path], into: Path) -> MergeSummary:
    """Merge the logs in some files with those in the output, and write the output.

    The given files are only read. Any order, and any number of merges, give the same
    entries. A new output belongs to the table of the first file, and has its position.

    Parameters
    ----------
    paths : sequence of Path
        Files with logs, at least one.
    into : Path
        The output, which may exist.

    Raises
    ------
    StoreError
        If a file is not a sound log, belongs to another review, or the output is open
        elsewhere. Nothing is written then.
    ReviewError
        If the output cannot be written; an earlier output is unchanged.
    """
    given = [_LogFile(path, read_log(path)) for path in paths]
    with _locked(into):
        earlier = [_LogFile(into, read_log(into))] if _has_log(into) else []
        _check_same_review([*earlier, *given])
        files = [*earlier, *given]
        merged = merge_entries(
            entry for file in files for entry in file.contents.entries
        )
        contents = _contents(files, merged, is_new=not earlier)
        written = write_log(into, contents)
    return MergeSummary(
        written,
        tuple(_given_logs(given, earlier, merged)),
        tuple(_diverged_copies([*given, *earlier], merged)),
        _logs_of_reviewers(merged),
        len(merged.entries),
        len({entry.log_id for entry in merged.entries}),
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lock a log for writing.

    Raises
    ------
    StoreError
        If it is a folder, another process has it open, or its folder does not exist or
        cannot be written to.
    """
    if path.is_dir():
        raise StoreError("it is a folder", path=path, remedy="Name a file")
    if not path.parent.is_dir():
        raise StoreError(
            "the folder does not exist", path=path, remedy="Create it, or name another"
        )
    lock = WriterLock(path.with_name(f"{path.name}.lock"))
    try:
        writer = lock.acquire()
    except OSError as error:
        raise StoreError(
            f"it cannot be locked for writing ({error.strerror or error})",
            path=path,
            remedy="Name an output in a folder on a local disk",
        ) from error
    if writer is not None:
        raise HeldError(
            f"this review is open elsewhere: {writer}",
            path=path,
            remedy="Close it there, then merge again",
        )
    try:
        yield
    finally:
        lock.release()


def _has_log(path: Path) -> bool:
    """Return whether a file exists; an empty file has no log to be lost."""
    return path.exists() and path.stat().st_size > 0


def _check_same_review(files: Sequence[_LogFile]) -> None:
    """Check that all logs belong to the review of the first file.

    Logs belong together if their tables have the same cutouts, or if they have verdicts
    on a common cutout, also by way of other logs.

    Raises
    ------
    StoreError
        If a log has verdicts, and none belongs to the review.
    """
    first, *others = files
    fingerprints, cutouts = {_fingerprint(first)}, _cutouts(first)
    left = [file for file in others if _cutouts(file)]
    while True:
        fitting = [
            file
            for file in left
            if _fingerprint(file) in fingerprints or _cutouts(file) & cutouts
        ]
        if not fitting:
            break
        for file in fitting:
            fingerprints.add(_fingerprint(file))
            cutouts |= _cutouts(file)
            left.remove(file)
    if left:
        other = left[0]
        raise StoreError(
            f"its verdicts belong to {_table(other)}; none of them is about a cutout "
            f"of {_table(first)}, to which {first.path} belongs",
            path=other.path,
            remedy="Leave it out, or merge it into another file",
        )


def _fingerprint(file: _LogFile) -> str:
    binding = file.contents.binding
    return "" if binding is None else binding.fingerprint


def _table(file: _LogFile) -> str:
    binding = file.contents.binding
    return "" if binding is None else binding.table_name


def _cutouts(file: _LogFile) -> set[object]:
    # Entries with other actions, such as the rules of a team, belong to no cutout.
    actions = get_args(Action)
    return {entry.cutout for entry in file.contents.entries if entry.action in actions}


def _contents(
    files: Sequence[_LogFile], merged: MergedEntries, *, is_new: bool
) -> StoreContents:
    """Return the contents of the output, with ids and position of the first file."""
    first = files[0].contents
    moved = {
        original.log_id
        for original in merged.originals.values()
        if merged.new_ids[original.digest] != original.id
    }
    # New entries must not continue a log of which a part has moved.
    new_log = is_new or first.log_id in moved
    return replace(
        first,
        entries=merged.entries,
        saves=_saves(files, merged),
        images=_images(files),
        review_id=uuid.uuid4().hex if is_new else first.review_id,
        log_id=uuid.uuid4().hex if new_log else first.log_id,
    )


def _images(files: Iterable[_LogFile]) -> list[ImageRecord]:
    """Return the image records of all files; the latest one of each image and name."""
    images = {image for file in files for image in file.contents.images}
    latest = {
        (image.identity, image.image_name): image
        for image in sorted(images, key=attrgetter("modified_at", "size"))
    }
    return [latest[key] for key in sorted(latest)]


def _saves(files: Iterable[_LogFile], merged: MergedEntries) -> list[SaveRecord]:
    """Return the records of the saves of all files, with the new ids of the entries."""
    saves: dict[str, SaveRecord] = {}
    for file in files:
        new_ids: dict[str, list[EntryId]] = defaultdict(list)
        for entry in file.contents.entries:
            original = merged.originals[entry.digest]
            new_ids[entry.log_id].append(merged.new_ids[original.digest])
        for save in file.contents.saves:
            last = _last_numbers(save.last_numbers, new_ids)
            same = saves.get(save.digest)
            if same is not None:
                # Copies of a log share the records that they had before the copy.
                last = _larger(last, same.last_numbers)
                save = min(save, same, key=attrgetter("saved_at", "path"))
            saves[save.digest] = replace(save, last_numbers=last)
    return sorted(saves.values(), key=attrgetter("saved_at", "digest"))


def _last_numbers(
    before: Mapping[str, int], new_ids: Mapping[str, Sequence[EntryId]]
) -> dict[str, int]:
    """Return the last numbers of a save, by log id, after the merge."""
    after: dict[str, int] = {}
    for log_id, number in before.items():
        # The new ids of a log are in order, so the last of each log counts.
        moved = dict(new_ids.get(log_id, ())[:number])
        after = _larger(after, moved or {log_id: number})
    return after


def _larger(some: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    return {
        log_id: max(some.get(log_id, 0), others.get(log_id, 0))
        for log_id in sorted({*some, *others})
    }


def _given_logs(
    given: Sequence[_LogFile], earlier: Sequence[_LogFile], merged: MergedEntries
) -> Iterator[GivenLog]:
    known = {digest for file in earlier for digest in _origins(file, merged)}
    for file in given:
        logs: dict[str, list[Entry]] = defaultdict(list)
        for entry in file.contents.entries:
            logs[entry.log_id].append(entry)
        for log_id, entries in logs.items():
            origins = {merged.originals[entry.digest].digest for entry in entries}
            yield GivenLog(
                file.path,
                log_id,
                _verdicts(entries),
                len(entries),
                len(origins - known),
            )
            known |= origins


def _origins(file: _LogFile, merged: MergedEntries) -> set[str]:
    return {merged.originals[entry.digest].digest for entry in file.contents.entries}


def _verdicts(entries: Iterable[Entry]) -> dict[str, int]:
    """Return the number of verdicts of each reviewer of this round, by name."""
    verdicts: Counter[str] = Counter()
    for entry in entries:
        # A carried entry names a reviewer of an earlier round.
        if entry.action != "carry":
            verdicts[entry.reviewer] += entry.action == "decide"
    return dict(sorted(verdicts.items()))


def _diverged_copies(
    files: Sequence[_LogFile], merged: MergedEntries
) -> Iterator[DivergedCopies]:
    origins = [(file.path, _origins(file, merged)) for file in files]
    for divergence in merged.divergences:
        paths = {
            next((path for path, known in origins if branch.digest in known), None)
            for branch in divergence.branches
        }
        yield DivergedCopies(
            divergence.log_id,
            tuple(sorted(path for path in paths if path is not None)),
            len(divergence.branches),
            divergence.after,
        )


def _logs_of_reviewers(merged: MergedEntries) -> dict[str, tuple[str, ...]]:
    logs: dict[str, set[str]] = defaultdict(set)
    for entry in merged.originals.values():
        if entry.action != "carry":
            logs[entry.reviewer].add(entry.log_id)
    return {name: tuple(sorted(ids)) for name, ids in sorted(logs.items())}
