"""The plots show the numbers."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.cbook import STEP_LOOKUP_MAP
from matplotlib.figure import Figure

from napari_artifact_review.core.scores.metrics import measure
from napari_artifact_review.core.scores.ranking import Ranking
from napari_artifact_review.report.figures import Ink, draw_curves


def test_the_area_under_a_curve_is_its_average_precision_and_the_dot_is_on_it():
    rng = np.random.default_rng(3)
    label = rng.integers(0, 2, 60, dtype=np.int8)
    confidence = rng.random(60).round(1)
    ranking = Ranking(confidence)
    preds = (confidence >= 0.5).astype(np.int8)
    numbers, figure = measure(label, preds, ranking), Figure()
    curve = ranking.curve(label)
    draw_curves(figure, (curve, curve), (numbers, numbers), Ink())
    [axes] = figure.axes
    line, dot = axes.lines[:2]
    drawn = STEP_LOOKUP_MAP[line.get_drawstyle()](*line.get_data())
    x, y = np.array(drawn)
    area = np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)
    assert area == pytest.approx(numbers["average_precision"], abs=1e-3)
    [recall], [precision] = dot.get_data()
    at = np.abs(x - recall) < 1e-9
    assert np.abs(y[at] - precision).min() < 1e-9
