"""A read-only review writes no file and holds no lock."""

from __future__ import annotations

import pytest

from napari_artifact_review.core.errors import HeldError
from napari_artifact_review.core.review.session import ReviewSession
from tests.core.decisions import test_migration as migration


def look(survey, **named):
    return ReviewSession.open(survey, read_only=True, **named)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_no_file_is_made(survey):
    before = contents(survey.parent)
    with look(survey) as session:
        assert session.progress == (0, 4)
        session.save_position()
    assert contents(survey.parent) == before


def test_nothing_can_be_decided_or_saved(survey):
    before = contents(survey.parent)
    with look(survey) as session:
        assert "opened with read_only" in str(session.problem)
        for act in (session.save, lambda: session.set_label("artifact")):
            with pytest.raises(HeldError, match="opened with read_only"):
                act()
        assert session.log == ()
    assert contents(survey.parent) == before


def test_it_shows_what_another_window_decides_and_is_not_in_its_way(session, survey):
    session.set_label("artifact", note="faint")
    with look(survey) as looker:
        assert looker.log == session.log
        session.next()
        session.set_label("no artifact")
        assert session.problem is None
    session.set_label("artifact")
    with look(survey) as looker:
        assert looker.log == session.log
    session.close()


def test_it_locks_no_other_process_out(survey):
    with look(survey), ReviewSession.open(survey) as session:
        session.set_label("artifact")
        assert session.problem is None


def test_a_store_of_an_older_version_is_left_as_it_is(tmp_path):
    table, output = tmp_path / "predictions.csv", tmp_path / "out.csv"
    table.write_text(migration.TABLE)
    output.write_text(migration.SAVED)
    migration.make(table, output, migration.STORE)
    before = contents(tmp_path)
    with pytest.raises(HeldError, match=r"opened with read_only.*migrate its log"):
        look(table, output=output)
    assert contents(tmp_path) == before
