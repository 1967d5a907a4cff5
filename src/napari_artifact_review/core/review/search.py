"""Search for cutouts by a text in their image name, note and columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_artifact_review.core.cutout import CutoutKey
    from napari_artifact_review.core.review.catalog import Catalog


def are_containing(
    text: str,
    catalog: Catalog,
    columns: Iterable[str] = (),
    drafts: Mapping[CutoutKey, str] | None = None,
) -> npt.NDArray[np.bool_]:
    """Return the mask of cutouts that contain a text, ignoring case, shape (n,).

    Of hidden cutouts, only image names and drafts are searched.

    Parameters
    ----------
    text : str
        Text to find in `image_name`, in the notes and in `columns`.
    catalog : Catalog
        The cutouts of the table.
    columns : iterable of str
        The user's own columns to search.
    drafts : mapping of CutoutKey to str, optional
        Notes that are not yet part of a verdict, by cutout. They are searched instead
        of the recorded notes of these cutouts.
    """
    table, wanted = catalog.predictions, text.casefold()
    names = [wanted in name.casefold() for name in table.image_names]
    which = np.array(names, dtype=bool)[table.image_index]
    for name in columns:
        which |= np.greater(
            catalog.own_columns.contain(name, text), catalog.hidden.mask
        )
    noted = np.zeros(len(which), dtype=bool)
    if table.note is not None:
        noted[:] = [wanted in note.casefold() for note in table.note]
    for row, state in catalog.labels.changed_states().items():
        noted[row] = wanted in state.note.casefold()
    if (row := catalog.hidden.repeated_row) >= 0:
        noted[row] = wanted in catalog.shown_state(row)[0].note.casefold()
    noted &= ~catalog.hidden.mask
    for key, note in (drafts or {}).items():
        if key in catalog.cutout_index:
            row = catalog.cutout_index.row_of(key)
            noted[row] = wanted in note.casefold()
    return np.asarray(which | noted, dtype=bool)
