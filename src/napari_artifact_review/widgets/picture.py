"""Small pictures of cutouts as buttons."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import QToolButton

from napari_artifact_review.viewer.style import STYLE

_SIDE = 210


def picture_button(text: str = "") -> QToolButton:
    """Return a button with room for a picture, and a line of text under it."""
    button = QToolButton()
    button.setText(text)
    button.setIconSize(QSize(_SIDE, _SIDE))
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
    button.setMinimumSize(_SIDE + 16, _SIDE + 34)
    button.setStyleSheet(
        "QToolButton { border: 2px solid transparent }"
        f"QToolButton:checked {{ border-color: {STYLE.current} }}"
    )
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button


def picture_icon(picture: npt.NDArray[Any] | None, ratio: float = 1.0) -> QIcon:
    """Return a picture of any size as an icon of one size.

    Parameters
    ----------
    picture : ndarray of uint8, shape (rows, columns, 3), or None
        None for an empty icon.
    ratio : float
        Pixels of the screen for one of Qt's.
    """
    if picture is None:
        return QIcon()
    rows, columns = picture.shape[:2]
    data = np.ascontiguousarray(picture).tobytes()
    image = QImage(data, columns, rows, 3 * columns, QImage.Format.Format_RGB888)
    side = round(_SIDE * ratio)
    scaled = image.scaled(
        side,
        side,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    pixmap = QPixmap.fromImage(scaled)
    pixmap.setDevicePixelRatio(ratio)
    return QIcon(pixmap)
