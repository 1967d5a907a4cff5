"""Meeting place in a shared folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, TypeVar

from napari_artifact_review.core.decisions.entry_pieces import (
    PIECE_SIZE,
    VERSION,
    PieceName,
    decode_header,
    decode_piece,
    encode_piece,
)
from napari_artifact_review.core.decisions.meeting_place import (
    JoinedReview,
    OldStore,
    RawEntry,
    ReviewIdentity,
    Span,
)
from napari_artifact_review.core.decisions.shared_folder import (
    Signature,
    WriterFolder,
    list_writers,
    read_shared_file,
    remove_leftovers,
    write_shared_file,
)
from napari_artifact_review.core.decisions.watched_disk import WatchedDisk
from napari_artifact_review.core.errors import FaultyFileError, SaveError, StoreError

#: Longest time without progress of an operation, in seconds.
DEADLINE = 3.0

#: File in the folder of each writer, which identifies the review.
REVIEW_FILE = "review.json"

_Result = TypeVar("_Result")


class _Piece(NamedTuple):
    """A file with sound entries of a log."""

    name: PieceName
    writer: str
    last: int
    signature: Signature

    @property
    def is_full(self) -> bool:
        return self.last - self.name.first + 1 >= PIECE_SIZE


class FolderPlace:
    """A meeting place in a folder that computers share; see `MeetingPlace`.

    The folder may be on a network disk, or be copied by a synchronization program. No
    file is locked, because each computer writes only to its own subfolder
    ``<review>-<log id of the computer>``, and replaces each file as a whole. A file
    ``<log id>.<number of the first entry>.jsonl`` contains up to 1,000 consecutive
    entries of a log: usually of the computer's own log, but also entries of other logs
    that the folder lacks. A file that is damaged, or not completely copied yet, is
    reported as `problem` and ignored until it is whole.

    A review has the id of its folder names, a digest of the fingerprint that the table
    had when the first computer sent entries. Computers that create the review at the
    same time therefore choose the same id.

    Parameters
    ----------
    path : Path
        Absolute path of the folder, which must exist before the first operation.
    deadline : float
        Longest time without progress of an operation, in seconds.

    Attributes
    ----------
    name : str
        The path of the folder.
    on_timeout : callable or None
        Not called, because each operation ends in time.
    """

    def __init__(self, path: Path, deadline: float = DEADLINE) -> None:
        self.name = str(path)
        self.on_timeout: Callable[[StoreError], object] | None = None
        self._path = path
        self._disk = WatchedDisk(self.name, deadline)
        self._identity: ReviewIdentity | None = None
        self._own = WriterFolder("", "")
        self._pieces: dict[Path, _Piece] = {}
        self._faults: dict[Path, FaultyFileError] = {}
        self._is_tidy = False

    @property
    def problem(self) -> FaultyFileError | None:
        """First file that cannot be used, or None; all other files are exchanged."""
        faults = [fault for _, fault in sorted(self._faults.items())]
        if len(faults) < 2:
            return faults[0].without_traceback() if faults else None
        first = faults[0]
        return FaultyFileError(
            f"{first.what}, and {len(faults) - 1} more cannot be used either",
            path=first.path,
            remedy=first.remedy,
        )

    def join(self, review: ReviewIdentity) -> JoinedReview:
        """Find the review; the folder is not changed before entries are sent."""

        def find() -> JoinedReview:
            self._identity = review
            self._own = WriterFolder(self._find_review(review), review.log_id)
            return JoinedReview(self._own.review, self._scan())

        return self._run(find)

    def fetch_last_numbers(self) -> dict[str, int]:
        """Return, for each log id, the number up to which all entries are stored."""
        return self._run(self._scan)

    def send(self, entries: Sequence[RawEntry]) -> None:
        """Store the entries; entries already stored are not changed."""
        self._run(lambda: self._store(entries))

    def fetch(self, spans: Sequence[Span]) -> list[RawEntry]:
        """Return the stored entries of the spans, sorted by log id and number."""
        return self._run(lambda: self._read_entries(spans))

    def read_old_store(self) -> OldStore | None:
        """Return None, because older versions did not exchange files."""
        return None

    def close(self) -> None:
        """Do nothing, because no file stays open."""

    # Private methods; all of those below run in the thread of the disk.

    def _run(self, function: Callable[[], _Result]) -> _Result:
        try:
            return self._disk.run(function)
        except FileNotFoundError as error:
            raise StoreError(
                "this folder does not exist",
                path=self._path,
                remedy="Create it, correct its name, or connect its disk",
            ) from error
        except NotADirectoryError as error:
            raise StoreError(
                "this is a file, not a folder",
                path=self._path,
                remedy="Name a folder that your computers share",
            ) from error
        except OSError as error:
            raise StoreError(
                f"the folder cannot be used ({error.strerror or error})",
                path=error.filename or self._path,
                remedy="Check its disk and your rights to it",
            ) from error
        except SaveError as error:
            raise StoreError(
                error.what,
                path=error.path,
                remedy="Free the disk or check your rights; the entries are sent again",
            ) from error

    def _find_review(self, review: ReviewIdentity) -> str:
        """Return the id of a review in the folder, which need not exist yet."""
        writers = list_writers(self._path)
        if review.review_id in {each.review for each in writers}:
            return review.review_id
        for each in writers:
            if self._read_review_id(each) == review.review_id:
                return each.review
        return hashlib.sha256(review.fingerprint.encode()).hexdigest()[:32]

    def _read_review_id(self, folder: WriterFolder) -> object:
        """Return the review id that a computer wrote, or None if it wrote none."""
        path = self._path / str(folder) / REVIEW_FILE
        try:
            _, content = read_shared_file(path, None, self._disk.step)
            return decode_header(content or b"").get("review_id")
        except (OSError, ValueError):
            # The fingerprint of the table identifies the review, too.
            return None

    def _scan(self) -> dict[str, int]:
        """Read all changed files; return the last number of each log."""
        folders = list_writers(self._path)
        before, self._pieces, self._faults = self._pieces, {}, {}
        for folder in folders:
            if folder.review == self._own.review:
                self._scan_writer(folder, before)
        return self._last_numbers()

    def _scan_writer(self, folder: WriterFolder, before: dict[Path, _Piece]) -> None:
        path = self._path / str(folder)
        try:
            with os.scandir(path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._add_fault(path, error)
            return
        self._disk.step()
        for entry in listed:
            name, file = PieceName.parse(entry.name), path / entry.name
            if name is None:
                continue
            known = before.get(file)
            try:
                if known and known.is_full and _is_unchanged(entry, known):
                    self._pieces[file] = known
                else:
                    self._read_piece(file, name, folder.writer, known)
            except OSError as error:
                self._add_fault(file, error)

    def _read_piece(
        self, path: Path, name: PieceName, writer: str, known: _Piece | None = None
    ) -> list[str]:
        """Read a file; return the bodies of its entries, or none if it is as known.

        Raises
        ------
        OSError
            If the file cannot be read, or is damaged.
        """
        signature, content = read_shared_file(
            path, known and known.signature, self._disk.step
        )
        if known and content is None:
            self._pieces[path] = known
            return []
        try:
            bodies = decode_piece(name, content or b"")
        except ValueError as error:
            raise OSError(str(error)) from error
        last = name.first + len(bodies) - 1
        self._pieces[path] = _Piece(name, writer, last, signature)
        return bodies

    def _add_fault(self, path: Path, error: OSError) -> None:
        # A file may be removed after it was listed.
        if isinstance(error, FileNotFoundError):
            return
        self._faults[path] = FaultyFileError(
            f"this file cannot be used ({error.strerror or error})",
            path=path,
            remedy="If it stays so, check your rights to it, or move it away: its "
            "entries are sent again by the computers that have them",
        )

    def _last_numbers(self) -> dict[str, int]:
        last_numbers: dict[str, int] = {}
        for piece in sorted(self._pieces.values()):
            log_id, first = piece.name
            last = last_numbers.get(log_id, 0)
            if first <= last + 1:
                last_numbers[log_id] = max(last, piece.last)
        # This computer sends its log again from its first faulty file on.
        own = self._own.writer
        faulty = map(PieceName.parse, (p.name for p in self._faults if self._is_own(p)))
        firsts = [name.first for name in faulty if name and name.log_id == own]
        if own in last_numbers:
            last_numbers[own] = min([last_numbers[own], *(n - 1 for n in firsts)])
        return {log_id: last for log_id, last in last_numbers.items() if last}

    def _is_own(self, path: Path) -> bool:
        return path.parent.name == str(self._own)

    def _read_entries(self, spans: Iterable[Span]) -> list[RawEntry]:
        wanted: dict[str, set[int]] = {}
        for log_id, after, last in spans:
            wanted.setdefault(log_id, set()).update(range(after + 1, last + 1))
        found = []
        # If computers disagree about an entry, the owner of its log is right.
        for path, piece in sorted(self._pieces.items(), key=_owner_first):
            (log_id, first), last = piece.name, piece.last
            numbers = wanted.get(log_id, set())
            if numbers.isdisjoint(range(first, last + 1)):
                continue
            try:
                bodies = self._read_piece(path, piece.name, piece.writer)
            except OSError as error:
                self._add_fault(path, error)
                if path in self._faults:
                    raise self._faults[path] from error
                continue
            entries = {n: RawEntry(log_id, n, b) for n, b in enumerate(bodies, first)}
            found += [entries[number] for number in numbers & entries.keys()]
            numbers.difference_update(entries)
        return sorted(found)

    # Writing

    def _store(self, entries: Iterable[RawEntry]) -> None:
        self._prepare_own_folder()
        missing = sorted({entry for entry in entries if not self._has(entry)})
        # Consecutive entries have the same difference of number and position.
        runs = groupby(
            enumerate(missing), lambda item: (item[1].log_id, item[1].number - item[0])
        )
        for _, run in runs:
            self._append([entry for _, entry in run])

    def _has(self, entry: RawEntry) -> bool:
        # Keep this computer's log complete in its files, even if others forwarded it.
        must_be_own = entry.log_id == self._own.writer
        return any(
            piece.name.log_id == entry.log_id
            and piece.name.first <= entry.number <= piece.last
            and (not must_be_own or piece.writer == self._own.writer)
            for piece in self._pieces.values()
        )

    def _prepare_own_folder(self) -> None:
        """Create the computer's subfolder, but not the folder itself."""
        assert self._identity is not None, "a review is joined before it is used"
        folder = self._path / str(self._own)
        folder.mkdir(exist_ok=True)
        # Later ones may belong to a session of this computer that is closing.
        if not self._is_tidy:
            remove_leftovers(folder)
            self._is_tidy = True
        if not (folder / REVIEW_FILE).exists():
            record = {"version": VERSION, **self._identity._asdict()}
            content = f"{json.dumps(record)}\n".encode()
            write_shared_file(folder / REVIEW_FILE, content, self._disk.step)

    def _append(self, entries: Sequence[RawEntry]) -> None:
        """Write consecutive entries of a log, after those in the last own file."""
        log_id, number, _ = entries[0]
        name, bodies = PieceName(log_id, number), list[str]()
        folder = self._path / str(self._own)
        for path, piece in [*self._pieces.items()]:
            is_before = piece.name.log_id == log_id and piece.last == number - 1
            if is_before and self._is_own(path) and not piece.is_full:
                name = piece.name
                bodies = self._read_piece(path, name, piece.writer)
        if name.first + len(bodies) != number:
            raise OSError(f"another program changed {name}")
        while entries:
            room = PIECE_SIZE - len(bodies)
            bodies += [entry.body for entry in entries[:room]]
            entries = entries[room:]
            self._write_piece(folder / str(name), name, bodies)
            name, bodies = PieceName(log_id, name.first + PIECE_SIZE), []

    def _write_piece(self, path: Path, name: PieceName, bodies: Sequence[str]) -> None:
        write_shared_file(path, encode_piece(name, bodies), self._disk.step)
        last = name.first + len(bodies) - 1
        signature = Signature.of(path.stat())
        self._pieces[path] = _Piece(name, self._own.writer, last, signature)
        self._faults.pop(path, None)


def _owner_first(item: tuple[Path, _Piece]) -> tuple[bool, Path]:
    path, piece = item
    return piece.writer != piece.name.log_id, path


def _is_unchanged(entry: os.DirEntry[str], piece: _Piece) -> bool:
    return Signature.of(entry.stat()) == piece.signature
