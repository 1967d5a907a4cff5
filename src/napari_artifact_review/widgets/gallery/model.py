"""A Qt model with the cutouts of the queue, in the order of the gallery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QAbstractListModel, QModelIndex, Qt

from napari_artifact_review.core.review.groups import Group, Grouping, in_groups
from napari_artifact_review.core.texts import printable
from napari_artifact_review.viewer.status import describe_cutout
from napari_artifact_review.widgets.parts.plain_text import tooltip_text

if TYPE_CHECKING:
    from napari_artifact_review.core.cutout import Cutout
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.image.picture_loader import PictureLoader

Rows = npt.NDArray[np.int64]


class GalleryModel(QAbstractListModel):
    """A Qt model of the queue of a review, sorted into groups.

    Here a "position" is a row of this model, and a "row" is a row of the table.

    Parameters
    ----------
    session : ReviewSession
        The review.
    pictures : PictureLoader
        Provides the errors of cutouts that cannot be shown.

    Attributes
    ----------
    groups : tuple of Group
        The groups, in their order.
    """

    def __init__(self, session: ReviewSession, pictures: PictureLoader) -> None:
        super().__init__()
        self._session = session
        self._pictures = pictures
        self._rows: Rows = np.empty(0, dtype=np.int64)
        self._order: Rows = self._rows
        self.groups: tuple[Group, ...] = ()

    def show_queue(self, by: Grouping) -> None:
        """Load the current queue; reset the model only if queue or groups differ."""
        queue, catalog = self._session.review_queue, self._session.catalog
        rows, groups = in_groups(catalog, queue.rows, by)
        if groups == self.groups and np.array_equal(rows, self._rows):
            return
        self.beginResetModel()
        self._rows, self.groups = rows, groups
        self._order = np.argsort(rows, kind="stable")
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802
        """Return the number of cutouts, or 0 for a valid `parent`."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the name of a cutout, or the text of its tooltip."""
        if not index.isValid() or role not in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.ToolTipRole,
        ):
            return None
        cutout = self.cutout(index.row())
        if role == Qt.ItemDataRole.ToolTipRole:
            made = self._pictures.find(cutout.row)
            problem = "" if made is None else made.problem
            lines = (
                cutout.image_name,
                describe_cutout(cutout),
                *self._own_values(cutout),
                cutout.note,
                problem,
            )
            return tooltip_text("\n".join(filter(None, lines)))
        name = printable(cutout.image_name)
        return f"{name} ({cutout.grid_x}, {cutout.grid_y})"

    def _own_values(self, cutout: Cutout) -> Iterator[str]:
        """Yield "name: value" for each of the user's own columns that is shown.

        The values of a hidden cutout are not shown.
        """
        if not cutout.is_hidden:
            for name in self._session.shown_columns:
                yield f"{name}: {self._session.own_columns.text(name, cutout.row)}"

    def cutout(self, position: int) -> Cutout:
        """Return the cutout at a position, with its current label."""
        return self._session.catalog.cutout(int(self._rows[position]))

    def rows(self, positions: Sequence[int] | Rows) -> Rows:
        """Return the rows of the table at positions."""
        return self._rows[np.asarray(positions, dtype=np.int64)]

    def positions(self, rows: Sequence[int] | Rows) -> Rows:
        """Return the sorted positions of rows, omitting rows outside the queue."""
        wanted = np.asarray(rows, dtype=np.int64)
        if not len(self._rows):
            return wanted[:0]
        at = np.searchsorted(self._rows, wanted, sorter=self._order)
        found = self._order[np.minimum(at, len(self._rows) - 1)]
        return np.sort(found[self._rows[found] == wanted])
