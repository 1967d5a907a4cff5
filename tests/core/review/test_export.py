"""The reviewed table is written at the end, without a question and without a loss."""

from __future__ import annotations

import threading

import pandas as pd
import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.errors import SaveError
from napari_artifact_review.core.review.output import Output, OutputChangedError
from napari_artifact_review.core.review.session import ReviewSession

HEADER = "image_name,grid_x,grid_y,label,preds,remark\n"
A, B = CutoutKey("a", 0, 0), CutoutKey("b", 0, 0)


@pytest.fixture
def path(tmp_path):
    table = tmp_path / "predictions.csv"
    table.write_text(f"{HEADER}a,0,0,0,1,x\nb,0,0,1,0,y\n")
    return table


@pytest.fixture
def output(tmp_path):
    return tmp_path / "test_outputs.csv"


@pytest.fixture
def open_session(path):
    """Return a function that opens the review; a test closes it."""
    return lambda **more: ReviewSession.open(path, reviewer="ada", **more)


def labels(table):
    return pd.read_csv(table).label_new.tolist()


def dated(output):
    """Return the files beside the output: dated copies and backups."""
    return sorted(set(output.parent.glob("test_outputs*.csv")) - {output})


def edit(output):
    """Change the output as another program would."""
    output.write_text(output.read_text().replace(",x,", ",changed,"))


def test_a_script_that_closes_a_review_writes_no_table(open_session, output):
    with open_session() as session:
        session.set_label("artifact")
    assert not output.exists()


def test_closing_with_save_writes_every_verdict_first(open_session, output, slow_disk):
    session = open_session()
    slow_disk.hold()
    session.set_label("artifact", wait=False)
    closing = threading.Thread(target=lambda: session.close(save=True))
    closing.start()
    assert not output.exists(), "the verdict is not recorded yet"
    slow_disk.go_on()
    closing.join(20)
    assert labels(output) == [1, 1]
    with open_session() as again:
        assert (again.unsaved, again.notices, again.problem) == (0, (), None)


def test_closing_without_waiting_writes_it_in_a_thread(open_session, output):
    session = open_session()
    session.set_label("artifact")
    session.close(save=True, wait=False)
    for thread in threading.enumerate():
        if thread.name == "artifact-review-close":
            assert not thread.daemon, "Python waits for its end"
            thread.join(20)
    assert labels(output) == [1, 1]


def test_a_review_without_a_verdict_writes_nothing(open_session, output):
    open_session().close(save=True)
    session = open_session()
    session.set_label("artifact")
    session.undo()
    session.close(save=True)
    assert not output.exists()


def test_a_review_that_is_saved_is_not_written_again(open_session, output):
    session = open_session()
    session.set_label("artifact")
    session.save()
    written = output.stat().st_ino
    session.close(save=True)
    assert output.stat().st_ino == written


def test_a_read_only_review_writes_nothing(open_session, output):
    session = open_session()
    session.set_label("artifact")
    session.close()
    open_session(read_only=True).close(save=True)
    assert not output.exists()


def test_the_verdicts_of_an_earlier_session_are_written_too(open_session, output):
    with open_session() as session:
        session.set_label("artifact")
    open_session().close(save=True)
    assert labels(output) == [1, 1]


@pytest.fixture
def changed(open_session, output):
    """Save a verdict, let another program change the output, and give a verdict."""
    session = open_session()
    session.set_label("artifact")
    session.save()
    edit(output)
    session.select(*B)
    session.set_label("no artifact")
    return session


def test_an_output_of_another_program_stays_and_ours_is_beside_it(
    changed, open_session, output
):
    theirs = output.read_bytes()
    changed.close(save=True)
    assert output.read_bytes() == theirs
    [copy] = dated(output)
    assert labels(copy) == [1, 0]
    with open_session() as again:
        notice = again.notices[-1]
        assert "another program changed it" in notice
        assert str(copy) in notice
        again.save()
        assert again.notices == ()
    with open_session() as last:
        assert last.notices == ()


def test_the_same_verdicts_are_written_beside_it_only_once(
    changed, open_session, output
):
    changed.close(save=True)
    open_session().close(save=True)
    assert len(dated(output)) == 1
    session = open_session()
    session.set_label("unsure")
    session.close(save=True)
    assert len(dated(output)) == 2


def test_a_copy_that_the_user_chose_is_enough(changed, open_session, output):
    changed.save("beside")
    changed.close(save=True)
    assert len(dated(output)) == 1
    with open_session() as again:
        assert not any("was not written" in text for text in again.notices)


def test_a_question_that_was_asked_before_is_still_asked(changed, output):
    with pytest.raises(OutputChangedError):
        changed.save()
    job = changed.saver.prepare_export()
    changed.saver.finish(job())
    theirs = output.read_bytes()
    with pytest.raises(OutputChangedError):
        changed.save()
    assert output.read_bytes() == theirs
    changed.close()


def test_a_file_that_is_not_of_this_review_is_not_replaced_unasked(
    open_session, output
):
    output.write_text("my own table")
    session = open_session()
    session.set_label("artifact")
    session.close(save=True)
    assert output.read_text() == "my own table"
    [copy] = dated(output)
    assert labels(copy) == [1, 1]
    with open_session() as again:
        assert any("not a file of this review" in text for text in again.notices)


def test_a_table_that_changed_on_disk_is_written_as_it_was_read_beside_the_output(
    open_session, path, output
):
    session = open_session()
    session.set_label("artifact")
    path.write_text(path.read_text().replace(",x", ",changed"))
    session.close(save=True)
    assert not output.exists()
    [copy] = dated(output)
    assert pd.read_csv(copy).remark.tolist() == ["x", "y"]
    with open_session() as again:
        assert "table changed on disk" in again.notices[-1]


def test_a_table_that_is_its_own_output_is_replaced_after_a_backup(path):
    path = path.rename(path.with_name("test_outputs.csv"))
    before = path.read_bytes()
    session = ReviewSession.open(path)
    session.set_label("artifact")
    session.close(save=True)
    assert labels(path) == [1, 1]
    assert [backup.read_bytes() for backup in dated(path)] == [before]


def test_an_error_is_told_and_the_review_is_closed(open_session, output, monkeypatch):
    def fail(*_):
        raise SaveError("the disk is full", remedy="Free it")

    monkeypatch.setattr(Output, "save", fail)
    session = open_session()
    session.set_label("artifact")
    with pytest.raises(SaveError, match="full"):
        session.close(save=True)
    told = []
    session = open_session()
    assert session.problem is None, "it was released"
    session.set_label("unsure")
    session.close(save=True, not_saved=told.append)
    assert "full" in str(told)
    with open_session() as again:
        assert again.unsaved == 1


def test_a_disk_that_does_not_answer_does_not_hold_the_review(
    open_session, monkeypatch
):
    go_on = threading.Event()
    module = "napari_artifact_review.core.review.closing_export.EXPORT_TIMEOUT"
    monkeypatch.setattr(module, 0.2)
    monkeypatch.setattr(Output, "save", lambda *_: go_on.wait(20))
    session = open_session()
    session.set_label("artifact")
    with pytest.raises(SaveError, match="has not answered"):
        session.close(save=True)
    with open_session() as again:
        assert again.problem is None
    go_on.set()


def test_labels_that_differ_are_not_written_unasked(open_session, path, output):
    with open_session() as session:
        session.set_label("artifact")
        saved = session.save()
    saved.write_text(saved.read_text().replace(",1,ada,", ",0,ada,"))
    looked_at = ReviewSession.open(saved)
    assert looked_at.disagreements
    looked_at.close(save=True)
    session = ReviewSession.open(saved, reviewer="ada")
    session.set_label("unsure", cutouts=[B])
    with pytest.raises(SaveError, match="Choose first"):
        session.close(save=True)


def test_a_script_counts_what_is_stored_and_what_is_exported(open_session):
    with open_session() as session:
        assert (session.stored, session.unsaved) == (0, 0)
        session.set_label("artifact")
        session.save()
        session.select(*B)
        session.set_label("unsure")
        assert (session.stored, session.unsaved) == (2, 1)
