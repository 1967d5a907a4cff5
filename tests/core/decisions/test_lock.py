"""The lock of a log: one writer at a time, however its process ends."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from napari_artifact_review.core.decisions import lock as module
from napari_artifact_review.core.decisions.lock import LocksUnsupportedError, WriterLock
from napari_artifact_review.core.errors import HeldError
from napari_artifact_review.core.review.session import ReviewSession
from tests.another_process import running

HOLDER = """
import sys
from pathlib import Path
from napari_artifact_review.core.decisions.lock import WriterLock
print(WriterLock(Path(sys.argv[1])).acquire(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out.csv.review.sqlite.lock"


@pytest.fixture
def lock(path):
    """Return a lock that this process holds."""
    lock = WriterLock(path)
    assert lock.acquire() is None
    yield lock
    lock.release()


def test_another_process_is_told_until_the_writer_is_killed(path):
    lock = WriterLock(path)
    with running(HOLDER, path) as process:
        writer = lock.acquire()
        assert (writer.host, writer.pid) == (socket.gethostname(), process.pid)
        assert not lock.is_held
        assert f"process {process.pid} on " in str(writer)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert lock.acquire() is None
        assert lock.is_held
    lock.release()


def test_neither_host_name_nor_clock_nor_number_is_evidence(path, monkeypatch):
    with running(HOLDER, path) as process:
        # As in a container: the same host, a process of that number, another time.
        other = module.Writer(socket.gethostname(), os.getpid(), "me", "2001-01-01")
        path.write_text(f'{{"host": "{other.host}", "pid": {other.pid}}}')
        assert WriterLock(path).acquire() is not None
        assert process.poll() is None
    path.write_text('{"host": "elsewhere", "pid": 1, "user": "x", "since": "2999"}')
    lock = WriterLock(path)
    assert lock.acquire() is None, "left by a process that has ended"
    lock.release()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"pid": "x"}', "7", "\udcff"])
def test_a_writer_that_is_not_described_is_told_all_the_same(path, text):
    with running(HOLDER, path):
        path.write_text(text, errors="surrogateescape")
        assert "unknown" in str(WriterLock(path).acquire())


def test_a_second_window_of_this_process_is_told(path, lock):
    second = WriterLock(path)
    assert "another window of this one" in str(second.acquire())
    assert lock.acquire() is None, "it is held already"
    lock.release()
    assert second.acquire() is None
    second.release()


def test_one_that_takes_the_place_of_another_shares_its_lock(path, lock):
    second, third = WriterLock(path), WriterLock(path)
    assert second.acquire(shared_with=lock) is None
    lock.release()
    assert third.acquire() is not None
    assert third.acquire(shared_with=lock) is not None, "that one holds nothing"
    second.release()
    assert third.acquire() is None
    third.release()


def test_one_that_is_about_to_end_is_waited_for(path, lock):
    second, writers = WriterLock(path), []
    lock.announce_release()
    opener = threading.Thread(target=lambda: writers.append(second.acquire()))
    opener.start()
    opener.join(0.1)
    assert writers == []
    lock.release()
    opener.join(20)
    assert writers == [None]
    second.release()


def test_a_release_may_be_announced_while_a_lock_is_acquired(path, lock):
    # As by the garbage collector, which closes a forgotten session at any moment.
    class AnnouncingPath(type(path)):
        def stat(self, **options):
            lock.announce_release()
            lock.release()
            return super().stat(**options)

    other = WriterLock(AnnouncingPath(path))
    writers = []
    thread = threading.Thread(
        target=lambda: writers.append(other.acquire()), daemon=True
    )
    thread.start()
    thread.join(20)
    assert writers == [None]
    other.release()


def test_the_file_stays(path, lock):
    lock.release()
    lock.release()
    assert path.exists()


def refuses(code):
    def call(*_):
        raise OSError(code, os.strerror(code))

    return call


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_folder_without_locks_is_told(path, monkeypatch, code):
    monkeypatch.setattr("fcntl.flock", refuses(code))
    with pytest.raises(LocksUnsupportedError):
        WriterLock(path).acquire()


def test_a_folder_that_does_not_write_through_is_told(path, monkeypatch):
    monkeypatch.setattr("os.fsync", refuses(errno.EINVAL))
    with pytest.raises(LocksUnsupportedError):
        WriterLock(path).acquire()
    monkeypatch.undo()
    lock = WriterLock(path)
    assert lock.acquire() is None, "the first try left nothing locked"
    lock.release()


def test_a_fault_of_the_disk_is_no_folder_without_locks(path, monkeypatch):
    for name in ("fcntl.flock", "os.fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(name, refuses(errno.EIO))
            with pytest.raises(OSError, match="Input/output") as caught:
                WriterLock(path).acquire()
            assert not isinstance(caught.value, LocksUnsupportedError)


# A process that is forked


RELEASE = """
import os, sys
from pathlib import Path
from napari_artifact_review.core.decisions.lock import WriterLock

lock = WriterLock(Path(sys.argv[1]))
lock.acquire()
child = os.fork()
if child == 0:
    lock.release()
    sys.exit(lock.is_held)
print(os.waitpid(child, 0)[1], lock.is_held, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_has_nothing_to_release(path):
    with running(RELEASE, path, first_line="0 True") as parent:
        assert WriterLock(path).acquire().pid == parent.pid


FORK = """
import os, signal, sys
from napari_artifact_review.core.review.session import ReviewSession

session = ReviewSession.open(sys.argv[1], reviewer="parent")
session.set_label("artifact", wait=False)
child = os.fork()
if child == 0:
    signal.alarm(30)
    if sys.argv[2] == "decides":
        try:
            session.set_label("no artifact")
        except Exception as error:
            print(error, flush=True)
        session.close()
    sys.exit()  # Finalizers run.
os.waitpid(child, 0)
session.wait_until_recorded()
print(session.problem, flush=True)
sys.stdin.readline()
session.next()
session.set_label("artifact")
print(len(session.log), flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("child", ["exits", "decides"])
def test_a_forked_child_owns_nothing(survey, child):
    with subprocess.Popen(
        [sys.executable, "-c", FORK, str(survey), child],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        if child == "decides":
            error = parent.stdout.readline()
            assert "this review belongs to the parent process" in error
        assert parent.stdout.readline() == "None\n"
        with ReviewSession.open(survey, reviewer="other") as other:
            assert isinstance(other.problem, HeldError), "the parent still holds it"
            assert f"process {parent.pid} on" in str(other.problem)
            assert len(other.log) == 1
        parent.stdin.write("\n")
        parent.stdin.flush()
        assert parent.stdout.readline() == "2\n"
        parent.kill()
    with ReviewSession.open(survey, reviewer="other") as other:
        assert other.problem is None
        assert [entry.reviewer for entry in other.log] == ["parent"] * 2
        other.set_label("artifact")


ORPHAN = """
import os, sys, time
from napari_artifact_review.core.review.session import ReviewSession

session = ReviewSession.open(sys.argv[1], reviewer="parent")
session.set_label("artifact")
child = os.fork()
if child == 0:
    time.sleep(60)
    os._exit(0)
print(child, flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_keeps_no_lock_of_a_parent_that_is_gone(survey):
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(survey)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        try:
            with ReviewSession.open(survey, reviewer="other") as other:
                assert other.problem is None
                other.set_label("no artifact")
        finally:
            os.kill(child, signal.SIGKILL)
