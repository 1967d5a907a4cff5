"""The learned order and similar cutouts in the dock, with real keys."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_artifact_review import open_review

Key = Qt.Key


@pytest.fixture
def dock(viewer, demo, tmp_path):
    return open_review(
        viewer, demo.predictions, demo.images, tmp_path / "out.csv", reviewer="ada"
    )


@pytest.fixture
def press(dock, qtbot):
    def press(key):
        qtbot.waitUntil(lambda: dock.is_shown, timeout=20_000)
        QTest.keyClick(dock.window(), key)
        qtbot.waitUntil(lambda: dock.pending == 0)

    return press


def test_verdicts_move_the_cutouts_ahead(dock, press, qtbot):
    session, queue = dock.session, dock.panel.queue
    dock.panel.folds["queue"].header.setChecked(True)
    assert not queue.learning.visible
    queue.order.value = "learned"
    assert session.review_queue.rule.order == "learned"
    assert queue.learning.visible
    assert "Warm-up: 0 of 20 verdicts" in queue.learning.value
    qtbot.waitUntil(lambda: session.descriptors.is_ready, timeout=60_000)
    qtbot.waitUntil(lambda: "images read" not in queue.learning.value)
    shown = []
    for number in range(30):
        shown.append(session.current_cutout.row)
        press(Key.Key_J if number % 3 else Key.Key_K)
        qtbot.waitUntil(lambda: session.learned_queue.wait(0))
        rows = session.review_queue.rows.tolist()
        assert rows[: len(shown)] == shown
        if not session.review_queue.left:
            break
    qtbot.waitUntil(
        lambda: queue.learning.value.startswith(("Learned from", "Warm-up: 2"))
    )
    last = session.log[-1].context["view"]["order"]
    assert last["model"] is not None
    queue.order.value = "image"
    assert not queue.learning.visible


def test_similar_cutouts_are_a_page_and_one_key_goes_back(dock, press, qtbot):
    session = dock.session
    press(Key.Key_N)
    before, rule = session.current_cutout.row, session.review_queue.rule
    press(Key.Key_F7)
    assert "Similar cutouts are known once the images are read" in dock.message.value
    assert not session.shows_similar
    qtbot.waitUntil(lambda: session.descriptors.is_ready, timeout=60_000)
    QTest.keyClick(dock.window(), Key.Key_F7)
    qtbot.waitUntil(lambda: dock.gallery is not None and dock.gallery.isVisible())
    view = dock.gallery.view
    assert view.model().rowCount() == 101
    assert view.model().rows([0]).tolist() == [before]
    qtbot.waitUntil(
        lambda: {*view.model().rows([0, 1, 2]).tolist()} <= view.itemDelegate().seen,
        timeout=20_000,
    )
    QTest.keyClick(view, Key.Key_Right)
    QTest.keyClick(view, Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    selected = view.model().rows([1, 2]).tolist()
    QTest.keyClick(view, Key.Key_J)
    qtbot.waitUntil(lambda: dock.pending == 0)
    assert session.catalog.labels.reviewed[selected].all()
    QTest.keyClick(dock.window(), Key.Key_F7)
    qtbot.waitUntil(lambda: not dock.gallery.isVisible())
    assert session.current_cutout.row == before
    assert session.review_queue.rule == rule
    assert not session.shows_similar
