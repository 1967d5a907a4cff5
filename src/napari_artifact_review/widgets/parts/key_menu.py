"""A menu in which each item has a digit or a letter as its key."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QMenu, QWidget

from napari_artifact_review.widgets.parts.plain_text import button_text

#: Keys of the items, in order.
_KEYS = "1234567890abcdefghijklmnopqrstuvwxyz"


def show_menu(
    parent: QWidget, over: QWidget, choices: Mapping[str, Callable[[], object]]
) -> None:
    """Show a menu in which digits and letters choose an item.

    The menu appears at the top left corner of `over`, or of its nearest visible parent.

    Parameters
    ----------
    parent : QWidget
        The parent of the menu.
    over : QWidget
        The widget that determines the position of the menu.
    choices : mapping of str to callable
        A function for each item of the menu, by the item's text. The menu has at most
        35 items.
    """
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    for (text, function), key in zip(choices.items(), _KEYS, strict=False):
        action = menu.addAction(f"&{key}  {button_text(text)}")
        action.triggered.connect(lambda _, function=function: function())
    while not over.isVisible() and over is not parent:
        over = over.parentWidget() or parent
    menu.popup(over.mapToGlobal(QPoint(0, 0)))
