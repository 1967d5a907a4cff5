"""Kill the real dock at random moments: every verdict it showed is there again."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_artifact_review import open_review
from tests.nightly import many
from tests.widgets.model import Model

CHILD = Path(__file__).with_name("resume_child.py")
SEED = 3

#: Seconds by which the stored position may be behind: the delay of its save, and the
#: time that a busy computer takes for a key.
BEHIND = 1.5


class Killed:
    """Runs processes one after another, and kills each at a random moment."""

    def __init__(self, table: Path, images: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(CHILD), str(table), str(images)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        # A process that hangs does not hang the test.
        self._end = threading.Timer(240, self._kill_all)
        self._end.daemon = True
        self._end.start()

    def _kill_all(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        self._end.cancel()
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)

    def run(self, seed: int) -> tuple[list[list], float]:
        """Return the output of a process, and when it was killed."""
        chance = random.Random(seed)
        # After some keys, at any moment of the next one or two.
        keys, delay = chance.randint(3, 12), chance.uniform(0, 0.2)
        said, pid, timer, killed = [], 0, None, []

        def kill() -> None:
            os.kill(pid, signal.SIGKILL)
            killed.append(time.monotonic())

        self._process.stdin.write(f"{seed}\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            word, *rest = json.loads(line)
            if word == "began":
                pid = rest[0]
            elif word == "ended":
                break
            else:
                said.append([word, *rest])
            if word == "done":
                keys -= 1
                if keys == 0:
                    timer = threading.Timer(delay, kill)
                    timer.start()
        assert timer is not None, f"it ended by itself: {said}"
        timer.join()
        return said, killed[0]


def _cutout(told):
    return tuple(told)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no SIGKILL on this system")
def test_the_sdss_review_survives_kills(
    viewer, shared_data, tmp_path, press, settle, qtbot
):
    table = Path(shutil.copy(shared_data / "sdss/predictions.csv", tmp_path))
    images = shared_data / "sdss/images"
    model, recent, last = Model(), None, None
    print(f"random seed {SEED}")

    def check_opening(place, entries, verdicts):
        """Compare what a resumed dock shows with the model."""
        if last is not None and entries != model.entries:
            # The last key before the kill may not have been shown.
            model.press(*last)
        assert entries == model.entries
        standing = model.standing
        for cutout, label, reviewed in verdicts:
            assert reviewed == (_cutout(cutout) in standing)
            if reviewed:
                assert label == standing[_cutout(cutout)]
        assert recent is None or _cutout(place) in recent, "it opens where it was"

    with closing(Killed(table, images)) as killed:
        for seed in range(SEED, SEED + many(10, 10, few=3)):
            said, when = killed.run(seed)
            word, place, entries, at, problem, verdicts = said.pop(0)
            assert word == "opened"
            assert problem == "", "the lock of the one before was taken over"
            check_opening(place, entries, verdicts)
            last, walk = None, [(at, _cutout(place))]
            for word, *rest in said:
                if word == "press":
                    last = rest[0], _cutout(rest[1])
                    continue
                assert word == "done"
                place, entries, at = rest
                shown = model.press(*last)
                assert entries == model.entries
                if last[0] not in ("next", "back"):
                    assert _cutout(place) == shown, "undo goes to what it takes back"
                last = None
                walk.append((at, _cutout(place)))
            left = [*(at for at, _ in walk[1:]), when]
            recent = {
                cutout
                for (_, cutout), until in zip(walk, left, strict=True)
                if until > when - BEHIND
            }

    dock = open_review(viewer, table, images)
    dock.auto_advance.value = False
    dock.window().activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is not None)
    session, catalog = dock.session, dock.session.catalog
    errors = [catalog.cutout(row) for row in catalog.errors]
    assert len(errors) == 41
    check_opening(
        session.current_cutout.key,
        len(session.log),
        [(c.key, c.label_new, c.reviewed) for c in errors],
    )
    for _ in range(3):
        settle(dock)
        taken_back = model.press("undo")
        press(dock, Qt.Key.Key_U)
        qtbot.waitUntil(lambda: len(session.log) == model.entries)
        assert session.current_cutout.key == taken_back

    for error in errors:
        dock.image_name.value = error.image_name
        dock.error_id.value = error.error_id
        settle(dock)
        if not session.current_cutout.reviewed:
            model.press("none" if error.error_id % 3 else "artifact", error.key)
            press(dock, Qt.Key.Key_K if error.error_id % 3 else Qt.Key.Key_J)
            qtbot.waitUntil(lambda: len(session.log) == model.entries)
    assert session.progress == (41, 41)
    press(dock, Qt.Key.Key_W)
    qtbot.waitUntil(lambda: not session.unsaved)

    before = pd.read_csv(table, dtype=str, keep_default_na=False)
    after = pd.read_csv(session.output, dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(after[before.columns], before)
    standing = model.standing
    keys = zip(
        before.image_name,
        before.grid_x.astype(int),
        before.grid_y.astype(int),
        strict=True,
    )
    decided = [standing.get(key) for key in keys]
    expected = [
        label if new is None else str(new)
        for label, new in zip(before.label, decided, strict=True)
    ]
    assert after.label_new.tolist() == expected
    assert (after.reviewed_at != "").tolist() == [new is not None for new in decided]
    assert len(standing) == 41
