"""The tables of an export, and its description in `export.json`."""

from __future__ import annotations

import csv
import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from napari_artifact_review.core.atomic_files import Written, replace_file
from napari_artifact_review.core.outcomes import OUTCOME_DISPLAY_ORDER, VERDICTS
from napari_artifact_review.core.training.exporting.export_options import SPLITS

#: Columns of the exported table, in this order.
COLUMNS = (
    "id",
    "image_name",
    "grid_x",
    "grid_y",
    "label",
    "label_old",
    "decision",
    "kind",
    "note",
    "reviewed_by",
    "reviewed_at",
    "weight",
    "split",
    "ra",
    "dec",
)

#: Further columns if there are several arrays: the array's file, and the row in it.
SHARD_COLUMNS = ("shard", "row")

_LIBRARIES = ("numpy", "pandas", "astropy", "pyarrow")


def write_tables(table: pd.DataFrame, folder: Path) -> dict[str, str]:
    """Write `cutouts.csv` and `cutouts.parquet`; return the digest of each by name.

    Raises
    ------
    SaveError
        If a file cannot be written.
    """
    names = [*COLUMNS, *(name for name in SHARD_COLUMNS if name in table.columns)]
    table = table[names]

    def write_csv(stream: Any) -> None:
        # Quote all texts: some programs take a lone carriage return as a new line.
        table.to_csv(
            stream, index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC
        )

    def write_parquet(stream: Any) -> None:
        pq.write_table(pa.Table.from_pandas(table, preserve_index=False), stream)

    written: dict[str, Written] = {}
    for name, write in (
        ("cutouts.csv", write_csv),
        ("cutouts.parquet", write_parquet),
    ):
        written[name] = replace_file(folder / name, write)
    return {name: one.digest for name, one in written.items()}


def counts_of(
    table: pd.DataFrame, groups: Sequence[str]
) -> dict[str, Mapping[str, Any]]:
    """Return the numbers of cutouts by split, outcome and kind, as plain JSON.

    Parameters
    ----------
    table : DataFrame
        The exported table with the column `outcome`.
    groups : sequence of str
        Group of each row.
    """
    return {
        "split": {name: _split_counts(table, groups, name) for name in SPLITS},
        "outcome": _numbers(table["outcome"], OUTCOME_DISPLAY_ORDER),
        "kind": _numbers(table["kind"], sorted(set(table["kind"]) - {""})),
        "decision": _numbers(table["decision"], VERDICTS),
    }


def reviewers_of(table: pd.DataFrame) -> dict[str, int]:
    """Return the number of verdicts of each reviewer, in alphabetical order."""
    counts = Counter(table["reviewed_by"][table["reviewed_by"] != ""])
    return dict(sorted(counts.items()))


def versions() -> dict[str, str]:
    """Return the versions of this package, of Python and of libraries, by name."""
    return dict(_versions())


def _versions() -> Iterator[tuple[str, str]]:
    yield "python", platform.python_version()
    for name in ("napari-artifact-review", *_LIBRARIES):
        yield name, metadata.version(name)


def _numbers(column: pd.Series[Any], names: Sequence[str]) -> dict[str, int]:
    counts = Counter(column)
    return {name: counts[name] for name in names}


def _split_counts(
    table: pd.DataFrame, groups: Sequence[str], split: str
) -> dict[str, int]:
    which = (table["split"] == split).to_numpy(bool)
    part = table[which]
    return {
        "cutouts": len(part),
        "artifacts": int(part["label"].sum()),
        "images": int(part["image_name"].nunique()),
        "groups": len(set(np.asarray(groups, dtype=object)[which])),
    }
