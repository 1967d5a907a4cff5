"""A text field for an optional number."""

from __future__ import annotations

import math
from collections.abc import Callable

from magicgui.widgets import LineEdit
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QLineEdit, QShortcut

from napari_artifact_review.core.texts import plain_number
from napari_artifact_review.widgets.parts.font import fit_height


class NumberField(LineEdit):
    """A text field for an optional number.

    Enter, or a click elsewhere, applies the typed number. Escape discards the number.

    Parameters
    ----------
    tooltip : str
        The tooltip.
    check : callable
        Returns the reason why a number is refused, or an empty string. By default every
        finite number is accepted.

    Attributes
    ----------
    entered : Signal
        Emitted with the typed number, or with None if the field was emptied.
    refused : Signal
        Emitted with a message if the text is not a number, or if the number is refused.
    left : Signal
        Emitted when the field releases the keyboard.
    """

    entered = Signal(object)
    refused = Signal(str)
    left = Signal()

    def __init__(
        self, tooltip: str, check: Callable[[float | None], str] = lambda _: ""
    ) -> None:
        super().__init__(tooltip=tooltip)
        self._check = check
        self._shown = ""
        field: QLineEdit = self.native
        field.setMinimumWidth(40)
        fit_height(field)
        field.returnPressed.connect(self._finish)
        field.editingFinished.connect(self._request)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), field)
        escape.setContext(Qt.ShortcutContext.WidgetShortcut)
        escape.activated.connect(self._discard)

    def show_number(self, value: float | None, otherwise: str = "") -> None:
        """Show a number, unless the user is typing another number.

        Parameters
        ----------
        value : float or None
            The number; None for an empty field.
        otherwise : str
            Text in the empty field.
        """
        native: QLineEdit = self.native
        if native.placeholderText() != otherwise:
            native.setPlaceholderText(otherwise)
        text = "" if value is None else plain_number(value)
        if self.value == self._shown != text:
            self._shown = self.value = text
            native.setCursorPosition(0)

    def _finish(self) -> None:
        self._request()
        self.left.emit()

    def _request(self) -> None:
        text = str(self.value).strip()
        if text == self._shown:
            return
        value, reason = None, ""
        if text:
            value, reason = _number_of(text)
        reason = reason or self._check(value)
        if reason:
            self.value = self._shown
            self.refused.emit(reason)
        else:
            self._shown = self.value = text
            self.entered.emit(value)

    def _discard(self) -> None:
        self.value = self._shown
        self.left.emit()


def _number_of(text: str) -> tuple[float, str]:
    """Return the number in a text, and a message if there is no finite number."""
    try:
        value = float(text)
    except ValueError:
        return math.nan, f"“{text}” is not a number. Nothing was changed."
    if not math.isfinite(value):
        return value, f"“{text}” is not a finite number. Nothing was changed."
    return value, ""
