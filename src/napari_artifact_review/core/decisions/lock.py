"""The lock of a log: one process at a time writes to it."""

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

from napari_artifact_review.core.decisions.log import login_name, utc_now

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

#: Errors of a file system that has no locks, as some network folders.
_NO_LOCKS = {
    getattr(errno, name)
    for name in ("ENOLCK", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL")
    if hasattr(errno, name)
}

#: Seconds to wait for a window of this process that is being closed.
_ENDING_TIMEOUT = 12.0

#: Where Windows locks a byte: beyond the text, which others may read.
_LOCKED_BYTE = 1 << 30


class LocksUnsupportedError(OSError):
    """The file system of a folder has no locks, or cannot write through to the disk."""


@dataclass(frozen=True)
class Writer:
    """The process that holds a lock, as people are told; it is no evidence.

    Attributes
    ----------
    host : str
        The computer's name.
    pid : int
        The number of the process there.
    user : str
        The login name.
    since : str
        The time in UTC (ISO 8601) at which it acquired the lock.
    """

    host: str
    pid: int
    user: str
    since: str

    @classmethod
    def here(cls) -> Writer:
        """Return the description of this process."""
        return cls(socket.gethostname(), os.getpid(), login_name(), utc_now())

    def __str__(self) -> str:
        is_here = (self.host, self.pid) == (socket.gethostname(), os.getpid())
        window = " (another window of this one)" if is_here else ""
        since = self.since[:16].replace("T", " ")
        return (
            f"process {self.pid}{window} on {self.host}, user {self.user}, since "
            f"{since} UTC"
        )


class _Held:
    """A lock that this process holds, with the number of its users here."""

    def __init__(self, handle: int, writer: Writer) -> None:
        self.handle = handle
        self.writer = writer
        self.users = 1
        # The users that release it soon.
        self.ending = 0
        self.released = threading.Event()


#: The locks that this process holds, by the identity of their files.
_held: dict[tuple[int, int], _Held] = {}
_guard = threading.Lock()


class WriterLock:
    """An operating system's lock on a file of its own.

    It ends with the process, however that ends, in containers too. A file of its own is
    locked, since closing any descriptor of an SQLite file drops SQLite's locks
    (https://www.sqlite.org/howtocorrupt.html, 2.2). A forked child holds nothing.

    Parameters
    ----------
    path : Path
        The lock's file. It stays when the lock is released: to remove it would let two
        processes lock two files of one name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._key: tuple[int, int] | None = None
        self._is_ending = False
        self._pid = os.getpid()

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._key is not None and self._pid == os.getpid()

    def acquire(self, shared_with: WriterLock | None = None) -> Writer | None:
        """Acquire the lock; return the other writer if there is one, else None.

        One of this process that is to be released soon is waited for.

        Parameters
        ----------
        shared_with : WriterLock, optional
            Another one of this process, with which this one may share the lock.

        Raises
        ------
        LocksUnsupportedError
            If the file system has no locks.
        OSError
            If the file cannot be made or written.
        """
        if self.is_held:
            return None
        with _guard:
            known = self._in_this_process()
        if known is not None:
            key, held = known
            is_shared = shared_with is not None and shared_with._key == key
            if held.ending == held.users and not is_shared:
                held.released.wait(_ENDING_TIMEOUT)
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

    def end_soon(self) -> None:
        """Tell others of this process that it is released soon, and worth a wait."""
        with _guard:
            if self._key is not None and self.is_held and not self._is_ending:
                self._is_ending = True
                _held[self._key].ending += 1

    def release(self) -> None:
        """Release the lock, if this object holds it in this process."""
        with _guard:
            key, self._key = self._key, None
            if key is None or self._pid != os.getpid():
                return
            held = _held[key]
            held.users -= 1
            held.ending -= self._is_ending
            self._is_ending = False
            if not held.users:
                del _held[key]
                # Closing releases it. To unlock would also do so for the parent of a
                # process that inherited the descriptor.
                os.close(held.handle)
                held.released.set()

    def _in_this_process(self) -> tuple[tuple[int, int], _Held] | None:
        """Return the lock on the same file that this process holds, if any.

        It is looked up first: on NFS, closing a second descriptor would release it.
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
    """Lock a file; return False if another process has done so."""
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
    """Write a description of the writer through to the disk."""
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
    """Return the writer that a lock's file describes."""
    unknown = Writer("an unknown computer", 0, "unknown", "")
    try:
        told = json.loads(path.read_bytes()[:4096])
        host, user, since = (str(told[name]) for name in ("host", "user", "since"))
        return Writer(host, int(told["pid"]), user, since)
    except (OSError, TypeError, ValueError, LookupError):
        # The other process has not written it yet, or the folder keeps it from us.
        return unknown


def _forget_in_child() -> None:
    """Close what a forked child inherited; the parent's locks stay as they are."""
    global _guard
    _guard = threading.Lock()
    for held in _held.values():
        os.close(held.handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
