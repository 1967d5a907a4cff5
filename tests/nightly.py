"""How long a property is tested: shortly with each change, longer before a release."""

from __future__ import annotations

import os

#: "" for each change, "all" before a release, "nightly" for hours: see script/test.
EXTENT = os.environ.get("ARTIFACT_REVIEW_TESTS", "")


def many(ordinary: int, nightly: int, few: int | None = None) -> int:
    """Return how many examples are tried.

    Parameters
    ----------
    ordinary : int
        Their number under `script/test --all`.
    nightly : int
        Their number where ARTIFACT_REVIEW_TESTS is "nightly".
    few : int, optional
        Their number with each change; by default `ordinary`.
    """
    if EXTENT == "nightly":
        return nightly
    return ordinary if EXTENT == "all" or few is None else few
