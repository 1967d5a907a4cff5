"""Entries of a review's log: identity, sort order, digests and JSON format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Any, Literal, NamedTuple, Self, get_args

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.outcomes import VERDICTS

#: Actions that affect verdicts. An entry with any other action does not change a label;
#: its content is in `context`. A verdict of an earlier round ("carry") and one that
#: settles a cutout on which reviewers differ ("adjudicate") have actions of their own,
#: because versions that do not know them must not apply them as verdicts.
Action = Literal["decide", "carry", "adjudicate", "undo", "redo"]

#: Source of an entry: a decision of the reviewer ("decided"), labels of a table or of
#: an older database ("taken over"), or an earlier round of the review ("carried").
Origin = Literal["decided", "taken over", "carried"]

#: Previous digest of the first entry of a log, which has no previous entry.
NO_DIGEST = ""

#: Exclusive limit for the absolute value of a number: databases store 64-bit integers.
_LARGEST = 2**63


class EntryId(NamedTuple):
    """Identity of an entry.

    Attributes
    ----------
    log_id : str
        Id of the log to which the entry was first written, a UUID in hexadecimal.
    number : int
        Number of the entry in that log, counted from 1 without gaps.
    """

    log_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A log entry, which usually makes, undoes or redoes a decision.

    Attributes
    ----------
    log_id, number : str, int
        Identity of the entry; see `EntryId`.
    clock : int
        Logical time (L. Lamport, Commun. ACM 21, 558, 1978), which is larger than the
        clock of every entry that the writer knew.
    action : str
        An `Action`, or any other string for an entry that does not affect verdicts.
    act : EntryId
        Act that this entry makes, undoes or redoes, identified by its first entry. An
        act is a group of decisions that are made, undone and redone together.
    cutout : CutoutKey
        Cutout to which the entry applies.
    label_new : int
        Label after the entry: 1 artifact, 0 no artifact.
    reviewer, decided_at : str
        Name of the reviewer, and time of the entry in UTC (ISO 8601).
    context : mapping
        Circumstances of the decision, such as the threshold, as plain JSON.
    verdict, kind, note : str
        Verdict, kind of artifact, and note of the reviewer. For an undo, the values
        after the undo; empty if there are none.
    origin : str
        Source of the entry; see `Origin`.
    digest : str
        SHA-256 of the content and of the digest of the previous entry in the same log,
        in hexadecimal.
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
        """Identity of the entry."""
        return EntryId(self.log_id, self.number)

    @property
    def order(self) -> tuple[int, str, int]:
        """Sort key, which gives the same order of entries on every computer."""
        return self.clock, self.log_id, self.number

    def after(self, previous: Entry | None) -> Self:
        """Return a copy of the entry, with the digest that follows from `previous`.

        Parameters
        ----------
        previous : Entry or None
            The last entry of the log; None if the log is empty.
        """
        return replace(self, digest=self._digest_after(previous))

    def follows(self, previous: Entry | None) -> bool:
        """Return whether the entry directly follows `previous` in its log.

        Parameters
        ----------
        previous : Entry or None
            The last entry of the log; None if the log is empty.
        """
        number = 0 if previous is None else previous.number
        clock = 0 if previous is None else previous.clock
        return (
            self.number == number + 1
            and self.clock > clock
            and self.digest == self._digest_after(previous)
        )

    def as_json(self) -> str:
        """Return the entry as one line of JSON in ASCII, for storage in a database."""
        return _dumped([*self._content(), self.digest])

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Create an entry from the string that `as_json` returned.

        Raises
        ------
        ValueError
            If the string is not a valid entry.
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
        """Return whether every value has a valid type and is in its range."""
        texts = (self.log_id, self.action, self.reviewer, self.decided_at, self.kind)
        others = (self.note, self.origin, self.digest, self.verdict)
        names = (self.act.log_id, self.cutout.image_name)
        if not all(isinstance(text, str) for text in (*texts, *others, *names)):
            return False
        x, y = self.cutout.grid_x, self.cutout.grid_y
        numbers = (self.number, self.clock, self.act.number, self.label_new, x, y)
        # Reject bool, a subclass of int: True would be stored as 1, and the digest of
        # the stored entry would be different.
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


#: Get all values of an entry except the digest, in the order of storage.
_values = attrgetter(*(each.name for each in fields(Entry) if each.name != "digest"))


def _dumped(content: list[Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def plain_json(value: Any) -> Any:
    """Convert a value to plain JSON; NaN and infinity become None."""
    return json.loads(json.dumps(value), parse_constant=lambda _: None)


def storable_text(text: str) -> str:
    """Return a string without characters that some table formats cannot store.

    NUL characters and surrounding whitespace are removed, because FITS drops trailing
    spaces. Invalid Unicode is replaced by "?".
    """
    return text.replace("\0", "").encode(errors="replace").decode().strip()
