"""The colours of texts: pale on dark pixels, dark on bright pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from napari.utils import Colormap

from napari_artifact_review.core.images.display import LEVELS
from napari_artifact_review.viewer.overlay.boxes import Array, Boxes

#: Positions of the sampled pixels under a text: rows and columns in screen pixels,
#: inwards from the corner of the box.
_ROWS, _COLUMNS = np.linspace(4, 18, 4), np.linspace(4, 38, 8)

#: Luminance above which texts are dark. Above 0.2, dark texts have more contrast than
#: pale texts. The limit is higher, because the sky in ZScale is near 0.2 and all texts
#: on the sky should have the same colour.
_BRIGHT = 0.3

#: Weights of red, green and blue in luminance.
_LUMINANCE_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])

#: Function that returns the screen's luminance, 0 to 1, at image rows and columns.
Luminance = Callable[[Array, Array], Array]


def text_colors(boxes: Boxes, corner: int, pixel: float, luminance: Luminance) -> Array:
    """Return the colour of each box's text, chosen by the luminance under the text.

    Parameters
    ----------
    boxes : Boxes
        The boxes.
    corner : int
        Index in `Boxes.corners` of the corner at which the texts are.
    pixel : float
        Size of a screen pixel in image pixels.
    luminance : callable
        Returns the screen's luminance, 0 to 1, at image rows and columns.

    Returns
    -------
    ndarray, shape (n, 4)
        Red, green, blue and opacity.
    """
    # "Inwards" means up from a bottom corner, and left from a right corner.
    down, right = (-1 if corner in (2, 3) else 1), (-1 if corner in (1, 2) else 1)
    rows, columns = boxes.corners[:, corner].T[:, :, None, None]
    under = luminance(
        rows + down * pixel * _ROWS[:, None], columns + right * pixel * _COLUMNS
    ).reshape(len(boxes.rows), _ROWS.size * _COLUMNS.size)
    # Use the median, so that a trail or a star under a text does not change the colour.
    are_bright = np.median(under, axis=1) > _BRIGHT
    return np.where(are_bright[:, None], boxes.inks, boxes.text_colors)


def luminance_of(levels: npt.ArrayLike, colormap: Colormap) -> Array:
    """Return the luminance (0 to 1) of grey levels (0 to 1) in a colormap."""
    colors = colormap.map(np.linspace(0, 1, LEVELS))[:, :3]
    # A screen's luminance is a power of its pixel values.
    luminances: Array = colors**2.2 @ _LUMINANCE_WEIGHTS
    known = np.clip(np.nan_to_num(levels), 0, 1)
    return luminances[np.rint(known * (LEVELS - 1)).astype(int)]
