"""A watcher of the frames that napari's canvas draws."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_artifact_review.widgets.napari_compat import canvas_of


class Frames(QObject):
    """A watcher that detects whether the canvas has drawn the last change.

    A change is visible only after the next frame of the canvas. Qt may handle a key or
    a timer before this frame.

    Attributes
    ----------
    are_shown : bool
        Whether the canvas has drawn a frame since the last call of `expect`.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.are_shown = True
        self._canvas: QWidget | None = None

    def watch(self, window: QMainWindow | None) -> None:
        """Watch the canvas of a napari window."""
        canvas = canvas_of(window)
        if canvas is not None:
            # Qt's OpenGL widget emits its signals also for frames of the whole window.
            canvas.installEventFilter(self)
        self._canvas = canvas

    def expect(self) -> None:
        """Request a frame after a change, unless the canvas is hidden.

        The frame also draws other pending changes.
        """
        canvas = self._canvas
        if canvas is not None and canvas.isVisible():
            self.are_shown = False
            canvas.update()

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Set `are_shown` when the canvas is painted."""
        if event is not None and event.type() == QEvent.Type.Paint:
            self.are_shown = True
        return False
