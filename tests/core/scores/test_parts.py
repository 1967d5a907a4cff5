"""Parts of the cutouts by text and by brightness."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_artifact_review.core.scores.parts import (
    BRIGHTNESS_NAMES,
    parts_by_brightness,
    parts_by_text,
)


def test_texts_are_in_alphabetical_order_and_an_empty_one_is_no_part():
    codes, names = parts_by_text(pd.Series(["trail", "", "ghost", "trail"]))
    assert names == ("ghost", "trail")
    assert codes.tolist() == [1, -1, 0, 1]


@given(hnp.arrays(np.float64, st.integers(0, 50), elements=st.floats(-1e9, 1e9),
                  unique=True), st.integers(0, 3))  # fmt: skip
@example(np.array([-2, -1, 0, 5e-324, 1, 2]), 0)
@example(np.array([-2, -1, 1, np.nextafter(1, 2), 3, 4]), 1)
def test_quarters_of_the_known_brightness_are_about_equal(brightness, unknown):
    codes = parts_by_brightness(np.append(brightness, [np.nan] * unknown))
    assert (codes[len(brightness) :] == -1).all()
    known = codes[: len(brightness)]
    assert (np.diff(known[np.argsort(brightness)]) >= 0).all()
    sizes = np.bincount(known, minlength=4)
    assert len(sizes) == len(BRIGHTNESS_NAMES)
    assert np.ptp(sizes) <= 1
