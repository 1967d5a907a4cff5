"""Interface of a meeting place, where computers exchange the logs of a review."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from napari_artifact_review.core.errors import StoreError


class RawEntry(NamedTuple):
    """A log entry as text, which an exchange does not interpret.

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
        Number before the first entry.
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
        Digest of the cutouts in the table.
    table_name : str
        Path of the table, for messages.
    """

    review_id: str
    fingerprint: str
    table_name: str


class JoinedReview(NamedTuple):
    """Result of joining a review at a meeting place.

    Attributes
    ----------
    review_id : str
        Id of the review at the meeting place. It differs from the local id if another
        computer created the review of the same table.
    last_numbers : dict of str to int
        Number of the last entry before the first gap, by log id.
    """

    review_id: str
    last_numbers: dict[str, int]


class OldStore(NamedTuple):
    """Contents of a database from a version without meeting places.

    Attributes
    ----------
    review : dict
        Row of the table `review`.
    decisions : list of dict
        Rows of the table `decisions`, oldest first. In schema version 1 they have no
        verdict, kind and note.
    """

    review: dict[str, Any]
    decisions: list[dict[str, Any]]


class MeetingPlace(Protocol):
    """A shared store through which computers exchange the entries of their logs.

    Only one thread uses a meeting place. Each operation ends within seconds, with a
    `StoreError` if there is no response. It can be repeated: no entry is stored twice.

    Attributes
    ----------
    name : str
        Name for messages, without a password.
    on_timeout : callable or None
        Called from another thread with the error when a response is overdue. The
        operation itself may end later.
    """

    name: str
    on_timeout: Callable[[StoreError], object] | None

    def join(self, review: ReviewIdentity) -> JoinedReview:
        """Find or create the review; required before the other operations."""

    def fetch_last_numbers(self) -> dict[str, int]:
        """Return the number of the last entry before the first gap, by log id."""

    def send(self, entries: Sequence[RawEntry]) -> None:
        """Store all entries or none; existing entries stay unchanged."""

    def fetch(self, spans: Sequence[Span]) -> Sequence[RawEntry]:
        """Return the entries of the spans, sorted by log and number."""

    def read_old_store(self) -> OldStore | None:
        """Return the data of an older version, if any."""

    def close(self) -> None:
        """Close connections; the meeting place can be used again afterwards."""
