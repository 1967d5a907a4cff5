"""Tool windows, which open where they cover little of given rectangles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QEvent, QMargins, QPoint, QRect, QSize, Qt, Signal
from qtpy.QtWidgets import QDialog, QStyle, QWidget

from napari_artifact_review.widgets.parts.focus import (
    give_key_to_main_window,
    leave_keys_to_viewer,
    take_free_focus,
)
from napari_artifact_review.widgets.parts.font import follow_font_size

#: Function that returns the rectangles on the screen that a window should not cover,
#: starting with the most important rectangle.
KeptFree = Callable[[], Sequence[QRect]]


def best_rectangle(size: QSize, screen: QRect, kept_free: Sequence[QRect]) -> QRect:
    """Return the window rectangle that covers as little as possible of `kept_free`.

    Parameters
    ----------
    size : QSize
        The size of the window, with its frame.
    screen : QRect
        The area available for the window. A window that is larger than this area begins
        at the upper left.
    kept_free : sequence of QRect
        The rectangles to keep free, starting with the most important rectangle. Among
        equally good results, the result nearest to this rectangle is returned.

    Returns
    -------
    QRect
        The window's rectangle.
    """
    edges = [(r.left(), r.top(), r.right() + 1, r.bottom() + 1) for r in kept_free]
    screen_edge = screen.left(), screen.top(), screen.right() + 1, screen.bottom() + 1
    width, height = size.width(), size.height()
    candidates = [
        QRect(
            max(min(x, screen_edge[2] - width), screen_edge[0]),
            max(min(y, screen_edge[3] - height), screen_edge[1]),
            width,
            height,
        )
        # In each candidate, edges of the window touch edges of other rectangles.
        for left, _, right, _ in (screen_edge, *edges)
        for _, top, _, bottom in (screen_edge, *edges)
        for x in (left - width, left, right - width, right)
        for y in (top - height, top, bottom - height, bottom)
    ]
    middle = (kept_free[0] if kept_free else screen).center()
    return min(
        candidates,
        key=lambda rectangle: (
            covered_areas(rectangle, kept_free),
            (rectangle.center() - middle).manhattanLength(),
        ),
    )


def covered_areas(window: QRect, kept_free: Sequence[QRect]) -> tuple[int, ...]:
    """Return the area of each rectangle that a window covers, in square Qt pixels."""
    parts = (window.intersected(rectangle) for rectangle in kept_free)
    return tuple(max(part.width(), 0) * max(part.height(), 0) for part in parts)


def rectangle_on_screen(widget: QWidget) -> QRect:
    """Return the rectangle of a widget in screen coordinates."""
    return QRect(widget.mapToGlobal(QPoint(0, 0)), widget.size())


class ToolWindow(QDialog):
    """A window in front of the main window, which the user can move.

    The window passes keys to the main window, except in text fields, unless it is a
    form. Escape closes the window.

    Parameters
    ----------
    parent : QWidget
        The widget that the window belongs to.
    title : str
        The title, after the name of the program.
    kept_free : callable
        Returns the rectangles on the screen that the window should not cover, starting
        with the most important one; called when the window appears for the first time.
    is_form : bool
        Whether the window uses keys itself, and passes none to the main window.

    Attributes
    ----------
    left : Signal
        Emitted when another window becomes active. This window then does not receive
        the release of a held key.
    """

    left = Signal()

    def __init__(
        self,
        parent: QWidget,
        title: str,
        kept_free: KeptFree = tuple,
        *,
        is_form: bool = False,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Tool)
        self.show_title(title)
        self._is_form = is_form
        self._kept_free = kept_free
        self._position: QPoint | None = None
        # A window does not inherit the font of the dock that it belongs to.
        follow_font_size(self)

    def show_title(self, title: str) -> None:
        """Show another title, after the name of the program."""
        self.setWindowTitle(f"Artifact Review: {title}")

    def toggle(self) -> None:
        """Show the window, or hide a visible window."""
        self.setVisible(not self.isVisible())

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Show the window at its last position, or initially at the best position."""
        super().showEvent(event)
        if self._position is None:
            if not self._is_form:
                leave_keys_to_viewer(self)
            self._position = self.arrange(self._kept_free()).topLeft()
        self.move(self._position)

    def hideEvent(self, event: Any) -> None:  # noqa: N802
        """Store the position of the window for the next time."""
        self._position = self.pos()
        super().hideEvent(event)

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802
        """Pass a key to the main window; close this window with Escape."""
        if self._is_form or event.key() == Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        else:
            give_key_to_main_window(self, event)

    def keyReleaseEvent(self, event: Any) -> None:  # noqa: N802
        """Pass the release of a key to the main window."""
        if self._is_form:
            super().keyReleaseEvent(event)
            return
        give_key_to_main_window(self, event)

    def event(self, event: Any) -> bool:
        """Take the keyboard focus on activation; emit `left` on deactivation."""
        if event.type() == QEvent.Type.WindowActivate and not self._is_form:
            take_free_focus(self)
        elif event.type() == QEvent.Type.WindowDeactivate:
            self.left.emit()
        return bool(super().event(event))

    def arrange(self, kept_free: Sequence[QRect]) -> QRect:
        """Return the best rectangle for the window with its preferred size.

        `kept_free` has the rectangles to keep free, most important rectangle first.
        """
        return self.room_for(self.sizeHint(), kept_free)

    def room_for(self, size: QSize, kept_free: Sequence[QRect]) -> QRect:
        """Return the best rectangle on the screen for a window of the given size.

        `size` excludes the frame. `kept_free` has the rectangles to keep free, most
        important rectangle first.
        """
        title = self.style().pixelMetric(QStyle.PixelMetric.PM_TitleBarHeight)
        framed = size.grownBy(QMargins(1, title, 1, 1))
        screen = self.parentWidget().screen().availableGeometry()
        return best_rectangle(framed, screen, kept_free)
