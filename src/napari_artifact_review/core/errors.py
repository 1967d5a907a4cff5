"""The exceptions for faults in a user's files."""

from __future__ import annotations

from pathlib import Path
from typing import Self


class ReviewError(Exception):
    """A fault that the user can correct: what is wrong, where, and what to do.

    Parameters
    ----------
    what : str
        What is wrong, as a phrase without a full stop.
    path : path-like, optional
        The file or folder at fault.
    where : str, optional
        The location inside the file: row, column, HDU.
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
        location = ", ".join(str(part) for part in (path, where) if part is not None)
        message = f"{location}: {what}" if location else what
        super().__init__(f"{message}. {remedy}." if remedy else f"{message}.")

    def again(self) -> Self:
        """Copy the error without traceback, so that a cached error keeps no frames."""
        other = type(self)(
            self.what, path=self.path, where=self.where, remedy=self.remedy
        )
        other.__dict__.update(self.__dict__)
        return other


class TableError(ReviewError):
    """The predictions table cannot be read, or lacks data that a review needs."""


class ImageError(ReviewError):
    """A full image is missing, ambiguous, or cannot be read."""


class SaveError(ReviewError):
    """The reviewed table could not be written; an existing file is not damaged."""


class StoreError(ReviewError):
    """The log of decisions cannot be read or written; it was not changed."""


class HeldError(StoreError):
    """The log is not for this window to write: it is open elsewhere, or read-only."""
