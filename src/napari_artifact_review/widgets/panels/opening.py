"""What to review: the table, the folder of its images, and the output."""

from __future__ import annotations

from pathlib import Path

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
from napari_artifact_review.widgets.recent import RecentPanel, RecentReview, settings


class RememberingFileEdit(FileEdit):
    """A file or folder whose dialog begins where the last one ended."""

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
        self.choose_btn.native.setFixedWidth(28)
        self._caption = caption
        self.choose_btn.tooltip = f"{caption}..."
        field: QLineEdit = self.line_edit.native
        field.setPlaceholderText(hint)
        self.changed.connect(lambda _: field.setToolTip(field.text() or tooltip))

    @property
    def path(self) -> Path | None:
        """What is chosen, with `~` spelled out; None if nothing is."""
        text = self.line_edit.value.strip()
        return Path(text).expanduser() if text else None

    def ask(self) -> Path | None:
        """Let the user choose in a dialog; return what is, or None if nothing is."""
        before = self.path
        self._on_choose_clicked()
        return None if self.path == before else self.path

    def _on_choose_clicked(self) -> None:
        last = settings().value("last folder", Path.home())
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
            settings().setValue("last folder", str(folder))


def _table_filter() -> str:
    """Return what a dialog offers, in Qt's form."""
    # The readers of tables come with it.
    from napari_artifact_review.core.tables.tablefiles import SUFFIXES

    return f"Tables ({' '.join('*' + suffix for suffix in SUFFIXES)})"


class OpenPanel(Container[Widget]):
    """Asks for the files of a review.

    Attributes
    ----------
    open_requested, cancel_requested, demo_requested : Signal
        What the user asked for.
    """

    open_requested = Signal()
    cancel_requested = Signal()
    demo_requested = Signal()

    def __init__(self) -> None:
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
            "Folder of the full images, by default the table's or images/ in it",
            "Choose folder of full images",
        )
        self.output = RememberingFileEdit(
            "w",
            "Output",
            DEFAULT_OUTPUT_NAME,
            "Reviewed table to save, by default in the folder of the predictions",
            "Choose reviewed table",
        )
        self.cutout_size = LineEdit(
            label="Cutout size",
            tooltip="Side of a cutout in pixels, by default inferred from the grid "
            "spacing",
        )
        self.cutout_size.native.setPlaceholderText("automatic")
        self.cutout_size.native.setValidator(QIntValidator(1, 1_000_000))
        self.open = PushButton(text="Open", tooltip="Open this table for review")
        self.recent = RecentPanel()
        self.demo = PushButton(
            text="Demo",
            tooltip="Create and open a small demo survey",
        )
        buttons = Container[Widget](
            widgets=[self.open, self.demo], layout="horizontal", labels=False
        )
        buttons.margins = (0, 0, 0, 0)
        self.what_happens = Label()
        self.error = Label()
        self.error.native.setWordWrap(True)
        self.error.native.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum
        )
        self.progress = ProgressBar(min=0, max=0, label="")
        self.progress.native.setTextVisible(False)
        self.cancel = PushButton(text="Cancel", tooltip="Stop opening this review")
        self.busy = Container[Widget](
            widgets=[self.what_happens, self.progress, self.cancel], labels=False
        )
        self.busy.margins = (0, 0, 0, 0)
        super().__init__(
            widgets=[
                self.predictions,
                self.images,
                self.output,
                self.cutout_size,
                buttons,
                self.busy,
                self.error,
                self.recent,
            ]
        )
        self.margins = (0, 0, 0, 0)
        self.open.changed.connect(lambda: self.open_requested.emit())
        self.cancel.changed.connect(lambda: self.cancel_requested.emit())
        self.demo.changed.connect(lambda: self.demo_requested.emit())
        self.recent.review_requested.connect(self._open_recent)
        self.predictions.changed.connect(self._enable)
        self._enable()
        self.busy.hide()
        self.error.hide()

    def show_error(self, text: str) -> None:
        """Show why nothing was opened, until the next try."""
        self.error.value = text
        self.error.visible = bool(text)

    def chosen_cutout_size(self) -> int | None:
        """Return the side of a cutout that the user asks for, if they do."""
        return int(self.cutout_size.value) if self.cutout_size.value else None

    def show_progress(self, text: str, done: int = 0, total: int = 0) -> None:
        """Show what is under way, with a moving bar if no total is known."""
        self.show_error("")
        self.what_happens.value = text
        self.progress.max = total
        self.progress.value = done
        self.busy.show()
        self.open.enabled = self.demo.enabled = False

    def show_idle(self) -> None:
        """Show that nothing is under way."""
        self.busy.hide()
        self.demo.enabled = True
        self._enable()

    def _open_recent(self, review: RecentReview) -> None:
        self.predictions.value = Path(review.predictions)
        self.images.value = Path(review.images)
        self.output.value = Path(review.output)
        self.open_requested.emit()

    def _enable(self) -> None:
        self.open.enabled = self.predictions.value is not None
