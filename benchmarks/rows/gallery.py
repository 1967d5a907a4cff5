"""Row 13: open the gallery, and scroll through a hundred thousand cutouts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
from qtpy.QtCore import QEvent, QEventLoop, QObject, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

from benchmarks import memory, surveys
from benchmarks.measures import Line, Timings, compare
from benchmarks.plan import Plan
from benchmarks.review import Review
from benchmarks.stopwatch import wait_until
from benchmarks.surveys import Survey
from benchmarks.watchdog import LONGEST_BLOCK, Watchdog
from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.widgets.gallery import GalleryPanel


@contextmanager
def prepare(plan: Plan) -> Iterator[Plan]:
    """Return the plan; these rows need no more."""
    yield plan


def gallery(plan: Plan) -> Iterable[Line]:
    """Row 13: open the gallery, and scroll through it."""
    yield from _open(plan)
    sdss = surveys.sdss()
    if sdss is not None and plan.form != "tiny":
        yield from _open_compressed(plan, sdss)
    yield from _scroll(plan)


ROWS = {13: gallery}


def _open(plan: Plan) -> Iterable[Line]:
    """Open the gallery of a survey's errors in several orders."""
    review = Review(plan, surveys.demo(plan, plan.pick(3, 12, 47)))
    times = {"image": Timings(), "mislabelled": Timings(), "random": Timings()}
    if plan.learned:
        times["learned"] = Timings()
    for order, timings in times.items():
        review.session.set_queue(order=order)
        for _ in range(plan.pick(1, 3, 5)):
            timings.add(_seconds_to_open(review))
    count = len(review.session.review_queue)
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


def _open_compressed(plan: Plan, survey: Survey) -> Iterable[Line]:
    """Open the gallery of compressed files, which take long to decode."""
    review = Review(plan, survey)
    ours, others = Timings(unit="s"), Timings(unit="s")
    for _ in range(plan.pick(1, 2, 5)):
        ours.add(_seconds_to_open(review))
        begin = time.perf_counter()
        for name in review.session.image_names:
            read_image(review.session.images.find(name), sky=False)
        others.add(time.perf_counter() - begin)
    yield from compare(
        13,
        f"open the gallery of {len(review.session.image_names)} SDSS frames (.bz2), "
        "beside reading one after another",
        ours,
        others,
        1.0,
    )
    review.close()


def _seconds_to_open(review: Review) -> float:
    """Time the gallery until all in view is painted, then close it."""
    review.settle()
    begin = time.perf_counter()
    QTest.keyClick(review.window.native, Qt.Key.Key_F5)
    wait_until(lambda: _is_painted(_panel(review)))
    seconds = time.perf_counter() - begin
    QTest.keyClick(review.window.native, Qt.Key.Key_F5)
    # Drop the pictures, so that they do not help the next opening.
    review.dock.review.surfaces.drop_gallery()
    review.controller.loader.cache.clear()
    return seconds


def _scroll(plan: Plan) -> Iterable[Line]:
    """Scroll through many cutouts by lines, by pages and by leaps."""
    count = plan.pick(2_000, 100_000, 100_000)
    survey = surveys.many_cutouts(plan, plan.pick(2, 6, 12), count)
    review = Review(plan, survey)
    before = memory.current()
    with memory.Peak() as peak:
        QTest.keyClick(review.window.native, Qt.Key.Key_F5)
        panel = _panel(review)
        wait_until(lambda: _is_painted(panel))
        base = _list_of(panel, min(count, 551))
        frames, others = Timings(), Timings()
        _time_scrolling(base, others, plan, Watchdog(review.window, review.shown))
        base.hide()
        watchdog = Watchdog(review.window, review.shown)
        _time_scrolling(panel.view, frames, plan, watchdog)
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
        value=max([*watchdog.blocks, *watchdog.switch_blocks], default=0.0) * 1e3,
        limit=LONGEST_BLOCK * 1e3,
        unit="ms",
        note=watchdog.summary(),
    )
    yield Line(
        13,
        "of it, memory",
        value=(peak.bytes - before) / 1e6,
        limit=500,
        unit="MB",
    )
    review.close()


def _time_scrolling(
    view: QAbstractItemView, timings: Timings, plan: Plan, watchdog: Watchdog
) -> None:
    """Scroll by lines, by pages and to random positions; time each step."""
    bar, count = view.verticalScrollBar(), plan.pick(10, 60, 300)
    lines = np.arange(1, count + 1) * 70
    pages = lines[-1] + np.arange(1, count // 2 + 1) * bar.pageStep()
    leaps = np.random.default_rng(0).integers(1, max(bar.maximum(), 2), count // 2)
    # Qt's list is too short for most steps.
    steps = np.concatenate([lines, pages, leaps]) % max(bar.maximum(), 1)
    painted = _PaintWatcher(view.viewport())
    watchdog.start()
    for step in steps.tolist():
        painted.wait_for = True
        begin = time.perf_counter()
        bar.setValue(step)
        while painted.wait_for:
            # This returns after the frame of the window, which includes the painting.
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            watchdog.answer()
        timings.add(time.perf_counter() - begin)
        QTest.qWait(15)
        watchdog.answer()
    watchdog.stop()


class _PaintWatcher(QObject):
    """Event filter that detects when a widget is painted."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.wait_for = False
        widget.installEventFilter(self)

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Record a paint event."""
        if event is not None and event.type() == QEvent.Type.Paint:
            self.wait_for = False
        return False


def _panel(review: Review) -> GalleryPanel:
    return next(
        panel
        for panel in review.window.native.findChildren(GalleryPanel)
        if panel.isVisible()
    )


def _is_painted(panel: GalleryPanel) -> bool:
    """Return whether each picture in view has been on the screen."""
    rows = panel.view.model().rows(list(panel.view.positions_in_view()))
    return bool(len(rows)) and set(rows.tolist()) <= panel.view.itemDelegate().seen


def _list_of(panel: GalleryPanel, count: int) -> QListWidget:
    """Show ready icons in Qt's own list, over the gallery."""
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
