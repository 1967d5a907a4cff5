"""The form with the files of a review: table, images and output."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import Container, Label, ProgressBar, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtWidgets import QSizePolicy

from napari_artifact_review.core.errors import (
    MappingNeededError,
    SaveError,
    StoreError,
)
from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.panels.file_field import RememberingFileEdit
from napari_artifact_review.widgets.panels.open_options import OptionsPanel
from napari_artifact_review.widgets.panels.recent import RecentPanel, RecentReview
from napari_artifact_review.widgets.panels.reviewer_question import ReviewerQuestion
from napari_artifact_review.widgets.parts.fold import Fold
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import show_as_plain
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.core.tables.mapping import TableMapping


class OpenPanel(Container[Widget]):
    """The form with the files of a review.

    Attributes
    ----------
    open_requested, cancel_requested, demo_requested : Signal
        Emitted to open the table, to cancel the opening, and to open the demo.
    columns_requested : Signal
        Emitted to show the columns of the table.
    optional : OptionsPanel
        The fields that few reviews need.
    fold : Fold
        The title that shows or hides the options.
    reviewer_question : ReviewerQuestion
        The question for the name of the reviewer.
    """

    open_requested = Signal()
    columns_requested = Signal()
    cancel_requested = Signal()
    demo_requested = Signal()

    def __init__(self) -> None:
        self._make_fields()
        self.optional = OptionsPanel()
        self.output, self.cutout_size = self.optional.output, self.optional.cutout_size
        self._is_filling = False
        self._filled: list[str] = []
        self.open = PushButton(text="Open", tooltip="Open this table for review")
        self.demo = PushButton(
            text="Demo", tooltip="Create and open a small demo survey"
        )
        self.progress_text = Label()
        self.progress = ProgressBar(min=0, max=0, label="")
        self.cancel = PushButton(text="Cancel", tooltip="Stop opening this review")
        self.busy = Container[Widget](
            widgets=[self.progress_text, self.progress, self.cancel], labels=False
        )
        self.error, self.reviewer_question = Label(), ReviewerQuestion()
        self.recent = RecentPanel()
        super().__init__(
            widgets=[
                self.predictions,
                self.images,
                row_of(self.open, self.demo),
                self.busy,
                self.error,
                self.reviewer_question,
                self.recent,
            ]
        )
        self.fold = Fold("Options", self.optional.native)
        self.native.layout().addWidget(self.fold)
        self.margins = self.busy.margins = (0, 0, 0, 0)
        self.progress.native.setTextVisible(False)
        show_as_plain(self.progress_text.native)
        show_as_plain(self.error.native)
        self.error.native.setWordWrap(True)
        self.error.native.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum
        )
        # Enter presses the button while it has the focus.
        self.open.native.setAutoDefault(True)
        self._connect()
        self._enable()
        self.busy.hide()
        self.error.hide()

    def _connect(self) -> None:
        self.open.changed.connect(lambda: self.open_requested.emit())
        self.cancel.changed.connect(lambda: self.cancel_requested.emit())
        self.demo.changed.connect(lambda: self.demo_requested.emit())
        self.recent.review_requested.connect(self._open_recent)
        self.predictions.changed.connect(self._change_predictions)
        self.optional.columns.changed.connect(lambda: self.columns_requested.emit())
        self.optional.changed.connect(self._show_options)
        previous = self.optional.previous
        for field in (self.predictions, self.images, self.output, previous):
            field.dialog_closed.connect(partial(self._leave_dialog, field))

    def _make_fields(self) -> None:
        """Create the fields that each review needs."""
        self.predictions = RememberingFileEdit(
            "r",
            "Predictions",
            "CSV, Parquet, ECSV, FITS",
            "Table with image_name, grid_x, grid_y, label, and preds or confidence",
            "Open predictions table",
        )
        self.images = RememberingFileEdit(
            "d",
            "Images",
            "same folder as the table",
            "Folder of the full images; defaults to the table's folder or its images/",
            "Choose images folder",
        )

    def fill(
        self,
        predictions: str | Path,
        images: str | Path | None = None,
        output: str | Path | None = None,
        cutout_size: int | None = None,
        mapping: TableMapping | None = None,
        reviewer: str | None = None,
    ) -> None:
        """Fill in the form; fields without an argument become empty.

        Parameters
        ----------
        predictions, images, output : path-like
            The files of the review.
        cutout_size : int, optional
            The side of a cutout in pixels.
        mapping : TableMapping, optional
            The meanings of the columns and values.
        reviewer : str, optional
            The name of the reviewer.
        """
        self.fill_files(predictions, images, output)
        self.optional.show_mapping(mapping)
        self.optional.show_cutout_size(cutout_size)
        self.optional.reviewer.value = reviewer or ""
        self.optional.team.value = ""
        if self._filled:
            self.fold.header.setChecked(True)

    def fill_files(
        self,
        predictions: str | Path,
        images: str | Path | None = None,
        output: str | Path | None = None,
    ) -> None:
        """Fill in the files of a review, whose mapping is stored with the review."""
        self._is_filling = True
        self.predictions.value = Path(predictions)
        self.images.value = None if images is None else Path(images)
        self.output.value = None if output is None else Path(output)
        self.optional.previous.value = None
        self.optional.show_mapping(None)
        self.optional.show_cutout_size(None)
        self._is_filling = False

    def show_given(self, session: ReviewSession) -> None:
        """Show the mapping of an open review, and the cutout size that was given.

        Nothing is shown if the form names another table by now.
        """
        path = self.predictions.path
        if path is None or path.absolute() != session.predictions.path:
            return
        self._is_filling = True
        position = session.position
        # Its verdicts are carried now, so the next opening needs it no more.
        self.optional.previous.value = None
        self.optional.show_mapping(position.mapping)
        self.optional.show_cutout_size(position.cutout_size)
        self._is_filling = False

    def show_error(self, text: str) -> None:
        """Show the error of a failed opening; an empty string hides the error."""
        self.error.value = breakable(printable(text))
        self.error.visible = bool(text)

    def show_failure(self, error: Exception) -> None:
        """Show the error of a failed opening, and the options if it is about one."""
        self.show_error(str(error))
        options = self.optional
        is_about_team = isinstance(error, StoreError) and options.team.value
        is_about_option = is_about_team or options.previous.path is not None
        if isinstance(error, MappingNeededError | SaveError) or is_about_option:
            self.fold.header.setChecked(True)

    def chosen_cutout_size(self) -> int | None:
        """Return the side of a cutout in pixels, or None to infer it from the grid."""
        return self.optional.chosen_cutout_size()

    def show_progress(self, text: str, done: int = 0, total: int = 0) -> None:
        """Show the progress of an opening; with `total` 0, the amount is unknown."""
        self.show_error("")
        self.progress_text.value = printable(text)
        self.progress.max = total
        self.progress.value = done
        self.busy.show()
        self.open.enabled = self.demo.enabled = False
        self.optional.columns.enabled = False

    def show_idle(self) -> None:
        """Show that no opening is in progress."""
        self.busy.hide()
        self.demo.enabled = True
        self._enable()

    def _leave_dialog(self, field: RememberingFileEdit) -> None:
        """Focus the next widget, so that no key opens the dialog again."""
        following = self.open if self.open.enabled else field.line_edit
        following.native.setFocus()

    def names_other_files(self, session: ReviewSession) -> bool:
        """Return whether the form has another table or folder than a session."""
        tables = (self.predictions.path, session.predictions.path)
        folders = (self.images.path, session.images.folder)
        return any(
            field is not None and field.absolute() != shown
            for field, shown in (tables, folders)
        )

    def _open_recent(self, review: RecentReview) -> None:
        self.fill_files(*review)
        self.open_requested.emit()

    def _change_predictions(self) -> None:
        """Forget the mapping and the error, which are for another table."""
        self.show_error("")
        self.optional.forget_mapping()
        self._enable()

    def _show_options(self) -> None:
        """Name the filled options in the title; show those that a script fills in."""
        before, self._filled = self._filled, self.optional.filled()
        self.fold.say(", ".join(self._filled))
        if not self._is_filling and set(self._filled) - set(before):
            self.fold.header.setChecked(True)

    def _enable(self) -> None:
        has_table = self.predictions.value is not None
        self.open.enabled = has_table
        self.optional.columns.enabled = has_table and not self.busy.visible
