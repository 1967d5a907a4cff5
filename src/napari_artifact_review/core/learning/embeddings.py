"""Embeddings of the cutouts of a table, from files of the user or of `describe`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.images.name_matching import FindFiles, no_files
from napari_artifact_review.core.learning.embedding_files import (
    EmbeddingBatch,
    EmbeddingFile,
    open_embeddings,
)
from napari_artifact_review.core.learning.image_matching import match_images
from napari_artifact_review.core.tables.predictions import Predictions
from napari_artifact_review.core.user_folders import absolute_path

#: Number of rows to hash at once.
_ROWS = 2**14


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Embeddings of the cutouts of a table.

    Attributes
    ----------
    vectors : ndarray of float16 or float32, shape (n, d)
        The embeddings in the order of the table's rows. A row is finite, or NaN where
        the cutout has none. The type is float16 if the file has that type, else
        float32, so that nothing of the usual types is lost.
    missing : int
        Number of rows without embeddings.
    unknown : int
        Number of cutouts in the file that are not in the table.
    digest : str
        SHA-256 of type, shape and numbers, in hexadecimal. It is the same for the same
        numbers, whatever file they are from.
    """

    vectors: NDArray[Any]
    missing: int
    unknown: int
    digest: str


def read_embeddings(
    place: str | Path,
    table: Predictions,
    find_files: FindFiles = no_files,
    cutout_size: int | None = None,
) -> Embeddings:
    """Read embeddings, and join them to the rows of a table by cutout.

    The file is read in batches: the result is in memory once.

    Parameters
    ----------
    place : path-like
        A Parquet file, or a folder of Parquet files such as that of `describe`, with
        `image_name`, `grid_x`, `grid_y`, and either one list column or a numeric column
        for each embedding; or an ``.npy`` file with an array of shape (n, d), beside a
        ``.csv`` file of the same stem with these three columns.
    table : Predictions
        The table.
    find_files : callable
        Returns the file of each of the image names that has exactly one.
    cutout_size : int, optional
        Side length of the table's cutouts in pixels. Descriptors of `describe` for
        another size are an error.

    Returns
    -------
    Embeddings
        One row for each row of the table. A row with a missing number counts as one
        without embeddings.

    Raises
    ------
    ReviewError
        If a file cannot be read or has no embeddings, they are not numeric or infinite,
        their number differs, a cutout has more than one row, the files are of different
        methods, or no cutout is in the table.
    """
    place = absolute_path(place)
    files = open_embeddings(place)
    names = dict.fromkeys(name for file in files for name in file.image_names())
    join = _Join(table, match_images(list(names), table, find_files), cutout_size)
    for file in files:
        for batch in file.batches():
            join.add(file, batch)
    return join.result(place)


class _Join:
    """Embeddings that are joined to the rows of a table, batch by batch."""

    def __init__(
        self, table: Predictions, images: Mapping[str, int], cutout_size: int | None
    ) -> None:
        self._rows = _RowFinder(table)
        self._images = images
        self._cutout_size = cutout_size
        self._is_known = np.zeros(len(table.grid_x), dtype=bool)
        self._vectors: NDArray[Any] | None = None
        self._first: EmbeddingFile | None = None
        self._unknown = 0

    def add(self, file: EmbeddingFile, batch: EmbeddingBatch) -> None:
        """Join a batch; see `read_embeddings` for the errors."""
        codes, names = pd.factorize(batch.image_name)
        images = np.array([self._images.get(name, -1) for name in names], np.int64)
        found = self._rows.find(images[codes], batch.grid_x, batch.grid_y)
        is_known = found >= 0
        rows = found[is_known]
        self._unknown += len(found) - len(rows)
        if not len(rows):
            return
        self._check_repeats(file, batch, found)
        vectors = self._prepare(file, batch.vectors.shape[1])
        # Numbers beyond float32 become infinite.
        with np.errstate(over="ignore"):
            numbers = batch.vectors[is_known].astype(vectors.dtype)
        infinite = np.flatnonzero(np.isinf(numbers).any(axis=1))
        if infinite.size:
            at = int(np.flatnonzero(is_known)[infinite[0]])
            raise ReviewError(
                "an embedding is infinite, or too large for 32 bits",
                path=file.path,
                where=_cutout(batch, at),
                remedy="Leave the cutout out, or correct its embeddings",
            )
        numbers[np.isnan(numbers).any(axis=1)] = np.nan
        vectors[rows] = numbers
        self._is_known[rows] = True

    def result(self, place: Path) -> Embeddings:
        """Return the embeddings; raise a ReviewError if there are none."""
        if self._vectors is None:
            raise ReviewError(
                f"none of its {self._unknown:,} cutouts is in the table",
                path=place,
                remedy="Check image_name, and that grid_x and grid_y are the top left "
                "pixels of the table's cutouts",
            )
        # Each row is finite, or NaN as a whole.
        missing = int(np.count_nonzero(np.isnan(self._vectors[:, 0])))
        digest = _digest(self._vectors)
        return Embeddings(self._vectors, missing, self._unknown, digest)

    def _prepare(self, file: EmbeddingFile, width: int) -> NDArray[Any]:
        """Return the array to fill, after a check of the file against the first one."""
        first, vectors = self._first, self._vectors
        if first is None or vectors is None:
            self._check_size(file)
            dtype = np.float16 if file.is_half else np.float32
            shape = (len(self._is_known), width)
            self._first, self._vectors = file, np.full(shape, np.nan, dtype)
            return self._vectors
        if file is first:
            return vectors
        what = None
        if width != vectors.shape[1]:
            what = f"it has {width:,} embeddings for a cutout, and {vectors.shape[1]:,}"
        elif file.is_half != first.is_half:
            what = "it has numbers of another type than there are"
        elif file.method != first.method:
            what = "its descriptors have another version or other options than those"
        if what is not None:
            raise ReviewError(
                f"{what} in {first.path.name}",
                path=file.path,
                remedy="Write all files of the folder with the same method, or remove "
                "those that are out of date",
            )
        return vectors

    def _check_size(self, file: EmbeddingFile) -> None:
        size = file.method.get("cutout_size")
        if None not in (size, self._cutout_size) and size != self._cutout_size:
            raise ReviewError(
                f"it describes cutouts of {size} px, and the table has cutouts of "
                f"{self._cutout_size} px",
                path=file.path,
                remedy=f"Run describe with --cutout-size {self._cutout_size}",
            )

    def _check_repeats(
        self, file: EmbeddingFile, batch: EmbeddingBatch, found: NDArray[np.int64]
    ) -> None:
        again = (found >= 0) & pd.Series(found).duplicated().to_numpy(bool)
        again[found >= 0] |= self._is_known[found[found >= 0]]
        if again.any():
            raise ReviewError(
                "the cutout has more than one row of embeddings",
                path=file.path,
                where=_cutout(batch, int(again.argmax())),
                remedy="Keep one row for each cutout",
            )


class _RowFinder:
    """The rows of a table by image and position, for many cutouts at once."""

    def __init__(self, table: Predictions) -> None:
        self._x, self._y = np.unique(table.grid_x), np.unique(table.grid_y)
        corners = self._corners(table.grid_x, table.grid_y)
        self._known = np.unique(corners)
        keys = self._keys(table.image_index, corners)
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]

    def find(
        self,
        image: NDArray[np.int64],
        grid_x: NDArray[np.int64],
        grid_y: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Return the row of each cutout, shape (n,); -1 if it is not in the table.

        Parameters
        ----------
        image, grid_x, grid_y : ndarray of int64, shape (n,)
            Index of the image, -1 for an image that is not in the table, and position.
        """
        keys = self._keys(image, self._corners(grid_x, grid_y))
        at = _codes(self._sorted, keys)
        return np.where(at >= 0, self._order[at], -1)

    def _corners(
        self, grid_x: NDArray[np.int64], grid_y: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return a number for each position; -1 if no cutout has its x or its y."""
        x, y = _codes(self._x, grid_x), _codes(self._y, grid_y)
        return np.where((x >= 0) & (y >= 0), x * len(self._y) + y, -1)

    def _keys(
        self, image: NDArray[np.int64], corners: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return a number for each cutout; -1 if it cannot be in the table."""
        # Codes of positions that exist keep the product small.
        corner = _codes(self._known, corners)
        is_known = (image >= 0) & (corner >= 0)
        return np.where(is_known, image * len(self._known) + corner, -1)


def _codes(known: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of each value in a sorted array; -1 if it is not there."""
    at = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[at] == values, at, -1)


def _cutout(batch: EmbeddingBatch, at: int) -> str:
    x, y = batch.grid_x[at], batch.grid_y[at]
    return f"cutout {batch.image_name[at]} ({x}, {y})"


def _digest(vectors: NDArray[Any]) -> str:
    dtype = vectors.dtype.newbyteorder("<")
    digest = hashlib.sha256(f"{dtype.str} {vectors.shape}".encode())
    for first in range(0, len(vectors), _ROWS):
        block = np.ascontiguousarray(vectors[first : first + _ROWS], dtype)
        digest.update(block.data)
    return digest.hexdigest()
