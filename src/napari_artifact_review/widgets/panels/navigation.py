"""Where am I: the image, the error, the way to the next one, and how far it is."""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, ComboBox, Container, ProgressBar, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtWidgets import QComboBox, QSizePolicy

from napari_artifact_review.widgets.parts.line import Line

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from napari_artifact_review.core.cutout import Cutout
    from napari_artifact_review.core.review.queue import Queue
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.input.key_choice import KeyChoice


#: Room in pixels for a list's scroll bar and margins.
_SCROLL_BAR = 24

#: How many images, or errors, are listed at once.
_LISTED = 24


class NavigationPanel(Container[Widget]):
    """Shows where the review stands, and asks to go elsewhere.

    Attributes
    ----------
    image_requested : Signal
        Emitted with the name of the image to go to.
    cutout_requested : Signal
        Emitted with the row of the cutout to go to.
    next_requested, previous_requested : Signal
        Emitted to go to the next or the previous cutout of the queue.
    auto_advance_requested : Signal
        Emitted with whether a verdict moves on to the next cutout.
    """

    image_requested = Signal(str)
    cutout_requested = Signal(int)
    next_requested = Signal()
    previous_requested = Signal()
    auto_advance_requested = Signal(bool)

    def __init__(self) -> None:
        self.image_name = ComboBox(
            label="image_name",
            tooltip="Full images, each with its number of cutouts in the queue",
        )
        self.error_id = ComboBox(
            label="error_id",
            tooltip="Cutouts of this image that are in the queue",
        )
        self.previous = PushButton(text="◀  Previous")
        self.next = PushButton(text="Next  ▶")
        steps = _row(self.previous, self.next)
        self.progress = ProgressBar(min=0, max=1)
        self.place = Line()
        self.auto_advance = CheckBox(
            text="Auto-advance",
            value=True,
            tooltip="Move to the next cutout after each verdict",
        )
        # What is left over is the text's beside it.
        self.auto_advance.native.setSizePolicy(
            QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed
        )
        progress = _row(self.place, self.auto_advance)
        names = Container(widgets=[self.image_name, self.error_id], labels=True)
        names.margins = (0, 0, 0, 0)
        super().__init__(widgets=[names, steps, self.progress, progress], labels=False)
        self.margins = (0, 0, 0, 0)
        for combo in (self.image_name, self.error_id):
            _keep_narrow(combo.native)
        self._listed: tuple[object, ...] = ()
        self._rows: list[int] = []
        self._line_of: dict[int, int] = {}
        self.image_name.changed.connect(lambda name: self.image_requested.emit(name))
        self.error_id.changed.connect(
            lambda: self._request_cutout(self.error_id.native.currentIndex())
        )
        # magicgui tells of no line without a value, such as that of a TP.
        self.error_id.native.activated.connect(self._request_cutout)
        self.next.changed.connect(lambda: self.next_requested.emit())
        self.previous.changed.connect(lambda: self.previous_requested.emit())
        self.auto_advance.changed.connect(
            lambda on: self.auto_advance_requested.emit(on)
        )

    def show_keys(self, keys: KeyChoice) -> None:
        """Tell which keys are in force."""
        self.previous.tooltip = keys["previous"].hint
        self.next.tooltip = keys["next"].hint

    def show_session(self, session: ReviewSession) -> None:
        """List the images of a session."""
        self.show_queue(session)
        # The dock is narrow, the list need not be: names and counts are read in full.
        native = self.image_name.native
        texts = (native.itemText(i) for i in range(native.count()))
        # To measure every one of ten thousand takes a while.
        longest = nlargest(50, texts, key=len)
        width = max(map(native.fontMetrics().horizontalAdvance, longest))
        native.view().setMinimumWidth(width + _SCROLL_BAR)

    def show_queue(self, session: ReviewSession) -> None:
        """List the images with what another queue has of them."""
        counts = session.review_queue.image_counts.tolist()
        names = zip(session.image_names, counts, strict=True)
        with self.image_name.changed.blocked():
            _fill(
                self.image_name, [(f"{name}  ({count})", name) for name, count in names]
            )
        self._listed = ()
        self.show_place(session)

    def show_place(self, session: ReviewSession) -> None:
        """Show the current cutout's image and error, and the progress."""
        cutout, queue = session.current_cutout, session.review_queue
        # To set a value magicgui looks through all choices; their places are known.
        with self.image_name.changed.blocked(), self.error_id.changed.blocked():
            images = self.image_name.native
            images.setCurrentIndex(
                session.cutout_index.position_of_image(cutout.image_name)
            )
            self._list_cutouts(session)
            self.error_id.native.setCurrentIndex(self._line_of[cutout.row])
        if self.image_name.tooltip != images.currentText():
            self.image_name.tooltip = images.currentText()
        reviewed, total = session.progress
        if self.progress.max != max(total, 1):
            self.progress.max = max(total, 1)
        self.progress.value = reviewed
        self.progress.native.setFormat(f"{reviewed:,} of {total:,} reviewed")
        self.place.show_text(_place_text(queue.position_of(cutout.row), queue))

    def show_label(self, session: ReviewSession, rows: Collection[int]) -> None:
        """Show in the lists that something was decided about some rows."""
        if (
            session.review_queue.rule.state != "all"
            or session.review_queue.rule.kinds is not None
        ):
            # What is decided lets cutouts in and out.
            self._show_counts(
                session, {session.cutout_index.image_of(row) for row in rows}
            )
        for row in rows:
            if row in self._line_of:
                text = _line_text(session, row)
                self.error_id.native.setItemText(self._line_of[row], text)

    def _show_counts(self, session: ReviewSession, names: Collection[str]) -> None:
        for name in names:
            at, count = (
                session.cutout_index.position_of_image(name),
                session.review_queue.count_of(name),
            )
            self.image_name.native.setItemText(at, f"{name}  ({count})")

    def _list_cutouts(self, session: ReviewSession) -> None:
        """List what the queue has of the current image; of any other, an empty line."""
        row, name = session.current_cutout.row, session.current_cutout.image_name
        queue = session.review_queue
        listed = (queue, queue.changes, name, None if row in queue else row)
        if self._listed == listed:
            return
        rows = queue.rows_of(name).tolist()
        rows = rows if row in queue else [row, *rows]
        self._listed, self._rows = listed, rows
        self._line_of = {row: line for line, row in enumerate(rows)}
        choices: list[tuple[str, object]] = [
            (_line_text(session, each), session.catalog.cutout(each).error_id)
            for each in rows
        ]
        _fill(self.error_id, choices)

    def _request_cutout(self, at: int) -> None:
        if 0 <= at < len(self._rows):
            self.cutout_requested.emit(self._rows[at])


def _fill(combo: ComboBox, choices: Sequence[tuple[str, object]]) -> None:
    """List choices in their order; magicgui keeps old ones first, and compares all."""
    native: QComboBox = combo.native
    native.clear()
    for text, value in choices:
        native.addItem(text, value)


def _line_text(session: ReviewSession, row: int) -> str:
    """Return what is listed for a cutout; nothing for one that is no error, unasked."""
    cutout = session.catalog.cutout(row)
    listed = row in session.review_queue or cutout.is_error
    return _cutout_text(cutout) if listed else ""


def _cutout_text(cutout: Cutout) -> str:
    if cutout.error_id is None:
        name = f"{cutout.outcome} ({cutout.grid_x}, {cutout.grid_y})"
    else:
        name = f"{cutout.error_id}  {cutout.outcome}"
    mark = "?" if cutout.decision == "unsure" else "→" if cutout.changed else "✓"
    return f"{name}  {mark}" if cutout.reviewed else name


def _place_text(place: int | None, queue: Queue) -> str:
    if not len(queue):
        return "The queue is empty"
    here = f"{place:,} of {len(queue):,}" if place else "Not in the queue"
    return f"{here}, {queue.left:,} left"


def _row(*widgets: Widget) -> Container[Widget]:
    row = Container[Widget](widgets=widgets, layout="horizontal", labels=False)
    row.margins = (0, 0, 0, 0)
    return row


def _keep_narrow(combo: QComboBox) -> None:
    """Let no long name widen the dock, and no long list cover the screen."""
    combo.setMaxVisibleItems(_LISTED)
    # Else Qt's own style lists as many as the screen has room for.
    combo.setStyleSheet("QComboBox { combobox-popup: 0 }")
    combo.setSizeAdjustPolicy(
        QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    )
    combo.setMinimumContentsLength(8)
