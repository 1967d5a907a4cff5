"""Defaults for new reviews, chosen in napari's own preferences dialog."""

from __future__ import annotations

import pytest
from napari._qt.dialogs.preferences_dialog import PreferencesDialog
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QStackedWidget,
    QWidget,
)

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.core.images.display import Display
from napari_artifact_review.core.images.presets import BUILT_IN
from napari_artifact_review.widgets.launch import review_dock

Y_UP = "Draw row 0 at the bottom in a new review (y up)"
ADVANCE = "Auto-advance in a new review"
PRESET = "Display preset of a new review"
ORDER = "Order of the queue in a new review"


@pytest.fixture
def prefer(viewer):
    """Return a function that changes fields of napari's dialog, by their titles."""

    def change(**changes):
        dialog = PreferencesDialog(parent=review_dock(viewer).window())
        pages = dialog.findChild(QListWidget)
        [page] = pages.findItems("Artifact Review", Qt.MatchFlag.MatchExactly)
        pages.setCurrentItem(page)
        widgets = dialog.findChild(QStackedWidget).currentWidget()
        for title, value in changes.items():
            fill(field_of(widgets, title), value)
        [accept] = [x for x in dialog.findChildren(QPushButton) if x.text() == "OK"]
        accept.click()
        dialog.deleteLater()

    return change


def field_of(widgets, title):
    """Return the field after the label with a title."""
    found = iter(widgets.findChildren(QWidget))
    for widget in found:
        if isinstance(widget, QLabel) and widget.text() == title:
            break
    return next(x for x in found if isinstance(x, QCheckBox | QComboBox | QLineEdit))


def fill(field, value):
    if isinstance(field, QCheckBox):
        field.setChecked(value)
    elif isinstance(field, QComboBox):
        field.setCurrentText(value)
    else:
        field.setText(value)


def orientation(dock):
    return dock.viewer.scene.camera.orientation2d[0]


def test_a_new_review_begins_with_the_defaults(prefer, viewer, survey):
    prefer(
        **{Y_UP: True, ADVANCE: False, PRESET: "faint and extended", ORDER: "random"}
    )
    dock = open_review(viewer, survey)
    assert orientation(dock) == "up"
    assert dock.y_up.value
    assert not dock.auto_advance.value
    assert not dock.controller.verdicts.auto_advance
    assert dock.controller.image.display == BUILT_IN[1].display
    assert dock.session.review_queue.rule.order == "random"
    assert dock.session.current_cutout.row == dock.session.review_queue.rows[0]


def test_a_resumed_review_keeps_its_own(prefer, viewer, survey):
    dock = open_review(viewer, survey)
    dock.auto_advance.value = True
    dock.panel.display.reset.native.click()
    dock.close_review()
    prefer(**{Y_UP: True, ADVANCE: False, PRESET: "Point-like", ORDER: "confident"})
    again = open_review(viewer, survey)
    assert orientation(again) == "down"
    assert again.auto_advance.value
    assert again.controller.image.display == Display()
    assert again.session.review_queue.rule.order == "image"


def test_auto_advance_belongs_to_the_review(viewer, survey, tmp_path):
    dock = open_review(viewer, survey)
    dock.auto_advance.value = False
    other = open_review(viewer, survey, output=tmp_path / "other.csv")
    assert other.auto_advance.value
    again = open_review(viewer, survey)
    assert not again.auto_advance.value


def test_a_preset_that_does_not_exist_is_told(prefer, viewer, survey):
    prefer(**{PRESET: "of yesterday"})
    dock = open_review(viewer, survey)
    assert "“of yesterday”, which does not exist" in dock.panel.notices.value
    assert dock.controller.image.display == Display()


def test_an_order_that_needs_a_confidence_is_told_where_there_is_none(
    prefer, viewer, survey
):
    lines = survey.read_text().splitlines()
    survey.write_text("\n".join(",".join(x.split(",")[:5]) for x in lines) + "\n")
    prefer(**{ORDER: "mislabelled"})
    dock = open_review(viewer, survey)
    assert "confidence" in dock.panel.notices.value
    assert dock.session.review_queue.rule.order == "image"


def test_a_session_of_a_script_keeps_the_order_of_the_script(prefer, viewer, survey):
    prefer(**{ORDER: "random", Y_UP: True})
    session = ReviewSession.open(survey, order="table")
    dock = open_review(viewer, session)
    assert session.review_queue.rule.order == "table"
    assert orientation(dock) == "up"
