"""An entry of a review's log: its identity, its order in time, and its JSON form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Any, Literal, NamedTuple, Self, get_args

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.outcomes import VERDICTS

#: The effect of an entry on verdicts. An entry with another action (a setting, a draw,
#: a draft note) has its content in `context` and changes no label.
Action = Literal["decide", "undo", "redo"]

#: The source of an entry: the reviewer decided in this log; or it was taken over from
#: an older store or a table; or it was carried from an earlier round.
Origin = Literal["decided", "taken over", "carried"]

#: The digest before the first entry of a log.
NO_DIGEST = ""

#: Numbers are smaller than this: a database stores 64 bits.
_LARGEST = 2**63


class EntryId(NamedTuple):
    """Identity of an entry.

    Attributes
    ----------
    log_id : str
        The log that the entry was first written to, a UUID in hex.
    number : int
        Its number in that log, from 1 without a gap.
    """

    log_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log: a decision that is made, undone, or redone.

    Attributes
    ----------
    log_id, number : str, int
        Its identity; see `EntryId`.
    clock : int
        Logical time (L. Lamport, Commun. ACM 21, 558, 1978): larger than that of every
        entry that its writer knew.
    action : str
        An `Action`, or the kind of another entry.
    act : EntryId
        The first entry of the act that it makes, undoes or redoes: decisions that were
        made at once are undone at once.
    cutout : CutoutKey
        The cutout.
    label_new : int
        The label in force after it.
    reviewer, decided_at : str
        The reviewer, and the time in UTC (ISO 8601).
    context : mapping
        The circumstances in which it was made, as plain JSON.
    verdict, kind, note : str
        As for `Decision`; for an undo, those in force again, if any.
    origin : str
        An `Origin`.
    digest : str
        SHA-256 of its content and of the digest of the entry before it in its log.
    """

    log_id: str
    number: int
    clock: int
    action: str
    act: EntryId
    cutout: CutoutKey
    label_new: int
    reviewer: str
    decided_at: str
    context: Mapping[str, Any] = field(default_factory=dict)
    verdict: str = ""
    kind: str = ""
    note: str = ""
    origin: str = "decided"
    digest: str = NO_DIGEST

    @property
    def id(self) -> EntryId:
        """Its identity."""
        return EntryId(self.log_id, self.number)

    @property
    def order(self) -> tuple[int, str, int]:
        """The sort key of a review's entries: the same on every computer."""
        return self.clock, self.log_id, self.number

    def after(self, previous: Entry | None) -> Self:
        """Return the entry with its digest after the previous entry of its log."""
        return replace(self, digest=self._digest_after(previous))

    def follows(self, previous: Entry | None) -> bool:
        """Return whether it is the next entry of its log.

        Parameters
        ----------
        previous : Entry or None
            The entry before it; None before the first one of its log.
        """
        number = 0 if previous is None else previous.number
        clock = 0 if previous is None else previous.clock
        return (
            self.number == number + 1
            and self.clock > clock
            and self.digest == self._digest_after(previous)
        )

    def as_json(self) -> str:
        """Return it as one line of ASCII, so that any database can hold any text."""
        return _dumped([*self._content(), self.digest])

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the entry that `as_json` wrote.

        Raises
        ------
        ValueError
            If the text is not such an entry.
        """
        try:
            values = json.loads(text)
            log_id, number, clock, action, act, cutout, *rest = values
            entry = cls(
                log_id, number, clock, action, EntryId(*act), CutoutKey(*cutout), *rest
            )
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"not an entry of a log ({error})") from error
        if len(values) != len(fields(cls)) or not entry.is_sound():
            raise ValueError("not an entry of a log")
        return entry

    def is_sound(self) -> bool:
        """Return whether every value has a type and range that an entry can have."""
        texts = (self.log_id, self.action, self.reviewer, self.decided_at, self.kind)
        others = (self.note, self.origin, self.digest, self.verdict)
        names = (self.act.log_id, self.cutout.image_name)
        if not all(isinstance(text, str) for text in (*texts, *others, *names)):
            return False
        x, y = self.cutout.grid_x, self.cutout.grid_y
        numbers = (self.number, self.clock, self.act.number, self.label_new, x, y)
        # Exactly an int: true is stored as 1, which has another digest.
        if not all(type(n) is int and abs(n) < _LARGEST for n in numbers):
            return False
        is_own_act = self.act.log_id == self.log_id
        sound = (
            min(self.number, self.clock, self.act.number) >= 1
            and (not is_own_act or self.act.number <= self.number)
            and self.label_new in (0, 1)
            and isinstance(self.context, dict)
        )
        if self.action not in get_args(Action):
            return sound
        verdicts = ("", *VERDICTS) if self.action == "undo" else VERDICTS
        return sound and self.verdict in verdicts

    def _content(self) -> list[Any]:
        return list(_values(self))

    def _digest_after(self, previous: Entry | None) -> str:
        before = NO_DIGEST if previous is None else previous.digest
        content = f"{before}\n{_dumped(self._content())}"
        return hashlib.sha256(content.encode()).hexdigest()


#: Returns all values of an entry but the digest, in their stored order.
_values = attrgetter(*(each.name for each in fields(Entry) if each.name != "digest"))


def _dumped(content: list[Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def plain_json(value: Any) -> Any:
    """Return a value as plain JSON, with None for NaN and infinity."""
    return json.loads(json.dumps(value), parse_constant=lambda _: None)
