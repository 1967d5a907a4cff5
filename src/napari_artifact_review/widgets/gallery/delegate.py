"""The Qt delegate that paints a thumbnail in the gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QModelIndex, QRect, Qt
from qtpy.QtGui import QColor, QFont, QFontInfo, QImage, QPainter, QPen
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from napari_artifact_review.viewer.status import tag_of
from napari_artifact_review.viewer.style import STYLE

if TYPE_CHECKING:
    from napari_artifact_review.core.cutout import Cutout
    from napari_artifact_review.viewer.image.picture_loader import (
        Picture,
        PictureLoader,
    )
    from napari_artifact_review.widgets.gallery.model import GalleryModel

#: Margin around a thumbnail for its frames, in Qt pixels.
GAP = 6

#: Minimum and maximum side of a thumbnail, in Qt pixels.
SMALLEST, LARGEST = 64, 256

#: The colours of the frames, from the outside to the inside.
_FRAMES = {
    "FP": (STYLE.false_positive,),
    "FN": (STYLE.false_negative,),
    "TP": (STYLE.label_box, STYLE.prediction_box),
    "TN": (STYLE.true_negative,),
    "": (STYLE.hidden,),
}
_TEXTS = {
    "FP": STYLE.false_positive_text,
    "FN": STYLE.false_negative_text,
    "TP": STYLE.label_text,
    "TN": STYLE.true_negative,
    "": STYLE.hidden,
}
_FRAME = 2


class ThumbnailDelegate(QStyledItemDelegate):
    """A Qt delegate that paints a thumbnail with frames, confidence and outcome.

    Parameters
    ----------
    pictures : PictureLoader
        Makes the thumbnails.

    Attributes
    ----------
    seen : set of int
        Table rows of the cutouts whose thumbnails have been painted.
    """

    def __init__(self, pictures: PictureLoader) -> None:
        super().__init__()
        self._pictures = pictures
        self.seen: set[int] = set()

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Paint a thumbnail, frames and texts into the rectangle of `option`."""
        model: GalleryModel = index.model()
        cutout = model.cutout(index.row())
        area = option.rect.adjusted(GAP, GAP, -GAP, -GAP)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        self._paint_picture(painter, cutout, area)
        if option.state & QStyle.StateFlag.State_Selected:
            # Mark the selection with a frame, which is visible in every theme.
            _frame(painter, area.adjusted(-6, -6, 6, 6), painter.pen().color(), 3)
        opacity = STYLE.reviewed_opacity if cutout.reviewed else 1.0
        for number, color in enumerate(_FRAMES[cutout.outcome]):
            inner = number * (_FRAME + 1)
            shade = QColor(color)
            shade.setAlphaF(opacity)
            _frame(painter, area.adjusted(inner, inner, -inner, -inner), shade, _FRAME)
        if option.state & QStyle.StateFlag.State_HasFocus:
            _frame(painter, area.adjusted(-3, -3, 3, 3), STYLE.current, 3)
        _paint_texts(painter, cutout, area)
        painter.restore()

    def _paint_picture(self, painter: QPainter, cutout: Cutout, area: QRect) -> None:
        made = self._pictures.find(cutout.row)
        if made is not None and made.picture is not None:
            self.seen.add(cutout.row)
            _draw(painter, made.picture, area)
            return
        painter.fillRect(area, QColor(24, 24, 24))
        if made is not None:
            painter.setPen(QColor(STYLE.true_negative))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(area.adjusted(6, 16, -6, -16), flags, "No image")


def _draw(painter: QPainter, picture: Picture, area: QRect) -> None:
    """Draw a thumbnail in a square, and fill the rest of the square with black."""
    rows, columns = picture.shape
    image = QImage(picture.data, columns, rows, 4 * columns, QImage.Format.Format_RGB32)
    size = image.size().scaled(area.size(), Qt.AspectRatioMode.KeepAspectRatio)
    rectangle = QRect(area.topLeft(), size)
    rectangle.moveCenter(area.center())
    if size != area.size():
        painter.fillRect(area, QColor(0, 0, 0))
    painter.drawImage(rectangle, image)


def _frame(painter: QPainter, area: QRect, color: str | QColor, width: int) -> None:
    pen = QPen(QColor(color), width)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    half = width // 2
    painter.drawRect(area.adjusted(half, half, -half - width % 2, -half - width % 2))


def _paint_texts(painter: QPainter, cutout: Cutout, area: QRect) -> None:
    """Write the confidence at the upper left, and the outcome at the lower right."""
    font = QFont(painter.font())
    size = QFontInfo(font).pixelSize()
    # Small thumbnails have room for small texts only.
    font.setPixelSize(size if area.width() >= 8 * size else max(1, size * 5 // 6))
    font.setBold(True)
    painter.setFont(font)
    confidence = "" if cutout.confidence is None else f"{cutout.confidence:.2f}"
    for text, alignment in (
        (confidence, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft),
        (tag_of(cutout), Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight),
    ):
        if not text:
            continue
        inner = area.adjusted(5, 5, -5, -5)
        background = painter.boundingRect(inner, alignment, text)
        # Keep texts legible on bright pixels.
        painter.fillRect(background.adjusted(-3, -1, 3, 1), QColor(0, 0, 0, 150))
        painter.setPen(QColor(_TEXTS[cutout.outcome]))
        painter.drawText(inner, alignment, text)
