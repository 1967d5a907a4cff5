"""Assignment of cutouts to the members of a team, drawn by a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_artifact_review.core.team.rules import TeamRules

Numbers = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

#: Increment and multipliers of splitmix64.
_INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIERS = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
_LAST_SHIFT = np.uint64(31)


@dataclass(frozen=True, eq=False)
class Assignment:
    """What the rules of a team mean for the cutouts of one reviewer.

    Attributes
    ----------
    is_member : bool
        Whether the reviewer is a member of the team. The queue of any other reviewer
        has all cutouts.
    assigned : ndarray of bool, shape (n,)
        Mask of the cutouts that are assigned to the reviewer; all False if the reviewer
        is not a member.
    common : ndarray of bool, shape (n,)
        Mask of the cutouts that all members review.
    draw : ndarray of uint64, shape (n,)
        Random order of the common cutouts, which is the same for all members.
    """

    is_member: bool
    assigned: Mask
    common: Mask
    draw: Numbers

    @property
    def in_queue(self) -> Mask:
        """Mask of the cutouts that the reviewer's queue may have, shape (n,)."""
        return self.assigned if self.is_member else np.ones_like(self.assigned)


def assignment_by(rules: TeamRules, numbers: Numbers, reviewer: str) -> Assignment:
    """Return what rules mean for a reviewer.

    Parameters
    ----------
    rules : TeamRules
        The rules of the team. Without members, every reviewer is a member.
    numbers : ndarray of uint64, shape (n,)
        Numbers of the cutouts; see `cutout_numbers`.
    reviewer : str
        Name of the reviewer.
    """
    is_member = not rules.members or reviewer in rules.members
    assigned = np.full(len(numbers), is_member)
    if is_member and rules.reviewers_per_cutout is not None:
        assigned = are_assigned(
            numbers,
            reviewer,
            rules.members,
            rules.reviewers_per_cutout,
            rules.common_share,
            rules.seed,
        )
    common = are_common(numbers, rules.common_share, rules.seed)
    draw = lots(numbers, rules.seed, "order of common")
    return Assignment(is_member, assigned, common, draw)


def cutout_numbers(
    image_names: Sequence[str],
    image_index: npt.NDArray[np.integer],
    grid_x: npt.NDArray[np.integer],
    grid_y: npt.NDArray[np.integer],
) -> Numbers:
    """Return a 64-bit number for each cutout, which depends on its key only.

    The numbers are the same on every computer and in every order of the rows. They come
    from BLAKE2b of the image name and from splitmix64 (Steele, Lea & Flood 2014, Proc.
    OOPSLA, 453; constants as in S. Vigna's public-domain `splitmix64.c`).

    Parameters
    ----------
    image_names : sequence of str
        Names of the full images.
    image_index : ndarray of int, shape (n,)
        Index of each cutout's image in `image_names`.
    grid_x, grid_y : ndarray of int, shape (n,)
        Column and row of each cutout's top left pixel.

    Returns
    -------
    ndarray of uint64, shape (n,)
        The numbers, which are uniform for all practical purposes.
    """
    names = [_digest(name) for name in image_names]
    numbers: Numbers = np.array(names, dtype=np.uint64)[image_index]
    for coordinate in (grid_x, grid_y):
        numbers = _mixed(numbers ^ coordinate.astype(np.int64).view(np.uint64))
    return numbers


def lots(numbers: Numbers, seed: int, *purpose: str) -> Numbers:
    """Return one uniform 64-bit lot for each cutout, shape (n,).

    Two cutouts with different numbers have different lots. The lots for different
    purposes are independent, and different for the same cutout.
    """
    return _mixed(numbers ^ np.uint64(_digest("\0".join((str(seed), *purpose)))))


def are_common(numbers: Numbers, share: float, seed: int) -> Mask:
    """Return the mask of the cutouts that all members review, shape (n,).

    Each cutout is drawn with the probability `share`. A larger share has the cutouts of
    a smaller one, and more.
    """
    # The first 53 bits, which are exact as a float from 0 to less than 1.
    fraction = (lots(numbers, seed, "common") >> np.uint64(11)) * 2.0**-53
    return np.asarray(fraction < share, dtype=bool)


def are_assigned(
    numbers: Numbers,
    name: str,
    members: Sequence[str],
    k: int,
    common_share: float,
    seed: int,
) -> Mask:
    """Return the mask of the cutouts that are assigned to a member, shape (n,).

    Rendezvous hashing (Thaler & Ravishankar 1998, IEEE/ACM Trans. Networking 6, 1):
    each member has a lot for each cutout, and the `k` highest lots of a cutout have it.
    So the members have equal shares, in any order of their names. If a member joins or
    leaves, a cutout changes hands only if that member has it.

    Parameters
    ----------
    numbers : ndarray of uint64, shape (n,)
        Numbers of the cutouts; see `cutout_numbers`.
    name : str
        Name of the member.
    members : sequence of str
        Names of all members.
    k : int
        Number of members that review a cutout that is not common; all if there are
        fewer members.
    common_share : float
        Share of the cutouts that all members review.
    seed : int
        Seed of the draw.
    """
    own = lots(numbers, seed, "member", name)
    higher = np.zeros(len(numbers), dtype=np.int64)
    # Lots of different members are never equal, because the mixer is a bijection.
    for member in members:
        higher += lots(numbers, seed, "member", member) > own
    return np.less(higher, k) | are_common(numbers, common_share, seed)


def interleaved(
    others: Rows, common: Rows, others_before: int = 0, common_before: int = 0
) -> Rows:
    """Merge common cutouts evenly into other ones; keep both orders.

    After any number of cutouts, the number of common ones differs from their share by
    less than 1. If too few or too many of the cutouts before were common, the first
    cutouts make up for it.

    Parameters
    ----------
    others, common : ndarray of int64
        Rows of the cutouts, each in their order.
    others_before, common_before : int
        Number of cutouts of either sort that come before all these.
    """
    places = np.concatenate(
        [
            (np.arange(len(rows)) + before + 0.5) / max(len(rows) + before, 1)
            for rows, before in ((others, others_before), (common, common_before))
        ]
    )
    merged: Rows = np.concatenate([others, common])
    return merged[np.argsort(places, kind="stable")]


def _digest(text: str) -> int:
    """Return a 64-bit number for a text, the same in every process."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def _mixed(numbers: Numbers) -> Numbers:
    """Return the output of splitmix64 for states, shape (n,); a bijection."""
    mixed = numbers + _INCREMENT
    for shift, multiplier in _MULTIPLIERS:
        mixed = (mixed ^ (mixed >> shift)) * multiplier
    return mixed ^ (mixed >> _LAST_SHIFT)
