"""Close, hide and quit at bad moments, and press and click at random."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
import qtpy
from napari.layers import Shapes
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import SaveError
from napari_artifact_review.core.review.output import Output
from napari_artifact_review.viewer.layers import OWNER
from tests.nightly import many
from tests.slow_images import forget_others, slow_down
from tests.widgets.model import Model

J, K, N, U, W, COMMA = (
    getattr(Qt.Key, f"Key_{name}") for name in ("J", "K", "N", "U", "W", "Comma")
)


def _layer(viewer, role):
    return next(x for x in viewer.layers if x.metadata.get(OWNER) == role)


def _threads():
    return [t for t in threading.enumerate() if "artifact-review" in t.name]


def _told():
    """Return what napari has told, but for the notice that a review is closed."""
    told = [str(one.message) for one in notification_manager.records]
    return [text for text in told if "Every verdict is stored" not in text]


def _close_the_dock(dock):
    dock.viewer.window.remove_dock_widget(dock)


def _close_the_viewer(dock):
    dock.viewer.close()


SIGNALS = (
    "decided",
    "queue_changed",
    "undo_or_redo_given",
    "current_changed",
    "label_changed",
    "saved",
    "problem_changed",
    "disagreements_changed",
)


def _listeners(session):
    return {name: len(getattr(session, name)) for name in SIGNALS}


# Closing while something is under way


def test_a_window_that_closes_without_a_review_leaves_no_widget_behind(viewer, qtbot):
    name = "Artifact Review"
    _, dock = viewer.window.add_plugin_dock_widget("napari-artifact-review", name)
    gone = []
    panel = dock.panel.native
    panel.destroyed.connect(lambda: gone.append(True))
    viewer.close()
    qtbot.waitUntil(lambda: bool(gone))


@pytest.fixture
def go_on():
    """Return the event that slow images and slow saves wait for."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def busy(dock, go_on, monkeypatch, press, qtbot):
    """Decide, begin to save, and go to an image; both are still under way."""
    saving, save = threading.Event(), Output.save

    def slow_save(*args):
        saving.set()
        assert go_on.wait(20)
        return save(*args)

    slow_down(dock.controller, lambda _: go_on.wait(20))
    monkeypatch.setattr(Output, "save", slow_save)
    press(dock, K)
    qtbot.waitUntil(lambda: dock.session.unsaved == 1)
    press(dock, W)
    assert saving.wait(20)
    dock.image_name.value = "south"
    assert dock.controller.view == "loading"
    return dock


@pytest.mark.parametrize("close", [_close_the_dock, _close_the_viewer])
@pytest.mark.parametrize("answers", ["before", "after"])
def test_closing_during_a_load_and_a_save_loses_nothing(
    busy, close, answers, go_on, survey, qtbot
):
    session, told = busy.session, _told()
    if answers == "before":
        # Both jobs end, and the window is closed before it gets their results.
        go_on.set()
        while busy.controller.at_hand("south") is None:
            time.sleep(0.01)
        for thread in _threads():
            if thread.name == "artifact-review-job":
                thread.join(20)
    close(busy)
    go_on.set()
    qtbot.waitUntil(lambda: not _threads(), timeout=20_000)
    QApplication.processEvents()
    assert _told() == told
    assert set(_listeners(session).values()) == {0}
    with ReviewSession.open(survey) as resumed:
        assert resumed.problem is None, "the dock let go of the review"
        assert resumed.progress == (1, 4)
        assert (resumed.unsaved, resumed.notices) == (0, ()), "it knows its output"
        assert resumed.current_cutout.key == ("south", 0, 0)
        resumed.set_label("artifact")
    saved = ReviewSession.open(session.output, output=survey.with_name("other.csv"))
    assert saved.table.set_index("error_id").label_new[1] == 0, "saved to its end"


@pytest.mark.parametrize("close", [_close_the_dock, _close_the_viewer])
def test_a_save_that_fails_after_closing_is_told_once(
    dock, close, go_on, monkeypatch, press, qtbot, capsys
):
    def fail(*_):
        assert go_on.wait(20)
        raise SaveError("the disk is full", remedy="Free it")

    monkeypatch.setattr(Output, "save", fail)
    press(dock, J)
    press(dock, W)
    assert dock.review.saver.is_saving
    told = _told()
    close(dock)
    go_on.set()
    qtbot.waitUntil(lambda: not _threads(), timeout=20_000)
    QApplication.processEvents()
    # After the window has closed, only the terminal is left.
    new = _told()[len(told) :] or capsys.readouterr().err.splitlines()
    assert len(new) == 1
    assert "The review closed without a save: the disk is full" in new[0]


def test_a_hidden_dock_goes_on(busy, go_on, settle, press, qtbot):
    busy.parent().hide()
    assert not busy.isVisible()
    go_on.set()
    settle(busy)
    qtbot.waitUntil(lambda: not busy.session.unsaved)
    press(busy, J)
    qtbot.waitUntil(lambda: busy.session.progress == (2, 4))
    busy.parent().show()
    assert busy.isVisible()
    assert busy.controller.view == "shown"
    assert busy.error_id.value == 3
    assert "Changed by" in busy.history.value
    assert "1 not yet exported" in busy.panel.saving.state.value


def test_after_closing_nothing_listens(viewer, survey, press, settle, qtbot):
    def listening():
        camera, layers = viewer.scene.camera, viewer.layers
        emitters = [
            camera.events.zoom,
            camera.events.center,
            layers.events.removing,
            layers.events.removed,
            layers.events.inserted,
            layers.selection.events.active,
            viewer.dims.events.ndisplay,
        ]
        return (
            [len(emitter.callbacks) for emitter in emitters],
            len(viewer.mouse_drag_callbacks),
            len(viewer.mouse_move_callbacks),
            dict(viewer.keymap),
            camera.orientation2d,
            list(layers),
        )

    before = listening()
    dock = open_review(viewer, survey)
    assert listening() != before
    dock.y_up.value = True
    press(dock, J, N)
    settle(dock)
    session = dock.session
    _close_the_dock(dock)
    assert listening() == before
    assert set(_listeners(session).values()) == {0}
    qtbot.waitUntil(lambda: not _threads())
    with ReviewSession.open(survey) as resumed:
        resumed.set_label("artifact")
        assert resumed.progress == (2, 4)


def test_after_closing_nothing_takes_memory(viewer, survey, press, settle, qtbot):
    dock = open_review(viewer, survey)
    press(dock, J, N)
    settle(dock)
    parts = [dock.controller, dock.controller.full]
    if qtpy.PYQT6:
        # PySide keeps an undeleted widget alive, with its connected functions.
        parts += [dock, dock.session]
    left = [weakref.ref(part) for part in parts]
    _close_the_dock(dock)
    qtbot.waitUntil(lambda: not _threads())
    del dock, parts

    def are_gone():
        gc.collect()
        assert [type(part()).__name__ for part in left if part() is not None] == []

    qtbot.waitUntil(are_gone)


_QUIT = """
import sys, time
import napari
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from napari_artifact_review import open_review
from napari_artifact_review.core.review.output import Output
from napari_artifact_review.core.decisions.store import Store

append, save = Store.append, Output.save

def slow_append(*args):
    time.sleep(0.5)
    append(*args)

def slow_save(*args):
    # Longer than any other wait at the end.
    time.sleep(1.5)
    return save(*args)

Store.append, Output.save = slow_append, slow_save
viewer = napari.Viewer(show=True)
dock = open_review(viewer, sys.argv[1])

def quit():
    QTest.keyClick(dock.window(), Qt.Key.Key_W)
    QTest.keyClick(dock.window(), Qt.Key.Key_K)
    dock.window().close()

QTimer.singleShot(0, quit)
napari.run()
"""


def test_napari_quits_without_a_word_and_keeps_the_last_key_press(survey, tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", _QUIT, survey]
    # Another napari that starts meanwhile would make the same icons.
    own = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=own)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    output = survey.with_name("test_outputs.csv")
    entries = Store(Path(f"{output}.review.sqlite")).read().entries
    assert [(entry.cutout, entry.label_new) for entry in entries] == [
        (("north", 200, 0), 0)
    ]
    with ReviewSession.open(output) as saved:
        assert saved.problem is None
        assert len(saved.table) == 36, "it was saved to its end"


# What a user does to the layers and the window


def test_whatever_is_done_to_the_layers_the_review_goes_on(
    dock, viewer, press, settle, qtbot
):
    roles = ("image", "predictions", "current", "tags", "cutouts")
    own = viewer.add_points([[0, 0]])
    for role in roles:
        _layer(viewer, role).name = "mine"
    for _ in range(3):
        viewer.layers.move(0, len(viewer.layers))
    press(dock, J, N)
    settle(dock)
    assert dock.error_id.value == 2

    for role in roles:
        viewer.layers.remove(_layer(viewer, role))
    qtbot.waitUntil(
        lambda: set(roles) <= {x.metadata.get(OWNER) for x in viewer.layers}
    )
    boxes = _layer(viewer, "cutouts")
    assert isinstance(boxes, Shapes)
    corners = np.array(boxes.data)
    boxes.data = [corners[0] + 50]
    qtbot.waitUntil(lambda: len(_layer(viewer, "cutouts").data) == len(corners))
    assert np.array_equal(_layer(viewer, "cutouts").data, corners)
    assert own in viewer.layers

    press(dock, J, N)
    settle(dock)
    assert dock.session.progress == (2, 4)
    assert dock.image_name.value == "south"
    assert _layer(viewer, "image").data[0, 0] == 2e6
    assert len([x for x in viewer.layers if OWNER in x.metadata]) == len(roles)


def test_neither_3d_nor_another_theme_disturbs_the_review(
    dock, viewer, press, settle, qtbot
):
    for theme, error in (("light", 2), ("dark", 3)):
        viewer.theme = theme
        viewer.dims.ndisplay = 3
        press(dock, J, N)
        settle(dock)
        assert viewer.dims.ndisplay == 2
        assert dock.error_id.value == error
        assert dock.controller.view == "shown"
    qtbot.waitUntil(lambda: dock.session.progress == (2, 4))


# Mashed keys


def _on_screen(dock, viewer):
    """Return the cutout that the layers show; None while an image is read."""
    image, frame = _layer(viewer, "image"), _layer(viewer, "current")
    if dock.controller.view == "loading":
        return None
    name = ("north", "west", "south")[int(image.data[0, 0] / 1e6)]
    top, left = frame.data[:, 0].min(axis=0) + frame.translate
    return name, round(left / 200) * 200, round(top / 200) * 200


SEED = 1
KEYS = {"artifact": J, "none": K, "next": N, "back": COMMA, "undo": U}


def test_a_mashed_key_decides_about_what_was_on_the_screen(
    dock, viewer, monkeypatch, settle, qtbot
):
    chance, model, too_early = random.Random(SEED), Model(), 0
    print(f"random seed {SEED}")
    delays = random.Random(SEED)
    slow_down(dock.controller, lambda _: time.sleep(delays.choice([0.02, 0.1, 0.2])))
    for _ in range(many(60, 1000)):
        forget_others(dock.controller.loader)
        if chance.random() < 0.3:
            dock.image_name.value = chance.choice(["north", "west", "south"])
        for _ in range(chance.randrange(6)):
            QApplication.processEvents()
        what = chance.choices(list(KEYS), [4, 4, 5, 4, 1])[0]
        seen = _on_screen(dock, viewer)
        if what in ("artifact", "none") and seen is None:
            too_early += 1
        else:
            model.press(what, seen)
        QTest.keyClick(dock.window(), KEYS[what])
    settle(dock)
    session = dock.session
    qtbot.waitUntil(lambda: len(session.log) == model.entries)
    assert too_early, "some keys came while an image was read"
    catalog = session.catalog
    cutouts = [catalog.cutout(row) for row in range(len(session.table))]
    decided = {c.key: c.label_new for c in cutouts if c.reviewed}
    assert decided == model.standing
    entries = Store(Path(session.store)).read().entries
    assert len(entries) == model.entries
