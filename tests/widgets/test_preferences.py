"""Keys that are changed in napari's own preferences, with its own dialog."""

from __future__ import annotations

from napari._qt.dialogs.preferences_dialog import PreferencesDialog
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEvent, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLineEdit, QListWidget, QStackedWidget

from napari_artifact_review import open_review
from napari_artifact_review.viewer.input.keys import KEY_OF


def write(dock, ending="_button_ok", **keys):
    """Write keys into the fields of napari's dialog, and close it with a button."""
    dialog = PreferencesDialog(parent=dock.window())
    pages = dialog.findChild(QListWidget)
    [page] = pages.findItems("Artifact Review", Qt.MatchFlag.MatchExactly)
    pages.setCurrentItem(page)
    fields = dialog.findChild(QStackedWidget).currentWidget().findChildren(QLineEdit)
    # The fields of the reviews follow those of the keys.
    field_of = dict(zip(KEY_OF, fields, strict=False))
    for name, text in keys.items():
        field_of[name].selectAll()
        QTest.keyClicks(field_of[name], text)
    getattr(dialog, ending).click()
    dialog.deleteLater()


def come_back(dock):
    """Activate the window again, as after a dialog."""
    QApplication.sendEvent(dock, QEvent(QEvent.Type.WindowActivate))


def decisions(dock):
    return [entry.verdict for entry in dock.session.log]


def test_a_key_that_is_changed_does_what_the_old_one_did(dock, press):
    write(dock, artifact="F12", note="Shift+F2")
    come_back(dock)
    press(dock, "J")
    assert decisions(dock) == []
    QTest.keyClick(dock.window(), Qt.Key.Key_F12)
    assert decisions(dock) == ["artifact"]


def test_all_that_names_a_key_names_the_one_in_force(dock):
    write(dock, artifact="F12", save="F11", toggle_view="F9", unsure="F10")
    come_back(dock)
    panel = dock.panel
    assert "(F12)" in dock.label_new.tooltip
    assert "(F11)" in dock.save.tooltip
    assert "(F9)" in panel.full_image.view.tooltip
    assert (
        panel.verdict.history.value
        == "Not reviewed: F12 artifact, K no artifact, F10 unsure"
    )
    assert "F12" in dock.help.text.text()
    dock.controller.selection.toggle(0)
    assert "F12, K or F10 marks" in panel.verdict.history.tooltip


def test_a_new_review_has_the_keys_that_were_chosen_before(viewer, survey):
    dock = open_review(viewer, survey)
    write(dock, artifact="F12")
    again = open_review(viewer, survey)
    assert again is dock
    QTest.keyClick(dock.window(), Qt.Key.Key_F12)
    assert decisions(dock) == ["artifact"]


def test_what_is_cancelled_changes_nothing(dock, press):
    write(dock, "_button_cancel", artifact="F12")
    come_back(dock)
    press(dock, "J")
    assert decisions(dock) == ["artifact"]


def test_a_wish_that_cannot_be_granted_is_told_once(dock):
    before = len(notification_manager.records)
    write(dock, artifact="Foo", save="H")
    for _ in range(3):
        come_back(dock)
    [told] = notification_manager.records[before:]
    assert "“Foo” is not a key" in told.message
    assert "H is chosen for" in told.message
    assert "(J)" in dock.label_new.tooltip


def test_a_key_of_napari_s_images_is_not_taken(dock):
    write(dock, artifact="C")
    come_back(dock)
    assert "(J)" in dock.label_new.tooltip
    assert "napari's own" in notification_manager.records[-1].message
