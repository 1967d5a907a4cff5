"""Row 13: the gallery: until it is there, and scrolling through very many."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem

from benchmarks import memory, surveys
from benchmarks.measures import Line, Timings, compare
from benchmarks.plan import Plan
from benchmarks.review import Review
from benchmarks.stopwatch import wait_until
from benchmarks.watchdog import LONGEST_BLOCK, Watchdog
from napari_artifact_review.widgets.gallery import GalleryPanel


@contextmanager
def stage(plan: Plan) -> Iterator[Plan]:
    """Need nothing but the plan."""
    yield plan


def gallery(plan: Plan) -> Iterable[Line]:
    """Row 13: open the gallery, and scroll through it."""
    yield from _open(plan)
    yield from _scroll(plan)


ROWS = {13: gallery}


def _open(plan: Plan) -> Iterable[Line]:
    """Open the gallery of a survey's errors, and again in other orders."""
    review = Review(plan, surveys.demo(plan, plan.pick(3, 12, 47)))
    times = {"image": Timings(), "mislabelled": Timings(), "random": Timings()}
    for order, timings in times.items():
        review.session.set_queue(order=order)
        for _ in range(plan.pick(1, 3, 5)):
            review.settle()
            begin = time.perf_counter()
            QTest.keyClick(review.window.native, Qt.Key.Key_F5)
            wait_until(lambda: _is_painted(_panel(review)))
            timings.add(time.perf_counter() - begin)
            QTest.keyClick(review.window.native, Qt.Key.Key_F5)
            # What was read for this one must not help the next.
            review.dock._commands.let_go()
    count = len(review.session.places)
    for order, timings in times.items():
        yield Line(
            13,
            f"open the gallery of {count:,}, order {order}: all in view is painted",
            timings,
            value=timings.median,
            limit=1000,
            unit="ms",
        )
    review.close()


def _scroll(plan: Plan) -> Iterable[Line]:
    """Scroll through very many, line by line, page by page, and by leaps."""
    count = plan.pick(2_000, 100_000, 100_000)
    survey = surveys.many_cutouts(plan, plan.pick(2, 6, 12), count)
    review = Review(plan, survey)
    before = memory.now()
    with memory.Peak() as peak:
        QTest.keyClick(review.window.native, Qt.Key.Key_F5)
        panel = _panel(review)
        wait_until(lambda: _is_painted(panel))
        base = _list_of(panel, min(count, 551))
        frames, others = Timings(), Timings()
        watchdog = Watchdog(review)
        _run_through(base, others, plan)
        base.hide()
        watchdog.start()
        _run_through(panel.view, frames, plan)
        watchdog.stop()
    yield from compare(
        13,
        f"scroll a gallery of {count:,}, beside Qt's list of 551 ready icons",
        frames,
        others,
        None,
    )
    yield Line(
        13,
        "of it, the longest block of the window",
        value=max([*watchdog.within, *watchdog.into], default=0.0) * 1e3,
        limit=LONGEST_BLOCK * 1e3,
        unit="ms",
        note=watchdog.said(),
    )
    yield Line(
        13,
        "of it, memory",
        value=(peak.bytes - before) / 1e6,
        limit=500,
        unit="MB",
    )
    review.close()


def _run_through(view: QAbstractItemView, timings: Timings, plan: Plan) -> None:
    """Scroll on by lines, on by pages, then anywhere."""
    bar, count = view.verticalScrollBar(), plan.pick(10, 60, 300)
    lines = np.arange(count) * 70
    pages = lines[-1] + np.arange(count // 2) * bar.pageStep()
    leaps = np.random.default_rng(0).integers(0, max(bar.maximum(), 1), count // 2)
    for step in np.concatenate([lines, pages, leaps]).tolist():
        begin = time.perf_counter()
        bar.setValue(step)
        view.viewport().repaint()
        timings.add(time.perf_counter() - begin)
        QTest.qWait(15)


def _panel(review: Review) -> GalleryPanel:
    return next(
        panel
        for panel in review.window.native.findChildren(GalleryPanel)
        if panel.isVisible()
    )


def _is_painted(panel: GalleryPanel) -> bool:
    """Tell whether each picture in view has been on the screen."""
    rows = panel.view.model().rows(list(panel.view.positions_in_view()))
    return bool(len(rows)) and set(rows.tolist()) <= panel.view.itemDelegate().seen


def _list_of(panel: GalleryPanel, count: int) -> QListWidget:
    """Show icons that are ready in Qt's own list, in the gallery's place."""
    listed = QListWidget(panel)
    listed.setViewMode(QListWidget.ViewMode.IconMode)
    listed.setResizeMode(QListWidget.ResizeMode.Adjust)
    listed.setIconSize(QSize(128, 128))
    listed.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    for number in range(count):
        pixmap = QPixmap(128, 128)
        pixmap.fill(QColor(number % 256, 128, 128))
        listed.addItem(QListWidgetItem(QIcon(pixmap), f"{number}"))
    listed.setGeometry(panel.view.geometry())
    listed.show()
    QTest.qWait(200)
    return listed
