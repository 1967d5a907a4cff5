"""A budget of looks: the number of cutouts after which the reviewer wants to stop."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Budget:
    """A number of looks, counted from the moment when it was set.

    A look is a cutout with a verdict. A second verdict on the same cutout is none, and
    an undo gives the look back.

    Attributes
    ----------
    looks : int
        Number of looks, at least 1.
    answered : int
        Number of cutouts that had a verdict of this round when the budget was set.

    Raises
    ------
    ValueError
        If there is no look, or if the second number is negative.
    """

    looks: int
    answered: int

    def __post_init__(self) -> None:
        if self.looks < 1 or self.answered < 0:
            raise ValueError(f"A budget is at least one look, not {self.looks}.")

    def left(self, answered: int) -> int:
        """Return how many looks are left; a negative number if there were more.

        Parameters
        ----------
        answered : int
            Number of cutouts with a verdict of this round now.
        """
        return self.looks - (answered - self.answered)

    def as_json(self) -> dict[str, int]:
        """Return the budget as plain JSON, which `from_json` can read."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Any) -> Budget:
        """Create a budget from stored JSON.

        Raises
        ------
        TypeError, ValueError
            If the JSON is damaged.
        """
        budget = cls(**stored)
        if not all(type(number) is int for number in (budget.looks, budget.answered)):
            raise TypeError(stored)
        return budget
