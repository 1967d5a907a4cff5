"""The name of the reviewer, from the opening of a review to its table and back."""

from __future__ import annotations

import csv
import getpass
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.decisions.reviewer_names import check_reviewer
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.reading import read_predictions
from tests.nightly import many

TABLE = "image_name,grid_x,grid_y,label,preds\na,0,0,0,1\na,200,0,1,0\n"

#: Names of reviewers: all that tables can hold.
NAMES = st.text(
    st.characters(
        exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters=";\u037e"
    ),
    min_size=1,
    max_size=40,
).filter(str.strip)


@settings(max_examples=many(100, 2000, few=10))
@given(first=NAMES, second=NAMES)
@example(first='"Ana", the "first"', second="=1+1")
@example(first="Zoe\u0308", second="\u202eanA")
@example(first="NaN", second="0")
@example(first="<b>Ana</b>", second="'Ana")
def test_every_name_comes_back_from_the_log_and_the_table(first, second):
    names = (check_reviewer(first), check_reviewer(second))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "predictions.csv")
        path.write_text(TABLE)
        for x, name in enumerate((first, second)):
            with ReviewSession.open(path, reviewer=name) as session:
                assert session.reviewer == names[x]
                session.select("a", 200 * x, 0)
                session.set_team_rules(is_blind=False)
                session.set_label("artifact" if x == 0 else "no artifact")
                session.save()
        with ReviewSession.open(path) as session:
            given_by = [one.reviewer for one in session.log if one.action == "decide"]
            assert tuple(given_by) == names
        with session.output.open(encoding="utf-8", newline="") as file:
            assert tuple(row["reviewed_by"] for row in csv.DictReader(file)) == names
        saved = read_predictions(session.output)
        assert tuple(saved.reviewed_by) == names
        again = Path(folder, "again.csv")
        with ReviewSession.open(session.output, output=again) as session:
            assert not session.disagreements
            session.save()
        assert tuple(read_predictions(again).reviewed_by) == names


@pytest.mark.parametrize("name", ["", "Ana;Ben", "Ana\n"])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_name_that_is_not_valid_opens_nothing(tmp_path, name, read_only):
    path = tmp_path / "predictions.csv"
    path.write_text(TABLE)
    with pytest.raises(ReviewError, match="is not a name for a reviewer"):
        ReviewSession.open(path, reviewer=name, read_only=read_only)
    assert [*tmp_path.iterdir()] == [path]


def test_a_name_is_checked_before_the_table_is_read(tmp_path):
    with pytest.raises(ReviewError, match="is not a name for a reviewer"):
        ReviewSession.open(tmp_path / "missing.csv", reviewer="Ana;Ben")


def test_a_login_name_that_tables_cannot_hold_is_made_valid(tmp_path, monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "DOMAIN;ana")
    path = tmp_path / "predictions.csv"
    path.write_text(TABLE)
    with ReviewSession.open(path) as session:
        assert session.reviewer == "DOMAIN_ana"
        session.set_label("artifact")
        assert session.log[-1].reviewer == "DOMAIN_ana"


def test_reopening_keeps_the_reviewer(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(TABLE)
    with ReviewSession.open(path, reviewer="Ana") as session, session.reopen() as again:
        assert again.reviewer == "Ana"
        with again.with_output(tmp_path / "other.csv") as moved:
            assert moved.reviewer == "Ana"
