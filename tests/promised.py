"""The choice of tests with a window that run with each change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_TESTS = Path(__file__).parent
_PROMISES = _TESTS.parent / "docs/promises.md"


def to_leave_out(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests of windows that only `script/test --all` runs.

    To show a napari window with a review takes seconds. With each change, the tests
    run that `docs/promises.md` names, and the first test of each file.

    Parameters
    ----------
    items : list of pytest.Item
        All collected tests, in order of collection.
    """
    named = set(
        re.findall(r"`(\S+\.py)::(\w+)`", _PROMISES.read_text(encoding="utf-8"))
    )
    left_out, files = [], set()
    for item in items:
        if "windows" not in getattr(item, "fixturenames", ()):
            continue
        file = item.path.relative_to(_TESTS).as_posix()
        test = item.name.partition("[")[0]
        if file in files and (file, test) not in named:
            left_out.append(item)
        files.add(file)
    return left_out
