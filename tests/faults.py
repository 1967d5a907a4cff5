"""A simulated disk that records each call, fails on request, and can lose its power.

It sees every call of Python's `os` and `open` below one folder, but no call that a
library such as SQLite makes by itself.

    for fault in every_fault():
        with Disk(folder, fault):
            ...  # save, and expect either success or one error of the project's
        ...  # then check on the real disk what is left
"""

from __future__ import annotations

import builtins
import errno
import io
import itertools
import math
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

#: The steps that are recorded and can fail; those of a folder have their own names.
STEPS = (
    "open",
    "read",
    "write",
    "flush",
    "truncate",
    "fsync",
    "close",
    "stat",
    "chmod",
    "utime",
    "replace",
    "rename",
    "link",
    "unlink",
    "open folder",
    "fsync folder",
    "close folder",
)
CODES = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS)

#: The contents, after a power cut, of a file that was changed and not synced since.
LOST = b"\0 lost with the power \0"


@dataclass
class Fault:
    """The fault of a step: its nth call fails, `times` times.

    Attributes
    ----------
    step : str
        One of `STEPS`.
    nth : int
        The first call to fail, from 1.
    code : int
        The `errno` of the failure.
    times : float
        Number of calls that fail; `math.inf` for all that follow.
    hits : int
        How often it has failed.
    """

    step: str
    nth: int = 1
    code: int = errno.EIO
    times: float = 1
    hits: int = 0
    _calls: int = field(default=0, repr=False)

    def strike(self, step: str, path: Path) -> None:
        if step != self.step:
            return
        self._calls += 1
        if self.nth <= self._calls < self.nth + self.times:
            self.hits += 1
            raise OSError(self.code, os.strerror(self.code), str(path))


def every_fault(
    steps: Iterable[str] = STEPS, codes: Iterable[int] = CODES
) -> Iterator[Fault]:
    """Yield faults of each step's first, second, ... call, while a run gets that far.

    The body of the loop must run the same operation each time, in a `Disk` with the
    fault. SQLite's tests work in the same way.
    """
    for step, code, times in itertools.product(steps, codes, (1, math.inf)):
        for nth in itertools.count(1):
            fault = Fault(step, nth, code, times)
            yield fault
            if not fault.hits:
                break


class Call(NamedTuple):
    """A call that succeeded; `path` is the first of two."""

    step: str
    path: Path


class Disk:
    """A folder with recorded calls that may fail, as a context manager.

    Parameters
    ----------
    folder : Path
        The real folder; the disk ignores calls outside it.
    *faults : Fault
        The faults.

    Attributes
    ----------
    calls : list of Call
        The successful calls, in order.
    power_cuts : list
        For a power cut before the first call and after each: every possible state of
        the disk, as contents by path. Until its folder is synced, a new name may be
        missing; a file that was changed and not synced since is `LOST`.
    """

    def __init__(self, folder: Path, *faults: Fault) -> None:
        self.folder = Path(os.path.realpath(folder))
        self.faults = faults
        self.calls: list[Call] = []
        self.power_cuts: list[list[dict[Path, bytes]]] = []
        self._handles: dict[int, tuple[Path, _File]] = {}
        self._patches = pytest.MonkeyPatch()

    @property
    def steps(self) -> list[str]:
        """The steps of the calls, in order."""
        return [call.step for call in self.calls]

    @property
    def left_open(self) -> list[Path]:
        """The files that were opened and not closed."""
        return [path for path, _file in self._handles.values()]

    def __enter__(self) -> Disk:
        files = (path for path in self.folder.rglob("*") if not path.is_symlink())
        self._names = {p: _File(p.read_bytes()) for p in files if p.is_file()}
        self._durable = dict(self._names)
        self._unsure: list[tuple[set[Path], _Renaming]] = []
        self.power_cuts = [self._states()]

        self._real_open, self._stat = open, os.stat
        self._os_open, self._os_close = os.open, os.close
        patch = self._patches.setattr
        patch(os, "open", self._open)
        patch(os, "close", self._close)
        for name in ("read", "write", "fsync"):
            patch(os, name, self._on_handle(name, getattr(os, name)))
        patch(os, "ftruncate", self._on_handle("truncate", os.ftruncate))
        for name in ("stat", "chmod", "utime"):
            patch(os, name, self._on_path(name, getattr(os, name)))
        for name in ("replace", "rename", "link", "unlink"):
            patch(os, name, self._on_name(name, getattr(os, name)))
        patch(os, "remove", os.unlink)
        patch(io, "open", self._open_stream)
        patch(builtins, "open", self._open_stream)
        patch(io, "BufferedWriter", self._buffered_writer())
        return self

    def __exit__(self, *_error: object) -> None:
        self._patches.undo()

    def _mine(self, path: Any) -> Path | None:
        """Return the full path of a name in the folder; None for other names."""
        if isinstance(path, int):
            return self._handles[path][0] if path in self._handles else None
        full = Path(os.fsdecode(path)).absolute()
        full = Path(os.path.realpath(full.parent)) / full.name
        return full if full.is_relative_to(self.folder) else None

    def _is_folder(self, path: Path) -> bool:
        try:
            return stat.S_ISDIR(self._stat(path).st_mode)
        except OSError:
            return False

    def _strike(self, step: str, path: Path) -> None:
        for fault in self.faults:
            fault.strike(step, path)

    def _note(self, step: str, path: Path) -> None:
        self.calls.append(Call(step, path))
        self.power_cuts.append(self._states())

    def _rename(self, change: _Renaming, *paths: Path) -> None:
        change(self._names)
        self._unsure.append(({path.parent for path in paths}, change))

    def _states(self) -> list[dict[Path, bytes]]:
        names = dict(self._durable)
        states = [{path: file.kept for path, file in names.items()}]
        for _folders, change in self._unsure:
            change(names)
            states.append({path: file.kept for path, file in names.items()})
        return states

    def _open(self, path: Any, flags: int, *args: Any, **options: Any) -> int:
        mine = self._mine(path)
        if mine is None:
            return self._os_open(path, flags, *args, **options)
        mine = Path(os.path.realpath(mine))
        step = "open folder" if self._is_folder(mine) else "open"
        self._strike(step, mine)
        handle = self._os_open(path, flags, *args, **options)
        if step == "open" and mine not in self._names:
            file = _File(b"")
            self._rename(lambda names: names.update({mine: file}), mine)
        file = self._names.get(mine, _File(b""))
        if flags & os.O_TRUNC:
            file.kept = LOST
        self._handles[handle] = mine, file
        self._note(step, mine)
        return handle

    def _close(self, handle: int) -> None:
        path, _file = self._handles.pop(handle, (None, None))
        self._os_close(handle)
        if path is not None:
            # As in the system, the handle is closed also if the call fails.
            step = "close folder" if self._is_folder(path) else "close"
            self._strike(step, path)
            self._note(step, path)

    def _on_handle(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(handle: Any, *args: Any) -> Any:
            if not isinstance(handle, int):
                handle = handle.fileno()
            if handle not in self._handles:
                return real(handle, *args)
            path, file = self._handles[handle]
            step = f"{name} folder" if self._is_folder(path) else name
            self._strike(step, path)
            # The code below computes the effect of a sync; a real sync takes long.
            answer = None if name == "fsync" else real(handle, *args)
            if step in ("write", "truncate"):
                file.kept = LOST
            elif step == "fsync":
                now = next((p for p, f in self._names.items() if f is file), None)
                if now is not None:
                    with self._real_open(now, "rb") as stream:
                        file.kept = stream.read()
            elif step == "fsync folder":
                unsure = self._unsure
                self._unsure = [each for each in unsure if path not in each[0]]
                for folders, change in unsure:
                    if path in folders:
                        change(self._durable)
            self._note(step, path)
            return answer

        return call

    def _on_path(self, step: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *args: Any, **options: Any) -> Any:
            mine = self._mine(path)
            if mine is None:
                return real(path, *args, **options)
            self._strike(step, mine)
            answer = real(path, *args, **options)
            self._note(step, mine)
            return answer

        return call

    def _on_name(self, step: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *to: Any, **options: Any) -> Any:
            old, *new = (self._mine(each) for each in (path, *to))
            if old is None:
                return real(path, *to, **options)
            self._strike(step, old)
            answer = real(path, *to, **options)

            def change(names: dict[Path, _File]) -> None:
                file = names.get(old) if step == "link" else names.pop(old, None)
                if file is not None:
                    names.update(dict.fromkeys(filter(None, new), file))

            self._rename(change, old, *filter(None, new))
            self._note(step, old)
            return answer

        return call

    def _open_stream(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Callable[[Any, int], int] | None = None,
    ) -> Any:
        """Open a file as `open` does, through recorded calls."""
        if self._mine(file) is None:
            text = (encoding, errors, newline)
            return self._real_open(file, mode, buffering, *text, closefd, opener)
        flags = os.O_RDWR if "+" in mode else os.O_RDONLY
        if "r" not in mode:
            kind = {"w": os.O_TRUNC, "x": os.O_EXCL, "a": os.O_APPEND}
            flags = flags or os.O_WRONLY
            flags |= os.O_CREAT | kind[mode.strip("bt+")]
        flags |= getattr(os, "O_BINARY", 0)
        if isinstance(file, int):
            handle = file
        else:
            handle = opener(file, flags) if opener else os.open(file, flags, 0o666)
        raw = _Raw(handle, mode, closefd)
        if buffering == 0:
            return raw
        if "+" in mode:
            stream: Any = io.BufferedRandom(raw)
        else:
            stream = (io.BufferedReader if "r" in mode else io.BufferedWriter)(raw)
        if "b" in mode:
            return stream
        return io.TextIOWrapper(stream, encoding, errors, newline)

    def _buffered_writer(disk) -> type[io.BufferedWriter]:  # noqa: N805
        class Writer(io.BufferedWriter):
            """Records explicit flushes, but not the one on closing."""

            closing = False

            def flush(self) -> None:
                path = None if self.closing else disk._mine(_handle_of(self))
                if path is not None:
                    disk._strike("flush", path)
                super().flush()
                if path is not None:
                    disk._note("flush", path)

            def close(self) -> None:
                self.closing = True
                super().close()

        return Writer


@dataclass(eq=False)
class _File:
    """The contents of a file after a power cut, under any name."""

    kept: bytes


_Renaming = Callable[[dict[Path, _File]], None]


class _Raw(io.RawIOBase):
    """A file through `os`, which records its calls; Python's own bypasses `os`."""

    def __init__(self, handle: int, mode: str, closefd: bool) -> None:
        self._handle, self.mode, self._closefd = handle, mode, closefd

    def fileno(self) -> int:
        return self._handle

    def readable(self) -> bool:
        return "r" in self.mode or "+" in self.mode

    def writable(self) -> bool:
        return "r" not in self.mode or "+" in self.mode

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = os.read(self._handle, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: Any) -> int:
        return os.write(self._handle, data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._handle, offset, whence)

    def truncate(self, size: int | None = None) -> int:
        size = self.tell() if size is None else size
        os.ftruncate(self._handle, size)
        return size

    def close(self) -> None:
        if not self.closed:
            super().close()
            if self._closefd:
                os.close(self._handle)


def _handle_of(stream: Any) -> int:
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return -1
