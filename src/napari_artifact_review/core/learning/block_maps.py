"""Maps of a fixed number of blocks, so that cutouts of any size are comparable."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]


def block_means(cutouts: Floats, blocks: int) -> Floats:
    """Average cutouts over square blocks.

    Blocks may share pixels: each pixel counts with the area that it has in a block.

    Parameters
    ----------
    cutouts : ndarray of float32, shape (n, size, size)
        Finite pixels.
    blocks : int
        Number of blocks along each axis; it may exceed the size.

    Returns
    -------
    ndarray of float32, shape (n, blocks, blocks)
        Mean of each block.
    """
    weights = _weights(cutouts.shape[-1], blocks)
    means: Floats = np.matmul(np.matmul(weights, cutouts), weights.T)
    return means


def block_medians(cutouts: Floats, blocks: int) -> Floats:
    """Compute the median of square blocks, which ignores small objects.

    Parameters
    ----------
    cutouts : ndarray of float32, shape (n, size, size)
        Finite pixels.
    blocks : int
        Number of blocks along each axis, at most the size. Neighbouring blocks overlap
        by a pixel if the size is not a multiple of the number.

    Returns
    -------
    ndarray of float32, shape (n, blocks, blocks)
        Median of each block. In large blocks it is the median of every second column,
        which is precise enough and takes half the time.
    """
    size = cutouts.shape[-1]
    side = -(-size // blocks)
    starts = np.rint(np.linspace(0, size - side, blocks)).astype(np.int64)
    rows = starts[:, None] + np.arange(side)
    columns = starts[:, None] + np.arange(0, side, 2 if side >= 8 else 1)
    parts = cutouts[:, rows[:, None, :, None], columns[None, :, None, :]]
    parts = parts.reshape(len(cutouts), blocks, blocks, -1)
    middle = parts.shape[-1] // 2
    medians: Floats = np.sort(parts, axis=-1)[..., middle]
    return medians


@lru_cache(maxsize=32)
def _weights(size: int, blocks: int) -> Floats:
    """Return the share of each pixel in the mean of each block, (blocks, size)."""
    edges = np.linspace(0, size, blocks + 1)
    pixel = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(
        edges[:-1, None], pixel
    )
    weights = np.maximum(overlap, 0)
    weights /= weights.sum(1, keepdims=True)
    shares: Floats = weights.astype(np.float32)
    return shares
