"""The list of kinds of artifact: the usual one, or the team's own."""

from __future__ import annotations

import os

import pytest

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.kinds import DEFAULT_KINDS, KINDS_NAME, kinds_beside
from napari_artifact_review.core.review.session import ReviewSession


@pytest.fixture
def table(tmp_path):
    return tmp_path / "predictions.csv"


def test_without_a_file_the_usual_ones_are_offered(table):
    assert kinds_beside(table) == DEFAULT_KINDS
    assert DEFAULT_KINDS[0] == "satellite trail"


def test_a_team_lists_its_own(table):
    text = "\ufeff# ours\n tumbler \n\nglint # short\ntumbler\nRöhre\n"
    table.with_name(KINDS_NAME).write_text(text, encoding="utf-8")
    assert kinds_beside(table) == ("tumbler", "glint", "Röhre")


@pytest.mark.parametrize(
    "contents",
    [b"", b"# nothing\n", b"\xff\xfe\x00", b"\n".join(b"%d" % i for i in range(101))],
)
def test_what_is_no_list_is_told(table, contents):
    table.with_name(KINDS_NAME).write_bytes(contents)
    with pytest.raises(ReviewError, match="one kind of artifact a line"):
        kinds_beside(table)


def test_a_list_that_cannot_be_read_stops_no_review(survey):
    survey.with_name(KINDS_NAME).write_bytes(b"\xff")
    with ReviewSession.open(survey) as session:
        assert session.kinds == DEFAULT_KINDS
        [remark] = [text for text in session.notices if KINDS_NAME in text]
        assert "The default kinds" in remark
        session.set_label("artifact", kind="a kind of no list")
        assert session.current.kind == "a kind of no list"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_instead_of_the_list_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / KINDS_NAME)
    with pytest.raises(ReviewError, match="not a regular file"):
        kinds_beside(tmp_path / "predictions.csv")


def test_a_list_has_at_most_64_kilobytes(tmp_path):
    path = tmp_path / KINDS_NAME
    path.write_text("trail\n" + "#" * (2**16 - 6))
    assert kinds_beside(tmp_path / "predictions.csv") == ("trail",)
    path.write_text("trail\n" + "#" * (2**16 - 5))
    with pytest.raises(ReviewError, match="larger than 65,536 bytes"):
        kinds_beside(tmp_path / "predictions.csv")
