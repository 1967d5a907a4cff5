"""Frames of napari's canvas: whether the last change has been drawn."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_artifact_review.widgets.napari_compat import canvas_of


class Frames(QObject):
    """Knows whether the canvas has been drawn since the last change.

    A change of a model is visible only after the next frame of the canvas. Qt may
    handle a key or a timer in between.

    Attributes
    ----------
    are_shown : bool
        Whether a frame has come since `expect` was called last.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.are_shown = True
        self._canvas: QWidget | None = None

    def watch(self, window: QMainWindow | None) -> None:
        """Watch the canvas in the middle of a window."""
        canvas = canvas_of(window)
        if canvas is not None:
            # The signals of Qt's OpenGL widget also come with frames of its window.
            canvas.installEventFilter(self)
        self._canvas = canvas

    def expect(self) -> None:
        """Request a frame after a change; it also draws what else is pending.

        A hidden canvas draws no frame.
        """
        canvas = self._canvas
        if canvas is not None and canvas.isVisible():
            self.are_shown = False
            canvas.update()

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Notice that the canvas is drawn."""
        if event is not None and event.type() == QEvent.Type.Paint:
            self.are_shown = True
        return False
