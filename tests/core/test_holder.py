"""Who holds a review, and who no longer does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from napari_artifact_review.core import holder as module
from napari_artifact_review.core.holder import hold, let_go, may_live


class Owner:
    """Something that holds a review."""


@pytest.fixture
def process():
    """A process of this computer that lives until the test ends."""
    wait = "import sys; print(); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", wait], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        running.stdout.readline()
        yield running
        running.stdin.close()


@pytest.fixture
def other(process):
    """A holder in that process."""
    started = psutil.Process(process.pid).create_time()
    return replace(hold(Owner()), pid=process.pid, started=started)


def test_one_of_this_process_holds_while_its_owner_is_there():
    owner = Owner()
    ours = hold(owner)
    assert may_live(ours)
    del owner
    assert not may_live(ours)


def test_one_that_let_go_holds_no_more():
    owner = Owner()
    ours = hold(owner)
    let_go(ours)
    assert not may_live(ours)


def test_two_holdings_are_never_taken_for_one_another():
    owner = Owner()
    assert hold(owner).token != hold(owner).token


def test_another_process_holds_while_it_runs(process, other):
    assert may_live(other)
    process.kill()
    end = time.monotonic() + 20
    # Before its exit status is asked for, it stays among the processes.
    while may_live(other):
        assert time.monotonic() < end
    process.wait()
    assert not may_live(other)


def test_a_process_with_the_number_of_one_that_is_gone_holds_nothing(other):
    assert not may_live(replace(other, started=other.started - 60))


def test_a_clock_that_moves_a_little_makes_nobody_another(other):
    assert may_live(replace(other, started=other.started + 1))


def test_of_another_computer_nobody_knows(other):
    assert may_live(replace(other, host="elsewhere", pid=2**22 + 1))


def test_a_process_that_only_its_user_may_see_may_live(other, monkeypatch):
    def hidden(pid):
        raise psutil.NoSuchProcess(pid)

    def kill(pid, signal):
        assert signal == 0
        raise refused

    monkeypatch.setattr(psutil, "Process", hidden)
    monkeypatch.setattr(module.os, "name", "posix")
    monkeypatch.setattr(module.os, "kill", kill)
    refused = PermissionError()
    assert may_live(other)
    refused = ProcessLookupError()
    assert not may_live(other)


def test_people_are_told_who_where_and_since_when(other):
    told = str(replace(other, host="elsewhere", since="2026-01-02T03:04:05.678Z"))
    for part in (
        f"process {other.pid}",
        "elsewhere",
        other.user,
        "2026-01-02",
        "03:04",
    ):
        assert part in told
    assert "another window" not in told
    assert "another window" in str(hold(Owner()))
    assert hold(Owner()).pid == os.getpid()
