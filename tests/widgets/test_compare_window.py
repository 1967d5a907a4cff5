"""The window that compares the model of a review with another model."""

from __future__ import annotations

import threading

import pandas as pd
import pytest
from napari.settings import get_settings
from qtpy.QtCore import Qt
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_artifact_review import TableMapping, compare, open_review
from napari_artifact_review.core.training.comparing import comparison

LEFT = Qt.MouseButton.LeftButton


def write_other(survey, name="other.csv"):
    """Write predictions of another model: two errors are mended, one is new."""
    table = pd.read_csv(survey).drop(columns=["label", "observer"])
    table.loc[table["confidence"] > 0.9, ["preds", "confidence"]] = 1, 0.9
    for image, x, y, preds in (
        ("north", 200, 0, 1),
        ("north", 400, 200, 0),
        ("west", 0, 0, 1),
    ):
        here = (table.image_name == image) & (table.grid_x == x) & (table.grid_y == y)
        table.loc[here, ["preds", "confidence"]] = preds, 0.8 if preds else 0.2
    other = survey.with_name(name)
    table.to_csv(other, index=False)
    return other


@pytest.fixture
def other(survey):
    return write_other(survey)


def show(dock, qtbot):
    """Click the button in the results, and return the window."""
    dock.panel.folds["changes"].header.setChecked(True)
    qtbot.mouseClick(dock.panel.results.compare.native, LEFT)
    window = dock.workspace.compare
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)
    return window


def enter(window, qtbot, path):
    """Type a path, and press Enter."""
    field = window.other.line_edit.native
    field.clear()
    qtbot.keyClicks(field, str(path))
    qtbot.keyClick(field, Qt.Key.Key_Return)


def wait(dock, qtbot):
    qtbot.waitUntil(lambda: not dock.review.comparer.is_comparing)


@pytest.fixture
def compared(dock, other, qtbot):
    """Compare the models, and return the window."""
    window = show(dock, qtbot)
    enter(window, qtbot, other)
    wait(dock, qtbot)
    return window


@pytest.fixture
def choose(monkeypatch):
    """Return a function that sets the file which a dialog returns."""

    def set_file(path):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))

    return set_file


@pytest.fixture
def held(monkeypatch):
    """Let no comparison go on before the event is set; note its thread."""
    event = threading.Event()
    event.threads, event.begun = [], threading.Event()

    def wait_and_compare(*arguments, **options):
        event.threads.append(threading.current_thread())
        event.begun.set()
        assert event.wait(30)
        return compare(*arguments, **options)

    monkeypatch.setattr(comparison, "compare", wait_and_compare)
    yield event
    event.set()
    for thread in event.threads:
        thread.join(30)


def test_the_keyboard_compares_by_the_labels_of_the_review_as_they_are_now(
    dock, other, press, qtbot
):
    press(dock, "K")
    row = dock.session.current_cutout.row
    window = show(dock, qtbot)
    assert QApplication.focusWidget() is window.other.line_edit.native
    assert not window.compare.isEnabled()
    enter(window, qtbot, other)
    wait(dock, qtbot)
    assert "Average precision" in window.headline.text()
    assert window.tables.text() == "Old model: predictions.csv. New model: other.csv."
    titles = [cells[0] for cells in window.numbers.rows]
    assert titles == ["Average precision", "Precision", "Recall", "F1"]
    expected = compare(dock.session.predictions.path, other, dock.session)
    assert expected.rows["decision"].astype(bool).sum() == 1
    assert dock.session.table.label_new[row] == 0
    for cells, name in zip(window.numbers.rows, expected.headline.old, strict=True):
        assert cells[1].startswith(f"{expected.headline.old[name].value:.3f}")
        assert cells[2].startswith(f"{expected.headline.new[name].value:.3f}")
    assert "36 from the reviewed table; 1 of 36 reviewed" in window.details.text()
    assert "(--" not in window.details.text()
    assert "only new right (mended): 1" in window.changes.text()
    assert "on 3 cutouts, 2 of them without a verdict" in window.changes.text()


def test_the_chosen_table_may_be_the_old_model_s(compared, dock, other, qtbot):
    before = compared.numbers.rows
    compared.other.line_edit.native.setFocus()
    for key in (Qt.Key.Key_Tab, Qt.Key.Key_Tab, Qt.Key.Key_Right):
        qtbot.keyClick(QApplication.focusWidget(), key)
    assert compared.is_old.isChecked()
    qtbot.mouseClick(compared.compare, LEFT)
    wait(dock, qtbot)
    assert compared.tables.text() == "Old model: other.csv. New model: predictions.csv."
    swapped = [(new, old) for _, old, new, _ in before]
    assert [cells[1:3] for cells in compared.numbers.rows] == swapped


def test_the_test_set_of_an_export_is_compared(compared, dock, survey, qtbot):
    table = pd.read_csv(survey)
    table["split"] = table["image_name"].map(
        {"north": "test", "south": "test", "west": "train"}
    )
    export = survey.with_name("export")
    export.mkdir()
    table.to_csv(export / "cutouts.csv", index=False)
    qtbot.keyClicks(compared.test_set.line_edit.native, str(export))
    qtbot.keyClick(compared.test_set.line_edit.native, Qt.Key.Key_Return)
    wait(dock, qtbot)
    assert "the test set of the export: 24 cutouts" in compared.details.text()


def test_errors_are_one_sentence_in_the_window(dock, survey, other, qtbot):
    window = show(dock, qtbot)
    strange = pd.read_csv(other).assign(image_name="elsewhere")
    strange["grid_x"] = range(0, 200 * len(strange), 200)
    strange.to_csv(survey.with_name("strange.csv"), index=False)
    for name, text in (
        ("strange.csv", "no cutout is in both tables"),
        ("none.csv", "none.csv"),
        ("north.fits", "north.fits"),
        (survey.name, "this is the table of the review itself"),
    ):
        enter(window, qtbot, survey.with_name(name))
        wait(dock, qtbot)
        assert window.error.isVisible()
        assert text in window.error.text().replace("\u200b", "")
        assert "(--" not in window.error.text()
        assert not window.report.isVisible()
    enter(window, qtbot, other)
    wait(dock, qtbot)
    assert not window.error.isVisible()
    assert window.report.isVisible()


def test_a_comparison_works_in_a_thread_and_ends_with_the_window(
    dock, other, held, qtbot
):
    window = show(dock, qtbot)
    enter(window, qtbot, other)
    qtbot.waitUntil(lambda: bool(held.threads))
    assert held.threads[0] is not threading.main_thread()
    qtbot.waitUntil(lambda: window.progress.text() == "Comparing the models...")
    assert not window.compare.isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()
    assert not dock.review.comparer.is_comparing
    held.set()
    held.threads[0].join(30)
    QApplication.processEvents()
    show(dock, qtbot)
    assert not window.headline.isVisible()
    assert window.progress.text() == ""
    assert window.compare.isEnabled()


def test_a_cancelled_comparison_shows_nothing_later(dock, other, held, qtbot):
    window = show(dock, qtbot)
    enter(window, qtbot, other)
    # The thread has sent its progress, and the main thread has not shown it yet.
    assert held.begun.wait(30)
    qtbot.mouseClick(window.cancel, LEFT)
    QApplication.processEvents()
    assert window.progress.text() == ""
    assert window.compare.isEnabled()
    held.set()
    held.threads[0].join(30)
    QApplication.processEvents()
    assert not window.headline.isVisible()


def test_the_last_result_stays_until_there_is_another(compared, dock, other, qtbot):
    tall = compared.height()
    qtbot.mouseClick(compared.compare, LEFT)
    assert compared.headline.isVisible()
    assert not compared.report.isEnabled()
    wait(dock, qtbot)
    assert compared.report.isEnabled()
    enter(compared, qtbot, other.with_name("none.csv"))
    wait(dock, qtbot)
    assert not compared.headline.isVisible()
    qtbot.waitUntil(lambda: compared.height() < tall)


def test_the_window_closes_with_the_review(dock, other, held, qtbot):
    window = show(dock, qtbot)
    enter(window, qtbot, other)
    qtbot.waitUntil(lambda: bool(held.threads))
    dock.close_review()
    assert not window.isVisible()
    held.set()
    held.threads[0].join(30)
    QApplication.processEvents()
    assert window.headline.text() == ""


def test_pending_verdicts_are_recorded_first(slow_disk, dock, other, press, qtbot):
    slow_disk.hold()
    press(dock, "K", wait=False)
    window = show(dock, qtbot)
    enter(window, qtbot, other)
    qtbot.wait(200)
    assert window.progress.text() == "Reading the labels of the review..."
    slow_disk.go_on()
    wait(dock, qtbot)
    assert "1 of 36 reviewed" in window.details.text()
    assert "not included" not in window.details.text()


def test_refused_verdicts_are_not_included(slow_disk, dock, other, press, qtbot):
    slow_disk.faults.append(ValueError("a fault of the program"))
    press(dock, "K")
    qtbot.waitUntil(lambda: bool(dock.session.refused))
    window = show(dock, qtbot)
    enter(window, qtbot, other)
    wait(dock, qtbot)
    assert "0 of 36 reviewed" in window.details.text()
    assert "refused verdicts are not included" in window.details.text()


def test_a_verdict_after_the_comparison_is_told(compared, dock, press):
    assert not compared.outdated.isVisible()
    press(dock, "K")
    assert compared.outdated.isVisible()


def test_the_report_is_written_and_opened(
    compared, dock, tmp_path, choose, monkeypatch, qtbot
):
    urls = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda u: urls.append(u) or True)
    choose(tmp_path / "compare")
    qtbot.mouseClick(compared.report, LEFT)
    qtbot.waitUntil(lambda: bool(urls), timeout=60_000)
    assert urls[0].toLocalFile() == str(tmp_path / "compare.html")
    page = (tmp_path / "compare.html").read_text()
    assert "other.csv compared with predictions.csv" in page
    assert page.count("data:image/") > 3, "the cutouts have pictures"
    assert "Report written to" in compared.message.text()
    assert compared.report.isEnabled()


def test_the_cutouts_to_review_are_written(compared, dock, survey, choose, qtbot):
    path = survey.with_name("differ.csv")
    choose(path.with_suffix(""))
    qtbot.mouseClick(compared.to_review, LEFT)
    qtbot.waitUntil(path.exists)
    qtbot.waitUntil(compared.to_review.isEnabled)
    table = pd.read_csv(path)
    assert [*table["preds"]] == [1, 0, 1]
    assert "Table written to" in compared.message.text()


def test_no_file_of_the_review_is_overwritten(compared, dock, choose, qtbot):
    for path in (dock.session.output, dock.session.predictions.path):
        before = path.read_bytes() if path.exists() else None
        choose(path)
        qtbot.mouseClick(compared.to_review, LEFT)
        qtbot.waitUntil(compared.error.isVisible)
        assert "Nothing was written" in compared.error.text()
        assert (path.read_bytes() if path.exists() else None) == before
        compared.show_message()


def test_no_table_is_offered_if_each_cutout_has_a_verdict(compared, dock, qtbot):
    assert compared.to_review.isEnabled()
    table = dock.session.table
    keys = [dock.session.cutout_index.key_of(row) for row in table.index]
    dock.session.set_label("artifact", cutouts=keys)
    qtbot.waitUntil(lambda: dock.pending == 0)
    qtbot.mouseClick(compared.compare, LEFT)
    wait(dock, qtbot)
    assert "36 of 36 reviewed" in compared.details.text()
    assert not compared.to_review.isEnabled()


def test_a_mapped_table_is_read_as_the_review_reads_it(viewer, survey, other, qtbot):
    table = pd.read_csv(survey).rename(
        columns={"image_name": "frame", "label": "is_bad"}
    )
    mapped = survey.with_name("mapped.csv")
    table.to_csv(mapped, index=False)
    mapping = TableMapping({"image_name": "frame", "label": "is_bad"})
    dock = open_review(viewer, mapped, mapping=mapping)
    window = show(dock, qtbot)
    enter(window, qtbot, other)
    wait(dock, qtbot)
    assert not window.error.isVisible()
    assert "36 from the reviewed table" in window.details.text()


def test_names_of_files_are_plain_text(dock, survey, qtbot):
    window = show(dock, qtbot)
    evil = write_other(survey, "<b>x<img src=y>.csv")
    enter(window, qtbot, evil)
    wait(dock, qtbot)
    assert "<b>x<img src=y>.csv" in window.tables.text()
    for label in (window.tables, window.details, window.error, window.message):
        assert label.textFormat() == Qt.TextFormat.PlainText


def test_the_result_fits_at_each_font_size(viewer, survey, other, qtbot):
    get_settings().appearance.font_size = 18
    dock = open_review(viewer, survey)
    dock.window().activateWindow()
    window = show(dock, qtbot)
    enter(window, qtbot, other)
    wait(dock, qtbot)
    numbers = window.numbers
    for size in (18, 9):
        get_settings().appearance.font_size = size
        for widget in (numbers, window.other.line_edit.native):
            qtbot.waitUntil(lambda w=widget, s=size: w.font().pointSize() == s)
        qtbot.waitUntil(lambda: numbers.needed_width <= numbers.width())
        assert numbers.fontMetrics().height() * 5 <= numbers.height()
