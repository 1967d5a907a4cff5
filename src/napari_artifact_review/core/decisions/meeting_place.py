"""Meeting places: where the logs of a review are exchanged between computers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from napari_artifact_review.core.errors import StoreError


class RawEntry(NamedTuple):
    """An entry of a log as text, which an exchange passes on and does not interpret.

    Attributes
    ----------
    log_id : str
        The log that it belongs to: a UUID in hex.
    number : int
        Its number within that log, from 1 without a gap.
    body : str
        Its content, with its digest, as one line of JSON in ASCII.
    """

    log_id: str
    number: int
    body: str


class Span(NamedTuple):
    """Consecutive entries of a log: those after a number, up to another one.

    Attributes
    ----------
    log_id : str
        The log.
    after : int
        The number before the first entry.
    last : int
        The number of the last entry.
    """

    log_id: str
    after: int
    last: int


class ReviewIdentity(NamedTuple):
    """What tells a review from other ones in the same meeting place.

    Attributes
    ----------
    review_id : str
        Its UUID, in hex.
    fingerprint : str
        Tells the cutouts of its table from those of another table.
    table_name : str
        The path of its table, for people.
    """

    review_id: str
    fingerprint: str
    table_name: str


class JoinedReview(NamedTuple):
    """A review as a meeting place knows it.

    Attributes
    ----------
    review_id : str
        Its id there: the review's own one, or that of a review of the same table that
        another computer made.
    heads : dict of str to int
        By log, the number of its last entry there, up to the first gap.
    """

    review_id: str
    heads: dict[str, int]


class OldStore(NamedTuple):
    """What a version before the meeting places kept in a database.

    Attributes
    ----------
    review : dict
        The row of its table `review`.
    decisions : list of dict
        The rows of its table `decisions`, oldest first. With schema version 1 they have
        no verdict, kind and note.
    """

    review: dict[str, Any]
    decisions: list[dict[str, Any]]


class MeetingPlace(Protocol):
    """Where computers leave the entries of their logs for each other.

    One thread uses a place. Each operation ends within seconds, with a `StoreError` if
    the place does not answer; it can be repeated, and nothing is kept twice.

    Attributes
    ----------
    name : str
        The place for people, without a password.
    on_timeout : callable or None
        Called with the error as soon as the place has not answered in time, from
        another thread: an operation cannot always be ended at that moment.
    """

    name: str
    on_timeout: Callable[[StoreError], object] | None

    def join(self, review: ReviewIdentity) -> JoinedReview:
        """Find or make the review; needed before the other operations."""
        ...

    def heads(self) -> dict[str, int]:
        """Return the number of the last entry of each log, up to the first gap."""
        ...

    def send(self, entries: Sequence[RawEntry]) -> None:
        """Keep entries, all or none; those that are there already stay as they are."""
        ...

    def fetch(self, spans: Sequence[Span]) -> Sequence[RawEntry]:
        """Return the entries of spans, in the order of log and number."""
        ...

    def read_old_store(self) -> OldStore | None:
        """Return what an older version kept there; None if there is none."""
        ...

    def close(self) -> None:
        """Give back what the place holds; it can be used again after that."""
        ...
