"""A list to choose from, which no key and no mouse wheel changes by accident."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent, QPaintEvent, QWheelEvent
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
)

#: Keys that choose nothing in a closed list.
_OTHER_KEYS = {
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Escape,
    Qt.Key.Key_Tab,
    Qt.Key.Key_Backtab,
}

#: Keys without a letter that would choose in an ordinary list, or open it.
_KEYS = {
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
    Qt.Key.Key_F4,
}


class ChoiceBox(QComboBox):
    """A list to choose from, which changes only by a choice in the open list.

    Keys that would change an ordinary list open this one, and the mouse wheel scrolls
    what is around it.

    Parameters
    ----------
    choices : sequence of (str, object)
        Text and value of each choice.
    short : bool
        Whether the closed list shows only the part of a text before its first colon.

    Attributes
    ----------
    chosen : Signal
        Emitted with the value when the user makes a choice, also the same choice again.
    """

    chosen = Signal(object)

    def __init__(
        self, choices: Sequence[tuple[str, Any]], *, short: bool = False
    ) -> None:
        super().__init__()
        self._is_short = short
        for text, value in choices:
            self.addItem(text, value)
        if short:
            self.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            longest = max(len(self._closed_text(text)) for text, _ in choices)
            self.setMinimumContentsLength(longest)
        self.activated.connect(lambda _: self.chosen.emit(self.currentData()))

    @property
    def value(self) -> Any:
        """The value of the current choice."""
        return self.currentData()

    def show_value(self, value: Any) -> None:
        """Show a choice without emitting `chosen`."""
        self.setCurrentIndex(self.findData(value))

    def showPopup(self) -> None:  # noqa: N802
        """Open the list, wide enough for its longest text."""
        view = self.view()
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        view.setMinimumWidth(view.sizeHintForColumn(0) + bar)
        super().showPopup()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Open the list with a key that would change the choice."""
        assert event is not None
        if not _would_choose(event):
            super().keyPressEvent(event)
            return
        self.showPopup()
        if event.text().strip():
            # A letter leads to the choice that begins with it.
            QApplication.sendEvent(self.view(), event)

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802
        """Leave the mouse wheel to the parents."""
        if event is not None:
            event.ignore()

    def paintEvent(self, _: QPaintEvent | None) -> None:  # noqa: N802
        """Paint the closed list."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self._closed_text(option.currentText)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()

    def _closed_text(self, text: str) -> str:
        return text.partition(":")[0] if self._is_short else text


def _would_choose(event: QKeyEvent) -> bool:
    """Return whether a key would change an ordinary list, or open it."""
    if event.key() in _OTHER_KEYS:
        return False
    plain = Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier
    if event.modifiers() & ~plain:
        return False
    return bool(event.text()) or event.key() in _KEYS
