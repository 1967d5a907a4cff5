"""Sliders that select a cutout of the image by its position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from magicgui.widgets import Container, Label, Slider
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtWidgets import QSlider

from napari_artifact_review.widgets.parts.font import fit_width
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class GridSliders(Container[Widget]):
    """Sliders for `grid_x` and `grid_y`, which step through the cutouts of the image.

    Attributes
    ----------
    position_requested : Signal
        Emitted with `grid_x` and `grid_y` of the cutout to go to.
    """

    position_requested = Signal(int, int)

    def __init__(self) -> None:
        # The readout of a magicgui slider takes the keyboard focus when its text
        # changes.
        self.grid_x = Slider(tooltip="First column of the cutout", readout=False)
        self.grid_y = Slider(tooltip="First row of the cutout", readout=False)
        self._readouts = [Line(), Line()]
        for readout in self._readouts:
            fit_width(readout.native, "0000000")
        sliders = [
            row_of(Label(value=name), slider, readout)
            for name, slider, readout in zip(
                ("grid_x", "grid_y"),
                (self.grid_x, self.grid_y),
                self._readouts,
                strict=True,
            )
        ]
        super().__init__(widgets=sliders, labels=False)
        self.margins = (0, 0, 0, 0)
        self._listed: tuple[str, int] | None = None
        self._positions: npt.NDArray[np.int64] = np.empty((0, 2), dtype=np.int64)
        self.grid_x.changed.connect(self._request_position)
        self.grid_y.changed.connect(self._request_position)

    def show_position(self, session: ReviewSession) -> None:
        """Set the sliders to the current cutout; their steps are those of the grid."""
        cutout, table = session.current_cutout, session.predictions
        with self.grid_x.changed.blocked(), self.grid_y.changed.blocked():
            if self._listed != (cutout.image_name, id(session)):
                self._listed = (cutout.image_name, id(session))
                rows = session.cutout_index.cutouts_of(cutout.image_name)
                self._positions = np.column_stack(
                    [table.grid_x[rows], table.grid_y[rows]]
                )
                for slider, positions in zip(
                    (self.grid_x, self.grid_y), self._positions.T, strict=True
                ):
                    _fit(slider, positions, cutout.size)
            self.grid_x.value = cutout.grid_x
            self.grid_y.value = cutout.grid_y
        for readout, position in zip(self._readouts, cutout.key[1:], strict=True):
            readout.show_text(str(position))

    def _request_position(self) -> None:
        """Request the cutout nearest to the values of the sliders."""
        wanted = np.array([self.grid_x.value, self.grid_y.value])
        distances = np.abs(self._positions - wanted).sum(axis=1)
        x, y = self._positions[distances.argmin()]
        self.position_requested.emit(int(x), int(y))


def _fit(slider: Slider, positions: npt.NDArray[np.int64], size: int) -> None:
    """Set a slider's range and step to the positions of a grid.

    `size` is the side of a cutout, which is the step if there is only one position.
    """
    distinct = np.unique(positions)
    gaps = np.diff(distinct)
    first, last = int(distinct[0]), int(distinct[-1])
    # The range must always include the old value, so widen it before narrowing it.
    slider.min = min(first, slider.value)
    slider.max = max(last, slider.value, slider.min + 1)
    slider.value = first
    slider.min, slider.max = first, max(last, first + 1)
    slider.step = int(np.gcd.reduce(gaps)) if gaps.size else size
    for native in slider.native.findChildren(QSlider):
        native.setPageStep(slider.step)
    slider.enabled = bool(gaps.size)
