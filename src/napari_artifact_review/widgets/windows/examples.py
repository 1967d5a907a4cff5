"""The window with examples of each kind of artifact, from the verdicts of a review."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QLabel, QWidget

from napari_artifact_review.widgets.parts.background import Background, MainThread
from napari_artifact_review.widgets.parts.picture import picture_button, picture_icon
from napari_artifact_review.widgets.parts.picture_window import PictureWindow
from napari_artifact_review.widgets.parts.plain_text import button_text, tooltip_text
from napari_artifact_review.widgets.parts.tool_window import KeptFree

if TYPE_CHECKING:
    from napari_artifact_review.core.cutout import Cutout
    from napari_artifact_review.core.images.image_cache import ImageCache
    from napari_artifact_review.core.review.session import ReviewSession

#: Maximum number of examples of a kind. The latest examples are shown.
_MOST = 8


class ExamplesPanel(PictureWindow):
    """The window with the latest cutouts of a kind of artifact.

    Attributes
    ----------
    row_requested : Signal
        Emitted with the table row of a clicked cutout.
    """

    row_requested = Signal(int)

    def __init__(self, parent: QWidget, kept_free: KeptFree = tuple) -> None:
        buttons = [picture_button() for _ in range(_MOST)]
        super().__init__(parent, "Examples", buttons, kept_free)
        self._background = Background(MainThread(self))
        self._session: ReviewSession | None = None
        self._cache: ImageCache | None = None
        self._cutouts: list[Cutout] = []
        self.kind = QComboBox()
        self.empty = QLabel("No cutout has a kind yet.")
        self.lines.insertWidget(0, self.kind)
        self.lines.insertWidget(1, self.empty)
        for at, button in enumerate(buttons):
            button.clicked.connect(partial(self._choose, at))
        self.kind.currentIndexChanged.connect(lambda _: self._show_kind())

    def show_session(
        self, session: ReviewSession | None, cache: ImageCache | None = None
    ) -> None:
        """Show the examples of a review, or no examples for None.

        `cache` provides the images of the review.
        """
        self._session, self._cache = session, cache
        if self.isVisible():
            self.show_kinds()

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Update the list of kinds, which is not updated while the window is hidden."""
        super().showEvent(event)
        self.show_kinds()

    def show_kinds(self) -> None:
        """List the kinds in use with their counts, and show examples of one kind."""
        by_row = {} if self._session is None else self._session.catalog.shown_kinds
        before = self.kind.currentData()
        kinds = sorted(set(by_row.values()))
        counts = [sum(kind == other for other in by_row.values()) for kind in kinds]
        self.kind.blockSignals(True)
        self.kind.clear()
        for kind, count in zip(kinds, counts, strict=True):
            self.kind.addItem(f"{kind}  ({count})", kind)
        self.kind.setCurrentIndex(max(0, self.kind.findData(before)))
        self.kind.blockSignals(False)
        self.kind.setVisible(bool(kinds))
        self.empty.setVisible(not kinds)
        self._show_kind()

    def _show_kind(self) -> None:
        session, kind = self._session, self.kind.currentData()
        self._cutouts = []
        if session is not None and kind is not None:
            rows = [row for row, k in session.catalog.shown_kinds.items() if k == kind]
            # The latest verdicts are last in the dict.
            latest = rows[: -_MOST - 1 : -1]
            self._cutouts = [session.catalog.cutout(row) for row in latest]
        for at, button in enumerate(self.buttons):
            button.setVisible(at < len(self._cutouts))
            button.setIcon(picture_icon(None))
        for cutout, button in zip(self._cutouts, self.buttons, strict=False):
            name = cutout.key.title
            short = button.fontMetrics().elidedText(
                name, Qt.TextElideMode.ElideMiddle, button.width() - 8
            )
            button.setText(button_text(short))
            tip = "\n".join(filter(None, (name, cutout.note)))
            button.setToolTip(tooltip_text(tip))
        if self._cache is not None and self._cutouts:
            job = partial(_pictures, self._cache, self._cutouts)
            self._background.start(job, self._show, self._fail)

    def _show(self, pictures: Sequence[npt.NDArray[Any] | None]) -> None:
        for button, picture in zip(self.buttons, pictures, strict=False):
            button.setIcon(picture_icon(picture, self.devicePixelRatioF()))

    def _fail(self, error: Exception) -> None:
        raise error

    def _choose(self, at: int) -> None:
        if at < len(self._cutouts):
            self.row_requested.emit(self._cutouts[at].row)


def _pictures(
    cache: ImageCache, cutouts: Sequence[Cutout]
) -> list[npt.NDArray[Any] | None]:
    """Return a picture of each cutout, or None for a cutout that cannot be shown."""
    # Import these only in the thread, because they import the readers of images.
    from napari_artifact_review.core.errors import ImageError
    from napari_artifact_review.core.images.thumbnails import CutoutReader

    reader = CutoutReader(cache)
    pictures: list[npt.NDArray[Any] | None] = []
    for at, cutout in enumerate(cutouts):
        reader.expect(cutouts[at:])
        try:
            pictures.append(reader.picture(cutout))
        except ImageError:
            # The reviewer sees the error at the cutout itself.
            pictures.append(None)
    return pictures
