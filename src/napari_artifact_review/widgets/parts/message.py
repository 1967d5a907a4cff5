"""A message over a panel, outside its layout."""

from __future__ import annotations

import re

from magicgui.widgets import Label
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLabel, QWidget

_STYLE = "background: #2f4a73; color: white; padding: 4px 6px; border-radius: 4px"


class Message(Label):
    """A text over the lower edge of a panel, hidden while empty.

    The panel's layout does not change. The mouse reaches the widgets under the text.
    """

    def __init__(self) -> None:
        super().__init__()
        native: QLabel = self.native
        native.setWordWrap(True)
        native.setStyleSheet(_STYLE)
        native.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def lie_over(self, panel: QWidget) -> None:
        """Set the panel over which messages are shown."""
        native: QLabel = self.native
        native.setParent(panel)
        native.hide()
        self._follower = _Follower(self)
        panel.installEventFilter(self._follower)

    def say(self, text: str) -> None:
        """Show a text, or hide the message if the text is empty."""
        if text != self.tooltip:
            self.value = breakable(text)
            self.tooltip = text
            self.native.setVisible(bool(text))
            self.settle()

    def settle(self) -> None:
        """Move to the panel's lower edge, in its width and the text's height."""
        native: QLabel = self.native
        panel = native.parentWidget()
        if self.tooltip and panel is not None:
            height = native.heightForWidth(panel.width())
            native.setGeometry(0, panel.height() - height, panel.width(), height)
            native.raise_()


def breakable(text: str) -> str:
    """Allow line breaks in long paths and names, which Qt would cut off."""
    text = re.sub(r"/(?=\S{31,})", "/\u200b", text)
    return re.sub(
        r"[^\s/]{41,}", lambda name: re.sub(r"(?<=[._])", "\u200b", name[0]), text
    )


class _Follower(QObject):
    """A filter that moves a message when its panel is resized."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.native)
        self._message = message

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        if event is not None and event.type() == QEvent.Type.Resize:
            self._message.settle()
        return bool(super().eventFilter(watched, event))
