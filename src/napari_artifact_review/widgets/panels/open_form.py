"""The form with the files of a review: table, images and output."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.types import FileDialogMode
from magicgui.widgets import (
    Container,
    FileEdit,
    Label,
    LineEdit,
    ProgressBar,
    PushButton,
)
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtGui import QIntValidator
from qtpy.QtWidgets import QLineEdit, QSizePolicy

from napari_artifact_review.core.review.paths import DEFAULT_OUTPUT_NAME
from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.panels.recent import (
    LAST_FOLDER,
    RecentPanel,
    RecentReview,
    settings,
)
from napari_artifact_review.widgets.parts.font import fit_width
from napari_artifact_review.widgets.parts.plain_text import (
    show_as_plain,
    tooltip_text,
)
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class RememberingFileEdit(FileEdit):
    """A field for a file or folder, whose dialog opens in the last used folder.

    Parameters
    ----------
    mode : str
        A value of magicgui's `FileDialogMode`.
    label, hint, tooltip : str
        The texts beside the field, in the empty field and in the field's tooltip.
    caption : str
        The title of the dialog.

    Attributes
    ----------
    dialog_closed : Signal
        Emitted after the dialog of the button "..." has closed.
    """

    dialog_closed = Signal()

    def __init__(
        self, mode: str, label: str, hint: str, tooltip: str, caption: str
    ) -> None:
        super().__init__(
            mode=FileDialogMode(mode),
            label=label,
            nullable=True,
            tooltip=tooltip,
        )
        self.choose_btn.text = "..."
        fit_width(self.choose_btn.native, "0000")
        self._caption = caption
        self.choose_btn.tooltip = f"{caption}..."
        field: QLineEdit = self.line_edit.native
        field.setPlaceholderText(hint)
        self.changed.connect(
            lambda _: field.setToolTip(tooltip_text(field.text()) or tooltip)
        )

    @property
    def path(self) -> Path | None:
        """The path in the field, with `~` expanded; None if the field is empty."""
        text = self.line_edit.value.strip()
        return Path(text).expanduser() if text else None

    def ask(self) -> Path | None:
        """Open the dialog; return the chosen path, or None if the path is unchanged."""
        before = self.path
        self._choose()
        return None if self.path == before else self.path

    def _on_choose_clicked(self) -> None:
        self._choose()
        self.dialog_closed.emit()

    def _choose(self) -> None:
        last = settings().value(LAST_FOLDER, Path.home())
        start = self.value or Path(str(last))
        chosen = self._show_file_dialog(
            self.mode,
            caption=self._caption,
            start_path=str(start),
            filter=None if self.mode.value == "d" else _table_filter(),
        )
        if chosen:
            self.value = chosen
            folder = Path(chosen) if self.mode.value == "d" else Path(chosen).parent
            settings().setValue(LAST_FOLDER, str(folder))


def _table_filter() -> str:
    """Return the filter of a dialog for tables, in Qt's format."""
    # Import the formats only here, because this imports the readers of tables.
    from napari_artifact_review.core.tables.table_formats import SUFFIXES

    return f"Tables ({' '.join('*' + suffix for suffix in SUFFIXES)})"


class OpenPanel(Container[Widget]):
    """The form with the files of a review.

    Attributes
    ----------
    open_requested, cancel_requested, demo_requested : Signal
        Emitted to open the table, to cancel the opening, and to open the demo.
    """

    open_requested = Signal()
    cancel_requested = Signal()
    demo_requested = Signal()

    def __init__(self) -> None:
        self._make_fields()
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
        self.error = Label()
        self.recent = RecentPanel()
        super().__init__(
            widgets=[
                self.predictions,
                self.images,
                self.output,
                self.cutout_size,
                row_of(self.open, self.demo),
                self.busy,
                self.error,
                self.recent,
            ]
        )
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
        self.predictions.changed.connect(self._enable)
        for field in (self.predictions, self.images, self.output):
            field.dialog_closed.connect(partial(self._leave_dialog, field))

    def _make_fields(self) -> None:
        """Create the fields for the files."""
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
        self.output = RememberingFileEdit(
            "w",
            "Output",
            DEFAULT_OUTPUT_NAME,
            "Reviewed table to save, by default in the folder of the predictions",
            "Save reviewed table as",
        )
        self.cutout_size = LineEdit(
            label="Cutout size",
            tooltip="Side of a cutout in pixels, by default inferred from the grid "
            "spacing",
        )
        self.cutout_size.native.setPlaceholderText("automatic")
        self.cutout_size.native.setValidator(QIntValidator(1, 1_000_000))

    def fill(
        self,
        predictions: str | Path,
        images: str | Path | None = None,
        output: str | Path | None = None,
        cutout_size: int | None = None,
    ) -> None:
        """Fill in the files of a review; fields without an argument become empty.

        `cutout_size` is the side of a cutout in pixels.
        """
        self.predictions.value = Path(predictions)
        self.images.value = None if images is None else Path(images)
        self.output.value = None if output is None else Path(output)
        self.cutout_size.value = "" if cutout_size is None else str(cutout_size)

    def show_error(self, text: str) -> None:
        """Show the error of a failed opening; an empty string hides the error."""
        self.error.value = printable(text)
        self.error.visible = bool(text)

    def chosen_cutout_size(self) -> int | None:
        """Return the side of a cutout in pixels, or None to infer it from the grid."""
        return int(self.cutout_size.value) if self.cutout_size.value else None

    def show_progress(self, text: str, done: int = 0, total: int = 0) -> None:
        """Show the progress of an opening; with `total` 0, the amount is unknown."""
        self.show_error("")
        self.progress_text.value = printable(text)
        self.progress.max = total
        self.progress.value = done
        self.busy.show()
        self.open.enabled = self.demo.enabled = False

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
        self.fill(*review, self.chosen_cutout_size())
        self.open_requested.emit()

    def _enable(self) -> None:
        self.open.enabled = self.predictions.value is not None
