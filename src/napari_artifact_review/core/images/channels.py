"""One plane of grey from stacks of planes and from colour images."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from napari_artifact_review.core.decoders import Pixels
from napari_artifact_review.core.images.full_image import plane_notes

#: Pixels of one plane, and messages for the user.
Plane: TypeAlias = tuple[Pixels, tuple[str, ...]]

# Weights of red, green and blue: ITU-R BT.601-7, section 2.5.1.
_LUMA = (0.299, 0.587, 0.114)


def first_plane(values: Pixels) -> Plane:
    """Return the first plane of a stack, and messages.

    Parameters
    ----------
    values : ndarray
        Pixels, shape (..., rows, columns).
    """
    if values.ndim < 3 or not values.size:
        return values, ()
    return values[(0,) * (values.ndim - 2)], plane_notes(values.shape)


def first_channel(values: Pixels) -> Plane:
    """Return the first of several channels that are no colours, and a message.

    Parameters
    ----------
    values : ndarray
        Pixels, shape (rows, columns, channels).
    """
    return values[..., 0], (f"first channel of {values.shape[-1]}",)


def grey(values: Pixels) -> Plane:
    """Convert a colour image to grey, and add a message.

    Parameters
    ----------
    values : ndarray
        Pixels, shape (rows, columns, channels): red, green and blue, perhaps with
        transparency. Of another number of channels, the first is returned.
    """
    if values.shape[-1] not in (3, 4):
        # The image is grey with transparency, or has other channels than RGB.
        return first_channel(values)
    # Use float32 for integers of up to 16 bits, and float64 for larger ones.
    wide = np.result_type(values.dtype, np.float32)
    # In place, because each copy of a large image takes a gigabyte.
    luma = values[..., 0] * wide.type(_LUMA[0])
    for channel, weight in enumerate(_LUMA[1:], 1):
        luma += values[..., channel] * wide.type(weight)
    if values.dtype.kind in "ui":
        np.rint(luma, out=luma)
    note = "colour image shown as grey (ITU-R BT.601 luma)"
    return luma.astype(values.dtype), (note,)
