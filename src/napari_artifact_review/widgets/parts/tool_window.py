"""Windows beside the main one: they come up where they cover what matters least."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QMargins, QPoint, QRect, QSize, Qt
from qtpy.QtWidgets import QDialog, QStyle, QWidget

#: Gives what is not to be covered, in pixels of the screen.
KeptFree = Callable[[], Sequence[QRect]]


def free_place(size: QSize, screen: QRect, kept_free: Sequence[QRect]) -> QRect:
    """Return where a window covers least of some rectangles.

    Parameters
    ----------
    size : QSize
        Its size, with its frame.
    screen : QRect
        Where it may be; one that is too large begins at the upper left.
    kept_free : sequence of QRect
        What is not to be covered. Of places that are alike in this, it is the one
        nearest to the first of them.

    Returns
    -------
    QRect
        The window.
    """
    edges = [(r.left(), r.top(), r.right() + 1, r.bottom() + 1) for r in kept_free]
    screen_edge = screen.left(), screen.top(), screen.right() + 1, screen.bottom() + 1
    width, height = size.width(), size.height()
    places = [
        QRect(
            max(min(x, screen_edge[2] - width), screen_edge[0]),
            max(min(y, screen_edge[3] - height), screen_edge[1]),
            width,
            height,
        )
        # With one side at that of something else.
        for left, _, right, _ in (screen_edge, *edges)
        for _, top, _, bottom in (screen_edge, *edges)
        for x in (left - width, left, right - width, right)
        for y in (top - height, top, bottom - height, bottom)
    ]
    middle = (kept_free[0] if kept_free else screen).center()
    return min(
        places,
        key=lambda place: (
            covered(place, kept_free),
            (place.center() - middle).manhattanLength(),
        ),
    )


def covered(window: QRect, kept_free: Sequence[QRect]) -> int:
    """Return how many pixels of some rectangles a window covers."""
    parts = (window.intersected(rectangle) for rectangle in kept_free)
    return sum(max(part.width(), 0) * max(part.height(), 0) for part in parts)


class ToolWindow(QDialog):
    """Stays beside the main window while one works, where the user puts it.

    Parameters
    ----------
    parent : QWidget
        The dock.
    title : str
        What it is, in a few words.
    kept_free : callable
        See `KeptFree`; asked when the window comes up for the first time.
    """

    def __init__(
        self, parent: QWidget, title: str, kept_free: KeptFree = tuple
    ) -> None:
        super().__init__(parent, Qt.WindowType.Tool)
        self.setWindowTitle(f"Artifact Review: {title}")
        self._kept_free = kept_free
        self._place: QPoint | None = None

    def toggle(self) -> None:
        """Show the window, or hide it if it is shown."""
        self.setVisible(not self.isVisible())

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Come up where it was, or where there is room; Qt would take the middle."""
        super().showEvent(event)
        if self._place is None:
            self._place = self.arrange(self._kept_free()).topLeft()
        self.move(self._place)

    def hideEvent(self, event: Any) -> None:  # noqa: N802
        """Remember where the user put it."""
        self._place = self.pos()
        super().hideEvent(event)

    def arrange(self, kept_free: Sequence[QRect]) -> QRect:
        """Return where to come up; here, where it has room as it is."""
        return self.room_for(self.sizeHint(), kept_free)

    def room_for(self, size: QSize, kept_free: Sequence[QRect]) -> QRect:
        """Return where there is room for the window at a size without its frame."""
        title = self.style().pixelMetric(QStyle.PixelMetric.PM_TitleBarHeight)
        framed = size.grownBy(QMargins(1, title, 1, 1))
        screen = self.parentWidget().screen().availableGeometry()
        return free_place(framed, screen, kept_free)
