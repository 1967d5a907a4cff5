"""Ginga's canvas in a Qt window of the same size."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

from ginga import toolkit

toolkit.use("pyqt6")

from ginga.AstroImage import AstroImage  # noqa: E402
from ginga.qtw.ImageViewQt import CanvasView  # noqa: E402
from qtpy.QtCore import QEvent, QObject  # noqa: E402
from qtpy.QtTest import QTest  # noqa: E402
from qtpy.QtWidgets import QApplication, QMainWindow  # noqa: E402

from benchmarks.stopwatch import Stopwatch  # noqa: E402
from benchmarks.surveys import CUTOUT  # noqa: E402

from . import PeerImages, print_time, read, zscale  # noqa: E402


class PaintWatcher(QObject):
    """Event filter that records frames of the canvas."""

    def __init__(self, watch: Stopwatch, widget: Any) -> None:
        super().__init__(widget)
        self._watch = watch
        widget.installEventFilter(self)

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Record a paint event."""
        if event is not None and event.type() == QEvent.Type.Paint:
            self._watch.note_frame()
        return False


class Canvas:
    """A Ginga canvas with an image, boxes with texts, and a current box."""

    def __init__(self) -> None:
        logger = logging.getLogger("ginga")
        logger.addHandler(logging.NullHandler())
        self.view = CanvasView(logger, render="widget")
        self.view.enable_autocuts("off")
        self.view.enable_autozoom("off")
        self.view.enable_autocenter("off")
        self.window = QMainWindow()
        self.window.resize(1400, 900)
        widget = self.view.get_widget()
        self.window.setCentralWidget(widget)
        self.watch = Stopwatch(self.window)
        PaintWatcher(self.watch, widget)
        self.canvas = self.view.get_canvas()
        self.canvas.ui_set_active(False)
        self.kinds = self.canvas.get_draw_classes()
        self.window.show()
        QTest.qWait(300)

    def switch(self, pixels: Any, limits: Any, marked: Any, error: Any) -> None:
        """Show another image, its boxes and the current box."""
        image = AstroImage(data_np=pixels)
        with self.view.suppress_redraw:
            self.canvas.delete_all_objects()
            self.view.set_image(image)
            self.view.cut_levels(*limits)
            for cutout in marked.itertuples():
                x, y = cutout.grid_x, cutout.grid_y
                color = "purple" if cutout.preds else "blue"
                box = self.kinds.Rectangle(x, y, x + CUTOUT, y + CUTOUT, color=color)
                self.canvas.add(box, redraw=False)
                text = self.kinds.Text(x, y, f"{cutout.confidence:.2f}", color=color)
                self.canvas.add(text, redraw=False)
            self._look(error)

    def step(self, error: Any) -> None:
        """Move to another cutout."""
        with self.view.suppress_redraw:
            self.canvas.delete_object_by_tag("current", redraw=False)
            self._look(error)

    def _look(self, error: Any) -> None:
        x, y = int(error.grid_x), int(error.grid_y)
        box = self.kinds.Rectangle(
            x, y, x + CUTOUT, y + CUTOUT, color="yellow", linewidth=3
        )
        self.canvas.add(box, tag="current", redraw=False)
        self.view.set_pan(x + CUTOUT / 2, y + CUTOUT / 2)
        height = self.window.centralWidget().height()
        self.view.scale_to(height / CUTOUT / 2, height / CUTOUT / 2)


def main(predictions: Path, steps: int, switches: int) -> None:
    """Time steps and switches."""
    app = QApplication.instance() or QApplication([])
    survey = PeerImages(predictions)
    canvas = Canvas()
    memory = [(read(file), marked) for file, marked in survey.images]
    limits = [zscale(pixels) for pixels, _ in memory]
    pixels, marked = memory[0]
    errors = marked[marked.error]
    canvas.watch.time(lambda: canvas.switch(pixels, limits[0], marked, errors.iloc[0]))
    for i in range(1, steps + 3):
        error = errors.iloc[i % len(errors)]
        seconds = canvas.watch.time(lambda e=error: canvas.step(e))
        if i > 2:
            print_time(1, seconds)
    for row in (2, 3):
        for i in range(1, switches + 2):
            which = i % len(memory)
            file, marked = survey.images[which]
            error = marked[marked.error].iloc[0]

            def show(row=row, which=which, file=file, marked=marked, error=error):
                pixels = memory[which][0]
                shown = limits[which]
                if row == 3:
                    pixels = read(file)
                    shown = zscale(pixels)
                canvas.switch(pixels, shown, marked, error)

            seconds = canvas.watch.time(show)
            if i > 1:
                print_time(row, seconds)
    canvas.window.close()
    del app


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
