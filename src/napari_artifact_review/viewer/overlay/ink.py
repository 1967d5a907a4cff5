"""The colours of texts: pale on dark pixels, dark on bright ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from napari.utils import Colormap

from napari_artifact_review.core.images.display import LEVELS
from napari_artifact_review.viewer.overlay.boxes import Array, Boxes

#: Where under a text the image is looked at: rows and columns of the screen from the
#: corner of its box inwards.
_ROWS, _COLUMNS = np.linspace(4, 18, 4), np.linspace(4, 38, 8)

#: From this luminance on texts are dark. From 0.2 on they have as much contrast as pale
#: ones; a sky in ZScale is about there, and all its texts are to look alike.
_BRIGHT = 0.3

#: How much of red, green and blue light an eye takes for bright.
_EYE = np.array([0.2126, 0.7152, 0.0722])

#: Gives for rows and columns of the image how bright it is shown there, from 0 to 1.
Luminance = Callable[[Array, Array], Array]


def text_colors(boxes: Boxes, corner: int, pixel: float, luminance: Luminance) -> Array:
    """Return the colour of a text in each box by how bright the image is under it.

    Parameters
    ----------
    boxes : Boxes
        The boxes.
    corner : int
        At which of a box's `corners` the text stands, inside.
    pixel : float
        Size of a pixel of the screen, in pixels of the image.
    luminance : callable
        See `Luminance`.

    Returns
    -------
    ndarray, shape (n, 4)
        Red, green, blue and opacity.
    """
    # From a corner at the bottom inwards is up, from one at the right to the left.
    down, right = (-1 if corner in (2, 3) else 1), (-1 if corner in (1, 2) else 1)
    rows, columns = boxes.corners[:, corner].T[:, :, None, None]
    under = luminance(
        rows + down * pixel * _ROWS[:, None], columns + right * pixel * _COLUMNS
    ).reshape(len(boxes.rows), _ROWS.size * _COLUMNS.size)
    # A trail across a text, or a star beside it, is not what it stands on.
    are_bright = np.median(under, axis=1) > _BRIGHT
    return np.where(are_bright[:, None], boxes.inks, boxes.text_colors)


def luminance_of(levels: npt.ArrayLike, colormap: Colormap) -> Array:
    """Return how bright levels from 0 to 1 are in a colormap: 0 black, 1 white."""
    colors = colormap.map(np.linspace(0, 1, LEVELS))[:, :3]
    # A screen's light grows with a power of its values.
    shades: Array = colors**2.2 @ _EYE
    known = np.clip(np.nan_to_num(levels), 0, 1)
    return shades[np.rint(known * (LEVELS - 1)).astype(int)]
