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
        Location inside the file, such as a row, a column or an HDU.
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

    def without_traceback(self) -> Self:
        """Return a copy of the error without its traceback.

        A stored traceback would keep frames and their variables in memory.
        """
        other = type(self)(
            self.what, path=self.path, where=self.where, remedy=self.remedy
        )
        other.__dict__.update(self.__dict__)
        return other


class TableError(ReviewError):
    """Error raised if a predictions table is unreadable or invalid.

    Attributes
    ----------
    count : int
        Number of faults that it stands for, such as the rest of a long list.
    """

    count = 1


class MappingNeededError(TableError):
    """Error raised if the user must say what a column or its values mean."""


class ImageError(ReviewError):
    """Error raised if a full image is missing, ambiguous or unreadable."""


class ImageNotFoundError(ImageError):
    """Error raised if no file matches the name of an image."""


class MissingHduError(ImageError):
    """Error raised if a file lacks the HDU that the user names."""


class MissingKeyError(ImageError):
    """Error raised if the header of an image lacks a key that the user names."""


class ModelError(ReviewError):
    """Error raised if a model cannot be loaded, fails, or gives no probabilities."""


class SaveError(ReviewError):
    """Error raised if a file cannot be saved."""


class CacheError(ReviewError):
    """Error raised if a cache cannot be used; the caller goes on without it."""


class EncodingError(SaveError):
    """Error raised if a string has a character that the file's encoding lacks."""


class StoreError(ReviewError):
    """Error raised if decisions cannot be read, recorded or exchanged."""


class HeldError(StoreError):
    """Error raised if a log is read-only or another process has it open."""


class FaultyFileError(StoreError):
    """Error for a file at a meeting place that cannot be used; all others can."""
