"""The Qt view of the gallery, which paints only the cutouts in view."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from qtpy.QtGui import (
    QFont,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
)
from qtpy.QtWidgets import QAbstractItemView, QStyle, QStyleOptionViewItem

from napari_artifact_review.widgets.gallery.delegate import GAP, ThumbnailDelegate
from napari_artifact_review.widgets.gallery.layout import GalleryLayout

if TYPE_CHECKING:
    from napari_artifact_review.widgets.gallery.model import GalleryModel

_Flag: TypeAlias = QItemSelectionModel.SelectionFlag
_Positions = npt.NDArray[np.int64]

#: Sum of the space above and below the text of a header, in Qt pixels.
_LEADING = 12

_SHIFT, _CONTROL = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)


class GalleryView(QAbstractItemView):
    """A Qt view of thumbnails in lines and groups.

    Qt's own list view would visit each of a hundred thousand items in every layout.
    Keys and mouse select as in any list, but letters are shortcuts of the review. A
    position is a row of the model.

    Parameters
    ----------
    model : GalleryModel
        The cutouts.
    delegate : ThumbnailDelegate
        Paints a cutout.
    side : int
        The side of a thumbnail in Qt pixels.

    Attributes
    ----------
    range_changed : Signal
        Emitted when the range of cutouts in view may have changed.
    side : int
        The side of a thumbnail in Qt pixels.
    """

    range_changed = Signal()

    def __init__(
        self, model: GalleryModel, delegate: ThumbnailDelegate, side: int
    ) -> None:
        super().__init__()
        self._model = model
        self.side = side
        self._layout = GalleryLayout((), 1, 1, 0)
        # The size of the viewport at the last layout.
        self._size = QSize()
        self._anchor = 0
        self.setModel(model)
        self.setItemDelegate(delegate)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # A scroll bar that appears and disappears would cause a second layout.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFrameShape(QAbstractItemView.Shape.NoFrame)

    # Layout

    @property
    def columns(self) -> int:
        """Number of columns of thumbnails."""
        return self._layout.columns

    def set_side(self, side: int) -> None:
        """Change the side of the thumbnails; the current cutout stays in view."""
        current = self.currentIndex()
        self.side = side
        self._lay_out()
        if current.isValid():
            self.scrollTo(current)

    def positions_in_view(self) -> range:
        """Return the positions of the cutouts that are at least partly in view."""
        top = self.verticalOffset()
        return self._layout.positions_between(top, top + self.viewport().height())

    def update_positions(self, positions: _Positions) -> None:
        """Repaint the cutouts at positions that are in view."""
        for position in positions[np.isin(positions, self.positions_in_view())]:
            self.viewport().update(self._rect(int(position)))

    def _lay_out(self) -> None:
        groups = self._model.groups
        named = any(group.name for group in groups)
        self._size = self.viewport().size()
        self._layout = GalleryLayout(
            [group.size for group in groups],
            self.viewport().width(),
            self.side + 2 * GAP,
            self.fontMetrics().height() + _LEADING if named else 0,
        )
        bar, page = self.verticalScrollBar(), self.viewport().height()
        bar.setRange(0, max(0, self._layout.height - page))
        bar.setPageStep(page)
        bar.setSingleStep(self._layout.cell // 2)
        self.viewport().update()
        self.range_changed.emit()

    def _rect(self, position: int) -> QRect:
        x, y = self._layout.corner_of(position)
        return QRect(x, y - self.verticalOffset(), self._layout.cell, self._layout.cell)

    # The interface of a Qt view

    def visualRect(self, index: QModelIndex) -> QRect:  # noqa: N802
        """Return the rectangle of a cutout in the viewport."""
        return self._rect(index.row()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:  # noqa: N802
        """Return the index of the cutout at a point of the viewport."""
        y = point.y() + self.verticalOffset()
        position = self._layout.position_at(point.x(), y)
        return QModelIndex() if position is None else self._index(position)

    def scrollTo(  # noqa: N802
        self,
        index: QModelIndex,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """Scroll as little as possible to bring a cutout and its header into view."""
        del hint
        if not index.isValid() or index.row() >= self._layout.count:
            return
        rect, bar = self._rect(index.row()), self.verticalScrollBar()
        above = rect.top() - self._layout.header
        if above < 0:
            bar.setValue(bar.value() + above)
        elif rect.bottom() > self.viewport().height():
            bar.setValue(bar.value() + rect.bottom() + 1 - self.viewport().height())

    def horizontalOffset(self) -> int:  # noqa: N802
        """Return 0, because all columns are in view."""
        return 0

    def verticalOffset(self) -> int:  # noqa: N802
        """Return the vertical scroll position."""
        return int(self.verticalScrollBar().value())

    def isIndexHidden(self, index: QModelIndex) -> bool:  # noqa: N802, ARG002
        """Return False, because no cutout is hidden."""
        return False

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:  # noqa: N802, ARG002
        """Return the region to repaint after a change of selection."""
        return QRegion(self.viewport().rect())

    def setSelection(self, rect: QRect, command: _Flag) -> None:  # noqa: N802
        """Select all cutouts from the first to the second corner of a rectangle."""
        first, last = self.indexAt(rect.topLeft()), self.indexAt(rect.bottomRight())
        if first.isValid() and last.isValid():
            self.selectionModel().select(QItemSelection(first, last), command)

    def moveCursor(  # noqa: N802
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Return the current index, because `keyPressEvent` moves the cursor."""
        del action, modifiers
        return self.currentIndex()

    def updateGeometries(self) -> None:  # noqa: N802
        """Lay out the page again if its size has changed."""
        super().updateGeometries()
        if self.viewport().size() != self._size:
            self._lay_out()

    def reset(self) -> None:
        """Show the new content of the model."""
        super().reset()
        self._lay_out()

    def scrollContentsBy(self, dx: int, dy: int) -> None:  # noqa: N802
        """Scroll the content; Qt repaints only the part that comes into view."""
        self.viewport().scroll(dx, dy)
        self.range_changed.emit()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the cutouts and headers in view."""
        painter = QPainter(self.viewport())
        offset, area = self.verticalOffset(), event.rect()
        top, bottom = area.top() + offset, area.bottom() + 1 + offset
        self._paint_headers(painter, top, bottom)
        option = QStyleOptionViewItem()
        # The delegate uses the colour of the painter's pen, which depends on the theme.
        painter.setPen(self.palette().color(self.foregroundRole()))
        current, selected = self.currentIndex().row(), self.selectionModel()
        for position in self._layout.positions_between(top, bottom):
            index = self._index(position)
            option.rect = self._rect(position)
            if not option.rect.intersects(area):
                continue
            option.state = QStyle.StateFlag.State_Enabled
            if selected.isSelected(index):
                option.state |= QStyle.StateFlag.State_Selected
            if position == current:
                option.state |= QStyle.StateFlag.State_HasFocus
            self.itemDelegate().paint(painter, option, index)
        painter.end()

    def _paint_headers(self, painter: QPainter, top: int, bottom: int) -> None:
        font = QFont(self.font())
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(self.palette().color(self.foregroundRole()))
        for group, y in self._layout.headers_between(top, bottom):
            named = self._model.groups[group]
            width, height = self.viewport().width(), self._layout.header
            line = QRect(GAP, y - self.verticalOffset(), width, height)
            text = f"{named.name}  ({named.size:,})"
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, text)

    # Selecting

    def selected_positions(self) -> _Positions:
        """Return the selected positions in ascending order."""
        runs = [
            np.arange(run.top(), run.bottom() + 1)
            for run in self.selectionModel().selection()
        ]
        return np.unique(np.concatenate(runs)) if runs else np.empty(0, np.int64)

    def select_positions(self, positions: _Positions, current: int | None) -> None:
        """Select only these positions, and make `current` the current position.

        With None, the current position stays unchanged.
        """
        runs = np.split(positions, np.flatnonzero(np.diff(positions) != 1) + 1)
        selection = QItemSelection()
        for run in runs:
            if len(run):
                selection.select(self._index(int(run[0])), self._index(int(run[-1])))
        if current is not None:
            self._anchor = current
            self.selectionModel().setCurrentIndex(self._index(current), _Flag.NoUpdate)
        self.selectionModel().select(selection, _Flag.ClearAndSelect)

    def _go_to(
        self, position: int, modifiers: Qt.KeyboardModifier, *, click: bool = False
    ) -> None:
        """Make a position current, and select positions according to the modifiers."""
        index, selection = self._index(position), self.selectionModel()
        if modifiers & _SHIFT:
            self._select_from_anchor(position)
        elif modifiers & _CONTROL:
            self._anchor = position
            if click and selection.isSelected(index):
                self._deselect(position)
                return
            selection.setCurrentIndex(index, _Flag.Select if click else _Flag.NoUpdate)
        else:
            self._anchor = position
            selection.setCurrentIndex(index, _Flag.ClearAndSelect)
        self.scrollTo(index)

    def _deselect(self, position: int) -> None:
        """Deselect a position, unless it is the only selected position."""
        rest = self.selected_positions()
        rest = rest[rest != position]
        if len(rest):
            # The current cutout is always selected.
            nearest = int(rest[np.abs(rest - position).argmin()])
            current = self.currentIndex().row()
            self.select_positions(rest, nearest if current == position else current)

    def _select_from_anchor(self, position: int) -> None:
        first, last = sorted((min(self._anchor, self._layout.count - 1), position))
        run = QItemSelection(self._index(first), self._index(last))
        selection = self.selectionModel()
        selection.setCurrentIndex(self._index(position), _Flag.NoUpdate)
        selection.select(run, _Flag.ClearAndSelect)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Select the clicked cutout, or several cutouts with modifier keys."""
        index = self.indexAt(event.pos())
        if event.button() == Qt.MouseButton.LeftButton and index.isValid():
            self._go_to(index.row(), event.modifiers(), click=True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Select the cutouts from the anchor of the selection to the mouse."""
        if not event.buttons() & Qt.MouseButton.LeftButton or not self._layout.count:
            return
        index = self.indexAt(event.pos())
        if index.isValid() and index != self.currentIndex():
            self._select_from_anchor(index.row())
            self.scrollTo(index)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Do nothing, because the press has already changed the selection."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Emit `activated`, to show the full image."""
        index = self.indexAt(event.pos())
        if event.button() == Qt.MouseButton.LeftButton and index.isValid():
            self.activated.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Move and select with the keyboard; ignore keys that the view does not use."""
        if not self._layout.count:
            event.ignore()
            return
        current = max(self.currentIndex().row(), 0)
        target = self._target(Qt.Key(event.key()), current)
        if target is not None:
            self._go_to(target, event.modifiers())
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.selectAll()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated.emit(self.currentIndex())
        elif event.key() == Qt.Key.Key_Space:
            self.selectionModel().select(self.currentIndex(), _Flag.Toggle)
        elif event.key() == Qt.Key.Key_Escape:
            self._go_to(current, Qt.KeyboardModifier.NoModifier)
        else:
            event.ignore()

    def _target(self, key: Qt.Key, current: int) -> int | None:
        """Return the position that a key moves to, or None if the key does not move."""
        layout, last = self._layout, self._layout.count - 1
        page = max(1, self.viewport().height() // layout.cell)
        lines = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
        }
        if key in lines:
            return layout.moved(current, lines[key])
        ends = {
            Qt.Key.Key_Left: max(current - 1, 0),
            Qt.Key.Key_Right: min(current + 1, last),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        return ends.get(key)

    def _index(self, position: int) -> QModelIndex:
        return self._model.index(position, 0)
