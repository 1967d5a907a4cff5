"""Opens what the form names, or the demo, without holding up the window."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_artifact_review.core.decisions.log_paths import log_path_beside
from napari_artifact_review.core.review.paths import default_output
from napari_artifact_review.widgets.panels.opening import OpenPanel
from napari_artifact_review.widgets.parts.background import Background, MainThread

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.demo import DemoSurvey


class Opener:
    """Carries out what an `OpenPanel` asks for, and shows in it how far it is.

    Attributes
    ----------
    opened : Signal
        Emitted with the session.
    failed : Signal
        Emitted with the error.
    shown : ReviewSession or None
        The review that is open.
    """

    opened = Signal(object)
    failed = Signal(Exception)

    def __init__(self, panel: OpenPanel, main_thread: MainThread) -> None:
        self._panel = panel
        self._post = main_thread.run
        self._background = Background(main_thread)
        self._cancelled = threading.Event()
        self.shown: ReviewSession | None = None

    @property
    def is_opening(self) -> bool:
        """Whether an opening is under way."""
        return self._background.busy

    def names_open_review(self, store: str | None) -> bool:
        """Tell whether the form names the review that is open already."""
        table, output = self._panel.predictions.path, self._panel.output.path
        if self.shown is None or table is None:
            return False
        named = log_path_beside((output or default_output(table)).absolute())
        return store is not None or self.shown.store == str(named)

    def open(self, **options: Any) -> None:
        """Open the table that the form names, in the place of the review shown.

        Parameters
        ----------
        **options
            `store` and `team`, as for `ReviewSession.open`.
        """
        panel, table = self._panel, self._panel.predictions.path
        if table is None:
            return
        panel.show_progress(f"Reading {table.name}...")
        self._background.start(
            partial(
                _open,
                table,
                panel.images.path,
                panel.output.path,
                cutout_size=panel.chosen_cutout_size(),
                replaced=self.shown,
                **options,
            ),
            self._done,
            self._failed,
        )

    def open_again(
        self,
        session: ReviewSession,
        images: Path | None = None,
    ) -> None:
        """Open a review again, as somebody else may have left it, or other images."""
        self._panel.show_progress(f"Reading {session.predictions.path.name}...")
        job = partial(session.reopen, images)
        self._background.start(job, self._done, self._failed)

    def move(self, session: ReviewSession, output: Path) -> None:
        """Open a review again with another output; its decisions go with it."""
        self._panel.show_progress(f"Switching to {output.name}...")
        self._background.start(
            partial(session.with_output, output), self._done, self._failed
        )

    def open_demo(self, images: int, seed: int, folder: Path | None) -> None:
        """Make a demo survey, or find the one made before, and open it."""
        # scikit-learn and scipy come with it, so it waits until it is wanted.
        from napari_artifact_review.demo import default_folder, make_demo

        where = folder or default_folder(images, seed)
        self._cancelled = cancelled = threading.Event()

        def progress(done: int, total: int, what: str) -> None:
            if cancelled.is_set():
                raise _CancelledError
            self._post(lambda: self._panel.show_progress(what, done, total))

        def made(survey: DemoSurvey) -> None:
            self._panel.predictions.value = survey.predictions
            self._panel.images.value = survey.images
            self._panel.output.value = None
            self.open()

        self._panel.show_progress("Creating the demo...")
        self._background.start(
            lambda: make_demo(where, images, seed, progress), made, self._failed
        )

    def cancel(self) -> None:
        """Give up what is under way; nothing is emitted for it any more."""
        self._cancelled.set()
        self._background.give_up()
        self._panel.show_idle()

    def _done(self, session: ReviewSession) -> None:
        self._panel.show_idle()
        self.opened.emit(session)

    def _failed(self, error: Exception) -> None:
        self._panel.show_idle()
        if not isinstance(error, _CancelledError):
            self._panel.show_error(str(error))
            self.failed.emit(error)


def import_ahead() -> None:
    """Import what a review needs in a thread, while the user chooses its files."""
    threading.Thread(target=import_review, name="artifact-review-imports").start()


def import_review() -> None:
    """Import what a review needs: pandas, astropy, SQLAlchemy take over a second."""
    import napari_artifact_review.widgets.review  # noqa: F401


def _open(table: Path, *more: Path | None, **named: Any) -> ReviewSession:
    # Here, not in the main thread, which needs it all next.
    import_review()
    from napari_artifact_review.core.review.session import ReviewSession

    return ReviewSession.open(table, *more, **named)


class _CancelledError(Exception):
    """The user gave up a job; nobody needs to hear of it."""
