"""What can go wrong with a user's files, as one family of exceptions."""

from __future__ import annotations

from pathlib import Path
from typing import Self


class ReviewError(Exception):
    """A fault that the user can mend: what is wrong, where, and what to do.

    Parameters
    ----------
    what : str
        What is wrong, as a phrase without a full stop.
    path : path-like, optional
        The file or folder that it is about.
    where : str, optional
        The place inside the file: row, column, HDU.
    remedy : str, optional
        What the user can do about it.
    """

    def __init__(
        self,
        what: str,
        *,
        path: str | Path | None = None,
        where: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.what = what
        self.path = None if path is None else Path(path)
        self.where = where
        self.remedy = remedy
        place = ", ".join(str(part) for part in (path, where) if part is not None)
        message = f"{place}: {what}" if place else what
        super().__init__(f"{message}. {remedy}." if remedy else f"{message}.")

    def again(self) -> Self:
        """Return the same error, to be raised; one that is kept must hold no frames."""
        other = type(self)(
            self.what, path=self.path, where=self.where, remedy=self.remedy
        )
        other.__dict__.update(self.__dict__)
        return other


class TableError(ReviewError):
    """The predictions table cannot be read, or does not say what a review needs."""


class ImageError(ReviewError):
    """A full image is missing, ambiguous, or cannot be read."""


class SaveError(ReviewError):
    """The reviewed table could not be written as asked; nothing of it is damaged."""


class StoreError(ReviewError):
    """The store of decisions cannot be read or written; nothing in it was changed."""


class HeldError(StoreError):
    """The log is not this window's to write: it is open elsewhere, or read-only."""
