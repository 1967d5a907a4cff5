"""The title of the dock, which names the reviewer."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QLabel, QWidget

from napari_artifact_review import open_review
from napari_artifact_review.widgets import ReviewWidget
from napari_artifact_review.widgets.dock_title import DockTitle

ANA = "Artifact Review — Ana"


@pytest.fixture
def content(viewer) -> QWidget:
    """Dock an empty widget."""
    content = QWidget()
    viewer.window.add_dock_widget(content, name="empty")
    return content


def title_of(content: QWidget) -> tuple[str, str]:
    """Return the title in the bar of the dock, and its tooltip."""
    [label] = content.parentWidget().titleBarWidget().findChildren(QLabel)
    assert label.isVisible()
    return label.text(), label.toolTip()


def test_the_title_names_the_reviewer_while_a_review_is_open(
    viewer, survey, tmp_path, qtbot
):
    _, dock = viewer.window.add_plugin_dock_widget(
        "napari-artifact-review", "Artifact Review"
    )
    qtbot.waitUntil(lambda: dock.opening.visible)
    before = title_of(dock)
    open_review(viewer, survey, reviewer="Ana")
    assert title_of(dock) == (ANA, "Reviewer: Ana")
    assert dock.parentWidget().windowTitle() == ANA
    [name] = viewer.window.dock_widgets
    assert name == before[0], "napari's own name of it stays"
    assert isinstance(viewer.window.dock_widgets[name], ReviewWidget)
    open_review(viewer, survey, output=tmp_path / "b.csv", reviewer="Ben")
    assert title_of(dock) == ("Artifact Review — Ben", "Reviewer: Ben")
    dock.close_review()
    assert title_of(dock) == before
    assert dock.parentWidget().windowTitle() == before[0]


def test_a_floating_dock_has_the_title_too(content, qtbot):
    title, dock = DockTitle(content), content.parentWidget()
    title.show_reviewer("Ana")
    for floats in (True, False):
        dock.setFloating(floats)
        qtbot.waitUntil(lambda: title_of(content)[0] == ANA)
    window = dock.window()
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    qtbot.waitUntil(lambda: title_of(content)[0] == ANA)
    title.show_reviewer(None)
    dock.setFloating(True)
    qtbot.waitUntil(lambda: title_of(content) == ("empty", ""))


def test_a_long_name_is_cut_in_the_middle(content):
    name = "Ana Maria " * 10 + "van der Meer"
    DockTitle(content).show_reviewer(name)
    title, tooltip = title_of(content)
    assert title.startswith(ANA)
    assert "…" in title
    assert title.endswith("Meer")
    assert len(title) < 60
    assert name in tooltip


def test_a_name_in_the_title_is_plain_text(content):
    DockTitle(content).show_reviewer("<b>A</b> & B\u202e")
    title, tooltip = title_of(content)
    assert title == "Artifact Review — <b>A</b> & B\\u202e"
    assert not Qt.mightBeRichText(tooltip)
    assert "&&" in content.parentWidget().windowTitle()


def test_a_widget_without_a_dock_needs_no_title(viewer, survey, qtbot):
    widget = ReviewWidget(viewer)
    widget.opening.fill(survey)
    widget.start_opening()
    qtbot.waitUntil(lambda: widget.session is not None)
    assert not isinstance(widget.parentWidget(), QDockWidget)
    widget.close_review()
    widget.deleteLater()
