"""Cutouts in groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.review.groups import (
    GROUPINGS,
    NO_KIND,
    Group,
    in_groups,
)
from tests.nightly import many

_COLUMNS = {"image": "image_name", "outcome": "outcome", "kind": "kind"}


def _order(by: str, names: pd.Series) -> list[str]:
    """Return the expected order of the groups."""
    if by == "outcome":
        return ["FP", "FN", "TP", "TN"]
    if by == "image":
        return list(dict.fromkeys(names))
    return [*sorted(set(names) - {""}), ""]


@pytest.mark.parametrize("by", GROUPINGS)
@settings(
    max_examples=many(30, 300, few=10),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_each_group_has_its_cutouts_in_their_order(session, by, data):
    count = len(session.table)
    for row in data.draw(st.lists(st.integers(0, count - 1), max_size=3)):
        kind = data.draw(st.sampled_from(["ghost", "halo", "bleed"]))
        key = session.cutout_index.key_of(row)
        session.set_label("artifact", kind, cutouts=[key])
    rows = data.draw(st.lists(st.integers(0, count - 1), unique=True))
    found, groups = in_groups(session.catalog, np.array(rows, dtype=np.int64), by)
    table = session.table.iloc[rows]
    if by == "none":
        assert found.tolist() == rows
        assert groups == ((Group("", len(rows)),) if rows else ())
        return
    names = table[_COLUMNS[by]].astype(str)
    expected = [
        (name, table.index[names == name].tolist())
        for name in _order(by, names)
        if (names == name).any()
    ]
    assert [g.name for g in groups] == [name or NO_KIND for name, _ in expected]
    assert [g.size for g in groups] == [len(part) for _, part in expected]
    assert found.tolist() == [row for _, part in expected for row in part]
