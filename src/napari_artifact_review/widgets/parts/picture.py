"""Buttons with small pictures of cutouts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import QToolButton

#: The side of a picture in Qt pixels.
SIDE = 210


def picture_button(text: str = "") -> QToolButton:
    """Return a button for a picture, with a line of text below the picture."""
    button = QToolButton()
    button.setText(text)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
    resize_button(button, SIDE)
    button.setStyleSheet("QToolButton { border: 2px solid transparent }")
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button


def size_of_button(button: QToolButton, side: int) -> QSize:
    """Return the size of a button for a picture of `side` Qt pixels, with its text."""
    return QSize(side + 16, side + 18 + button.fontMetrics().height())


def resize_button(button: QToolButton, side: int) -> None:
    """Resize a button to fit a picture of `side` Qt pixels."""
    button.setIconSize(QSize(side, side))
    button.setFixedSize(size_of_button(button, side))


def picture_icon(picture: npt.NDArray[Any] | None, ratio: float = 1.0) -> QIcon:
    """Return a picture of any size as an icon with the side `SIDE`.

    Parameters
    ----------
    picture : ndarray of uint8, shape (rows, columns, 3), or None
        Red, green and blue of each pixel; None for an empty icon.
    ratio : float
        Screen pixels per Qt pixel.
    """
    if picture is None:
        return QIcon()
    rows, columns = picture.shape[:2]
    data = np.ascontiguousarray(picture).tobytes()
    image = QImage(data, columns, rows, 3 * columns, QImage.Format.Format_RGB888)
    side = round(SIDE * ratio)
    scaled = image.scaled(
        side,
        side,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    pixmap = QPixmap.fromImage(scaled)
    pixmap.setDevicePixelRatio(ratio)
    return QIcon(pixmap)
