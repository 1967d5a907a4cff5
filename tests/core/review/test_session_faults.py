"""A review whose disk fails, or that is open twice, loses no recorded decision."""

from __future__ import annotations

import gc
import shutil
import sqlite3
import subprocess
import sys
import weakref
from contextlib import closing, contextmanager

import pandas as pd
import pytest

from napari_artifact_review.core import atomic_files
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import HeldError, SaveError, StoreError
from napari_artifact_review.core.review.session import ReviewSession
from tests.another_process import running
from tests.faults import CODES, Disk, every_fault
from tests.nightly import many

HEADER = "image_name,grid_x,grid_y,label,preds\n"
ROWS = [(name, x, 0, 0) for name in "ab" for x in range(0, 1000, 200)]


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    table = folder / "predictions.csv"
    lines = [f"{name},{x},{y},{label},1\n" for name, x, y, label in ROWS]
    table.write_text(HEADER + "".join(lines))
    return table


@pytest.fixture
def log_file(path):
    return path.with_name("test_outputs.csv.review.sqlite")


@pytest.fixture
def session(path):
    """Return a review with two decisions and an undone one, at the fourth error."""
    with ReviewSession.open(path, reviewer="me") as session:
        for _ in range(3):
            session.set_label("artifact")
            session.next()
        session.undo()
        session.next()
        yield session


def labels(session):
    return session.table["label_new"].tolist()


def stored(log_file):
    return tuple(Store(log_file).read().entries)


# The log cannot be written


@contextmanager
def connections(pragma):
    """Set a pragma for each new connection."""
    real = sqlite3.connect

    def connect(*args, **named):
        connection = real(*args, **named)
        connection.execute(f"PRAGMA {pragma}")
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", connect)
        yield


@contextmanager
def no_file_longer_than(limit):
    """Make the system refuse each byte after a limit, also when C code writes it."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def full(log_file):
    with no_file_longer_than(100):
        yield


@contextmanager
def read_only(log_file):
    with connections("query_only = 1"):
        yield


@contextmanager
def gone(log_file):
    """Move the folder away, like an unplugged disk."""
    away = log_file.parent.with_name("away")
    log_file.parent.rename(away)
    yield
    away.rename(log_file.parent)


@contextmanager
def replaced(log_file):
    kept = log_file.read_bytes()
    log_file.write_bytes(b"image_name,grid_x,grid_y\n" * 1000)
    yield
    log_file.write_bytes(kept)


@contextmanager
def locked(log_file):
    """Lock the database as another program does that does not stop writing."""
    real = sqlite3.connect

    def impatient(*args, **named):
        return real(*args, **{**named, "timeout": 0.05})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", impatient)
        other = sqlite3.connect(log_file, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.close()


FAULTS = {each.__name__: each for each in (full, read_only, gone, replaced, locked)}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_while_the_store_fails_nothing_is_shown_as_made(session, path, log_file, fault):
    before, log, told = session.table, session.log, []
    session.label_changed.connect(told.append)
    session.problem_changed.connect(lambda: told.append(session.problem))
    big = {"note": "x" * 10**5}
    with fault(log_file):
        session.view_settings = big
        at = session.current_cutout.key
        for change in (
            lambda: session.set_label("artifact"),
            session.undo,
            session.redo,
        ):
            with pytest.raises(StoreError) as caught:
                change()
            assert str(session.problem) == str(caught.value)
            assert session.current_cutout.key == at
        pd.testing.assert_frame_equal(session.table, before)
        assert session.log == log
        assert len(told) == 1
        # The review can still be read.
        assert session.next()
        assert session.previous()
        session.go_to(1)
    assert stored(log_file) == log
    session.set_label("no artifact")
    assert told[1:] == [None, 0]
    assert stored(log_file) == session.log == (*log, session.log[-1])
    after = labels(session)
    session.close()
    with ReviewSession.open(path, reviewer="me") as again:
        assert labels(again) == after


def test_a_disk_without_room_for_a_verdict_is_not_well_again(
    session, log_file, main_loop
):
    answers = []
    session.open_log.set_dispatcher(
        lambda answer: answers.append(1) or main_loop.post(answer)
    )
    with closing(sqlite3.connect(log_file)) as db:
        [pages] = db.execute("PRAGMA page_count").fetchone()
    with connections(f"max_page_count = {pages}"):
        with pytest.raises(StoreError, match="full"):
            session.set_label("artifact", note="x" * 10_000)
        main_loop.run_all()
        answers.clear()
        # There is still room for a position.
        session.save_position()
        main_loop.run_until(lambda: answers)
        main_loop.run_all()
        assert "full" in str(session.problem)
    session.save_position()
    main_loop.run_until(lambda: session.problem is None)


def test_a_store_that_fails_does_not_stop_the_other_copy(session, log_file):
    with read_only(log_file):
        session.save()
        assert session.unsaved == 0
    assert pd.read_csv(session.output)["label_new"].tolist() == labels(session)


def test_one_that_is_full_at_opening_is_told_before_the_first_verdict(path, log_file):
    with read_only(log_file), ReviewSession.open(path) as session:
        assert "cannot be written" in str(session.problem)
        session.next()
    with ReviewSession.open(path) as session:
        assert session.problem is None


def test_a_store_that_was_deleted_is_made_again_with_all_decisions(session, log_file):
    log_file.unlink()
    session.set_label("artifact")
    assert stored(log_file) == session.log
    assert len(session.log) == 5


def test_a_store_put_back_from_a_backup_gets_what_it_lacks(session, log_file):
    copy = log_file.read_bytes()
    session.set_label("artifact")
    session.save()
    log_file.write_bytes(copy)
    session.undo()
    assert stored(log_file) == session.log
    session.close()
    with ReviewSession.open(session.predictions.path) as again:
        assert again.unsaved == 1


def test_another_review_in_its_place_is_not_written_into(session, log_file, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text(f"{HEADER}c,0,0,0,1\n")
    with ReviewSession.open(other) as another:
        another.set_label("artifact")
    kept = log_file.read_bytes()
    shutil.copy(tmp_path / "test_outputs.csv.review.sqlite", log_file)
    theirs = log_file.read_bytes()
    with pytest.raises(StoreError, match="another program has written"):
        session.set_label("artifact")
    assert log_file.read_bytes() == theirs
    # The table can still be saved.
    assert pd.read_csv(session.save())["label_new"].tolist() == labels(session)
    log_file.write_bytes(kept)
    session.set_label("artifact")
    assert stored(log_file) == session.log


def test_wherever_in_the_store_the_disk_ends_nothing_is_lost(session, path, log_file):
    """Let the disk be full at each byte, as SQLite's own tests do at each call."""
    kept = refused = 0
    # Python ignores the signal, so a write beyond the limit raises an error.
    limit, step = 0, many(379, 61)
    while kept < 5:
        limit += step
        before, log = labels(session), session.log
        value = "no artifact" if session.current.label_new else "artifact"
        with no_file_longer_than(limit):
            try:
                session.set_label(value)
                kept += 1
            except StoreError:
                refused += 1
                assert (labels(session), session.log) == (before, log)
        assert stored(log_file) == session.log
    assert refused > 20
    after = labels(session)
    session.close()
    with ReviewSession.open(path) as again:
        assert labels(again) == after
        assert again.problem is None


def test_whatever_fails_in_a_save_the_output_is_the_old_or_the_new_one(
    path, log_file, monkeypatch
):
    monkeypatch.setattr(atomic_files, "RETRY_DELAYS", (0,))
    output = path.with_name("test_outputs.csv")
    with ReviewSession.open(path, reviewer="me") as session:
        session.set_label("artifact")
        session.save()
    last, log = labels(session), session.log
    outcomes = {"saved": 0, "refused": 0}
    for fault in every_fault(codes=CODES[: many(1, 4)]):
        before = output.read_bytes()
        with ReviewSession.open(path, reviewer="me") as session:
            assert (session.problem, session.unsaved) == (None, 0)
            assert (labels(session), session.log) == (last, log)
            label = int(session.current.label_new)
            session.set_label(("artifact", "no artifact")[label])
            with Disk(path.parent, fault):
                try:
                    where = session.save()
                except SaveError:
                    where = None
            outcomes["refused" if where is None else "saved"] += 1
            found = output.read_bytes()
            if where == output or found != before:
                assert pd.read_csv(output)["label_new"].tolist() == labels(session)
            assert (session.unsaved == 0) == (where == output)
            assert stored(log_file) == session.log
            if session.unsaved:
                session.save()
            last, log = labels(session), session.log
        for litter in path.parent.glob("*.backup.csv"):
            litter.unlink()
    assert min(outcomes.values()) > 10


# Two sessions at once


def check_that_it_only_looks(session, path):
    told = str(session.problem)
    assert isinstance(session.problem, HeldError)
    assert "is open elsewhere" in told
    with pytest.raises(HeldError):
        session.set_label("unsure")
    with pytest.raises(HeldError):
        session.undo()
    with pytest.raises(HeldError):
        session.save()
    assert not session.output.exists()
    assert labels(session)[:3] == [1, 1, 0]
    session.go_to(2)
    assert session.next()
    session.save_position()
    return told


def test_a_second_window_is_told_and_only_looks(session, path, log_file):
    with ReviewSession.open(path, reviewer="me") as second:
        told = check_that_it_only_looks(second, path)
        assert "another window of this" in told
    session.set_label("artifact")
    assert stored(log_file) == session.log
    session.close()
    with ReviewSession.open(path) as third:
        assert third.problem is None
        assert len(third.log) == 5


REVIEWER = """
import sys
from napari_artifact_review.core.review.session import ReviewSession
session = ReviewSession.open(sys.argv[1], reviewer="she")
for _ in range(2):
    session.set_label("artifact")
    session.next()
print(session.problem, flush=True)
sys.stdin.read()
"""


_CLOSE_AT_THE_END = """
import atexit, sys
from napari_artifact_review.core.review.session import ReviewSession
session = ReviewSession.open(sys.argv[1])
session.set_label("artifact")
session.next()
atexit.register(session.close)
"""


def test_a_review_is_closed_as_well_when_python_ends(path):
    command = [sys.executable, "-c", _CLOSE_AT_THE_END, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    with ReviewSession.open(path) as session:
        assert session.problem is None, "the other one let go of it"
        assert session.progress[0] == 1
        assert session.current.grid_x == 200, "and noted where it was"


_FULL_AT_THE_END = """
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.decisions.store import Store
def fail(*_):
    raise StoreError("the disk is full")
Store.close = fail
"""


def test_python_ends_without_a_word_where_the_disk_is_full_by_then(path):
    script = _CLOSE_AT_THE_END + _FULL_AT_THE_END
    command = [sys.executable, "-c", script, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    with ReviewSession.open(path) as session:
        assert session.problem is None
        assert session.progress[0] == 1


def test_another_process_is_told_until_the_first_is_killed(path, log_file):
    with running(REVIEWER, path) as first:
        with ReviewSession.open(path, reviewer="she") as second:
            told = check_that_it_only_looks(second, path)
            assert f"process {first.pid} on " in told
            assert " since 20" in told
        first.kill()
        # The process may need a moment to end.
        first.wait()
        with ReviewSession.open(path, reviewer="she") as third:
            assert third.problem is None
            assert third.undo()
            third.set_label("no artifact")
            assert [entry.reviewer for entry in third.log] == ["she"] * 4
            assert stored(log_file) == third.log


def test_one_that_only_looked_may_go_on_when_the_other_let_go(session, path, log_file):
    second = ReviewSession.open(path, reviewer="you")
    session.close()
    second.set_label("artifact")
    assert second.problem is None
    assert stored(log_file) == second.log
    second.close()


def test_one_that_only_looked_saves_nothing_that_is_old(session, path, log_file):
    looker = ReviewSession.open(path, output=session.output)
    session.set_label("artifact")
    session.close()
    for _ in range(2):
        with pytest.raises(
            HeldError, match=r"continued this review .* Reopen the review"
        ):
            looker.set_label("artifact")
        with pytest.raises(HeldError):
            looker.save()
    assert not session.output.exists()
    looker.close()


def test_one_that_only_looked_is_opened_again_as_it_was_left(path, tmp_path):
    named = {"store": tmp_path / "elsewhere.sqlite", "output": tmp_path / "out.csv"}
    with ReviewSession.open(path, **named) as first:
        looker = ReviewSession.open(path, **named, reviewer="you", cutout_size=64)
        assert isinstance(looker.problem, HeldError)
        first.set_label("artifact")
    with looker.reopen() as again:
        assert again.problem is None
        assert (again.store, again.output) == (looker.store, looker.output)
        assert (again.reviewer, again.cutout_size) == ("you", 64)
        assert again.log == first.log
        with again.reopen() as itself:
            assert itself.problem is None, "it may take its own log_file"
    looker.close()


def test_one_that_only_looked_cannot_go_on_from_what_is_old(session, path, log_file):
    second = ReviewSession.open(path, reviewer="me")
    session.set_label("artifact")
    session.close()
    with pytest.raises(StoreError, match="continued this review"):
        second.set_label("no artifact")
    assert stored(log_file) == session.log
    second.close()
    with ReviewSession.open(path, reviewer="me") as third:
        assert third.undo()


def test_a_session_without_references_releases_its_lock(path, log_file):
    ReviewSession.open(path).set_label("artifact")
    with ReviewSession.open(path) as session:
        assert session.problem is None
        assert len(session.log) == 1


def test_what_is_pending_when_its_session_is_forgotten_is_recorded(path, log_file):
    session = ReviewSession.open(path)
    for value in ("artifact", "no artifact", "artifact"):
        session.set_label(value, wait=False)
    del session
    with ReviewSession.open(path) as again:
        assert again.problem is None
        assert [entry.verdict for entry in again.log] == [
            "artifact",
            "no artifact",
            "artifact",
        ]
        again.set_label("artifact")
        assert stored(log_file) == again.log


def test_closed_and_opened_at_once_it_goes_on(session, path):
    session.set_label("artifact", wait=False)
    session.close(wait=False)
    with ReviewSession.open(path) as again:
        assert again.problem is None
        assert len(again.log) == 5


def test_a_session_that_is_closed_takes_no_memory(path):
    session = ReviewSession.open(path)
    session.set_label("artifact")
    session.close()
    for signal in (session.problem_changed, session.disagreements_changed):
        signal.connect(lambda listening=session: listening.close())
    left = weakref.ref(session)
    del session, signal
    gc.collect()
    assert left() is None


def test_a_closed_session_decides_no_more(session, path):
    session.close()
    session.close()
    with pytest.raises(StoreError, match="this review is closed"):
        session.set_label("artifact")
    with ReviewSession.open(path) as again:
        assert again.problem is None
