"""Time per verdict, computed from the log of decisions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.decisions.entry import Entry

#: Seconds after which a gap counts as a pause, not as the time of a verdict. A verdict
#: takes seconds, a difficult one several minutes. In a longer gap the reviewer was
#: probably away, and a single night would outweigh a thousand verdicts.
PAUSE = 300.0


class Pace(NamedTuple):
    """Times of the verdicts of a review.

    Attributes
    ----------
    seconds : ndarray of float64, shape (v,)
        Known times, oldest first, each measured from the reviewer's previous act.
    verdicts : int
        Number of all verdicts, including first verdicts and verdicts after a pause.
    """

    seconds: npt.NDArray[np.float64]
    verdicts: int

    @property
    def median(self) -> float | None:
        """Median time in seconds; None if no time is known."""
        return float(np.median(self.seconds)) if self.seconds.size else None

    def thinned(self, most: int) -> tuple[npt.NDArray[np.float64], int]:
        """Return the medians of runs of consecutive verdicts, for a plot.

        Parameters
        ----------
        most : int
            Maximum number of runs.

        Returns
        -------
        medians : ndarray of float64, shape (r,)
            Median of each run, in the order of the verdicts.
        run : int
            Number of verdicts in each run; the last run may have fewer.
        """
        run = max(1, -(-self.seconds.size // most))
        starts = range(0, self.seconds.size, run)
        runs = [np.median(self.seconds[start : start + run]) for start in starts]
        return np.array(runs, dtype=np.float64), run


def pace_of(log: Iterable[Entry]) -> Pace:
    """Compute the time per verdict.

    The time of a verdict is measured from the previous act of the same reviewer: a
    verdict, an undo or a redo. Cutouts that were decided together are one act. A gap
    longer than `PAUSE` is ignored. Labels that were adopted from another program or
    reviewer are not verdicts.

    Parameters
    ----------
    log : iterable of Entry
        All entries, oldest first.
    """
    last: dict[str, float] = {}
    seconds, verdicts = [], 0
    for _, entries in groupby(log, lambda entry: (entry.act, entry.action)):
        entry = next(entries)
        if "chosen_by" in entry.context:
            continue
        now = datetime.fromisoformat(entry.decided_at).timestamp()
        gap = now - last.get(entry.reviewer, -np.inf)
        last[entry.reviewer] = now
        if entry.action == "decide":
            verdicts += 1
            # A clock that was set back gives a negative gap.
            if 0 <= gap <= PAUSE:
                seconds.append(gap)
    return Pace(np.array(seconds, dtype=np.float64), verdicts)
