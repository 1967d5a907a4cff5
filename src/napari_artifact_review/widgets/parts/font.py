"""Functions that apply napari's font size, and fit widgets to their fonts."""

from __future__ import annotations

from collections.abc import Callable

from napari.settings import get_settings
from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QFont, QFontMetricsF
from qtpy.QtWidgets import QLineEdit, QSizePolicy, QWidget


def follow_font_size(widget: QWidget) -> None:
    """Give a widget and its children the font size from napari's preferences.

    napari's own style sheet applies the font size only to some kinds of widgets. It
    does not apply the size to folds, text fields, tables and painted widgets.
    """
    _FontSize(widget).apply()


def set_bold(widget: QWidget, is_bold: bool = True) -> None:
    """Show the text of a widget in bold or in normal weight, in the inherited size.

    Qt would not change the size of a font that is set in the widget's own style sheet.
    """
    font = QFont()
    if is_bold:
        font.setBold(True)
    widget.setFont(font)


def fit_to_font(widget: QWidget, fit: Callable[[], object]) -> None:
    """Call a function now, and whenever the font size of a widget has changed."""
    _FontFilter(widget, fit)
    fit()


def fit_width(widget: QWidget, text: str) -> None:
    """Keep the width of a widget equal to that of a text in the widget's font."""

    def fit() -> None:
        widget.setFixedWidth(widget.fontMetrics().horizontalAdvance(text))

    fit_to_font(widget, fit)


def fit_minimum_width(widget: QWidget, digits: int) -> None:
    """Keep a widget at least as wide as a number of digits in its font."""

    def fit() -> None:
        # Whole pixels are too coarse: digits of 9 and of 10 points have the same width.
        digit = QFontMetricsF(widget.font()).horizontalAdvance("0")
        widget.setMinimumWidth(round(digits * digit))

    fit_to_font(widget, fit)


def fit_height(field: QLineEdit) -> None:
    """Keep a text field as high as its text.

    napari's style sets a minimum height in pixels, which Qt prefers to the font's.
    """

    def fit() -> None:
        height = field.fontMetrics().height() + 4
        field.setStyleSheet(f"QLineEdit {{ min-height: {height}px }}")

    fit_to_font(field, fit)


def keep_compact(widget: QWidget) -> None:
    """Prevent a widget from becoming wider than its content needs."""
    height = widget.sizePolicy().verticalPolicy()
    widget.setSizePolicy(QSizePolicy.Policy.Fixed, height)


class _FontSize(QObject):
    """The font size of a widget, which follows napari's preferences."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        # napari refers to a method weakly, so the connection ends with the widget.
        get_settings().appearance.events.font_size.connect(self.apply)

    def apply(self, _: object = None) -> None:
        """Set the font size; keep the other properties of the parent's font."""
        font = QFont()
        font.setPointSize(get_settings().appearance.font_size)
        try:
            self._widget.setFont(font)
        except RuntimeError:
            # Qt has deleted the widget, and Python has not freed this object yet.
            return


class _FontFilter(QObject):
    """A filter that calls a function when the font size of a widget has changed."""

    _EVENTS = (QEvent.Type.FontChange, QEvent.Type.StyleChange, QEvent.Type.Polish)

    def __init__(self, widget: QWidget, fit: Callable[[], object]) -> None:
        super().__init__(widget)
        self._fit = fit
        self._height: tuple[int, int] | None = None
        self._widget = widget
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Call the function if the event has changed the font size."""
        if event is not None and event.type() in self._EVENTS:
            metrics = self._widget.fontMetrics()
            size = metrics.height(), metrics.horizontalAdvance("0")
            # A new style may change only a colour, and not the font size.
            if size != self._height:
                self._height = size
                self._fit()
        return bool(super().eventFilter(watched, event))
