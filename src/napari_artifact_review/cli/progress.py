"""The progress of a run over many images on a terminal, or as plain lines."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.texts import counted, on_one_line
from napari_artifact_review.core.training.running.run_listener import RunListener

#: Seconds between two plain lines, and between two drawings of the bar.
LINE_SECONDS, BAR_SECONDS = 60.0, 0.1

#: Number of characters of the bar.
_WIDTH = 30


class PrintedProgress(RunListener):
    """A listener that prints messages, and a bar if the stream is a terminal.

    Parameters
    ----------
    stream : text stream, optional
        Where to print; by default standard error.
    done : str
        What is done with an image, as a participle.
    """

    def __init__(self, stream: TextIO | None = None, done: str = "scored") -> None:
        self._participle = done
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = self._stream.isatty()
        self._images = self._current = self._done = 0
        self._began = self._printed = 0.0
        self._shown = ""

    @property
    def text(self) -> str:
        """The progress in words."""
        done = self._current + self._done
        return f"{done:,} of {counted(self._images, 'image')}"

    def begin(self, images: int, current: int) -> None:
        """Receive the number of all images, and of those whose part is current."""
        self._images, self._current = images, current
        self._began = self._printed = time.monotonic()
        if current:
            are = "is" if current == 1 else "are"
            of = counted(images, "image")
            self.notice(f"{current:,} of {of} {are} {self._participle} already.")

    def advance(self) -> None:
        """Learn that one more image is finished, or cannot be used."""
        self._done += 1
        now = time.monotonic()
        is_last = self._current + self._done >= self._images
        pause = BAR_SECONDS if self._is_terminal else LINE_SECONDS
        if is_last or now - self._printed >= pause:
            self._printed = now
            self._show(self._describe(now))

    def fault(self, error: ImageError) -> None:
        """Print the error of an image on a line."""
        self.notice(str(error))

    def notice(self, text: str) -> None:
        """Print a message on a line."""
        self._print(f"{on_one_line(text)}\n")
        if self._shown:
            self._stream.write(self._shown)
            self._stream.flush()

    def end(self) -> None:
        """Leave the bar, so that the next text is on a line of its own."""
        if self._shown:
            self._shown = ""
            self._stream.write("\n")
            self._stream.flush()

    def _describe(self, now: float) -> str:
        each = (now - self._began) / self._done
        left = each * (self._images - self._current - self._done)
        return f"{self.text}, {each:.2g} s each, {_duration(left)} left"

    def _show(self, text: str) -> None:
        if not self._is_terminal:
            self._print(f"{text}\n")
            return
        filled = _WIDTH * (self._current + self._done) // max(1, self._images)
        bar = f"[{'#' * filled}{' ' * (_WIDTH - filled)}] {text}"
        self._print(bar)
        self._shown = bar

    def _print(self, text: str) -> None:
        # Replace the bar by the text.
        erase = f"\r{' ' * len(self._shown)}\r" if self._shown else ""
        self._stream.write(f"{erase}{text}")
        self._stream.flush()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
