"""Anchoring: whether reviewers agree with the model more often if they see its word."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Agreement:
    """How often verdicts agree with the model, with and without its word.

    Attributes
    ----------
    with_word, without_word : float
        Shares of verdicts that agree with the prediction, from 0 to 1, for cutouts with
        the prediction in view and with the prediction hidden.
    difference : float
        The first share minus the second; positive if reviewers lean to the model.
    low, high : float
        Ends of the 95 % interval of the difference.
    """

    with_word: float
    without_word: float
    difference: float
    low: float
    high: float

    @property
    def is_significant(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


def agreement_with_model(
    with_word: tuple[int, int], without_word: tuple[int, int]
) -> Agreement | None:
    """Compare how often verdicts agree with the model with and without its word.

    The interval is the hybrid score interval of R. G. Newcombe (Stat. Med. 17, 873,
    1998, method 10): the ends of the Wilson intervals of both shares (E. B. Wilson, J.
    Am. Stat. Assoc. 22, 209, 1927), combined by the square root of the sum of squares.

    It assumes that predictions were hidden for cutouts chosen at random, and that the
    verdicts are independent of each other. If cutouts of one image resemble each other,
    or if the reviewer chose when to hide, take the ends as approximate.

    Parameters
    ----------
    with_word, without_word : tuple of int
        Number of verdicts that agree with the prediction, and number of all verdicts,
        where the prediction was in view and where it was hidden.

    Returns
    -------
    Agreement or None
        Shares and difference; None if one of the two has no verdicts.

    Raises
    ------
    ValueError
        If more verdicts agree than there are.
    """
    for agree, n in (with_word, without_word):
        if not 0 <= agree <= n:
            raise ValueError(f"{agree} of {n} verdicts is no share.")
    if not (with_word[1] and without_word[1]):
        return None
    share, other = (agree / n for agree, n in (with_word, without_word))
    (low, high), (other_low, other_high) = _wilson(*with_word), _wilson(*without_word)
    return Agreement(
        with_word=share,
        without_word=other,
        difference=share - other,
        low=share - other - math.hypot(share - low, other_high - other),
        high=share - other + math.hypot(high - share, other - other_low),
    )


def anchoring_text(agreement: Agreement) -> str:
    """Return a sentence on the agreement with the model, without a full stop.

    Parameters
    ----------
    agreement : Agreement
        Shares of verdicts that agree, and their difference.
    """
    low, high = (f"{100 * end:+.0f}" for end in (agreement.low, agreement.high))
    return (
        f"Verdicts agree with the model in {agreement.with_word:.0%} if its prediction "
        f"is shown, and in {agreement.without_word:.0%} if it is hidden: "
        f"{100 * agreement.difference:+.0f} points ({low} to {high}, 95 %)"
    )


#: Quantile of the standard normal distribution at 0.975.
_Z = 1.959963984540054


def _wilson(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share k / n."""
    center = (k + _Z**2 / 2) / (n + _Z**2)
    margin = _Z / (n + _Z**2) * math.sqrt(k * (n - k) / n + _Z**2 / 4)
    return center - margin, center + margin
