"""A message in front of a panel, outside the panel's layout."""

from __future__ import annotations

import re

from magicgui.widgets import Label
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLabel, QWidget

from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.parts.font import fit_to_font
from napari_artifact_review.widgets.parts.plain_text import show_as_plain, tooltip_text

_STYLE = "background: #2f4a73; color: white; padding: 4px 6px; border-radius: 4px"


class Message(Label):
    """A text in front of the lower edge of a panel; hidden while the text is empty.

    The message does not change the layout of the panel, and ignores the mouse.
    """

    def __init__(self) -> None:
        super().__init__()
        self._text = self._passing = self._shown = ""
        native: QLabel = self.native
        show_as_plain(native)
        native.setWordWrap(True)
        native.setStyleSheet(_STYLE)
        native.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def lie_over(self, panel: QWidget) -> None:
        """Set the panel in front of which messages are shown."""
        native: QLabel = self.native
        native.setParent(panel)
        native.hide()
        self._follower = _Follower(self)
        panel.installEventFilter(self._follower)
        fit_to_font(native, self.settle)

    def say(self, text: str) -> None:
        """Show a text, or hide the message if the text is empty."""
        self._text = text
        if text:
            # Of two messages, the later one is shown.
            self._passing = ""
        self._show()

    def say_in_passing(self, text: str) -> None:
        """Show a text instead of the last message, which an empty text shows again."""
        self._passing = text
        self._show()

    def _show(self) -> None:
        text = self._passing or self._text
        if text != self._shown:
            self._shown = text
            self.value = breakable(printable(text))
            self.tooltip = tooltip_text(text)
            self.native.setVisible(bool(text))
            self.settle()

    def settle(self) -> None:
        """Fit the message to the lower edge and the width of the panel."""
        native: QLabel = self.native
        panel = native.parentWidget()
        if self._shown and panel is not None:
            height = native.heightForWidth(panel.width())
            native.setGeometry(0, panel.height() - height, panel.width(), height)
            native.raise_()


def breakable(text: str) -> str:
    """Insert zero-width spaces into long names and paths, so that Qt can break them."""
    text = re.sub(r"/(?=\S{31,})", "/\u200b", text)
    return re.sub(
        r"[^\s/]{41,}", lambda name: re.sub(r"(?<=[._])", "\u200b", name[0]), text
    )


class _Follower(QObject):
    """An event filter that moves a message when its panel is resized."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.native)
        self._message = message

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        if event is not None and event.type() == QEvent.Type.Resize:
            self._message.settle()
        return bool(super().eventFilter(watched, event))
