"""Bring a log and a predictions table together again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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

#: Which of them settles a disagreement.
LabelChoice = Literal["table", "decision"]

#: The key of an entry's context with the label state that the table had at that time.
TABLE_STATE = "table"


@dataclass(frozen=True)
class Disagreement:
    """A cutout for which the table and the decision on record differ.

    Attributes
    ----------
    cutout : CutoutKey
        The cutout.
    table : LabelState
        Its label state in the table.
    decision : Decision
        The last decision about it.
    """

    cutout: CutoutKey
    table: LabelState
    decision: Decision


def binding_of(predictions: Predictions) -> Binding:
    """Return the fingerprint of a table: of its cutouts, in any order of rows."""
    names = np.array(predictions.image_names)
    order = np.argsort(names)
    rank = np.argsort(order)[predictions.image_index]
    numbers = cutout_numbers(rank, predictions.grid_x, predictions.grid_y)
    if numbers is None:
        rows = np.lexsort((predictions.grid_y, predictions.grid_x, rank))
    else:
        # A stable sort is fast, because tables are mostly sorted already.
        rows = np.argsort(numbers, kind="stable")
    digest = hashlib.sha256("\0".join(names[order]).encode())
    for column in (rank, predictions.grid_x, predictions.grid_y):
        digest.update(column[rows].astype("<i8").tobytes())
    return Binding(str(predictions.path), digest.hexdigest())


def check_fit(
    contents: StoreContents, binding: Binding, cutout_index: CutoutIndex
) -> tuple[str, ...]:
    """Check whether a log fits a table; return notices, in sentences.

    Raises
    ------
    StoreError
        If no entry is about a cutout of the table.
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
    notice = (
        "The table has other rows than "
        f"{before.table_name if other else 'when its review began'}; verdicts follow "
        "their cutouts."
    )
    if not gone:
        return (notice,)
    count = "1 cutout that is" if gone == 1 else f"{gone} cutouts that are"
    return (notice, f"Verdicts on {count} not in this table are kept.")


def apply_log(
    log: DecisionLog, labels: Labels, cutout_index: CutoutIndex
) -> list[Disagreement]:
    """Put the decisions of a log into the labels; the table may be older, or edited.

    A label state of the table that the log knows is an older one. One that the log
    does not know was written by another program.

    Returns
    -------
    list of Disagreement
        The cutouts for which another program wrote another label state than the
        decision. Until it is settled, the decision is in force.
    """
    first: dict[CutoutKey, LabelState] = {}
    known: dict[CutoutKey, set[LabelState]] = {}
    for entry in log.entries:
        states = known.setdefault(entry.cutout, set())
        if TABLE_STATE in entry.context:
            state = LabelState(*entry.context[TABLE_STATE]).with_verdict()
            states.add(state)
            first.setdefault(entry.cutout, state)
        if entry.action == "decide":
            states.add(LabelState.after(entry))
    disagreements = []
    for cutout in log.cutouts:
        row, decision = cutout_index.row_of(cutout), log.in_force(cutout)
        read = labels.state_as_read(row)
        if read in known[cutout]:
            labels.set_initial_state(row, first.get(cutout, read))
        elif decision is not None and not read.has_same_verdict(
            LabelState.after(decision)
        ):
            disagreements.append(Disagreement(cutout, read, decision))
        labels.set_decision(row, decision)
    return disagreements


def decisions_in_output(
    digest: str | None,
    contents: StoreContents,
    entries: Sequence[Entry],
    cutout_index: CutoutIndex,
) -> dict[int, Decision]:
    """Return the decision of each row that an output shows.

    Parameters
    ----------
    digest : str or None
        The digest of the output; None if there is no file.
    contents : StoreContents
        Has the saves of this review. An output of another program shows no decision.
    entries : sequence of Entry
        The log of the review.
    cutout_index : CutoutIndex
        The rows of the cutouts.
    """
    decisions = {}
    for save in contents.saves:
        if save.digest == digest:
            saved = [
                e for e in entries if e.number <= save.last_numbers.get(e.log_id, 0)
            ]
            log = DecisionLog(saved, cutout_index.__contains__)
            decisions = {
                cutout_index.row_of(cutout): decision
                for cutout in log.cutouts
                if (decision := log.in_force(cutout)) is not None
            }
    return decisions
