"""What is drawn of cutouts whose predictions are hidden tells nothing about them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from napari.utils.colormaps.standardize_color import transform_color

from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.groups import GROUPINGS, in_groups
from napari_artifact_review.core.review.search import are_containing
from napari_artifact_review.core.tables.reading import read_predictions
from napari_artifact_review.viewer.layers import OWNER
from napari_artifact_review.viewer.overlay.boxes import (
    FEATURES,
    are_marked,
    boxes_of,
    map_of,
)
from napari_artifact_review.viewer.status import describe_cutout, mark_of, tag_of
from napari_artifact_review.viewer.style import STYLE

HIDDEN_COLOR = transform_color(STYLE.hidden)[0]

#: What a table says about a cutout, beside its position.
secrets = st.fixed_dictionaries(
    {
        "label": st.integers(0, 1),
        "preds": st.integers(0, 1),
        "confidence": st.floats(0, 1),
        "truth": st.sampled_from(["trail", "none"]),
        "decision": st.sampled_from(["", "artifact", "no artifact", "unsure"]),
        "kind": st.sampled_from(["", "ghost", "trail"]),
        "note": st.sampled_from(["", "a ghost", "a trail"]),
    }
)


@st.composite
def tables(draw):
    """Draw two tables that differ in what they say about hidden cutouts."""
    count = draw(st.integers(1, 12))
    hidden = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    first = [draw(secrets) for _ in hidden]
    second = [draw(secrets) if h else row for h, row in zip(hidden, first, strict=True)]
    return np.flatnonzero(hidden), first, second


def catalog_of(path: Path, rows, hidden) -> Catalog:
    with path.open("w", newline="") as file:
        names = ["image_name", "grid_x", "grid_y", *rows[0], "label_new", "reviewed_by"]
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for number, row in enumerate(rows):
            y, x = divmod(number, 4)
            label = {"artifact": 1, "no artifact": 0}.get(row["decision"], row["label"])
            by = "ada" if row["decision"] else ""
            writer.writerow(
                {"image_name": "a", "grid_x": 200 * x, "grid_y": 200 * y, **row}
                | {"label_new": label, "reviewed_by": by}
            )
    catalog = Catalog(read_predictions(path), 200)
    catalog.hidden.ask(hidden, "ada")
    return catalog


def everything_shown(catalog: Catalog):
    """Return what is drawn, written and found of all cutouts."""
    rows = np.arange(len(catalog.preds))
    many, shape = catalog.cutouts_of("a"), (600, 800)
    marked = many.take(are_marked(many))
    boxes, drawn = boxes_of(marked, shape), map_of(marked)
    cutouts = [catalog.cutout(row) for row in rows.tolist()]
    return {
        "boxes": [
            np.asarray(getattr(boxes, name)).tolist()
            for name in vars(boxes)
            if name != "features"
        ],
        "features": boxes.features.astype(object).fillna("NaN").values.tolist(),
        "map": (drawn.pixels.tolist(), drawn.origin, drawn.pitch),
        "texts": [(describe_cutout(c), tag_of(c), mark_of(c)) for c in cutouts],
        "groups": [
            (in_groups(catalog, rows, by)[0].tolist(), in_groups(catalog, rows, by)[1])
            for by in GROUPINGS
        ],
        "found": [
            are_containing(text, catalog, ["truth"]).tolist()
            for text in ("trail", "ghost", "a")
        ],
        "kinds": catalog.shown_kinds,
    }


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables())
def test_tables_that_differ_in_hidden_cutouts_look_alike(tmp_path, drawn):
    hidden, *pair = drawn
    first, second = (
        everything_shown(catalog_of(tmp_path / f"{number}.csv", rows, hidden))
        for number, rows in enumerate(pair)
    )
    for name, shown in first.items():
        assert shown == second[name], name


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables())
def test_all_hidden_cutouts_have_the_same_plain_box(tmp_path, drawn):
    hidden, rows, _ = drawn
    many = catalog_of(tmp_path / "table.csv", rows, hidden).cutouts_of("a")
    boxes = boxes_of(many.take(many.hidden), (600, 800))
    assert len(boxes.corners) == len(hidden)
    assert not len(boxes.predictions)
    np.testing.assert_allclose(boxes.colors, np.tile(HIDDEN_COLOR, (len(hidden), 1)))
    assert {*boxes.tags, *boxes.confidences} <= {""}
    assert len(np.unique(boxes.text_colors, axis=0)) <= 1


def layer(viewer, role):
    return next(x for x in viewer.layers if x.metadata.get(OWNER) == role)


def texts(viewer):
    return {
        role: {*layer(viewer, role).text.values.tolist()} - {""}
        for role in ("cutouts", "tags")
    }


@pytest.fixture
def hiding(control, session):
    session.hide_predictions = True
    return control


def test_the_switch_redraws_at_once(hiding, viewer, session):
    boxes = layer(viewer, "cutouts")
    assert len(boxes.data) == 12, "all cutouts of the image have a box"
    np.testing.assert_allclose(boxes.edge_color, [HIDDEN_COLOR] * 12)
    assert texts(viewer) == {"cutouts": set(), "tags": set()}
    shown = boxes.features[list(FEATURES[3:])]
    assert {*shown.outcome} == {""}
    assert shown.drop(columns="outcome").isna().all(axis=None)
    assert not layer(viewer, "predictions").visible
    session.hide_predictions = False
    assert len(boxes.data) == 3
    assert texts(viewer) == {"cutouts": {"0.97", "0.12"}, "tags": {"FN", "FP"}}


def test_a_verdict_shows_what_was_hidden_and_its_undo_hides_it(
    hiding, viewer, session, main_loop
):
    boxes = layer(viewer, "cutouts")
    session.select("north", 0, 400)
    session.set_label("artifact")
    [at] = np.flatnonzero(
        (boxes.features.grid_x == 0) & (boxes.features.grid_y == 400)
    ).tolist()
    assert texts(viewer) == {"cutouts": {"0.97"}, "tags": {"✓"}}
    assert boxes.text.values[at] == "0.97"
    assert boxes.features.outcome[at] == "TP"
    assert boxes.features.label_new[at] == 1
    assert layer(viewer, "predictions").visible, "a TP has a box for the prediction"
    others = np.delete(boxes.edge_color, at, axis=0)
    np.testing.assert_allclose(others, [HIDDEN_COLOR] * 11)
    session.undo()
    np.testing.assert_allclose(boxes.edge_color, [HIDDEN_COLOR] * 12)
    assert texts(viewer) == {"cutouts": set(), "tags": set()}
    assert not layer(viewer, "predictions").visible


def test_the_text_at_a_shown_box_has_the_colour_of_its_outcome(hiding, viewer, session):
    session.set_label("artifact")
    boxes = layer(viewer, "cutouts")
    [at] = np.flatnonzero(boxes.text.values == "0.12").tolist()
    colors = transform_color([STYLE.false_negative_text, STYLE.false_negative_ink])
    color = boxes.text.color.array[at]
    assert any(np.allclose(color, known) for known in colors)


def test_the_status_bar_names_the_position_only(hiding, viewer, session):
    image = layer(viewer, "image")
    text = image.get_status((10, 210))["coordinates"]
    assert text.endswith("|  (200, 0), predictions hidden")
    session.hide_predictions = False
    assert "FN at (200, 0), label 1" in image.get_status((10, 210))["coordinates"]


def test_the_switch_changes_the_text_under_a_resting_mouse(control, viewer, session):
    viewer.mouse_over_canvas = True
    viewer.cursor.position = (110, 310)
    session.hide_predictions = True
    assert viewer.status["coordinates"].endswith("(200, 0), predictions hidden")
    session.hide_predictions = False
    assert "FN at (200, 0), label 1" in viewer.status["coordinates"]
