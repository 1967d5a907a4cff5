"""Keeps the keyboard with the review: fields have it only while a text is typed."""

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
    """Tell whether a field that takes text has the keyboard."""
    return isinstance(QApplication.focusWidget(), _TEXT_FIELDS)


def main_window_of(widget: QWidget) -> QMainWindow | None:
    """Return napari's window; a dock that floats is a window of its own, inside it."""
    parent: QWidget | None = widget
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent


def give_keys_to_viewer(widget: QWidget) -> None:
    """Take the keyboard from the fields of a dock and give it to napari's canvas."""
    window = widget.window()
    central = window.centralWidget() if isinstance(window, QMainWindow) else None
    if central is not None:
        central.setFocus()
    elif (focus := QApplication.focusWidget()) is not None:
        focus.clearFocus()


def leave_keys_to_viewer(panel: QWidget) -> None:
    """Have no click on a panel without text fields take the keyboard."""
    calm = _CalmFilter(panel)
    for widget in panel.findChildren(QWidget):
        if isinstance(widget, QAbstractButton | QComboBox | QSlider):
            widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if isinstance(widget, QComboBox | QSlider):
            widget.installEventFilter(calm)


_KEYS = (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)


def _is_for_others(event: QEvent) -> bool:
    is_letter = event.type() in _KEYS and event.text().isalpha()
    return event.type() == QEvent.Type.Wheel or is_letter


class _CalmFilter(QObject):
    """Keeps a field from being changed by what is not meant for it.

    That is a wheel that passes over it, and a letter: to a list it is the beginning of
    a choice, to the reviewer a verdict.
    """

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        if event is not None and _is_for_others(event):
            # Qt offers it to what is around the field next.
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))
