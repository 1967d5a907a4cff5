"""Open a review from the Plugins menu, the sample menu, the command line, a script."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from functools import partial

import napari
import pytest
from napari._app_model import get_app_model
from napari.utils.notifications import notification_manager

from napari_artifact_review import ReviewSession, cli, open_review
from napari_artifact_review.core.errors import HeldError
from napari_artifact_review.demo import DemoSurvey, default_folder
from napari_artifact_review.widgets import ReviewWidget, review_dock


@pytest.fixture
def demo_is_made(monkeypatch, demo: DemoSurvey) -> None:
    """Use a demo that is made already."""
    monkeypatch.setattr(
        "napari_artifact_review.demo.make.default_folder",
        lambda *_: demo.predictions.parent,
    )


def test_the_widget_is_in_the_plugins_menu(viewer, qtbot):
    _, widget = viewer.window.add_plugin_dock_widget(
        "napari-artifact-review", "Artifact Review"
    )
    assert isinstance(widget, ReviewWidget)
    assert widget.session is None
    assert not widget.panel.visible
    qtbot.waitUntil(lambda: widget.opening.visible)
    assert not widget.open.enabled


#: The parts of the workspace that a review needs.
LATER = {"panel", "help", "examples", "stretches"}


def test_the_dock_waits_for_nothing_that_a_review_needs_later(viewer, qtbot):
    widget = review_dock(viewer)
    assert not LATER & set(vars(widget.workspace))
    qtbot.waitUntil(lambda: set(vars(widget.workspace)) >= LATER)
    other = ReviewWidget(viewer)
    assert other.label_new.choices == ("artifact", "no artifact"), "scripts may ask"
    other.deleteLater()


def test_a_dock_that_is_closed_at_once_makes_nothing_more(viewer, qtbot):
    widget = review_dock(viewer)
    viewer.window.remove_dock_widget(widget)
    qtbot.wait(700)
    assert not LATER & set(vars(widget.workspace))


def test_the_sample_opens_the_demo(viewer, demo_is_made, qtbot):
    viewer.open_sample("napari-artifact-review", "artifact_review")
    widget = review_dock(viewer)
    qtbot.waitUntil(lambda: widget.session is not None, timeout=60_000)
    qtbot.waitUntil(lambda: widget.controller.view == "shown", timeout=20_000)
    images = [x for x in viewer.layers if isinstance(x, napari.layers.Image)]
    assert [x.name for x in images] == ["Review: demo_0001"]
    assert images[0].data.max() > 0


def _jobs() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "artifact-review-job"]


def test_making_the_demo_can_be_cancelled(viewer, tmp_path, qtbot):
    widget = review_dock(viewer)
    widget.start_demo(folder=tmp_path / "demo", seed=9)
    qtbot.waitUntil(lambda: widget.opening.progress.max > 0, timeout=60_000)
    widget.opening.cancel.native.click()
    qtbot.waitUntil(lambda: not _jobs(), timeout=30_000)
    assert list(tmp_path.glob("*demo*")) == []
    assert widget.session is None


@pytest.fixture
def window(monkeypatch, make_viewer) -> list[napari.Viewer]:
    """Let the command line use a test's viewer and return at once."""
    viewers: list[napari.Viewer] = []

    def viewer() -> napari.Viewer:
        viewers.append(make_viewer())
        return viewers[-1]

    monkeypatch.setattr(napari, "Viewer", viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    return viewers


def test_the_command_opens_a_review(window, survey, tmp_path):
    output = tmp_path / "out.ecsv"
    arguments = [
        "open",
        str(survey),
        "--images",
        str(tmp_path),
        "--output",
        str(output),
    ]
    assert cli.main(arguments) == 0
    session = review_dock(window[0]).session
    assert session.predictions.path == survey
    assert session.output == output


def test_the_command_tells_a_fault_in_one_line(window, tmp_path, capsys):
    assert cli.main(["open", str(tmp_path / "none.csv")]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "none.csv" in lines[0]


def test_the_command_opens_the_demo(window, demo_is_made, qtbot):
    assert cli.main(["demo"]) == 0
    widget = review_dock(window[0])
    qtbot.waitUntil(lambda: widget.session is not None, timeout=60_000)
    qtbot.waitUntil(lambda: widget.controller.view == "shown", timeout=20_000)


def test_the_sample_opens_the_demo_without_a_cache(
    viewer, demo, tmp_path, monkeypatch, qtbot
):
    def make_in(folder, *_):
        shutil.copytree(demo.predictions.parent, folder)

    in_the_way = tmp_path / "cache"
    in_the_way.touch()
    monkeypatch.setattr("napari_artifact_review.demo.make._make_in", make_in)
    monkeypatch.setattr(
        "napari_artifact_review.demo.make.default_folder",
        lambda *_: in_the_way / "demo",
    )
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    viewer.open_sample("napari-artifact-review", "artifact_review")
    widget = review_dock(viewer)
    qtbot.waitUntil(lambda: widget.session is not None, timeout=60_000)
    qtbot.waitUntil(lambda: widget.controller.view == "shown", timeout=20_000)
    [warning] = [record.message for record in notification_manager.records]
    assert str(in_the_way) in warning
    assert str(widget.session.predictions.path.parents[1]) in warning
    assert widget.session.problem is None


def test_the_demo_opens_where_no_settings_can_be_written(demo, tmp_path):
    (tmp_path / "settings").touch()
    cache = tmp_path / "cache" / "napari-artifact-review"
    shutil.copytree(demo.predictions.parent, cache / default_folder().name)
    own = {"XDG_CONFIG_HOME": "settings", "XDG_CACHE_HOME": "cache"}
    environment = os.environ | {k: str(tmp_path / v) for k, v in own.items()}
    command = [sys.executable, "-W", "ignore", "-c", _DEMO_AND_QUIT]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=100, env=environment
    )
    assert "shown" in done.stdout, done.stderr
    assert done.returncode == 0
    line = done.stderr.splitlines()[0]
    assert line.startswith(str(tmp_path / "settings"))
    assert "settings are not saved" in line


_DEMO_AND_QUIT = """
import napari
from qtpy.QtTest import QTest
from napari_artifact_review import cli

def run():
    from napari_artifact_review.widgets import review_dock
    viewer = napari.current_viewer()
    dock = review_dock(viewer)
    while dock.session is None or dock.controller.view != "shown":
        QTest.qWait(50)
    print(dock.controller.view)
    viewer.close()

napari.run = run
cli.main(["demo"])
"""


_CLOSE_THE_WINDOW = """
import sys, napari
from qtpy.QtTest import QTest
from napari_artifact_review import open_review
viewer = napari.Viewer(show=True)
dock = open_review(viewer, sys.argv[1])
dock.session.set_label("artifact")
dock.next.native.click()
QTest.qWait(1000)
dock.window().close()
QTest.qWait(1000)
print("closed")
"""


def test_closing_the_window_ends_without_a_word(survey, tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", _CLOSE_THE_WINDOW, survey]
    # Two napari that start together make the same cache of icons, and warn of that.
    own_cache = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=100, env=own_cache
    )
    assert done.stdout.strip().endswith("closed")
    assert done.stderr == ""
    assert done.returncode == 0
    resumed = ReviewSession.open(survey)
    assert resumed.progress == (1, 4)
    assert resumed.problem is None, "the window has released the review"


def test_the_plugins_menu_shows_and_hides_the_dock_of_a_script(viewer, survey):
    widget = open_review(viewer, survey)
    menu = partial(
        get_app_model().commands.execute_command, "napari-artifact-review.review"
    )
    menu().result()
    assert not widget.isVisible()
    menu().result()
    assert widget.isVisible()
    assert [*viewer.window.dock_widgets.values()].count(widget) == 1
    assert widget.session is not None


def test_a_script_names_the_reviewer(viewer, survey, press):
    dock = open_review(viewer, survey, reviewer="Vera")
    press(dock, "J")
    assert dock.session.log[-1].reviewer == "Vera"
    dock.session.select(*dock.session.log[-1].cutout)
    assert "by Vera" in dock.history.value


def test_a_review_keeps_the_size_of_a_cutout_that_a_script_gave(viewer, survey):
    dock = open_review(viewer, survey, cutout_size=100)
    assert dock.session.cutout_size == 100
    assert "100 px" in dock.files.text
    assert dock.cutout_size.value == "100"
    open_review(viewer, survey)
    assert dock.session.cutout_size == 100
    assert dock.cutout_size.value == "100"


def test_a_script_opens_a_review_read_only_and_the_user_reopens_it(
    viewer, survey, press, qtbot
):
    dock = open_review(viewer, survey, read_only=True)
    assert isinstance(dock.session.problem, HeldError)
    assert dock.banner.visible
    assert not dock.panel.verdict.enabled
    press(dock, "J")
    assert not dock.session.log
    assert not [*survey.parent.glob("test_outputs*")], "no file is made"
    dock.banner.open_again.native.click()
    qtbot.waitUntil(lambda: dock.session.problem is None and dock.is_shown)
    press(dock, "J")
    assert len(dock.session.log) == 1


def test_a_script_shows_a_session_that_is_open_already(viewer, survey, tmp_path, press):
    session = ReviewSession.open(survey, output=tmp_path / "mine.csv", cutout_size=100)
    session.set_label("artifact")
    session.next()
    dock = open_review(viewer, session)
    assert dock.session is session
    assert dock.controller.view == "shown"
    assert dock.error_id.value == 2
    fields = (dock.predictions, dock.images, dock.output)
    files = (survey, session.images.folder, session.output)
    assert tuple(field.value for field in fields) == files
    assert dock.cutout_size.value == "100"
    assert open_review(viewer, session) is dock
    press(dock, "J")
    assert len(session.log) == 2, "the same session is not closed"
    dock.close_review()
    with ReviewSession.open(survey, output=tmp_path / "mine.csv") as resumed:
        assert resumed.problem is None, "the dock has closed the session"
        assert len(resumed.log) == 2


def test_a_session_replaces_the_review_that_is_open(dock, viewer, survey, tmp_path):
    before = dock.session
    session = ReviewSession.open(survey, output=tmp_path / "mine.csv")
    open_review(viewer, session)
    assert dock.session is session
    with ReviewSession.open(survey, output=before.output) as resumed:
        assert resumed.problem is None, "the dock has closed the one before"


def test_no_other_argument_goes_with_a_session(viewer, survey, tmp_path):
    with ReviewSession.open(survey) as session:
        with pytest.raises(TypeError, match="no other argument"):
            open_review(viewer, session, output=tmp_path / "mine.csv")
        assert not any(viewer.window.dock_widgets), "no dock is added for it"
