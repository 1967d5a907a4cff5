"""Verdicts on the cutouts of audits: first looks, and second looks that confirm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.learning.audit import Answer, Confirmation
from napari_artifact_review.core.outcomes import UNSURE


class Look(NamedTuple):
    """What the verdicts since a draw say about a cutout.

    Attributes
    ----------
    answer : str or None
        "changed", "kept" or "unsure"; None without a verdict.
    confirmation : str or None
        What a second look says about a changed label; see `Confirmation`.
    reviewer : str
        Name of the reviewer of the answer; empty without one.
    is_seen_twice : bool
        Whether there was a second look.
    """

    answer: Answer | None = None
    confirmation: Confirmation | None = None
    reviewer: str = ""
    is_seen_twice: bool = False

    def after(self, entry: Entry, label: int) -> Look:
        """Return the look after one more verdict on a cutout with a label.

        Parameters
        ----------
        entry : Entry
            The verdict.
        label : int
            Label of the cutout in the data set.
        """
        answer: Answer = "changed" if entry.label_new != label else "kept"
        if entry.verdict == UNSURE:
            answer = "unsure"
        is_second = audit_mark(entry).get("look") == 2
        if is_second and self.answer == "changed":
            confirmation = self._confirmation(answer, entry.reviewer)
            return self._replace(confirmation=confirmation, is_seen_twice=True)
        is_same = answer == self.answer and self.confirmation != "rejected"
        look = self if is_same else Look(answer, None, entry.reviewer)
        return look._replace(is_seen_twice=self.is_seen_twice or is_second)

    def _confirmation(self, answer: Answer, reviewer: str) -> Confirmation | None:
        if answer != "changed":
            return "rejected" if answer == "kept" else None
        is_other = reviewer != self.reviewer or self.confirmation == "second reviewer"
        return "second reviewer" if is_other else "same reviewer"


@dataclass(frozen=True, eq=False)
class VerdictHistory:
    """The entries of a review's logs, as they were at one moment.

    Attributes
    ----------
    entries : sequence of Entry
        All entries, in sort order.
    acts : sequence of EntryId
        All acts that are not undone.
    is_known : callable
        Function that returns whether a cutout is in the table.
    """

    entries: Sequence[Entry]
    acts: Sequence[EntryId]
    is_known: Callable[[CutoutKey], bool]

    @cached_property
    def _in_force(self) -> frozenset[EntryId]:
        return frozenset(self.acts)

    def looks(
        self, labels: Mapping[CutoutKey, int], since: Mapping[str, int]
    ) -> dict[CutoutKey, Look]:
        """Return what the verdicts since a draw say about cutouts.

        Parameters
        ----------
        labels : mapping of CutoutKey to int
            The cutouts, with their labels in the data set.
        since : mapping of str to int
            Number of the last entry in each log at the draw, by log id.
        """
        looks = dict.fromkeys(labels, Look())
        for entry in self.decisions():
            if entry.cutout in labels and not _is_until(entry, since):
                look = looks[entry.cutout].after(entry, labels[entry.cutout])
                looks[entry.cutout] = look
        return looks

    def decisions(self) -> Iterator[Entry]:
        """Yield the verdicts that are not undone, on cutouts of the table, in order."""
        for entry in self.entries:
            is_in_force = entry.action == "decide" and entry.act in self._in_force
            if is_in_force and self.is_known(entry.cutout):
                yield entry

    def with_verdict(
        self, cutouts: Iterable[CutoutKey], until: Mapping[str, int]
    ) -> set[CutoutKey]:
        """Return the cutouts that had a recorded verdict at a draw.

        Parameters
        ----------
        cutouts : iterable of CutoutKey
            Cutouts to return if they had a verdict.
        until : mapping of str to int
            Number of the last entry in each log at the draw, by log id.
        """
        wanted = set(cutouts)
        before = [entry for entry in self.entries if _is_until(entry, until)]
        acts = {entry.act for entry in before if entry.cutout in wanted}
        # Other acts do not matter; a verdict may have been undone before the draw.
        log = DecisionLog((e for e in before if e.act in acts), self.is_known)
        return {cutout for cutout in wanted if log.in_force(cutout) is not None}


def audit_mark(entry: Entry) -> Mapping[str, Any]:
    """Return the number of the audit and of the look for which a verdict was given.

    The keys are "number" and "look"; the mapping is empty for any other verdict.
    """
    view = entry.context.get("view")
    mark = view.get("audit") if isinstance(view, Mapping) else None
    return mark if isinstance(mark, Mapping) else {}


def _is_until(entry: Entry, last_numbers: Mapping[str, int]) -> bool:
    return entry.number <= last_numbers.get(entry.log_id, 0)
