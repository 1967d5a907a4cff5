"""Record of an audit: its sample, and what was known when it was drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from napari_artifact_review.core.cutout import CutoutKey


@dataclass(frozen=True)
class AuditRecord:
    """An audit of a review, as drawn.

    Attributes
    ----------
    number : int
        Number of the audit in its review, from 1.
    seed : int
        Seed of the random sample.
    population : tuple of int
        Number of cutouts with label 0, and with label 1, that had no verdict when the
        sample was drawn, sample included.
    sample : dict of CutoutKey to int
        The cutouts of the sample in the order of their queue, with their labels.
    last_numbers : dict of str to int
        Number of the last entry in each log at the draw, by log id.
    """

    number: int
    seed: int
    population: tuple[int, int]
    sample: Mapping[CutoutKey, int]
    last_numbers: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain JSON, which `from_json` can read."""
        return {
            "number": self.number,
            "seed": self.seed,
            "population": list(self.population),
            "sample": [[*cutout, label] for cutout, label in self.sample.items()],
            "last_numbers": dict(self.last_numbers),
        }

    @classmethod
    def from_json(cls, stored: Any) -> AuditRecord:
        """Create a record from stored JSON.

        Raises
        ------
        AttributeError, KeyError, TypeError, ValueError
            If the JSON is damaged.
        """
        number, seed = stored["number"], stored["seed"]
        missed, false = stored["population"]
        sample = {
            CutoutKey(str(name), x, y): label for name, x, y, label in stored["sample"]
        }
        last_numbers = dict(stored["last_numbers"])
        positions = [n for cutout in sample for n in cutout[1:]]
        counts = (number, seed, missed, false, *last_numbers.values())
        if not all(type(n) is int for n in (*positions, *counts, *sample.values())):
            raise TypeError(stored)
        labels = [*sample.values()]
        fits = labels.count(0) <= missed and labels.count(1) <= false
        if number < 1 or seed < 0 or not fits or {*labels} - {0, 1}:
            raise ValueError(stored)
        return cls(number, seed, (missed, false), sample, last_numbers)


def audits_from_json(stored: Any) -> tuple[AuditRecord, ...]:
    """Create all records of a review from stored JSON; see `AuditRecord.from_json`."""
    try:
        return tuple(map(AuditRecord.from_json, stored))
    except KeyError as missing:
        raise ValueError(stored) from missing
