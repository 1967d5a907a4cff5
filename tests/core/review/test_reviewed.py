"""The saved table differs from the table that was read only in the review's columns."""

from __future__ import annotations

import csv

import pytest

from napari_artifact_review.core.errors import SaveError
from napari_artifact_review.core.review.session import ReviewSession

HEADER = "image_name,grid_x,grid_y,label,preds"


def review(folder, contents, verdict="artifact", reviewer="me"):
    """Decide about the first error, and return the lines of the saved table."""
    path = folder / "in.csv"
    path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    output = folder / "out.csv"
    session = ReviewSession.open(path, output=output, reviewer=reviewer)
    session.set_label(verdict)
    session.save()
    return output.read_text(encoding="utf-8").splitlines()


def column(lines, name):
    rows = [line.split(",") for line in lines]
    return [row[rows[0].index(name)] for row in rows[1:]]


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        *(("0", "1"), ("0.0", "1.0"), ('"0"', '"1"'), (" 0 ", " 1 ")),
        *(("False", "True"), ("false", "true"), ("FALSE", "TRUE"), ("fAlse", "True")),
    ],
)
def test_a_new_label_is_spelled_like_the_others(tmp_path, label, expected):
    lines = review(tmp_path, f"{HEADER}\na,0,0,{label},1\n")
    assert column(lines, "label_new") == [expected]
    assert column(lines, "label") == [label]


def test_a_spelling_of_the_table_itself_is_preferred(tmp_path):
    lines = review(tmp_path, f"{HEADER}\na,0,0,0,1\na,200,0,1.0,1\n")
    assert column(lines, "label_new") == ["1.0", "1.0"]


def test_an_empty_label_new_is_no_spelling(tmp_path):
    lines = review(tmp_path, f"{HEADER},label_new\na,0,0,0,1,0\na,200,0,1,1,\n")
    assert column(lines, "label_new") == ["1", ""]


def test_columns_that_were_there_stay_in_their_place(tmp_path):
    head = "reviewed_at,label_new,error_id,x," + HEADER
    lines = review(tmp_path, f"{head}\n,0,7,é,a,0,0,0,1\nthen,1,,,a,200,0,1,1\n")
    assert lines[0] == f"{head},reviewed_by,decision,kind,note"
    assert column(lines, "error_id") == ["7", ""]
    assert column(lines, "reviewed_at")[1] == "then"
    assert column(lines, "reviewed_by") == ["me", ""]


def test_a_reviewer_with_a_comma_is_quoted(tmp_path):
    lines = review(tmp_path, f"{HEADER}\na,0,0,0,1\n", reviewer='Ada, "A"')
    assert next(csv.DictReader(lines))["reviewed_by"] == 'Ada, "A"'


def test_what_is_confirmed_is_written_where_the_cell_is_empty(tmp_path):
    rows = "a,0,0,0,1,\na,200,0,1,0, \na,400,0,0,1,\n"
    (tmp_path / "in.csv").write_text(f"{HEADER},label_new\n{rows}")
    with ReviewSession.open(
        tmp_path / "in.csv", output=tmp_path / "out.csv"
    ) as session:
        session.set_label("no artifact")
        session.next()
        session.set_label("artifact")
        lines = session.save().read_text().splitlines()
    assert [line["label_new"] for line in csv.DictReader(lines)] == ["0", "1", ""]


def test_a_reviewer_that_the_encoding_lacks_is_a_fault(tmp_path):
    (tmp_path / "out.csv").write_text("before")
    contents = f"{HEADER}\né,0,0,0,1\n".encode("latin-1")
    with pytest.raises(SaveError, match="LATIN-1, has no '漢'"):
        review(tmp_path, contents, reviewer="漢")
    assert (tmp_path / "out.csv").read_text() == "before"
    assert sorted(p.name for p in tmp_path.glob("*.csv")) == ["in.csv", "out.csv"]
    assert not list(tmp_path.glob("*.part"))


def test_the_real_table_changes_in_three_labels_only(tmp_path, shared_data):
    path = shared_data / "sdss" / "predictions.csv"
    session = ReviewSession.open(path, output=tmp_path / "out.csv", reviewer="me")
    changed = {}
    for _ in range(3):
        label = int(session.current["label"])
        session.set_label("no artifact" if label else "artifact")
        changed[int(session.current.name)] = str(1 - label)
        session.next()
    session.save()
    before = path.read_bytes().decode().split("\r\n")
    after = (tmp_path / "out.csv").read_bytes().decode().split("\r\n")
    rows = list(csv.DictReader(after))
    assert [line.rsplit(",", 7)[0] for line in after] == before
    assert len(changed) == 3
    for i, row in enumerate(rows):
        assert row["label_new"] == changed.get(i, row["label"])
        assert row["reviewed_by"] == ("me" if i in changed else "")
    again = ReviewSession.open(tmp_path / "out.csv", output=tmp_path / "again.csv")
    assert again.progress == (3, 41)
    again.save()
    assert (tmp_path / "again.csv").read_bytes().decode().split("\r\n") == after
