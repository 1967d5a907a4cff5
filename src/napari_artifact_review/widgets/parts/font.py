"""The font size of napari's preferences, and sizes that follow a font."""

from __future__ import annotations

from collections.abc import Callable

from napari.settings import get_settings
from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QFont
from qtpy.QtWidgets import QLineEdit, QSizePolicy, QWidget


def follow_font_size(widget: QWidget) -> None:
    """Give a widget and its children the font size of napari's preferences.

    napari's own style sheet does so for some kinds of widgets only: not for folds, text
    fields, tables and painted widgets.
    """
    _FontSize(widget).apply()


def set_bold(widget: QWidget, is_bold: bool = True) -> None:
    """Show the text of a widget bold, in any size.

    With a font in a widget's own style sheet, Qt would keep its size.
    """
    font = QFont()
    if is_bold:
        font.setBold(True)
    widget.setFont(font)


def fit_to_font(widget: QWidget, fit: Callable[[], object]) -> None:
    """Call a function now, and whenever the font of a widget has changed."""
    _FontFilter(widget, fit)
    fit()


def fit_width(widget: QWidget, text: str) -> None:
    """Keep a widget as wide as a text in its font."""

    def fit() -> None:
        widget.setFixedWidth(widget.fontMetrics().horizontalAdvance(text))

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
    """Keep a widget as wide as it needs to be in its font."""
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
    """A filter that calls a function when the font of a widget has changed."""

    _EVENTS = (QEvent.Type.FontChange, QEvent.Type.StyleChange, QEvent.Type.Polish)

    def __init__(self, widget: QWidget, fit: Callable[[], object]) -> None:
        super().__init__(widget)
        self._fit = fit
        self._height: tuple[int, int] | None = None
        self._widget = widget
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Call the function after a change of the font."""
        if event is not None and event.type() in self._EVENTS:
            metrics = self._widget.fontMetrics()
            size = metrics.height(), metrics.horizontalAdvance("0")
            # A new style alone, such as a colour, needs no other size.
            if size != self._height:
                self._height = size
                self._fit()
        return bool(super().eventFilter(watched, event))
