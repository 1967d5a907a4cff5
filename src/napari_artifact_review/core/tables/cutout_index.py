"""Index of the cutouts, images and errors in a predictions table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.tables.predictions import Predictions


class CutoutIndex:
    """An index for fast look-up of cutouts by image, position or error id.

    Parameters
    ----------
    predictions : Predictions
        The table.
    """

    def __init__(self, predictions: Predictions) -> None:
        self._predictions = predictions
        index = predictions.image_index
        self._order = np.argsort(index, kind="stable")
        count = len(predictions.image_names)
        self._bounds = np.searchsorted(index[self._order], np.arange(count + 1))
        self._image = {name: i for i, name in enumerate(predictions.image_names)}
        for alias, name in predictions.aliases.items():
            self._image[alias] = self._image[name]
        self._row_of_error = {
            int(predictions.error_id[row]): int(row)
            for row in np.flatnonzero(predictions.error_id)
        }
        # Image of the last look-up, and rows of its cutouts, by top left pixel.
        self._last: tuple[str, dict[tuple[int, int], int]] = ("", {})

    def cutouts_of(self, image_name: str) -> npt.NDArray[np.int64]:
        """Return the rows of an image's cutouts, in table order.

        Raises
        ------
        KeyError
            If the image is not in the table.
        """
        begin, end = self._span(image_name)
        return self._order[begin:end]

    def __contains__(self, key: CutoutKey) -> bool:
        """Return whether a cutout is in the table."""
        try:
            self.row_of(key)
        except KeyError:
            return False
        return True

    def row_of_error(self, error_id: int) -> int:
        """Return the row of an error; raise a KeyError if the id does not exist."""
        return self._row_of_error[error_id]

    def key_of(self, row: int) -> CutoutKey:
        """Return the key of the cutout in a row."""
        table = self._predictions
        return CutoutKey(
            self.image_of(row),
            int(table.grid_x[row]),
            int(table.grid_y[row]),
        )

    def row_of(self, key: CutoutKey) -> int:
        """Return the row of a cutout; raise a KeyError if it is not in the table."""
        if self._last[0] != key.image_name:
            rows = self.cutouts_of(key.image_name)
            x, y = self._predictions.grid_x[rows], self._predictions.grid_y[rows]
            corners = zip(x.tolist(), y.tolist(), strict=True)
            self._last = (
                key.image_name,
                dict(zip(corners, rows.tolist(), strict=True)),
            )
        return self._last[1][key.grid_x, key.grid_y]

    def row_at(self, image_name: str, x: int, y: int, size: int) -> int | None:
        """Return the row of the cutout that contains a pixel; None if there is none.

        If cutouts overlap, the cutout with the nearest centre is chosen.

        Parameters
        ----------
        image_name : str
            Name of the image.
        x, y : int
            Column and row of the pixel.
        size : int
            Side length of the cutouts in pixels.
        """
        rows = self.cutouts_of(image_name)
        across = x - self._predictions.grid_x[rows]
        down = y - self._predictions.grid_y[rows]
        inside = (across >= 0) & (across < size) & (down >= 0) & (down < size)
        if not inside.any():
            return None
        distance = np.hypot(across - size / 2, down - size / 2)
        return int(rows[np.where(inside, distance, np.inf).argmin()])

    def neighbour_of(self, row: int, across: int, down: int, size: int) -> int | None:
        """Return the row of the nearest cutout in a direction; None if there is none.

        Parameters
        ----------
        row : int
            Row of the cutout from which to search.
        across, down : int
            Direction: each is -1, 0 or 1, and exactly one is 0.
        size : int
            Side length of the cutouts in pixels. A cutout with a sideways offset of
            more than half a side is ignored.
        """
        table, rows = self._predictions, self.cutouts_of(self.image_of(row))
        steps = np.stack(
            [
                table.grid_x[rows] - table.grid_x[row],
                table.grid_y[rows] - table.grid_y[row],
            ]
        )
        forward = np.array([across, down]) @ steps
        sideways = np.abs(np.array([down, across]) @ steps)
        ahead = (forward > 0) & (2 * sideways <= size)
        if not ahead.any():
            return None
        # Sort by distance, and then by sideways offset.
        order = np.lexsort((sideways[ahead], forward[ahead]))
        return int(rows[ahead][order[0]])

    def rows_between(
        self, image_name: str, first: int, last: int, size: int
    ) -> list[int]:
        """Return the table rows of the cutouts on a straight line between two cutouts.

        Parameters
        ----------
        image_name : str
            Name of the image.
        first, last : int
            Table rows of the two cutouts, which begin and end the result.
        size : int
            Side length of the cutouts in pixels.
        """
        table = self._predictions
        ends = [
            np.array([table.grid_x[row], table.grid_y[row]], dtype=float) + size / 2
            for row in (first, last)
        ]
        # With eight steps per cutout, the line finds every cutout that it crosses over
        # at least an eighth of the side.
        steps = max(1, int(8 * np.abs(ends[1] - ends[0]).max() / size))
        found = [first]
        for part in np.linspace(0, 1, steps + 1):
            x, y = ends[0] + part * (ends[1] - ends[0])
            row = self.row_at(image_name, int(x), int(y), size)
            if row is not None and row != found[-1]:
                found.append(row)
        return [*dict.fromkeys([*found, last])]

    def rows_in(
        self,
        image_name: str,
        left: float,
        top: float,
        right: float,
        bottom: float,
        size: int,
    ) -> list[int]:
        """Return the rows of an image's cutouts that overlap a rectangle of pixels."""
        rows = self.cutouts_of(image_name)
        x, y = self._predictions.grid_x[rows], self._predictions.grid_y[rows]
        # Subtract the size, because adding it to a position could exceed 64 bits.
        touched = (x <= right) & (x > left - size) & (y <= bottom) & (y > top - size)
        return [int(row) for row in rows[touched]]

    def image_of(self, row: int) -> str:
        """Return the name of the image of the cutout in a row."""
        names: tuple[str, ...] = self._predictions.image_names
        return names[int(self._predictions.image_index[row])]

    def position_of_image(self, image_name: str) -> int:
        """Return the index of an image; raise a KeyError if it does not exist."""
        return self._image[image_name]

    def _span(self, image_name: str) -> tuple[int, int]:
        i = self._image[image_name]
        return int(self._bounds[i]), int(self._bounds[i + 1])
