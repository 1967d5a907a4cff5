"""The window that compares stretches of the current cutout."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QLabel, QSizePolicy, QToolButton, QWidget

from napari_artifact_review.core.images.display import LEVELS, Brightness, Display
from napari_artifact_review.core.images.stretch import PRESETS, render, smoothed
from napari_artifact_review.viewer.style import STYLE
from napari_artifact_review.widgets.parts.background import Latest
from napari_artifact_review.widgets.parts.picture import picture_button, picture_icon
from napari_artifact_review.widgets.parts.picture_window import PictureWindow
from napari_artifact_review.widgets.parts.tool_window import KeptFree

if TYPE_CHECKING:
    from napari_artifact_review.viewer.image.cutout_pixels import CutoutPixels

#: Milliseconds from a move until the pictures are made. In this time, the canvas is
#: drawn.
_DELAY_OF_PICTURES = 60

_Picture = npt.NDArray[np.uint8]


class StretchesPanel(PictureWindow):
    """The window with the current cutout at several stretches.

    The limits come from the cutout, and the colours from the current colormap.

    Attributes
    ----------
    adopted : Signal
        Emitted with the display settings of a clicked picture.
    pixels_wanted : Signal
        Emitted when the window appears, to request a call of `show_pixels`.
    """

    adopted = Signal(object)
    pixels_wanted = Signal()

    def __init__(self, parent: QWidget, kept_free: KeptFree = tuple) -> None:
        buttons = [_checkable(preset.name) for preset in PRESETS]
        super().__init__(parent, "Stretches", buttons, kept_free)
        self._latest = Latest(self, self._show)
        self._colormap = Display.colormap
        for button, preset in zip(buttons, PRESETS, strict=True):
            button.clicked.connect(partial(self._adopt, preset.display))
        hint = QLabel(
            "Click to apply to all cutouts. Reset under Display restores the default."
        )
        hint.setWordWrap(True)
        # The pictures alone determine the width of the window.
        hint.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.lines.addWidget(hint)

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Request pixels, because the window ignores pixels while it is hidden."""
        super().showEvent(event)
        self.pixels_wanted.emit()

    def show_pixels(
        self, cutout: CutoutPixels | None, display: Display, y_up: bool = False
    ) -> None:
        """Show pictures of a cutout, after a thread has made the pictures.

        While the window is hidden, do nothing.

        Parameters
        ----------
        cutout : CutoutPixels or None
            The pixels, or None to show empty buttons.
        display : Display
            The current display settings, whose colormap is used for the pictures.
        y_up : bool
            Whether row 0 is at the bottom.
        """
        if not self.isVisible():
            return
        self._colormap = display.colormap
        for button, preset in zip(self.buttons, PRESETS, strict=True):
            button.setChecked(preset.display == replace(display, colormap="gray"))
        if cutout is None:
            self._latest.give_up()
            for button in self.buttons:
                button.setIcon(picture_icon(None))
            return
        levels = np.linspace(0, 1, LEVELS)
        colors = ensure_colormap(display.colormap).map(levels)[:, :3]
        self._latest.want(partial(_pictures, cutout, colors, y_up), _DELAY_OF_PICTURES)

    def _show(self, pictures: list[_Picture]) -> None:
        for button, picture in zip(self.buttons, pictures, strict=True):
            button.setIcon(picture_icon(picture, self.devicePixelRatioF()))

    def _adopt(self, display: Display) -> None:
        self.adopted.emit(replace(display, colormap=self._colormap))


def _pictures(
    cutout: CutoutPixels,
    colors: npt.NDArray[Any],
    y_up: bool,
    is_given_up: Callable[[], bool],
) -> list[_Picture]:
    """Return a picture for each preset, with a frame around the cutout.

    `colors` are red, green and blue of each grey level, from 0 to 1.

    Raises
    ------
    CancelledError
        If `is_given_up` returns True before all pictures are made.
    """
    pictures = []
    known: dict[float, tuple[npt.NDArray[Any], Brightness]] = {}
    for preset in PRESETS:
        if is_given_up():
            # The current cutout has changed.
            raise CancelledError
        sigma = preset.display.sigma
        if sigma not in known:
            pixels = smoothed(cutout.pixels, sigma) if sigma else cutout.pixels
            known[sigma] = pixels, Brightness.of(pixels[cutout.inner])
        pixels, brightness = known[sigma]
        picture = render(pixels, replace(preset.display, sigma=0), brightness, colors)
        _draw_frame(picture, cutout.inner)
        pictures.append(np.ascontiguousarray(picture[::-1] if y_up else picture))
    return pictures


def _draw_frame(picture: _Picture, inner: tuple[slice, slice]) -> None:
    rows, columns = inner
    color = QColor(STYLE.current).getRgb()[:3]
    # The frame is just outside the cutout, and clipped to the picture.
    top, bottom = max(rows.start - 2, 0), min(rows.stop + 2, len(picture))
    left, right = max(columns.start - 2, 0), min(columns.stop + 2, picture.shape[1])
    frame = np.zeros(picture.shape[:2], bool)
    frame[top:bottom, left:right] = True
    frame[inner] = False
    picture[frame] = color


def _checkable(text: str) -> QToolButton:
    button = picture_button(text)
    button.setCheckable(True)
    checked = f"QToolButton:checked {{ border-color: {STYLE.current} }}"
    button.setStyleSheet(button.styleSheet() + checked)
    return button
