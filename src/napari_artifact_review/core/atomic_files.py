"""Write files atomically, so that a failed write leaves the old file unchanged."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from napari_artifact_review.core.errors import EncodingError, SaveError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: Delays in seconds between attempts while a file is in use; 2 s in total.
RETRY_DELAYS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.4, 0.4)

# Errors of file systems that cannot sync folders; ignored. PostgreSQL also ignores
# EINVAL (file_utils.c), and SQLite ignores all errors (os_unix.c, ticket 1657).
_CANNOT_SYNC_FOLDERS = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}

# Errors of file systems without hard links, such as exFAT and some network shares.
# Windows reports EINVAL.
_CANNOT_LINK = {
    errno.EPERM,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EINVAL,
}


@dataclass(frozen=True)
class Written:
    """Path and digest of a file that was written.

    Attributes
    ----------
    path : Path
        The requested path, or a dated path in the same folder if another program had
        the requested file open.
    digest : str
        SHA-256 of the file's bytes, in hexadecimal.
    backup : Path or None
        Dated copy of an earlier file that was replaced; None without one.
    """

    path: Path
    digest: str
    backup: Path | None = None

    @property
    def backup_notice(self) -> str:
        """Sentence about the backup; empty without one."""
        if self.backup is None:
            return ""
        return f"{self.path}: the earlier file is kept as {self.backup}."


class NotDurableError(SaveError):
    """Error raised if a new file is complete but may not survive a power cut.

    Parameters
    ----------
    written : Written
        The new file.
    reason : OSError
        Error raised when the folder was synced to the disk.
    """

    def __init__(self, written: Written, reason: OSError) -> None:
        super().__init__(
            "the new file is in place and complete, but the disk did not confirm it "
            f"({reason.strerror or reason}): a power cut may still undo it",
            path=written.path,
            remedy="Save again, or choose an output on another disk",
        )
        self.written = written


def replace_file(
    path: Path,
    write: Callable[[BinaryIO], object],
    about_to_replace: Callable[[str], None] = lambda _digest: None,
) -> Written:
    """Write a file atomically, by renaming a complete temporary file.

    The temporary file is in the same folder, and is synced to the disk before it is
    renamed. A symbolic link is preserved, and the new file has the mode of the old one.
    If writing or renaming fails, the old file is unchanged and the temporary file is
    removed. The function waits up to two seconds while another program has `path` open,
    so do not call it in the main thread.

    Parameters
    ----------
    path : Path
        The file to write.
    write : callable
        Function that receives a binary stream, and writes the contents sequentially.
    about_to_replace : callable, optional
        Function that receives the digest of the new file, before the old file is
        replaced. An exception prevents the replacement.

    Returns
    -------
    Written
        The path and the digest of the new file.

    Raises
    ------
    NotDurableError
        If the new file is complete, but may not survive a power cut.
    EncodingError
        If the file's encoding lacks a character.
    SaveError
        If the file cannot be written.
    """
    remedy = (
        "Nothing was overwritten; choose another output, or free the disk and save "
        "again"
    )
    with _as_save_errors("cannot be written", path, remedy):
        target = Path(os.path.realpath(path))
        replaced = _status(target)
        part = _part_beside(target)
        try:
            digest = _write_part(part, write, like=replaced)
            about_to_replace(digest)
            final = _rename(part, target)
        except UnicodeEncodeError as error:
            text = error.object[error.start : error.end]
            raise EncodingError(
                f"the file's encoding, {error.encoding.upper()}, has no {text!r}",
                path=path,
                remedy="Nothing was overwritten; save it as UTF-8",
            ) from error
        finally:
            _remove(part)
    written = Written(path if final == target else final, digest)
    try:
        _sync_folder(target.parent)
    except OSError as error:
        raise NotDurableError(written, error) from error
    return written


def replace_or_back_up(
    path: Path, write: Callable[[BinaryIO], object], *, is_own: bool
) -> Written:
    """Write a file atomically, after a backup of a file that is not to be lost.

    Parameters
    ----------
    path : Path
        The file to write.
    write : callable
        Function that receives a binary stream, and writes the contents sequentially.
    is_own : bool
        Whether an earlier file may be replaced without a backup. A file that does not
        change needs none in any case.

    Returns
    -------
    Written
        The path and the digest of the new file, and the backup.

    Raises
    ------
    SaveError
        If the file or its backup cannot be written; see `replace_file`.
    """
    present = None if is_own else digest_of(path)
    backup = None

    def keep(digest: str) -> None:
        nonlocal backup
        if present not in (None, digest):
            backup = keep_backup(path)

    written = replace_file(path, write, keep)
    return replace(written, backup=backup)


def keep_backup(path: Path) -> Path | None:
    """Copy a file atomically to a dated path in the same folder.

    Returns
    -------
    Path or None
        Path of the copy, which is synced to the disk; None if `path` does not exist.

    Raises
    ------
    SaveError
        If the file cannot be copied. An incomplete copy is removed.
    """
    what = f"the backup of {path.name} cannot be made"
    with _as_save_errors(what, path, "Nothing was overwritten; choose another output"):
        original = _status(path)
        if original is None:
            return None
        part = _part_beside(path)
        try:
            with path.open("rb") as source:
                _write_part(
                    part, lambda copy: shutil.copyfileobj(source, copy), like=original
                )
            os.utime(part, ns=(original.st_atime_ns, original.st_mtime_ns))
            backup = _give_new_name(part, beside(path, ".backup"))
        finally:
            _remove(part)
        try:
            _sync_folder(path.parent)
        except OSError:
            _remove(backup)
            raise
    return backup


def digest_of(path: Path) -> str | None:
    """Return the SHA-256 of a file in hexadecimal, or None if it does not exist.

    Raises
    ------
    SaveError
        If the file cannot be read.
    """
    remedy = "Check your rights to it, or choose another output"
    with _as_save_errors("cannot be read", path, remedy):
        if _status(path) is None:
            return None
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


def stem_and_suffix(path: Path) -> tuple[str, str]:
    """Split the name of a file; the suffix of "table.csv.gz" is ".csv.gz"."""
    if path.suffix.lower() != ".gz":
        return path.stem, path.suffix
    inner = Path(path.stem)
    return inner.stem, inner.suffix + path.suffix


def beside(path: Path, kind: str = "") -> Path:
    """Return a path in the same folder, with the current time in the file name.

    For example, ``a.csv`` becomes ``a.20250131T120000.000000Z.csv`` (UTC).

    Parameters
    ----------
    path : Path
        Path of the original file.
    kind : str
        Text to insert after the time, for example ".backup".
    """
    stem, suffix = stem_and_suffix(path)
    # Include microseconds, so that two files do not have the same name.
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return path.with_name(f"{stem}.{stamp}{kind}{suffix}")


@contextmanager
def _as_save_errors(what: str, path: Path, remedy: str) -> Iterator[None]:
    """Convert an OSError inside the block to a SaveError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise SaveError(f"{what} ({reason})", path=path, remedy=remedy) from error


def _status(path: Path) -> os.stat_result | None:
    """Return the status of a regular file, or None if it does not exist.

    Raises
    ------
    OSError
        If `path` is not a regular file.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        # A folder cannot be replaced, and reading a pipe may never end.
        raise OSError("this is not a file")
    return status


def _part_beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")


class _HashedFile(io.RawIOBase):
    """A file for sequential writing, which computes the SHA-256 of its contents."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._handle

    def write(self, data: ReadableBuffer, /) -> int:
        count = os.write(self._handle, data)
        self.sha256.update(memoryview(data)[:count])
        return count

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._handle)


def _write_part(
    part: Path, write: Callable[[BinaryIO], object], like: os.stat_result | None
) -> str:
    """Write a new file, sync it to the disk, and return its digest.

    The file has the mode of `like`, or the default mode if `like` is None.
    """
    mode = 0o666 if like is None else stat.S_IMODE(like.st_mode)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    raw = _HashedFile(os.open(part, flags, mode))
    with io.BufferedWriter(raw) as stream:
        write(stream)
        stream.flush()
        # Change the mode only if it differs: some file systems have no modes and
        # raise an error.
        if like is not None and stat.S_IMODE(part.stat().st_mode) != mode:
            part.chmod(mode)
        os.fsync(raw.fileno())
    return raw.sha256.hexdigest()


def _rename(part: Path, target: Path) -> Path:
    """Rename `part` to `target`, and return the new path.

    If another program has `target` open, the new path is a dated path.
    """
    try:
        _retry(lambda: part.replace(target))
    except OSError as error:
        if not _is_held(error):
            raise
        return _give_new_name(part, beside(target))
    return target


def _give_new_name(part: Path, name: Path) -> Path:
    """Link or rename `part` to `name`, without replacing an existing file."""
    try:
        name.hardlink_to(part)
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        if os.path.lexists(name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        part.rename(name)
    return name


def _remove(path: Path) -> None:
    """Remove a file if it exists, and ignore errors."""
    with suppress(OSError):
        _retry(lambda: path.unlink(missing_ok=True))


def _retry(step: Callable[[], object]) -> None:
    """Call a function, and retry for up to two seconds while its file is in use."""
    for delay in RETRY_DELAYS:
        try:
            step()
        except OSError as error:
            if not _is_held(error):
                raise
        else:
            return
        time.sleep(delay)
    step()


def _is_held(error: OSError) -> bool:
    """Return whether an error means that a file is in use or access is denied."""
    code = getattr(error, "winerror", None)
    if code is not None:
        # Access denied, sharing violation or lock violation. On Windows, Python raises
        # PermissionError for a damaged disk too.
        return code in (5, 32, 33)
    return isinstance(error, PermissionError) or error.errno == errno.EBUSY


def _sync_folder(folder: Path) -> None:
    """Sync a folder to the disk, to make a new name durable; do nothing on Windows."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC_FOLDERS:
            raise
    finally:
        os.close(handle)
