"""The cutouts that are picked to be judged as one, such as those along a trail."""

from __future__ import annotations

from collections.abc import Sequence

from psygnal import Signal

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.review.session import ReviewSession


class Picks:
    """Cutouts of the image on the screen, in the order in which they were picked.

    Parameters
    ----------
    session : ReviewSession
        The review.

    Attributes
    ----------
    changed : Signal
        Emitted when others are picked.
    """

    changed = Signal()

    def __init__(self, session: ReviewSession) -> None:
        self._session = session
        self._rows: list[int] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> tuple[int, ...]:
        """Their rows in the table."""
        return tuple(self._rows)

    @property
    def cutouts(self) -> list[CutoutKey]:
        """What they are known by."""
        return [self._session.walk.key_of(row) for row in self._rows]

    def run_to(self, row: int) -> None:
        """Pick the run of cutouts from the last one picked, or the current one."""
        session = self._session
        last = self._rows[-1] if self._rows else session.current_cutout.row
        name = session.walk.image_of(row)
        run = session.walk.rows_between(name, last, row, session.cutout_size)
        self.set([*self._rows, *run])

    def toggle(self, row: int) -> None:
        """Pick one more, or let go of one."""
        if row in self._rows:
            self.set([other for other in self._rows if other != row])
        else:
            self.set([*self._rows, row])

    def set(self, rows: Sequence[int]) -> None:
        """Pick these and no others."""
        rows = list(dict.fromkeys(rows))
        if rows != self._rows:
            self._rows = rows
            self.changed.emit()

    def take_turn(self, rows: Sequence[int], action: str) -> None:
        """Pick again what an act was about that is taken back; let go of all else.

        The next verdict is then about what the one was that is taken back; after one
        that is made again it is about the current cutout.
        """
        images = {self._session.walk.image_of(row) for row in rows}
        are_picked = action == "undo" and len(rows) > 1 and len(images) == 1
        self.set(rows if are_picked else [])

    def clear(self) -> None:
        """Let go of all."""
        self.set([])
