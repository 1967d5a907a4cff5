"""Kill the program again and again: nothing that it acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.review.session import ReviewSession
from tests.nightly import many

CHILD = Path(__file__).with_name("crash_child.py")
HEADER = "image_name,grid_x,grid_y,label,preds\n"
#: The most entries that may be on disk without an acknowledgement: those of several
#: verdicts at once, or the one of a review that was closing.
MOST_UNTOLD = 5
#: The words after which the child is killed, and the longest time after each.
MOMENTS = {"began": 0.1, "opened": 0.3, "saving": 0.03, "hurrying": 0.1, "closing": 0.1}
#: A save of this many rows takes some time, so that some kills interrupt one.
ROWS = [(f"i{i // 100}", i % 100 * 200, 0, i % 2) for i in range(1000)]


class Reviewer:
    """The child process, and what it acknowledged."""

    def __init__(self, table: Path, *more: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD), str(table), *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)

    def run(self, seed: int) -> tuple[list[str], str]:
        """Kill the child; return its lines, and what it was doing."""
        chance = random.Random(seed)
        after = [*MOMENTS][seed % len(MOMENTS)]
        delay = chance.uniform(0, MOMENTS[after])
        lines, pid, timer = [], 0, None
        self._process.stdin.write(f"{seed}\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            lines.append(line.rstrip("\n"))
            word = line.split()[0]
            if word == "began":
                pid = int(line.split()[1])
            if word == after and timer is None:
                timer = threading.Timer(delay, os.kill, (pid, signal.SIGKILL))
                timer.start()
            if word == "ended":
                break
        timer.join()
        lines.pop()
        return lines, lines[-1].split()[0]


def labels_after(entries):
    """Return the labels after a log: each entry has the label in force after it."""
    labels = {row[:3]: row[3] for row in ROWS}
    for entry in entries:
        labels[tuple(entry.cutout)] = entry.label_new
    return list(labels.values())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no SIGKILL on this system")
def test_whenever_it_is_killed_every_decision_is_there_once(tmp_path, record_property):
    table = tmp_path / "predictions.csv"
    lines = [f"{name},{x},{y},{label},{1 - label}" for name, x, y, label in ROWS]
    table.write_text(HEADER + "\n".join(lines) + "\n")
    output = tmp_path / "test_outputs.csv"
    log_file = tmp_path / "test_outputs.csv.review.sqlite"
    log, shown, before, told, kills = [], 0, None, 0, Counter()
    reviewer = Reviewer(table)
    with closing(reviewer):
        for seed in range(many(20, 200, few=10)):
            said, moment = reviewer.run(seed)
            kills[moment] += 1
            # The lock of the killed process ended with it.
            assert [line for line in said if line.startswith("opened")] in (
                [],
                ["opened None"],
            )
            kept = [line for line in said if line.startswith("kept")]
            told += len(kept)

            entries = Store(log_file).read().entries
            assert entries[: len(log)] == log
            now = [
                f"kept {e.number} {e.action} {' '.join(map(str, e.cutout))} "
                f"{e.label_new}"
                for e in entries[len(log) :]
            ]
            assert now[: len(kept)] == kept
            assert len(now) <= len(kept) + MOST_UNTOLD
            log = entries
            with closing(sqlite3.connect(log_file)) as db:
                assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

            saved = [int(line.split()[1]) for line in said if line.startswith("saved")]
            shown = max([shown, *saved])
            contents = output.read_bytes() if output.exists() else None
            if saved or contents != before:
                found = pd.read_csv(output, dtype={"label_new": int})
                assert found.iloc[:, :4].to_numpy().tolist() == [list(r) for r in ROWS]
                shown = next(
                    known
                    for known in range(shown, len(log) + 1)
                    if labels_after(log[:known]) == found["label_new"].tolist()
                )
            before = contents
    assert told > 0
    # Some kills were in a save, with pending verdicts, and while a review closed.
    assert min(kills["saving"], kills["hurrying"], kills["closing"]) > 0
    record_property("acknowledged", told)
    for moment, count in kills.items():
        record_property(f"kills at {moment}", count)
    print(f"{seed + 1} kills, {dict(kills)}, {told} acknowledged, none lost")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no SIGKILL on this system")
def test_whenever_it_is_killed_in_an_exchange_each_entry_is_there_once(
    tmp_path, server
):
    table = tmp_path / "predictions.csv"
    lines = [f"{name},{x},{y},{label},{1 - label}" for name, x, y, label in ROWS]
    table.write_text(HEADER + "\n".join(lines) + "\n")
    team = server.url(server.make_database())
    log_file = tmp_path / "test_outputs.csv.review.sqlite"
    reviewer = Reviewer(table, team)
    with closing(reviewer):
        for seed in range(many(10, 100, few=4)):
            reviewer.run(seed)
    entries = Store(log_file).read().entries
    assert len(entries) > 0
    there = tmp_path / "there"
    there.mkdir()
    copy = there / "predictions.csv"
    copy.write_bytes(table.read_bytes())
    with ReviewSession.open(table, tmp_path, reviewer="me", team=team) as here:
        assert here.team.synchronize(30)
    with ReviewSession.open(copy, tmp_path, reviewer="me", team=team) as other:
        assert other.team.synchronize(30)
        assert list(other.log) == entries
