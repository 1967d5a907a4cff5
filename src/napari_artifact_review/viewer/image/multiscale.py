"""What a layer of several scales has sliced, before a frame needs it."""

from __future__ import annotations

import numpy as np
from napari.layers import Image
from napari.layers.utils.layer_utils import (
    compute_multiscale_level_and_corners,
    expand_corners_to_chunk_boundaries,
)

from napari_artifact_review.viewer.camera import View


def slice_ahead(layer: Image, view: View) -> None:
    """Have a layer slice what comes into view, at the level that it is drawn at.

    napari does so while it draws a frame, and then draws another one to show it. What
    it would draw at another level is left to it.

    Parameters
    ----------
    layer : Image
        A layer of several scales, of two dimensions.
    view : View
        What will be in view in the next frame.
    """
    box = np.array([[view.top, view.left], [view.bottom, view.right]])
    canvas = np.rint((box[1] - box[0]) * view.zoom)
    level, corners = compute_multiscale_level_and_corners(
        np.array([np.floor(box[0]), np.ceil(box[1])]), canvas, layer.downsample_factors
    )
    if level != layer.data_level:
        return
    pixels = layer.data[level]
    corners = np.clip(corners, 0, np.subtract(pixels.shape, 1))
    first, last = expand_corners_to_chunk_boundaries(corners, pixels, (0, 1))
    shown = layer.corner_pixels
    is_sliced = (first >= shown[0]).all() and (last <= shown[1]).all()
    if not is_sliced and (first < last).all():
        layer.corner_pixels = np.array([first, last])
        layer.refresh(thumbnail=False, highlight=False, extent=False)
