"""A review of a table as a training script wrote it, from opening to saving."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from napari_artifact_review.core.errors import MappingNeededError
from napari_artifact_review.core.review.check import check_review
from napari_artifact_review.core.review.output import OutputChangedError
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.mapping import ORIGIN, TableMapping
from napari_artifact_review.report.page import make_page, open_for_report

COLUMNS = {
    "image_name": "filename",
    "grid_x": "x",
    "grid_y": "y",
    "label": "y_true",
    "preds": "y_pred",
    "confidence": "prob",
}

MAPPING = TableMapping(
    COLUMNS,
    label_values={"artifact": "bogus", "no artifact": "real"},
    confidence_scale="percent",
    stride=200,
)

#: Ten cutouts, numbered as tiles: three TP, three TN, two FP and two FN.
TABLE = """\
filename,x,y,y_true,y_pred,prob,label,mag,mag
a,0,0,bogus,bogus,99,u,20,1
a,1,0,bogus,bogus,98,u,20,2
a,2,0,real,bogus,97,u,20,3
a,0,1,real,bogus,96,u,20,4
a,1,1,bogus,real,50,u,20,5
a,2,1,bogus,real,25,u,20,6
b,0,0,real,real,12,u,20,7
b,1,0,real,real,6,u,20,8
b,2,0,real,real,3,u,20,9
b,0,1,bogus,bogus,97,u,20,10
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "vetting.csv"
    path.write_text(TABLE)
    return path


def lines_of(path):
    return path.read_text().splitlines()


def test_verdicts_are_written_in_the_words_of_the_table(path):
    with ReviewSession.open(path, mapping=MAPPING, reviewer="me") as session:
        assert session.current["error_id"] == 1
        assert session.cutout_size == 200
        session.set_label("artifact")
        session.set_label("no artifact", cutouts=[session.cutout_index.key_of(4)])
        saved = session.save()
    rows = [line.split(",") for line in lines_of(saved)]
    assert [",".join(row[:9]) for row in rows] == TABLE.splitlines()
    assert rows[0][9:11] == ["error_id", "label_new"]
    words = [row[10] for row in rows[1:]]
    assert words[2] == "bogus"
    assert words[4] == "real"
    assert [row[9] for row in rows[1:]] == ["", "", "1", "2", "3", "4", *[""] * 4]


def test_the_table_of_a_session_has_both_names_of_a_column(path):
    with ReviewSession.open(path, mapping=MAPPING) as session:
        table = session.table
        assert session.own_columns.names == ("label", "mag", "mag (2)")
        assert session.own_columns.text("mag (2)", 9) == "10"
        assert session.own_columns.text("label", 0) == "u"
    assert table["grid_x"].tolist()[:3] == [0, 200, 400]
    assert table["x"].tolist()[:3] == ["0", "1", "2"]
    assert table["label"].tolist() == [1, 1, 0, 0, 1, 1, 0, 0, 0, 1]
    assert table["confidence"][0] == 0.99
    assert table["mag (2)"][9] == "10"


def test_a_review_keeps_its_mapping(path):
    with ReviewSession.open(path, mapping=MAPPING, cutout_size=150) as session:
        session.set_label("artifact")
    with ReviewSession.open(path) as session:
        assert session.predictions.mapping == MAPPING
        assert session.cutout_size == 150
        assert session.progress[0] == 1
        output = session.save()
    with ReviewSession.open(output, output=output) as session:
        assert session.progress[0] == 1
        assert session.table["label_new"].tolist()[2] == 1
    again = ReviewSession.open(path)
    reopened = again.reopen()
    again.close()
    assert reopened.predictions.mapping == MAPPING
    reopened.close()


def test_a_review_without_a_verdict_keeps_its_mapping_too(path, tmp_path):
    with ReviewSession.open(path, mapping=MAPPING, cutout_size=150) as session:
        again = session.reopen()
        moved = session.with_output(tmp_path / "other.csv")
        for other in (again, moved):
            assert other.predictions.mapping == MAPPING
            assert other.cutout_size == 150
            other.close()
    with (
        ReviewSession.open(path, mapping=MAPPING, read_only=True) as session,
        session.reopen() as again,
    ):
        assert again.predictions.mapping == MAPPING


def test_a_new_mapping_replaces_that_of_the_review(path):
    with ReviewSession.open(path, mapping=MAPPING) as session:
        session.set_label("artifact")
    inverted = TableMapping(
        COLUMNS,
        label_values={"artifact": "real", "no artifact": "bogus"},
        confidence_scale="percent",
        confidence_of="no artifact",
        stride=200,
    )
    with ReviewSession.open(path, mapping=inverted) as session:
        assert session.table["label"].tolist()[:3] == [0, 0, 1]
    with ReviewSession.open(path) as session:
        assert session.predictions.mapping == inverted


def test_a_damaged_mapping_is_told_and_asked_again(path):
    with ReviewSession.open(path, mapping=MAPPING) as session:
        session.set_label("artifact")
        store = session.store
    with closing(sqlite3.connect(store)) as db, db:
        db.execute("UPDATE review SET state = replace(state, 'percent', 'odds')")
    with pytest.raises(MappingNeededError):
        ReviewSession.open(path)
    with ReviewSession.open(path, mapping=MAPPING) as session:
        assert session.progress[0] == 1


def test_nothing_is_created_for_a_table_that_needs_a_mapping(path, tmp_path):
    with pytest.raises(MappingNeededError, match="no column image_name"):
        ReviewSession.open(path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_another_program_that_changes_the_output_is_compared_by_mapping(path):
    with ReviewSession.open(path, mapping=MAPPING) as session:
        session.set_label("artifact")
        output = session.save()
        session.set_label("artifact")
        changed = [
            line.replace("real,real,12,u,20,7,,real", "real,real,12,u,20,7,,bogus")
            for line in lines_of(output)
        ]
        assert changed != lines_of(output)
        output.write_text("".join(f"{line}\n" for line in changed))
        with pytest.raises(OutputChangedError) as caught:
            session.save()
    places = [each.where for each in caught.value.changes.differences]
    assert places == ["b (0, 0), label_new"]


@pytest.mark.parametrize("suffix", [".parquet", ".fits", ".ecsv", ".tsv"])
def test_a_mapped_table_is_converted_and_resumed(tmp_path, suffix):
    path = tmp_path / "vetting.csv"
    path.write_text(TABLE.replace(",mag,mag", ",mag,seeing"))
    output = tmp_path / f"out{suffix}"
    with ReviewSession.open(path, output=output, mapping=MAPPING) as session:
        session.set_label("artifact")
        session.save()
    with ReviewSession.open(output, output=output) as session:
        assert session.progress[0] == 1
        assert session.table["label_new"].tolist() == [1, 1, 1, 0, 1, 1, 0, 0, 0, 1]
        assert session.table["confidence"][0] == 0.99
        assert session.table["prob"].astype(str).tolist()[0].startswith("99")
        session.set_label("no artifact")
        session.save()


def test_a_label_without_an_example_is_written_as_the_mapping_names_it(tmp_path):
    path = tmp_path / "t.csv"
    rows = [f"a,{200 * i},{200 * j},clean,1" for i in range(5) for j in range(2)]
    path.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *rows, ""]))
    mapping = TableMapping(
        label_values={"artifact": ["ghost", "trail"], "no artifact": "clean"},
        preds_values={"artifact": 1, "no artifact": 0},
    )
    with ReviewSession.open(path, mapping=mapping) as session:
        session.set_label("artifact")
        saved = pd.read_csv(session.save())
    assert saved["label_new"].tolist() == ["ghost", *["clean"] * 9]


def test_each_image_can_be_one_cutout(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    rows = []
    for i in range(10):
        candid = 1_000_000_000 + i
        rows.append(f"{candid},{int(i % 3 == 0)},{0.1 * (i % 7):.1f}")
        fits.writeto(images / f"{candid}.fits", np.full((63, 61), i, dtype=np.float32))
    path = tmp_path / "stamps.csv"
    path.write_text("\n".join(["candid,is_real,drb", *rows, ""]))
    mapping = TableMapping(
        {
            "image_name": "candid",
            "grid_x": ORIGIN,
            "grid_y": ORIGIN,
            "label": "is_real",
            "confidence": "drb",
        },
        label_values={"artifact": 0, "no artifact": 1},
        confidence_of="no artifact",
    )
    with ReviewSession.open(path, mapping=mapping) as session:
        assert session.cutout_size == 63
        assert len(session.image_names) == 10
        assert session.table["grid_x"].tolist() == [0] * 10
        assert session.table["confidence"][1] == 0.9
        session.set_label("artifact")
        saved = pd.read_csv(session.save())
    assert [*saved.columns[:3]] == ["candid", "is_real", "drb"]
    assert "grid_x" not in saved
    summary, faults = check_review(path)
    assert not faults
    assert "10 images, 10 cutouts of 63 px" in summary


def test_the_report_and_the_check_use_the_mapping_of_the_review(path, tmp_path):
    fits.writeto(tmp_path / "a.fits", np.zeros((400, 600), dtype=np.float32))
    fits.writeto(tmp_path / "b.fits", np.zeros((400, 600), dtype=np.float32))
    assert check_review(path)[1]
    summary, faults = check_review(path, mapping=MAPPING)
    assert (summary != "", faults) == (True, [])
    with ReviewSession.open(path, mapping=MAPPING) as session:
        session.set_label("artifact")
    assert "2 images, 10 cutouts of 200 px" in check_review(path)[0]
    with open_for_report(path) as session:
        page = make_page(session, datetime.now(UTC).date())
    assert "Read with" in page
    assert "filename" in page
