"""The neighbours of the current cutout, and its position in pixels and on the sky."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, Container, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtCore import QEvent, QRectF, Qt
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QApplication, QToolTip, QWidget

from napari_artifact_review.viewer.status import describe_cutout, tag_of
from napari_artifact_review.viewer.style import STYLE
from napari_artifact_review.widgets.parts.font import fit_to_font, keep_compact
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.plain_text import tooltip_text
from napari_artifact_review.widgets.parts.row import row_of

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
    "": STYLE.hidden,
}

#: Space between the texts of two neighbours, in pixels.
_GAP = 6


class NeighbourMap(QWidget):
    """A clickable map of three by three cutouts, with their outcomes and labels.

    Attributes
    ----------
    row_requested : Signal
        Emitted with the table row of a clicked cutout.
    """

    row_requested = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._cutouts: dict[tuple[int, int], Cutout] = {}
        self._down = 1
        fit_to_font(self, lambda: self.setFixedHeight(3 * self._neighbour_height))

    @property
    def _neighbour_height(self) -> int:
        """Height of a neighbour in pixels, for two lines of text."""
        return int(2 * self.fontMetrics().lineSpacing()) + _GAP

    def show_cutouts(self, cutouts: dict[tuple[int, int], Cutout], y_up: bool) -> None:
        """Show the current cutout and its neighbours.

        Parameters
        ----------
        cutouts : dict of (int, int) to Cutout
            The cutouts by their steps along columns and rows from the current cutout;
            each step is -1, 0 or 1.
        y_up : bool
            Whether row 0 is at the bottom.
        """
        self._cutouts, self._down = cutouts, -1 if y_up else 1
        self.update()

    def text_of(self, across: int, down: int) -> str:
        """Return the text of a neighbour, or an empty string without a neighbour.

        `across` and `down` are the steps along columns and rows from the current
        cutout; each step is -1, 0 or 1.
        """
        cutout = self._cutouts.get((across, down))
        return "" if cutout is None else _text(cutout)

    def rectangle_of(self, across: int, down: int) -> QRectF:
        """Return the rectangle of a neighbour, in pixels of the widget.

        `across` and `down` are the steps along columns and rows from the current
        cutout; each step is -1, 0 or 1.
        """
        width, height = self.width() / 3, self._neighbour_height
        top = (self._down * down + 1) * height
        return QRectF((across + 1) * width, top, width, height).adjusted(1, 1, -1, -1)

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """Paint cutouts in colours by outcome, and frame the current cutout."""
        painter = QPainter(self)
        text_color = self.palette().color(self.foregroundRole())
        for steps, cutout in self._cutouts.items():
            area = self.rectangle_of(*steps)
            fill = QColor(_COLORS[cutout.outcome])
            fill.setAlphaF(0.12 if cutout.outcome == "TN" else 0.4)
            painter.fillRect(area, fill)
            if steps == (0, 0):
                painter.setPen(QPen(QColor(STYLE.current), 2))
                painter.drawRect(area)
            painter.setPen(text_color)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, _text(cutout))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Emit `row_requested` for the clicked cutout."""
        cutout = self._at(event)
        if cutout is not None:
            self.row_requested.emit(cutout.row)

    def event(self, event: QEvent) -> bool:
        """Show a tooltip about the cutout under the mouse."""
        if event.type() == QEvent.Type.ToolTip:
            cutout = self._at(event)
            text = "" if cutout is None else describe_cutout(cutout)
            QToolTip.showText(event.globalPos(), tooltip_text(text), self)
            return True
        return bool(super().event(event))

    def _at(self, event: QMouseEvent) -> Cutout | None:
        point = event.position() if isinstance(event, QMouseEvent) else event.pos()
        hits = (
            cutout
            for steps, cutout in self._cutouts.items()
            if self.rectangle_of(*steps).contains(point)
        )
        return next(hits, None)


class ContextPanel(Container[Widget]):
    """The panel with the neighbours and the position of the current cutout.

    Attributes
    ----------
    row_requested : Signal
        Emitted with the table row of a clicked neighbour.
    copy_requested : Signal
        Emitted to copy the position to the clipboard.
    similar_requested : Signal
        Emitted to show similar cutouts, or to go back from them.
    other_images_requested : Signal
        Emitted with True to leave out the same image among similar cutouts.
    """

    row_requested = Signal(int)
    copy_requested = Signal()
    similar_requested = Signal()
    other_images_requested = Signal(bool)

    def __init__(self) -> None:
        self.map = NeighbourMap()
        self.position = Line()
        self.sky = Line()
        self.copy = PushButton(text="Copy")
        self.similar = PushButton(text="More like this")
        self.other_images = CheckBox(
            text="In other images",
            tooltip="Leave out the image of the cutout that is compared with",
        )
        keep_compact(self.copy.native)
        keep_compact(self.similar.native)
        position = row_of(self.position, self.copy)
        super().__init__(
            widgets=[position, self.sky, row_of(self.similar, self.other_images)],
            labels=False,
        )
        self.margins = (0, 0, 0, 0)
        self.native.layout().insertWidget(0, self.map)
        self.map.row_requested.connect(lambda row: self.row_requested.emit(row))
        self.copy.changed.connect(lambda: self.copy_requested.emit())
        self.similar.changed.connect(lambda: self.similar_requested.emit())
        self.other_images.changed.connect(
            lambda on: self.other_images_requested.emit(on)
        )

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current keys in the tooltips."""
        self.copy.tooltip = keys["copy_place"].hint
        self.similar.tooltip = keys["similar"].hint

    def show_position(
        self, session: ReviewSession, full: FullImage | None, y_up: bool
    ) -> None:
        """Show the neighbours and the position of the current cutout.

        `y_up` is True if row 0 is at the bottom.
        """
        cutout = session.current_cutout
        self.map.show_cutouts(session.catalog.neighbours_of(cutout.row), y_up)
        position, sky = position_texts(cutout, full)
        self.position.show_text(position)
        self.sky.show_text(sky or "No sky coordinates")


def copy_position(cutout: Cutout, full: FullImage | None) -> None:
    """Copy a cutout's image name, position and sky coordinates to the clipboard."""
    texts = (cutout.image_name, *position_texts(cutout, full))
    QApplication.clipboard().setText("  ".join(filter(None, texts)))


def position_texts(cutout: Cutout, full: FullImage | None) -> tuple[str, str]:
    """Return two texts: a cutout's centre in pixels, and on the sky if known."""
    x, y = cutout.grid_x + cutout.size / 2 - 0.5, cutout.grid_y + cutout.size / 2 - 0.5
    sky = "" if full is None or full.sky is None else full.sky.text(x, y)
    return f"x {x:g}  y {y:g}", sky


def _text(cutout: Cutout) -> str:
    if cutout.is_hidden:
        return ""
    label = f"{cutout.label}"
    if cutout.changed:
        label += f" → {cutout.label_new}"
    return f"{tag_of(cutout)}\nlabel {label}"
