"""Independent votes of several reviewers on the same cutouts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

#: Value of a label without a vote, or with the verdict unsure.
NO_VOTE = -1

_Labels = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Ratings:
    """Votes, repeated votes and times, from which agreement is measured.

    A vote must be independent: the first verdict of a reviewer on a cutout that was
    assigned in advance, given without sight of other verdicts. A repeat, a carried
    verdict or an adjudication is no vote.

    Attributes
    ----------
    names : tuple of str
        Names of the m reviewers.
    labels : ndarray of int8, shape (n, m)
        Votes on n cutouts: 1 artifact, 0 no artifact, -1 without a vote or unsure.
    unsure : ndarray of bool, shape (n, m)
        Whether the verdict is unsure.
    groups : ndarray of int64, shape (n,)
        Group of each cutout, such as the number of its image. Intervals leave out
        groups.
    kinds : ndarray of str objects, shape (n,)
        Kind of artifact of each cutout; empty for none. It should not come from the
        reviewer under comparison alone, because a missed artifact then has no kind.
    brightness : ndarray of float64, shape (n,)
        Brightness of each cutout, in any unit; NaN if it is unknown.
    repeats : mapping of str to ndarray of int8, shape (r, 2)
        First and repeated label of one reviewer on the same cutouts, by name; coded as
        `labels`.
    repeat_groups : mapping of str to ndarray of int64, shape (r,)
        Groups of these cutouts, by name.
    seconds : mapping of str to ndarray of float64, shape (v,)
        Known times of the reviewer's verdicts in seconds, by name.

    Raises
    ------
    ValueError
        If a name occurs twice, a shape or a label is not as above, or a verdict is
        unsure and has a label.
    """

    names: tuple[str, ...]
    labels: _Labels
    unsure: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.int64]
    kinds: npt.NDArray[Any]
    brightness: npt.NDArray[np.float64]
    repeats: Mapping[str, _Labels] = field(default_factory=dict)
    repeat_groups: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    seconds: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len({*self.names}) != len(self.names):
            raise ValueError("a reviewer is named twice")
        count = len(self.groups)
        _check_shape("labels", self.labels, (count, len(self.names)))
        _check_shape("unsure", self.unsure, (count, len(self.names)))
        for name in ("groups", "kinds", "brightness"):
            _check_shape(name, getattr(self, name), (count,))
        _check_labels(self.labels)
        if (self.labels[self.unsure] != NO_VOTE).any():
            raise ValueError("an unsure verdict has a label")
        self._check_mappings()

    def _check_mappings(self) -> None:
        strangers = {*self.repeats, *self.repeat_groups, *self.seconds} - {*self.names}
        if strangers:
            raise ValueError(f"no reviewer has the name {min(strangers)!r}")
        for name, pairs in self.repeats.items():
            _check_shape(f"repeats of {name}", pairs, (len(pairs), 2))
            _check_labels(pairs)
            groups = self.repeat_groups.get(name, np.zeros(0))
            _check_shape(f"repeat_groups of {name}", groups, (len(pairs),))


def _check_shape(name: str, array: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f"{name} has the shape {array.shape} instead of {shape}")


def _check_labels(labels: _Labels) -> None:
    if not np.isin(labels, (NO_VOTE, 0, 1)).all():
        raise ValueError("a label is not 1, 0 or -1")
