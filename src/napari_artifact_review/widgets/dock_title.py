"""The title of the dock, which names the reviewer."""

from __future__ import annotations

from qtpy.QtCore import QObject, Qt
from qtpy.QtGui import QFontMetrics
from qtpy.QtWidgets import QDockWidget, QLabel, QWidget

from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.parts.plain_text import (
    button_text,
    show_as_plain,
    tooltip_text,
)

#: Maximum width of a name in the title, in digits of its font.
_WIDTH = 24


class DockTitle(QObject):
    """The title of a dock, which names the reviewer while a review is open.

    The name by which napari knows the dock does not change.

    Parameters
    ----------
    content : QWidget
        The widget in the dock.
    """

    def __init__(self, content: QWidget) -> None:
        super().__init__(content)
        self._content = content
        self._reviewer: str | None = None
        self._dock: QDockWidget | None = None
        self._usual = ""

    def show_reviewer(self, name: str | None) -> None:
        """Show the name of a reviewer, cut in the middle if it is long.

        The whole name is in the tooltip. None restores the usual title.
        """
        dock = self._content.parentWidget()
        self._reviewer = name
        if not isinstance(dock, QDockWidget):
            # The dock was closed, or a script uses the widget without a dock.
            return
        if dock is not self._dock:
            self._dock, self._usual = dock, dock.windowTitle()
            # napari makes a new title bar when the dock floats or moves. Its functions
            # were connected before, so they run first.
            dock.topLevelChanged.connect(self._apply)
            dock.dockLocationChanged.connect(self._apply)
        self._apply()

    def _apply(self, _: object = None) -> None:
        dock, name = self._dock, self._reviewer
        assert dock is not None, "the dock has a title"
        bar = dock.titleBarWidget()
        metrics = dock.fontMetrics() if bar is None else bar.fontMetrics()
        title = (
            self._usual if name is None else f"Artifact Review — {_cut(name, metrics)}"
        )
        # Qt underlines the letter after a "&" in the title of a window of tabs.
        dock.setWindowTitle(title if name is None else button_text(title))
        for label in [] if bar is None else bar.findChildren(QLabel):
            show_as_plain(label)
            label.setText(title)
            label.setToolTip("" if name is None else tooltip_text(f"Reviewer: {name}"))


def _cut(name: str, metrics: QFontMetrics) -> str:
    """Return a name on one line, cut in the middle if it is too wide for a title."""
    width = _WIDTH * metrics.horizontalAdvance("0")
    return metrics.elidedText(printable(name), Qt.TextElideMode.ElideMiddle, width)
