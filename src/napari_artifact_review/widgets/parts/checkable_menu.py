"""A menu to check several items."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QMenu, QWidget


class CheckableMenu(QMenu):
    """A menu of texts with check marks, which stays open after a click on one.

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
        Emitted with the tuple of all checked texts after a change.
    """

    chosen = Signal(tuple)

    def __init__(
        self, parent: QWidget, texts: Iterable[str], checked: Iterable[str]
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        marked = set(checked)
        for text in texts:
            # Qt would read a single & as the mark of a key.
            action = self.addAction(text.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(text in marked)
            action.setData(text)
            action.toggled.connect(self._choose)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Check the item under the mouse without closing the menu."""
        action = self.actionAt(event.pos())
        if action is None:
            super().mouseReleaseEvent(event)
        else:
            action.trigger()

    def _choose(self) -> None:
        checked = (action for action in self.actions() if action.isChecked())
        self.chosen.emit(tuple(action.data() for action in checked))
