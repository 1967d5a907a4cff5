"""The gallery in front of the canvas: thumbnails, controls and selection."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QModelIndex, QObject, QRect, Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_artifact_review.core.review.groups import GROUPINGS
from napari_artifact_review.viewer.image.picture_loader import PictureLoader
from napari_artifact_review.viewer.input.key_choice import KeyChoice
from napari_artifact_review.viewer.verdicts import VerdictTarget
from napari_artifact_review.widgets.gallery.delegate import (
    LARGEST,
    SMALLEST,
    ThumbnailDelegate,
)
from napari_artifact_review.widgets.gallery.model import GalleryModel
from napari_artifact_review.widgets.gallery.thumbnails import Thumbnails, current_look
from napari_artifact_review.widgets.gallery.view import GalleryView
from napari_artifact_review.widgets.parts.background import Connections, MainThread
from napari_artifact_review.widgets.parts.focus import leave_keys_to_viewer
from napari_artifact_review.widgets.parts.font import follow_font_size

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController

_GROUPED = {
    "none": "No grouping",
    "image": "By image",
    "outcome": "By outcome",
    "kind": "By kind",
}


class GalleryPanel(QWidget):
    """The panel that shows the queue as thumbnails in front of the full image.

    The panel is a `Surface` that covers the canvas.

    Parameters
    ----------
    area : QWidget
        The widget that the gallery covers.
    session : ReviewSession
        The review.
    controller : ReviewController
        Provides the display and the orientation of the full image.

    Attributes
    ----------
    left : Signal
        Emitted to show the full image again.
    selection_changed : Signal
        Emitted with the rows of the selected cutouts, which may be the same as before.
    pictures : PictureLoader
        Makes the thumbnails.
    first_side : int
        The initial side of the thumbnails, in Qt pixels.
    """

    left = Signal()
    selection_changed = Signal(list)

    first_side = 128

    def __init__(
        self, area: QWidget, session: ReviewSession, controller: ReviewController
    ) -> None:
        super().__init__(area)
        self._area = area
        self._session = session
        self.size_slider = QSlider(Qt.Orientation.Horizontal)
        self.size_slider.setRange(SMALLEST, LARGEST)
        self.size_slider.setValue(self.first_side)
        self.pictures = PictureLoader(
            controller.loader.cache,
            controller.hdus,
            current_look(controller),
            MainThread(self).run,
        )
        self._model = GalleryModel(session, self.pictures)
        self._delegate = ThumbnailDelegate(self.pictures)
        self._keys = KeyChoice()
        # The number of log entries when the page was closed.
        self._entries_seen = 0
        self.view = GalleryView(self._model, self._delegate, self.first_side)
        self._thumbnails = Thumbnails(
            self.pictures, self.view, self._model, session, controller
        )
        self.back = QToolButton()
        self.grouping = QComboBox()
        self.status = QLabel()
        self._lay_out()
        follow_font_size(self)
        self._connections = Connections()
        self._connections.at_end(self.pictures.close)
        self._connect()
        # When this signal is emitted, the panel is no longer a widget.
        self.destroyed.connect(partial(Connections.close, self._connections))

    def _lay_out(self) -> None:
        self.back.setText("◀  Full image")
        for by in GROUPINGS:
            self.grouping.addItem(_GROUPED[by], by)
        self.grouping.setToolTip("Group the cutouts")
        self.size_slider.setFixedWidth(140)
        self.size_slider.setToolTip("Size of the thumbnails")
        self.status.setMinimumWidth(1)
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 6, 6, 2)
        bar.addWidget(self.back)
        bar.addWidget(self.grouping)
        bar.addWidget(self.size_slider)
        bar.addWidget(self.status, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(bar)
        layout.addWidget(self.view)
        # The panel is opaque, so that the canvas is hidden.
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        leave_keys_to_viewer(self)
        self.hide()

    def _connect(self) -> None:
        for signal, slot in (
            (self._session.current_changed, self._follow_current),
            (self._session.queue_changed, self._show_queue),
            (self._session.decided, self._on_decided),
            (self._session.hidden_changed, self._on_hidden_changed),
            (self._session.undo_or_redo_given, self._on_turned),
            (self.pictures.made, self._update),
        ):
            self._connections.connect(signal, slot)
        self.back.clicked.connect(self.left)
        self.grouping.currentIndexChanged.connect(lambda _: self._show_queue())
        self.size_slider.valueChanged.connect(self._thumbnails.set_side)
        self.view.activated.connect(lambda _: self.left.emit())
        selection = self.view.selectionModel()
        selection.currentChanged.connect(self._on_current)
        selection.selectionChanged.connect(lambda *_: self._show_status())
        self._area.installEventFilter(self)

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current keys in the tooltip and the status."""
        self._keys = keys
        self.back.setToolTip(f"Show the full image ({keys['gallery'].label} or Enter)")
        self._show_status()

    # Opening and closing

    def open(self) -> None:
        """Cover the full image; clear the selection if the log has new entries."""
        self.show_display()
        self.setGeometry(self._area.rect())
        self.show()
        self.raise_()
        # The gallery receives the keyboard focus in place of the canvas.
        self._area.setFocusProxy(self.view)
        self.view.setFocus()
        if len(self._session.log) != self._entries_seen:
            # Avoid an accidental second verdict on the same cutouts.
            self.view.clearSelection()
        self._show_queue()
        # Request immediately, because reading takes longer than painting the page.
        self._thumbnails.request()

    def close_page(self) -> None:
        """Hide the gallery, so that the full image is visible again."""
        self._entries_seen = len(self._session.log)
        self._area.setFocusProxy(None)
        self.hide()

    def release(self) -> None:
        """Remove the gallery from the window."""
        self._area.removeEventFilter(self)
        self.close_page()
        self._connections.close()
        self.setParent(None)
        self.deleteLater()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Resize the panel when the covered widget is resized."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self.setGeometry(self._area.rect())
        return bool(super().eventFilter(watched, event))

    # The surface, and the target of verdicts

    def target(self) -> VerdictTarget:
        """Return the selected cutouts as the target of one verdict."""
        positions = self.view.selected_positions()
        rows = self._model.rows(positions).tolist()
        after = int(positions[-1]) + 1 if rows else 0
        # Find these rows before the verdict, which may remove cutouts from the gallery.
        next_rows = {
            "next in queue": self._row_at(after),
            "next unreviewed": self._unreviewed_row(after, rows),
        }
        refusal = partial(self._refusal, rows)
        return VerdictTarget(
            tuple(rows), refusal, lambda: None, lambda to: self._go_to(next_rows[to])
        )

    def go_next(self) -> None:
        """Go to the next cutout in the gallery."""
        self._step(1)

    def go_previous(self) -> None:
        """Go to the previous cutout in the gallery."""
        self._step(-1)

    def toggle_view(self) -> None:
        """Emit `left`, to show the full image."""
        self.left.emit()

    def show_display(self) -> None:
        """Apply the display and the orientation of the full image to the thumbnails."""
        self._thumbnails.show_display()

    def current_rectangle(self) -> QRect:
        """Return the rectangle of the current cutout in screen coordinates."""
        rect = self.view.visualRect(self.view.currentIndex())
        return QRect(self.view.viewport().mapToGlobal(rect.topLeft()), rect.size())

    def _step(self, step: int) -> None:
        self._go_to(self._row_at(self.view.currentIndex().row() + step))

    def _row_at(self, position: int) -> int | None:
        inside = 0 <= position < self._model.rowCount()
        return int(self._model.rows([position])[0]) if inside else None

    def _unreviewed_row(self, start: int, rows: Sequence[int]) -> int | None:
        """Return the first row that needs a verdict from a position on, except `rows`.

        The search continues at the first position. A pending verdict counts as a
        verdict. Return None if there is no such row.
        """
        count, catalog = self._model.rowCount(), self._session.catalog
        order = np.roll(self._model.rows(np.arange(count)), -start)
        are_open = np.greater(catalog.seem_open(), catalog.labels.pending)[order]
        found = order[are_open & ~np.isin(order, rows)]
        return int(found[0]) if found.size else None

    def _go_to(self, row: int | None) -> bool:
        """Go to the cutout in a row of the table; return False if `row` is None."""
        if row is not None:
            self._session.select(*self._session.cutout_index.key_of(row))
        return row is not None

    def _refusal(self, rows: list[int]) -> str:
        """Return the reason why these rows cannot get a verdict, or an empty string."""
        if not rows:
            return "No cutout is selected."
        if self._session.current_cutout.row not in rows:
            return "The current cutout is not selected; press Space to select it."
        problems = [made.problem for made in map(self.pictures.find, rows) if made]
        failed = [*filter(None, problems)]
        if failed:
            return f"{_cutouts(len(failed))} cannot be shown: {failed[0]}"
        unseen = [row for row in rows if row not in self._delegate.seen]
        if unseen:
            [first] = self._model.positions(unseen[:1]).tolist()
            if first in self.view.positions_in_view():
                return "The thumbnails are still being read."
            self.view.scrollTo(self._model.index(first, 0))
            has = "has" if len(unseen) == 1 else "have"
            return f"{_cutouts(len(unseen))} {has} not been on the screen yet."
        return ""

    # Responses to the session

    def _show_queue(self) -> None:
        """Show the current queue, and restore the selection."""
        if not self.isVisible():
            return
        selected = self._model.rows(self.view.selected_positions())
        self._model.show_queue(self.grouping.currentData())
        row = self._session.current_cutout.row
        here = self._model.positions([row])
        # A verdict always includes the current cutout, which the dock shows.
        positions = self._model.positions(selected) if row in selected else here
        self.view.select_positions(positions, int(here[0]) if len(here) else None)
        self.view.scrollTo(self.view.currentIndex())
        self._show_status()
        self._thumbnails.request_soon()

    def _follow_current(self) -> None:
        if not self.isVisible():
            return
        here = self._model.positions([self._session.current_cutout.row])
        current = int(here[0]) if len(here) else None
        if current is None or current == self.view.currentIndex().row():
            return
        selected = self.view.selected_positions()
        self.view.select_positions(selected if current in selected else here, current)
        self.view.scrollTo(self.view.currentIndex())

    def _on_current(self, index: QModelIndex, _: QModelIndex) -> None:
        if index.isValid():
            key = self._model.cutout(index.row()).key
            if key != self._session.current_cutout.key:
                self._session.select(*key)

    def _on_decided(self, rows: list[int]) -> None:
        self._show_queue()
        self._update(rows)

    def _on_hidden_changed(self) -> None:
        self._show_queue()
        self.view.viewport().update()

    def _on_turned(self, rows: list[int], action: str) -> None:
        """Select the cutouts whose verdict was undone."""
        positions = self._model.positions(rows)
        here = self._model.positions([self._session.current_cutout.row])
        if self.isVisible() and action == "undo" and len(here):
            self.view.select_positions(positions, int(here[0]))

    def _update(self, rows: list[int]) -> None:
        if self.isVisible():
            self.view.update_positions(self._model.positions(rows))

    def _show_status(self) -> None:
        positions = self.view.selected_positions()
        self.selection_changed.emit(self._model.rows(positions).tolist())
        count, selected = self._model.rowCount(), len(positions)
        if not count:
            self.status.setText("The queue is empty. Change the filters under Queue.")
            return
        text = f"{selected:,} of {count:,} selected"
        if selected > 1:
            keys = (self._keys[name] for name in ("artifact", "no_artifact", "unsure"))
            words = ("artifact", "no artifact", "unsure")
            hints = zip(keys, words, strict=True)
            text += ": " + ", ".join(f"{key.label} {word}" for key, word in hints)
        self.status.setText(text)


def _cutouts(count: int) -> str:
    return "1 selected cutout" if count == 1 else f"{count:,} selected cutouts"
