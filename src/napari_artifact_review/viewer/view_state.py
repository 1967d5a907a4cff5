"""What the canvas shows of the current cutout, and what the viewer waits for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from napari_artifact_review.core.errors import ImageError

#: A phase as the dock sees it.
ViewName = Literal["loading", "shown", "failed", "covered"]


class Phase(Enum):
    """A phase of the view.

    Attributes
    ----------
    LOADING_SILENTLY
        The image is read. Canvas and dock still show the previous cutout.
    LOADING_ANNOUNCED
        The image is read. The layers are hidden, and the dock names the image.
    DRAWING
        The image has been read, and its layers change. No step draws on its own.
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
    """The phase of a view, and whether a verdict waits for its image.

    Attributes
    ----------
    phase : Phase
        The phase.
    waits_for_image : bool
        Whether a verdict was refused because its image is not drawn yet. Until it is,
        the reviewer stays at the cutout, which they would otherwise skip.
    arrivals : int
        How many images have been shown or have failed.
    error : ImageError or None
        Why the image failed, in the phase `FAILED`.
    """

    def __init__(self) -> None:
        # Before the first image there is nothing else to show.
        self.phase = Phase.LOADING_ANNOUNCED
        self.waits_for_image = False
        self.arrivals = 0
        self.error: ImageError | None = None

    @property
    def name(self) -> ViewName:
        """The phase as the dock sees it."""
        return _NAMES.get(self.phase, "loading")

    def enter(self, phase: Phase, error: ImageError | None = None) -> None:
        """Enter a phase, in which no verdict waits yet."""
        self.phase, self.waits_for_image, self.error = phase, False, error
        self.arrivals += phase in (Phase.SHOWN, Phase.FAILED)

    def announce(self) -> None:
        """Go on to load an image, but no longer silently; a verdict still waits."""
        self.phase = Phase.LOADING_ANNOUNCED


@dataclass
class Delays:
    """Seconds that the viewer waits, by what it waits for.

    Attributes
    ----------
    loading_notice : float
        For an image, until the reviewer is told that it is read. Until then the
        previous image, and the dock that describes it, stay.
    zoom_end : float
        For the end of a zoom, until lines and texts are fitted to it. Meanwhile they
        grow and shrink with the image.
    first_frame : float
        For the frame with a new image, until napari's list of layers and other
        listeners get its events.
    rest_in_gallery : float
        For the reviewer to rest at a cutout of the gallery, until its image is read.
    tile_check : float
        For tiles, until it is checked again whether they are read.
    """

    loading_notice: float = 0.25
    zoom_end: float = 0.25
    first_frame: float = 0.3
    rest_in_gallery: float = 0.2
    tile_check: float = 0.05
