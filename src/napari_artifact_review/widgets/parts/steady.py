"""A box whose content can change without a new layout of the window."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QSize
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QWidget


class SteadyBox(QWidget):
    """A box with one widget, which requests a layout only if its size must change.

    In Qt, each layout requests a layout of the parent, up to the window, for example
    after a new style sheet. The whole window is then painted again.

    Attributes
    ----------
    content : QWidget
        The widget that fills the box.
    """

    def __init__(self) -> None:
        super().__init__()
        self.content = QWidget(self)
        self._last_sizes = (QSize(), QSize())

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size that the content prefers."""
        return self.content.sizeHint()

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the minimum size of the content."""
        return self.content.minimumSizeHint()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Resize the content to fill the box."""
        super().resizeEvent(event)
        self.content.resize(self.size())

    def event(self, event: QEvent | None) -> bool:
        """Forward a layout request if the sizes that the content needs have changed."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            sizes = (self.sizeHint(), self.minimumSizeHint())
            if sizes != self._last_sizes:
                self._last_sizes = sizes
                self.updateGeometry()
        return super().event(event)
