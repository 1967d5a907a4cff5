"""How long a verdict takes, as the log of decisions tells."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.decisions.entry import Entry

#: Seconds after which a gap is a pause and no verdict's time. A verdict takes seconds,
#: a hard one with a look at other images some minutes; who does nothing for longer is
#: most likely elsewhere, and one night would outweigh a thousand verdicts.
PAUSE = 300.0


class Pace(NamedTuple):
    """The time of each verdict whose time is known.

    Attributes
    ----------
    seconds : ndarray of float64, shape (v,)
        From the act before by the same reviewer, oldest first.
    verdicts : int
        How many verdicts there are at all; the others came first, or after a pause.
    """

    seconds: npt.NDArray[np.float64]
    verdicts: int

    @property
    def median(self) -> float | None:
        """The median time in seconds; None if none is known."""
        return float(np.median(self.seconds)) if self.seconds.size else None

    def thinned(self, most: int) -> tuple[npt.NDArray[np.float64], int]:
        """Return the medians of runs of verdicts, so that they can be drawn.

        Parameters
        ----------
        most : int
            How many there may be.

        Returns
        -------
        medians : ndarray of float64, shape (r,)
            At most so many, in the order of the verdicts.
        run : int
            The verdicts of each but the last, which may have fewer.
        """
        run = max(1, -(-self.seconds.size // most))
        starts = range(0, self.seconds.size, run)
        runs = [np.median(self.seconds[start : start + run]) for start in starts]
        return np.array(runs, dtype=np.float64), run


def pace_of(log: Iterable[Entry]) -> Pace:
    """Return the time per verdict.

    A verdict takes from the act of the same reviewer before it, be that a verdict, an
    undo or a redo, to the verdict itself. Cutouts that were decided at once are one
    act. A gap longer than `PAUSE` is none. Labels that were taken over from somebody
    else are no verdicts.

    Parameters
    ----------
    log : iterable of Entry
        Everything on record, oldest first.
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
            # A clock that was put back tells nothing.
            if 0 <= gap <= PAUSE:
                seconds.append(gap)
    return Pace(np.array(seconds, dtype=np.float64), verdicts)
