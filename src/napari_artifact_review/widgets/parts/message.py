"""A sentence for the reviewer that takes no room in the dock."""

from __future__ import annotations

import re

from magicgui.widgets import Label
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLabel, QWidget

_STYLE = "background: #2f4a73; color: white; padding: 4px 6px; border-radius: 4px"


class Message(Label):
    """Lies over the lower end of a panel for as long as there is something to say.

    Nothing makes room for it, so nothing jumps; the mouse reaches what is under it.
    """

    def __init__(self) -> None:
        super().__init__()
        native: QLabel = self.native
        native.setWordWrap(True)
        native.setStyleSheet(_STYLE)
        native.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def lie_over(self, panel: QWidget) -> None:
        """Show what is said over a panel from now on."""
        native: QLabel = self.native
        native.setParent(panel)
        native.hide()
        self._follower = _Follower(self)
        panel.installEventFilter(self._follower)

    def say(self, text: str) -> None:
        """Tell something, or nothing more."""
        if text != self.tooltip:
            self.value = breakable(text)
            self.tooltip = text
            self.native.setVisible(bool(text))
            self.settle()

    def settle(self) -> None:
        """Lie at the lower end of the panel, as wide as that, as high as need be."""
        native: QLabel = self.native
        panel = native.parentWidget()
        if self.tooltip and panel is not None:
            height = native.heightForWidth(panel.width())
            native.setGeometry(0, panel.height() - height, panel.width(), height)
            native.raise_()


def breakable(text: str) -> str:
    """Let what is longer than a line be broken, where Qt would cut it off."""
    text = re.sub(r"/(?=\S{31,})", "/\u200b", text)
    return re.sub(
        r"[^\s/]{41,}", lambda name: re.sub(r"(?<=[._])", "\u200b", name[0]), text
    )


class _Follower(QObject):
    """Moves a message when its panel has another size."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.native)
        self._message = message

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        if event is not None and event.type() == QEvent.Type.Resize:
            self._message.settle()
        return bool(super().eventFilter(watched, event))
