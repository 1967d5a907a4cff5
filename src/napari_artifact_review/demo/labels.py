"""Simulated labels of the demo's cutouts, some of which are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .exposure import Exposure

# Fraction of the artifacts in an image that are labelled as no artifact.
MISSED = 0.12
# Fraction of all cutouts in an image in which a bright star is labelled as an artifact.
MISTAKEN = 0.008


def label_by_eye(exposure: Exposure, rng: np.random.Generator) -> NDArray[np.int64]:
    """Label the cutouts of an image, with the errors of a hurried expert.

    The expert misses faint artifacts, and mistakes bright stars for artifacts.

    Parameters
    ----------
    exposure : Exposure
        The image.
    rng : numpy.random.Generator
        Random number generator.

    Returns
    -------
    numpy.ndarray
        Labels, shape `GRID`: 1 artifact, 0 no artifact. Most labels are correct.
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
        Kinds of artifacts joined by ``+``, or ``bright star``, or ``none``. The cutouts
        are in row-major order of the grid, as in the table.
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
    """Draw `expected` cutouts at random, with higher weights more probable.

    The number is rounded, and at least 1 if any weight is positive.
    """
    number = min(max(round(expected), 1), int(np.count_nonzero(weight)))
    # Draw the cutouts with the earliest of exponentially distributed arrival times
    # (Efraimidis & Spirakis 2006).
    with np.errstate(divide="ignore"):
        arrival = rng.standard_exponential(weight.size) / weight.ravel()
    return np.argsort(arrival, kind="stable")[:number]
