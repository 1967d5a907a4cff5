"""Rules of a review with several reviewers, which each change records in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from napari_artifact_review.core.decisions.reviewer_names import check_reviewer
from napari_artifact_review.core.errors import ReviewError

#: Action of a log entry that sets the rules. The entry belongs to no cutout.
SET_RULES = "set rules"

#: Key of the rules in the context of that entry.
_KEY = "rules"

_NOT_VALID = "the rules of the team are not valid"

#: Types of the attributes. A stored value of another type, such as "no", could mean the
#: opposite of what it says.
_TYPES: Mapping[str, tuple[type, ...]] = {
    "is_blind": (bool,),
    "members": (tuple, list),
    "reviewers_per_cutout": (int, type(None)),
    "common_share": (float, int),
    "repeat_share": (float, int),
    "majority": (int,),
    "seed": (int,),
}


@dataclass(frozen=True)
class TeamRules:
    """Rules of a review with several reviewers.

    Attributes
    ----------
    is_blind : bool
        Whether a reviewer sees no verdict of another reviewer before giving one.
    members : tuple of str
        Names of the reviewers that share the work, in any order, as `check_reviewer`
        returns them; empty for everyone.
    reviewers_per_cutout : int or None
        Number of members that review each cutout, drawn by `seed`; None for all. A
        number needs `members`. Otherwise, each further name would move cutouts from one
        reviewer to another.
    common_share : float
        Share of the cutouts, from 0 to 1, which all members review. They are spread
        evenly over the queue of each member, whatever its order.
    repeat_share : float
        Share of a reviewer's looks, from 0 to 0.5, at cutouts of earlier verdicts.
    majority : int
        Least number of equal verdicts that settle a cutout on which reviewers differ.
    seed : int
        Seed of all draws; not negative.

    Raises
    ------
    ReviewError
        If a value is out of its range, or a name is not a valid name of a reviewer.
    """

    is_blind: bool = True
    members: tuple[str, ...] = ()
    reviewers_per_cutout: int | None = None
    common_share: float = 0.0
    repeat_share: float = 0.05
    majority: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name, types in _TYPES.items():
            value = getattr(self, name)
            if type(value) not in types:
                raise ReviewError(f"{_NOT_VALID}: {name} cannot be {value!r}")
        object.__setattr__(self, "members", tuple(map(check_reviewer, self.members)))
        per_cutout = self.reviewers_per_cutout
        checks = (
            (self.majority >= 1, "the majority is less than 1"),
            (per_cutout is None or per_cutout >= 1, "a cutout has no reviewer"),
            (
                per_cutout is None or len(self.members) > 0,
                "a number of reviewers for each cutout needs the names of the members",
            ),
            (0 <= self.common_share <= 1, "the common share is not from 0 to 100 %"),
            (0 <= self.repeat_share <= 0.5, "the repeats are not from 0 to 50 %"),
            (self.seed >= 0, "the seed is negative"),
            (len({*self.members}) == len(self.members), "a member is named twice"),
        )
        for holds, fault in checks:
            if not holds:
                raise ReviewError(f"{_NOT_VALID}: {fault}")

    @property
    def assigns_cutouts(self) -> bool:
        """Whether the rules name members, or cutouts that all members review."""
        return bool(self.members or self.common_share)

    def as_context(self) -> dict[str, Any]:
        """Return the rules as the context of a log entry, as plain JSON."""
        return {_KEY: asdict(self) | {"members": list(self.members)}}

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Self | None:
        """Return the rules in the context of a log entry; None if there are none.

        Unknown rules, which a later version may have written, are ignored, and so are
        rules with a value out of its range.
        """
        stored = context.get(_KEY)
        if not isinstance(stored, Mapping):
            return None
        known = {name: stored[name] for name in cls.__annotations__ if name in stored}
        try:
            return cls(**known)
        except (ReviewError, TypeError):
            return None
