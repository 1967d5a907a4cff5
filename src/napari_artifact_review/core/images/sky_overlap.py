"""Overlap on the sky of a square of one image with squares of another image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from napari_artifact_review.core.decoders import decoding
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.fits import read_sky
from napari_artifact_review.core.images.image_names import SUPPORTED_NAME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_artifact_review.core.images.sky import SkyCoordinates

#: Number of points along a side of a square, whose shares measure the overlap.
_POINTS = 20


@dataclass(frozen=True, eq=False)
class SkyImage:
    """The position of an image on the sky.

    Attributes
    ----------
    sky : SkyCoordinates
        Sky coordinates of the pixels.
    centre : ndarray, shape (3,)
        Unit vector towards the centre of the image.
    radius : float
        Largest angle between the centre and a corner, in radians.
    """

    sky: SkyCoordinates
    centre: NDArray[np.float64]
    radius: float

    @classmethod
    def at(cls, path: Path, hdu: int | str | None = None) -> Self | None:
        """Read the position of an image from the header of its file.

        Return None if the file has no sky coordinates, or cannot be read. `hdu` is the
        index or name of an HDU; by default the first image.
        """
        name = SUPPORTED_NAME.fullmatch(path.name)
        if name is None or not name["fits"]:
            return None
        try:
            sky, (rows, columns) = read_sky(path, hdu)
            if sky is None:
                return None
            right, bottom = columns - 0.5, rows - 0.5
            corners = [(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)]
            middle = ((columns - 1) / 2, (rows - 1) / 2)
            with decoding(path):
                vectors = _vectors(sky.to_icrs(np.array([middle, *corners])))
        except ImageError:
            return None
        if not np.isfinite(vectors).all():
            return None
        return cls(sky, vectors[0], float(_angles(vectors[1:], vectors[0]).max()))

    def may_overlap(self, other: SkyImage) -> bool:
        """Return whether two images may overlap on the sky."""
        apart = float(_angles(self.centre[np.newaxis], other.centre)[0])
        return apart < self.radius + other.radius

    def overlaps(
        self,
        corner: tuple[int, int],
        side: int,
        other: SkyImage,
        corners: NDArray[np.int64],
        other_side: int,
    ) -> NDArray[np.float64]:
        """Return how much a square of this image overlaps squares of another image.

        Parameters
        ----------
        corner, side : tuple of int, int
            Top left pixel (column, row) and side length of the square.
        other : SkyImage
            The other image.
        corners : ndarray of int64, shape (n, 2)
            Top left pixels (column, row) of the other squares.
        other_side : int
            Their side length.

        Returns
        -------
        ndarray of float64, shape (n,)
            Overlap as a share of the larger of the two squares, from 0 to 1.
        """
        steps = (np.arange(_POINTS) + 0.5) / _POINTS
        grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        square = np.array([(0.0, 0.0), (1, 0), (1, 1), (0, 1)])
        # The edge of a pixel is half a pixel from its centre.
        pixels = np.array(corner) - 0.5 + side * np.concatenate([square, grid])
        with decoding(doing="no overlap on the sky"):
            radec = self.sky.to_icrs(pixels)
            if not np.isfinite(radec).all():
                return np.zeros(len(corners))
            there = other.sky.to_pixels(radec) + 0.5
        if not np.isfinite(there).all():
            return np.zeros(len(corners))
        area = _area(there[:4])
        inside = (there[4:] >= corners[:, np.newaxis]) & (
            there[4:] < corners[:, np.newaxis] + other_side
        )
        shares = inside.all(axis=2).mean(axis=1)
        return np.asarray(shares * area / max(area, other_side**2))


def _vectors(radec: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert right ascensions and declinations in degrees to unit vectors."""
    ra, dec = np.radians(radec).T
    flat = np.cos(dec)
    return np.column_stack([flat * np.cos(ra), flat * np.sin(ra), np.sin(dec)])


def _angles(
    vectors: NDArray[np.float64], other: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the angles between unit vectors and another one, in radians."""
    chords = np.linalg.norm(vectors - other, axis=1)
    return np.asarray(2 * np.arcsin(np.clip(chords / 2, 0, 1)))


def _area(corners: NDArray[np.float64]) -> float:
    """Return the area of a polygon."""
    x, y = corners.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
