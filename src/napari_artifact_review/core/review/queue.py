"""The queue: which cutouts are to be looked at, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any, Literal, Self, cast, get_args

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.outcomes import ERRORS, OUTCOMES, Outcome
from napari_artifact_review.core.review.catalog import Catalog

State = Literal["all", "unreviewed", "reviewed", "changed", "unsure"]
Order = Literal["table", "image", "confident", "uncertain", "mislabelled", "random"]

STATES: tuple[State, ...] = get_args(State)
ORDERS: tuple[Order, ...] = get_args(Order)

#: Orders that need the model's confidence.
BY_CONFIDENCE: tuple[Order, ...] = ("confident", "uncertain", "mislabelled")

#: How many places are looked at in one go.
_STRIDE = 4096

Rows = npt.NDArray[np.int64]
_Look = Callable[[slice], npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class QueueRule:
    """Which cutouts are in a queue, and in which order.

    Attributes
    ----------
    outcomes : tuple of "FP", "FN", "TP", "TN"
        The outcomes, at the threshold in force.
    state : str
        The review state: one of `STATES`. An unsure verdict counts as reviewed.
    images : tuple of str, optional
        The full images; by default all.
    kinds : tuple of str, optional
        The kinds of artifact that reviewers named; by default all, named or not.
    order : str
        One of `ORDERS`; ties are in the table's order.

        - ``"table"``: row by row.
        - ``"image"``: image by image, as the table first names them.
        - ``"confident"``: the predictions that the model is surest of first, so the
          boldest mistakes. The model is as sure of a prediction as it gives it
          probability: the confidence of an artifact, or what is left of 1.
        - ``"uncertain"``: the other way round.
        - ``"mislabelled"``: the labels that the model gives the least probability
          first. That is the self-confidence of confident learning (Northcutt, Jiang
          & Chuang 2021, J. Artif. Intell. Res. 70, 1373), as cleanlab ranks labels by
          it.
        - ``"random"``: shuffled.

        Cutouts without a confidence come last in the orders that need one.
    seed : int
        For ``"random"``: the same one gives the same order.
    """

    outcomes: tuple[Outcome, ...] = ERRORS
    state: State = "all"
    images: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    order: Order = "table"
    seed: int = 0

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
                raise TypeError(f"{name}: not every one is a text")
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
    ) -> Self:
        """Return a rule for lists of any kind; a single text is a list of one."""
        return cls(
            cast(tuple[Outcome, ...], _listed(outcomes) or ()),
            state,
            _listed(images),
            _listed(kinds),
            order,
            int(seed),
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON, for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Any) -> Self | None:
        """Return what `as_json` gave; None if that is not what it is."""
        names = {field.name for field in fields(cls)}
        if not isinstance(kept, dict) or kept.keys() != names:
            return None
        try:
            return cls.of(**kept)
        except (OverflowError, TypeError, ValueError):
            return None


class Queue:
    """The cutouts that a rule lets in, in its order.

    Their places are found once. What is decided later lets a cutout in or out without
    a look at the others: see `update`.

    Parameters
    ----------
    catalog : Catalog
        The cutouts, at the threshold in force.
    rule : QueueRule
        Which of them, in which order.

    Attributes
    ----------
    changes : int
        How often a cutout was let in or out since.

    Raises
    ------
    ReviewError
        If the rule names an image that is not in the table, or needs a confidence that
        the table has not.
    """

    def __init__(self, catalog: Catalog, rule: QueueRule) -> None:
        self.rule = rule
        self.changes = 0
        self._catalog = catalog
        self._index = catalog.cutout_index
        self._keys = self._keys_of_all()
        which = catalog.are(*rule.outcomes)
        if rule.images is not None:
            which &= np.isin(catalog.predictions.image_index, self._image_numbers())
        rows = np.flatnonzero(which)
        if self._keys is not None:
            # Ties stay in the table's order.
            rows = rows[np.argsort(self._keys[rows], kind="stable")]
            self._sorted_keys = self._keys[rows]
        # Of each place, a row that the rule may let in: whether it is in, and reviewed.
        self._rows: Rows = rows
        self._is_in = self._are_in(rows)
        self._reviewed = catalog.labels.reviewed[rows]
        self._row_is_in = np.zeros(len(which), dtype=bool)
        self._row_is_in[self.rows] = True
        self._size = int(np.count_nonzero(self._is_in))
        self._left = int(np.count_nonzero(self._is_in & ~self._reviewed))
        self._seen = int(np.count_nonzero(self._reviewed))

    # What is in it

    @property
    def rows(self) -> Rows:
        """The rows of its cutouts in the table, in its order."""
        return self._rows[self._is_in]

    def __len__(self) -> int:
        return self._size

    @property
    def left(self) -> int:
        """Number of cutouts in the queue without a verdict."""
        return self._left

    @property
    def progress(self) -> tuple[int, int]:
        """How many are reviewed of those that it had, would it not ask for a state."""
        return self._seen, len(self._rows)

    def __contains__(self, row: int) -> bool:
        """Tell whether the cutout in a row is in it."""
        return bool(self._row_is_in[row])

    def place_of(self, row: int) -> int | None:
        """Return the place of a cutout, from 1; None if it is not in the queue."""
        if row not in self:
            return None
        return int(np.count_nonzero(self._is_in[: self._place(row)])) + 1

    def rows_of(self, image_name: str) -> Rows:
        """Return the rows of an image's cutouts that are in it, in its order."""
        rows = self._index.cutouts_of(image_name)
        rows = rows[self._row_is_in[rows]]
        if self._keys is None:
            return rows
        return rows[np.argsort(self._keys[rows], kind="stable")]

    @property
    def image_counts(self) -> Rows:
        """How many of its cutouts each image has, in the order of their names."""
        table = self._catalog.predictions
        index = table.image_index[self.rows]
        return np.bincount(index, minlength=len(table.image_names))

    def count_of(self, image_name: str) -> int:
        """How many of its cutouts an image has."""
        return int(
            np.count_nonzero(self._row_is_in[self._index.cutouts_of(image_name)])
        )

    # The way through it

    def after(self, row: int) -> int | None:
        """Return the row of the nearest cutout after `row`, or None.

        `row` need not be in the queue: it stands where its order would put it.
        """
        return self._first(self._places_after(row), self._in)

    def before(self, row: int) -> int | None:
        """Return the row of the nearest cutout before `row`, or None."""
        return self._last(self._place(row), self._in)

    def unreviewed_after(self, row: int) -> int | None:
        """Return the nearest cutout after `row` without a verdict, or None.

        After the last one it looks from the first one on. A verdict that is not
        recorded yet counts.
        """
        found = self._first(self._places_after(row), self._unreviewed)
        return self._first(0, self._unreviewed) if found is None else found

    def image_after(self, row: int, *names: str) -> str | None:
        """Return the first image after `row` that is none of some, or None."""
        found = self._first(self._place(row), partial(self._in_others, names))
        return None if found is None else self._index.image_of(found)

    def image_before(self, row: int, *names: str) -> str | None:
        """Return the nearest image before `row` that is none of some, or None."""
        found = self._last(self._place(row), partial(self._in_others, names))
        return None if found is None else self._index.image_of(found)

    def _in(self, places: slice) -> npt.NDArray[np.bool_]:
        return self._is_in[places]

    def _unreviewed(self, places: slice) -> npt.NDArray[np.bool_]:
        pending = self._catalog.labels.pending[self._rows[places]]
        return np.greater(self._is_in[places], self._reviewed[places] | pending)

    def _in_others(self, names: Sequence[str], places: slice) -> npt.NDArray[np.bool_]:
        """Tell which places hold a cutout of an image that is none of some."""
        index = self._catalog.predictions.image_index[self._rows[places]]
        known = np.isin(index, [self._index.position_of_image(name) for name in names])
        return np.greater(self._is_in[places], known)

    def _first(self, start: int, wanted: _Look) -> int | None:
        """Return the row of the first place from `start` on that is wanted."""
        for begin in range(start, len(self._rows), _STRIDE):
            found = np.flatnonzero(wanted(slice(begin, begin + _STRIDE)))
            if found.size:
                return int(self._rows[begin + found[0]])
        return None

    def _last(self, end: int, wanted: _Look) -> int | None:
        """Return the row of the last place before `end` that is wanted."""
        for stop in range(end, 0, -_STRIDE):
            begin = max(stop - _STRIDE, 0)
            found = np.flatnonzero(wanted(slice(begin, stop)))
            if found.size:
                return int(self._rows[begin + found[-1]])
        return None

    # What is decided meanwhile

    def update(self, row: int) -> None:
        """Let the cutout in a row in or out, after something was decided about it."""
        at = self._place(row)
        if not self._is_at(at, row):
            return
        [is_in] = self._are_in(self._rows[at : at + 1])
        reviewed = bool(self._catalog.labels.reviewed[row])
        was_in, was_reviewed = bool(self._is_in[at]), bool(self._reviewed[at])
        self._size += int(is_in) - was_in
        self._left += int(is_in and not reviewed) - int(was_in and not was_reviewed)
        self._seen += reviewed - was_reviewed
        self._is_in[at], self._reviewed[at] = is_in, reviewed
        self.changes += int(is_in != was_in)
        self._row_is_in[row] = is_in

    def _are_in(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Tell which rows have what the rule asks of a review."""
        labels, rule = self._catalog.labels, self.rule
        if rule.state == "all":
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

    # Its order

    def _keys_of_all(self) -> npt.NDArray[Any] | None:
        """Return by what each row of the table is ordered; None for the table's own."""
        table, order = self._catalog.predictions, self.rule.order
        if order == "table":
            return None
        if order == "image":
            return table.image_index
        if order == "random":
            return np.random.default_rng(self.rule.seed).permutation(len(table.label))
        if table.confidence is None:
            raise ReviewError(
                "the table has no column confidence to order the cutouts by",
                path=table.path,
                remedy="Choose another order",
            )
        given = table.label if order == "mislabelled" else self._catalog.preds
        # Of a NaN the negative sorts last as well.
        probability = np.where(given == 1, table.confidence, 1 - table.confidence)
        return -probability if order == "confident" else probability

    def _image_numbers(self) -> list[int]:
        assert self.rule.images is not None, "asked for where images are named"
        try:
            return [self._index.position_of_image(name) for name in self.rule.images]
        except KeyError as missing:
            raise ReviewError(
                f"no image {missing.args[0]} is in the table",
                path=self._catalog.predictions.path,
            ) from None

    def _place(self, row: int) -> int:
        """Return where a row stands among all that its rule may let in, or would."""
        if self._keys is None:
            return int(np.searchsorted(self._rows, row))
        key, keys = self._keys[row], self._sorted_keys
        first = int(np.searchsorted(keys, key, "left"))
        last = int(np.searchsorted(keys, key, "right"))
        return first + int(np.searchsorted(self._rows[first:last], row))

    def _places_after(self, row: int) -> int:
        """Return the first place after a row."""
        at = self._place(row)
        return at + self._is_at(at, row)

    def _is_at(self, at: int, row: int) -> bool:
        return at < len(self._rows) and int(self._rows[at]) == row


def _listed(names: Sequence[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    return (names,) if isinstance(names, str) else tuple(names)
