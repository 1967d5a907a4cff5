"""Measure the memory of this process."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_PROCESS = psutil.Process()


def current() -> int:
    """Return the resident memory of this process, in bytes."""
    return int(_PROCESS.memory_info().rss)


class Private:
    """The peak of the private memory of this process, as a context manager.

    Attributes
    ----------
    bytes : int
        The peak, without pages of files and libraries that processes share.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        """Start to sample."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop sampling."""
        self._end.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._end.wait(0.1):
            self.bytes = max(self.bytes, _PROCESS.memory_full_info().uss)


class Peak:
    """The peak of the memory of this process, as a context manager.

    Attributes
    ----------
    bytes : int
        The peak, including pages of mapped files.
    mapped : int
        The part of mapped files at the peak, which the system can reclaim.
    """

    def __init__(self) -> None:
        self.bytes = self.mapped = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        """Start to sample."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop sampling."""
        self._end.set()
        self._thread.join()
        # Code that holds the interpreter stops sampling, but Linux records the peak.
        self.bytes = max(self.bytes, _high_water())

    def _sample(self) -> None:
        while not self._end.wait(0.01):
            info = _PROCESS.memory_info()
            if info.rss > self.bytes:
                self.bytes, self.mapped = info.rss, getattr(info, "shared", 0)


def _high_water() -> int:
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else []:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
