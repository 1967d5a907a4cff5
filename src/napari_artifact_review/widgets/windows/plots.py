"""The plots in a dock of their own: the curves, and the time per verdict.

They are drawn in a thread and shown as pictures. matplotlib's own canvas draws in the
main thread, where each verdict would hold up the window for a third of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from psygnal import Signal
from qtpy.QtCore import QEvent, Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

if TYPE_CHECKING:
    import napari

_TITLE = "Review plots"

#: Of the dock in pixels of Qt, to begin with; and the least that a plot is read in.
_SIZE = (860, 340)
_LEAST = (200, 150)


class PlotWish(NamedTuple):
    """How a plot is to be drawn.

    Attributes
    ----------
    width, height : int
        In pixels of Qt.
    ratio : float
        Pixels of the screen for one of these.
    color : str
        Of its texts and lines.
    """

    width: int
    height: int
    ratio: float
    color: str


class PlotView(QWidget):
    """Shows a plot, and tells when it should be drawn anew.

    Attributes
    ----------
    outdated : Signal
        Emitted when it is shown, has another size, or other colours.
    """

    outdated = QtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.image = QImage()
        self.setMinimumSize(*_LEAST)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def wish(self) -> PlotWish:
        """Return how the plot is to be drawn."""
        color = self.palette().color(self.foregroundRole()).name()
        return PlotWish(self.width(), self.height(), self.devicePixelRatioF(), color)

    def show_picture(self, picture: npt.NDArray[np.uint8]) -> None:
        """Show a plot that was drawn: shape (rows, columns, 4)."""
        rows, columns = picture.shape[:2]
        image = QImage(
            picture.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_RGBA8888
        )
        # A copy: Qt does not own those bytes.
        self.image = image.copy()
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """Paint the plot over all of it; one of another size only until it is drawn."""
        painter = QPainter(self)
        painter.drawImage(self.rect(), self.image)
        painter.end()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Want a plot: while it is hidden, none is drawn."""
        super().showEvent(event)
        self.outdated.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Want a plot of this size."""
        super().resizeEvent(event)
        self.outdated.emit()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Want a plot in the colours of another theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.PaletteChange):
            self.outdated.emit()


class PlotsPanel(QWidget):
    """Two plots, side by side.

    Attributes
    ----------
    removed : Signal
        Emitted when its dock was closed.
    """

    removed = QtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.views = [PlotView(), PlotView()]
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        for view in self.views:
            layout.addWidget(view)

    def event(self, event: QEvent) -> bool:
        """Tell when the dock is closed: napari takes its parent away, no more."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.removed.emit()
        return bool(super().event(event))


class Plots:
    """The dock with the plots, as long as somebody wants it.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer that the dock is added to.

    Attributes
    ----------
    panel : PlotsPanel or None
        What is in the dock, while there is one.
    wanted : Signal
        Emitted when plots should be drawn, or need not be any more: see `wishes`.
    """

    wanted = Signal()

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        self._viewer = viewer
        self.panel: PlotsPanel | None = None

    def toggle(self) -> None:
        """Open the dock, or close it if it is open."""
        if self.panel is not None:
            dock = self.panel.parentWidget()
            if dock is not None and not dock.isVisible():
                # The eye in its title has hidden it.
                dock.show()
                return
            self.close()
            return
        panel = self.panel = PlotsPanel()
        panel.removed.connect(partial(self._remove, panel))
        # The whole window may go, of which napari tells no dock.
        panel.destroyed.connect(partial(self._forget, panel))
        for view in panel.views:
            view.outdated.connect(self.wanted.emit)
        dock = self._viewer.window.add_dock_widget(panel, name=_TITLE, area="bottom")
        # The next key is still meant for the review.
        dock.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        # It takes no room from the image, unless somebody puts it beside that.
        dock.setFloating(True)
        dock.resize(*_SIZE)

    def close(self) -> None:
        """Close the dock, if it is open."""
        if self.panel is not None:
            self._viewer.window.remove_dock_widget(self.panel)

    def wishes(self) -> list[PlotWish]:
        """Return how each plot is to be drawn; none where nobody looks."""
        if self.panel is None or not self.panel.isVisible():
            return []
        return [view.wish() for view in self.panel.views]

    def show_pictures(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> None:
        """Show plots that were drawn."""
        if self.panel is not None:
            for view, picture in zip(self.panel.views, pictures, strict=True):
                view.show_picture(picture)

    def _remove(self, panel: PlotsPanel) -> None:
        self._forget(panel)
        panel.deleteLater()
        self.wanted.emit()

    def _forget(self, panel: PlotsPanel, *_: object) -> None:
        """Know nothing more of a panel; it may be gone already."""
        if self.panel is panel:
            self.panel = None
