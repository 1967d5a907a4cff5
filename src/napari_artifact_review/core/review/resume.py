"""Match a stored log with a predictions table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision, LabelState
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.log import NO_CUTOUT, DecisionLog
from napari_artifact_review.core.decisions.schema import Binding, StoreContents
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.grid import cutout_numbers
from napari_artifact_review.core.review.labels import Labels
from napari_artifact_review.core.tables.cutout_index import CutoutIndex
from napari_artifact_review.core.tables.predictions import Predictions
from napari_artifact_review.core.team.votes import Votes

#: Source of the label that is used to resolve a disagreement.
LabelChoice = Literal["table", "decision"]

#: Key in an entry's context for the label state in the table at the time of the entry.
TABLE_STATE = "table"


@dataclass(frozen=True)
class Disagreement:
    """A difference between the table and the recorded decision on a cutout.

    Attributes
    ----------
    cutout : CutoutKey
        The cutout.
    table : LabelState
        Label state in the table.
    decision : Decision
        Decision in force.
    """

    cutout: CutoutKey
    table: LabelState
    decision: Decision


def binding_of(predictions: Predictions) -> Binding:
    """Return the path and the fingerprint of a table.

    The fingerprint does not depend on the order of the rows.
    """
    names = np.array(predictions.image_names)
    order = np.argsort(names)
    rank = np.argsort(order)[predictions.image_index]
    numbers = cutout_numbers(rank, predictions.grid_x, predictions.grid_y)
    if numbers is None:
        rows = np.lexsort((predictions.grid_y, predictions.grid_x, rank))
    else:
        # A stable sort is fast here, because most tables are already sorted.
        rows = np.argsort(numbers, kind="stable")
    digest = hashlib.sha256("\0".join(names[order]).encode())
    for column in (rank, predictions.grid_x, predictions.grid_y):
        digest.update(column[rows].astype("<i8").tobytes())
    return Binding(str(predictions.path), digest.hexdigest())


def check_fit(
    contents: StoreContents, binding: Binding, cutout_index: CutoutIndex
) -> tuple[str, ...]:
    """Check that a log belongs to a table; return notices for the user.

    Raises
    ------
    StoreError
        If the log has entries, but none for a cutout of the table.
    """
    before = contents.binding
    cutouts = {entry.cutout for entry in contents.entries} - {NO_CUTOUT}
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
    log: DecisionLog | Votes, labels: Labels, cutout_index: CutoutIndex
) -> list[Disagreement]:
    """Apply the decisions of a log to the labels; return disagreements with the table.

    If the label state of a cutout in the table occurs in the log, the table is only
    older than the log. Otherwise, another program wrote the label state.

    Returns
    -------
    list of Disagreement
        Cutouts for which another program wrote a label state that contradicts the
        decision. The decision stays in force until the disagreement is resolved.
    """
    first: dict[CutoutKey, LabelState] = {}
    known: dict[CutoutKey, set[LabelState]] = {}
    for entry in log.entries:
        states = known.setdefault(entry.cutout, set())
        if TABLE_STATE in entry.context:
            state = LabelState(*entry.context[TABLE_STATE]).with_verdict()
            states.add(state)
            first.setdefault(entry.cutout, state)
        if entry.action in ("decide", "carry"):
            states.add(LabelState.after(entry))
    disagreements = []
    # Also those without a decision here: the table may have one of another reviewer.
    for cutout, states in known.items():
        if cutout not in cutout_index:
            continue
        row = cutout_index.row_of(cutout)
        read = labels.state_as_read(row)
        if read in states:
            labels.set_initial_state(row, first.get(cutout, read))
        # A consensus may keep the initial label, which is known now.
        decision = log.in_force(cutout)
        if (
            decision is not None
            and read not in states
            and not read.has_same_verdict(LabelState.after(decision))
        ):
            disagreements.append(Disagreement(cutout, read, decision))
        labels.set_decision(row, decision, log.carried(cutout))
    return disagreements


def decisions_in_output(
    digest: str | None,
    contents: StoreContents,
    entries: Sequence[Entry],
    cutout_index: CutoutIndex,
) -> dict[int, Decision]:
    """Return the decisions that an output includes, by row.

    Parameters
    ----------
    digest : str or None
        SHA-256 of the output; None if the file does not exist.
    contents : StoreContents
        Contents of the log's file, with the records of all saves. If this review did
        not write the output, the result is empty.
    entries : sequence of Entry
        All entries of the review.
    cutout_index : CutoutIndex
        Index for looking up the rows of cutouts.
    """
    decisions = {}
    for save in contents.saves:
        if save.digest == digest:
            saved = [
                e for e in entries if e.number <= save.last_numbers.get(e.log_id, 0)
            ]
            log = DecisionLog(
                saved, cutout_index.__contains__, reviewer=save.reviewer or None
            )
            decisions = {
                cutout_index.row_of(cutout): decision
                for cutout in log.cutouts
                if (decision := log.in_force(cutout)) is not None
            }
    return decisions
