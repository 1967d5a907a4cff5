"""The schema of a log's file: its tables, its version, and the records in them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import sqlalchemy as sa

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import Entry, EntryId, Origin
from napari_artifact_review.core.outcomes import LABEL_NAMES

SCHEMA_VERSION = 3

METADATA = sa.MetaData()

REVIEW = sa.Table(
    "review",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("review_id", sa.Text, nullable=False),
    sa.Column("log_id", sa.Text, nullable=False),
    sa.Column("home", sa.Text, nullable=False, default=""),
    sa.Column("table_name", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("state", sa.JSON, nullable=False),
)

#: The entries, in the order in which they arrived.
DECISIONS = sa.Table(
    "decisions",
    METADATA,
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("log_id", sa.Text, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("clock", sa.BigInteger, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("act_log_id", sa.Text, nullable=False),
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
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.UniqueConstraint("log_id", "number"),
)

SAVES = sa.Table(
    "saves",
    METADATA,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("heads", sa.JSON, key="last_numbers", nullable=False),
    sa.Column("saved_at", sa.Text, nullable=False),
)

#: The full images that were read: identity, name, size in bytes, time of change.
IMAGES = sa.Table(
    "images",
    METADATA,
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("image_name", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("modified_at", sa.Text, nullable=False),
)


@dataclass(frozen=True)
class Binding:
    """The predictions table that a log belongs to.

    Attributes
    ----------
    table_name : str
        Its path, for messages.
    fingerprint : str
        A digest of its cutouts, which differs from that of another table.
    """

    table_name: str
    fingerprint: str


@dataclass(frozen=True)
class SaveRecord:
    """A reviewed table that was written, or was about to be written.

    Attributes
    ----------
    digest : str
        SHA-256 of the file's bytes.
    path : str
        Its path.
    last_numbers : dict of str to int
        By log id, the number of the last entry that the table shows.
    """

    digest: str
    path: str
    last_numbers: dict[str, int]


@dataclass(frozen=True)
class StoreContents:
    """The contents of a log's file.

    Attributes
    ----------
    binding : Binding or None
        The table of the log; None while there is no file.
    entries : list of Entry
        The entries, in the order in which they arrived.
    saves : list of SaveRecord
        The reviewed tables that were written from it.
    state : dict, or any other value if it is damaged
        The last position of the review, as plain JSON.
    review_id, log_id : str
        The ids of the review and of this file's own log; UUIDs in hex.
    home : str
        Computer and inode of the file, which differ from those of a copy; empty if they
        are unknown.
    """

    binding: Binding | None = None
    entries: list[Entry] = field(default_factory=list)
    saves: list[SaveRecord] = field(default_factory=list)
    state: Any = field(default_factory=dict)
    review_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    log_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    home: str = field(default="", compare=False)


def loaded(text: Any) -> Any:
    """Return the value of a JSON text, or of its bytes; None if it is damaged."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None


def plain_values(record: Binding | SaveRecord) -> dict[str, Any]:
    """Return the values of a record; a path that is not valid text is escaped."""
    return {
        name: value.encode(errors="backslashreplace").decode()
        if isinstance(value, str)
        else value
        for name, value in asdict(record).items()
    }


#: The fields of an entry that have a column of their own name and value.
_PLAIN = tuple(
    each.name for each in fields(Entry) if each.name not in ("act", "cutout")
)


def row_of(entry: Entry) -> dict[str, Any]:
    """Return an entry as a row of its table, without its position."""
    row = {name: getattr(entry, name) for name in _PLAIN}
    act = {"act_log_id": entry.act.log_id, "act": entry.act.number}
    return row | act | entry.cutout._asdict() | {"context": dict(entry.context)}


def entry_of(row: sa.Row[Any]) -> Entry:
    """Return a row of the table as an entry."""
    return Entry(
        act=EntryId(row.act_log_id, row.act),
        cutout=CutoutKey(row.image_name, row.grid_x, row.grid_y),
        **{name: getattr(row, name) for name in _PLAIN},
    )


# Older versions


def entries_of_older(
    rows: Iterable[Mapping[Any, Any]], log_id: str, origin: Origin
) -> list[Entry]:
    """Return the decisions of schema 1 or 2 as the entries of a log.

    Parameters
    ----------
    rows : iterable of mapping
        The rows of the older table `decisions`, by number. Schema 1 has no columns
        `verdict`, `kind` and `note`.
    log_id : str
        The log's id.
    origin : str
        An `Origin`.
    """
    entries: list[Entry] = []
    for row in rows:
        context = row["context"]
        verdict = row.get("verdict")
        if verdict is None:
            # Without that column, every decision meant its label.
            label = row["label_new"]
            is_known = row["action"] != "undo" and label in (0, 1)
            verdict = LABEL_NAMES[label] if is_known else ""
        entry = Entry(
            log_id,
            row["number"],
            row["number"],
            row["action"],
            EntryId(log_id, row["act"]),
            CutoutKey(row["image_name"], row["grid_x"], row["grid_y"]),
            row["label_new"],
            row["reviewer"],
            row["decided_at"],
            json.loads(context) if isinstance(context, str) else context,
            verdict,
            row.get("kind") or "",
            row.get("note") or "",
            origin,
        )
        entries.append(entry.after(entries[-1] if entries else None))
    return entries


def _to_version_3(db: sa.Connection) -> None:
    """Give every entry its identity; the lock's file replaces the table `holder`.

    Schema 2, which added verdicts, differs from 1 in three columns only.
    """
    old = {
        name: db.exec_driver_sql(query).mappings().all()
        for name, query in (
            ("review", "SELECT * FROM review"),
            ("decisions", "SELECT * FROM decisions ORDER BY number"),
            ("saves", "SELECT * FROM saves"),
        )
    }
    for name in ("review", "decisions", "saves", "holder"):
        db.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
    METADATA.create_all(db)
    [review] = old["review"]
    log_id = uuid.uuid4().hex
    added = {
        "review_id": uuid.uuid4().hex,
        "log_id": log_id,
        "state": loaded(review["state"]),
    }
    db.execute(sa.insert(REVIEW), {**review, **added})
    entries = entries_of_older(old["decisions"], log_id, "decided")
    insert_entries(db, entries, 0)
    for save in old["saves"]:
        last_numbers = {log_id: save["last_number"]}
        values = {name: save[name] for name in ("digest", "path", "saved_at")}
        db.execute(sa.insert(SAVES), {**values, "last_numbers": last_numbers})


def insert_entries(db: sa.Connection, entries: Iterable[Entry], known: int) -> None:
    """Write entries after `known` ones."""
    rows = [
        {"position": position, **row_of(entry)}
        for position, entry in enumerate(entries, known + 1)
    ]
    if rows:
        db.execute(sa.insert(DECISIONS), rows)


#: Steps from an older version to this one; each runs inside the transaction that also
#: writes the new version.
MIGRATIONS: Mapping[int, Callable[[sa.Connection], None]] = {
    1: _to_version_3,
    2: _to_version_3,
}
