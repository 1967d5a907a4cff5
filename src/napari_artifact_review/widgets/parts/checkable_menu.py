"""A menu in which several items can be checked."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QMenu, QWidget


class CheckableMenu(QMenu):
    """A menu of texts with check marks, which stays open after a click on a text.

    Parameters
    ----------
    parent : QWidget
        The widget that the menu belongs to.
    texts : iterable of str
        The texts, in their order.
    checked : iterable of str
        The texts with a check mark.

    Attributes
    ----------
    chosen : Signal
        Emitted after each change, with a tuple of all checked texts.
    """

    chosen = Signal(tuple)

    def __init__(
        self, parent: QWidget, texts: Iterable[str], checked: Iterable[str]
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        marked = set(checked)
        for text in texts:
            # Qt would interpret a single & as the mark of a shortcut.
            action = self.addAction(text.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(text in marked)
            action.setData(text)
            action.toggled.connect(self._choose)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Check or uncheck the item under the mouse without closing the menu."""
        action = self.actionAt(event.pos())
        if action is None:
            super().mouseReleaseEvent(event)
        else:
            action.trigger()

    def _choose(self) -> None:
        checked = (action for action in self.actions() if action.isChecked())
        self.chosen.emit(tuple(action.data() for action in checked))
