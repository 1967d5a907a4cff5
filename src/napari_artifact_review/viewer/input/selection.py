"""The cutouts selected for one common verdict, such as the cutouts along a trail."""

from __future__ import annotations

from collections.abc import Sequence

from psygnal import Signal

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.review.session import ReviewSession


class Selection:
    """The selected cutouts of the image on the screen, in the order of selection.

    Parameters
    ----------
    session : ReviewSession
        The review.

    Attributes
    ----------
    changed : Signal
        Emitted when the selection changes.
    """

    changed = Signal()

    def __init__(self, session: ReviewSession) -> None:
        self._session = session
        self._rows: list[int] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows of the selected cutouts in the table."""
        return tuple(self._rows)

    @property
    def cutouts(self) -> list[CutoutKey]:
        """The keys (image and position) of the selected cutouts."""
        return [self._session.cutout_index.key_of(row) for row in self._rows]

    def run_to(self, row: int) -> None:
        """Select the cutouts on the line from the last selected cutout to `row`.

        Without a selection, the line starts at the current cutout.
        """
        session = self._session
        last = self._rows[-1] if self._rows else session.current_cutout.row
        name = session.cutout_index.image_of(row)
        run = session.cutout_index.rows_between(name, last, row, session.cutout_size)
        self.set([*self._rows, *run])

    def toggle(self, row: int) -> None:
        """Select a cutout, or deselect a selected cutout."""
        if row in self._rows:
            self.set([other for other in self._rows if other != row])
        else:
            self.set([*self._rows, row])

    def set(self, rows: Sequence[int]) -> None:
        """Select the cutouts in `rows` of the table, and deselect all others."""
        rows = list(dict.fromkeys(rows))
        if rows != self._rows:
            self._rows = rows
            self.changed.emit()

    def take_turn(self, rows: Sequence[int], action: str) -> None:
        """Update the selection after an undo or a redo of a verdict on `rows`.

        An undo of a verdict on several cutouts of one image selects these cutouts, so
        that the next verdict has the same target. Otherwise clear the selection.

        `action` is "undo" or "redo".
        """
        images = {self._session.cutout_index.image_of(row) for row in rows}
        are_selected = action == "undo" and len(rows) > 1 and len(images) == 1
        self.set(rows if are_selected else [])

    def clear(self) -> None:
        """Deselect all cutouts."""
        self.set([])
