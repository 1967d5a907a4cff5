"""A copy of the reviewed table in which a spreadsheet program finds no formula."""

from __future__ import annotations

import csv

import pytest

from napari_artifact_review.core.errors import SaveError
from napari_artifact_review.core.review import spreadsheet
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.review.spreadsheet import escape_cell, spreadsheet_path

FORMULA = '=HYPERLINK("http://x","y")'


@pytest.mark.parametrize(
    "text",
    [FORMULA, "+cmd|x", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "-", "+1e"],
)
def test_what_looks_like_a_formula_gets_an_apostrophe(text):
    assert escape_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "-1.5", "+2", "-3e-05", ".5", "a=b", "007", "'="])
def test_numbers_and_other_texts_stay(text):
    assert escape_cell(text) == text


def read(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet", "ecsv", "fits"])
def test_notes_are_saved_as_they_are_and_escaped_in_the_copy(survey, suffix):
    output = survey.with_name(f"out.{suffix}")
    with ReviewSession.open(survey, output=output) as session:
        session.set_label("artifact", note=FORMULA)
        key = session.current_cutout.key
        session.save(spreadsheet_safe=True)
        assert session.unsaved == 0
    copy = survey.with_name("out_spreadsheet.csv")
    assert spreadsheet_path(output) == copy
    [row] = [row for row in read(copy) if row["note"]]
    assert row["note"] == f"'{FORMULA}"
    assert (row["image_name"], int(float(row["grid_x"]))) == key[:2]
    with ReviewSession.open(output, survey.parent, output=output) as again:
        assert FORMULA in again.table.note.tolist()


def test_cells_and_names_of_the_table_are_escaped_too(survey):
    text = survey.read_text().replace("observer", "=observer")
    survey.write_text(text.replace(",007\n", ",-0.5\n", 1).replace(",007\n", ",@x\n"))
    with ReviewSession.open(survey) as session:
        session.save(spreadsheet_safe=True)
        rows = read(spreadsheet_path(session.output))
    assert {row["'=observer"] for row in rows} == {"-0.5", "'@x"}


def test_a_copy_that_cannot_be_written_is_told_after_the_table_is(survey, monkeypatch):
    def fail(path, *_):
        raise SaveError("the disk is full", path=path)

    monkeypatch.setattr(spreadsheet, "replace_file", fail)
    with ReviewSession.open(survey) as session:
        session.set_label("artifact")
        with pytest.raises(SaveError, match=r"_spreadsheet\.csv: the disk is full"):
            session.save(spreadsheet_safe=True)
        assert session.unsaved == 0
        assert session.output.exists()


def test_closing_with_save_writes_the_copy_as_well(survey):
    session = ReviewSession.open(survey)
    session.set_label("artifact", note="@home")
    session.close(save=True, spreadsheet_safe=True)
    assert "'@home" in spreadsheet_path(session.output).read_text()
