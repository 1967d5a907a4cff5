"""A window with pictures in columns."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QRect, QSize
from qtpy.QtWidgets import QGridLayout, QLayout, QToolButton, QVBoxLayout, QWidget

from napari_artifact_review.widgets.parts.picture import (
    SIDE,
    resize_button,
    size_of_button,
)
from napari_artifact_review.widgets.parts.tool_window import (
    KeptFree,
    ToolWindow,
    covered_areas,
)

_SMALL = 140

#: Numbers of columns, and sides of pictures in Qt pixels, in order of preference.
_ARRANGEMENTS = ((4, SIDE), (2, SIDE), (4, _SMALL), (2, _SMALL), (1, _SMALL))

#: Total height of the margins and the widgets above and below the pictures, in Qt
#: pixels.
_HEIGHT_OF_LINES = 60


class PictureWindow(ToolWindow):
    """A window of picture buttons, arranged to avoid the rectangles of `kept_free`.

    Parameters
    ----------
    parent : QWidget
        The widget that the window belongs to.
    title : str
        The title, after the name of the program.
    buttons : sequence of QToolButton
        The pictures.
    kept_free : callable
        Returns the rectangles on the screen that the window should not cover, starting
        with the most important one; called when the window appears for the first time.

    Attributes
    ----------
    lines : QVBoxLayout
        The layout with the pictures and the widgets above and below the pictures.
    """

    def __init__(
        self,
        parent: QWidget,
        title: str,
        buttons: Sequence[QToolButton],
        kept_free: KeptFree = tuple,
    ) -> None:
        super().__init__(parent, title, kept_free)
        self.buttons = buttons
        self._pictures = QGridLayout()
        self.lines = QVBoxLayout(self)
        self.lines.addLayout(self._pictures)
        # Fit the window to its content, even after the content shrinks.
        self.lines.setSizeConstraint(QLayout.SizeConstraint.SetFixedSize)
        self._lay_out(*_ARRANGEMENTS[0])

    def arrange(self, kept_free: Sequence[QRect]) -> QRect:
        """Choose the arrangement and the position of the window.

        Parameters
        ----------
        kept_free : sequence of QRect
            The rectangles to keep free, starting with the most important rectangle.

        Returns
        -------
        QRect
            The rectangle of the window.
        """
        rooms = {
            (columns, side): self.room_for(self._size(columns, side), kept_free)
            for columns, side in _ARRANGEMENTS
        }
        best = min(rooms, key=lambda key: covered_areas(rooms[key], kept_free))
        self._lay_out(*best)
        return rooms[best]

    def _size(self, columns: int, side: int) -> QSize:
        """Return the size of the window with all pictures, even hidden pictures."""
        button, gap = size_of_button(self.buttons[0], side), self._pictures.spacing()
        rows = -(-len(self.buttons) // columns)
        margins = self.lines.contentsMargins()
        return QSize(
            columns * (button.width() + gap) + margins.left() + margins.right(),
            rows * (button.height() + gap) + _HEIGHT_OF_LINES,
        )

    def _lay_out(self, columns: int, side: int) -> None:
        for index, button in enumerate(self.buttons):
            resize_button(button, side)
            self._pictures.addWidget(button, *divmod(index, columns))
        # Lay out immediately, before the window appears.
        self.lines.activate()
