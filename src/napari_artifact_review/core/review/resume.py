"""Bring a store of decisions and a predictions table together again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.log import (
    Decision,
    DecisionLog,
    LabelState,
)
from napari_artifact_review.core.decisions.schema import Binding, StoreContents
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.grid import cutout_numbers
from napari_artifact_review.core.review.labels import Labels
from napari_artifact_review.core.tables.cutout_index import CutoutIndex
from napari_artifact_review.core.tables.predictions import Predictions

#: Whose label stands where they disagree.
LabelChoice = Literal["table", "decision"]

#: Where an entry's context keeps what the table said when it was written.
TABLE = "table"


@dataclass(frozen=True)
class Disagreement:
    """A cutout of which the table and the decisions on record tell differently.

    Attributes
    ----------
    cutout : CutoutKey
        What it is about.
    table : LabelState
        What the table says.
    decision : Decision
        What was decided last.
    """

    cutout: CutoutKey
    table: LabelState
    decision: Decision


def binding_of(predictions: Predictions) -> Binding:
    """Return what tells a table from others: its cutouts, in whatever order."""
    names = np.array(predictions.image_names)
    order = np.argsort(names)
    rank = np.argsort(order)[predictions.image_index]
    numbers = cutout_numbers(rank, predictions.grid_x, predictions.grid_y)
    if numbers is None:
        rows = np.lexsort((predictions.grid_y, predictions.grid_x, rank))
    else:
        # Tables are sorted in some way, of which this kind of sorting makes use.
        rows = np.argsort(numbers, kind="stable")
    digest = hashlib.sha256("\0".join(names[order]).encode())
    for column in (rank, predictions.grid_x, predictions.grid_y):
        digest.update(column[rows].astype("<i8").tobytes())
    return Binding(str(predictions.path), digest.hexdigest())


def match(
    contents: StoreContents, binding: Binding, cutout_index: CutoutIndex
) -> tuple[str, ...]:
    """Say how the decisions on record fit a table, in sentences.

    Raises
    ------
    StoreError
        If not one of them is about a cutout of the table.
    """
    before = contents.binding
    cutouts = {entry.cutout for entry in contents.entries}
    if before is None or before.fingerprint == binding.fingerprint or not cutouts:
        return ()
    gone = sum(cutout not in cutout_index for cutout in cutouts)
    if gone == len(cutouts):
        raise StoreError(
            f"the verdicts beside this output belong to {before.table_name}; none of "
            f"them belongs to a cutout of {binding.table_name}",
            remedy="Choose another output, so that both reviews are kept",
        )
    other = before.table_name != binding.table_name
    remark = (
        "The table has other rows than "
        f"{before.table_name if other else 'when its review began'}; verdicts follow "
        "their cutouts."
    )
    if not gone:
        return (remark,)
    count = "1 cutout that is" if gone == 1 else f"{gone} cutouts that are"
    return (remark, f"Verdicts on {count} not in this table are kept.")


def restore(
    labels: Labels, log: DecisionLog, cutout_index: CutoutIndex
) -> list[Disagreement]:
    """Put what is on record into the labels.

    A table that was saved before the last decisions is only older: what it says is
    known from the log. Another program wrote what the log does not know.

    Returns
    -------
    list of Disagreement
        Where the values that another program wrote differ from the verdict. Until it
        is settled the verdict stands.
    """
    first: dict[CutoutKey, LabelState] = {}
    known: dict[CutoutKey, set[LabelState]] = {}
    for entry in log.entries:
        known.setdefault(entry.cutout, set()).update(_told_by(entry))
        if TABLE in entry.context:
            first.setdefault(
                entry.cutout, LabelState(*entry.context[TABLE]).with_verdict()
            )
    disagreements = []
    for cutout in log.cutouts:
        row, decision = cutout_index.row_of(cutout), log.in_force(cutout)
        read = labels.read(row)
        if read in known[cutout]:
            labels.put_before(row, first.get(cutout, read))
        elif decision is not None and not read.has_same_verdict(
            LabelState.after(decision)
        ):
            disagreements.append(Disagreement(cutout, read, decision))
        labels.put(row, decision)
    return disagreements


def _told_by(entry: Entry) -> Iterable[LabelState]:
    if TABLE in entry.context:
        yield LabelState(*entry.context[TABLE]).with_verdict()
    if entry.action == "decide":
        yield LabelState.after(entry)
