"""The results in the dock: numbers and plots, while they are visible."""

from __future__ import annotations

import gc
import threading
from functools import partial

import numpy as np
import pytest
from qtpy.QtCore import QObject, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_artifact_review import open_review
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.scores.metrics import NUMBERS
from napari_artifact_review.core.scores.ranking import Ranking
from napari_artifact_review.report.texts import number_text, range_text
from napari_artifact_review.widgets.parts.background import Latest
from napari_artifact_review.widgets.parts.text_table import TextTable
from napari_artifact_review.widgets.windows.plots import PlotsPanel


def panel(dock):
    return dock.panel.results


def fold(dock):
    return dock.panel.folds["changes"]


def click_fold(dock):
    QTest.mouseClick(fold(dock).header, Qt.MouseButton.LeftButton)


def expected(session):
    """Return the expected content of the table of numbers."""
    found = session.metrics()
    names = (*NUMBERS[4:], *NUMBERS[:4])
    return [
        (
            number_text(found["before"][name]),
            number_text(found["after"][name]),
            range_text(found["lowest"][name], found["highest"][name]),
        )
        for name in names
    ]


def shown(dock):
    return [row[1:] for row in panel(dock).numbers.rows]


@pytest.fixture
def unfolded(dock, qtbot):
    click_fold(dock)
    qtbot.waitUntil(lambda: shown(dock) == expected(dock.session))
    return dock


def open_plots(dock, qtbot):
    panel(dock).plots.native.click()
    plots = dock.plots.panel
    qtbot.waitUntil(lambda: not any(view.image.isNull() for view in plots.views))
    return plots


def all_plots():
    return [w for w in QApplication.allWidgets() if isinstance(w, PlotsPanel)]


def close_by_x(plots):
    plots.parent().titleBarWidget().close_button.click()


# The numbers


def test_each_verdict_and_undo_is_seen_and_the_threshold_too(unfolded, press, qtbot):
    dock = unfolded
    assert fold(dock).header.text() == "Results: precision 0.50"
    assert panel(dock).open_count.value == "4 undecided"
    dock.session.select("north", 400, 200)
    for act in (
        lambda: press(dock, "j"),
        lambda: press(dock, "h"),
        lambda: press(dock, "u"),
        lambda: dock.session.set_threshold(0.1),
    ):
        before = shown(dock)
        act()
        qtbot.waitUntil(lambda: shown(dock) == expected(dock.session))
        assert shown(dock) != before
    assert fold(dock).header.text() == "Results: precision 0.11 → 0.14"
    flips = {row[0]: row[1:] for row in panel(dock).flips.rows}
    assert flips["FP"] == ("32", "1", "1", "0", "0")


def test_while_it_is_folded_nothing_is_computed_and_nothing_old_is_shown(
    unfolded, press, qtbot, monkeypatch
):
    dock, taken = unfolded, []
    real = Catalog.snapshot
    monkeypatch.setattr(Catalog, "snapshot", lambda *a: taken.append(a) or real(*a))
    click_fold(dock)
    press(dock, "j")
    qtbot.waitUntil(lambda: len(dock.session.log) == 1)
    qtbot.wait(200)
    assert taken == []
    assert fold(dock).header.text() == "Results"
    assert shown(dock) == [("…",) * 3] * 8
    click_fold(dock)
    qtbot.waitUntil(lambda: shown(dock) == expected(dock.session))
    assert taken


def test_all_reviewed_says_that_nothing_is_open(unfolded, press, qtbot):
    dock = unfolded
    for _ in range(4):
        press(dock, "k", "n")
        qtbot.waitUntil(lambda: dock.controller.view == "shown")
    qtbot.waitUntil(lambda: panel(dock).open_count.value == "None undecided")


def test_no_text_is_cut_off_in_the_narrowest_dock(unfolded, qtbot):
    dock = unfolded
    low, high = (
        ("0.123", "0.456", "0.123 to 0.456"),
        ("9,870", "9,870", "9,319 to 9,870"),
    )
    panel(dock).numbers.show_rows(
        [
            (row[0], *texts)
            for row, texts in zip(panel(dock).numbers.rows, [low] * 4 + [high] * 4,
                                  strict=True)
        ]
    )  # fmt: skip
    panel(dock).flips.show_rows([("FP", "9,870", "9,870", "551", "551", "551")] * 4)
    for table in (panel(dock).numbers, panel(dock).flips):
        # 320 pixels without margins and scroll bar.
        assert table.needed_width <= 290


def test_a_table_paints_each_text_at_its_place(qtbot):
    table = TextTable(("", "before"), 1)
    qtbot.addWidget(table)
    table.resize(200, table.height())
    table.show()

    def columns_with_ink():
        image = table.grab().toImage()
        line = range(image.height() // 2 + 2, image.height())
        paper = image.pixel(100, image.height() - 1)
        return [x for x in range(200) if any(image.pixel(x, y) != paper for y in line)]

    assert columns_with_ink() == []
    table.show_rows([("F1", "0.5")])
    ink = columns_with_ink()
    assert ink[0] < 20
    assert 180 < ink[-1] < 200
    assert not set(ink) & set(range(60, 140))


# The plots


def test_the_plots_follow_verdicts_and_the_theme(dock, press, qtbot):
    plots = open_plots(dock, qtbot)
    assert plots.isVisible()
    images = [view.image.copy() for view in plots.views]
    assert images[0].size() == plots.views[0].size() * plots.devicePixelRatioF()
    dock.session.select("north", 400, 200)
    press(dock, "j", "n", "j")
    qtbot.waitUntil(
        lambda: all(
            view.image != old for view, old in zip(plots.views, images, strict=True)
        )
    )

    def brightness():
        """Return the median brightness of axes and texts at the left edge."""
        image = plots.views[0].image
        pixels = [image.pixelColor(x, y) for x in range(60) for y in range(150)]
        return np.median([pixel.value() for pixel in pixels if pixel.alpha() == 255])

    assert brightness() > 200
    dock.viewer.theme = "light"
    qtbot.waitUntil(lambda: brightness() < 60)


def test_plots_beside_the_image_stay_large_enough_to_be_read(dock, qtbot):
    plots = open_plots(dock, qtbot)
    docked = plots.parentWidget()
    docked.setFloating(False)
    dock.window().resizeDocks([docked], [10], Qt.Orientation.Vertical)
    qtbot.wait(50)
    assert all(view.height() >= 150 and view.width() >= 200 for view in plots.views)


def test_the_plots_are_closed_and_opened_again_and_leave_nothing_behind(dock, qtbot):
    window = dock.window()
    size = window.size()
    for close in (close_by_x, lambda _: panel(dock).plots.native.click()) * 2:
        plots = open_plots(dock, qtbot)
        assert all_plots() == [plots]
        close(plots)
        del plots
        qtbot.waitUntil(lambda: all_plots() == [])
        assert dock.plots.panel is None
        assert dock.plots.wishes() == []
    assert window.size() == size

    def are_forgotten():
        gc.collect()
        return not any(type(one) is PlotsPanel for one in gc.get_objects())

    qtbot.waitUntil(are_forgotten)


def test_the_plots_go_with_the_review(dock, survey, qtbot):
    open_plots(dock, qtbot)
    other = survey.with_name("other.csv")
    other.write_bytes(survey.read_bytes())
    assert open_review(dock.viewer, other, output=survey.with_name("o.csv")) is dock
    qtbot.waitUntil(lambda: all_plots() == [])
    open_plots(dock, qtbot)
    dock.parent().destroyOnClose()
    qtbot.waitUntil(lambda: all_plots() == [])


def test_a_window_with_plots_closes_without_a_word(dock, qtbot, capfd):
    open_plots(dock, qtbot)
    dock.session.set_label("artifact")
    dock.viewer.close()
    qtbot.wait(100)
    assert capfd.readouterr().err == ""


# The latest of many jobs


def test_only_the_latest_is_shown_and_one_is_done_at_a_time(qtbot):
    parent, done, running, most = QObject(), [], [], []
    gate = threading.Event()

    def job(number, given_up):
        running.append(number)
        most.append(len(running))
        gate.wait(10)
        running.remove(number)
        return number

    latest = Latest(parent, done.append)
    latest.want(partial(job, 1), 0)
    qtbot.waitUntil(lambda: running == [1])
    for number in (2, 3):
        latest.want(partial(job, number), 0)
        qtbot.wait(20)
    gate.set()
    qtbot.waitUntil(lambda: done == [3])
    latest.want(partial(job, 4), 0)
    latest.give_up()
    gate.clear()
    latest.want(partial(job, 5), 0)
    qtbot.waitUntil(lambda: running == [5])
    latest.give_up()
    gate.set()
    qtbot.wait(100)
    assert done == [3]
    assert max(most) == 1


def test_a_long_search_ends_when_its_answer_is_wanted_no_more(qtbot):
    parent, done = QObject(), []
    confidence, zeros = np.arange(200_000) // 2 / 1e6, np.zeros(200_000, np.int8)
    everything, ranking = np.ones(200_000, bool), Ranking(confidence)

    def search(given_up):
        return ranking.extremes(zeros, everything, given_up)

    before = threading.active_count()
    latest = Latest(parent, done.append)
    latest.want(search, 0)
    qtbot.waitUntil(lambda: threading.active_count() > before)
    qtbot.wait(200)
    latest.want(lambda _: "the next", 0)
    qtbot.waitUntil(lambda: done == ["the next"], timeout=5000)
    latest.want(search, 0)
    qtbot.wait(200)
    latest.give_up()
    qtbot.waitUntil(lambda: threading.active_count() <= before, timeout=5000)
    assert done == ["the next"]
