"""A next round, opened with the previous review in the form."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.widgets import review_dock

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def rounds(survey):
    """Return the output of a review of all errors, and a table of another model."""
    with ReviewSession.open(survey, reviewer="ada") as session:
        keys = [session.cutout_index.key_of(row) for row in session.errors.index]
        session.set_label("artifact", cutouts=keys)
        output = session.save()
    folder = survey.parent / "second"
    folder.mkdir()
    new = folder / "predictions.csv"
    new.write_text(survey.read_text())
    for image in survey.parent.glob("*.fits"):
        (folder / image.name).symlink_to(image)
    return output, new


def test_the_form_carries_the_verdicts_of_the_previous_review(viewer, rounds, qtbot):
    output, new = rounds
    dock = review_dock(viewer)
    qtbot.waitUntil(lambda: dock.opening.visible)
    dock.opening.fold.header.setChecked(True)
    field = dock.opening.optional.previous
    assert field.line_edit.native.placeholderText() == "none"
    dock.predictions.value = new
    field.line_edit.native.setFocus()
    qtbot.keyClicks(field.line_edit.native, str(output))
    assert "previous review" in dock.opening.optional.filled()
    qtbot.mouseClick(dock.open.native, LEFT)
    qtbot.waitUntil(lambda: dock.session is not None and dock.is_shown, timeout=30_000)
    assert dock.session.round_summary.carried == 4
    assert dock.session.progress[0] == 0
    assert field.path is None, "the next opening carries nothing again"
    dock.close_review()


def test_a_previous_review_that_cannot_be_read_is_told_beside_its_field(
    viewer, rounds, qtbot
):
    _, new = rounds
    dock = review_dock(viewer)
    qtbot.waitUntil(lambda: dock.opening.visible)
    dock.predictions.value = new
    dock.opening.optional.previous.value = new.with_name("none.csv")
    dock.opening.fold.header.setChecked(False)
    qtbot.mouseClick(dock.open.native, LEFT)
    qtbot.waitUntil(lambda: dock.opening.error.visible, timeout=30_000)
    assert "none.csv" in dock.opening.error.value
    assert dock.opening.fold.header.isChecked()
    assert dock.session is None


def test_a_script_gives_the_previous_review(viewer, rounds):
    output, new = rounds
    dock = open_review(viewer, new, previous=output)
    assert dock.session.round_summary.carried == 4
