"""The panel of the threshold, with a histogram of the confidences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from magicgui.widgets import Container, FloatSlider, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtWidgets import QGridLayout, QSlider, QWidget

from napari_artifact_review.core.outcomes import DEFAULT_THRESHOLD
from napari_artifact_review.viewer.style import STYLE
from napari_artifact_review.widgets.parts.font import fit_to_font
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.number_field import NumberField
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession

_BINS = 60

#: Height of the histogram, in lines of text.
_LINES = 4

#: Half the width of a slider's handle, in pixels. The slider has no values in a margin
#: of this width.
_MARGIN = 8

_SLIDER = "* { background: transparent }"
_HOLLOW = """
QSlider::handle:horizontal { background: transparent; border: 1px solid grey }
QSlider::sub-page:horizontal, QSlider::add-page:horizontal { background: transparent }
"""


class Histogram(QWidget):
    """A histogram of the confidences for each label, with logarithmic counts."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: npt.NDArray[np.int64] = np.zeros((2, _BINS), dtype=np.int64)
        self.setToolTip(
            "Number of cutouts by confidence (log scale): label 1 above the line "
            "(green), label 0 below it (grey)"
        )

    def show_counts(self, counts: npt.NDArray[np.int64]) -> None:
        """Show counts of shape (2, bins), for label 0 and label 1."""
        self._counts = counts
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """Paint bars upwards for label 1 and downwards for label 0."""
        painter = QPainter(self)
        heights = np.log1p(self._counts) / np.log1p(max(self._counts.max(), 1))
        width = (self.width() - 2 * _MARGIN) / self._counts.shape[1]
        middle = self.height() / 2
        grey = self.palette().color(self.foregroundRole())
        grey.setAlpha(110)
        for label, color in ((1, QColor(STYLE.label_box)), (0, grey)):
            for i, height in enumerate((heights[label] * middle).tolist()):
                top = middle - height if label else middle
                painter.fillRect(QRectF(_MARGIN + i * width, top, width, height), color)
        painter.end()


class ThresholdPanel(Container[Widget]):
    """The panel to view and change the threshold.

    Attributes
    ----------
    threshold_requested : Signal
        Emitted with a confidence, or with None to use the table's predictions.
    said : Signal
        Emitted with a message for the reviewer.
    left : Signal
        Emitted when the text field releases the keyboard.
    """

    threshold_requested = Signal(object)
    said = Signal(str)
    left = Signal()

    def __init__(self) -> None:
        self.threshold = FloatSlider(
            min=0,
            max=1,
            step=0.001,
            readout=False,
            tooltip="Predicted artifact at or above this confidence",
        )
        self.histogram = Histogram()
        self.value = Line()
        self.own = PushButton(
            text="Reset threshold", tooltip="Use the predictions of the table again"
        )
        self.typed = self._make_field()
        super().__init__(
            widgets=[self.value, row_of(self.typed, self.own)], labels=False
        )
        self.margins = (0, 0, 0, 0)
        over = QWidget()
        grid = QGridLayout(over)
        grid.setContentsMargins(0, 0, 0, 0)
        slider: QWidget = self.threshold.native
        for widget in (self.histogram, slider):
            grid.addWidget(widget, 0, 0)
        fit_to_font(self.histogram, self._fit_to_font)
        # Remove magicgui's gap for a readout, to match the width of the histogram.
        slider.layout().setContentsMargins(0, 0, 0, 0)
        self.native.layout().insertWidget(1, over)
        self.threshold.changed.connect(
            lambda value: self.threshold_requested.emit(value)
        )
        self.own.changed.connect(lambda: self.threshold_requested.emit(None))

    def _make_field(self) -> NumberField:
        field = NumberField(
            "Threshold from 0 to 1; empty for the predictions of the table",
            _threshold_fault,
        )
        field.entered.connect(lambda value: self.threshold_requested.emit(value))
        field.refused.connect(lambda text: self.said.emit(text))
        field.left.connect(lambda: self.left.emit())
        return field

    def _fit_to_font(self) -> None:
        """Adapt the height of histogram and slider to the font."""
        for widget in (self.histogram, self.threshold.native):
            widget.setFixedHeight(_LINES * self.histogram.fontMetrics().lineSpacing())

    def _fill_handle(self, filled: bool) -> None:
        """Draw the handle filled, or hollow if there is no single threshold."""
        style = _SLIDER if filled else _SLIDER + _HOLLOW
        slider: QWidget = self.threshold.native
        if slider.styleSheet() != style:
            slider.setStyleSheet(style)

    def show_session(self, session: ReviewSession) -> None:
        """Show the confidences of the table; disable the panel without confidences."""
        table = session.predictions
        self.enabled = table.confidence is not None
        if table.confidence is not None:
            counts = [
                np.histogram(table.confidence[table.label == label], _BINS, (0, 1))[0]
                for label in (0, 1)
            ]
            self.histogram.show_counts(np.array(counts))
        self.show_threshold(session)

    def show_threshold(self, session: ReviewSession) -> None:
        """Show the current threshold of a session."""
        value, own = session.catalog.threshold_in_force, session.threshold is None
        single = session.catalog.own_threshold if value is None else value
        with self.threshold.changed.blocked():
            self.threshold.value = DEFAULT_THRESHOLD if single is None else single
        self._fill_handle(single is not None)
        self.typed.show_number(session.threshold, "Threshold")
        self.own.enabled = not own
        if session.predictions.confidence is None:
            self.value.show_text("The table has no confidence column")
        elif single is None:
            self.value.show_text("Table's predictions (no single threshold)")
        elif value is None:
            self.value.show_text(f"Table's predictions (threshold about {single:.3f})")
        else:
            default = " (default, no preds in table)" if own else ""
            self.value.show_text(f"Threshold {value:.3f}{default}")
        # A click must not give the keyboard focus to the slider.
        for native in self.threshold.native.findChildren(QSlider):
            native.setFocusPolicy(Qt.FocusPolicy.TabFocus)


def _threshold_fault(value: float | None) -> str:
    if value is None or 0 <= value <= 1:
        return ""
    return f"A threshold is between 0 and 1, not {value:g}. Nothing was changed."
