"""Make the pictures of README and docs: script/with-display python FILE.

They show the demo survey, so that every run gives the same pictures.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
from datetime import date
from pathlib import Path

import napari
import pandas as pd
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QListWidget

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.demo import DemoSurvey, default_folder, make_demo
from napari_artifact_review.report.page import write_report
from napari_artifact_review.widgets.launch import review_dock

IMAGES = Path(__file__).parents[1] / "docs" / "images"


def main() -> None:
    # The pictures must not show the name of the user.
    os.environ["LOGNAME"] = "reviewer"
    IMAGES.mkdir(parents=True, exist_ok=True)
    # The review closes its files after the window is gone.
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    # The pictures must not show the recent reviews and presets of the user.
    os.environ["XDG_CONFIG_HOME"] = folder.name
    survey = make_demo(default_folder())
    viewer = napari.Viewer(show=False)
    viewer.show()
    viewer.window.resize(1440, 900)
    output = Path(folder.name) / "test_outputs.csv"
    dock = open_review(viewer, survey.predictions, survey.images, output)
    session = dock.session
    errors = session.errors
    save(dock, errors[errors.outcome == "FP"], "fp")
    save(dock, errors[errors.outcome == "FN"], "fn")
    table = session.table
    save(dock, table[table.outcome == "TP"], "tp")

    session.go_to(int(errors.error_id.iloc[2]))
    settle(dock)
    for label in ("no artifact", "artifact", "no artifact"):
        session.set_label(label)
        session.next()
    settle(dock)
    dock.controller.toggle_view()
    dock.controller.show_grid(True)
    grab(dock, "full_frame")
    dock.controller.show_grid(False)
    dock.controller.toggle_view()
    for theme in ("light", "dark"):
        viewer.theme = theme
        settle(dock)
        dock.grab().save(str(IMAGES / f"dock_{theme}.png"))
    dock.help.toggle()
    QTest.qWait(300)
    dock.help.grab().save(str(IMAGES / "help.png"))
    dock.help.toggle()
    picture_the_window(dock)
    picture_the_preferences(viewer)
    picture_the_instrument(dock)
    picture_the_gallery(dock)
    picture_a_busy_disk(dock)
    session.save()
    other = napari.Viewer(show=False)
    other.show()
    other.window.resize(1440, 900)
    empty = review_dock(other)
    QTest.qWait(700)
    empty.grab().save(str(IMAGES / "start.png"))
    picture_the_columns(empty, Path(folder.name))
    held = open_review(other, survey.predictions, survey.images, output)
    settle(held)
    held.grab().save(str(IMAGES / "held.png"))
    other.close()
    edit_output(output)
    dock.save.native.click()
    settle(dock)
    dock.grab().save(str(IMAGES / "changed_output.png"))
    viewer.close()
    picture_the_changes(survey, Path(folder.name))
    picture_the_next_round(survey, Path(folder.name))
    picture_the_reviewers(survey, Path(folder.name))
    picture_the_adjudication(survey, Path(folder.name))
    picture_the_report(survey, Path(folder.name))
    for thread in threading.enumerate():
        # A closing review saves its table in a thread.
        if thread.name == "artifact-review-export":
            thread.join()
    folder.cleanup()


def picture_the_window(dock) -> None:
    """Make the pictures of the whole window, on a small and on a large screen."""
    for width, height in ((1280, 800), (1920, 1080)):
        dock.viewer.window.resize(width, height)
        for theme in ("light", "dark"):
            dock.viewer.theme = theme
            grab(dock, f"window_{width}x{height}_{theme}")
    dock.viewer.window.resize(1440, 900)


def picture_the_report(survey: DemoSurvey, folder: Path) -> None:
    """Make the picture of a report in a browser; without one, keep the old picture."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("Chromium is not installed; the picture of the report stays as it is.")
        return
    page = folder / "report.html"
    changes, images = folder / "changes.csv", survey.images
    # The picture must not show the folder of the survey.
    home = str(survey.predictions.parent)
    with ReviewSession.open(
        survey.predictions, images, changes, read_only=True
    ) as session:
        write_report(session, page, date(2026, 1, 1))
    page.write_text(page.read_text().replace(home, "/data/survey"))
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
    picture = f"--screenshot={IMAGES / 'report.png'}"
    size, profile = "--window-size=860,1240", f"--user-data-dir={folder / 'profile'}"
    command = [browser, *options, size, profile, picture, page.as_uri()]
    subprocess.run(command, check=True, capture_output=True)


def picture_the_preferences(viewer) -> None:
    dialog = viewer.window._open_preferences_dialog()
    pages = dialog.findChild(QListWidget)
    [page] = pages.findItems("Artifact Review", Qt.MatchFlag.MatchExactly)
    pages.setCurrentItem(page)
    dialog.resize(900, 820)
    QTest.qWait(300)
    dialog.grab().save(str(IMAGES / "preferences.png"))
    dialog.reject()


def picture_the_changes(survey: DemoSurvey, folder: Path) -> None:
    """Make the pictures of docs/results.md, with mostly correct verdicts."""
    viewer = napari.Viewer(show=False)
    viewer.show()
    viewer.window.resize(1440, 900)
    dock = open_review(
        viewer, survey.predictions, survey.images, folder / "changes.csv"
    )
    session = dock.session
    truth = pd.read_csv(survey.truth).set_index(["image_name", "grid_x", "grid_y"])
    for number, error_id in enumerate(session.errors.error_id[:-3]):
        session.go_to(int(error_id))
        settle(dock, 150 + 350 * (number % 7 == 0))
        is_artifact = truth.loc[tuple(session.current_cutout.key), "true_label"] == 1
        verdict = "artifact" if is_artifact else "no artifact"
        session.set_label("unsure" if number % 9 == 4 else verdict)
    dock.panel.folds["changes"].header.setChecked(True)
    grab(dock, "changes")
    dock.plots.toggle()
    QTest.qWait(4000)
    dock.plots.panel.grab().save(str(IMAGES / "plots.png"))
    dock.plots.toggle()
    picture_the_comparison(dock, survey, folder)
    viewer.close()


def picture_the_comparison(dock, survey: DemoSurvey, folder: Path) -> None:
    """Make the picture of docs/rounds.md, with a better model for the same cutouts."""
    table, truth = pd.read_csv(survey.predictions), pd.read_csv(survey.truth)
    table.confidence = (0.6 * table.confidence + 0.4 * truth.true_label).clip(0, 1)
    table.preds = (table.confidence >= 0.5).astype(int)
    other = folder / "round 2" / "predictions.csv"
    other.parent.mkdir()
    table.to_csv(other, index=False)
    dock.panel.results.compare.native.click()
    window = dock.workspace.compare
    window.other.value = other
    window.compare.click()
    while not window.headline.text():
        QTest.qWait(50)
    QTest.qWait(500)
    # The picture must not show a folder of this computer.
    field = window.other.line_edit.native
    field.blockSignals(True)
    field.setText(other.name)
    window.grab().save(str(IMAGES / "compare.png"))


def picture_the_next_round(survey: DemoSurvey, folder: Path) -> None:
    """Make the pictures of docs/rounds.md, of the form and of the next round itself."""
    viewer = napari.Viewer(show=False)
    viewer.show()
    viewer.window.resize(1440, 900)
    dock = review_dock(viewer)
    QTest.qWait(700)
    dock.opening.fold.header.setChecked(True)
    dock.predictions.value = folder / "round 2" / "predictions.csv"
    dock.images.value = survey.images
    options = dock.opening.optional
    options.previous.value = folder / "changes.csv"
    QTest.qWait(300)
    # The picture must not show the folders of this computer.
    shown = (dock.predictions, dock.images, options.previous)
    fields = [one.line_edit.native for one in shown]
    texts = [field.text() for field in fields]
    for field in fields:
        field.blockSignals(True)
        field.setText(Path(field.text()).name)
    dock.grab().save(str(IMAGES / "previous_review.png"))
    for field, text in zip(fields, texts, strict=True):
        field.setText(text)
        field.blockSignals(False)
    dock.open.native.click()
    while dock.session is None or not dock.is_shown:
        QTest.qWait(50)
    dock.session.set_queue(state="contradicted")
    dock.session.go_to(int(dock.session.queue.error_id.iloc[0]))
    grab(dock, "next_round")
    viewer.close()


def picture_the_reviewers(survey: DemoSurvey, folder: Path) -> None:
    """Make the picture of the question for the name, for docs/verdicts.md."""
    table = Path(shutil.copy(survey.predictions, folder / "predictions.csv"))
    for name in ("Ana", "Ben"):
        with ReviewSession.open(table, survey.images, reviewer=name) as session:
            session.set_label("unsure")
            session.next()
            session.set_label("unsure")
    viewer = napari.Viewer(show=False)
    viewer.show()
    viewer.window.resize(1440, 900)
    dock = review_dock(viewer)
    dock.predictions.value, dock.images.value = table, survey.images
    dock.open.native.click()
    question = dock.opening.reviewer_question
    while not question.is_asking:
        QTest.qWait(50)
    QTest.qWait(300)
    question.native.grab().save(str(IMAGES / "reviewer.png"))
    viewer.close()


def picture_the_adjudication(survey: DemoSurvey, folder: Path) -> None:
    """Make the picture of a disputed cutout, for docs/team.md."""
    options = (survey.predictions, survey.images, folder / "team.csv")
    votes = {
        "Ana": ("artifact", "ghost", "faint ring around the bright star"),
        "Ben": ("no artifact", "", "halo of the star"),
        "Eva": ("unsure", "", ""),
    }
    for name, vote in votes.items():
        with ReviewSession.open(*options, reviewer=name) as session:
            for row in session.review_queue.rows[:9].tolist():
                key = session.cutout_index.key_of(row)
                is_disputed = row % 3 == 0 or name == "Eva"
                given = vote if is_disputed else ("no artifact", "", "")
                session.set_label(*given, cutouts=[key])
    viewer = napari.Viewer(show=False)
    viewer.show()
    viewer.window.resize(1440, 900)
    dock = open_review(viewer, *options, reviewer="Eva")
    settle(dock)
    dock.window().activateWindow()
    QTest.keyClick(dock.window(), Qt.Key.Key_F8)
    settle(dock)
    dock.session.adjudicate("artifact")
    dock.session.next_disputed()
    dock.panel.say("")
    settle(dock)
    dock.grab().save(str(IMAGES / "adjudication.png"))
    dock.panel.team.window.native.click()
    QTest.qWait(2000)
    [window] = [
        one
        for one in QApplication.topLevelWidgets()
        if one.isVisible() and "Team" in one.windowTitle()
    ]
    window.grab().save(str(IMAGES / "team.png"))
    viewer.close()


def picture_the_columns(dock, folder: Path) -> None:
    """Make the picture of docs/tables.md, with the volunteers' table of that page."""
    page = (IMAGES.parent / "tables.md").read_text()
    votes = page.split("### Votes of volunteers")[1]
    table = folder / "votes.csv"
    table.write_text(votes.split("```csv\n")[1].split("```")[0])
    dock.predictions.value = table
    dock.open.native.click()
    while not dock.columns.isVisible():
        QTest.qWait(50)
    QTest.qWait(500)
    dock.columns.grab().save(str(IMAGES / "columns.png"))
    dock.columns.reject()


def picture_the_instrument(dock) -> None:
    """Make the pictures of docs/verdicts.md."""
    session, panel = dock.session, dock.panel
    session.set_queue(state="unreviewed", order="mislabelled")
    for kind in ("cosmic ray", "cosmic ray", "ghost"):
        settle(dock)
        session.set_label("artifact", kind, "faint, from edge to edge")
        session.next()
    settle(dock)
    for name in ("queue", "pixels", "context"):
        fold = panel.folds[name]
        fold.header.setChecked(True)
        if name == "queue":
            session.set_threshold(0.8)
        grab(dock, name)
        fold.header.setChecked(False)
    session.set_threshold(None)
    row, size = session.current_cutout.row, session.cutout_size
    for across, down in ((1, 0), (1, 0), (0, 1)):
        row = session.cutout_index.neighbour_of(row, across, down, size) or row
    dock.controller.selection.run_to(row)
    dock.viewer.scene.camera.zoom /= 2
    grab(dock, "picked")
    dock.controller.selection.clear()
    for window, name in (
        (dock.stretches, "stretches"),
        (dock.examples, "examples"),
    ):
        window.toggle()
        settle(dock)
        window.grab().save(str(IMAGES / f"{name}.png"))
        window.toggle()


def picture_a_busy_disk(dock) -> None:
    """Make the pictures of docs/durability.md: another program writes to the log."""
    session = dock.session
    session.set_queue(state="unreviewed")
    settle(dock)
    other = sqlite3.connect(session.store, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    QTest.keyClick(dock.window(), Qt.Key.Key_K)
    settle(dock, 300)
    QTest.keyClick(dock.window(), Qt.Key.Key_Comma)
    grab(dock, "pending")
    while dock.pending:
        QTest.qWait(50)
    grab(dock, "refused")
    other.close()
    session.retry_refused()
    session.wait_until_recorded()
    settle(dock)


def picture_the_gallery(dock) -> None:
    """Make the pictures of docs/gallery.md."""
    dock.session.set_queue(state="all", order="confident")
    settle(dock)
    dock.review.commands.key_actions()["gallery"]()
    page = dock.gallery
    page.view.setFocus()
    settle(dock)
    none, shift = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
    for key, modifier in (
        (Qt.Key.Key_Home, none),
        (Qt.Key.Key_Right, none),
        (Qt.Key.Key_Right, shift),
        (Qt.Key.Key_Down, shift),
    ):
        QTest.keyClick(page.view, key, modifier)
    grab(dock, "gallery")
    page.grouping.setCurrentIndex(page.grouping.findData("outcome"))
    page.size_slider.setValue(88)
    QTest.keyClick(page.view, Qt.Key.Key_Home)
    grab(dock, "gallery_groups")
    dock.review.commands.key_actions()["gallery"]()
    settle(dock)


def edit_output(output: Path) -> None:
    """Change two labels in the output, as another program would."""
    table = pd.read_csv(output, dtype=str, keep_default_na=False)
    rows = table.index[table.reviewed_by != ""][:2]
    other = table.loc[rows, "label_new"].map({"0": "1", "1": "0"})
    table.loc[rows, "label_new"] = other
    table.to_csv(output, index=False)


def save(dock, rows, name: str) -> None:
    row = rows.iloc[min(1, len(rows) - 1)]
    dock.session.select(row.image_name, int(row.grid_x), int(row.grid_y))
    grab(dock, name)


def settle(dock, milliseconds: int = 700) -> None:
    while dock.controller.view == "loading":
        QTest.qWait(20)
    QTest.qWait(milliseconds)
    notification_manager.records.clear()


def grab(dock, name: str) -> None:
    settle(dock)
    dock.window().grab().save(str(IMAGES / f"{name}.png"))


if __name__ == "__main__":
    main()
