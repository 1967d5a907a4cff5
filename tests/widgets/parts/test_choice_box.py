"""A list that changes only by a choice in the open list."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication

from napari_artifact_review.widgets.parts.choice_box import ChoiceBox

Key = Qt.Key


@pytest.fixture
def box(qtbot):
    box = ChoiceBox([("—", None), ("alpha: first", 1), ("beta: second", 2)])
    qtbot.addWidget(box)
    box.show()
    box.activateWindow()
    qtbot.waitUntil(box.isVisible)
    box.setFocus()
    return box


@pytest.mark.parametrize("key", [Key.Key_Down, Key.Key_Space, Key.Key_B, Key.Key_End])
def test_a_key_opens_the_list_and_changes_nothing(box, qtbot, key):
    chosen = []
    box.chosen.connect(chosen.append)
    qtbot.keyClick(box, key)
    qtbot.waitUntil(box.view().isVisible)
    qtbot.keyClick(box.view(), Key.Key_Escape)
    qtbot.waitUntil(lambda: not box.view().isVisible())
    assert chosen == []
    assert box.value is None


def test_a_letter_leads_to_its_choice(box, qtbot):
    with qtbot.waitSignal(box.chosen) as chosen:
        qtbot.keyClick(box, Key.Key_B)
        qtbot.waitUntil(box.view().isVisible)
        qtbot.keyClick(box.view(), Key.Key_Return)
    assert chosen.args == [2]
    assert box.value == 2


def test_the_same_choice_again_is_a_choice(box, qtbot):
    box.show_value(1)
    with qtbot.waitSignal(box.chosen) as chosen:
        qtbot.keyClick(box, Key.Key_Down)
        qtbot.waitUntil(box.view().isVisible)
        qtbot.keyClick(box.view(), Key.Key_Return)
    assert chosen.args == [1]


def test_the_mouse_wheel_changes_nothing(box):
    at = QPointF(5, 5)
    wheel = QWheelEvent(
        at,
        box.mapToGlobal(at),
        QPoint(0, -120),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(box, wheel)
    assert box.value is None
    assert not wheel.isAccepted()
