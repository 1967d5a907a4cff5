"""The verdicts that settle cutouts on which reviewers differ."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.command import Command
from napari_artifact_review.core.decisions.decision import LabelState
from napari_artifact_review.core.decisions.entry import storable_text
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.decisions.recorder import Recorder
from napari_artifact_review.core.outcomes import Verdict
from napari_artifact_review.core.review.entry_commands import adjudicate_command
from napari_artifact_review.core.review.reviewers import Reviewers


class Adjudications:
    """The adjudications of a review, pending or in force.

    Parameters
    ----------
    log : DecisionLog
        Log with the entries on disk.
    recorder : Recorder
        Recorder with the pending commands.
    reviewers : Reviewers
        The votes of all reviewers.
    initial_state : callable
        Function that returns the label state of a cutout before its first verdict.
    submit : callable
        Function that submits a command, and returns it.
    """

    def __init__(
        self,
        log: DecisionLog,
        recorder: Recorder,
        reviewers: Reviewers,
        initial_state: Callable[[CutoutKey], LabelState],
        submit: Callable[[Command], Command],
    ) -> None:
        self._log = log
        self._recorder = recorder
        self._reviewers = reviewers
        self._initial_state = initial_state
        self._submit = submit

    def of(self, cutout: CutoutKey) -> LabelState | None:
        """Return the verdict that settles a cutout, pending or in force, or None.

        The label and the time of a pending one are not known yet.
        """
        for command in reversed(self._recorder.pending):
            if command.kind in ("undo", "redo") and cutout in command.cutouts:
                return None
            if cutout in command.adjudications:
                return command.adjudications[cutout]
        entry = self._reviewers.votes.adjudication_in_force(cutout)
        return None if entry is None else LabelState.after(entry)

    def submit(
        self, cutout: CutoutKey, verdict: Verdict, kind: str = "", note: str = ""
    ) -> Command:
        """Submit the verdict that settles a cutout.

        The entry has the verdicts and adjudications that are known when it is written.
        Nothing is recorded if the same adjudication of this reviewer is in force.
        """

        def label_before() -> int:
            return self._initial_state(cutout).label_new

        texts = storable_text(kind), storable_text(note)
        state = LabelState(0, self._reviewers.reviewer, "", verdict, *texts)
        seen = partial(self._reviewers.seen_on, cutout)
        command = adjudicate_command(self._log, cutout, state, label_before, seen)
        command.resubmit = partial(self.submit, cutout, verdict, kind, note)
        known = self.of(cutout)
        if known is not None and known._replace(label_new=0, reviewed_at="") == state:
            command.settle(())
        return self._submit(command)
