"""How long a property is tested: shortly with each change, at length in the night."""

from __future__ import annotations

import os


def many(ordinary: int, nightly: int) -> int:
    """Return `nightly` where ARTIFACT_REVIEW_NIGHTLY is 1, else `ordinary`."""
    return nightly if os.environ.get("ARTIFACT_REVIEW_NIGHTLY") == "1" else ordinary
