"""Time per verdict, computed from the log of decisions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.decisions.entry import Entry

#: Seconds after which a gap counts as a pause, not as the time of a verdict. Most
#: verdicts take seconds, and a difficult one takes minutes. After a longer gap the
#: reviewer was probably away, and one night would outweigh a thousand verdicts.
PAUSE = 300.0


class Pace(NamedTuple):
    """Times of the verdicts of a review.

    Attributes
    ----------
    seconds : ndarray of float64, shape (v,)
        Known times per verdict in seconds, oldest verdict first; see `pace_of`.
    verdicts : int
        Number of all verdicts, including verdicts without a known time.
    """

    seconds: npt.NDArray[np.float64]
    verdicts: int

    @property
    def median(self) -> float | None:
        """Median time per verdict in seconds; None if no time is known."""
        return float(np.median(self.seconds)) if self.seconds.size else None

    def thinned(self, most: int) -> tuple[npt.NDArray[np.float64], int]:
        """Return the median times of runs of consecutive verdicts, for a plot.

        Parameters
        ----------
        most : int
            Maximum number of runs, at least 1.

        Returns
        -------
        medians : ndarray of float64, shape (r,)
            Median time of each run in seconds, in the order of the verdicts.
        run : int
            Number of verdicts in each run; the last run may have fewer.
        """
        run = max(1, -(-self.seconds.size // most))
        starts = range(0, self.seconds.size, run)
        runs = [np.median(self.seconds[start : start + run]) for start in starts]
        return np.array(runs, dtype=np.float64), run


def pace_of(log: Iterable[Entry]) -> Pace:
    """Compute the time per verdict from a log of decisions.

    The time of a verdict begins with the previous act of the same reviewer: a verdict,
    an undo or a redo. A verdict on several cutouts is one act. A time longer than
    `PAUSE` is ignored. Labels that were adopted, for example from another program, and
    verdicts that were carried from an earlier round are not counted.

    Parameters
    ----------
    log : iterable of Entry
        All entries of the log, oldest first.
    """
    last: dict[str, float] = {}
    seconds, verdicts = [], 0
    for _, entries in groupby(log, lambda entry: (entry.act, entry.action)):
        entry = next(entries)
        if "chosen_by" in entry.context or entry.action == "carry":
            continue
        now = datetime.fromisoformat(entry.decided_at).timestamp()
        gap = now - last.get(entry.reviewer, -np.inf)
        last[entry.reviewer] = now
        if entry.action == "decide":
            verdicts += 1
            # The gap is negative if the clock was set back.
            if 0 <= gap <= PAUSE:
                seconds.append(gap)
    return Pace(np.array(seconds, dtype=np.float64), verdicts)
