"""Find the size and the distance of a table's cutouts, or ask the user for them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from napari_artifact_review.core.errors import (
    ImageError,
    MappingNeededError,
    ReviewError,
)
from napari_artifact_review.core.grid import (
    DEFAULT_CUTOUT_SIZE,
    MIN_CUTOUT_SIZE,
    common_spacing,
    infer_cutout_size,
    overlap_anywhere,
)
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.tables.predictions import Predictions


class CutoutGrid(NamedTuple):
    """The size and the distance of a table's cutouts, in pixels.

    Attributes
    ----------
    size : int
        Side length of a cutout.
    stride : int
        Distance from one cutout to the next; less than the size if cutouts overlap.
    """

    size: int
    stride: int


def find_grid(
    table: Predictions, images: ImageFolder, given: int | None = None
) -> CutoutGrid:
    """Return the side length of the cutouts of a table, and their distance.

    A grid with a spacing of 200 px has cutouts of 200 px. With another spacing, cutouts
    have the size of the spacing only if the grid reaches a border of the first image:
    larger cutouts, which overlap, would end before it. If each image is one cutout, the
    first image determines the size.

    Parameters
    ----------
    table : Predictions
        The table.
    images : ImageFolder
        Folder of the full images. If the first image cannot be read, the spacing
        determines the size.
    given : int, optional
        Size that the user gave.

    Raises
    ------
    MappingNeededError
        If the user must give the size or the stride.
    ReviewError
        If the given size is not positive.
    """
    if given is not None and given < 1:
        raise ReviewError(f"a cutout size is a number of pixels from 1, not {given}")
    spacing = infer_cutout_size(table.grid_x, table.grid_y)
    _check_spacing(table, spacing, given)
    size = given or _infer_size(table, images, spacing)
    return CutoutGrid(size, spacing or size)


def _check_spacing(table: Predictions, spacing: int | None, given: int | None) -> None:
    """Raise an error if the positions may be tile numbers, or the size is unknown."""
    if given is None or table.mapping.stride is None:
        distance = tile_distance(table, spacing, given)
        if distance:
            raise ask_for_stride(table, distance)


def tile_distance(table: Predictions, spacing: int | None, size: int | None) -> str:
    """Return the distance of the cutouts as a text, if they may be tile numbers.

    Parameters
    ----------
    table : Predictions
        The table.
    spacing : int or None
        Distance of the cutouts on their grid, from `infer_cutout_size`.
    size : int or None
        Side length of a cutout in pixels; None if it is not known.

    Returns
    -------
    str
        The distance, such as "1 px"; empty if the positions are pixels.
    """
    if spacing is not None:
        return f"{spacing} px" if spacing < MIN_CUTOUT_SIZE else ""
    # Few tile numbers are no regular grid, but lie within one cutout.
    last = max(int(table.grid_x.max()), int(table.grid_y.max()))
    is_fine = 0 < last < (size or DEFAULT_CUTOUT_SIZE) and table.mapping.stride is None
    is_fine &= common_spacing(table.grid_x, table.grid_y) < MIN_CUTOUT_SIZE
    return "few pixels" if is_fine else ""


def ask_for_stride(table: Predictions, distance: str) -> MappingNeededError:
    """Return the error that asks what positions mean that may be tile numbers."""
    return _question(
        table,
        f"the cutouts are {distance} apart; grid_x and grid_y may be tile numbers",
        "Give the distance in pixels from one cutout to the next (stride) and the "
        "side of a cutout (cutout size)",
    )


def _infer_size(table: Predictions, images: ImageFolder, spacing: int | None) -> int:
    remedy = "Give the side of a cutout in pixels (cutout size)"
    if "grid_x" not in table.columns:
        shape = _shape_of_first_image(table, images)
        return DEFAULT_CUTOUT_SIZE if shape is None else max(shape)
    if spacing is None:
        positions = (table.image_index, table.grid_x, table.grid_y)
        if overlap_anywhere(*positions, DEFAULT_CUTOUT_SIZE):
            raise _question(
                table,
                "the positions are no regular grid, and cutouts of "
                f"{DEFAULT_CUTOUT_SIZE} px would overlap",
                remedy,
            )
        return DEFAULT_CUTOUT_SIZE
    if spacing != DEFAULT_CUTOUT_SIZE and _ends_before_borders(table, images, spacing):
        raise _question(
            table,
            f"the cutouts are {spacing} px apart, but cutouts of {spacing} px would "
            f"end before the borders of the image {table.image_names[0]}; larger "
            "cutouts may overlap",
            remedy,
        )
    return spacing


def _ends_before_borders(table: Predictions, images: ImageFolder, size: int) -> bool:
    """Return whether the grid leaves pixels at the right and the bottom border."""
    shape = _shape_of_first_image(table, images)
    if shape is None:
        return False
    last = (int(np.max(table.grid_y)), int(np.max(table.grid_x)))
    return all(at + size < length for at, length in zip(last, shape, strict=True))


def _shape_of_first_image(
    table: Predictions, images: ImageFolder
) -> tuple[int, int] | None:
    """Return the shape (rows, columns) of an image; None if it cannot be read."""
    try:
        image = images.read(table.image_names[0], sky=False)
    except ImageError:
        # The review reports this error when it shows the image.
        return None
    rows, columns = image.pixels.shape
    return rows, columns


def _question(table: Predictions, what: str, remedy: str) -> MappingNeededError:
    return MappingNeededError(what, path=table.path, remedy=remedy)
