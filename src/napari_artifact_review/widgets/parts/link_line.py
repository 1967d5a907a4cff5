"""A line of text that can be clicked."""

from __future__ import annotations

from psygnal import Signal
from qtpy.QtCore import QEvent, QObject, Qt

from napari_artifact_review.widgets.parts.line import Line


class LinkLine(Line):
    """A line of text that emits a signal when it is clicked.

    Attributes
    ----------
    clicked : Signal
        Emitted when the line is clicked while it has a text.
    """

    clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._clicks = _Clicks(self)
        self.native.installEventFilter(self._clicks)

    def show_text(self, text: str) -> None:
        """Show a text; the cursor is a hand unless the text is empty."""
        super().show_text(text)
        shape = (
            Qt.CursorShape.PointingHandCursor if text else Qt.CursorShape.ArrowCursor
        )
        self.native.setCursor(shape)


class _Clicks(QObject):
    """An event filter for clicks, because Qt has no signal for clicks on a line."""

    def __init__(self, line: LinkLine) -> None:
        super().__init__(line.native)
        self._line = line

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Emit `clicked` on release of a mouse button; prevent text selection."""
        kind = None if event is None else event.type()
        if kind == QEvent.Type.MouseButtonPress:
            return True
        if kind == QEvent.Type.MouseButtonRelease and self._line.value:
            self._line.clicked.emit()
            return True
        return bool(super().eventFilter(watched, event))
