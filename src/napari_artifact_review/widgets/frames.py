"""Whether napari's canvas has shown what was last changed."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_artifact_review.widgets.napari_compat import canvas_of


class Frames(QObject):
    """Knows whether the canvas has been drawn since something was changed.

    A model tells that it has changed; that this can be seen, only the canvas does. Qt
    may handle a key, or a timer, between the two.

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
            # Qt's own signals of an OpenGL widget also tell of frames of its window.
            canvas.installEventFilter(self)
        self._canvas = canvas

    def expect(self) -> None:
        """Know of a change, and have it drawn: with what is to be drawn, in one frame.

        Of a canvas that is hidden no frame comes.
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
