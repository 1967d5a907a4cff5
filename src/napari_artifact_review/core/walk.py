"""The order in which a review walks through the cutouts: image by image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.predictions import Predictions


class Walk:
    """Look-ups in the table that cost the same however long it is.

    Images follow in the order in which the table first names them, the cutouts of
    an image in the table's order.

    Parameters
    ----------
    predictions : Predictions
        The table.
    is_error : ndarray of bool, shape (n,)
        Which of its rows are errors.
    """

    def __init__(
        self, predictions: Predictions, is_error: npt.NDArray[np.bool_]
    ) -> None:
        self._predictions = predictions
        index = predictions.image_index
        self._order = np.argsort(index, kind="stable")
        self._rank = np.empty_like(self._order)
        self._rank[self._order] = np.arange(len(index))
        count = len(predictions.image_names)
        self._bounds = np.searchsorted(index[self._order], np.arange(count + 1))
        self._error_ranks = np.flatnonzero(is_error[self._order])
        self._image = {name: i for i, name in enumerate(predictions.image_names)}
        self._row_of_error = {
            int(predictions.error_id[row]): int(row) for row in np.flatnonzero(is_error)
        }
        self._positions: tuple[str, dict[tuple[int, int], int]] = ("", {})

    @property
    def errors(self) -> npt.NDArray[np.int64]:
        """Rows of all errors, in walking order."""
        return self._order[self._error_ranks]

    def cutouts_of(self, image_name: str) -> npt.NDArray[np.int64]:
        """Return the rows of an image's cutouts; raise KeyError if it has none."""
        begin, end = self._span(image_name)
        return self._order[begin:end]

    def __contains__(self, key: CutoutKey) -> bool:
        """Tell whether a cutout is in the table."""
        try:
            self.row_of(key)
        except KeyError:
            return False
        return True

    def errors_of(self, image_name: str) -> npt.NDArray[np.int64]:
        """Return the rows of an image's errors; raise KeyError if it has no cutout."""
        begin, end = np.searchsorted(self._error_ranks, self._span(image_name))
        return self._order[self._error_ranks[begin:end]]

    def row_of_error(self, error_id: int) -> int:
        """Return the row of an error; raise KeyError if there is none."""
        return self._row_of_error[error_id]

    def key_of(self, row: int) -> CutoutKey:
        """Return what the cutout in a row is known by."""
        table = self._predictions
        return CutoutKey(
            self.image_of(row),
            int(table.grid_x[row]),
            int(table.grid_y[row]),
        )

    def row_of(self, key: CutoutKey) -> int:
        """Return the row of a cutout; raise KeyError if it is not in the table."""
        if self._positions[0] != key.image_name:
            rows = self.cutouts_of(key.image_name)
            x, y = self._predictions.grid_x[rows], self._predictions.grid_y[rows]
            at = zip(x.tolist(), y.tolist(), strict=True)
            self._positions = (
                key.image_name,
                dict(zip(at, rows.tolist(), strict=True)),
            )
        return self._positions[1][key.grid_x, key.grid_y]

    def row_at(self, image_name: str, x: int, y: int, size: int) -> int | None:
        """Return the row of the cutout of `size` pixels that a pixel lies in, or None.

        Where cutouts overlap, the one whose centre is nearest.
        """
        rows = self.cutouts_of(image_name)
        across = x - self._predictions.grid_x[rows]
        down = y - self._predictions.grid_y[rows]
        inside = (across >= 0) & (across < size) & (down >= 0) & (down < size)
        if not inside.any():
            return None
        distance = np.hypot(across - size / 2, down - size / 2)
        return int(rows[np.where(inside, distance, np.inf).argmin()])

    def error_after(self, row: int) -> int | None:
        """Return the row of the nearest error after `row`, or None."""
        at = int(np.searchsorted(self._error_ranks, self._rank[row], side="right"))
        return self._error_at(at)

    def error_before(self, row: int) -> int | None:
        """Return the row of the nearest error before `row`, or None."""
        at = int(np.searchsorted(self._error_ranks, self._rank[row], side="left"))
        return self._error_at(at - 1)

    def place_of(self, row: int) -> int | None:
        """Return the place of an error among all, from 1; None if it is none."""
        at = int(np.searchsorted(self._error_ranks, self._rank[row]))
        return at + 1 if self._error_at(at) == row else None

    def image_of(self, row: int) -> str:
        """Return the image of the cutout in a row."""
        names: tuple[str, ...] = self._predictions.image_names
        return names[int(self._predictions.image_index[row])]

    def image_after(self, image_name: str) -> str | None:
        """Return the next image with an error, or None."""
        after = np.searchsorted(self._error_ranks, self._span(image_name)[1])
        row = self._error_at(int(after))
        return None if row is None else self.image_of(row)

    def image_before(self, image_name: str) -> str | None:
        """Return the nearest image before this one that has an error, or None."""
        first = np.searchsorted(self._error_ranks, self._span(image_name)[0])
        row = self._error_at(int(first) - 1)
        return None if row is None else self.image_of(row)

    @property
    def error_counts(self) -> npt.NDArray[np.int64]:
        """Number of errors of each image, in the order of their names."""
        return np.diff(np.searchsorted(self._error_ranks, self._bounds))

    def place_of_image(self, image_name: str) -> int:
        """Return the place of an image among all, from 0; KeyError if it has none."""
        return self._image[image_name]

    def place_in_image(self, row: int) -> int | None:
        """Return the place of an error in its image, from 0; None if it is none."""
        place = self.place_of(row)
        if place is None:
            return None
        first, _ = self._span(self.image_of(row))
        return place - 1 - int(np.searchsorted(self._error_ranks, first))

    def _error_at(self, at: int) -> int | None:
        if 0 <= at < len(self._error_ranks):
            return int(self._order[self._error_ranks[at]])
        return None

    def _span(self, image_name: str) -> tuple[int, int]:
        i = self._image[image_name]
        return int(self._bounds[i]), int(self._bounds[i + 1])
