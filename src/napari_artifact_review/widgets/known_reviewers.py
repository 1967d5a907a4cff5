"""The names in a log, offered in the form's field for the reviewer."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

from qtpy.QtCore import QEvent, QObject

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.widgets.panels.open_form import OpenPanel
from napari_artifact_review.widgets.panels.reviewer_question import offer_names
from napari_artifact_review.widgets.parts.background import Background, MainThread
from napari_artifact_review.widgets.reviewer_choice import log_of


class KnownReviewers(QObject):
    """An event filter that reads the names in a log when its field gets the focus.

    The log is that of the files in the form. Typed letters are then completed to one
    of its names.

    Parameters
    ----------
    panel : OpenPanel
        The form.
    main_thread : MainThread
        Runs functions in the form's thread.
    """

    def __init__(self, panel: OpenPanel, main_thread: MainThread) -> None:
        self._field = panel.optional.reviewer.native
        super().__init__(self._field)
        self._panel = panel
        self._background = Background(main_thread)
        self._field.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Read the names in a thread when the field gets the focus."""
        table = self._panel.predictions.path
        is_focused = event is not None and event.type() == QEvent.Type.FocusIn
        if is_focused and table is not None:
            job = partial(_read_names, table, self._panel.output.path)
            self._background.start(job, self._offer, self._fail)
        return bool(super().eventFilter(watched, event))

    def _offer(self, names: tuple[str, ...]) -> None:
        offer_names(self._field, names)

    def _fail(self, error: Exception) -> None:
        raise error


def _read_names(predictions: Path, output: Path | None) -> tuple[str, ...]:
    # Import in this thread, because this imports the database library.
    from napari_artifact_review.core.decisions.log_opening import stored_reviewers

    # The opening of the review will report a damaged log, or a path that is none.
    with suppress(ReviewError):
        output, log = log_of(predictions, output)
        return stored_reviewers(log, output)
    return ()
