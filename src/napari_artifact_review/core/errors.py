"""Exceptions for problems with the user's files."""

from __future__ import annotations

from pathlib import Path
from typing import Self


class ReviewError(Exception):
    """Base class of errors that the user can correct.

    Parameters
    ----------
    what : str
        Description of the problem, as a phrase without a full stop.
    path : path-like, optional
        The affected file or folder.
    where : str, optional
        Location inside the file: row, column, HDU.
    remedy : str, optional
        Advice for the user.
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
        """Copy the error without traceback, so that it does not keep frames alive."""
        other = type(self)(
            self.what, path=self.path, where=self.where, remedy=self.remedy
        )
        other.__dict__.update(self.__dict__)
        return other


class TableError(ReviewError):
    """Error for a predictions table that is unreadable or lacks required data."""


class ImageError(ReviewError):
    """Error for a full image that is missing, ambiguous or unreadable."""


class SaveError(ReviewError):
    """Error for a file that could not be written; an existing file is intact."""


class StoreError(ReviewError):
    """Error for a log of decisions that cannot be read or written; it is unchanged."""


class HeldError(StoreError):
    """Error for a log that is open elsewhere or read-only."""
