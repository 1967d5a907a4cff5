"""Lists and sliders to go to any image, error or cutout."""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING

from magicgui.widgets import ComboBox, Container
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtWidgets import QComboBox

from napari_artifact_review.core.texts import printable
from napari_artifact_review.viewer.status import mark_of
from napari_artifact_review.widgets.panels.grid_sliders import GridSliders
from napari_artifact_review.widgets.parts.font import fit_to_font
from napari_artifact_review.widgets.parts.plain_text import tooltip_text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from napari_artifact_review.core.cutout import Cutout
    from napari_artifact_review.core.review.session import ReviewSession


#: Width of the scroll bar and margins of a list, in pixels.
_SCROLL_BAR = 24

#: Maximum number of lines that an open list shows without scrolling.
_MOST_LINES = 24


class GoToPanel(Container[Widget]):
    """The panel to go to an image, to an error in it, or to any of its cutouts.

    Attributes
    ----------
    image_requested : Signal
        Emitted with the name of the image to go to.
    cutout_requested : Signal
        Emitted with the table row of the cutout to go to.
    sliders : GridSliders
        The sliders of the cutout's position.
    """

    image_requested = Signal(str)
    cutout_requested = Signal(int)

    def __init__(self) -> None:
        self.image_name = ComboBox(
            label="image_name",
            tooltip="Full images, each with its number of cutouts in the queue",
        )
        self.error_id = ComboBox(
            label="error_id",
            tooltip="Cutouts of this image that are in the queue",
        )
        names = Container(widgets=[self.image_name, self.error_id], labels=True)
        names.margins = (0, 0, 0, 0)
        self.sliders = GridSliders()
        super().__init__(widgets=[names, self.sliders], labels=False)
        self.margins = (0, 0, 0, 0)
        for combo in (self.image_name, self.error_id):
            _keep_narrow(combo.native)
        fit_to_font(self.image_name.native, self._widen_list)
        self._listed: tuple[object, ...] = ()
        self._rows: list[int] = []
        self._lines: dict[int, int] = {}
        self.image_name.changed.connect(lambda name: self.image_requested.emit(name))
        self.error_id.changed.connect(
            lambda: self._request_cutout(self.error_id.native.currentIndex())
        )
        # magicgui emits no signal for a line without a value, such as the line of a TP.
        self.error_id.native.activated.connect(self._request_cutout)

    def show_session(self, session: ReviewSession) -> None:
        """List the images and queued cutouts of a session."""
        self.show_queue(session)
        self._widen_list()

    def _widen_list(self) -> None:
        """Make the open list wider than the dock, to show full names and counts."""
        native = self.image_name.native
        texts = (native.itemText(i) for i in range(native.count()))
        # To measure each of ten thousand texts would take too long.
        longest = nlargest(50, texts, key=len)
        width = max(map(native.fontMetrics().horizontalAdvance, longest), default=0)
        native.view().setMinimumWidth(width + _SCROLL_BAR)

    def show_queue(self, session: ReviewSession) -> None:
        """List the images, each with its number of cutouts in the queue."""
        counts = session.review_queue.image_counts.tolist()
        names = zip(session.image_names, counts, strict=True)
        with self.image_name.changed.blocked():
            _fill(
                self.image_name,
                [(f"{printable(name)}  ({count})", name) for name, count in names],
            )
        self.list_again(session)

    def list_again(self, session: ReviewSession) -> None:
        """List the cutouts again, after cutouts were hidden or shown."""
        self._listed = ()
        self.show_position(session)

    def show_position(self, session: ReviewSession) -> None:
        """Show the image, the error and the position of the current cutout."""
        cutout = session.current_cutout
        # magicgui would search all choices for the value. Here the lines are known.
        with self.image_name.changed.blocked(), self.error_id.changed.blocked():
            images = self.image_name.native
            images.setCurrentIndex(
                session.cutout_index.position_of_image(cutout.image_name)
            )
            self._list_cutouts(session)
            self.error_id.native.setCurrentIndex(self._lines[cutout.row])
        tooltip = tooltip_text(images.currentText())
        if self.image_name.tooltip != tooltip:
            self.image_name.tooltip = tooltip
        self.sliders.show_position(session)

    def show_label(self, session: ReviewSession, rows: Collection[int]) -> None:
        """Update the lists after a verdict on `rows` of the table."""
        if (
            session.review_queue.rule.state != "all"
            or session.review_queue.rule.kinds is not None
        ):
            # A verdict may add cutouts to this queue or remove cutouts from it.
            self._show_counts(
                session, {session.cutout_index.image_of(row) for row in rows}
            )
        for row in rows:
            if row in self._lines:
                text = _line_text(session, row)
                self.error_id.native.setItemText(self._lines[row], text)
                # A verdict may show or hide the number.
                number = session.catalog.cutout(row).error_id
                self.error_id.native.setItemData(self._lines[row], number)

    def _show_counts(self, session: ReviewSession, names: Collection[str]) -> None:
        for name in names:
            line = session.cutout_index.position_of_image(name)
            count = session.review_queue.count_of(name)
            self.image_name.native.setItemText(line, f"{printable(name)}  ({count})")

    def _list_cutouts(self, session: ReviewSession) -> None:
        """List the queued cutouts of the current image, and the current cutout."""
        row, name = session.current_cutout.row, session.current_cutout.image_name
        queue = session.review_queue
        listed = (queue, queue.changes, name, None if row in queue else row)
        if self._listed == listed:
            return
        rows = queue.rows_of(name).tolist()
        rows = rows if row in queue else [row, *rows]
        self._listed, self._rows = listed, rows
        self._lines = {row: line for line, row in enumerate(rows)}
        choices: list[tuple[str, object]] = [
            (_line_text(session, each), session.catalog.cutout(each).error_id)
            for each in rows
        ]
        _fill(self.error_id, choices)

    def _request_cutout(self, line: int) -> None:
        if 0 <= line < len(self._rows):
            self.cutout_requested.emit(self._rows[line])


def _fill(combo: ComboBox, choices: Sequence[tuple[str, object]]) -> None:
    """Replace the choices of a combo box, in the given order.

    magicgui itself would put choices that were already listed first.
    """
    native: QComboBox = combo.native
    native.clear()
    for text, value in choices:
        native.addItem(text, value)


def _line_text(session: ReviewSession, row: int) -> str:
    """Return the line of a cutout; empty unless the cutout is queued or an error.

    The line of a hidden cutout has its position in the queue instead of its number.
    """
    cutout = session.catalog.cutout(row)
    if cutout.is_hidden:
        position = session.review_queue.position_of(row)
        return f"{position or ''}  ({cutout.grid_x}, {cutout.grid_y})".strip()
    listed = row in session.review_queue or cutout.is_error
    return _cutout_text(cutout) if listed else ""


def _cutout_text(cutout: Cutout) -> str:
    if cutout.error_id is None:
        name = f"{cutout.outcome} ({cutout.grid_x}, {cutout.grid_y})"
    else:
        name = f"{cutout.error_id}  {cutout.outcome}"
    return f"{name}  {mark_of(cutout)}".rstrip()


def _keep_narrow(combo: QComboBox) -> None:
    """Limit the width of a list in the dock, and its height while it is open."""
    combo.setMaxVisibleItems(_MOST_LINES)
    # Without this setting, Qt's own style fills the height of the screen with lines.
    combo.setStyleSheet("QComboBox { combobox-popup: 0 }")
    combo.setSizeAdjustPolicy(
        QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    )
    combo.setMinimumContentsLength(8)
