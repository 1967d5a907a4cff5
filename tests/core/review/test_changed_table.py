"""A predictions table that changes on disk during its review: the reviewer chooses."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from napari_artifact_review.core.review.output import (
    Output,
    OutputChangedError,
    TableChangedError,
)
from napari_artifact_review.core.review.reviewed_table import ReviewedTable
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.review.table_differences import Difference
from napari_artifact_review.core.tables.reading import read_predictions

TABLE = """image_name,grid_x,grid_y,label,preds,remark
a,0,0,0,1,007
a,200,0,1,0,
b,0,0,0,1,x
"""


@pytest.fixture
def path(tmp_path):
    table = tmp_path / "predictions.csv"
    table.write_text(TABLE)
    return table


@pytest.fixture
def session(path):
    """Return a review with one decision, whose table changed after it was read."""
    with ReviewSession.open(path, reviewer="me") as session:
        session.set_label("artifact")
        path.write_text(TABLE.replace("007", "agent"))
        yield session


def remarks(path: Path) -> list[str]:
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return table["remark"].tolist()


CHANGES = {
    "cell": (
        TABLE.replace(",x", ",y"),
        [Difference("b (0, 0), remark", "y", "x")],
    ),
    "label": (
        TABLE.replace("a,200,0,1", "a,200,0,0"),
        [Difference("a (200, 0), label", "0", "1")],
    ),
    "row removed": (
        TABLE.replace("b,0,0,0,1,x\n", ""),
        [Difference("b (0, 0)", "no such row", "a row")],
    ),
    "row added": (
        TABLE + "c,0,0,0,1,x\n",
        [Difference("c (0, 0)", "a row", "no such row")],
    ),
    "column renamed": (
        TABLE.replace("remark", "comment"),
        [
            Difference("column comment", "a column", "no such column"),
            Difference("column remark", "no such column", "a column"),
        ],
    ),
    "no table": (
        "not,a\ntable,x\n",
        [
            Difference(
                "the table",
                "no column image_name, grid_x, grid_y, label, preds (or confidence); "
                "the columns are 'not', 'a' (and 6 more faults)",
                "a sound table",
            )
        ],
    ),
    "line ends": (
        TABLE.replace("\n", "\r\n"),
        [Difference("the table", "other bytes, the same cells", "as it was read")],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_differs_is_told_and_nothing_is_written(path, name):
    text, differences = CHANGES[name]
    with ReviewSession.open(path) as session:
        session.set_label("artifact")
        path.write_bytes(text.encode())
        with pytest.raises(TableChangedError) as caught:
            session.save()
        assert not session.output.exists()
        assert session.unsaved == 1
    assert caught.value.path == path
    assert [one.where for one in caught.value.differences] == [
        one.where for one in differences
    ]
    if name != "no table":
        assert caught.value.differences == differences


@pytest.mark.parametrize("suffix", ["csv.gz", "parquet", "fits"])
def test_every_format_is_compared(tmp_path, suffix):
    path = tmp_path / f"in.{suffix}"

    def write(remark):
        (tmp_path / "text.csv").write_text(TABLE.replace("007", remark))
        table = read_predictions(tmp_path / "text.csv")
        ReviewedTable(table, table.label_new, {}, {}).write(path, lambda _: None)

    write("one")
    with ReviewSession.open(path) as session:
        session.save()
        write("two")
        with pytest.raises(TableChangedError) as caught:
            session.save()
    assert caught.value.differences == [Difference("a (0, 0), remark", "two", "one")]


def test_the_cells_are_saved_as_they_were_read_and_the_question_is_not_repeated(
    session, path
):
    with pytest.raises(TableChangedError):
        session.save()
    assert remarks(session.save(keep="read")) == ["007", "", "x"]
    session.next()
    session.set_label("artifact")
    assert remarks(session.save()) == ["007", "", "x"]
    path.write_text(TABLE.replace("007", "again"))
    with pytest.raises(TableChangedError):
        session.save()


def test_a_script_can_save_the_cells_that_were_read_without_being_asked(session):
    assert remarks(session.save(keep="read")) == ["007", "", "x"]


def test_a_choice_about_one_change_is_none_about_the_next(session, path):
    with pytest.raises(TableChangedError):
        session.save()
    path.write_text(TABLE.replace("007", "later"))
    with pytest.raises(TableChangedError) as caught:
        session.save(keep="read")
    assert caught.value.differences[0].theirs == "later"
    assert not session.output.exists()


def test_the_review_goes_on_with_the_table_as_it_is_now(session):
    with session.reopen() as again:
        assert remarks(again.save()) == ["agent", "", "x"]
        assert again.table["label_new"].tolist() == [1, 1, 0]


def test_a_table_that_was_put_back_is_the_one_that_was_read(session, path):
    path.write_text(TABLE)
    assert remarks(session.save()) == ["007", "", "x"]


def test_a_table_that_is_gone_says_nothing_else(session, path):
    session.save(keep="read")
    path.unlink()
    assert remarks(session.save()) == ["007", "", "x"]


def test_a_table_that_cannot_be_read_any_more_is_asked_about(session, path):
    path.unlink()
    path.mkdir()
    with pytest.raises(TableChangedError) as caught:
        session.save()
    assert caught.value.differences == [
        Difference("the table", "this is not a regular file", "a sound table")
    ]
    assert remarks(session.save(keep="read")) == ["007", "", "x"]


def test_a_changed_output_is_asked_about_after_a_changed_table(session, path):
    session.save(keep="read")
    output = session.output
    output.write_text(output.read_text().replace(",x,", ",theirs,"))
    path.write_text(TABLE.replace("007", "again"))
    with pytest.raises(TableChangedError):
        session.save()
    with pytest.raises(OutputChangedError):
        session.save(keep="read")
    session.save(keep="ours")
    assert remarks(output) == ["007", "", "x"]


def test_their_output_is_taken_over_whatever_the_table_says(session, path):
    session.save(keep="read")
    output = session.output
    output.write_text(
        output.read_text().replace("a,200,0,1,0,,2,1", "a,200,0,1,0,,2,0")
    )
    path.write_text(TABLE.replace("007", "again"))
    session.save(keep="theirs")
    assert session.catalog.cutout(1).label_new == 0


@pytest.mark.parametrize("name", ["predictions.csv", "link.csv"])
def test_a_table_that_is_its_own_output_is_asked_about_once(path, name):
    output = path.with_name(name)
    if output != path:
        output.symlink_to(path)
    with ReviewSession.open(path, output=output) as session:
        session.set_label("artifact")
        session.save()
        session.next()
        session.set_label("artifact")
        session.save()
        path.write_text(path.read_text().replace("007", "agent"))
        with pytest.raises(OutputChangedError):
            session.save()
        session.save(keep="ours")
    assert remarks(path) == ["007", "", "x"]


def test_a_change_between_reading_a_table_and_knowing_it_as_the_output_is_seen(path):
    table = read_predictions(path)
    path.write_text(TABLE.replace("007", "agent"))
    output = Output(path, [], table)
    with pytest.raises(OutputChangedError):
        output.save(ReviewedTable(table, table.label_new, {}, {}), lambda _: None)


def test_the_error_counts_the_differences_and_says_what_to_do(session):
    with pytest.raises(TableChangedError, match=r"1 difference\b.*Nothing was written"):
        session.save()
