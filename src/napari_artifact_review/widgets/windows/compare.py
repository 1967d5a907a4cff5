"""The window that compares the model of a review with another model."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from qtpy.QtCore import QSize, Signal
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.panels.file_field import RememberingFileEdit
from napari_artifact_review.widgets.parts.font import (
    fit_height,
    fit_minimum_width,
    follow_font_size,
    set_bold,
)
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import plain_label
from napari_artifact_review.widgets.parts.text_table import TextTable
from napari_artifact_review.widgets.parts.tool_window import KeptFree, ToolWindow

#: Number of metrics in the table.
_METRICS = 4

#: The space inside the border of the window, and beside its scroll bar, in pixels.
_MARGIN = 12
_BESIDE = 20

#: The height of the frame around the result, which napari's style adds, in pixels.
_FRAME = 4

#: The width of a field for a file, in digits.
_DIGITS = 40


class CompareRequest(NamedTuple):
    """What the user asks to compare.

    Attributes
    ----------
    other : Path
        Predictions of the other model.
    is_new : bool
        Whether the other model is the new one.
    test : Path or None
        Folder of an export with a test set.
    """

    other: Path
    is_new: bool
    test: Path | None


class CompareTexts(NamedTuple):
    """The texts of a comparison.

    Attributes
    ----------
    tables : str
        Which table is the old model's, and which is the new one's.
    headline : str
        The result in one sentence.
    rows : list of tuple of str
        Name, old, new and difference of each metric.
    changes : str
        Numbers of cutouts on which the models agree and differ.
    details : str
        The cutouts, the labels and the intervals.
    to_review : int
        Number of cutouts without a verdict on which the models differ.
    """

    tables: str
    headline: str
    rows: list[tuple[str, str, str, str]]
    changes: str
    details: str
    to_review: int


class CompareWindow(ToolWindow):
    """The window that compares the model of a review with another model.

    Attributes
    ----------
    compare_requested, cancelled : Signal
        Emitted to compare the models, and to end a comparison in progress, also when
        the window closes.
    report_requested, table_requested : Signal
        Emitted to write the report, and the table of the cutouts to review.
    other, test_set : RememberingFileEdit
        The fields for the predictions of the other model, and for an export.
    is_new, is_old : QRadioButton
        Whether the other model is the newer or the older one.
    compare, cancel, report, to_review : QPushButton
        The buttons.
    intro, headline, tables, changes, details, outdated : QLabel
        What is compared, and the sentences of the result.
    message, error : QLabel
        The last message, and the last error.
    numbers : TextTable
        The metrics of both models.
    """

    compare_requested = Signal()
    cancelled = Signal()
    report_requested = Signal()
    table_requested = Signal()

    def __init__(self, parent: QWidget, kept_free: KeptFree = tuple) -> None:
        super().__init__(parent, "Compare models", kept_free, is_form=True)
        self._is_busy = self._is_writing = False
        self._texts: CompareTexts | None = None
        self._make_fields()
        self._make_buttons()
        self._make_texts()
        self._lay_out()
        self.reset()

    def _make_fields(self) -> None:
        self.other = RememberingFileEdit(
            "r",
            "Predictions of the other model",
            "CSV, Parquet, ECSV, FITS",
            "Predictions of another model for the same images",
            "Choose predictions of the other model",
        )
        self.test_set = RememberingFileEdit(
            "d",
            "Test set",
            "none: all common cutouts",
            "Folder of an export, whose test split is compared",
            "Choose export folder",
        )
        for field in (self.other, self.test_set):
            native = field.line_edit.native
            fit_height(native)
            fit_minimum_width(native, _DIGITS)
            native.setAccessibleName(field.label)
            field.margins = (0, 0, 0, 0)
        self.other.changed.connect(lambda _: self._show_state())
        self.is_new, self.is_old = QRadioButton("new model"), QRadioButton("old model")
        self.is_new.setToolTip("The review is of the old model")
        self.is_old.setToolTip("The review is of the new model")

    def _make_buttons(self) -> None:
        self.compare, self.cancel = QPushButton("Compare"), QPushButton("Cancel")
        self.compare.setDefault(True)
        self.compare.setToolTip("Compare both models by the labels of this review")
        self.cancel.setToolTip("Stop the comparison")
        self.report = QPushButton("Report...")
        self.report.setToolTip("Write a page with all numbers, plots and pictures")
        self.to_review = QPushButton("Table to review...")
        self.compare.clicked.connect(lambda: self.compare_requested.emit())
        self.cancel.clicked.connect(self._cancel)
        self.report.clicked.connect(lambda: self.report_requested.emit())
        self.to_review.clicked.connect(lambda: self.table_requested.emit())

    def _make_texts(self) -> None:
        self.tables, self.headline, self.changes = (
            plain_label(),
            plain_label(),
            plain_label(),
        )
        self.details, self.outdated, self.intro = (
            plain_label(),
            plain_label(),
            plain_label(),
        )
        self.message, self.error, self.progress = (
            plain_label(),
            plain_label(),
            plain_label(),
        )
        set_bold(self.headline)
        set_bold(self.error)
        self.outdated.setText(
            "The labels have changed since this comparison. Compare again to use them."
        )
        self.numbers = TextTable(("", "Old", "New", "Difference"), _METRICS, bold=3)
        self.numbers.setToolTip("In brackets: 95 % intervals")

    def _lay_out(self) -> None:
        run = QHBoxLayout()
        run.addWidget(self.progress, 1)
        run.addWidget(self.cancel)
        run.addWidget(self.compare)
        self._inside = QWidget()
        result = QVBoxLayout(self._inside)
        result.setContentsMargins(0, 0, 0, 0)
        result.setSpacing(10)
        for part in (self.outdated, self.headline, self.tables, self.numbers):
            result.addWidget(part)
        result.addWidget(self.changes)
        result.addWidget(self.details)
        result.addStretch(1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidget(self._inside)
        self._buttons = QWidget()
        buttons = QHBoxLayout(self._buttons)
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.addWidget(self.report)
        buttons.addWidget(self.to_review)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        layout.addWidget(self.intro)
        layout.addLayout(self._form())
        layout.addLayout(run)
        layout.addWidget(self._area, 1)
        layout.addWidget(self.error)
        layout.addWidget(self.message)
        layout.addWidget(self._buttons)
        # Without a result, the form stays together at the top.
        layout.addStretch(0)
        # With napari's style, these do not inherit the initial size from the window.
        for widget in (*self._line_edits(), self.numbers):
            follow_font_size(widget)
        self._set_tab_order()

    def _line_edits(self) -> list[QLineEdit]:
        return [field.line_edit.native for field in (self.other, self.test_set)]

    def _form(self) -> QGridLayout:
        form, choices = QGridLayout(), QHBoxLayout()
        form.setColumnStretch(1, 1)
        for button in (self.is_new, self.is_old):
            choices.addWidget(button)
        choices.addStretch(1)
        for row, field in ((0, self.other), (2, self.test_set)):
            form.addWidget(plain_label(field.label, wraps=False), row, 0)
            form.addWidget(field.native, row, 1)
        form.addWidget(plain_label("The chosen table is of the", wraps=False), 1, 0)
        form.addLayout(choices, 1, 1)
        return form

    def _set_tab_order(self) -> None:
        order = [
            self.other.line_edit.native,
            self.other.choose_btn.native,
            self.is_new,
            self.is_old,
            self.test_set.line_edit.native,
            self.test_set.choose_btn.native,
            self.compare,
            self.cancel,
            self._area,
            self.report,
            self.to_review,
        ]
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)

    # State

    @property
    def request(self) -> CompareRequest | None:
        """What the form asks for; None without a table."""
        other = self.other.path
        if other is None:
            return None
        return CompareRequest(other, self.is_new.isChecked(), self.test_set.path)

    def reset(self, name: str = "") -> None:
        """Empty the form, and remove the result; `name` is that of the review."""
        self.intro.setText(
            _shown(
                f"Compare the model of this review ({name}) with another model, by the "
                "labels of this review as they are now."
            )
        )
        self.other.value = self.test_set.value = None
        self.is_new.setChecked(True)
        self._is_busy = self._is_writing = False
        self._texts = None
        self.outdated.hide()
        self.progress.setText("")
        self.show_message()

    def show_form(self) -> None:
        """Show the window in front of the others, with the focus in the first field."""
        if not self.isVisible():
            self.resize(self.sizeHint())
            self.show()
        self.raise_()
        self.activateWindow()
        self.other.line_edit.native.setFocus()

    def show_busy(self, text: str) -> None:
        """Show the progress of a comparison; an empty string means that it ended."""
        was_busy, self._is_busy = self._is_busy, bool(text)
        self.progress.setText(text)
        self._show_state()
        if self._is_busy != was_busy:
            (self.cancel if self._is_busy else self.compare).setFocus()

    def show_writing(self, is_writing: bool) -> None:
        """Show whether a report or a table is being written."""
        self._is_writing = is_writing
        self._show_state()

    def show_result(self, texts: CompareTexts | None) -> None:
        """Show a comparison, or remove it for None."""
        self._texts = texts
        self.outdated.hide()
        if texts is not None:
            self.numbers.show_rows(texts.rows)
            for label, text in (
                (self.tables, texts.tables),
                (self.headline, texts.headline),
                (self.changes, texts.changes),
                (self.details, texts.details),
            ):
                label.setText(_shown(text))
            self.to_review.setToolTip(
                "Write a table of the cutouts without a verdict on which the models "
                "differ"
                if texts.to_review
                else "Each cutout on which the models differ has a verdict"
            )
        self.show_message()

    def show_outdated(self) -> None:
        """Show that the labels have changed since the comparison, if there is one."""
        if self._texts is not None and self.outdated.isHidden():
            self.outdated.show()
            self._make_room()

    def show_message(self, text: str = "", *, error: str = "") -> None:
        """Show a message, an error or both; an empty string hides each."""
        for label, shown in ((self.message, text), (self.error, error)):
            label.setText(_shown(shown))
            label.setVisible(bool(shown))
        self._show_state()
        self._make_room()

    def _show_state(self) -> None:
        """Show the parts that are of use, and enable the buttons."""
        texts = self._texts
        self._area.setVisible(texts is not None)
        self._buttons.setVisible(texts is not None)
        self.cancel.setVisible(self._is_busy)
        self.compare.setEnabled(self.other.path is not None and not self._is_busy)
        self._area.setEnabled(not self._is_busy)
        can_write = not (self._is_busy or self._is_writing)
        has_cutouts = texts is not None and texts.to_review > 0
        self.report.setEnabled(can_write)
        self.to_review.setEnabled(can_write and has_cutouts)

    def _cancel(self) -> None:
        self.show_busy("")
        self.cancelled.emit()

    def hideEvent(self, event: Any) -> None:  # noqa: N802
        """End a comparison in progress when the window closes."""
        super().hideEvent(event)
        # A minimized window comes back with its result.
        if not event.spontaneous():
            self._cancel()

    # Layout

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size in which the result fits, on the screen."""
        most = (self.parentWidget() or self).screen().availableSize() * 0.92
        layout = self.layout()
        width = max(
            layout.minimumSize().width(),
            self.numbers.needed_width + 2 * _MARGIN + _BESIDE,
        )
        width = min(width, most.width())
        height = layout.totalHeightForWidth(width)
        if not self._area.isHidden():
            # The scroll area itself would prefer a small size.
            needed = self._inside.layout().totalHeightForWidth(width - 2 * _MARGIN)
            height += needed + _FRAME - self._area.sizeHint().height()
        return QSize(width, min(height, most.height()))

    def _make_room(self) -> None:
        """Make the window large enough for its contents, if the screen allows it.

        Without a result, the window becomes as low as the form.
        """
        if self.isVisible():
            for layout in (self._inside.layout(), self.layout()):
                layout.invalidate()
                layout.activate()
            needed = self.sizeHint()
            larger = self.size().expandedTo(needed)
            has_result = self._texts is not None
            self.resize(larger.width(), (larger if has_result else needed).height())


def _shown(text: str) -> str:
    return breakable(printable(text))
