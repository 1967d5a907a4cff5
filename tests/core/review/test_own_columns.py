"""The user's own columns: shown, filtered, searched and remembered."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from napari_artifact_review.core.decisions.log_paths import log_path_beside
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.review.queue import QueueRule
from napari_artifact_review.core.review.queue_summary import queue_summary
from napari_artifact_review.core.review.session import ReviewSession

#: Class, magnitude, CCD and whether there is a flag, by cutout.
OWN = {
    "artifact_class": ["ghost", "", " Ghost ", "trail", "ghost", "bleed"],
    "mag": ["19.5", "20", "n/a", "", "2e1", "-1"],
    "ccd": [1, 2, 10, 2, 1, 1],
    "depth": [20.1, 20.5, np.nan, 21.0, 22.0, 23.0],
    "flagged": [True, False, True, False, False, True],
}
TYPES = {"depth": "float32"}


def table_of(folder, suffix, **more):
    """Write six false positives with columns of the user's own."""
    table = pd.DataFrame(
        {
            "image_name": "north",
            "grid_x": np.arange(6) * 200,
            "grid_y": 0,
            "label": 0,
            "preds": 1,
            **OWN,
            **more,
        }
    ).astype(TYPES)
    path = folder / f"predictions{suffix}"
    if suffix == ".csv":
        table.to_csv(path, index=False)
    elif suffix == ".fits":
        Table.from_pandas(table).write(path)
    else:
        table.to_parquet(path)
    return path


@pytest.fixture(params=[".csv", ".parquet", ".fits"])
def review(request, tmp_path):
    with ReviewSession.open(table_of(tmp_path, request.param)) as session:
        yield session


def test_they_are_all_that_the_review_does_not_know(review, session):
    assert review.own_columns.names == tuple(OWN)
    assert session.own_columns.names == ("observer",)
    assert session.own_columns.text("observer", 3) == "007", "as in the table"


def test_a_value_is_a_text_without_the_spaces_around_it(review):
    own = review.own_columns
    assert own.text("artifact_class", 2) == "Ghost"
    assert own.text("mag", 3) == own.text("depth", 2) == ""
    assert own.text("depth", 0) == "20.1"
    assert own.text("ccd", 2) == "10"
    with pytest.raises(ReviewError, match="no column label of its own"):
        own.text("label", 0)


CONDITIONS = [
    ("artifact_class", "is", "ghost", [0, 4]),
    ("artifact_class", "is not", "ghost", [1, 2, 3, 5]),
    ("artifact_class", "contains", "HOST", [0, 2, 4]),
    ("artifact_class", "is empty", "", [1]),
    ("artifact_class", "is not empty", "", [0, 2, 3, 4, 5]),
    ("mag", "<", "20", [0, 5]),
    ("mag", "<", 20, [0, 5]),
    ("mag", "<=", " 20.0 ", [0, 1, 4, 5]),
    ("mag", ">", "-1", [0, 1, 4]),
    ("mag", ">=", "2e1", [1, 4]),
    ("mag", "is", "20", [1]),
    ("mag", "is empty", "", [3]),
    ("ccd", "is", "2", [1, 3]),
    ("ccd", "<", "10", [0, 1, 3, 4, 5]),
    ("ccd", "contains", "1", [0, 2, 4, 5]),
    ("depth", "is", "20.1", [0]),
    ("depth", ">", "21", [4, 5]),
    ("depth", "is empty", "", [2]),
    ("flagged", "is", "True", [0, 2, 5]),
]


@pytest.mark.parametrize(("column", "operator", "value", "rows"), CONDITIONS)
def test_a_condition_filters_the_queue(review, column, operator, value, rows):
    review.set_queue(columns=[(column, operator, value)])
    assert review.review_queue.rows.tolist() == rows


def test_a_number_is_compared_as_a_number_where_the_file_has_numbers(tmp_path):
    with ReviewSession.open(table_of(tmp_path, ".parquet")) as review:
        review.set_queue(columns=[("depth", "is", "21")])
        assert review.review_queue.rows.tolist() == [3]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".fits"])
def test_a_long_id_is_compared_with_all_its_digits(tmp_path, suffix):
    first = 1_237_651_234_567_890_120
    path = table_of(tmp_path, suffix, objid=np.arange(first, first + 6))
    with ReviewSession.open(path) as review:
        review.set_queue(columns=[("objid", "is", str(first + 3))])
        assert review.review_queue.rows.tolist() == [3]


def test_conditions_are_combined_with_each_other_and_with_the_rest(review):
    review.set_label("artifact")
    review.set_queue(
        ("FP",),
        "unreviewed",
        columns=[("artifact_class", "contains", "ghost"), ("mag", "<=", 20)],
    )
    assert review.review_queue.rows.tolist() == [4]
    review.undo()
    assert review.review_queue.rows.tolist() == [0, 4]
    review.set_queue(("FN",), columns=[("artifact_class", "is", "ghost")])
    assert len(review.review_queue) == 0


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (("seeing", "<", "1"), "no column seeing of its own"),
        (("label", "is", "1"), "no column label of its own"),
        (("mag", "<", "bright"), "'bright' in the condition “mag < bright” is not a"),
        (("mag", ">=", ""), "'' in the condition “mag >=” is not a number"),
    ],
)
def test_a_wrong_column_or_number_is_refused_and_the_queue_stays(
    review, condition, words
):
    review.set_queue(columns=[("ccd", "is", 1)])
    before = review.review_queue
    with pytest.raises(ReviewError, match=r"predictions\.") as refused:
        review.set_queue(columns=[condition])
    assert words in str(refused.value)
    assert review.review_queue is before


@pytest.mark.parametrize(
    ("columns", "error"),
    [
        ([("mag", "==", "1")], ValueError),
        ([("mag", "is", [1])], TypeError),
        ([("mag",)], TypeError),
        (("mag", "is", "1"), TypeError),
        ([(1, "is", "1")], TypeError),
    ],
)
def test_what_is_no_condition_is_refused(review, columns, error):
    with pytest.raises(error, match="columns: "):
        review.set_queue(columns=columns)


def test_the_distinct_values_are_offered_if_they_are_few(review):
    own = review.own_columns
    assert own.choices("artifact_class", 5) == ("Ghost", "bleed", "ghost", "trail")
    assert own.choices("ccd", 5) == ("1", "2", "10"), "in the order of the numbers"
    assert own.choices("mag", 2) == ()


# Rules in words and as JSON


def test_the_summary_names_each_condition():
    rule = QueueRule.of(
        ("FP",), "all", None, None, "table", 0,
        [("artifact_class", "is", "ghost"), ("mag", "is empty")],
    )  # fmt: skip
    text = "FP, artifact_class is ghost, mag is empty, table order"
    assert queue_summary(rule) == text


def test_a_rule_comes_back_and_that_of_an_earlier_version_can_be_read():
    rule = QueueRule.of((), "all", None, None, "table", 0, [("mag", "<", 20)])
    stored = json.loads(json.dumps(rule.as_json()))
    assert QueueRule.from_json(stored) == rule
    del stored["columns"]
    assert QueueRule.from_json(stored) == QueueRule(())
    assert QueueRule(()).as_json() == {**stored, "outcomes": ()}, "as earlier ones do"


@pytest.mark.parametrize(
    "columns",
    [7, [7], ["mag"], [["mag", "near", "20"]], [["mag", "is", {}]], [[None, "is", ""]]],
)
def test_damaged_conditions_are_no_rule(columns):
    assert QueueRule.from_json({**QueueRule().as_json(), "columns": columns}) is None


# Remembered with the review


def test_columns_and_conditions_are_there_again(review):
    review.show_columns("mag", "artifact_class")
    review.set_queue(columns=[("mag", "<", "20")])
    review.close()
    with ReviewSession.open(review.predictions.path) as again:
        assert again.shown_columns == ("mag", "artifact_class")
        assert again.review_queue.rows.tolist() == [0, 5]
        assert again.notices == ()


def test_a_changed_choice_is_told_once(review):
    told = []
    review.shown_columns_changed.connect(lambda: told.append(review.shown_columns))
    review.show_columns("mag")
    review.show_columns("mag")
    with pytest.raises(ReviewError, match="no column seeing"):
        review.show_columns("mag", "seeing")
    assert told == [("mag",)]


def test_a_column_that_the_table_has_lost_is_told_and_no_longer_used(tmp_path):
    path = table_of(tmp_path, ".csv")
    with ReviewSession.open(path) as review:
        review.show_columns("mag", "ccd")
        review.set_queue(columns=[("mag", "<", "20")])
    pd.read_csv(path).drop(columns="mag").to_csv(path, index=False)
    with ReviewSession.open(path) as again:
        assert again.shown_columns == ("ccd",)
        assert len(again.review_queue) == 6
        told = " ".join(again.notices)
    assert "no longer has the column mag" in told
    assert "The queue was reset to all errors: the table has no column mag" in told


@pytest.mark.parametrize("damage", [7, "mag", [7], {"mag": 1}])
def test_a_damaged_choice_is_reset_and_told(tmp_path, damage):
    path = table_of(tmp_path, ".csv")
    with ReviewSession.open(path) as review:
        review.show_columns("mag")
        log, state = log_path_beside(review.output), review.position.as_json()
    with closing(sqlite3.connect(log)) as db:
        text = json.dumps({**state, "shown_columns": damage})
        db.execute("UPDATE review SET state = ?", (text,))
        db.commit()
    with ReviewSession.open(path) as again:
        assert again.shown_columns == ()
        [notice] = again.notices
    assert "The stored shown_columns of this review cannot be read" in notice


# Search


def found(session, text):
    assert session.find(text)
    return session.catalog.cutout(session.current_cutout.row).row


def test_a_search_goes_from_match_to_match_and_around(review):
    review.show_columns("artifact_class", "depth")
    assert [found(review, "GHOST") for _ in range(4)] == [2, 4, 0, 2]
    assert found(review, "23") == 5
    assert not review.find("n/a"), "mag is not shown, and so not searched"
    assert not review.find("")
    assert review.current_cutout.row == 5
    review.back()
    assert review.current_cutout.row == 2


def test_a_search_stays_within_the_queue(review):
    review.show_columns("artifact_class")
    review.set_queue(columns=[("ccd", "is", "1")])
    assert [found(review, "ghost") for _ in range(2)] == [4, 0]


def test_a_search_finds_image_names_notes_and_drafts(session):
    session.set_label("artifact", note="Halo of a star")
    session.next()
    session.drafts[session.current_cutout.key] = "odd wing"
    assert found(session, "south") > found(session, "halo")
    wing = found(session, "WING")
    assert session.catalog.cutout(wing).key in session.drafts
    assert not session.find("satellite")


def test_a_search_finds_the_notes_that_the_table_had(session):
    session.set_label("artifact", note="Halo of a star")
    path = session.save()
    session.close()
    with ReviewSession.open(path, path.parent, path.with_name("more.csv")) as again:
        row = found(again, "halo of")
        assert again.catalog.cutout(row).note == "Halo of a star"
