"""The brightness of cutouts, from their full images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.folder import ImageFolder


def cutout_brightness(
    rows: pd.DataFrame, images: ImageFolder, size: int
) -> tuple[npt.NDArray[np.float64], list[ImageError]]:
    """Return the median pixel value of each cutout.

    Each image is read once, and one image at a time is in memory.

    Parameters
    ----------
    rows : DataFrame
        The cutouts, with the columns `image_name`, `grid_x` and `grid_y`.
    images : ImageFolder
        Folder of the full images.
    size : int
        Side length of a cutout in pixels.

    Returns
    -------
    brightness : ndarray of float64, shape (n,)
        NaN for a cutout outside its image, without any finite pixel, or of an image
        that cannot be read.
    faults : list of ImageError
        The images that cannot be read.
    """
    brightness = np.full(len(rows), np.nan)
    faults: list[ImageError] = []
    x, y = (rows[name].to_numpy(np.int64) for name in ("grid_x", "grid_y"))
    for name, positions in rows.groupby("image_name", sort=False).indices.items():
        try:
            pixels = images.read(str(name), sky=False).pixels
        except ImageError as error:
            faults.append(error)
            continue
        for i in np.asarray(positions).tolist():
            top, left = max(int(y[i]), 0), max(int(x[i]), 0)
            part = pixels[
                top : max(int(y[i]) + size, 0), left : max(int(x[i]) + size, 0)
            ]
            brightness[i] = _median(np.asarray(part, dtype=np.float64))
    return brightness, faults


def _median(pixels: npt.NDArray[np.float64]) -> float:
    pixels = pixels[np.isfinite(pixels)]
    return float(np.median(pixels)) if pixels.size else np.nan
