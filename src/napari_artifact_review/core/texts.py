"""Texts from files and other computers, made safe to display; numbers in full."""

from __future__ import annotations

import math
import re

# All control characters except tab and line feed; line and paragraph separators, which
# end a line in some programs; overrides of the writing direction; bytes that are not
# Unicode.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)

# The two patterns by which Qt recognises HTML in a text.
_MARKUP = re.compile("<|&(?=lt;)")


def printable(text: str) -> str:
    r"""Return a text with its control characters as escapes, such as ``\x1b``.

    A terminal could run them as commands. Tabs and line feeds are unchanged.
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def on_one_line(text: str) -> str:
    """Return a printable text with its lines joined by spaces."""
    return printable(text.replace("\n", " "))


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return a number of things, such as "1 image" or "2,000 images".

    By default, the plural is the noun and an "s".
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def not_html(text: str) -> str:
    """Return a printable text that Qt displays as plain text.

    In tooltips, in napari's notifications and in its status bar, Qt guesses whether a
    text is HTML. An invisible zero-width space after each ``<``, and after the ``&`` of
    each ``&lt;``, prevents this.
    """
    return _MARKUP.sub(lambda found: f"{found[0]}\u200b", printable(text))


def plain_number(value: float, digits: int = 7) -> str:
    """Return a number as a text, whole numbers in full.

    Parameters
    ----------
    value : float
        The number; it may be NaN or infinite.
    digits : int
        Significant digits of a number with a fraction.
    """
    if math.isfinite(value) and value == int(value) and abs(value) < 10**15:
        return f"{int(value)}"
    return f"{value:.{digits}g}"
