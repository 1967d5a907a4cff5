"""Decisions that nobody waits for: their order, their faults, and the end of it."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions import Decision, DecisionLog, utc_now
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.recorder import Recorder, finish_closing
from napari_artifact_review.core.schema import Binding, SaveRecord
from napari_artifact_review.core.store import Store


class SlowStore(Store):
    """A store that waits before it writes until it may, and can be made to fail."""

    def __init__(self, place):
        super().__init__(place)
        self.may_write = threading.Event()
        self.may_write.set()
        self.fault = None

    def _connect(self):
        assert self.may_write.wait(20)
        if self.fault is not None:
            raise sqlite3.OperationalError(self.fault)
        return super()._connect()


@pytest.fixture
def store(tmp_path):
    store = SlowStore(tmp_path / "store.sqlite")
    store.bind(Binding("table", "fingerprint"))
    return store


class Recording:
    """A recorder, and what it told."""

    def __init__(self, store, deliver):
        self.log = DecisionLog()
        self.told = []
        self.recorder = Recorder(store, self.log)
        self.recorder.deliver = deliver
        self.recorder.recorded.connect(self.note)
        self.recorder.problem_changed.connect(self.note_problem)

    def note(self, entries):
        self.told += [entry.number for entry in entries]

    def note_problem(self):
        self.told.append(str(self.recorder.problem or "well again"))

    def close(self, wait=True):
        recorder, self.recorder = self.recorder, None
        if recorder is not None:
            recorder.close({}, wait)

    def put(self, x=0):
        self.recorder.put(lambda: self.make(x))

    def make(self, x):
        one = Decision(CutoutKey("a", x, 0), 1, "me", utc_now(), "artifact")
        return self.log.decide([one], {})


@pytest.fixture
def recording(store, main_loop):
    recording = Recording(store, main_loop.post)
    yield recording
    store.fault = None
    store.may_write.set()
    recording.close()


def stored(store):
    return [entry.number for entry in Store(store._file).read().entries]


def test_nothing_is_told_before_it_is_on_disk(recording, store, main_loop):
    store.may_write.clear()
    for x in range(3):
        recording.put(x)
    main_loop.run_all()
    assert recording.told == []
    assert recording.log.entries == []
    store.may_write.set()
    main_loop.run_until(lambda: len(recording.told) == 3)
    assert recording.told == stored(store) == [1, 2, 3]
    assert [entry.cutout.grid_x for entry in recording.log.entries] == [0, 1, 2]


def test_answers_come_in_the_thread_that_asked(recording, main_loop):
    threads = []
    recording.recorder.recorded.connect(
        lambda _: threads.append(threading.current_thread())
    )
    recording.put()
    main_loop.run_until(lambda: threads)
    assert threads == [main_loop.thread]


def test_an_answer_that_comes_late_hides_no_fault(recording, store, main_loop):
    recording.recorder.keep_state({})
    recording.recorder._thread.submit(int).result()
    store.fault = "database or disk is full"
    recording.put()
    recording.recorder.wait()
    [problem] = recording.told
    main_loop.run_all()
    assert recording.told == [problem], "that of the state is older"


def test_an_output_that_is_being_written_is_noted_before_the_end(recording, store):
    with recording.recorder.staying_open():
        recorder = recording.recorder
        recording.close(wait=False)
        recorder.add_save(SaveRecord("digest", "/out.csv", 0))
    finish_closing()
    assert [save.digest for save in Store(store._file).read().saves] == ["digest"]
    with pytest.raises(StoreError, match="this review is closed"):
        recorder.add_save(SaveRecord("other", "/out.csv", 0))


def test_what_followed_on_a_failure_is_dropped_and_the_next_try_is_kept(
    recording, store, main_loop
):
    store.fault = "database or disk is full"
    for x in range(3):
        recording.put(x)
    main_loop.run_until(lambda: recording.told)
    [problem] = recording.told
    assert "disk is full" in problem
    assert recording.log.entries == []
    recording.put(4)
    main_loop.run_until(lambda: recording.recorder._writing is None)
    # The same fault is not told twice.
    assert recording.told == [problem]
    store.fault = None
    recording.put(5)
    main_loop.run_until(lambda: len(recording.told) == 3)
    assert recording.told == [problem, "well again", 1]
    assert [entry.cutout.grid_x for entry in recording.log.entries] == [5]
    assert stored(store) == [1]


def test_what_took_a_failed_one_for_done_is_dropped_even_if_it_could_be_kept(
    recording, store, main_loop
):
    store.may_write.clear()
    for x in range(3):
        recording.put(x)
    store.fault = "disk I/O error"
    recording.recorder.problem_changed.connect(lambda: setattr(store, "fault", None))
    store.may_write.set()
    main_loop.run_until(lambda: recording.told)
    recording.recorder.wait()
    assert recording.log.entries == []
    recording.put(7)
    recording.recorder.wait()
    assert [entry.cutout.grid_x for entry in recording.log.entries] == [7]


def test_keeping_the_place_finds_out_that_all_is_well_again(
    recording, store, main_loop
):
    store.fault = "disk I/O error"
    recording.put()
    main_loop.run_until(lambda: recording.told)
    store.fault = None
    recording.recorder.keep_state({"cutout": ["a", 0, 0]})
    main_loop.run_until(lambda: recording.recorder.problem is None)
    assert recording.told[1:] == ["well again"]


def test_whoever_waits_gets_what_came_before_too(recording, main_loop):
    for x in range(5):
        recording.put(x)
    recording.recorder.wait()
    assert recording.told == [1, 2, 3, 4, 5]
    # The answers that were under way are not taken twice.
    main_loop.run_all()
    assert recording.told == [1, 2, 3, 4, 5]


def test_a_listener_that_fails_holds_up_nothing(recording, store):
    def fail(_entries):
        raise ZeroDivisionError

    recording.recorder.recorded.connect(fail)
    for x in range(2):
        recording.put(x)
    with pytest.raises(Exception, match="ZeroDivisionError"):
        recording.recorder.wait()
    recording.recorder.recorded.disconnect(fail)
    recording.recorder.wait()
    assert stored(store) == [1, 2]
    assert recording.told == [1, 2]


def test_what_is_being_written_when_it_closes_is_written(recording, store, main_loop):
    store.may_write.clear()
    recording.put()
    recording.close(wait=False)
    store.may_write.set()
    finish_closing()
    assert stored(store) == [1]
    main_loop.run_all()
    assert recording.told == []


def test_after_the_end_there_is_one_clear_error(recording):
    recorder = recording.recorder
    recording.close()
    for late in (
        lambda: recorder.put(lambda: recording.make(0)),
        lambda: recorder.keep_state({}),
        lambda: recorder.add_save(SaveRecord("digest", "/out.csv", 0)),
    ):
        with pytest.raises(StoreError, match="this review is closed"):
            late()
