"""The time per verdict, from the log of decisions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.decisions.entry import Entry

#: Seconds after which a gap counts as a pause, not as the time of a verdict. A verdict
#: takes seconds, a hard one with a look at other images some minutes. During a longer
#: gap the reviewer was most likely away, and one night would outweigh a thousand
#: verdicts.
PAUSE = 300.0


class Pace(NamedTuple):
    """The times of the verdicts.

    Attributes
    ----------
    seconds : ndarray of float64, shape (v,)
        The known times, oldest first, each from the previous act of the reviewer.
    verdicts : int
        The number of all verdicts. Those without a time came first, or after a pause.
    """

    seconds: npt.NDArray[np.float64]
    verdicts: int

    @property
    def median(self) -> float | None:
        """The median time in seconds; None if none is known."""
        return float(np.median(self.seconds)) if self.seconds.size else None

    def thinned(self, most: int) -> tuple[npt.NDArray[np.float64], int]:
        """Return the medians of runs of verdicts, few enough for a plot.

        Parameters
        ----------
        most : int
            The largest number of runs.

        Returns
        -------
        medians : ndarray of float64, shape (r,)
            In the order of the verdicts.
        run : int
            The number of verdicts in each run; the last one may have fewer.
        """
        run = max(1, -(-self.seconds.size // most))
        starts = range(0, self.seconds.size, run)
        runs = [np.median(self.seconds[start : start + run]) for start in starts]
        return np.array(runs, dtype=np.float64), run


def pace_of(log: Iterable[Entry]) -> Pace:
    """Return the time per verdict.

    The time of a verdict runs from the previous act of the same reviewer, which is a
    verdict, an undo or a redo, to the verdict itself. Cutouts that were decided at once
    are one act. A gap longer than `PAUSE` does not count. Labels that were taken over
    from another program or reviewer are not verdicts.

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
