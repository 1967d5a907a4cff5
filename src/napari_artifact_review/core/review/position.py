"""Position of a review as JSON: the current cutout, the view, the queue and more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.review.audit_record import (
    AuditRecord,
    audits_from_json,
)
from napari_artifact_review.core.review.budget import Budget
from napari_artifact_review.core.review.learned_queue import LearnedState
from napari_artifact_review.core.review.queue import QueueRule
from napari_artifact_review.core.tables.mapping import TableMapping

_Part = TypeVar("_Part")


class Meeting(NamedTuple):
    """The state of the last exchange with a meeting place.

    Attributes
    ----------
    review_id : str
        Id of the review at the meeting place.
    acknowledged : dict of str to int
        Number of the last acknowledged entry in each log, by log id.
    """

    review_id: str
    acknowledged: dict[str, int]


class DatedCopy(NamedTuple):
    """A file with a dated name that was written instead of the output.

    Attributes
    ----------
    path : str
        Path of the file.
    reason : str
        Reason why the output was not written, as a phrase; empty if the user chose the
        dated file.
    last_numbers : dict of str to int
        Number of the last entry that the file includes, by log id.
    """

    path: str
    reason: str
    last_numbers: dict[str, int]


@dataclass
class Position:
    """The position at which a review is resumed.

    Attributes
    ----------
    cutout : CutoutKey or None
        The current cutout; None for the first cutout of the queue.
    view : dict
        Settings of the view, as plain JSON.
    queue : QueueRule or None
        Rule that selects and sorts the cutouts to review; None for all errors.
    threshold : float or None
        Confidence at or above which an artifact is predicted; None to use the table's
        own `preds`.
    drafts : dict of CutoutKey to str
        Notes that are not yet part of a verdict, by cutout.
    meetings : dict of str to Meeting
        States of the exchanges, by name of the meeting place.
    dated_copy : DatedCopy or None
        File that was written instead of the output since the last save.
    encoding : str or None
        Encoding that the user chose for the output; None for the table's encoding.
    shown_columns : tuple of str
        The user's own columns that are shown with each cutout.
    mapping : TableMapping or None
        Mapping that the user gave for the table; None for the default.
    cutout_size : int or None
        Side length of a cutout in pixels that the user gave; None to infer it.
    learned : LearnedState
        State of the learned order.
    embeddings : str or None
        Path of the user's own embeddings; None to compute descriptors.
    audits : tuple of AuditRecord
        All audits of the review.
    budget : Budget or None
        Number of looks after which to stop; None without a limit.
    adjudication_drafts : dict of CutoutKey to str
        Notes that are not yet part of an adjudication, by cutout.
    """

    cutout: CutoutKey | None = None
    view: dict[str, Any] = field(default_factory=dict)
    queue: QueueRule | None = None
    threshold: float | None = None
    drafts: dict[CutoutKey, str] = field(default_factory=dict)
    meetings: dict[str, Meeting] = field(default_factory=dict)
    dated_copy: DatedCopy | None = None
    encoding: Literal["utf-8"] | None = None
    shown_columns: tuple[str, ...] = ()
    mapping: TableMapping | None = None
    cutout_size: int | None = None
    learned: LearnedState = field(default_factory=LearnedState)
    embeddings: str | None = None
    audits: tuple[AuditRecord, ...] = ()
    budget: Budget | None = None
    adjudication_drafts: dict[CutoutKey, str] = field(default_factory=dict)

    @property
    def hdu(self) -> int | str | None:
        """HDU that the user chose for all images; None for the first image."""
        return checked_hdu(self.view.get("hdu"))

    @property
    def hdus(self) -> dict[str, int | str]:
        """HDUs that the user chose for single images, by image name."""
        stored = self.view.get("hdus")
        pairs = stored.items() if isinstance(stored, dict) else ()
        checked = {name: checked_hdu(hdu) for name, hdu in pairs}
        return {name: hdu for name, hdu in checked.items() if hdu is not None}

    def as_json(self) -> dict[str, Any]:
        """Return the position as plain JSON, which `from_json` can read."""
        return {
            "cutout": self.cutout,
            "view": self.view,
            "queue": None if self.queue is None else self.queue.as_json(),
            "threshold": self.threshold,
            "drafts": _drafts_as_json(self.drafts),
            "meetings": {
                name: [meeting.review_id, meeting.acknowledged]
                for name, meeting in self.meetings.items()
            },
            "dated_copy": self.dated_copy,
            "encoding": self.encoding,
            "shown_columns": list(self.shown_columns),
            "mapping": None if self.mapping is None else self.mapping.as_json(),
            "cutout_size": self.cutout_size,
            "learned": self.learned.as_json(),
            "embeddings": self.embeddings,
            "audits": [audit.as_json() for audit in self.audits],
            "budget": None if self.budget is None else self.budget.as_json(),
            "adjudication_drafts": _drafts_as_json(self.adjudication_drafts),
        }

    @classmethod
    def from_json(cls, state: Any) -> tuple[Position, tuple[str, ...]]:
        """Create a position from stored JSON; also return notices about damaged parts.

        Damaged parts get their default values. Decisions are not affected.
        """
        position, damaged = cls(), []
        if not isinstance(state, dict):
            state, damaged = {}, ["position"]

        def read(name: str, parse: Callable[[Any], _Part], default: _Part) -> _Part:
            if state.get(name) is None:
                return default
            try:
                return parse(state[name])
            except (AttributeError, OverflowError, TypeError, ValueError):
                damaged.append(name)
                return default

        position.cutout = read("cutout", _parse_cutout, None)
        position.view = read("view", _parse_view, {})
        position.queue = read("queue", _parse_queue, None)
        position.threshold = read("threshold", _parse_threshold, None)
        position.drafts = read("drafts", _parse_drafts, {})
        position.meetings = read("meetings", _parse_meetings, {})
        position.dated_copy = read("dated_copy", _parse_dated_copy, None)
        position.encoding = read("encoding", _parse_encoding, None)
        position.shown_columns = read("shown_columns", _parse_columns, ())
        position.mapping = read("mapping", TableMapping.from_json, None)
        position.cutout_size = read("cutout_size", _parse_size, None)
        position.learned = read("learned", LearnedState.from_json, LearnedState())
        position.embeddings = read("embeddings", str, None)
        position.audits = read("audits", audits_from_json, ())
        position.budget = read("budget", Budget.from_json, None)
        position.adjudication_drafts = read("adjudication_drafts", _parse_drafts, {})
        if not damaged:
            return position, ()
        names = ", ".join(damaged)
        return position, (
            f"The stored {names} of this review cannot be read; the default is used. "
            "Verdicts are not affected.",
        )


def checked_hdu(stored: Any) -> int | str | None:
    """Return a stored index or name of an HDU; None if it is none of them."""
    is_index = type(stored) is int and stored >= 0
    return stored if is_index or (isinstance(stored, str) and stored) else None


def _parse_cutout(value: Any) -> CutoutKey | None:
    name, x, y = value
    if not isinstance(name, str) or not all(type(n) is int for n in (x, y)):
        raise TypeError(value)
    return CutoutKey(name, x, y)


def _parse_view(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return dict(value)


def _parse_queue(value: Any) -> QueueRule | None:
    rule = QueueRule.from_json(value)
    if rule is None:
        raise ValueError(value)
    return rule


def _parse_threshold(value: Any) -> float | None:
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise ValueError(value)
    return float(value)


def _drafts_as_json(drafts: Mapping[CutoutKey, str]) -> list[list[str | int]]:
    return [[*cutout, text] for cutout, text in drafts.items()]


def _parse_drafts(value: Any) -> dict[CutoutKey, str]:
    drafts = {}
    for *cutout, text in value:
        key = _parse_cutout(cutout)
        if key is None or not isinstance(text, str):
            raise TypeError(text)
        drafts[key] = text
    return drafts


def _parse_meetings(value: Any) -> dict[str, Meeting]:
    meetings = {}
    for name, (review_id, acknowledged) in dict(value).items():
        heads = {str(log_id): int(number) for log_id, number in acknowledged.items()}
        meetings[str(name)] = Meeting(str(review_id), heads)
    return meetings


def _parse_dated_copy(value: Any) -> DatedCopy:
    path, reason, last_numbers = value
    heads = {str(log_id): int(number) for log_id, number in last_numbers.items()}
    return DatedCopy(str(path), str(reason), heads)


def _parse_encoding(value: Any) -> Literal["utf-8"]:
    if value != "utf-8":
        raise ValueError(value)
    return "utf-8"


def _parse_size(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(value)
    return value


def _parse_columns(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(x, str) for x in value):
        raise TypeError(value)
    return tuple(dict.fromkeys(value))
