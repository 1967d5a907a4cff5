"""A table of texts, for windows, pages and the clipboard."""

from __future__ import annotations

from typing import NamedTuple


class TextsTable(NamedTuple):
    """A table of texts.

    Attributes
    ----------
    title : str
        What the table shows.
    head : tuple of str
        Titles of the columns.
    rows : tuple of tuple of str
        Texts of each row, the first one its title.
    notes : tuple of str
        Sentences about the table, such as reasons for missing numbers.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def as_text(self) -> str:
        """Return title, lines with tabs between the columns, and notes."""
        lines = map("\t".join, (self.head, *self.rows))
        return "\n".join((self.title, *lines, *self.notes))
