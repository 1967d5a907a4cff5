"""Functions for the keyboard focus of windows, panels and text fields."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QScrollArea,
    QSlider,
    QTableView,
    QTextEdit,
    QWidget,
)

_TEXT_FIELDS = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)

#: Widgets that by default take the keyboard focus when clicked, and then use keys.
_GREEDY = (QAbstractButton, QComboBox, QSlider, QScrollArea, QTableView)

#: Keys that press a button, and keys that change a field.
_KEYS_OF_BUTTONS = {
    Qt.Key.Key_Space,
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Tab,
    Qt.Key.Key_Backtab,
}
_KEYS_OF_FIELDS = _KEYS_OF_BUTTONS | {
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
}


def text_is_typed() -> bool:
    """Return whether a text field has the keyboard focus."""
    return isinstance(QApplication.focusWidget(), _TEXT_FIELDS)


def main_window_of(widget: QWidget) -> QMainWindow | None:
    """Return the main window of a widget, even of a widget in a floating dock."""
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


def give_key_to_main_window(widget: QWidget, event: QKeyEvent) -> None:
    """Send a key event that a separate window does not use to the main window.

    Qt offers a key event to the parents of a widget only within the widget's window.
    """
    window = main_window_of(widget)
    if window is None:
        event.ignore()
    else:
        QApplication.sendEvent(window, event)


def take_free_focus(content: QWidget) -> None:
    """Move the focus of a separate window to `content`, unless another widget has it.

    When Qt activates such a window, it would otherwise give the focus to the first
    button, which uses the arrow keys.
    """
    window = content.window()
    if not isinstance(window, QMainWindow) and window.focusWidget() is None:
        content.setFocus()


def leave_keys_to_viewer(panel: QWidget) -> None:
    """Keep the keyboard for the review while a panel's buttons and lists are in use.

    A click does not move the keyboard focus to a button, list, slider, table or scroll
    area of the panel; the Tab key does. While such a widget has the focus, it handles
    only the keys that press a button or change a field. Text fields are unaffected.
    Over a list or slider, the mouse wheel scrolls the panel.
    """
    event_filter = _KeyAndWheelFilter(panel)
    for widget in panel.findChildren(QWidget):
        if isinstance(widget, _GREEDY):
            if widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
                widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            widget.installEventFilter(event_filter)


_KEYS = (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)


class _KeyAndWheelFilter(QObject):
    """A filter that leaves keys to the review, and the mouse wheel to the panel.

    Without the filter, a list would use letters to select a choice, and a scroll area
    would use the arrow keys to scroll. These keys are shortcuts of the review.
    """

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        if (
            event is not None
            and isinstance(watched, QWidget)
            and _is_for_parents(watched, event)
        ):
            # Qt offers an ignored event to the parents of the field.
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))


def _is_for_parents(watched: QWidget, event: QEvent) -> bool:
    """Return whether a widget must leave an event to its parents."""
    if event.type() == QEvent.Type.Wheel:
        return isinstance(watched, QComboBox | QSlider)
    if event.type() not in _KEYS:
        return False
    if watched.window().focusWidget() is not watched:
        # A child of the widget has ignored the key event.
        return True
    own = _KEYS_OF_BUTTONS if isinstance(watched, QAbstractButton) else _KEYS_OF_FIELDS
    return event.key() not in own
