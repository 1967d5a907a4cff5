"""An opener of reviews and the demo, which reads the files in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_warning
from psygnal import Signal

from napari_artifact_review.core.decisions.log_paths import log_path_beside
from napari_artifact_review.core.review.paths import default_output
from napari_artifact_review.viewer.preferences import Preferences
from napari_artifact_review.widgets.panels.open_form import OpenPanel
from napari_artifact_review.widgets.parts.background import Background, MainThread
from napari_artifact_review.widgets.reviewer_choice import (
    ReviewerNeededError,
    chosen_reviewer,
    find_reviewer,
    last_reviewer,
    remember_reviewer,
)

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.demo import DemoSurvey


class Opener:
    """An opener of reviews, which works in a thread and shows progress in the form.

    Parameters
    ----------
    panel : OpenPanel
        The form.
    main_thread : MainThread
        Runs functions in the form's thread.

    Attributes
    ----------
    opened : Signal
        Emitted with the new session.
    failed : Signal
        Emitted with the error.
    asking : Signal
        Emitted before the form asks for the name of the reviewer. The opening waits for
        the answer.
    dropped : Signal
        Emitted if the user does not answer, or chooses other files instead.
    shown : ReviewSession or None
        The session of the open review.
    """

    opened = Signal(object)
    failed = Signal(Exception)
    asking = Signal()
    dropped = Signal()

    def __init__(self, panel: OpenPanel, main_thread: MainThread) -> None:
        self._panel = panel
        self._post = main_thread.run
        self._background = Background(main_thread)
        self._cancelled = threading.Event()
        self.shown: ReviewSession | None = None
        self._text = ""
        self._job: Callable[..., ReviewSession] | None = None
        self._asked_log: Path | None = None
        self._is_chosen = False
        panel.reviewer_question.answered.connect(self._answer)
        panel.reviewer_question.cancelled.connect(self._drop)
        for field in (panel.predictions, panel.images, panel.output):
            field.changed.connect(self._drop)

    @property
    def is_opening(self) -> bool:
        """Whether an opening is in progress."""
        return self._background.busy or self.is_asking

    @property
    def is_asking(self) -> bool:
        """Whether an opening waits for the name of the reviewer."""
        return self._panel.reviewer_question.is_asking

    def names_open_review(self, store: str | Path | None) -> bool:
        """Return whether the files in the form may belong to the open review.

        With `store`, a custom path of the log, return True if a review is open.
        """
        table, output = self._panel.predictions.path, self._panel.output.path
        if self.shown is None or table is None:
            return False
        named = log_path_beside((output or default_output(table)).absolute())
        return store is not None or self.shown.store == str(named)

    def open(self, ask_reviewer: bool = False, **options: Any) -> None:
        """Open the table that is named in the form, in place of the open review.

        Parameters
        ----------
        ask_reviewer : bool
            Whether the form may ask for the name of the reviewer if none is given.
        **options
            `reviewer`, `store`, `team`, `read_only`, `previous`, `embeddings` and
            `hdu`, as for `ReviewSession.open`. By default, those in the form.
        """
        panel, table = self._panel, self._panel.predictions.path
        if table is None:
            return
        options = panel.optional.of_session | options
        may_ask = ask_reviewer and not options.get("read_only")
        job = partial(
            _open_as_chosen if may_ask else _open,
            table,
            panel.images.path,
            panel.output.path,
            cutout_size=panel.chosen_cutout_size(),
            mapping=panel.optional.mapping,
            replaced=self.shown,
            order=Preferences.in_force().order,
            **options,
        )
        is_chosen = options["reviewer"] is not None
        self._start(f"Reading {table.name}...", job, is_chosen)

    def adopt(self, session: ReviewSession) -> None:
        """Emit `opened` with an open session, after importing its modules."""
        name = session.predictions.path.name
        self._start(f"Opening {name}...", partial(_adopt, session))

    def reopen(self, session: ReviewSession, images: Path | None = None) -> None:
        """Read the files of a review again; `images` is another folder of images."""
        name = session.predictions.path.name
        self._start(f"Reading {name}...", partial(session.reopen, images))

    def move(self, session: ReviewSession, output: Path) -> None:
        """Copy a review's log for another output, and reopen the review with it."""
        job = partial(session.with_output, output)
        is_chosen = chosen_reviewer(session.store) is not None
        self._start(f"Switching to {output.name}...", job, is_chosen)

    def _start(
        self, text: str, job: Callable[..., ReviewSession], is_chosen: bool = False
    ) -> None:
        """Run a job; `is_chosen` is whether to remember the reviewer of its session."""
        self._text, self._job, self._is_chosen = text, job, is_chosen
        self._panel.reviewer_question.close()
        self._panel.show_progress(text)
        self._background.start(job, self._done, self._failed)

    def open_demo(self, images: int, seed: int, folder: Path | None) -> None:
        """Open a demo survey, after creating the survey if it does not exist."""
        # Import the demo only here, because it imports scikit-learn and scipy.
        from napari_artifact_review.demo import make_demo, make_demo_in_cache

        make = partial(make_demo, folder) if folder else make_demo_in_cache
        self._cancelled = cancelled = threading.Event()

        def progress(done: int, total: int, what: str) -> None:
            if cancelled.is_set():
                raise _CancelledError
            self._post(lambda: self._panel.show_progress(what, done, total))

        def made(survey: DemoSurvey) -> None:
            if survey.notice:
                show_warning(survey.notice)
            size = self._panel.chosen_cutout_size()
            self._panel.fill_files(survey.predictions, survey.images)
            self._panel.optional.show_cutout_size(size)
            self.open()

        self._panel.reviewer_question.close()
        self._panel.show_progress("Creating the demo...")
        self._background.start(lambda: make(images, seed, progress), made, self._failed)

    def cancel(self) -> None:
        """Cancel the opening in progress, without emitting a signal."""
        self._cancelled.set()
        self._background.give_up()
        self._panel.reviewer_question.close()
        self._panel.show_idle()

    def _done(self, session: ReviewSession) -> None:
        if self._is_chosen:
            remember_reviewer(session.store, session.reviewer)
        self._panel.show_idle()
        self.opened.emit(session)

    def _failed(self, error: Exception) -> None:
        self._panel.show_idle()
        if isinstance(error, ReviewerNeededError):
            self._asked_log = error.log
            self.asking.emit()
            proposed = last_reviewer(error.log) or error.default
            self._panel.reviewer_question.ask(error.names, proposed)
        elif not isinstance(error, _CancelledError):
            self._panel.show_failure(error)
            self.failed.emit(error)

    def _answer(self, name: str) -> None:
        """Continue the opening with the name of the reviewer."""
        assert self._job is not None
        assert self._asked_log is not None
        # If the opening fails now, the next one need not ask again.
        remember_reviewer(self._asked_log, name)
        self._start(self._text, partial(self._job, reviewer=name))

    def _drop(self) -> None:
        """Drop an opening that waits for the name of the reviewer."""
        if self.is_asking:
            self.dropped.emit()


def import_ahead() -> None:
    """Import the modules of a review in a thread while the user fills in the form."""
    threading.Thread(target=import_review, name="artifact-review-imports").start()


def import_review() -> None:
    """Import the modules of a review; with dependencies, this takes over a second."""
    import napari_artifact_review.widgets.review  # noqa: F401


def _open(table: Path, *more: Path | None, **named: Any) -> ReviewSession:
    # Import in this thread, before the main thread needs these modules.
    import_review()
    from napari_artifact_review.core.review.session import ReviewSession

    return ReviewSession.open(table, *more, **named)


def _open_as_chosen(
    table: Path,
    images: Path | None,
    output: Path | None,
    *,
    reviewer: str | None,
    store: str | Path | None = None,
    **named: Any,
) -> ReviewSession:
    """Open a review with a reviewer that the user chooses; see `find_reviewer`."""
    import_review()
    if reviewer is None:
        reviewer = find_reviewer(table, output, store)
    return _open(table, images, output, reviewer=reviewer, store=store, **named)


def _adopt(session: ReviewSession) -> ReviewSession:
    import_review()
    return session


class _CancelledError(Exception):
    """An exception for a job that the user has cancelled; it is not reported."""
