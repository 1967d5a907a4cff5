"""Texts from files in widgets: shown as they are, never as HTML or as a shortcut."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_artifact_review.core.texts import not_html, printable


def show_as_plain(label: QLabel) -> None:
    """Have a label show every text as it is."""
    label.setTextFormat(Qt.TextFormat.PlainText)


def tooltip_text(text: str) -> str:
    """Return a text for a tooltip, in which Qt finds no HTML."""
    return not_html(text)


def button_text(text: str) -> str:
    """Return a text for a button or a menu, in which `&` is no shortcut."""
    return printable(text).replace("&", "&&")


def html_text(text: str) -> str:
    """Return a text as a part of a label's HTML."""
    return escape(printable(text), quote=False).replace("\n", "<br>")
