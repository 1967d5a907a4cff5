"""Keyboard focus: the main window has it, except while a text is typed."""

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
    """Return whether a text field has the keyboard."""
    return isinstance(QApplication.focusWidget(), _TEXT_FIELDS)


def main_window_of(widget: QWidget) -> QMainWindow | None:
    """Return the main window that a widget is in, also from inside a floating dock."""
    parent: QWidget | None = widget
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent


def give_keys_to_viewer(widget: QWidget) -> None:
    """Move the keyboard from the fields of a dock to the main window's centre."""
    window = widget.window()
    central = window.centralWidget() if isinstance(window, QMainWindow) else None
    if central is not None:
        central.setFocus()
    elif (focus := QApplication.focusWidget()) is not None:
        focus.clearFocus()


def leave_keys_to_viewer(panel: QWidget) -> None:
    """Keep clicks on a panel, but for its text fields, from taking the keyboard."""
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
    """Keeps the mouse wheel, and keys with letters, from changing a field.

    A list would take a letter as the beginning of a choice; it is meant as a shortcut.
    """

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        if event is not None and _is_wheel_or_letter(event):
            # Qt offers an ignored event to the field's parents.
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))
