"""Tooltips with texts from tables."""

from __future__ import annotations

from html import escape


def plain_tooltip(text: str) -> str:
    """Return a tooltip that shows a text as it is, with its line breaks.

    Qt would read a text from a table as HTML if it looks like HTML.
    """
    if not text:
        return ""
    return f"<p style='white-space: pre-wrap'>{escape(text, quote=False)}</p>"
