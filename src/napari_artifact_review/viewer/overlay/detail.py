"""The level of detail, which determines the cutouts that are drawn in a view."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.cutout import Cutouts
from napari_artifact_review.viewer.camera import View
from napari_artifact_review.viewer.overlay.boxes import are_marked
from napari_artifact_review.viewer.style import STYLE

#: Maximum number of boxes for which all boxes of an image are drawn. napari creates a
#: Python object for each box.
_MOST_BOXES = 120
#: Approximate number of boxes that are drawn if an image has more boxes. These boxes
#: are in or near the current view, and in the next views.
_FEW_BOXES = 40

_EVERYWHERE = View(-np.inf, -np.inf, np.inf, np.inf, 1.0)
_NOWHERE = View(np.inf, np.inf, -np.inf, -np.inf, 1.0)


class Detail(NamedTuple):
    """The level of detail in which a view is drawn.

    Attributes
    ----------
    fade : float
        Fade from boxes to map: 0 for boxes only, 1 for the map only.
    are_texts_legible : bool
        Whether cutouts are large enough on the screen for their texts.
    needs_boxes, needs_texts : bool
        Whether some boxes, or some texts, in view are not drawn yet.
    """

    fade: float
    are_texts_legible: bool
    needs_boxes: bool
    needs_texts: bool


class LevelOfDetail:
    """A selector of the marked cutouts to draw in a view.

    Parameters
    ----------
    ahead : callable
        Returns the views of the next cutouts, in the order of the queue.

    Attributes
    ----------
    marked : Cutouts or None
        The cutouts with a box or a pixel of the map; None before the first image.
    regions : list of View
        The parts of the image whose boxes are drawn.
    text_region : View
        The part of the image whose texts are drawn.
    """

    def __init__(self, ahead: Callable[[], Iterable[View]]) -> None:
        self._ahead = ahead
        self.marked: Cutouts | None = None
        self.regions: list[View] = []
        self.text_region = _NOWHERE

    def reset(self) -> None:
        """Clear the drawn regions before another image is drawn."""
        self.regions, self.text_region = [], _NOWHERE

    def set_cutouts(self, cutouts: Cutouts) -> None:
        """Set `marked` to the marked cutouts among all cutouts of the image."""
        self.marked = cutouts.take(are_marked(cutouts))

    def of(self, view: View, marked: Cutouts) -> Detail:
        """Return the detail of a view, and change the drawn regions to include it."""
        side, few = marked.size * view.zoom, len(marked) <= _MOST_BOXES
        # If there are many boxes, the map replaces them before too many are in view.
        lowest = STYLE.smallest_box if few else STYLE.smallest_labelled_cutout / 1.5
        fade = float(np.clip(3 - 2 * side / lowest, 0, 1))
        is_legible = side >= STYLE.smallest_labelled_cutout
        needs_texts = is_legible and not self.text_region.contains(view)
        if needs_texts:
            # Draw a few texts all at once, so that later moves need no new texts.
            self.text_region = _EVERYWHERE if few else view.grown(0.5)
        needs_boxes = fade < 1 and not any(x.contains(view) for x in self.regions)
        if needs_boxes:
            self.regions = [_EVERYWHERE] if few else self._around(view, marked)
        return Detail(fade, is_legible, needs_boxes, needs_texts)

    def drawn(self, cutouts: Cutouts) -> Cutouts:
        """Return the cutouts that overlap the drawn regions."""
        return cutouts.take(_in_views(cutouts, self.regions))

    def _around(self, view: View, marked: Cutouts) -> list[View]:
        """Return regions with few boxes: a view with a margin, and the next views."""
        for margin in (1.0, 0.5, 0.25):
            regions = [view.grown(margin)]
            near = _in_views(marked, regions)
            if np.count_nonzero(near) <= _FEW_BOXES:
                break
        for other in self._ahead():
            near |= _in_views(marked, [other])
            if np.count_nonzero(near) > _FEW_BOXES:
                break
            regions.append(other)
        return regions


def _in_views(cutouts: Cutouts, views: Sequence[View]) -> npt.NDArray[np.bool_]:
    """Return the mask of cutouts that overlap any of the views."""
    x, y, size = cutouts.grid_x, cutouts.grid_y, cutouts.size
    inside = np.zeros(len(cutouts), dtype=bool)
    for view in views:
        inside |= (
            (y + size >= view.top)
            & (y <= view.bottom)
            & (x + size >= view.left)
            & (x <= view.right)
        )
    return inside
