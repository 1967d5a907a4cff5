"""The simulated labels of the demo's cutouts, with their errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .exposure import Exposure

MISSED = 0.12  # of the artifacts in an image, the faint ones first
MISTAKEN = 0.008  # of all cutouts in an image: bright stars mistaken for artifacts


def label_by_eye(exposure: Exposure, rng: np.random.Generator) -> NDArray[np.int64]:
    """Label the cutouts of an image, with the errors of a hurried expert.

    Parameters
    ----------
    exposure : Exposure
        The image.
    rng : numpy.random.Generator
        Random numbers for the mistakes.

    Returns
    -------
    numpy.ndarray
        Labels of shape `GRID`, 1 for an artifact and 0 for none; mostly true.
    """
    truth = exposure.has_artifact
    label = truth.astype(np.int64)
    faintness = np.where(truth, 1 / np.maximum(exposure.plainest, 1), 0)
    label.flat[_draw(faintness, MISSED * truth.sum(), rng)] = 0
    glare = np.where(truth, 0, exposure.glare)
    label.flat[_draw(glare, MISTAKEN * truth.size, rng)] = 1
    return label


def name_kinds(exposure: Exposure, label: NDArray[np.int64]) -> list[str]:
    """Return the kind of artifact, or the object mistaken for one, in each cutout.

    Parameters
    ----------
    exposure : Exposure
        The image.
    label : numpy.ndarray
        The labels that `label_by_eye` returned, shape `GRID`.

    Returns
    -------
    list of str
        Kinds of artifacts joined by ``+``, ``bright star``, or ``none``; in the
        table's order.
    """
    kinds = []
    for cell in np.ndindex(label.shape):
        present = [k for k, clarity in exposure.clarity.items() if clarity[cell] >= 1]
        empty = "bright star" if label[cell] else "none"
        kinds.append("+".join(present) or empty)
    return kinds


def _draw(
    weight: NDArray[np.float64], expected: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw about `expected` cutouts by weight, at least one if any has a weight."""
    number = min(max(round(expected), 1), int(np.count_nonzero(weight)))
    # Cutouts with the earliest exponential times (Efraimidis & Spirakis 2006).
    with np.errstate(divide="ignore"):
        arrival = rng.standard_exponential(weight.size) / weight.ravel()
    return np.argsort(arrival, kind="stable")[:number]
