"""A box in which things change without the window being laid out anew."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QSize
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QWidget


class SteadyBox(QWidget):
    """Holds one widget, and tells the window only if that wants another size.

    A layout of Qt tells its parent whenever it was done anew, up to the window, which
    then has itself painted once more: after a style sheet was set, for one.

    Attributes
    ----------
    content : QWidget
        What it holds; fills it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.content = QWidget(self)
        self._sizes_told = (QSize(), QSize())

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return what the content would like."""
        return self.content.sizeHint()

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return what the content needs."""
        return self.content.minimumSizeHint()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Let the content fill the box."""
        super().resizeEvent(event)
        self.content.resize(self.size())

    def event(self, event: QEvent | None) -> bool:
        """Pass on that the content was laid out anew, if it wants another size."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            sizes = (self.sizeHint(), self.minimumSizeHint())
            if sizes != self._sizes_told:
                self._sizes_told = sizes
                self.updateGeometry()
        return super().event(event)
