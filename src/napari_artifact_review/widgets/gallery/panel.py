"""The gallery over the canvas: the page, what is selected, and how it is shown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import QEvent, QModelIndex, QObject, QRect, Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_artifact_review.core.images.display import LEVELS, Display
from napari_artifact_review.core.images.thumbnails import Look
from napari_artifact_review.core.review.groups import GROUPINGS
from napari_artifact_review.viewer.image.picture_loader import PictureLoader
from napari_artifact_review.viewer.input.key_choice import KeyChoice
from napari_artifact_review.viewer.verdicts import VerdictTarget
from napari_artifact_review.widgets.focus import leave_keys_to_viewer
from napari_artifact_review.widgets.gallery.delegate import (
    LARGEST,
    SMALLEST,
    ThumbnailDelegate,
)
from napari_artifact_review.widgets.gallery.model import GalleryModel
from napari_artifact_review.widgets.gallery.view import GalleryView
from napari_artifact_review.widgets.parts.background import Connections, MainThread

if TYPE_CHECKING:
    from napari_artifact_review.core.cutout import Cutout
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController

#: Milliseconds after a scroll until other pictures are asked for; and, once all in
#: view are there, until those ahead are.
_BREATH, _REST = 15, 150

#: How many below are made ahead.
_MOST_AHEAD = 200

_GROUPED = {
    "none": "No groups",
    "image": "By image",
    "outcome": "By outcome",
    "kind": "By kind",
}


class GalleryPanel(QWidget):
    """Shows the queue of a review as pictures, in the place of the full image.

    Parameters
    ----------
    area : QWidget
        What it covers.
    session : ReviewSession
        The review.
    controller : ReviewController
        Knows how the full image is shown.

    Attributes
    ----------
    left : Signal
        Emitted to go to the full image.
    pictures : PictureLoader
        Makes the pictures.
    first_side : int
        The side of a picture to begin with, in pixels.
    """

    left = Signal()

    first_side = 128

    def __init__(
        self, area: QWidget, session: ReviewSession, controller: ReviewController
    ) -> None:
        super().__init__(area)
        self._area = area
        self._session = session
        self._controller = controller
        self.size_slider = QSlider(Qt.Orientation.Horizontal)
        self.size_slider.setRange(SMALLEST, LARGEST)
        self.size_slider.setValue(self.first_side)
        self._look_now = self._look()
        self.pictures = PictureLoader(
            controller.loader.cache,
            controller.hdus,
            self._look_now,
            MainThread(self).run,
        )
        self._model = GalleryModel(session, self.pictures)
        self._delegate = ThumbnailDelegate(self.pictures)
        self._keys = KeyChoice()
        # How much had been decided when the page was seen last.
        self._known_log = 0
        self.view = GalleryView(self._model, self._delegate, self.first_side)
        self.back = QToolButton()
        self.grouping = QComboBox()
        self.status = QLabel()
        self._breath = QTimer(self, singleShot=True, interval=_BREATH)
        self._rest = QTimer(self, singleShot=True, interval=_REST)
        self._lay_out()
        self._connections = Connections()
        self._connections.at_end(self.pictures.close)
        self._connect()
        # What is left of it then is no widget any more.
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
        # Nothing of what it covers is to shine through.
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        leave_keys_to_viewer(self)
        self.hide()

    def _connect(self) -> None:
        for signal, slot in (
            (self._session.current_changed, self._follow_current),
            (self._session.queue_changed, self._show_queue),
            (self._session.decided, self._on_decided),
            (self._session.undo_or_redo_given, self._on_turned),
            (self.pictures.made, self._on_made),
        ):
            self._connections.connect(signal, slot)
        self.back.clicked.connect(self.left)
        self.grouping.currentIndexChanged.connect(lambda _: self._show_queue())
        self.size_slider.valueChanged.connect(self._set_side)
        self.view.activated.connect(lambda _: self.left.emit())
        self.view.looked.connect(self._breath.start)
        self._breath.timeout.connect(self._ask_for_pictures)
        self._rest.timeout.connect(self._ask_ahead)
        selection = self.view.selectionModel()
        selection.currentChanged.connect(self._on_current)
        selection.selectionChanged.connect(lambda *_: self._say())
        self._area.installEventFilter(self)

    def show_keys(self, keys: KeyChoice) -> None:
        """Tell which keys are in force."""
        self._keys = keys
        self.back.setToolTip(
            f"Show the full image (key {keys['gallery'].label} or Enter)"
        )
        self._say()

    # Coming and going

    def open(self) -> None:
        """Cover the full image; the cutouts that were selected before still are."""
        self.show_display()
        self.setGeometry(self._area.rect())
        self.show()
        self.raise_()
        # Whoever gives the keyboard to the canvas gives it to the page.
        self._area.setFocusProxy(self.view)
        self.view.setFocus()
        if len(self._session.log) != self._known_log:
            # What was decided since is not to be judged again by mistake.
            self.view.clearSelection()
        self._show_queue()
        # What takes longest begins before the page is painted.
        self._ask_for_pictures()

    def close_page(self) -> None:
        """Uncover the full image."""
        self._known_log = len(self._session.log)
        self._area.setFocusProxy(None)
        self.hide()

    def let_go(self) -> None:
        """Leave the window for good."""
        self._area.removeEventFilter(self)
        self.close_page()
        self._connections.close()
        self.setParent(None)
        self.deleteLater()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Stay as large as what is covered."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self.setGeometry(self._area.rect())
        return bool(super().eventFilter(watched, event))

    # What is judged

    def target(self) -> VerdictTarget:
        """Return the cutouts that are selected, as the target of one verdict."""
        positions = self.view.selected_positions()
        rows = self._model.rows(positions).tolist()
        after = int(positions[-1]) + 1 if rows else 0
        advance = partial(self._go_to, self._row_at(after))
        refusal = partial(self._refusal, rows)
        return VerdictTarget(tuple(rows), refusal, lambda: None, advance)

    def place_of_current(self) -> QRect:
        """Return where the current cutout is on the screen."""
        rect = self.view.visualRect(self.view.currentIndex())
        return QRect(self.view.viewport().mapToGlobal(rect.topLeft()), rect.size())

    def walk(self, step: int) -> None:
        """Go to the next picture of the page, or the one before it."""
        self._go_to(self._row_at(self.view.currentIndex().row() + step))

    def _row_at(self, position: int) -> int | None:
        inside = 0 <= position < self._model.rowCount()
        return int(self._model.rows([position])[0]) if inside else None

    def _go_to(self, row: int | None) -> bool:
        """Go to a cutout, which may stand elsewhere on the page by now."""
        if row is not None:
            self._session.select(*self._session.cutout_index.key_of(row))
        return row is not None

    def _refusal(self, rows: list[int]) -> str:
        """Say why these cannot be judged: not what nobody has seen."""
        if not rows:
            return "No cutout is selected."
        if self._session.current_cutout.row not in rows:
            return "The current cutout is not selected; press Space to select it."
        problems = [made.problem for made in map(self.pictures.find, rows) if made]
        failed = [*filter(None, problems)]
        if failed:
            count = _cutouts(len(failed))
            return f"{count} cannot be shown: {failed[0]}"
        unseen = [row for row in rows if row not in self._delegate.seen]
        if unseen:
            [first] = self._model.positions(unseen[:1]).tolist()
            if first in self.view.positions_in_view():
                return "The thumbnails are still being read."
            # What is still to be looked at comes into view.
            self.view.scrollTo(self._model.index(first, 0))
            been = "has" if len(unseen) == 1 else "have"
            count = _cutouts(len(unseen))
            return f"{count} {been} not been in view yet."
        return ""

    # What follows the session

    def _show_queue(self) -> None:
        """Show what is in the queue now; what is selected stays so."""
        if not self.isVisible():
            return
        selected = self._model.rows(self.view.selected_positions())
        self._model.show_queue(self.grouping.currentData())
        row = self._session.current_cutout.row
        here = self._model.positions([row])
        # A verdict is about what the dock shows, and what is selected with it.
        positions = self._model.positions(selected) if row in selected else here
        self.view.select_positions(positions, int(here[0]) if len(here) else None)
        self.view.scrollTo(self.view.currentIndex())
        self._say()
        self._breath.start()

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

    def _on_turned(self, rows: list[int], action: str) -> None:
        """Select what a verdict was about that is taken back, for the right one."""
        positions = self._model.positions(rows)
        here = self._model.positions([self._session.current_cutout.row])
        if self.isVisible() and action == "undo" and len(here):
            self.view.select_positions(positions, int(here[0]))

    def _on_made(self, rows: list[int]) -> None:
        if not self.isVisible():
            return
        self._update(rows)
        seen = self.view.positions_in_view()
        # Those ahead are no reason to ask for more.
        here = np.isin(self._model.positions(rows), seen).any()
        if here and not self._missing(seen):
            self._rest.start()

    def _update(self, rows: list[int]) -> None:
        if self.isVisible():
            self.view.update_positions(self._model.positions(rows))

    def _say(self) -> None:
        count, selected = self._model.rowCount(), len(self.view.selected_positions())
        if not count:
            self.status.setText("The queue is empty; choose another one.")
            return
        text = f"{selected:,} of {count:,} selected"
        if selected > 1:
            text = f"{selected:,} of {count:,}"
            keys = (self._keys[name] for name in ("artifact", "no_artifact", "unsure"))
            words = ("artifact", "none", "unsure")
            means = zip(keys, words, strict=True)
            text += ": " + ", ".join(f"{key.label} {word}" for key, word in means)
        self.status.setText(text)

    # Pictures

    def _set_side(self, side: int) -> None:
        self.view.set_side(side)
        if self._shrink() != self._look_now.shrink:
            self.show_display()

    def show_display(self) -> None:
        """Show pictures as the full image is shown."""
        self._look_now = self._look()
        self.pictures.show_as(self._look_now)
        self._breath.start()

    def _look(self) -> Look:
        display: Display = self._controller.image.display
        levels: Any = np.linspace(0, 1, LEVELS)
        colors = ensure_colormap(display.colormap).map(levels)[:, :3]
        return Look(display, colors, self._controller.overlay.y_up, self._shrink())

    def _shrink(self) -> int:
        """Return how many pixels may become one without the screen showing fewer."""
        side = self.size_slider.value() * self.devicePixelRatioF()
        return max(1, int(self._session.cutout_size / side))

    def _ask_for_pictures(self) -> None:
        """Have those in view made."""
        if not self.isVisible():
            return
        missing = self._missing(self.view.positions_in_view())
        self.pictures.want(missing)
        if missing:
            self._rest.stop()
        else:
            self._rest.start()

    def _ask_ahead(self) -> None:
        """Have those below made too, then those above."""
        if not self.isVisible():
            return
        seen, count = self.view.positions_in_view(), self._model.rowCount()
        above = range(max(seen.start - len(seen), 0), seen.start)
        # Those in view are not to be forgotten for those ahead.
        room = self.pictures.room_for(self._session.cutout_size) - 2 * len(seen)
        below = range(seen.stop, min(seen.stop + min(max(room, 0), _MOST_AHEAD), count))
        self.pictures.want([*self._missing(below), *self._missing(above)])

    def _missing(self, positions: range) -> list[Cutout]:
        """Return the cutouts of which there is no picture yet."""
        rows = self._model.rows(positions).tolist()
        return [
            self._model.cutout(position)
            for position, row in zip(positions, rows, strict=True)
            if not self.pictures.has(row)
        ]


def _cutouts(count: int) -> str:
    return "1 selected cutout" if count == 1 else f"{count:,} selected cutouts"
