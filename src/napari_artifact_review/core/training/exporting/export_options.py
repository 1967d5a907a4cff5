"""Options of an export, checked before anything is read."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from napari_artifact_review.core.errors import ReviewError

#: Treatment of unsure verdicts: leave out their rows, or keep their label with weight 1
#: or 0.5.
Unsure = Literal["drop", "keep", "0.5"]

#: Rows to export.
Only = Literal["all", "reviewed"]

#: Names of the splits, in the order of their shares.
SPLITS = ("train", "validation", "test")

#: Shares of the splits by default.
DEFAULT_SHARES = (0.8, 0.1, 0.1)

#: Number of groups in the test split that an interval of a comparison needs.
FEWEST_TEST_GROUPS = 6

#: Size in bytes above which the cutouts are written as several arrays.
LARGEST_ARRAY = 8 * 10**9

#: Largest size in bytes of one of several arrays.
LARGEST_SHARD = 10**9

#: Widest surroundings of a cutout in pixels.
_MOST_CONTEXT = 10_000

#: Largest difference of the sum of the shares from 1.
_ROUNDING = 1e-6

_SHARES = "three shares with the sum 1, such as 0.8,0.1,0.1"


@dataclass(frozen=True)
class ExportOptions:
    """Options of an export; see `export`.

    Raises
    ------
    ReviewError
        If an option has an invalid value.
    """

    context: int = 0
    split: tuple[float, float, float] = DEFAULT_SHARES
    group: str | None = None
    seed: int = 0
    unsure: Unsure = "drop"
    only: Only = "all"
    hdu: int | str | None = None
    image_key: tuple[str, ...] = ()
    skip_bad_images: bool = False
    largest_array: int = LARGEST_ARRAY
    largest_shard: int = LARGEST_SHARD

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("unsure", self.unsure, get_args(Unsure)),
            ("only", self.only, get_args(Only)),
        ):
            if value not in choices:
                raise _invalid(name, value, f"one of {', '.join(choices)}")
        check_group(self.group)
        if not 0 <= self.context <= _MOST_CONTEXT:
            raise _invalid("context", self.context, f"from 0 to {_MOST_CONTEXT:,}")
        shares = self.split
        numbers = len(shares) == len(SPLITS) and all(map(_is_share, shares))
        # A sum such as 0.333 + 0.333 + 0.334 may differ by rounding.
        if not numbers or abs(sum(shares) - 1) > _ROUNDING:
            text = ",".join(f"{share:g}" for share in shares)
            raise _invalid("split", text, _SHARES)

    @property
    def shares(self) -> tuple[float, float, float]:
        """Shares of the splits, scaled to a sum of 1."""
        total = sum(self.split)
        train, validation, test = (share / total for share in self.split)
        return train, validation, test

    def as_json(self) -> dict[str, Any]:
        """Return the options that determine the data set, as plain JSON."""
        data = asdict(self)
        return data | {"split": [*self.split], "image_key": [*self.image_key]}


def parse_shares(text: str) -> tuple[float, float, float]:
    """Parse the shares of train, validation and test, such as "0.8,0.1,0.1".

    Raises
    ------
    ReviewError
        If the text is not three numbers.
    """
    try:
        train, validation, test = map(float, text.split(","))
    except ValueError:
        raise _invalid("split", text, _SHARES) from None
    return train, validation, test


def parse_keys(text: str) -> tuple[str, ...]:
    """Parse names that are separated by commas."""
    return tuple(name for part in text.split(",") if (name := part.strip()))


def check_group(group: str | None) -> None:
    """Check that a group, if it is given, has a name of a column or header key.

    Raises
    ------
    ReviewError
        If it has none.
    """
    if group is not None and not parse_keys(group):
        raise _invalid("group", group, "columns or header keys, separated by commas")


def _is_share(share: float) -> bool:
    return math.isfinite(share) and share >= 0


def _invalid(name: str, value: object, expected: str) -> ReviewError:
    return ReviewError(
        f"the option {name.replace('_', '-')} cannot be {value!r}",
        remedy=f"Choose {expected}",
    )
