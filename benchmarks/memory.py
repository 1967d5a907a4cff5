"""How much memory this process takes."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_PROCESS = psutil.Process()


def now() -> int:
    """Return the bytes of memory that this process has now."""
    return int(_PROCESS.memory_info().rss)


class Peak:
    """Watches the memory of this process while something is done.

    Attributes
    ----------
    bytes : int
        The most that it had, pages of mapped files included.
    mapped : int
        How much of that were files, which the system takes back when it needs memory.
    """

    def __init__(self) -> None:
        self.bytes = self.mapped = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Watch no more."""
        self._end.set()
        self._thread.join()
        # Code that holds the interpreter lets no sample be taken; Linux keeps count.
        self.bytes = max(self.bytes, _high_water())

    def _watch(self) -> None:
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
