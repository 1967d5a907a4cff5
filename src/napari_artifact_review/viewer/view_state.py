"""The phases of the view, and the viewer's delays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from napari_artifact_review.core.errors import ImageError

#: Names of the phases for the dock, which treats some phases alike.
ViewName = Literal["loading", "shown", "failed", "covered"]


class Phase(Enum):
    """A phase of the view.

    Attributes
    ----------
    LOADING_SILENTLY
        The image is being read. Canvas and dock still show the previous cutout.
    LOADING_ANNOUNCED
        The image is being read. The layers are hidden, and the dock names the image.
    DRAWING
        The image has been read, and its layers are changing. In this phase, camera
        moves do not redraw the overlay.
    SHOWN
        The current cutout is on the canvas.
    FAILED
        The image cannot be read.
    COVERED
        The gallery is in front of the canvas, and nothing is drawn.
    """

    LOADING_SILENTLY = auto()
    LOADING_ANNOUNCED = auto()
    DRAWING = auto()
    SHOWN = auto()
    FAILED = auto()
    COVERED = auto()


_NAMES: dict[Phase, ViewName] = {
    Phase.SHOWN: "shown",
    Phase.FAILED: "failed",
    Phase.COVERED: "covered",
}


class ViewState:
    """The state of the view: its phase, its error, and whether a verdict was refused.

    Attributes
    ----------
    phase : Phase
        The current phase.
    waits_for_image : bool
        Whether a verdict was refused because the current cutout is not drawn yet. If
        so, the reviewer cannot go to the next cutout and skip this one by mistake.
    arrivals : int
        Number of images that have been shown or have failed.
    error : ImageError or None
        The image's error in the phase `FAILED`.
    """

    def __init__(self) -> None:
        # Before the first image, there is no previous image to show.
        self.phase = Phase.LOADING_ANNOUNCED
        self.waits_for_image = False
        self.arrivals = 0
        self.error: ImageError | None = None

    @property
    def name(self) -> ViewName:
        """The name of the phase for the dock."""
        return _NAMES.get(self.phase, "loading")

    def enter(self, phase: Phase, error: ImageError | None = None) -> None:
        """Enter a phase, and reset `waits_for_image`."""
        self.phase, self.waits_for_image, self.error = phase, False, error
        self.arrivals += phase in (Phase.SHOWN, Phase.FAILED)

    def announce(self) -> None:
        """Enter the phase `LOADING_ANNOUNCED` without changing `waits_for_image`."""
        self.phase = Phase.LOADING_ANNOUNCED


@dataclass
class Delays:
    """The viewer's delays, in seconds.

    Attributes
    ----------
    loading_notice : float
        Time from the request of an image until the dock announces the request. Until
        then, canvas and dock show the previous image.
    zoom_end : float
        Time from the last zoom until lines and texts are adjusted to the zoom. Until
        then, they scale with the image.
    first_frame : float
        Time from a new image until its postponed events are emitted to napari's layer
        list and other listeners.
    rest_in_gallery : float
        Time from a move in the gallery until the current cutout's image is read.
    tile_check : float
        Time between checks whether tiles have been read.
    file_check : float
        Maximum time between checks whether the file of the image on the screen has
        changed.
    """

    loading_notice: float = 0.25
    zoom_end: float = 0.25
    first_frame: float = 0.3
    rest_in_gallery: float = 0.2
    tile_check: float = 0.05
    file_check: float = 3.0
