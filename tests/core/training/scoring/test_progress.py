"""The progress that the command prints."""

from __future__ import annotations

import io

from napari_artifact_review.cli import progress
from napari_artifact_review.cli.progress import PrintedProgress
from napari_artifact_review.core.errors import ImageError


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(text):
    """Return the lines that a terminal shows after a text."""
    lines = []
    for line in text.split("\n"):
        cells: list[str] = []
        for part in line.split("\r"):
            cells[: len(part)] = part
        lines.append("".join(cells).rstrip())
    return lines


def play(stream):
    printed = PrintedProgress(stream)
    printed.begin(4, 1)
    printed.advance()
    printed.fault(ImageError("the file is empty", path="a\x1b.fits"))
    printed.advance()
    printed.notice("One sentence.")
    printed.advance()
    printed.end()
    return stream.getvalue()


def test_a_terminal_has_a_bar_under_the_messages(monkeypatch):
    monkeypatch.setattr(progress, "BAR_SECONDS", 0)
    lines = shown(play(Terminal()))
    assert lines[0] == "1 of 4 images is scored already."
    assert lines[1:3] == [r"a\x1b.fits: the file is empty.", "One sentence."]
    assert lines[3].startswith(f"[{'#' * 30}] 4 of 4 images, ")
    assert lines[4:] == [""]


def test_elsewhere_there_are_lines_and_no_bar(monkeypatch):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0)
    text = play(io.StringIO())
    assert "\r" not in text
    assert [line.partition(",")[0] for line in text.splitlines()] == [
        "1 of 4 images is scored already.",
        "2 of 4 images",
        r"a\x1b.fits: the file is empty.",
        "3 of 4 images",
        "One sentence.",
        "4 of 4 images",
    ]


def test_lines_are_rare_and_the_last_one_is_there():
    text = play(io.StringIO())
    assert [line for line in text.splitlines() if " left" in line] == [
        text.splitlines()[-1]
    ]
