"""Names, notes, users and hosts are shown as they are, never as HTML."""

from __future__ import annotations

import shutil
import socket

import pytest
from napari.utils.notifications import notification_manager
from qtpy import QtGui
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QLabel,
    QMenu,
    QTableWidget,
    QWidget,
)

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.viewer.layers import layer_name

#: A text that Qt takes for HTML, and loads an image for; also a name of a file.
EVIL = "<b>x<img src=y>"


def might_be_html(text: str) -> bool:
    namespace = Qt if hasattr(Qt, "mightBeRichText") else QtGui.Qt
    return bool(namespace.mightBeRichText(text))


def is_rendered(label: QLabel) -> bool:
    """Return whether a label renders the foreign text as HTML."""
    shape, text = label.textFormat(), label.text()
    if shape == Qt.TextFormat.PlainText:
        return False
    is_html = shape == Qt.TextFormat.RichText or might_be_html(text)
    return is_html and "<img" in text


def tooltips(widget: QWidget) -> list[str]:
    """Return the tooltips of a widget, and of the items of a list or a table."""
    texts = [widget.toolTip()]
    if isinstance(widget, QTableWidget):
        cells = [(i, j) for i in range(widget.rowCount()) for j in range(3)]
        items = [widget.item(*cell) for cell in cells]
        texts += [item.toolTip() for item in items if item is not None]
    elif isinstance(widget, QAbstractItemView) and widget.model() is not None:
        model, role = widget.model(), Qt.ItemDataRole.ToolTipRole
        lines = range(model.rowCount())
        texts += [str(model.data(model.index(i, 0), role) or "") for i in lines]
    return texts


def faults() -> list[str]:
    """Return all that any window shows of the foreign text as HTML."""
    found = []
    for widget in QApplication.allWidgets():
        if isinstance(widget, QLabel) and is_rendered(widget):
            found.append(f"label: {widget.text()}")
        found += [
            f"tooltip of {type(widget).__name__}: {text}"
            for text in tooltips(widget)
            if "<img" in text and might_be_html(text)
        ]
    return found


def shown() -> str:
    """Return all texts of labels, without the spaces that have no width."""
    labels = [one for one in QApplication.allWidgets() if isinstance(one, QLabel)]
    return "\n".join(label.text() for label in labels).replace("\u200b", "")


@pytest.fixture
def evil_survey(survey):
    """Give an image, the kinds and the folder a name that is HTML."""
    folder = survey.parent / EVIL
    folder.mkdir()
    for file in [*survey.parent.glob("*.fits"), survey]:
        shutil.move(file, folder / file.name)
    (folder / "north.fits").rename(folder / f"{EVIL}.fits")
    (folder / "artifact_kinds.txt").write_text(f"{EVIL}\n")
    table = folder / "predictions.csv"
    table.write_text(table.read_text().replace("\nnorth,", f"\n{EVIL},"))
    return table


@pytest.fixture
def evil_dock(viewer, evil_survey, qtbot):
    dock = open_review(viewer, evil_survey, reviewer=EVIL)
    dock.auto_advance.value = False
    dock.window().activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is not None)
    return dock


def test_the_dock_and_its_windows_show_names_and_notes_as_they_are(
    evil_dock, viewer, press, settle, qtbot
):
    settle(evil_dock)
    evil_dock.session.set_label("artifact", kind=EVIL, note=EVIL)
    for fold in evil_dock.panel.folds.values():
        fold.header.setChecked(True)
    press(evil_dock, Qt.Key.Key_F3, Qt.Key.Key_F5)
    qtbot.waitUntil(evil_dock.examples.isVisible)
    evil_dock.panel.say(EVIL)
    assert faults() == []
    assert EVIL in shown()
    evil_dock.files.native.click()
    assert faults() == []
    assert EVIL in evil_dock.examples.buttons[0].toolTip().replace("\u200b", "")
    evil_dock.files.native.click()


def test_the_status_bar_shows_a_kind_and_an_image_as_they_are(
    evil_dock, viewer, settle, qtbot
):
    settle(evil_dock)
    evil_dock.session.set_label("artifact", kind=EVIL)
    layer = next(x for x in viewer.layers if x.name == layer_name(EVIL))
    viewer.layers.selection.active = layer
    x, y = evil_dock.session.current_cutout.key[1:]
    status = layer.get_status((y + 5, x + 5), world=True)
    assert EVIL in status["coordinates"].replace("\u200b", "")
    viewer.status = status
    QApplication.processEvents()
    assert faults() == []


def test_a_missing_image_and_a_notification_are_plain(
    viewer, evil_survey, settle, qtbot
):
    (evil_survey.parent / f"{EVIL}.fits").unlink()
    dock = open_review(viewer, evil_survey)
    settle(dock)
    assert EVIL in notification_manager.records[-1].message.replace("\u200b", "")
    assert EVIL in dock.panel.unseen.text.tooltip.replace("\u200b", "")
    assert "&lt;img" in dock.panel.unseen.text.value
    assert faults() == []


def test_the_user_and_the_computer_of_another_window_are_plain(
    viewer, make_viewer, survey, monkeypatch
):
    monkeypatch.setattr(socket, "gethostname", lambda: EVIL)
    monkeypatch.setenv("LOGNAME", EVIL)
    open_review(viewer, survey)
    second = open_review(make_viewer(), survey)
    assert second.banner.visible
    assert "&lt;img" in second.banner.text.value
    assert faults() == []


def test_labels_that_differ_are_listed_as_they_are(viewer, survey):
    with ReviewSession.open(survey, reviewer=EVIL) as session:
        session.set_label("artifact", note=EVIL)
        saved = session.save()
    saved.write_text(saved.read_text().replace(",1,<b>", ",0,<b>"))
    dock = open_review(viewer, saved)
    assert dock.panel.disagreements.visible
    assert EVIL in dock.panel.disagreements.table.item(0, 2).text()
    assert faults() == []


def test_an_ampersand_is_no_shortcut(viewer, survey, monkeypatch, press, settle):
    (survey.parent / "artifact_kinds.txt").write_text("ghost & halo\n")
    table = survey.rename(survey.with_name("a & b.csv"))
    dock = open_review(viewer, table)
    settle(dock)
    assert "a && b.csv" in dock.files.native.text()
    assert dock.opening.recent.buttons[0].native.text().startswith("a && b.csv")
    offered = []
    monkeypatch.setattr(
        QMenu,
        "popup",
        lambda menu, _: offered.extend(each.text() for each in menu.actions()),
    )
    dock.review.commands.run("kind")
    assert offered == ["&1  ghost && halo"]


def test_control_characters_are_shown_as_escapes(dock, viewer):
    dock.panel.say("a\x1b[31m")
    assert dock.message.value == r"a\x1b[31m"
    assert "\x1b" not in shown()
