"""Lock that lets only one process at a time write to a log."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from napari_artifact_review.core.decisions.decision import utc_now
from napari_artifact_review.core.decisions.reviewer_names import login_name

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

#: Error numbers reported by file systems without locks, such as some network folders.
_NO_LOCKS = {
    getattr(errno, name)
    for name in ("ENOLCK", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL")
    if hasattr(errno, name)
}

#: Seconds to wait for another window of this process to release the lock.
_RELEASE_TIMEOUT = 12.0

#: Offset of the byte that is locked on Windows. It is after the end of the text, so
#: that other processes can read the text.
_LOCKED_BYTE = 1 << 30


class LocksUnsupportedError(OSError):
    """Error raised if a file system cannot lock files or sync them to the disk."""


@dataclass(frozen=True)
class Writer:
    """Description of the process that holds a lock, shown in messages.

    Attributes
    ----------
    host : str
        Name of the computer.
    pid : int
        Process id on that computer.
    user : str
        Login name.
    since : str
        Time in UTC (ISO 8601) at which the process acquired the lock; empty if the lock
        file does not tell.
    """

    host: str
    pid: int
    user: str
    since: str

    @classmethod
    def here(cls) -> Writer:
        """Return a description of this process."""
        return cls(socket.gethostname(), os.getpid(), login_name(), utc_now())

    def __str__(self) -> str:
        if not self.since:
            return "an unknown process"
        is_here = (self.host, self.pid) == (socket.gethostname(), os.getpid())
        window = " (another window of this one)" if is_here else ""
        since = self.since[:16].replace("T", " ")
        return (
            f"process {self.pid}{window} on {self.host}, user {self.user}, since "
            f"{since} UTC"
        )


class _Held:
    """A lock held by this process, and the number of objects that share the lock."""

    def __init__(self, handle: int, writer: Writer) -> None:
        self.handle = handle
        self.writer = writer
        self.users = 1
        # Number of users that have announced that they will release the lock.
        self.releasing = 0
        self.released = threading.Event()


#: Locks held by this process, by device and inode of the lock file.
_held: dict[tuple[int, int], _Held] = {}
# Reentrant, because the garbage collector may close a forgotten session, and so
# announce a release, while its thread acquires a lock.
_guard = threading.RLock()


class WriterLock:
    """A lock that the operating system sets on a separate lock file.

    The system releases the lock when the process ends, even in a container. A forked
    child process does not inherit the lock. The SQLite file itself is not locked,
    because closing any descriptor of that file would release SQLite's own locks
    (https://www.sqlite.org/howtocorrupt.html, 2.2).

    Parameters
    ----------
    path : Path
        The lock file. `release` does not delete it; otherwise, two processes could each
        lock a different file at this path.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._key: tuple[int, int] | None = None
        self._is_releasing = False
        self._pid = os.getpid()

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock in this process."""
        return self._key is not None and self._pid == os.getpid()

    def acquire(self, shared_with: WriterLock | None = None) -> Writer | None:
        """Acquire the lock, unless another process or window holds it.

        If a window of this process has announced that it will release the lock, wait
        for the release.

        Parameters
        ----------
        shared_with : WriterLock, optional
            Another object of this process. If it holds a lock on the same file, both
            objects share the lock.

        Returns
        -------
        Writer or None
            The process that holds the lock; None if this object now holds it.

        Raises
        ------
        LocksUnsupportedError
            If the file system does not support locks.
        OSError
            If the file cannot be created or written.
        """
        if self.is_held:
            return None
        with _guard:
            known = self._in_this_process()
        if known is not None:
            key, held = known
            is_shared = shared_with is not None and shared_with._key == key
            if held.releasing == held.users and not is_shared:
                held.released.wait(_RELEASE_TIMEOUT)
        with _guard:
            known = self._in_this_process()
            if known is not None:
                key, held = known
                if shared_with is None or shared_with._key != key:
                    return held.writer
                held.users += 1
            else:
                handle = os.open(
                    self.path, os.O_RDWR | os.O_CREAT | _CLOSE_ON_EXEC, 0o666
                )
                try:
                    if not _lock(handle):
                        os.close(handle)
                        return _read_writer(self.path)
                    writer = Writer.here()
                    _write(handle, writer)
                except BaseException:
                    with suppress(OSError):
                        os.close(handle)
                    raise
                key = _key_of(os.fstat(handle))
                _held[key] = _Held(handle, writer)
            self._key, self._pid = key, os.getpid()
        return None

    def announce_release(self) -> None:
        """Announce that `release` will follow, so that other windows wait for it."""
        with _guard:
            if self._key is not None and self.is_held and not self._is_releasing:
                self._is_releasing = True
                _held[self._key].releasing += 1

    def release(self) -> None:
        """Release the lock if this object holds it in this process."""
        with _guard:
            key, self._key = self._key, None
            if key is None or self._pid != os.getpid():
                return
            held = _held[key]
            held.users -= 1
            held.releasing -= self._is_releasing
            self._is_releasing = False
            if not held.users:
                del _held[key]
                # Closing the file releases the lock. Unlocking the file would also
                # release the lock of a parent process that shares the descriptor.
                os.close(held.handle)
                held.released.set()

    def _in_this_process(self) -> tuple[tuple[int, int], _Held] | None:
        """Return the key and the lock that this process holds on the file, or None.

        The file is not opened again, because closing it on NFS would release the lock.
        """
        try:
            key = _key_of(self.path.stat())
        except FileNotFoundError:
            return None
        held = _held.get(key)
        return None if held is None else (key, held)


_CLOSE_ON_EXEC = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0)


def _key_of(info: os.stat_result) -> tuple[int, int]:
    return info.st_dev, info.st_ino


def _lock(handle: int) -> bool:
    """Lock a file; return False if another process has locked it."""
    try:
        if sys.platform == "win32":
            os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        if error.errno in _NO_LOCKS:
            raise LocksUnsupportedError(*error.args) from error
        raise
    return True


def _write(handle: int, writer: Writer) -> None:
    """Write the description of the writer to the lock file, and sync it to the disk."""
    text = json.dumps(asdict(writer)).encode()
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, text)
    os.ftruncate(handle, len(text))
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise LocksUnsupportedError(*error.args) from error
        raise


def _read_writer(path: Path) -> Writer:
    """Read the description of the writer from a lock file."""
    unknown = Writer("an unknown computer", 0, "unknown", "")
    try:
        found = json.loads(path.read_bytes()[:4096])
        host, user, since = (str(found[name]) for name in ("host", "user", "since"))
        return Writer(host, int(found["pid"]), user, since)
    except (OSError, TypeError, ValueError, LookupError):
        # The file is unreadable, or the other process has not written to it yet.
        return unknown


def _forget_in_child() -> None:
    """Close inherited lock files in a forked child; the parent keeps its locks."""
    global _guard
    _guard = threading.RLock()
    for held in _held.values():
        os.close(held.handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
