"""The learned order of a review's queue: verdicts move the cutouts ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as futures_wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_artifact_review.core.decisions.recorder import Dispatcher
from napari_artifact_review.core.learning.order import (
    WARM_UP,
    LearnedOrder,
    OrderInputs,
    Ranked,
)
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.cutout_descriptors import CutoutDescriptors
from napari_artifact_review.core.review.queue import Queue
from napari_artifact_review.core.review.queue_order import common_among
from napari_artifact_review.core.team.assignment import interleaved

Rows = npt.NDArray[np.int64]

#: Number of verdicts after which the order is learned again. Batches of 1 to 20 were
#: equally good on simulated surveys.
BATCH = 10


@dataclass(frozen=True)
class LearnedState:
    """What determines the learned order beside the verdicts and the descriptors.

    Attributes
    ----------
    seed : int
        Seed of the random parts.
    shown : tuple of int
        Table rows of the cutouts that the reviewer has seen in this order. They keep
        their positions.
    """

    seed: int = 0
    shown: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the state as plain JSON, which `from_json` can read."""
        return {"seed": self.seed, "shown": list(self.shown)}

    @classmethod
    def from_json(cls, stored: Any) -> LearnedState:
        """Create a state from stored JSON.

        Raises
        ------
        TypeError, ValueError, AttributeError
            If the JSON is damaged.
        """
        seed, shown = stored["seed"], stored["shown"]
        if not all(type(number) is int and number >= 0 for number in (seed, *shown)):
            raise ValueError(stored)
        return cls(seed, tuple(dict.fromkeys(shown)))


@dataclass(frozen=True)
class Reason:
    """Why a cutout has its place in the learned order.

    Attributes
    ----------
    probability : float or None
        Probability that the label is wrong; None before the first fitted model.
    nearest : int or None
        Row of the cutout with a verdict that looks most like this one; None without
        descriptors or without another verdict that is not hidden.
    """

    probability: float | None
    nearest: int | None


@dataclass(frozen=True)
class _Request:
    """The inputs of one ranking; `key` is equal for equal inputs."""

    key: tuple[Any, ...]
    inputs: OrderInputs
    probability: npt.NDArray[np.float32] | None
    queued: Rows
    candidates: Rows
    verdict_rows: Rows
    is_wrong: npt.NDArray[np.bool_]
    near_image: int | None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def features_key(self) -> tuple[Any, ...]:
        """The part of the key on which the feature columns depend."""
        return self.key[:3]


class LearnedQueue:
    """Ranks the cutouts of a queue by what the verdicts so far have taught.

    The order is learned again after every ten verdicts, also if an undo takes the tenth
    back. It uses the first ten, twenty, ... verdicts by time, so that the same log
    gives the same order. The cutouts that were shown keep their positions.

    With a dispatcher, a thread computes the order. Without one, `update` does.

    Parameters
    ----------
    catalog : Catalog
        The cutouts, with the labels in force.
    descriptors : CutoutDescriptors
        Descriptors of the cutouts, as far as they are known.
    last_numbers : callable
        Function that returns the number of the last entry of each log.
    shown : mapping of int to None
        Rows that were shown in this order, as `ReviewCursor` notes them.
    seed : int
        Seed of the random parts.

    Attributes
    ----------
    changed : Signal
        Emitted when `Catalog.learned_places` has changed.
    seed : int
        Seed of the random parts.
    ranked : Ranked or None
        The last ranking.
    facts : dict
        What the order in use was learned from, as plain JSON, for the log.
    """

    changed = Signal()

    def __init__(
        self,
        catalog: Catalog,
        descriptors: CutoutDescriptors,
        last_numbers: Callable[[], Mapping[str, int]],
        shown: Mapping[int, None],
        seed: int,
    ) -> None:
        self.ranked: Ranked | None = None
        self.facts: dict[str, Any] = {}
        self._catalog = catalog
        self._descriptors = descriptors
        self._last_numbers = last_numbers
        self.seed = seed
        self._shown = shown
        self._times: dict[int, str] | None = None
        self._order: tuple[tuple[Any, ...], LearnedOrder] | None = None
        self._wanted: tuple[Any, ...] = ()
        self._dispatch: Dispatcher | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._job: Future[tuple[LearnedOrder, Ranked]] | None = None

    @property
    def probability(self) -> npt.NDArray[np.float64] | None:
        """Probability that the label of each row is wrong, shape (n,).

        It is that of the last learned order, and NaN for rows with a verdict. It is
        None until there are 20 verdicts to learn from, and while no model can be fitted
        to them.
        """
        if self.ranked is None or self.ranked.of_table is None:
            return None
        probability = self.ranked.of_table.astype(np.float64)
        probability[self._catalog.labels.reviewed] = np.nan
        return probability

    @property
    def text(self) -> str:
        """What the order is learned from, as a short text."""
        count = len(self._times or ())
        parts = [f"Learned from {self.facts.get('verdicts', 0):,} verdicts"]
        if count < WARM_UP:
            parts = [f"Warm-up: {count} of {WARM_UP} verdicts"]
        done, total = self._descriptors.progress
        if not self._descriptors.is_ready:
            doing = f"{done:,} of {total:,} images read"
            parts.append(doing if done < total else "training a model")
        if self._descriptors.embeddings is not None and self._descriptors.faults:
            parts.append("the embeddings cannot be used")
        elif self._descriptors.faults:
            parts.append(f"{len(self._descriptors.faults):,} images cannot be used")
        return "; ".join(parts)

    def reason(self, row: int) -> Reason | None:
        """Return why a row has its place; None before the first order."""
        if self._order is None or self.ranked is None:
            return None
        rows = np.array(sorted(self._note_all_times()), dtype=np.int64)
        hidden = self._catalog.hidden
        rows = rows[~hidden.mask[rows] & (rows != hidden.repeated_row)]
        of_table = self.ranked.of_table
        return Reason(
            None if of_table is None else float(of_table[row]),
            self._order[1].explain(row, rows),
        )

    def find_surprising(self, reviewer: str) -> Callable[[], Rows]:
        """Return a function that finds a reviewer's most surprising verdicts.

        It returns their rows, the most surprising first, and can run in any thread.
        Unsure verdicts are left out, and those of an earlier round. A model of all
        verdicts so far says how surprising each is; see `LearnedOrder.surprise`.
        """
        labels, key = self._catalog.labels, self._features_key()
        rows = np.array(sorted(self._note_all_times()), dtype=np.int64)
        is_wrong = labels.label_new[rows] != self._catalog.predictions.label[rows]
        names = [labels.state_of(row).reviewed_by for row in rows.tolist()]
        is_own = ~labels.are_carried[rows] & (np.array(names, dtype=object) == reviewer)
        inputs, probability = self._descriptors.inputs, self._descriptors.probability

        def find() -> Rows:
            if not rows.size:
                return rows
            surprise = self._order_of(key, inputs, probability).surprise(rows, is_wrong)
            order = np.argsort(-surprise, kind="stable")
            found: Rows = rows[order][is_own[order]]
            return found

        return find

    def set_dispatcher(self, dispatch: Dispatcher | None) -> None:
        """Compute in a thread, and deliver the order by a function; see `OpenLog`."""
        self._dispatch = dispatch

    def note_labels(self, rows: Iterable[int]) -> None:
        """Note that the label states of rows have changed."""
        if self._times is not None:
            for row in rows:
                self._note_time(row)

    def update(self, queue: Queue, *, at_once: bool = False) -> None:
        """Learn the order of a queue again, if anything has changed.

        With `at_once`, a thread computes it only if the features of the cutouts are
        not known yet; with them, a million cutouts take about 0.1 s.
        """
        verdicts = self._verdicts()
        key = self._key(queue, verdicts)
        if key == self._wanted:
            return
        request = self._request(key, queue, verdicts)
        self._wanted = key
        is_prepared = self._order is not None and self._order[0] == request.features_key
        if self._dispatch is None or (at_once and is_prepared):
            self._apply(request, *self._compute(request))
            return
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "artifact-review-order")
        if self._job is not None:
            self._job.cancel()
        dispatch = self._dispatch
        self._job = self._executor.submit(self._compute, request)
        self._job.add_done_callback(
            lambda job: dispatch(lambda: self._finish(request, job))
        )

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a ranking in a thread; return False on timeout."""
        return self._job is None or not futures_wait([self._job], timeout).not_done

    def close(self) -> None:
        """Stop computing; a ranking in progress is discarded."""
        self._wanted = ("closed",)
        self._dispatch = None
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def _verdicts(self) -> list[int]:
        """Return the rows of the verdicts to learn from, by time, in whole batches."""
        times = self._note_all_times()
        rows = sorted(times, key=lambda row: (times[row], row))
        return rows[: len(rows) // BATCH * BATCH]

    def _note_all_times(self) -> dict[int, str]:
        if self._times is None:
            self._times = {}
            for row in np.flatnonzero(self._catalog.labels.reviewed).tolist():
                self._note_time(row)
        return self._times

    def _note_time(self, row: int) -> None:
        assert self._times is not None
        labels = self._catalog.labels
        self._times.pop(row, None)
        if labels.reviewed[row] and not labels.unsure[row]:
            self._times[row] = labels.state_of(row).reviewed_at

    def _key(self, queue: Queue, verdicts: list[int]) -> tuple[Any, ...]:
        """Return what the order depends on; equal keys give equal orders."""
        labels = self._catalog.labels
        given = tuple((row, int(labels.label_new[row])) for row in verdicts)
        changing = labels.carried_changes, self._catalog.assignment
        return (*self._features_key(), given, queue.rule, *changing)

    def _features_key(self) -> tuple[Any, ...]:
        return self.seed, self._catalog.threshold, self._descriptors.version

    def _request(
        self, key: tuple[Any, ...], queue: Queue, verdicts: list[int]
    ) -> _Request:
        catalog, known = self._catalog, self._descriptors
        table = catalog.predictions
        rows = np.array(verdicts, dtype=np.int64)
        is_wrong = catalog.labels.label_new[rows] != table.label[rows]
        # The same rows for the same verdicts to learn from, whatever came after them.
        needs_verdict = catalog.are_open() | catalog.labels.answered
        needs_verdict[rows] = False
        candidates = queue.candidates
        return _Request(
            key,
            self._descriptors.inputs,
            known.probability,
            candidates,
            candidates[needs_verdict[candidates]],
            rows,
            is_wrong,
            # The image at hand, but also the same for the same log.
            int(table.image_index[verdicts[-1]]) if verdicts else None,
            {
                "seed": self.seed,
                "verdicts": len(rows),
                "last_numbers": dict(self._last_numbers()),
                **known.facts,
            },
        )

    def _compute(self, request: _Request) -> tuple[LearnedOrder, Ranked]:
        """Rank the candidates; may run in a thread."""
        order = self._order_of(
            request.features_key, request.inputs, request.probability
        )
        ranked = order.rank(
            request.candidates,
            request.verdict_rows,
            request.is_wrong,
            near_image=request.near_image,
        )
        return order, ranked

    def _order_of(
        self,
        features_key: tuple[Any, ...],
        inputs: OrderInputs,
        probability: npt.NDArray[np.float32] | None,
    ) -> LearnedOrder:
        """Return the order in use, or a new one if its features have changed."""
        known = self._order
        if known is not None and known[0] == features_key:
            return known[1]
        return LearnedOrder(inputs, probability, self.seed)

    def _finish(
        self, request: _Request, job: Future[tuple[LearnedOrder, Ranked]]
    ) -> None:
        if not job.cancelled() and request.key == self._wanted:
            self._apply(request, *job.result())

    def _apply(self, request: _Request, order: LearnedOrder, ranked: Ranked) -> None:
        """Put the ranked cutouts behind those that were shown."""
        self._order = request.features_key, order
        self.ranked, self.facts = ranked, request.facts
        shown = np.array([*self._shown], dtype=np.int64)
        ahead = ranked.rows[~np.isin(ranked.rows, shown)]
        ahead = ahead[self._catalog.are_open()[ahead]]
        ahead = self._with_common(ahead, request.queued)
        # Any other cutout is between the two, so that the next one is the most
        # promising. Reviewed cutouts that were not shown in this order are at the end.
        places = np.full(len(self._catalog.preds), len(shown), dtype=np.int64)
        places[self._catalog.labels.reviewed] = len(shown) + len(ahead) + 1
        places[ahead] = np.arange(len(ahead)) + len(shown) + 1
        places[shown] = np.arange(len(shown))
        self._catalog.learned_places = places
        self.changed.emit()

    def _with_common(self, ahead: Rows, queued: Rows) -> Rows:
        """Spread the cutouts that all members of a team review evenly over the rest.

        Their share is that of the whole queue, with what was reviewed or shown before.
        """
        common = common_among(self._catalog, ahead)
        if not len(common):
            return ahead
        others = ahead[~np.isin(ahead, common)]
        before = np.setdiff1d(queued, ahead)
        common_before = len(common_among(self._catalog, before))
        return interleaved(others, common, len(before) - common_before, common_before)
