"""Functions that check and request the tiles in view."""

from __future__ import annotations

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.tiled.tiles import TiledImage
from napari_artifact_review.viewer.camera import View


def are_read(tiles: TiledImage, level: int, cutout: Cutout, view: View) -> bool:
    """Return whether the visible part of a cutout has been read at a level of detail.

    Until the part has been read, coarser pixels are drawn. Level 0 is the finest.
    """
    parts = (
        (cutout.grid_y, view.top, view.bottom),
        (cutout.grid_x, view.left, view.right),
    )
    rows, columns = (
        slice(
            int(max(start, first, 0)) >> level,
            -(-int(min(start + cutout.size, last + 1)) >> level),
        )
        for start, first, last in parts
    )
    return tiles.has(level, rows, columns)


def prefetch(tiles: TiledImage, view: View) -> None:
    """Request the tiles of a view in full detail, without waiting."""
    tiles.prefetch(
        0,
        slice(int(view.top), int(view.bottom) + 1),
        slice(int(view.left), int(view.right) + 1),
    )
