"""The keyboard focus of the main window and of text fields."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QSlider,
    QTextEdit,
    QWidget,
)

_TEXT_FIELDS = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)


def text_is_typed() -> bool:
    """Return whether a text field has the keyboard focus."""
    return isinstance(QApplication.focusWidget(), _TEXT_FIELDS)


def main_window_of(widget: QWidget) -> QMainWindow | None:
    """Return a widget's main window, even from inside a floating dock."""
    parent: QWidget | None = widget
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent


def give_keys_to_viewer(widget: QWidget) -> None:
    """Move the keyboard focus from a dock to the central widget of the main window."""
    window = widget.window()
    central = window.centralWidget() if isinstance(window, QMainWindow) else None
    if central is not None:
        central.setFocus()
    elif (focus := QApplication.focusWidget()) is not None:
        focus.clearFocus()


def leave_keys_to_viewer(panel: QWidget) -> None:
    """Prevent clicks on a panel, except on text fields, from moving the focus."""
    event_filter = _KeyAndWheelFilter(panel)
    for widget in panel.findChildren(QWidget):
        if isinstance(widget, QAbstractButton | QComboBox | QSlider):
            widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if isinstance(widget, QComboBox | QSlider):
            widget.installEventFilter(event_filter)


_KEYS = (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)


def _is_wheel_or_letter(event: QEvent) -> bool:
    is_letter = event.type() in _KEYS and event.text().isalpha()
    return event.type() == QEvent.Type.Wheel or is_letter


class _KeyAndWheelFilter(QObject):
    """An event filter that keeps mouse wheel and letter keys from changing a field.

    A drop-down list would use a letter to select a choice, but letters are shortcuts.
    """

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        if event is not None and _is_wheel_or_letter(event):
            # Qt passes an ignored event on to the parents of the field.
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))
