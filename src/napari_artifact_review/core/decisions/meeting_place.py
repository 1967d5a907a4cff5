"""Interface of a meeting place: a shared store to exchange the logs of a review."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from napari_artifact_review.core.errors import FaultyFileError, StoreError


class RawEntry(NamedTuple):
    """A log entry as a string, which the exchange does not parse.

    Attributes
    ----------
    log_id : str
        Id of the log, a UUID in hexadecimal.
    number : int
        Number of the entry within the log, counted from 1 without gaps.
    body : str
        Content and digest, as one line of JSON in ASCII.
    """

    log_id: str
    number: int
    body: str


class Span(NamedTuple):
    """A range of consecutive entries of a log.

    Attributes
    ----------
    log_id : str
        Id of the log.
    after : int
        Number of the entry before the range; 0 if there is none.
    last : int
        Number of the last entry.
    """

    log_id: str
    after: int
    last: int


class ReviewIdentity(NamedTuple):
    """Identity of a review at a meeting place.

    Attributes
    ----------
    review_id : str
        UUID of the review, in hexadecimal.
    fingerprint : str
        SHA-256 of the names and positions of all cutouts, in hexadecimal.
    table_name : str
        Path of the table, shown in messages.
    log_id : str
        Id of this computer's log, a UUID in hexadecimal.
    """

    review_id: str
    fingerprint: str
    table_name: str
    log_id: str


class JoinedReview(NamedTuple):
    """Result of joining a review at a meeting place.

    Attributes
    ----------
    review_id : str
        Id of the review at the meeting place, by which it is found again. It may differ
        from the local id, for example if another computer created the review.
    last_numbers : dict of str to int
        For each log id, the number up to which all entries are stored.
    """

    review_id: str
    last_numbers: dict[str, int]


class OldStore(NamedTuple):
    """Contents of a database from an older version, which had no meeting places.

    Attributes
    ----------
    review : dict
        Row of the table `review`.
    decisions : list of dict
        Rows of the table `decisions`, oldest first. In schema 1, the rows have no
        `verdict`, `kind` and `note`.
    """

    review: dict[str, Any]
    decisions: list[dict[str, Any]]


class MeetingPlace(Protocol):
    """A shared store through which computers exchange the entries of their logs.

    Use a meeting place from one thread only. Each operation returns within seconds, or
    raises a `StoreError`. An operation can be repeated: no entry is stored twice.

    Attributes
    ----------
    name : str
        Name without a password, shown in messages.
    on_timeout : callable or None
        Called from another thread with a `StoreError` when a response is overdue. The
        operation itself may end later.
    """

    name: str
    on_timeout: Callable[[StoreError], object] | None

    @property
    def problem(self) -> FaultyFileError | None:
        """File that the place cannot use, although its operations succeed, or None."""

    def join(self, review: ReviewIdentity) -> JoinedReview:
        """Find or create the review; call this before any other operation."""

    def fetch_last_numbers(self) -> dict[str, int]:
        """Return, for each log id, the number up to which all entries are stored."""

    def send(self, entries: Sequence[RawEntry]) -> None:
        """Store the entries; entries already stored are not changed.

        After an error, some of the entries may be stored.
        """

    def fetch(self, spans: Sequence[Span]) -> Sequence[RawEntry]:
        """Return the stored entries of the spans, sorted by log id and number."""

    def read_old_store(self) -> OldStore | None:
        """Return the data that an older version stored, or None."""

    def close(self) -> None:
        """Close all connections; the next operation opens them again."""
