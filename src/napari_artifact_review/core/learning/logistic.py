"""Logistic regression for few verdicts: small, exact and the same on each machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Most Newton steps; the fit usually needs five to ten.
_STEPS = 50

#: Change of the weights below which the fit has converged.
_TOLERANCE = 1e-6


def fit_logistic(
    features: NDArray[np.float64], is_true: NDArray[np.bool_], strength: float
) -> tuple[NDArray[np.float64], float]:
    """Fit a logistic regression with a ridge penalty by Newton's method.

    The fit minimizes ``strength * loss + |weights|**2 / 2``, where the loss is the sum
    of the negative log-likelihoods; the intercept has no penalty. This is the objective
    of scikit-learn's `LogisticRegression` with ``C=strength``. (T. Hastie et al., The
    Elements of Statistical Learning, 2nd ed. 2009, sec. 4.4.)

    Parameters
    ----------
    features : ndarray of float64, shape (n, d)
        Standardized features.
    is_true : ndarray of bool, shape (n,)
        Outcomes; both must occur.
    strength : float
        Inverse of the penalty.

    Returns
    -------
    weights : ndarray of float64, shape (d,)
        Weight of each feature.
    intercept : float
        Log-odds where all features are 0.

    Raises
    ------
    ValueError
        If only one outcome occurs.
    """
    if not is_mixed(is_true):
        raise ValueError("a logistic regression needs both outcomes")
    design = np.column_stack([features, np.ones(len(features))])
    penalty = np.full(design.shape[1], 1 / strength)
    # A tiny penalty on the intercept keeps the equations solvable.
    penalty[-1] = 1e-9
    weights = np.zeros(design.shape[1])
    weights[-1] = np.log(is_true.sum() / (~is_true).sum())
    loss = _loss(design, is_true, weights, penalty)
    for _ in range(_STEPS):
        probability = sigmoid(design @ weights)
        gradient = design.T @ (probability - is_true) + penalty * weights
        curvature = probability * (1 - probability)
        hessian = (design.T * curvature) @ design + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        # A full step can overshoot where the probabilities are near 0 and 1.
        for shorter in 0.5 ** np.arange(20):
            candidate = weights - shorter * step
            new = _loss(design, is_true, candidate, penalty)
            if new <= loss:
                break
        moved = float(np.abs(candidate - weights).max())
        weights, loss = candidate, new
        if moved < _TOLERANCE:
            break
    return weights[:-1], float(weights[-1])


def is_mixed(is_true: NDArray[np.bool_]) -> bool:
    """Return whether both outcomes occur, which a regression needs."""
    return bool(is_true.any() and not is_true.all())


def sigmoid(log_odds: NDArray[np.floating]) -> NDArray[np.floating]:
    """Convert log-odds to probabilities, without overflow."""
    probability: NDArray[np.floating] = 0.5 * (1 + np.tanh(log_odds / 2))
    return probability


def logit(probability: NDArray[np.floating]) -> NDArray[np.floating]:
    """Convert probabilities to log-odds, at most those of one in ten thousand."""
    clipped = np.clip(probability, 1e-4, 1 - 1e-4)
    odds: NDArray[np.floating] = np.log(clipped / (1 - clipped))
    return odds


def _loss(
    design: NDArray[np.float64],
    is_true: NDArray[np.bool_],
    weights: NDArray[np.float64],
    penalty: NDArray[np.float64],
) -> float:
    log_odds = design @ weights
    losses = np.logaddexp(0, np.where(is_true, -log_odds, log_odds))
    return float(losses.sum() + (penalty * weights**2).sum() / 2)
