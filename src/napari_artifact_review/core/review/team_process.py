"""Numbers of a team, computed from the files of its review by another process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from napari_artifact_review.core.decisions.recorder import ANSWER_TIMEOUT
from napari_artifact_review.core.learning.child_process import ChildProcess
from napari_artifact_review.core.outcomes import Outcome
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.review.team_snapshot import TeamNumbers

#: Largest number of log entries that a thread counts. While it counts more, it would
#: hold Python's interpreter lock, and with it the window, for too long.
MOST_IN_THREAD = 5000


class TeamMeasurer:
    """Measures the team of an open review, in a thread or in a process of its own.

    Parameters
    ----------
    session : ReviewSession
        The review.
    """

    def __init__(self, session: ReviewSession) -> None:
        self._session = session
        self._child: ChildProcess | None = None

    def job(self, with_agreement: bool) -> Callable[[], TeamNumbers]:
        """Return a function that measures the team as it is now, for any thread.

        Parameters
        ----------
        with_agreement : bool
            Whether to measure the agreement, too.
        """
        snapshot = self._session.team_snapshot()
        if len(snapshot.entries) <= MOST_IN_THREAD:
            return partial(snapshot.numbers, with_agreement)
        self._child = ChildProcess("the numbers of the team")
        return partial(self._in_process, self._child, with_agreement)

    def close(self) -> None:
        """End a process that is measuring; its function then raises an error."""
        if self._child is not None:
            self._child.close()

    def _in_process(self, child: ChildProcess, with_agreement: bool) -> TeamNumbers:
        session = self._session
        # The other process reads the log from the disk.
        session.wait_until_recorded(ANSWER_TIMEOUT)
        try:
            return child.run(
                team_numbers,
                session.predictions.path,
                session.images.folder,
                session.output,
                session.store,
                session.cutout_size,
                session.threshold,
                session.review_queue.rule.outcomes,
                with_agreement,
            )
        finally:
            # A process holds some hundred megabytes.
            child.close()


def team_numbers(
    predictions: Path,
    images: Path,
    output: Path,
    store: str,
    cutout_size: int,
    threshold: float | None,
    outcomes: tuple[Outcome, ...],
    with_agreement: bool,
) -> TeamNumbers:
    """Return the numbers of a team from the files of its review.

    Parameters
    ----------
    predictions, images, output : Path
        The predictions table, the folder of the images, and the reviewed table.
    store : str
        Path of the log.
    cutout_size : int
        Side length of a cutout in pixels.
    threshold : float or None
        Confidence threshold; None to use the table's own `preds`.
    outcomes : tuple of "FP", "FN", "TP", "TN"
        Outcomes of the cutouts under review.
    with_agreement : bool
        Whether to measure the agreement, too.

    Raises
    ------
    ReviewError
        If the review cannot be opened; see `ReviewSession.open`.
    """
    with ReviewSession.open(
        predictions,
        images,
        output,
        cutout_size=cutout_size,
        store=store,
        read_only=True,
    ) as session:
        session.set_threshold(threshold)
        snapshot = session.team_snapshot(outcomes)
    return snapshot.numbers(with_agreement)
