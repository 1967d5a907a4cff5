"""Save the consensus of a review as a table, and every verdict beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from napari_artifact_review.core.atomic_files import (
    digest_of,
    keep_backup,
    replace_file,
    stem_and_suffix,
)
from napari_artifact_review.core.errors import SaveError
from napari_artifact_review.core.review.output import check_output
from napari_artifact_review.core.review.reviewed_table import (
    OutputEncoding,
    ReviewedTable,
)
from napari_artifact_review.core.review.spreadsheet import (
    spreadsheet_path,
    write_spreadsheet,
)
from napari_artifact_review.core.team.ballots import votes_table

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession

#: Columns that a table of the consensus has after those of a reviewed table.
CONSENSUS_COLUMNS = ("n_reviewers", "agreement", "adjudicated_by")

#: Name of the table of all verdicts, in the folder of the consensus.
VOTES_NAME = "votes.csv"


class SavedConsensus(NamedTuple):
    """The files of a saved consensus.

    Attributes
    ----------
    table : Path
        Reviewed table with the labels of the consensus.
    votes : Path
        Table with a row for each verdict; see `votes_table`.
    disputed : int
        Number of cutouts that are still disputed.
    """

    table: Path
    votes: Path
    disputed: int


def consensus_path(output: Path) -> Path:
    """Return the default path of the consensus for a reviewed table."""
    stem, suffix = stem_and_suffix(output)
    return output.with_name(f"{stem}_consensus{suffix}")


def write_consensus(
    session: ReviewSession,
    output: Path,
    *,
    encoding: OutputEncoding = None,
    spreadsheet_safe: bool = False,
) -> SavedConsensus:
    """Write the consensus and all verdicts, each file completely or not at all.

    Different files of these names are first copied to dated names.

    Parameters
    ----------
    session : ReviewSession
        Session that shows the consensus; see `ReviewSession.open`.
    output : Path
        Path of the table; `VOTES_NAME` is written into its folder.
    encoding : "utf-8", optional
        Encoding of a text table; by default that of the predictions.
    spreadsheet_safe : bool
        Whether to write a copy of both tables for spreadsheet programs; see
        `write_spreadsheet`.

    Raises
    ------
    SaveError
        If a file cannot be written, if it would replace the predictions or the reviewed
        table, or if the predictions have one of `CONSENSUS_COLUMNS` for something else.
    """
    votes_path = output.with_name(VOTES_NAME)
    _check_paths(session, output, votes_path)
    predictions, labels = session.predictions, session.catalog.labels
    votes = votes_table(session.reviewers.votes.log, session.cutout_index.__contains__)
    table = ReviewedTable(
        predictions,
        labels.label_new.copy(),
        labels.changed_states(),
        labels.decisions,
        encoding=encoding,
        added=_columns(session),
    )
    table.write(output, lambda digest: _keep_other(output, digest))
    replace_file(
        votes_path,
        lambda stream: stream.write(votes.to_csv(index=False).encode()),
        lambda digest: _keep_other(votes_path, digest),
    )
    if spreadsheet_safe:
        write_spreadsheet(table.as_written(spreadsheet_path(output)), output)
        write_spreadsheet(votes, votes_path)
    return SavedConsensus(output, votes_path, len(session.reviewers.votes.disputed))


def _check_paths(session: ReviewSession, output: Path, votes_path: Path) -> None:
    """Raise an error rather than replace a table of the review."""
    check_output(output)
    if output.name.lower() == VOTES_NAME:
        raise SaveError(
            "this is the name of the table of all verdicts",
            path=output,
            remedy="Choose another name for the consensus",
        )
    for path in (output, votes_path):
        if path.exists() and path.samefile(session.predictions.path):
            raise SaveError(
                "the consensus would replace the predictions",
                path=path,
                remedy="Choose another output, in another folder if need be",
            )
    reviewed = session.output
    if votes_path.exists() and reviewed.exists() and votes_path.samefile(reviewed):
        raise SaveError(
            "the table of all verdicts would replace the reviewed table",
            path=votes_path,
            remedy="Choose an output in another folder",
        )


def _keep_other(path: Path, digest: str) -> None:
    """Keep a copy of a file that differs from the one about to replace it."""
    if digest_of(path) not in (None, digest):
        keep_backup(path)


def _columns(session: ReviewSession) -> dict[str, pd.Series[Any]]:
    """Return the columns of the consensus; without a sure vote, no agreement."""
    names = session.predictions.file.values.columns
    own = [name for name in CONSENSUS_COLUMNS if name in names]
    if own and len(own) < len(CONSENSUS_COLUMNS):
        raise SaveError(
            f"the predictions have a column {own[0]} already",
            path=session.predictions.path,
            remedy="Rename it, because the consensus has a column of this name",
        )
    index, votes = session.cutout_index, session.reviewers.votes
    count = len(session.predictions.label)
    reviewers = pd.Series(np.zeros(count, dtype=np.int64))
    agreement = pd.Series(np.full(count, np.nan))
    judges = pd.Series([""] * count, dtype="str")
    for cutout in votes.cutouts:
        found = votes.consensus_on(cutout)
        if found is None:
            continue
        row = index.row_of(cutout)
        reviewers[row] = found.n_reviewers
        judges[row] = found.adjudicated_by
        if found.agreement is not None:
            agreement[row] = round(found.agreement, 4)
    return dict(zip(CONSENSUS_COLUMNS, (reviewers, agreement, judges), strict=True))
