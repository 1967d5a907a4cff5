"""Cutouts that look alike, by the direction of their descriptors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_artifact_review.core.learning.whitening import Whitening, known_rows

#: Number of principal components that are compared.
COMPONENTS = 32

#: Number of cutouts to project at once, so that the copies remain small.
_AT_ONCE = 65_536


class SimilarCutouts:
    """Search for cutouts that look like given ones.

    The descriptors are projected onto whitened principal components, and compared by
    the cosine of the angle between them. An exact search takes milliseconds, so that no
    index is needed.

    Parameters
    ----------
    descriptors : ndarray of float, shape (n, d)
        Descriptors of all cutouts of a table; rows with NaN are left out.
    """

    def __init__(self, descriptors: NDArray[Any]) -> None:
        self._rows = known_rows(descriptors)
        whitening = Whitening.fit(descriptors, COMPONENTS)
        self._vectors = np.empty((len(self._rows), COMPONENTS), np.float32)
        for start in range(0, len(self._rows), _AT_ONCE):
            part = self._rows[start : start + _AT_ONCE]
            vectors = whitening.project(descriptors[part])
            length = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors /= np.maximum(length, np.finfo(np.float32).tiny)
            self._vectors[start : start + len(part)] = vectors

    def nearest(
        self,
        rows: NDArray[np.int64],
        n: int,
        allowed: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the cutouts that are most similar to given ones.

        Parameters
        ----------
        rows : ndarray of int64, shape (q,)
            Rows to compare with. Several rows are compared by the mean of their unit
            vectors; rows without descriptors are ignored.
        n : int
            Most cutouts to return.
        allowed : ndarray of bool, shape (table length,), optional
            Mask of the cutouts that may be returned; all by default.

        Returns
        -------
        rows : ndarray of int64, shape (m,)
            Rows of the table, nearest first, without those of the query. It is empty if
            no row of the query has descriptors.
        similarity : ndarray of float32, shape (m,)
            Cosine of the angle between the vectors, from -1 to 1.
        """
        at = np.searchsorted(self._rows, rows)
        at = at[at < len(self._rows)]
        query = at[np.isin(self._rows[at], rows)]
        if not query.size:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        mean = self._vectors[query].mean(0)
        mean /= max(float(np.linalg.norm(mean)), np.finfo(np.float32).tiny)
        similarity = self._vectors @ mean
        if allowed is not None:
            similarity[~allowed[self._rows]] = -np.inf
        similarity[query] = -np.inf
        # Equal cutouts in the order of the table make the result unique.
        number = min(n, len(similarity))
        least = -np.partition(-similarity, number - 1)[number - 1] if number else np.inf
        best = np.flatnonzero((similarity >= least) & (similarity > -np.inf))
        best = best[np.argsort(-similarity[best], kind="stable")][:number]
        return self._rows[best], np.clip(similarity[best], -1, 1)
