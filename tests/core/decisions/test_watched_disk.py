"""File operations in a thread with a deadline."""

from __future__ import annotations

import threading

import pytest

from napari_artifact_review.core.decisions.watched_disk import WatchedDisk
from napari_artifact_review.core.errors import StoreError

LONG = 20.0


def test_the_result_or_the_exception_of_a_function_is_returned():
    disk = WatchedDisk("/shared", LONG)
    assert disk.run(lambda: 1 + 1) == 2
    with pytest.raises(ZeroDivisionError):
        disk.run(lambda: 1 // 0)
    assert disk.run(list) == []


def test_an_operation_that_makes_progress_may_exceed_the_deadline():
    disk = WatchedDisk("/shared", 1.5)
    steps = threading.Event()

    def work():
        for _ in range(20):
            assert not steps.wait(0.1)
            disk.step()
        return "done"

    assert disk.run(work) == "done"


def test_an_operation_without_progress_ends_for_the_caller_only():
    disk = WatchedDisk("/shared", 0.05)
    may_go_on, has_ended = threading.Event(), threading.Event()

    def hang():
        assert may_go_on.wait(LONG)
        has_ended.set()

    with pytest.raises(StoreError, match=r"/shared: .* did not answer within 0.05 s"):
        disk.run(hang)
    started = []
    with pytest.raises(StoreError):
        disk.run(lambda: started.append(1))
    assert started == [], "one operation at a time"
    may_go_on.set()
    assert has_ended.wait(LONG)
    while not started:
        try:
            disk.run(lambda: started.append(1))
        except StoreError:
            continue
    assert started == [1]


def test_its_thread_does_not_keep_the_process_alive():
    are_daemons = []
    disk = WatchedDisk("/shared", LONG)
    disk.run(lambda: are_daemons.append(threading.current_thread().daemon))
    assert are_daemons == [True]
