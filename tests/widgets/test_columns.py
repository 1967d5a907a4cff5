"""Tables as they are: the form asks in a window what their columns mean."""

from __future__ import annotations

import shlex
import threading
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from napari.settings import get_settings
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QPushButton, QWidget

from napari_artifact_review import open_review
from napari_artifact_review.core.errors import MappingNeededError
from napari_artifact_review.core.tables.mapping import (
    ORIGIN,
    LabelValues,
    TableMapping,
)
from napari_artifact_review.core.tables.mapping_draft import MappingDraft
from napari_artifact_review.widgets import review_dock
from napari_artifact_review.widgets.windows.columns import ColumnsWindow

Key, LEFT = Qt.Key, Qt.MouseButton.LeftButton


@pytest.fixture
def form(viewer, qtbot):
    """Dock the form."""
    dock = review_dock(viewer)
    dock.window().activateWindow()
    qtbot.waitUntil(lambda: dock.opening.visible)
    return dock


@pytest.fixture
def ask(form, qtbot):
    """Open a table with the form's button, and return the window that asks."""

    def open_table(path: Path) -> ColumnsWindow:
        form.predictions.value = path
        qtbot.mouseClick(form.open.native, LEFT)
        qtbot.waitUntil(lambda: form.columns.isVisible())
        form.columns.activateWindow()
        qtbot.waitUntil(form.columns.isActiveWindow)
        return form.columns

    return open_table


@pytest.fixture
def choose(qtbot):
    """Choose in a list with the mouse, or with keys."""

    def choose_text(box, text: str, keys: bool = False) -> None:
        at = next(i for i in range(box.count()) if box.itemText(i).startswith(text))
        view = box.view()
        if keys:
            box.setFocus()
            qtbot.keyClick(box, Key.Key_Down)
            qtbot.waitUntil(view.isVisible)
            qtbot.keyClick(view, Key.Key_Home)
            for _ in range(at):
                qtbot.keyClick(view, Key.Key_Down)
            qtbot.keyClick(view, Key.Key_Return)
        else:
            qtbot.mouseClick(box, LEFT)
            qtbot.waitUntil(view.isVisible)
            # A click at once would be that which opened the list.
            qtbot.wait(QApplication.doubleClickInterval() + 50)
            cell = view.visualRect(box.model().index(at, 0))
            qtbot.mouseClick(view.viewport(), LEFT, pos=cell.center())
        qtbot.waitUntil(lambda: not view.isVisible())
        assert box.currentIndex() == at

    return choose_text


def box_of(window: ColumnsWindow, column: str):
    return window.table.box_of(column)


def marks(window: ColumnsWindow) -> dict[str, str]:
    names = window.draft.names
    return {name: window.table.preview.mark_of(at) for at, name in enumerate(names)}


def opened(form, qtbot):
    qtbot.waitUntil(lambda: form.session is not None)
    qtbot.waitUntil(lambda: not form.columns.isVisible())
    return form.session


@pytest.fixture
def stamps(tmp_path: Path) -> Path:
    """Table (a): real and bogus detections, each in an image of its own."""
    lines = ["candid,drb,is_real"]
    for number, (score, real) in enumerate([(0.9, 1), (0.2, 1), (0.1, 0)]):
        name = 900100 + number
        pixels = np.ones((63, 63), dtype=np.float32)
        fits.PrimaryHDU(pixels).writeto(tmp_path / f"{name}.fits")
        lines.append(f"{name},{score},{real}")
    table = tmp_path / "stamps.csv"
    table.write_text("\n".join(lines) + "\n")
    return table


@pytest.fixture
def votes(survey: Path) -> Path:
    """Table (b): votes of volunteers, with a consensus in words."""
    lines = ["subject,x,y,votes_artifact,votes_total,fraction,consensus"]
    for x in (0, 200, 400):
        votes = x // 100
        word = "Artifact" if votes > 2 else "Clear"
        lines.append(f"north,{x},0,{votes},4,{votes / 4},{word}")
    table = survey.with_name("votes.csv")
    table.write_text("\n".join(lines) + "\n")
    return table


@pytest.fixture
def tiles(survey: Path) -> Path:
    """Table (c): numbers of tiles, and paths of their images."""
    lines = ["filename,x,y,y_true,y_pred,prob"]
    path = survey.with_name("north.fits")
    for y in range(3):
        for x in range(4):
            label, pred = int(x == y), int(x == 1)
            lines.append(f"{path},{x},{y},{label},{pred},{0.97 if pred else 0.1}")
    table = survey.with_name("tiles.csv")
    table.write_text("\n".join(lines) + "\n")
    return table


@pytest.fixture
def marked(survey: Path) -> Path:
    """Table (d): a spreadsheet, with semicolons, decimal commas and percent."""
    lines = ["Image Name;X;Y;Mark;Model;Confidence %;Remark"]
    for x, mark, model, percent in ((0, "trail", 1, "97,5"), (200, "ok", 0, "2,5")):
        lines.append(f"north;{x};0;{mark};{model};{percent};<b>faint</b>?")
    table = survey.with_name("marked.csv")
    table.write_text("\n".join(lines) + "\n")
    return table


def test_stamps_of_real_and_bogus_sources(form, ask, stamps, choose, qtbot):
    window = ask(stamps)
    [one] = window.labels.boxes.values()
    assert one.value is None
    assert window.confidence.probability_of.value is None
    assert not window.open.isEnabled()
    assert one.hasFocus(), "it is asked first"
    top = one.mapTo(window, one.rect().topLeft()).y()
    assert top < window.table.mapTo(window, window.table.rect().topLeft()).y()
    choose(one, "no artifact", keys=True)
    assert not window.open.isEnabled(), "the other question is open"
    qtbot.keyClick(window, Key.Key_Return)
    assert window.isVisible()
    choose(window.confidence.probability_of, "no artifact")
    assert window.grid.single.isChecked()
    assert window.questions.text() == ""
    qtbot.keyClick(window, Key.Key_Return)
    session = opened(form, qtbot)
    assert session.cutout_size == 63
    assert session.table.label.tolist() == [0, 0, 1]
    np.testing.assert_allclose(session.table.confidence, [0.1, 0.8, 0.9])
    mapping = session.predictions.mapping
    assert mapping.label_values == LabelValues(("0",), ("1",))
    assert mapping.columns["grid_x"] == ORIGIN


def test_votes_with_a_consensus(form, ask, votes, qtbot):
    window = ask(votes)
    assert [b.value for b in window.labels.boxes.values()] == [0, 1]
    qtbot.mouseClick(window.open, LEFT)
    session = opened(form, qtbot)
    assert session.table.label.tolist() == [0, 0, 1]
    assert session.table.confidence.tolist() == [0, 0.5, 1]
    assert form.opening.optional.mapped.value == "mapped: 5 columns, labels"


def test_numbers_of_tiles_are_asked_for_their_stride(form, ask, tiles, qtbot):
    window = ask(tiles)
    window.resize(window.width(), 330)
    assert window.open.isEnabled()
    qtbot.mouseClick(window.open, LEFT)
    qtbot.waitUntil(lambda: "tile numbers" in window.error.text())
    assert window.isVisible()
    stride = window.grid.stride
    assert stride.hasFocus()
    assert not stride.visibleRegion().isEmpty(), "it is in view"
    qtbot.keyClicks(stride, "200")
    qtbot.keyClick(stride, Key.Key_Return)
    session = opened(form, qtbot)
    assert session.table.grid_x.tolist()[:4] == [0, 200, 400, 600]
    assert session.cutout_size == 200
    assert form.opening.optional.stride.value == "200"


def test_a_spreadsheet_with_commas_and_percent(form, ask, marked, choose, qtbot):
    window = ask(marked)
    assert window.questions.text() == "Choose the column for label."
    assert window.table.boxes[0].hasFocus()
    choose(box_of(window, "Mark"), "label", keys=True)
    assert "'trail', 'ok' mean" in window.questions.text()
    choose(window.labels.boxes["trail"], "artifact")
    choose(window.labels.boxes["ok"], "no artifact", keys=True)
    assert window.confidence.scale.value == "percent"
    assert window.confidence.decimal.value == ","
    qtbot.mouseClick(window.copy, LEFT)
    command = shlex.split(QApplication.clipboard().text())
    assert command[:3] == ["napari-artifact-review", "open", str(marked)]
    assert "artifact=trail,no artifact=ok" in command
    qtbot.mouseClick(window.open, LEFT)
    session = opened(form, qtbot)
    assert session.table.confidence.tolist() == [0.975, 0.025]
    assert session.table.label.tolist() == [1, 0]


def test_a_guess_is_marked_until_it_is_changed_or_confirmed(ask, votes, choose):
    window = ask(votes)
    assert marks(window) == {
        "subject": "guessed",
        "x": "guessed",
        "y": "guessed",
        "votes_artifact": "",
        "votes_total": "",
        "fraction": "guessed",
        "consensus": "guessed",
    }
    choose(box_of(window, "x"), "grid_x", keys=True)
    assert marks(window)["x"] == "", "the same choice confirms the guess"
    choose(box_of(window, "votes_artifact"), "confidence", keys=True)
    assert marks(window)["votes_artifact"] == ""
    assert box_of(window, "fraction").value is None, "its meaning is free"
    assert marks(window)["fraction"] == ""
    assert "no probability" not in window.questions.text()
    assert window.confidence.scale.value == "percent"


def test_escape_and_cancel_lose_nothing(form, ask, votes, choose, qtbot):
    form.output.value = votes.with_name("out.csv")
    window = ask(votes)
    choose(box_of(window, "x"), "—", keys=True)
    qtbot.keyClick(window, Key.Key_Escape)
    assert not window.isVisible()
    assert form.predictions.path == votes
    assert form.output.path == votes.with_name("out.csv")
    assert form.session is None
    assert "columns of votes.csv" in form.opening.error.value
    window = ask(votes)
    assert box_of(window, "x").value == "grid_x", "the choices were dropped"
    qtbot.mouseClick(window.cancel, LEFT)
    assert not window.isVisible()


def test_keys_of_the_window_give_no_verdict(form, dock, votes, qtbot):
    dock.files.native.click()
    dock.predictions.value = votes
    qtbot.mouseClick(dock.open.native, LEFT)
    qtbot.waitUntil(lambda: dock.columns.isVisible())
    for key in ("J", "K"):
        qtbot.keyClick(dock.columns, key)
        qtbot.keyClick(dock.columns.open, key)
    assert not dock.session.log
    qtbot.keyClick(dock.columns, Key.Key_Escape)


def test_tab_leads_through_the_window(ask, votes, qtbot):
    window = ask(votes)
    window.table.boxes[0].setFocus()
    expected: list[QWidget] = [
        *window.table.boxes[1:],
        *window.labels.boxes.values(),
        *window.confidence.fields,
        *window.grid.fields,
        window.copy,
        window.cancel,
        window.open,
    ]
    for widget in expected:
        qtbot.keyClick(QApplication.focusWidget(), Key.Key_Tab)
        assert QApplication.focusWidget() is widget


def test_a_script_gets_an_error_and_no_window(viewer, votes, qtbot):
    with pytest.raises(MappingNeededError, match="no column image_name"):
        open_review(viewer, votes)
    dock = review_dock(viewer)
    qtbot.wait(300)
    assert not dock.columns.isVisible()
    assert not dock.opening.busy.visible
    mapping = MappingDraft.read(votes, TableMapping()).result
    assert open_review(viewer, votes, mapping=mapping) is dock
    assert dock.session.predictions.mapping == mapping
    assert dock.opening.fold.is_open
    with pytest.raises(TypeError, match="no other argument"):
        open_review(viewer, dock.session, mapping=mapping)


def test_the_window_shows_the_mapping_in_force(viewer, form, votes, qtbot):
    mapping = MappingDraft.read(votes, TableMapping()).result
    open_review(viewer, votes, mapping=mapping, cutout_size=100)
    form.files.native.click()
    assert form.opening.optional.mapped.value == "mapped: 5 columns, labels"
    qtbot.mouseClick(form.opening.optional.columns.native, LEFT)
    qtbot.waitUntil(lambda: form.columns.isVisible())
    assert form.columns.mapping == mapping
    assert form.columns.cutout_size == 100
    assert set(marks(form.columns).values()) == {""}
    form.predictions.value = votes.with_name("predictions.csv")
    assert not form.columns.isVisible(), "it is about another table"
    assert form.opening.optional.mapped.value == "as named in the table"
    assert form.cutout_size.value == ""


def test_columns_can_be_looked_at_where_nothing_is_open(form, survey, qtbot):
    form.predictions.value = survey
    form.opening.fold.header.click()
    qtbot.mouseClick(form.opening.optional.columns.native, LEFT)
    qtbot.waitUntil(lambda: form.columns.isVisible())
    assert form.columns.questions.text() == ""
    qtbot.keyClick(form.columns, Key.Key_Return)
    session = opened(form, qtbot)
    assert session.predictions.mapping == TableMapping()


def test_a_recent_review_opens_with_its_own_mapping(viewer, votes, survey, qtbot):
    mapping = MappingDraft.read(votes, TableMapping()).result
    dock = open_review(viewer, votes, output=votes.with_name("b.csv"), mapping=mapping)
    open_review(viewer, survey)
    assert dock.opening.optional.mapped.value == "as named in the table"
    dock.files.native.click()
    dock.opening.fold.header.setChecked(False)
    dock.cutout_size.value = ""
    qtbot.mouseClick(dock.opening.recent.buttons[1].native, LEFT)
    qtbot.waitUntil(lambda: dock.session.predictions.path == votes)
    assert dock.opening.optional.mapped.value == "mapped: 5 columns, labels"
    assert not dock.opening.fold.is_open, "no script has filled in an option"


def test_a_damaged_log_does_not_hide_the_columns(form, votes, qtbot):
    votes.with_name("test_outputs.csv.review.sqlite").write_text("no database" * 99)
    form.predictions.value = votes
    form.opening.fold.header.click()
    qtbot.mouseClick(form.opening.optional.columns.native, LEFT)
    qtbot.waitUntil(lambda: form.columns.isVisible())


def test_a_table_that_cannot_be_read_is_told_in_the_form(form, tmp_path, qtbot):
    form.predictions.value = tmp_path / "none.csv"
    form.opening.fold.header.click()
    qtbot.mouseClick(form.opening.optional.columns.native, LEFT)
    qtbot.waitUntil(lambda: "cannot be read" in form.opening.error.value)
    assert not form.columns.isVisible()
    assert not form.opening.busy.visible


def test_a_slow_table_is_read_in_a_thread_and_can_be_cancelled(
    form, votes, survey, monkeypatch, qtbot
):
    go_on, threads = threading.Event(), []
    read = MappingDraft.read

    def slow(*args):
        threads.append(threading.current_thread())
        assert go_on.wait(20)
        return read(*args)

    monkeypatch.setattr(MappingDraft, "read", slow)
    form.predictions.value = votes
    qtbot.mouseClick(form.open.native, LEFT)
    qtbot.waitUntil(lambda: len(threads) == 1)
    assert threads[0] is not threading.main_thread()
    assert form.opening.progress_text.value == "Reading votes.csv..."
    qtbot.mouseClick(form.opening.cancel.native, LEFT)
    assert not form.opening.busy.visible
    qtbot.mouseClick(form.open.native, LEFT)
    qtbot.waitUntil(lambda: len(threads) == 2)
    form.predictions.value = survey
    assert not form.opening.busy.visible, "another table ends it, too"
    go_on.set()
    qtbot.waitUntil(lambda: not any(thread.is_alive() for thread in threads))
    qtbot.wait(50)
    assert not form.columns.isVisible()


def test_a_wide_table_with_hostile_texts_is_legible(form, ask, tmp_path, qtbot):
    evil = "<b>x<img src=y>" * 50
    names = [evil, "a\x1b[31m", *(f"feature_{n}" for n in range(52))]
    names += ["filename", "x", "y", "y_true", "y_pred", "prob"]
    cells = ["Z" * 10_000, evil, *"0" * 52, "north", *"0000", "0.5"]
    table = tmp_path / "wide.csv"
    table.write_text(f"{','.join(names)}\n{','.join(cells)}\n")
    window = ask(table)
    assert window.width() < form.screen().availableGeometry().width()
    header = window.table.preview.horizontalHeaderItem(0)
    assert len(header.text()) <= 200
    assert "<img" not in header.toolTip(), "a tooltip must not be HTML"
    assert window.table.preview.horizontalHeaderItem(1).text() == r"a\x1b[31m"
    assert len(window.table.preview.item(2, 0).text()) <= 200
    assert window.table.preview.columnWidth(0) < 400
    assert window.questions.text() == ""
    box = box_of(window, "filename")
    view = window.table.preview.viewport()
    assert view.rect().contains(box.mapTo(view, box.rect().center())), "in view"
    window.table.boxes[0].setFocus()
    assert not view.rect().contains(box.mapTo(view, box.rect().center()))
    qtbot.mouseClick(window.table.finders["image_name"], LEFT)
    assert box.hasFocus()
    assert view.rect().contains(box.mapTo(view, box.rect().center()))


def test_too_many_values_are_told(ask, survey, qtbot):
    lines = survey.read_text().splitlines()[:31]
    lines[0] = lines[0].replace("label", "class")
    rows = [line.split(",") for line in lines[1:]]
    lines[1:] = [
        ",".join([*row[:3], f"w{at}", *row[4:]]) for at, row in enumerate(rows)
    ]
    survey.write_text("\n".join(lines) + "\n")
    window = ask(survey)
    texts = [label.text() for label in window.labels.findChildren(type(window.error))]
    assert "30 different values" in " ".join(texts)
    assert window.labels.boxes == {}
    assert not window.open.isEnabled()


@pytest.mark.parametrize("size", [9, 16])
def test_the_texts_of_the_window_follow_the_font_size(ask, votes, qtbot, size):
    get_settings().appearance.font_size = size
    window = ask(votes)
    widgets = [
        window.table.preview,
        window.error,
        *window.table.boxes,
        *window.labels.fields,
    ]
    assert {w.font().pointSize() - size for w in widgets} <= {0, 1}
    for button in window.findChildren(QPushButton):
        if button.isVisible():
            assert button.width() >= button.sizeHint().width()


def test_the_window_closes_with_the_form(viewer, form, ask, votes, qtbot):
    window = ask(votes)
    form.parentWidget().hide()
    assert not window.isVisible()
    form.parentWidget().show()
    form.open.native.click()
    qtbot.waitUntil(window.isVisible)
    viewer.window.remove_dock_widget(form)
    assert not window.isVisible()


def test_the_options_are_folded_until_one_is_filled_or_faulty(form, survey, qtbot):
    fold, optional = form.opening.fold, form.opening.optional
    assert not fold.is_open
    assert not form.output.native.isVisible()
    fields = (form.output.line_edit, form.cutout_size, optional.stride)
    for field in (*fields, optional.reviewer, optional.team):
        assert field.native.placeholderText()
    form.cutout_size.value = "150"
    assert fold.is_open
    assert fold.header.text() == "Options: cutout size"
    form.cutout_size.value = ""
    fold.header.click()
    form.predictions.value = survey
    form.output.line_edit.native.setText(str(survey.parent / "none/a.csv"))
    fold.header.setChecked(False)
    qtbot.mouseClick(form.open.native, LEFT)
    qtbot.waitUntil(lambda: "does not exist" in form.opening.error.value)
    assert fold.is_open


def test_the_form_names_the_reviewer(form, survey, qtbot):
    form.predictions.value = survey
    form.opening.fold.header.click()
    qtbot.keyClicks(form.opening.optional.reviewer.native, " Vera ")
    qtbot.mouseClick(form.open.native, LEFT)
    assert opened(form, qtbot).reviewer == "Vera"


def test_overlapping_cutouts_are_asked_for_their_size(form, ask, survey, qtbot):
    lines = ["image_name,grid_x,grid_y,label,preds"]
    for y in range(0, 400, 100):
        lines += [f"north,{x},{y},0,{x // 100 % 2}" for x in range(0, 600, 100)]
    survey.write_text("\n".join(lines) + "\n")
    window = ask(survey)
    assert "would end before the borders" in window.error.text()
    assert window.grid.cutout_size.hasFocus()
    assert "cutout size" in form.opening.error.value
    qtbot.keyClicks(window.grid.cutout_size, "200")
    qtbot.keyClick(window.grid.cutout_size, Key.Key_Return)
    assert opened(form, qtbot).cutout_size == 200


def test_a_fault_of_a_cell_is_shown_beside_its_column(form, ask, votes, qtbot):
    votes.write_text(votes.read_text().replace(",0.5,", ",much,"))
    window = ask(votes)
    qtbot.mouseClick(window.open, LEFT)
    qtbot.waitUntil(lambda: "'much' is not a probability" in window.error.text())
    assert box_of(window, "fraction").hasFocus()
    assert window.open.isEnabled(), "the user may have corrected the file"
    qtbot.keyClick(window, Key.Key_Escape)
    assert "'much'" in form.opening.error.value


def test_a_fault_of_another_file_closes_the_window(form, ask, votes, qtbot):
    window = ask(votes)
    form.output.value = votes.parent / "none/out.csv"
    qtbot.mouseClick(window.open, LEFT)
    qtbot.waitUntil(lambda: "does not exist" in form.opening.error.value)
    assert not window.isVisible()
    form.output.value = None
    qtbot.mouseClick(form.open.native, LEFT)
    assert opened(form, qtbot).table.label.tolist() == [0, 0, 1], "nothing is lost"


def test_the_button_of_the_form_keeps_the_choices_of_a_visible_window(
    form, ask, votes, choose, qtbot
):
    window = ask(votes)
    choose(box_of(window, "x"), "—", keys=True)
    qtbot.mouseClick(form.opening.optional.columns.native, LEFT)
    assert not form.opening.busy.visible
    assert box_of(window, "x").value is None
