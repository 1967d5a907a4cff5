"""Small pictures of cutouts, read from their images."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.display import Brightness, Display
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.full_image import FullImage
from napari_artifact_review.core.images import ImageFolder, read_image
from napari_artifact_review.core.stretch import render


class CutoutReader:
    """Reads cutouts one after another; used from one thread.

    The last image is kept: who asks for cutouts image by image reads each image once.

    Parameters
    ----------
    images : ImageFolder
        Where the images are.
    """

    def __init__(self, images: ImageFolder) -> None:
        self._images = images
        self._name = ""
        self._full: FullImage | None = None

    def pixels(self, cutout: Cutout) -> npt.NDArray[Any]:
        """Return the pixels of a cutout, as far as it is on its image.

        Returns
        -------
        ndarray
            Shape (rows, columns), at most the side of a cutout each.

        Raises
        ------
        ImageError
            If the image cannot be read, or the cutout lies wholly outside of it.
        """
        if self._full is None or cutout.image_name != self._name:
            self._full = None
            self._full = read_image(self._images.find(cutout.image_name))
            self._name = cutout.image_name
        rows, columns = (
            slice(max(start, 0), max(start + cutout.size, 0))
            for start in (cutout.grid_y, cutout.grid_x)
        )
        pixels = np.asarray(self._full.pixels[rows, columns])
        if not pixels.size:
            raise ImageError(
                f"the cutout ({cutout.grid_x}, {cutout.grid_y}) lies wholly outside "
                "the image",
                path=self._full.path,
                remedy="Check grid_x and grid_y in the table",
            )
        return pixels

    def picture(
        self, cutout: Cutout, display: Display | None = None
    ) -> npt.NDArray[np.uint8]:
        """Return a picture of a cutout, with limits of its own.

        Parameters
        ----------
        cutout : Cutout
            Which one.
        display : Display, optional
            How its pixels look; by default ZScale.

        Returns
        -------
        ndarray of uint8
            Shape (rows, columns, 3).

        Raises
        ------
        ImageError
            As for `pixels`.
        """
        pixels = self.pixels(cutout)
        return render(pixels, display or Display(), Brightness.of(pixels))
