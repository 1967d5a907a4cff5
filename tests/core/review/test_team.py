"""Two computers review one table and exchange their logs at a meeting place."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.review.session import ReviewSession
from tests.meeting_places import on_folder, on_server

TIMEOUT = 20
HEADER = "image_name,grid_x,grid_y,label,preds\n"
ROWS = "".join(f"a,{x},0,0,1\n" for x in range(0, 2000, 200))


@pytest.fixture
def open_on(tmp_path, meeting_place):
    """Return a function that opens the review on a computer with its own folder."""
    opened = []

    def open_it(computer: str, **named) -> ReviewSession:
        folder = tmp_path / computer
        folder.mkdir(exist_ok=True)
        table = folder / "predictions.csv"
        table.write_text(HEADER + ROWS)
        named.setdefault("team", meeting_place)
        named.setdefault("reviewer", "ada")
        session = ReviewSession.open(table, folder, **named)
        opened.append(session)
        return session

    yield open_it
    for session in opened:
        session.close()


def until(condition):
    """Wait until a condition holds."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def labels(session):
    return session.table.label_new.tolist()


def test_verdicts_of_one_computer_are_there_on_the_other(open_on):
    here, there = open_on("here"), open_on("there")
    here.set_label("artifact", note="seen here")
    assert here.team.synchronize(TIMEOUT)
    assert there.team.synchronize(TIMEOUT)
    assert labels(there) == labels(here)
    assert there.table.note[0] == "seen here"
    assert there.table.reviewed_by[0] == "ada"


def test_a_review_goes_on_where_the_other_computer_left_it(open_on):
    here = open_on("here", reviewer="ada")
    for _ in range(3):
        here.set_label("artifact")
        here.next()
    assert here.team.synchronize(TIMEOUT)
    here.close()
    there = open_on("there", reviewer="ada")
    assert there.team.synchronize(TIMEOUT)
    assert there.progress == (3, 10)
    there.undo()
    assert labels(there) == [1, 1, 0, *[0] * 7]
    assert there.team.synchronize(TIMEOUT)
    there.close()
    again = open_on("here")
    assert again.team.synchronize(TIMEOUT)
    assert labels(again) == labels(there)
    assert again.log == there.log


def test_undo_and_redo_are_about_the_reviewers_own_verdicts(open_on):
    here, there = open_on("here"), open_on("there", reviewer="eve")
    there.set_team_rules(is_blind=False)
    there.set_label("artifact", cutouts=[there.cutout_index.key_of(1)])
    there.undo()
    there.set_label("artifact", cutouts=[there.cutout_index.key_of(2)])
    here.set_label("artifact", cutouts=[here.cutout_index.key_of(3)])
    for session in (there, here, there):
        assert session.team.synchronize(TIMEOUT)
    assert there.undo()
    assert labels(there)[:4] == [0, 0, 0, 1]
    assert not there.undo(), "the other verdict is not this reviewer's"
    # A verdict of another reviewer does not end redo.
    here.set_label("artifact", cutouts=[here.cutout_index.key_of(4)])
    for session in (here, there):
        assert session.team.synchronize(TIMEOUT)
    assert there.redo()
    assert labels(there)[:5] == [0, 0, 1, 1, 1]
    for session in (there, here):
        assert session.team.synchronize(TIMEOUT)
    assert labels(here) == labels(there)


def test_any_order_of_exchange_gives_both_the_same_review(open_on):
    here, there = open_on("here"), open_on("there")
    here.set_label("artifact")
    there.set_label("no artifact")
    for session in (here, there, here):
        assert session.team.synchronize(TIMEOUT)
    assert labels(here) == labels(there)
    assert here.log == there.log


@on_server
def test_without_a_server_everything_goes_on_and_is_sent_later(open_on, server):
    server.stop()
    here = open_on("here")
    here.set_label("artifact")
    assert here.problem is None
    assert here.team.unsent == 1
    here.save()
    here.close()
    server.start()
    again = open_on("here")
    assert again.team.unsent == 1
    assert again.team.synchronize(TIMEOUT)
    assert (again.team.unsent, again.team.problem) == (0, None)
    again.close()
    assert open_on("here", team=None).team is None
    there = open_on("there")
    assert there.team.synchronize(TIMEOUT)
    assert labels(there)[0] == 1


@on_server
def test_what_was_sent_is_not_counted_again_after_another_opening(open_on, server):
    here = open_on("here")
    here.set_label("artifact")
    assert here.team.synchronize(TIMEOUT)
    here.close()
    server.stop()
    assert open_on("here").team.unsent == 0


@on_server
def test_a_frozen_server_holds_up_neither_verdict_nor_save_nor_closing(
    open_on, server, tmp_path
):
    here = open_on("here")
    assert here.team.synchronize(TIMEOUT)
    server.freeze()
    for _ in range(3):
        here.set_label("artifact")
        here.next()
    assert not here.team.synchronize(4)
    assert "answer" in str(here.team.problem)
    assert here.problem is None
    here.save()
    here.close()
    server.thaw()
    there = open_on("there")
    again = open_on("here")
    assert again.team.synchronize(TIMEOUT)
    assert there.team.synchronize(TIMEOUT)
    assert there.progress == (3, 10)


@on_server
def test_what_an_older_version_kept_in_the_database_is_taken_over_once(
    open_on, meeting_place, server
):
    keep_old_store(meeting_place)
    for computer in ("here", "there", "here"):
        with open_on(
            computer, team=None, store=meeting_place, reviewer="eve"
        ) as session:
            assert session.team.synchronize(TIMEOUT)
            assert len(session.log) == 2
            assert [entry.origin for entry in session.log] == ["taken over"] * 2
            assert labels(session)[:2] == [1, 0]


def keep_old_store(team: str) -> None:
    """Store two decisions in a database as version 2 did."""
    engine = sa.create_engine(team)
    with engine.begin() as db:
        for statement in (
            "CREATE TABLE review (id INT PRIMARY KEY, schema_version INT, "
            "table_name TEXT, fingerprint TEXT, state JSON)",
            "CREATE TABLE decisions (number BIGINT PRIMARY KEY, action TEXT, act "
            "BIGINT, image_name TEXT, grid_x BIGINT, grid_y BIGINT, label_new "
            "SMALLINT, reviewer TEXT, decided_at TEXT, context JSON, verdict TEXT, "
            "kind TEXT, note TEXT)",
            "INSERT INTO review VALUES (1, 2, 'predictions.csv', 'any', '{}')",
            "INSERT INTO decisions VALUES (1, 'decide', 1, 'a', 0, 0, 1, 'eve', "
            "'2026-01-01T00:00:00.000Z', '{}', 'artifact', '', ''), "
            "(2, 'decide', 2, 'a', 200, 0, 0, 'eve', "
            "'2026-01-01T00:00:01.000Z', '{}', 'no artifact', '', 'clear')",
        ):
            db.exec_driver_sql(statement)
    engine.dispose()


def test_a_copied_log_goes_on_as_a_log_of_its_own(open_on, tmp_path):
    here = open_on("here")
    here.set_label("artifact")
    assert here.team.synchronize(TIMEOUT)
    here.close()
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    here, there = open_on("here"), open_on("there")
    here.set_label("artifact", cutouts=[here.cutout_index.key_of(1)])
    there.set_label("artifact", cutouts=[there.cutout_index.key_of(2)])
    for session in (here, there, here):
        assert session.team.synchronize(TIMEOUT)
    assert labels(here)[:4] == labels(there)[:4] == [1, 1, 1, 0]
    assert here.log == there.log


def test_a_log_that_was_replaced_by_a_backup_and_continued_is_told(open_on, tmp_path):
    file = tmp_path / "here" / "test_outputs.csv.review.sqlite"
    backup = tmp_path / "backup"
    here = open_on("here")
    here.set_label("artifact")
    here.close()
    shutil.copyfile(file, backup)
    here = open_on("here")
    here.next()
    here.set_label("artifact")
    assert here.team.synchronize(TIMEOUT)
    here.close()
    shutil.copyfile(backup, file)
    alone = open_on("here", team=None)
    alone.set_label("no artifact")
    alone.close()
    here = open_on("here")
    until(lambda: here.team.problem is not None)
    assert "from entry 2 on" in str(here.team.problem)
    assert "restore the newest log" in str(here.team.problem)
    here.go_to(3)
    here.set_label("artifact")
    assert here.problem is None
    assert here.team.unsent == 2
    there = open_on("there")
    assert there.team.synchronize(TIMEOUT)
    assert labels(there)[:3] == [1, 1, 0]


def test_a_log_that_was_replaced_by_a_backup_gets_its_entries_back(open_on, tmp_path):
    file = tmp_path / "here" / "test_outputs.csv.review.sqlite"
    here = open_on("here")
    here.set_label("artifact")
    here.close()
    shutil.copyfile(file, tmp_path / "backup")
    here = open_on("here")
    here.next()
    here.set_label("artifact")
    assert here.team.synchronize(TIMEOUT)
    here.close()
    shutil.copyfile(tmp_path / "backup", file)
    here = open_on("here")
    assert here.team.synchronize(TIMEOUT)
    assert labels(here)[:2] == [1, 1]
    here.go_to(3)
    here.set_label("artifact")
    assert here.team.synchronize(TIMEOUT)


def test_a_reopened_review_goes_on_exchanging(open_on):
    here, there = open_on("here"), open_on("there")
    again = here.reopen()
    here.close()
    again.set_label("artifact")
    assert again.team.synchronize(TIMEOUT)
    there.set_label("no artifact", cutouts=[there.cutout_index.key_of(4)])
    assert there.team.synchronize(TIMEOUT)
    assert again.team.synchronize(TIMEOUT)
    assert labels(again) == labels(there)
    again.close()


def test_a_copy_in_another_place_is_the_same_review(open_on, tmp_path):
    here = open_on("here")
    here.set_label("artifact")
    assert here.team.synchronize(TIMEOUT)
    other = tmp_path / "here" / "other.csv"
    with here.with_output(other) as moved:
        here.close()
        moved.next()
        moved.set_label("artifact")
        assert moved.team.synchronize(TIMEOUT)
    there = open_on("there")
    assert there.team.synchronize(TIMEOUT)
    assert labels(there)[:3] == [1, 1, 0]


@on_server
def test_no_password_reaches_the_log_or_its_messages(
    open_on, meeting_place, server, tmp_path
):
    here = open_on("here")
    here.set_label("artifact")
    assert here.team.synchronize(TIMEOUT)
    here.close()
    password = sa.make_url(meeting_place).password
    file = tmp_path / "here" / "test_outputs.csv.review.sqlite"
    assert password.encode() not in file.read_bytes()
    assert password not in here.team.name


@on_server
def test_entries_that_were_lost_there_are_sent_again(open_on, meeting_place, server):
    here = open_on("here")
    here.set_label("artifact")
    assert here.team.synchronize(TIMEOUT)
    engine = sa.create_engine(meeting_place)
    with engine.begin() as db:
        db.exec_driver_sql("DELETE FROM meeting_entries")
    engine.dispose()
    assert here.team.synchronize(TIMEOUT)
    there = open_on("there")
    assert there.team.synchronize(TIMEOUT)
    assert labels(there)[0] == 1


def test_what_is_received_is_in_the_own_log_too(open_on, tmp_path):
    here, there = open_on("here"), open_on("there")
    here.set_label("artifact")
    assert here.team.synchronize(TIMEOUT)
    assert there.team.synchronize(TIMEOUT)
    there.close()
    copy = tmp_path / "copy.sqlite"
    shutil.copy(Path(there.store), copy)
    assert Store(copy, read_only=True).read().entries == list(here.log)


# A folder as the meeting place


@on_folder
def test_a_folder_is_known_by_its_absolute_path(
    open_on, meeting_place, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    relative = Path(meeting_place).relative_to(tmp_path)
    here = open_on("here", team=str(relative))
    here.set_label("artifact")
    assert here.team.synchronize(TIMEOUT)
    assert here.team.name == meeting_place
    monkeypatch.chdir(tmp_path / "here")
    again = here.reopen()
    here.close()
    assert again.team.synchronize(TIMEOUT)
    again.close()
    # It is not counted again, although the folder is written in another way.
    monkeypatch.chdir(tmp_path)
    Path(meeting_place).rename(tmp_path / "away")
    again = open_on("here", team=Path(meeting_place))
    assert again.team.unsent == 0


@on_folder
def test_a_folder_that_is_away_holds_nothing_up_and_gets_all_when_it_is_back(
    open_on, meeting_place, tmp_path
):
    Path(meeting_place).rename(tmp_path / "away")
    here = open_on("here")
    here.set_label("artifact")
    until(lambda: here.team.problem is not None)
    assert f"{meeting_place}: this folder does not exist" in str(here.team.problem)
    assert here.problem is None
    assert here.team.unsent == 1
    assert not Path(meeting_place).exists()
    (tmp_path / "away").rename(meeting_place)
    assert here.team.synchronize(TIMEOUT)
    assert here.team.problem is None


@on_folder
def test_a_folder_that_hangs_delays_neither_verdict_nor_save_nor_closing(
    open_on, meeting_place, monkeypatch
):
    is_asked, may_go_on = threading.Event(), threading.Event()
    scandir = os.scandir

    def hang(path):
        if str(path).startswith(meeting_place):
            is_asked.set()
            assert may_go_on.wait(TIMEOUT)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", hang)
    here = open_on("here")
    assert is_asked.wait(TIMEOUT)
    for _ in range(3):
        here.set_label("artifact")
        here.next()
    here.save()
    assert here.team.unsent == 3
    until(lambda: here.team.problem is not None)
    assert "did not answer" in str(here.team.problem)
    here.close()
    assert not may_go_on.is_set()
    may_go_on.set()
    there, again = open_on("there"), open_on("here")
    assert again.team.synchronize(TIMEOUT)
    assert there.team.synchronize(TIMEOUT)
    assert there.progress == (3, 10)


@on_folder
def test_a_folder_is_no_place_for_a_review_that_is_read_only(open_on, meeting_place):
    with pytest.raises(StoreError, match="cannot be read without a log") as caught:
        open_on("here", read_only=True)
    assert meeting_place in str(caught.value)
    assert list(Path(meeting_place).iterdir()) == []


def test_rules_of_another_computer_make_the_queue_again(open_on):
    here, there = open_on("here"), open_on("there", reviewer="eve")
    here.set_team_rules(members=("ada", "eve"), reviewers_per_cutout=1)
    assert here.team.synchronize(TIMEOUT)
    assert there.team.synchronize(TIMEOUT)
    queues = [session.review_queue.rows.tolist() for session in (here, there)]
    assert sorted(queues[0] + queues[1]) == [*range(10)]
    assert there.progress == (0, len(queues[1]))
