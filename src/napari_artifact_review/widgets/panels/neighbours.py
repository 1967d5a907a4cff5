"""Around it: labels and outcomes of the neighbours, and the place on the sky."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtCore import QEvent, QRectF, Qt
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QApplication, QToolTip, QWidget

from napari_artifact_review.viewer.status import describe_cutout
from napari_artifact_review.viewer.style import STYLE
from napari_artifact_review.widgets.parts.line import Line

if TYPE_CHECKING:
    from napari_artifact_review.core.cutout import Cutout
    from napari_artifact_review.core.images.full_image import FullImage
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.input.key_choice import KeyChoice

_COLORS = {
    "FP": STYLE.false_positive,
    "FN": STYLE.false_negative,
    "TP": STYLE.label_box,
    "TN": STYLE.true_negative,
}

#: Height of a neighbour in pixels of the screen.
_HEIGHT = 34


class NeighbourMap(QWidget):
    """Three by three cutouts with their outcomes and labels; a click goes there.

    Attributes
    ----------
    row_requested : Signal
        Emitted with the row of a cutout that is clicked.
    """

    row_requested = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._cutouts: dict[tuple[int, int], Cutout] = {}
        self._up = 1
        self.setFixedHeight(3 * _HEIGHT)

    def show_cutouts(self, cutouts: dict[tuple[int, int], Cutout], y_up: bool) -> None:
        """Show cutouts by how far across and down they lie, as on the screen."""
        self._cutouts, self._up = cutouts, -1 if y_up else 1
        self.update()

    def text_of(self, across: int, down: int) -> str:
        """Return what is said of a neighbour; empty where there is none."""
        cutout = self._cutouts.get((across, down))
        return "" if cutout is None else _text(cutout)

    def place_of(self, across: int, down: int) -> QRectF:
        """Return where a neighbour stands in the widget."""
        width = self.width() / 3
        line = (self._up * down + 1) * _HEIGHT
        return QRectF((across + 1) * width, line, width, _HEIGHT).adjusted(1, 1, -1, -1)

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """Paint each in the colour of its outcome, the current one framed."""
        painter = QPainter(self)
        text_color = self.palette().color(self.foregroundRole())
        for place, cutout in self._cutouts.items():
            area = self.place_of(*place)
            fill = QColor(_COLORS[cutout.outcome])
            fill.setAlphaF(0.12 if cutout.outcome == "TN" else 0.4)
            painter.fillRect(area, fill)
            if place == (0, 0):
                painter.setPen(QPen(QColor(STYLE.current), 2))
                painter.drawRect(area)
            painter.setPen(text_color)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, _text(cutout))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Ask to go to the one that is clicked."""
        cutout = self._at(event)
        if cutout is not None:
            self.row_requested.emit(cutout.row)

    def event(self, event: QEvent) -> bool:
        """Tell of the one under a mouse that rests."""
        if event.type() == QEvent.Type.ToolTip:
            cutout = self._at(event)
            text = "" if cutout is None else describe_cutout(cutout)
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return bool(super().event(event))

    def _at(self, event: QMouseEvent) -> Cutout | None:
        spot = event.position() if isinstance(event, QMouseEvent) else event.pos()
        places = (p for p in self._cutouts if self.place_of(*p).contains(spot))
        return self._cutouts.get(next(places, (9, 9)))


class ContextPanel(Container[Widget]):
    """The neighbours of the current cutout, and its position, which can be copied.

    Attributes
    ----------
    row_requested : Signal
        Emitted with the row of a neighbour that is clicked.
    copy_requested : Signal
        Emitted to copy the position.
    """

    row_requested = Signal(int)
    copy_requested = Signal()

    def __init__(self) -> None:
        self.map = NeighbourMap()
        self.position = Line()
        self.sky = Line()
        self.copy = PushButton(text="Copy")
        self.copy.native.setFixedWidth(60)
        where = Container[Widget](
            widgets=[self.position, self.copy], layout="horizontal", labels=False
        )
        where.margins = (0, 0, 0, 0)
        super().__init__(widgets=[where, self.sky], labels=False)
        self.margins = (0, 0, 0, 0)
        self.native.layout().insertWidget(0, self.map)
        self.map.row_requested.connect(lambda row: self.row_requested.emit(row))
        self.copy.changed.connect(lambda: self.copy_requested.emit())

    def show_keys(self, keys: KeyChoice) -> None:
        """Tell which keys are in force."""
        self.copy.tooltip = keys["copy_place"].hint

    def show_place(
        self, session: ReviewSession, full: FullImage | None, y_up: bool
    ) -> None:
        """Show what is around the current cutout, as on the screen, and where it is."""
        cutout = session.current_cutout
        self.map.show_cutouts(session.catalog.neighbours_of(cutout.row), y_up)
        position, sky = place_texts(cutout, full)
        self.position.show_text(position)
        self.sky.show_text(sky or "No sky coordinates")


def copy_place(cutout: Cutout, full: FullImage | None) -> None:
    """Copy the image, the position, and the place on the sky if it is known."""
    texts = (cutout.image_name, *place_texts(cutout, full))
    QApplication.clipboard().setText("  ".join(filter(None, texts)))


def place_texts(cutout: Cutout, full: FullImage | None) -> tuple[str, str]:
    """Return where the middle of a cutout is: in pixels, and on the sky if known."""
    x, y = cutout.grid_x + cutout.size / 2 - 0.5, cutout.grid_y + cutout.size / 2 - 0.5
    sky = "" if full is None or full.sky is None else full.sky.text(x, y)
    return f"x {x:g}  y {y:g}", sky


def _text(cutout: Cutout) -> str:
    label = f"{cutout.label}"
    if cutout.changed:
        label += f" → {cutout.label_new}"
    mark = "?" if cutout.decision == "unsure" else "✓" if cutout.reviewed else ""
    return f"{cutout.outcome} {mark}\nlabel {label}"
