"""A line of text for texts that change often."""

from __future__ import annotations

from magicgui.widgets import LineEdit
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit

from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.parts.font import fit_to_font, set_bold
from napari_artifact_review.widgets.parts.plain_text import tooltip_text

_STYLE = "background: transparent; border: 0; padding: 0; margin: 0"

#: Sum of the space above and below the text, in pixels.
_LEADING = 4


class Line(LineEdit):
    """A read-only line of text, which is cut off if it is too long.

    A label with a new text would cause a layout of the whole window, and thus an extra
    frame. This widget does not.
    """

    def __init__(self) -> None:
        super().__init__()
        native: QLineEdit = self.native
        native.setReadOnly(True)
        native.setFrame(False)
        native.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        native.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        native.setCursor(Qt.CursorShape.ArrowCursor)
        self._color: str | None = None
        # napari's style sets a minimum height in pixels, which can be too small.
        fit_to_font(native, self._apply_style)

    def show_text(self, text: str) -> None:
        """Show a text from its beginning, with the full text in the tooltip."""
        shown = printable(text)
        if shown != self.value:
            self.value, self.tooltip = shown, tooltip_text(text)
            self.native.setCursorPosition(0)

    def emphasize(self, color: str | None) -> None:
        """Show the text in bold and in a colour; None means the default style."""
        if color != self._color:
            self._color = color
            set_bold(self.native, color is not None)
            self._apply_style()

    def _apply_style(self) -> None:
        height = self.native.fontMetrics().height() + _LEADING
        color = "" if self._color is None else f"color: {self._color}"
        style = f"QLineEdit {{ {_STYLE}; min-height: {height}px; {color} }}"
        if self.native.styleSheet() != style:
            self.native.setStyleSheet(style)
