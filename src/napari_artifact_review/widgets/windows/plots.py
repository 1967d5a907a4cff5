"""The dock with two plots: precision-recall curves, and the time per verdict.

A thread draws the plots as images, which the dock shows. matplotlib's own canvas draws
in the main thread. There, each verdict would block the window for a third of a second.
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

from napari_artifact_review.widgets.parts.focus import take_free_focus

if TYPE_CHECKING:
    import napari

_TITLE = "Artifact Review: Plots"

#: Width and height in Qt pixels: initial size of the dock, and minimum size of a plot.
_SIZE = (860, 340)
_LEAST = (200, 150)


class PlotWish(NamedTuple):
    """The size and colour of a requested plot.

    Attributes
    ----------
    width, height : int
        Size in Qt pixels.
    ratio : float
        Screen pixels per Qt pixel.
    color : str
        Colour of texts and lines, such as "#ffffff".
    """

    width: int
    height: int
    ratio: float
    color: str


class PlotView(QWidget):
    """A widget that shows a plot, and emits a signal when the plot is outdated.

    Attributes
    ----------
    outdated : Signal
        Emitted when the widget appears, is resized or gets new colours.
    """

    outdated = QtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.image = QImage()
        self.setMinimumSize(*_LEAST)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def wish(self) -> PlotWish:
        """Return the size and colour for a new plot."""
        color = self.palette().color(self.foregroundRole()).name()
        return PlotWish(self.width(), self.height(), self.devicePixelRatioF(), color)

    def show_picture(self, picture: npt.NDArray[np.uint8]) -> None:
        """Show a plot, given as RGBA pixels of shape (rows, columns, 4)."""
        rows, columns = picture.shape[:2]
        image = QImage(
            picture.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_RGBA8888
        )
        # Copy the image, because Qt does not own its bytes.
        self.image = image.copy()
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """Paint the plot, stretched to the size of the widget."""
        painter = QPainter(self)
        painter.drawImage(self.rect(), self.image)
        painter.end()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Request a plot, because none is drawn while the widget is hidden."""
        super().showEvent(event)
        self.outdated.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Request a plot of the new size."""
        super().resizeEvent(event)
        self.outdated.emit()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Request a plot in the colours of a new theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.PaletteChange):
            self.outdated.emit()


class PlotsPanel(QWidget):
    """The panel with two plots side by side.

    Attributes
    ----------
    removed : Signal
        Emitted when the dock is closed.
    left : Signal
        Emitted when another window becomes active.
    """

    removed = QtSignal()
    left = QtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.views = [PlotView(), PlotView()]
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        for view in self.views:
            layout.addWidget(view)

    def event(self, event: QEvent) -> bool:
        """Emit a signal when napari closes the dock, or another window becomes active.

        napari removes the panel's parent when it closes the dock.
        """
        if event.type() == QEvent.Type.WindowActivate:
            take_free_focus(self)
        elif event.type() == QEvent.Type.WindowDeactivate:
            self.left.emit()
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.removed.emit()
        return bool(super().event(event))


class Plots:
    """The plots and their dock, which exists only while it is open.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer that the dock is added to.

    Attributes
    ----------
    panel : PlotsPanel or None
        The content of the dock; None while the dock is closed.
    wanted : Signal
        Emitted when the result of `wishes` may have changed.
    left : Signal
        Emitted when the window with the plots is no longer the active window.
    """

    wanted = Signal()
    left = Signal()

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        self._viewer = viewer
        self.panel: PlotsPanel | None = None

    def toggle(self) -> None:
        """Open the dock, show a hidden dock, or close a visible dock."""
        if self.panel is not None:
            dock = self.panel.parentWidget()
            if dock is not None and not dock.isVisible():
                # The user has hidden the dock with the icon in its title.
                dock.show()
                return
            self.close()
            return
        panel = self.panel = PlotsPanel()
        panel.removed.connect(partial(self._remove, panel))
        panel.left.connect(self.left.emit)
        # napari does not notify the dock when the whole window is closed.
        panel.destroyed.connect(partial(self._forget, panel))
        for view in panel.views:
            view.outdated.connect(self.wanted.emit)
        dock = self._viewer.window.add_dock_widget(panel, name=_TITLE, area="bottom")
        # The next key press is meant for the review, so do not activate the dock.
        dock.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        # A floating dock does not take space from the image.
        dock.setFloating(True)
        dock.resize(*_SIZE)

    def close(self) -> None:
        """Close the dock, if it is open."""
        if self.panel is not None:
            self._viewer.window.remove_dock_widget(self.panel)

    def wishes(self) -> list[PlotWish]:
        """Return the sizes and colours of the plots; empty while they are hidden."""
        if self.panel is None or not self.panel.isVisible():
            return []
        return [view.wish() for view in self.panel.views]

    def show_pictures(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> None:
        """Show the two plots, given as RGBA pixels of shape (rows, columns, 4)."""
        if self.panel is not None:
            for view, picture in zip(self.panel.views, pictures, strict=True):
                view.show_picture(picture)

    def _remove(self, panel: PlotsPanel) -> None:
        self._forget(panel)
        panel.deleteLater()
        self.wanted.emit()

    def _forget(self, panel: PlotsPanel, *_: object) -> None:
        """Remove the reference to a panel that Qt may have deleted."""
        if self.panel is panel:
            self.panel = None
