"""A menu in which digits and letters choose an item."""

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
    """Show a menu at the top left corner of a widget, or of its nearest visible parent.

    Parameters
    ----------
    parent : QWidget
        The parent of the menu.
    over : QWidget
        The widget.
    choices : mapping of str to callable
        A function for each item of the menu, by its text.
    """
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    for (text, function), key in zip(choices.items(), _KEYS, strict=False):
        action = menu.addAction(f"&{key}  {button_text(text)}")
        action.triggered.connect(lambda _, function=function: function())
    while not over.isVisible() and over is not parent:
        over = over.parentWidget() or parent
    menu.popup(over.mapToGlobal(QPoint(0, 0)))
