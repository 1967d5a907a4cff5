"""Queue of the cutouts to review, selected and sorted by a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any, Literal, Self, cast, get_args

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.outcomes import ERRORS, OUTCOMES, Outcome
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.queue_order import (
    are_assigned,
    are_candidates,
    are_in_round,
    sort_keys,
)
from napari_artifact_review.core.tables.column_condition import ColumnCondition

State = Literal[
    "all",
    "unreviewed",
    "reviewed",
    "changed",
    "unsure",
    "next round",
    "new errors",
    "contradicted",
    "settled",
]
Order = Literal[
    "table", "image", "confident", "uncertain", "mislabelled", "learned", "random"
]

STATES: tuple[State, ...] = get_args(State)

#: The states that compare the model with the verdicts of an earlier round.
ROUND_STATES: tuple[State, ...] = (
    "next round",
    "new errors",
    "contradicted",
    "settled",
)
ORDERS: tuple[Order, ...] = get_args(Order)

#: Number of candidates that a search checks per step.
_CHUNK = 4096

Rows = npt.NDArray[np.int64]
_Filter = Callable[[slice], npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class QueueRule:
    """A rule that selects and sorts the cutouts of a queue.

    Attributes
    ----------
    outcomes : tuple of "FP", "FN", "TP", "TN"
        Outcomes to include, at the current threshold.
    state : str
        Review state to include, one of `STATES`. An unsure verdict counts as reviewed.
        Four of the states compare the model with verdicts of an earlier round:

        - ``"new errors"``: errors without any verdict.
        - ``"contradicted"``: the model disagrees with a carried verdict.
        - ``"settled"``: the model agrees with a carried verdict.
        - ``"next round"``: the errors without a carried verdict, and then the
          contradicted cutouts.
    images : tuple of str, optional
        Full images to include; by default all.
    kinds : tuple of str, optional
        Kinds of artifact to include; by default, cutouts with any kind or without one.
    order : str
        One of `ORDERS`; ties are in table order.

        - ``"table"``: by row.
        - ``"image"``: by image, in order of first appearance in the table.
        - ``"confident"``: most probable predictions first. The probability is the
          confidence if an artifact is predicted, and 1 minus the confidence otherwise.
        - ``"uncertain"``: least probable predictions first.
        - ``"mislabelled"``: labels to which the model gives the lowest probability
          first. This probability is the self-confidence of confident learning
          (Northcutt, Jiang & Chuang 2021, J. Artif. Intell. Res. 70, 1373). The package
          cleanlab ranks labels in the same way.
        - ``"learned"``: labels that are most probably wrong first, as the verdicts so
          far have taught; see `LearnedQueue`.
        - ``"random"``: shuffled.

        Orders that depend on the confidence put cutouts without a confidence last.
    seed : int
        Seed for ``"random"``; the same seed gives the same order.
    columns : tuple of ColumnCondition
        Conditions on the user's own columns; a cutout must satisfy all of them.
    """

    outcomes: tuple[Outcome, ...] = ERRORS
    state: State = "all"
    images: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    order: Order = "table"
    seed: int = 0
    columns: tuple[ColumnCondition, ...] = ()

    def __post_init__(self) -> None:
        for name, values, known in (
            ("outcomes", self.outcomes, OUTCOMES),
            ("state", (self.state,), STATES),
            ("order", (self.order,), ORDERS),
        ):
            for value in values:
                if value not in known:
                    raise ValueError(f"{name}: {value!r} is none of {', '.join(known)}")
        for name, texts in (("images", self.images), ("kinds", self.kinds)):
            if not all(isinstance(text, str) for text in texts or ()):
                raise TypeError(f"{name}: every item must be text")
        if self.seed < 0:
            raise ValueError(f"seed: {self.seed} is negative")

    @classmethod
    def of(
        cls,
        outcomes: Sequence[Outcome],
        state: State,
        images: Sequence[str] | None,
        kinds: Sequence[str] | None,
        order: Order,
        seed: int,
        columns: Iterable[Sequence[Any]] | None = None,
    ) -> Self:
        """Create a rule from sequences of any type, or from single strings."""
        return cls(
            cast(tuple[Outcome, ...], _as_tuple(outcomes) or ()),
            state,
            _as_tuple(images),
            _as_tuple(kinds),
            order,
            int(seed),
            tuple(map(ColumnCondition.of, columns or ())),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the rule as plain JSON, which `from_json` can read."""
        rule = {**asdict(self), "columns": [list(one) for one in self.columns]}
        if not self.columns:
            # Without this key, earlier versions of the plugin can read the rule.
            del rule["columns"]
        return rule

    @classmethod
    def from_json(cls, stored: Any) -> Self | None:
        """Create a rule from the result of `as_json`; return None for other values."""
        names = {field.name for field in fields(cls)}
        if not isinstance(stored, dict) or stored.keys() | {"columns"} != names:
            return None
        try:
            return cls.of(**stored)
        except (OverflowError, TypeError, ValueError):
            return None


class Queue:
    """The cutouts that a rule selects, in the order of the rule.

    The candidates are the cutouts with the outcomes, images and column values of the
    rule, without those that the rules of the team assign to others. They are sorted
    once. The queue contains the candidates that also have the review state and kinds of
    the rule. After a decision, `update` adds or removes one cutout without checking the
    others.

    Parameters
    ----------
    catalog : Catalog
        The cutouts, with outcomes at the current threshold.
    rule : QueueRule
        Rule that selects and sorts the cutouts.
    listed : ndarray of int64, optional
        Table rows to queue in this order, instead of those that the rule selects.

    Attributes
    ----------
    listed : ndarray of int64 or None
        The listed rows; None if the rule selects the cutouts.
    changes : int
        Number of times that `update` has added or removed a cutout.

    Raises
    ------
    ReviewError
        If the rule names an image or a column that is not in the table, needs a
        confidence and the table has none, or has a numeric condition whose value is not
        a number.
    """

    def __init__(
        self, catalog: Catalog, rule: QueueRule, listed: Rows | None = None
    ) -> None:
        self.rule = rule
        self.listed = listed
        self.changes = 0
        self._catalog = catalog
        self._index = catalog.cutout_index
        if listed is None:
            which = are_candidates(catalog, rule)
            if rule.state in ROUND_STATES:
                which &= are_in_round(catalog, rule.state)
            self._keys = sort_keys(catalog, rule, which)
        else:
            self._keys = np.full(len(catalog.preds), len(listed))
            self._keys[listed] = np.arange(len(listed))
            which = np.less(self._keys, len(listed))
        rows = np.flatnonzero(which)
        if self._keys is not None:
            # A stable sort leaves ties in table order.
            rows = rows[np.argsort(self._keys[rows], kind="stable")]
            self._sorted_keys = self._keys[rows]
        # Rows of the candidates, and masks of candidates that are queued, that need a
        # verdict, and that have a verdict of this round.
        self._rows: Rows = rows
        self._is_in = self._are_in(rows)
        self._open = catalog.are_open()[rows]
        self._answered = catalog.are_answered()[rows]
        self._row_is_in = np.zeros(len(which), dtype=bool)
        self._row_is_in[self.rows] = True
        self._size = int(np.count_nonzero(self._is_in))
        self._left = int(np.count_nonzero(self._is_in & self._open))
        self._seen = int(np.count_nonzero(self._answered))
        self._to_see = int(np.count_nonzero(self._open)) + self._seen

    # Cutouts

    @property
    def rows(self) -> Rows:
        """Table rows of the cutouts, in the order of the queue."""
        return self._rows[self._is_in]

    @property
    def candidates(self) -> Rows:
        """Table rows of the candidates, in table order."""
        return np.sort(self._rows)

    def __len__(self) -> int:
        return self._size

    @property
    def left(self) -> int:
        """Number of queued cutouts that need a verdict; see `Catalog.are_open`."""
        return self._left

    @property
    def errors_elsewhere(self) -> int:
        """Number of errors that need a verdict and are not in the queue.

        Errors that are assigned to other reviewers are not counted.
        """
        are_open = self._catalog.are(*ERRORS) & self._catalog.are_open()
        are_open &= are_assigned(self._catalog)
        return int(np.count_nonzero(are_open & ~self._row_is_in))

    @property
    def progress(self) -> tuple[int, int]:
        """Number of reviewed candidates, and number of all candidates.

        Candidates whose verdict was carried from an earlier round are not counted,
        unless the model contradicts the verdict.
        """
        return self._seen, self._to_see

    def __contains__(self, row: int) -> bool:
        """Return whether the cutout in a row is in the queue."""
        return bool(self._row_is_in[row])

    def position_of(self, row: int) -> int | None:
        """Return the position of a cutout, counted from 1; None if not in the queue."""
        if row not in self:
            return None
        return int(np.count_nonzero(self._is_in[: self._index_of(row)])) + 1

    def rows_of(self, image_name: str) -> Rows:
        """Return the rows of the queued cutouts of an image, in queue order."""
        rows = self._index.cutouts_of(image_name)
        rows = rows[self._row_is_in[rows]]
        if self._keys is None:
            return rows
        return rows[np.argsort(self._keys[rows], kind="stable")]

    @property
    def image_counts(self) -> Rows:
        """Number of queued cutouts in each image, in the order of `image_names`."""
        table = self._catalog.predictions
        index = table.image_index[self.rows]
        return np.bincount(index, minlength=len(table.image_names))

    def count_of(self, image_name: str) -> int:
        """Return the number of queued cutouts in an image."""
        return int(
            np.count_nonzero(self._row_is_in[self._index.cutouts_of(image_name)])
        )

    # Neighbours in the queue

    def after(self, row: int) -> int | None:
        """Return the row of the next queued cutout after `row`, or None.

        If `row` is not in the queue, the search starts at the position of `row` in the
        sort order.
        """
        return self._first(self._index_after(row), self._are_queued)

    def before(self, row: int) -> int | None:
        """Return the row of the previous queued cutout before `row`, or None."""
        return self._last(self._index_of(row), self._are_queued)

    def first_unreviewed(self) -> int | None:
        """Return the row of the first cutout without a verdict, or None.

        A pending verdict counts as a verdict.
        """
        return self._first(0, self._are_unreviewed)

    def unreviewed_after(self, row: int) -> int | None:
        """Return the row of the next queued cutout without a verdict, or None.

        The search wraps around at the end of the queue. A pending verdict counts as a
        verdict.
        """
        found = self._first(self._index_after(row), self._are_unreviewed)
        return self.first_unreviewed() if found is None else found

    def matching_after(self, row: int, which: npt.NDArray[np.bool_]) -> int | None:
        """Return the row of the next queued cutout that a mask selects, or None.

        `which` is a mask of table rows, shape (n,). The search wraps around at the end
        of the queue, and ends with the cutout in `row`.
        """
        are_wanted = partial(self._are_matching, which)
        found = self._first(self._index_after(row), are_wanted)
        return self._first(0, are_wanted) if found is None else found

    def image_after(self, row: int, *names: str) -> str | None:
        """Return the image of the next queued cutout that is not in images `names`.

        Return None if there is no such cutout.
        """
        found = self._first(self._index_of(row), partial(self._are_in_others, names))
        return None if found is None else self._index.image_of(found)

    def image_before(self, row: int, *names: str) -> str | None:
        """Return the image of the previous queued cutout that is not in images `names`.

        Return None if there is no such cutout.
        """
        found = self._last(self._index_of(row), partial(self._are_in_others, names))
        return None if found is None else self._index.image_of(found)

    def _are_queued(self, candidates: slice) -> npt.NDArray[np.bool_]:
        return self._is_in[candidates]

    def _are_unreviewed(self, candidates: slice) -> npt.NDArray[np.bool_]:
        pending = self._catalog.labels.pending[self._rows[candidates]]
        are_open = np.greater(self._open[candidates], pending)
        return self._is_in[candidates] & are_open

    def _are_matching(
        self, which: npt.NDArray[np.bool_], candidates: slice
    ) -> npt.NDArray[np.bool_]:
        return self._is_in[candidates] & which[self._rows[candidates]]

    def _are_in_others(
        self, names: Sequence[str], candidates: slice
    ) -> npt.NDArray[np.bool_]:
        """Return the mask of queued candidates that are not in images `names`."""
        index = self._catalog.predictions.image_index[self._rows[candidates]]
        known = np.isin(index, [self._index.position_of_image(name) for name in names])
        return np.greater(self._is_in[candidates], known)

    def _first(self, start: int, is_wanted: _Filter) -> int | None:
        """Return the row of the first wanted candidate at or after index `start`."""
        for begin in range(start, len(self._rows), _CHUNK):
            found = np.flatnonzero(is_wanted(slice(begin, begin + _CHUNK)))
            if found.size:
                return int(self._rows[begin + found[0]])
        return None

    def _last(self, end: int, is_wanted: _Filter) -> int | None:
        """Return the row of the last wanted candidate before index `end`."""
        for stop in range(end, 0, -_CHUNK):
            begin = max(stop - _CHUNK, 0)
            found = np.flatnonzero(is_wanted(slice(begin, stop)))
            if found.size:
                return int(self._rows[begin + found[-1]])
        return None

    # Decisions

    def update(self, row: int) -> None:
        """Update the queue after a decision on the cutout in a row."""
        at = self._index_of(row)
        if not self._is_at(at, row):
            return
        [is_in] = self._are_in(self._rows[at : at + 1])
        is_open, answered = self._catalog.needs(row)
        was_in, was_open = bool(self._is_in[at]), bool(self._open[at])
        was_answered = bool(self._answered[at])
        self._size += int(is_in) - was_in
        self._left += int(is_in and is_open) - int(was_in and was_open)
        self._seen += answered - was_answered
        self._to_see += int(is_open or answered) - int(was_open or was_answered)
        self._is_in[at] = is_in
        self._open[at], self._answered[at] = is_open, answered
        self.changes += int(is_in != was_in)
        self._row_is_in[row] = is_in

    def _are_in(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return the mask of rows that have the review state and kind of the rule."""
        labels, rule = self._catalog.labels, self.rule
        if self.listed is not None:
            return np.ones(len(rows), dtype=bool)
        if rule.state == "new errors":
            which = ~labels.reviewed[rows]
        elif rule.state == "all" or rule.state in ROUND_STATES:
            # The candidates of the other states of a round do not depend on decisions
            # of this round.
            which = np.ones(len(rows), dtype=bool)
        elif rule.state == "changed":
            which = labels.label_new[rows] != self._catalog.predictions.label[rows]
        elif rule.state == "unsure":
            which = labels.unsure[rows].copy()
        else:
            which = labels.reviewed[rows] == (rule.state == "reviewed")
        if rule.kinds is not None:
            kinds, one = labels.kinds, len(rows) == 1
            named = rows.tolist() if one else kinds
            which &= np.isin(rows, [r for r in named if kinds.get(r) in rule.kinds])
        return which

    # Order

    def _index_of(self, row: int) -> int:
        """Return the index of a row among the candidates, or its insertion index."""
        if self._keys is None:
            return int(np.searchsorted(self._rows, row))
        key, keys = self._keys[row], self._sorted_keys
        first = int(np.searchsorted(keys, key, "left"))
        last = int(np.searchsorted(keys, key, "right"))
        return first + int(np.searchsorted(self._rows[first:last], row))

    def _index_after(self, row: int) -> int:
        """Return the index of the first candidate that follows a row."""
        at = self._index_of(row)
        return at + self._is_at(at, row)

    def _is_at(self, at: int, row: int) -> bool:
        return at < len(self._rows) and int(self._rows[at]) == row


def _as_tuple(names: Sequence[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    return (names,) if isinstance(names, str) else tuple(names)
