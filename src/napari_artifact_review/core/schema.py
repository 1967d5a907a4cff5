"""The schema of a store: its tables, its version, and the records in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

import sqlalchemy as sa

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions import Action, Entry
from napari_artifact_review.core.holder import Holder
from napari_artifact_review.core.outcomes import LABEL_NAMES, VERDICTS

SCHEMA_VERSION = 2

METADATA = sa.MetaData()

REVIEW = sa.Table(
    "review",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("table_name", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("state", sa.JSON, nullable=False),
)

HOLDER = sa.Table(
    "holder",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started", sa.Float, nullable=False),
    sa.Column("since", sa.Text, nullable=False),
    sa.Column("user", sa.Text, nullable=False),
)

DECISIONS = sa.Table(
    "decisions",
    METADATA,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("act", sa.BigInteger, nullable=False),
    sa.Column("image_name", sa.Text, nullable=False),
    sa.Column("grid_x", sa.BigInteger, nullable=False),
    sa.Column("grid_y", sa.BigInteger, nullable=False),
    sa.Column("label_new", sa.SmallInteger, nullable=False),
    sa.Column("reviewer", sa.Text, nullable=False),
    sa.Column("decided_at", sa.Text, nullable=False),
    sa.Column("context", sa.JSON, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)

SAVES = sa.Table(
    "saves",
    METADATA,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("last_number", sa.BigInteger, nullable=False),
    sa.Column("saved_at", sa.Text, nullable=False),
)


def _say_verdicts(db: sa.Connection) -> None:
    """From 1 to 2: a decision says more than its label."""
    for name in ("verdict", "kind", "note"):
        db.exec_driver_sql(
            f"ALTER TABLE decisions ADD COLUMN {name} TEXT DEFAULT '' NOT NULL"
        )
    for label, verdict in enumerate(LABEL_NAMES):
        decided = (DECISIONS.c.action != "undo") & (DECISIONS.c.label_new == label)
        db.execute(sa.update(DECISIONS).where(decided).values(verdict=verdict))


#: From a version of the schema to the next one; each runs inside the transaction that
#: also writes the new version.
MIGRATIONS: Mapping[int, Callable[[sa.Connection], None]] = {1: _say_verdicts}


@dataclass(frozen=True)
class Binding:
    """The predictions table that a store belongs to.

    Attributes
    ----------
    table_name : str
        Its path, for people.
    fingerprint : str
        Tells its cutouts from those of another table.
    """

    table_name: str
    fingerprint: str


@dataclass(frozen=True)
class SaveRecord:
    """A reviewed table that was written, or was about to be.

    Attributes
    ----------
    digest : str
        SHA-256 of the file's bytes.
    path : str
        Where it was written.
    last_number : int
        The last entry of the log that it shows.
    """

    digest: str
    path: str
    last_number: int


@dataclass(frozen=True)
class StoreContents:
    """All that a store holds.

    Attributes
    ----------
    binding : Binding or None
        The table that it belongs to; None while there is no store.
    entries : list of Entry
        The log, oldest first.
    saves : list of SaveRecord
        The reviewed tables that were written from it.
    state : dict
        Where the review stood, as plain JSON.
    """

    binding: Binding | None = None
    entries: list[Entry] = field(default_factory=list)
    saves: list[SaveRecord] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)


def plain_values(record: Binding | SaveRecord | Holder) -> dict[str, Any]:
    """Return the values of a record; a path that is no text is spelt out."""
    return {
        name: value.encode(errors="backslashreplace").decode()
        if isinstance(value, str)
        else value
        for name, value in asdict(record).items()
    }


def row_of(entry: Entry) -> dict[str, Any]:
    """Return an entry of the log as a row of its table."""
    return {
        "number": entry.number,
        "action": entry.action,
        "act": entry.act,
        "image_name": entry.cutout.image_name,
        "grid_x": entry.cutout.grid_x,
        "grid_y": entry.cutout.grid_y,
        "label_new": entry.label_new,
        "reviewer": entry.reviewer,
        "decided_at": entry.decided_at,
        "context": dict(entry.context),
        "verdict": entry.verdict,
        "kind": entry.kind,
        "note": entry.note,
    }


def entry_of(row: sa.Row[Any]) -> Entry:
    """Return a row of the log's table as an entry."""
    return Entry(
        row.number,
        row.action,
        row.act,
        CutoutKey(row.image_name, row.grid_x, row.grid_y),
        row.label_new,
        row.reviewer,
        row.decided_at,
        row.context,
        row.verdict,
        row.kind,
        row.note,
    )


def is_sound(entry: Entry, number: int) -> bool:
    """Tell whether an entry can be the one of that number."""
    return (
        entry.number == number
        and entry.action in get_args(Action)
        and entry.act in range(1, number + 1)
        and entry.label_new in (0, 1)
        and entry.verdict in (("", *VERDICTS) if entry.action == "undo" else VERDICTS)
        and isinstance(entry.context, dict)
    )
