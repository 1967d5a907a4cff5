"""Log of a review on disk, to which only one process at a time can write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.lock import (
    LocksUnsupportedError,
    WriterLock,
)
from napari_artifact_review.core.decisions.log_file import LogFile
from napari_artifact_review.core.decisions.schema import (
    DECISIONS,
    REVIEW,
    SAVES,
    Binding,
    ImageRecord,
    SaveRecord,
    StoreContents,
    insert_entries,
    insert_images,
    insert_saves,
    plain_values,
)
from napari_artifact_review.core.errors import HeldError, StoreError

#: Number of bytes to reserve in the file, enough for a verdict with its context.
_RESERVE = 2**15

_REOPEN = "Open the review again"


class Store:
    """The log of one review in an SQLite file, used from one thread at a time.

    Each operation is one transaction. The first write creates and locks the file. If
    the file is lost or replaced by an older copy, missing entries are written again.

    Parameters
    ----------
    path : Path
        File of the log.
    replaced : Store, optional
        Open log of this process. If it has the same file, both logs share the lock.
    read_only : bool
        Whether to open the log without locking or writing.

    Attributes
    ----------
    path : Path
        File of the log.
    """

    def __init__(
        self, path: Path, replaced: Store | None = None, read_only: bool = False
    ) -> None:
        self.path = path
        self._read_only = read_only
        self._file = LogFile(path)
        self._lock = WriterLock(path.with_name(f"{path.name}.lock"))
        self._shared_lock = None if replaced is None else replaced._lock
        self._binding: Binding | None = None
        self._contents = StoreContents()
        self._on_disk: list[Entry] = []
        # Entries that may be on disk although their commit failed.
        self._doubtful: list[Entry] = []
        self._saves: dict[str, SaveRecord] = {}
        self._new_images: list[ImageRecord] = []
        self._is_closed = False
        # Whether another process has held the lock since this process used the file.
        self._is_onlooker = False

    # Opening

    def read(self) -> StoreContents:
        """Read the contents of the file, which are empty if there is no file yet.

        An older schema is first migrated, after a dated backup.

        Raises
        ------
        StoreError
            If the file is unreadable, damaged or from a newer version, or cannot be
            migrated.
        """
        if not self._file.exists:
            return self._contents
        with self._file.reading() as db:
            if not self._file.has_tables(db):
                return self._contents
            self._file.check_pages(db)
            is_current = self._file.is_current(db)
        if not is_current:
            self._migrate()
        with self._file.reading() as db:
            contents = self._file.read_all(db)
        contents = self._file.with_own_log_id(contents)
        self._contents = contents
        self._on_disk = list(contents.entries)
        self._saves = {save.digest: save for save in contents.saves}
        return contents

    def bind(self, binding: Binding) -> None:
        """Set the table under review; call this before the first write."""
        self._binding = binding
        self._file.may_create = True

    def lock(self) -> None:
        """Lock the file, unless another process or window holds the lock.

        Errors other than `LocksUnsupportedError` are ignored, because the first write
        reports them.

        Raises
        ------
        LocksUnsupportedError
            If the folder cannot lock files.
        """
        try:
            self._lock.acquire(self._shared_lock)
        except LocksUnsupportedError:
            raise
        except OSError:
            return

    def copy_to(self, path: Path) -> None:
        """Copy the file to `path`, if it exists and contains a log.

        Raises
        ------
        StoreError
            If the file cannot be read, or the copy cannot be written.
        """
        self._file.copy_to(path)

    # Writing

    def append(self, entries: Sequence[Entry]) -> list[Entry]:
        """Write all of the entries or none; return when they are on disk.

        Parameters
        ----------
        entries : sequence of Entry
            Entries that follow the entries read and appended so far.

        Returns
        -------
        list of Entry
            Entries of an earlier, failed call that are on disk after all. If there are
            any, `entries` is not written, because it does not follow these entries.

        Raises
        ------
        StoreError
            If the entries cannot be written, or another process writes to the file.
        """
        with self._writing() as db:
            landed = self._prepare(db)
            if not landed:
                # Entries may be on disk even if the commit fails; the next call checks.
                self._doubtful = [*entries]
                insert_entries(db, entries, len(self._on_disk))
        self._doubtful = []
        self._on_disk += landed or entries
        return landed

    def save_state(self, state: Mapping[str, Any], *, reserve: bool = False) -> None:
        """Save the position of the review; raise the same errors as `append`.

        Parameters
        ----------
        state : mapping
            The position, as plain JSON.
        reserve : bool
            Whether to reserve space in the file for a verdict before saving.
        """
        if reserve:
            self.save_state({**state, "reserve": "x" * _RESERVE})
        with self._writing() as db:
            self._prepare(db)
            db.execute(sa.update(REVIEW).values(state=dict(state)))

    def add_save(self, save: SaveRecord) -> None:
        """Record a table before it is written; raise the same errors as `append`."""
        with self._writing() as db:
            self._prepare(db)
            db.execute(sa.delete(SAVES).where(SAVES.c.digest == save.digest))
            insert_saves(db, [save])
        self._saves[save.digest] = save

    def add_image(self, image: ImageRecord) -> None:
        """Add the record of an image to the next write.

        This method can be called from any thread. A separate write could delay a
        verdict. If the record is lost, a later session identifies the image again.
        """
        self._new_images.append(image)

    def close_soon(self) -> None:
        """Announce that `close` will follow, so that other windows wait for it."""
        self._lock.announce_release()

    def close(self, state: Mapping[str, Any] | None = None) -> None:
        """Save the position of the review, if given, and release the lock.

        Raises
        ------
        StoreError
            If the position cannot be saved; the lock is released anyway.
        """
        try:
            if self._lock.is_held and not self._is_closed and state is not None:
                self.save_state(state)
        finally:
            self._is_closed = True
            self._lock.release()

    # Private methods

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        if self._read_only:
            raise HeldError(
                "the review was opened with read_only",
                path=self.path,
                remedy="Open it without read_only to give verdicts or migrate its log",
            )
        if self._is_closed:
            raise self._error("this review is closed", _REOPEN)
        was_held = self._lock.is_held
        try:
            self._acquire()
            with self._file.writing() as db:
                yield db
                # Another thread may add more images meanwhile.
                images = [*self._new_images]
                insert_images(db, images)
            del self._new_images[: len(images)]
            was_held = True
        finally:
            # Keep a new lock only after a successful write.
            if not was_held:
                self._lock.release()

    def _acquire(self) -> None:
        """Acquire the lock; raise a StoreError if another process holds it."""
        try:
            writer = self._lock.acquire(self._shared_lock)
        except LocksUnsupportedError as error:
            raise self._error(
                f"the folder cannot lock files ({error.strerror})",
                "Name an output on a local disk",
            ) from error
        except OSError as error:
            raise self._file.write_error(error) from error
        if writer is not None:
            self._is_onlooker = True
            raise HeldError(
                f"this review is open elsewhere: {writer}",
                path=self.path,
                remedy="Close the other window, then reopen the review for editing",
            )

    def _prepare(self, db: sa.Connection) -> list[Entry]:
        """Write missing parts of the log to the file.

        Return the entries of an earlier, failed write that are in the file after all.
        """
        binding = self._binding
        if not self._file.has_tables(db):
            assert binding is not None, "a file is made for a table"
            self._file.create_tables(db, self._contents, binding)
        if not self._file.is_current(db):
            raise self._error("an older version of it was restored", _REOPEN)
        newest = sa.select(DECISIONS).order_by(DECISIONS.c.position.desc()).limit(1)
        last = db.execute(newest).first()
        stored = 0 if last is None else last.position
        log = self._on_disk
        landed: list[Entry] = []
        if stored > len(log):
            log, landed = [*log, *self._doubtful], self._doubtful
        if stored > len(log) or (
            last is not None
            and (last.log_id, last.digest)
            != (log[stored - 1].log_id, log[stored - 1].digest)
        ):
            raise self._changed()
        insert_entries(db, log[stored:], stored)
        known = set(db.scalars(sa.select(SAVES.c.digest)))
        insert_saves(db, [self._saves[one] for one in self._saves.keys() - known])
        self._is_onlooker = False
        if binding is not None:
            own = {"log_id": self._contents.log_id, "home": self._file.home}
            db.execute(sa.update(REVIEW), own | plain_values(binding))
        return landed

    def _migrate(self) -> None:
        was_held = self._lock.is_held
        with self._writing() as db:
            self._file.migrate(db)
        if not was_held:
            self._lock.release()

    def _changed(self) -> StoreError:
        if not self._is_onlooker:
            return self._error("another program has written to it", _REOPEN)
        return HeldError(
            "another window continued this review after it was opened here",
            path=self.path,
            remedy="Reopen the review for editing to see its verdicts and to give more",
        )

    def _error(self, what: str, remedy: str) -> StoreError:
        return StoreError(what, path=self.path, remedy=remedy)
