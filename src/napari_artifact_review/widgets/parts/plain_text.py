"""Functions that show texts from files literally, not as HTML or shortcuts."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_artifact_review.core.texts import not_html, on_one_line, printable


def show_as_plain(label: QLabel) -> None:
    """Make a label show every text literally, never as HTML."""
    label.setTextFormat(Qt.TextFormat.PlainText)


def plain_label(text: str = "", *, wraps: bool = True) -> QLabel:
    """Return a label that shows every text literally."""
    label = QLabel(text)
    show_as_plain(label)
    label.setWordWrap(wraps)
    label.setIndent(0)
    return label


def tooltip_text(text: str) -> str:
    """Return a text for a tooltip, which Qt does not interpret as HTML."""
    return not_html(text)


def button_text(text: str) -> str:
    """Return a text for a button or a menu, in which `&` is not a shortcut."""
    return printable(text).replace("&", "&&")


def html_text(text: str) -> str:
    """Return a text escaped for HTML, with `<br>` for line breaks."""
    return escape(printable(text), quote=False).replace("\n", "<br>")


def shortened(text: str, most: int) -> str:
    """Return a text on one line, with at most a number of characters."""
    line = on_one_line(text[: most + 1])
    return line if len(line) <= most else f"{line[: most - 1]}…"
