"""Meeting places, through which computers exchange the logs of a review."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from napari_artifact_review.core.errors import StoreError


class RawEntry(NamedTuple):
    """An entry of a log as text, which an exchange does not interpret.

    Attributes
    ----------
    log_id : str
        The id of its log: a UUID in hex.
    number : int
        Its number within that log, from 1 without a gap.
    body : str
        Its content, with its digest, as one line of JSON in ASCII.
    """

    log_id: str
    number: int
    body: str


class Span(NamedTuple):
    """Consecutive entries of a log.

    Attributes
    ----------
    log_id : str
        The id of the log.
    after : int
        The number before the first entry.
    last : int
        The number of the last entry.
    """

    log_id: str
    after: int
    last: int


class ReviewIdentity(NamedTuple):
    """The identity of a review among others in the same meeting place.

    Attributes
    ----------
    review_id : str
        Its UUID, in hex.
    fingerprint : str
        A digest of the cutouts of its table.
    table_name : str
        The path of its table, for messages.
    """

    review_id: str
    fingerprint: str
    table_name: str


class JoinedReview(NamedTuple):
    """A review at a meeting place.

    Attributes
    ----------
    review_id : str
        Its id there: its own one, or that of a review of the same table that another
        computer created.
    last_numbers : dict of str to int
        By log id, the number of its last entry there, up to the first gap.
    """

    review_id: str
    last_numbers: dict[str, int]


class OldStore(NamedTuple):
    """The contents of a database of a version before the meeting places.

    Attributes
    ----------
    review : dict
        The row of its table `review`.
    decisions : list of dict
        The rows of its table `decisions`, oldest first. In schema version 1 they have
        no verdict, kind and note.
    """

    review: dict[str, Any]
    decisions: list[dict[str, Any]]


class MeetingPlace(Protocol):
    """A shared store through which computers exchange the entries of their logs.

    One thread uses a place. Each operation ends within seconds, with a `StoreError` if
    the place does not answer. It can be repeated: no entry is stored twice.

    Attributes
    ----------
    name : str
        The place in messages, without a password.
    on_timeout : callable or None
        Called from another thread with the error as soon as the place is late: an
        operation cannot always be ended at that moment.
    """

    name: str
    on_timeout: Callable[[StoreError], object] | None

    def join(self, review: ReviewIdentity) -> JoinedReview:
        """Find or create the review; needed before the other operations."""

    def fetch_last_numbers(self) -> dict[str, int]:
        """Return by log id the number of its last entry, up to the first gap."""

    def send(self, entries: Sequence[RawEntry]) -> None:
        """Store entries, all or none; existing ones stay unchanged."""

    def fetch(self, spans: Sequence[Span]) -> Sequence[RawEntry]:
        """Return the entries of spans, in the order of log and number."""

    def read_old_store(self) -> OldStore | None:
        """Return the data of an older version; None if there is none."""

    def close(self) -> None:
        """Release connections; the place can be used again afterwards."""
