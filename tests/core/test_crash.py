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

from napari_artifact_review.core.store import Store
from tests.nightly import many

CHILD = Path(__file__).with_name("crash_child.py")
HEADER = "image_name,grid_x,grid_y,label,preds\n"
#: A save of so many takes a while, so that some kills fall into one.
ROWS = [(f"i{i // 100}", i % 100 * 200, 0, i % 2) for i in range(1000)]


class Reviewer:
    """The child, and what its lines say was done."""

    def __init__(self, table: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD), str(table)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)

    def run(self, seed: int) -> list[str]:
        """Return the lines of a reviewer who is killed."""
        chance = random.Random(seed)
        # At any moment after it began, was opened, or began to do something.
        delays = {
            "began": 0.1,
            "opened": 0.3,
            "saving": 0.03,
            "pending": 0.01,
            "closing": 0.01,
        }
        after = chance.choice([*delays])
        delay = chance.uniform(0, delays[after])
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
        return lines


def labels_after(entries):
    """What a log comes to: each entry tells the label that stands after it."""
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
    place = tmp_path / "test_outputs.csv.review.sqlite"
    log, shown, before, told, kills = [], 0, None, 0, Counter()
    reviewer = Reviewer(table)
    with closing(reviewer):
        for seed in range(many(20, 200)):
            said = reviewer.run(seed)
            kills[said[-1].split()[0]] += 1
            # The lock of the one before ended with it.
            assert {line for line in said if line.startswith("opened")} <= {
                "opened None"
            }
            kept = [line for line in said if line.startswith("kept")]
            told += len(kept)

            entries = Store(place).read().entries
            assert entries[: len(log)] == log
            now = [
                f"kept {e.number} {e.action} {' '.join(map(str, e.cutout))} "
                f"{e.label_new}"
                for e in entries[len(log) :]
            ]
            assert now[: len(kept)] == kept
            # Three at most were given and not acknowledged yet.
            assert len(now) <= len(kept) + 3
            log = entries
            with closing(sqlite3.connect(place)) as db:
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
    assert min(kills[word] for word in ("saving", "pending", "closing")) > 0
    record_property("acknowledged", told)
    record_property("kills", dict(kills))
    print(f"{told} acknowledged, none lost by kills while {dict(kills)}")
