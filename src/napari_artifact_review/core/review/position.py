"""The position of a review: the current cutout, the view, the queue; kept as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.review.queue import QueueRule

_Part = TypeVar("_Part")


class Meeting(NamedTuple):
    """What is known of a meeting place from an earlier exchange.

    Attributes
    ----------
    review_id : str
        The id under which the place knows the review.
    acknowledged : dict of str to int
        By log, the number up to which the place has it.
    """

    review_id: str
    acknowledged: dict[str, int]


@dataclass
class Position:
    """The place in a review at which it goes on.

    Attributes
    ----------
    cutout : CutoutKey or None
        The current cutout.
    view : dict
        The settings of the view, as plain JSON.
    queue : QueueRule or None
        Which cutouts are to be reviewed, in which order.
    threshold : float or None
        The confidence from which the prediction is "artifact".
    drafts : dict of CutoutKey to str
        Notes about cutouts without a decision.
    meetings : dict of str to Meeting
        What is known of meeting places, by their names.
    """

    cutout: CutoutKey | None = None
    view: dict[str, Any] = field(default_factory=dict)
    queue: QueueRule | None = None
    threshold: float | None = None
    drafts: dict[CutoutKey, str] = field(default_factory=dict)
    meetings: dict[str, Meeting] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON, for `from_json`."""
        return {
            "cutout": self.cutout,
            "view": self.view,
            "queue": None if self.queue is None else self.queue.as_json(),
            "threshold": self.threshold,
            "drafts": [[*cutout, text] for cutout, text in self.drafts.items()],
            "meetings": {
                name: [meeting.review_id, meeting.acknowledged]
                for name, meeting in self.meetings.items()
            },
        }

    @classmethod
    def from_json(cls, state: Any) -> tuple[Position, tuple[str, ...]]:
        """Return what `as_json` gave, and notices about parts that are damaged.

        A damaged part is left out; decisions do not depend on it.
        """
        position, damaged = cls(), []
        if not isinstance(state, dict):
            state, damaged = {}, ["position"]

        def take(name: str, read: Callable[[Any], _Part], default: _Part) -> _Part:
            if state.get(name) is None:
                return default
            try:
                return read(state[name])
            except (AttributeError, OverflowError, TypeError, ValueError):
                damaged.append(name)
                return default

        position.cutout = take("cutout", _cutout, None)
        position.view = take("view", _view, {})
        position.queue = take("queue", _queue, None)
        position.threshold = take("threshold", _threshold, None)
        position.drafts = take("drafts", _drafts, {})
        position.meetings = take("meetings", _meetings, {})
        if not damaged:
            return position, ()
        names = ", ".join(damaged)
        return position, (
            f"The stored {names} of this review cannot be read; the default is used. "
            "Verdicts are not affected.",
        )


def _cutout(value: Any) -> CutoutKey | None:
    name, x, y = value
    if not isinstance(name, str) or not all(type(n) is int for n in (x, y)):
        raise TypeError(value)
    return CutoutKey(name, x, y)


def _view(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return dict(value)


def _queue(value: Any) -> QueueRule | None:
    rule = QueueRule.from_json(value)
    if rule is None:
        raise ValueError(value)
    return rule


def _threshold(value: Any) -> float | None:
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise ValueError(value)
    return float(value)


def _drafts(value: Any) -> dict[CutoutKey, str]:
    drafts = {}
    for *cutout, text in value:
        key = _cutout(cutout)
        if key is None or not isinstance(text, str):
            raise TypeError(text)
        drafts[key] = text
    return drafts


def _meetings(value: Any) -> dict[str, Meeting]:
    meetings = {}
    for name, (review_id, acknowledged) in dict(value).items():
        heads = {str(log_id): int(number) for log_id, number in acknowledged.items()}
        meetings[str(name)] = Meeting(str(review_id), heads)
    return meetings
