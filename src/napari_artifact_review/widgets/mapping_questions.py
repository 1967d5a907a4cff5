"""Questions to the user about a table: read it in a thread, and show its columns."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_artifact_review.core.errors import ReviewError, TableError
from napari_artifact_review.widgets.notifications import show_error
from napari_artifact_review.widgets.panels.open_form import OpenPanel
from napari_artifact_review.widgets.parts.background import Background, MainThread
from napari_artifact_review.widgets.workspace import Workspace

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.core.tables.mapping import TableMapping
    from napari_artifact_review.core.tables.mapping_draft import MappingDraft


class MappingQuestions:
    """The questions about the table in the form, which a window shows.

    Parameters
    ----------
    panel : OpenPanel
        The form.
    workspace : Workspace
        The windows of the dock.
    main_thread : MainThread
        Runs functions in the form's thread.

    Attributes
    ----------
    answered : Signal
        Emitted when the form has a mapping with which the user wants to open the table.
    dropped : Signal
        Emitted when the user closes the window without a mapping.
    """

    answered = Signal()
    dropped = Signal()

    def __init__(
        self, panel: OpenPanel, workspace: Workspace, main_thread: MainThread
    ) -> None:
        self._panel, self._workspace = panel, workspace
        self._background = Background(main_thread)
        self._is_connected = False
        panel.predictions.changed.connect(self.close)

    @property
    def is_reading(self) -> bool:
        """Whether a table is being read."""
        return self._background.busy

    @property
    def is_asking(self) -> bool:
        """Whether the window is visible."""
        return self._is_connected and self._workspace.columns.isVisible()

    def ask(
        self, shown: ReviewSession | None = None, error: ReviewError | None = None
    ) -> None:
        """Show the columns of the table in the form, after reading it in a thread.

        A visible window keeps its choices.

        Parameters
        ----------
        shown : ReviewSession, optional
            Session of the open review, whose mapping is shown if the table is its own.
        error : ReviewError, optional
            Error of the last opening.
        """
        path, panel = self._panel.predictions.path, self._panel
        if path is None:
            return
        if self.is_asking:
            # The user may have chosen much already.
            self._workspace.columns.come_to_front()
            return
        job = partial(
            _read,
            path,
            panel.output.path,
            panel.optional.mapping,
            panel.chosen_cutout_size(),
            shown,
        )
        panel.show_progress(f"Reading {path.name}...")
        self._background.start(job, partial(self._show, error), self._fail)

    def show_failure(self, error: Exception) -> bool:
        """Show an error of an opening in the visible window.

        Returns
        -------
        bool
            Whether the window shows the error. Errors that no mapping resolves close
            the window.
        """
        if self.is_asking and isinstance(error, TableError):
            self._workspace.columns.show_error(_without_path(error))
            return True
        self.close()
        return False

    def close(self) -> None:
        """Close the window, and stop waiting for a table."""
        if self.is_reading:
            self._background.give_up()
            self._panel.show_idle()
        if self._is_connected:
            self._workspace.columns.hide()

    def _show(
        self, error: ReviewError | None, read: tuple[MappingDraft, int | None]
    ) -> None:
        draft, cutout_size = read
        self._panel.show_idle()
        window = self._workspace.columns
        if not self._is_connected:
            self._is_connected = True
            window.open_requested.connect(self._answer)
            window.cancelled.connect(self.dropped.emit)
        # Questions and guesses say more about a table than the error of the opening.
        is_asked = bool(draft.guessed or draft.questions())
        text = "" if error is None or is_asked else _without_path(error)
        if error is not None:
            name = f"Choose what the columns of {draft.path.name} mean."
            self._panel.show_error(text or name)
            self._panel.fold.header.setChecked(True)
        window.show_draft(draft, cutout_size, text, self._options_of_command())

    def _fail(self, error: Exception) -> None:
        self._panel.show_idle()
        self._panel.show_failure(error)
        if not isinstance(error, ReviewError):
            raise error
        show_error(str(error))

    def _answer(self) -> None:
        """Give the mapping of the window to the form."""
        window = self._workspace.columns
        self._panel.optional.show_mapping(window.mapping)
        self._panel.optional.show_cutout_size(window.cutout_size)
        window.show_busy(True)
        self.answered.emit()

    def _options_of_command(self) -> tuple[str, ...]:
        """Return the files of the form as options of a command."""
        named = {"--images": self._panel.images, "--output": self._panel.output}
        options: tuple[str, ...] = ()
        for option, field in named.items():
            if field.path is not None:
                options += (option, str(field.path.absolute()))
        return options


def _without_path(error: ReviewError) -> str:
    """Return the text of an error without the path, which the window's title has."""
    return str(ReviewError(error.what, where=error.where, remedy=error.remedy))


def _read(
    path: Path,
    output: Path | None,
    mapping: TableMapping | None,
    cutout_size: int | None,
    shown: ReviewSession | None,
) -> tuple[MappingDraft, int | None]:
    """Read a table, and return a draft of its mapping, and the given cutout size."""
    # Import in this thread, because this imports the readers of tables.
    from napari_artifact_review.core.errors import StoreError
    from napari_artifact_review.core.review.paths import default_output
    from napari_artifact_review.core.review.table_opening import Given, what_was_given
    from napari_artifact_review.core.tables.mapping import TableMapping
    from napari_artifact_review.core.tables.mapping_draft import MappingDraft
    from napari_artifact_review.core.user_folders import absolute_path

    path, given = absolute_path(path), Given(mapping, cutout_size)
    # The opening of the review will report a damaged log.
    with suppress(StoreError):
        output = absolute_path(output or default_output(path))
        given = what_was_given(given, output, replaced=shown)
    draft = MappingDraft.read(path, given.mapping or TableMapping())
    # Compute now what the main thread will need.
    draft.questions()
    return draft, given.cutout_size
