"""Commands that no caller waits for: their order, their faults, and closing."""

from __future__ import annotations

import threading

import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.command import Command
from napari_artifact_review.core.decisions.decision import Decision, utc_now
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.decisions.recorder import Recorder
from napari_artifact_review.core.decisions.schema import Binding, SaveRecord
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import StoreError
from tests.slow_disk import full


class Recording:
    """A recorder, and the events that it emitted."""

    def __init__(self, path, dispatch):
        self.path = path
        store = Store(path)
        store.bind(Binding("table", "fingerprint"))
        self.log = DecisionLog()
        self.events = []
        self.lost = []
        self.recorder = Recorder(store, self.log)
        self.recorder.set_dispatcher(dispatch)
        self.recorder.recorded.connect(self.note)
        self.recorder.refused.connect(self.note_refused)
        self.recorder.problem_changed.connect(self.note_problem)

    def note(self, _command, _entries, touched):
        self.events += sorted(cutout.grid_x for cutout in touched)

    def note_refused(self, command):
        self.events.append(f"refused {command.title}")

    def note_problem(self):
        self.events.append(str(self.recorder.problem or "no problem"))

    def note_lost(self, commands):
        self.lost += [(command.title, str(command.error)) for command in commands]

    def close(self, **named):
        self.recorder.close({}, lost=self.note_lost, **named)

    def submit(self, x=0, depends_on=(), make=None):
        cutout = CutoutKey("a", x, 0)

        def decide():
            one = Decision(cutout, 1, "me", utc_now(), "artifact")
            return self.log.decide([one], {})

        command = Command(
            "decide", [cutout], make or decide, depends_on=depends_on, title=str(x)
        )
        self.recorder.submit(command)
        return command

    def on_disk(self):
        return [entry.cutout.grid_x for entry in Store(self.path).read().entries]


@pytest.fixture
def recording(slow_disk, tmp_path, main_loop):
    recording = Recording(tmp_path / "store.sqlite", main_loop.post)
    yield recording
    slow_disk.fault = None
    slow_disk.go_on()
    recording.close()


def test_nothing_is_told_before_it_is_on_disk(recording, slow_disk, main_loop):
    slow_disk.hold()
    commands = [recording.submit(x) for x in range(3)]
    main_loop.run_all()
    assert recording.events == []
    assert recording.log.entries == []
    assert recording.recorder.pending == tuple(commands)
    assert all(command.is_pending for command in commands)
    slow_disk.go_on()
    main_loop.run_until(lambda: len(recording.events) == 3)
    assert recording.events == recording.on_disk() == [0, 1, 2]
    assert [command.state for command in commands] == ["recorded"] * 3
    assert [command.act.number for command in commands] == [1, 2, 3]
    assert recording.recorder.pending == ()


def test_answers_come_in_the_thread_that_asked(recording, main_loop):
    threads = []
    command = recording.submit()
    command.settled.connect(lambda _: threads.append(threading.current_thread()))
    main_loop.run_until(lambda: threads)
    assert threads == [main_loop.thread]


def test_an_answer_that_came_before_there_was_a_dispatcher_is_taken(
    recording, main_loop
):
    main_loop.run_all()
    recording.recorder.set_dispatcher(None)
    command = recording.submit()
    # The writer does its jobs in order.
    recording.recorder.add_save(SaveRecord("digest", "/out.csv", {}))
    main_loop.run_all()
    assert command.is_pending
    recording.recorder.set_dispatcher(main_loop.post)
    main_loop.run_until(lambda: not command.is_pending)
    assert recording.events == [0]


def test_an_answer_that_comes_late_hides_no_fault(recording, slow_disk, main_loop):
    recording.recorder.save_state({})
    recording.recorder.add_save(SaveRecord("digest", "/out.csv", {}))
    slow_disk.fault = full()
    recording.submit()
    recording.recorder.wait()
    problem, refused = recording.events
    assert "disk is full" in problem
    main_loop.run_all()
    assert recording.events == [problem, refused], "the result of the position is older"


def test_an_output_that_is_being_written_is_noted_before_the_end(recording):
    with recording.recorder.staying_open():
        recorder = recording.recorder
        recording.close()
        with pytest.raises(StoreError, match="this review is closed"):
            recorder.save_state({})
        assert not Store(recording.path).read().saves
        recorder.add_save(SaveRecord("digest", "/out.csv", {}))
    assert [save.digest for save in Store(recording.path).read().saves] == ["digest"]
    with pytest.raises(StoreError, match="this review is closed"):
        recorder.add_save(SaveRecord("other", "/out.csv", {}))


def test_each_is_refused_while_the_disk_fails_and_the_next_try_is_kept(
    recording, slow_disk, main_loop
):
    slow_disk.fault = full()
    commands = [recording.submit(x) for x in range(3)]
    main_loop.run_until(lambda: not recording.recorder.pending)
    problem, *refused = recording.events
    assert "disk is full" in problem
    # The same problem is reported once.
    assert refused == ["refused 0", "refused 1", "refused 2"]
    assert [command.state for command in commands] == ["refused"] * 3
    assert not any(command.entries for command in commands)
    assert recording.log.entries == []
    slow_disk.fault = None
    recording.submit(5)
    main_loop.run_until(lambda: not recording.recorder.pending)
    assert recording.events[4:] == ["no problem", 5]
    assert recording.on_disk() == [5]


def test_independent_ones_go_on_after_one_that_is_refused(
    recording, slow_disk, main_loop
):
    slow_disk.hold()
    first = recording.submit(0)
    depending = recording.submit(1, depends_on=[first])
    next_one = recording.submit(2, depends_on=[depending])
    independent = recording.submit(3)
    slow_disk.faults.append(full())
    slow_disk.go_on()
    main_loop.run_until(lambda: not recording.recorder.pending)
    states = [one.state for one in (first, depending, next_one, independent)]
    assert states == ["refused", "refused", "refused", "recorded"]
    assert "disk is full" in str(first.error)
    assert "depends on a verdict that was not recorded (0)" in str(depending.error)
    assert "depends on a verdict that was not recorded (1)" in str(next_one.error)
    assert recording.on_disk() == [3]
    assert recording.recorder.problem is None


def test_an_exception_of_any_kind_is_a_problem_and_the_others_go_on(
    recording, slow_disk, main_loop
):
    def fail():
        raise ZeroDivisionError("by zero")

    commands = [recording.submit(0, make=fail), recording.submit(1)]
    recording.recorder.wait()
    assert [command.state for command in commands] == ["refused", "recorded"]
    assert "ZeroDivisionError: by zero" in str(commands[0].error)
    slow_disk.faults.append(MemoryError("no memory"))
    commands = [recording.submit(2), recording.submit(3)]
    main_loop.run_until(lambda: not recording.recorder.pending)
    assert [command.state for command in commands] == ["refused", "recorded"]
    assert "MemoryError: no memory" in str(commands[0].error)
    assert "no problem" in recording.events
    assert recording.on_disk() == [1, 3]


def test_a_commit_of_unknown_end_is_found_out(recording, slow_disk, main_loop):
    slow_disk.late_faults.append(full())
    first, second = recording.submit(0), recording.submit(1)
    main_loop.run_until(lambda: not recording.recorder.pending)
    assert (first.state, second.state) == ("refused", "recorded")
    assert recording.on_disk() == [0, 1]
    assert [entry.cutout.grid_x for entry in recording.log.entries] == [0, 1]
    assert recording.events[-2:] == [0, 1], "the first one is on disk and shown"


def test_saving_the_position_finds_out_that_all_is_well_again(
    recording, slow_disk, main_loop
):
    slow_disk.fault = full()
    recording.submit()
    main_loop.run_until(lambda: recording.events)
    slow_disk.fault = None
    recording.recorder.save_state({"cutout": ["a", 0, 0]})
    main_loop.run_until(lambda: recording.recorder.problem is None)
    assert recording.events[2:] == ["no problem"]


def test_a_caller_that_waits_gets_what_came_before_too(recording, main_loop):
    for x in range(5):
        recording.submit(x)
    assert recording.recorder.wait()
    assert recording.events == [0, 1, 2, 3, 4]
    # The results that were under way are not processed twice.
    main_loop.run_all()
    assert recording.events == [0, 1, 2, 3, 4]


def test_a_caller_does_not_wait_longer_than_it_wants(recording, slow_disk):
    slow_disk.hold()
    command = recording.submit()
    assert not recording.recorder.wait(0.01)
    assert command.is_pending
    assert recording.recorder.is_slow
    slow_disk.go_on()
    assert recording.recorder.wait()


def test_another_thread_waits_for_the_answers_and_takes_none(
    recording, slow_disk, main_loop
):
    slow_disk.hold()
    threads, waited = [], []
    command = recording.submit()
    command.settled.connect(lambda _: threads.append(threading.current_thread()))
    other = threading.Thread(target=lambda: waited.append(recording.recorder.wait(20)))
    other.start()
    slow_disk.go_on()
    other.join(0.2)
    assert (threads, waited) == ([], [])
    main_loop.run_until(lambda: waited)
    other.join()
    assert (threads, waited) == ([main_loop.thread], [True])


def test_a_listener_that_fails_holds_up_nothing(recording):
    def fail(*_):
        raise ZeroDivisionError

    first, second = (recording.submit(x) for x in range(2))
    first.settled.connect(fail)
    recording.recorder.recorded.connect(fail)
    with pytest.raises(Exception, match="ZeroDivisionError"):
        recording.recorder.wait()
    recording.recorder.recorded.disconnect(fail)
    recording.recorder.wait()
    assert recording.events == recording.on_disk() == [0, 1]
    assert (first.state, second.state) == ("recorded", "recorded")


@pytest.mark.parametrize("wait", [True, False])
def test_what_is_pending_when_it_closes_is_written(
    recording, slow_disk, main_loop, wait
):
    slow_disk.hold()
    commands = [recording.submit(x) for x in range(3)]
    answered = threading.Event()
    commands[-1].settled.connect(lambda _: answered.set())
    if wait:
        threading.Timer(0.05, slow_disk.go_on).start()
    recording.close(wait=wait)
    slow_disk.go_on()
    assert answered.wait(20)
    assert recording.on_disk() == [0, 1, 2]
    assert recording.lost == []
    # The loop has no results left.
    main_loop.run_all()
    assert [command.state for command in commands] == ["recorded"] * 3


def test_what_cannot_be_written_when_it_closes_is_named(recording, slow_disk):
    slow_disk.hold()
    for x in range(3):
        recording.submit(x)
    slow_disk.faults += [None, full(), None]
    threading.Timer(0.05, slow_disk.go_on).start()
    recording.close()
    [(title, error)] = recording.lost
    assert title == "1"
    assert "disk is full" in error
    assert recording.on_disk() == [0, 2]


def test_a_frozen_disk_is_waited_for_no_longer_than_told(recording, slow_disk):
    slow_disk.hold()
    commands = [recording.submit(x) for x in range(2)]
    recording.close(timeout=0.1)
    assert [title for title, _ in recording.lost] == ["0", "1"]
    assert all("has not answered" in error for _, error in recording.lost)
    assert [command.state for command in commands] == ["refused"] * 2
    slow_disk.go_on()


def test_a_listener_that_fails_holds_up_no_closing(recording, slow_disk, caplog):
    def fail(_):
        raise ZeroDivisionError

    slow_disk.hold()
    for x in range(3):
        recording.submit(x).settled.connect(fail)
    threading.Timer(0.05, slow_disk.go_on).start()
    recording.close()
    assert "ZeroDivisionError" in caplog.text
    assert recording.on_disk() == [0, 1, 2]
    again = Store(recording.path)
    again.bind(Binding("table", "fingerprint"))
    again.read()
    again.save_state({})
    again.close()


def test_after_the_end_there_is_one_clear_error(recording):
    recorder = recording.recorder
    recording.close()
    assert "this review is closed" in str(recording.submit().error)
    for late in (
        lambda: recorder.save_state({}),
        lambda: recorder.add_save(SaveRecord("digest", "/out.csv", {})),
    ):
        with pytest.raises(StoreError, match="this review is closed"):
            late()
