"""Database schema of a log: tables, records, version and migrations."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

import sqlalchemy as sa

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import utc_now
from napari_artifact_review.core.decisions.entry import Entry, EntryId, Origin
from napari_artifact_review.core.outcomes import LABEL_NAMES

#: Version of a new file.
SCHEMA_VERSION = 3

#: Version of a file with verdicts that were carried from an earlier round. The tables
#: are the same, but versions of the plugin that do not know such verdicts must refuse
#: the file, and not show it without them.
CARRIED_VERSION = 4

#: Version of a file with adjudications or rules of a team. Versions of the plugin that
#: do not know them must refuse the file, and not show verdicts that are to be hidden.
TEAM_VERSION = 5

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

#: The entries, in order of arrival.
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

#: Identified full images, with the name, size in bytes and modification time.
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
    """Path and fingerprint of the predictions table to which a log belongs.

    Attributes
    ----------
    table_name : str
        Path of the table, shown in messages.
    fingerprint : str
        SHA-256 of the names and positions of all cutouts, in hexadecimal.
    """

    table_name: str
    fingerprint: str


#: Key in the column `heads`, beside the ids of logs, for the reviewer of a saved table.
_REVIEWER = "reviewer"


@dataclass(frozen=True)
class SaveRecord:
    """Record of a reviewed table that was written, or was about to be written.

    Attributes
    ----------
    digest : str
        SHA-256 of the file's bytes, in hexadecimal.
    path : str
        Path of the file.
    last_numbers : dict of str to int
        Number of the last entry that the table includes, by log id.
    reviewer : str
        Name of the reviewer whose verdicts the table has; empty for all reviewers.
    saved_at : str
        Time of the record in UTC (ISO 8601); empty until the record is stored.
    """

    digest: str
    path: str
    last_numbers: dict[str, int]
    reviewer: str = ""
    saved_at: str = field(default="", compare=False)

    def as_row(self, now: str) -> dict[str, Any]:
        """Return the record as a row of the table `saves`, stored at the time `now`."""
        row = plain_values(self)
        # Not a column of its own, because older versions read the same table.
        reviewer = row.pop("reviewer")
        mark = {_REVIEWER: reviewer} if reviewer else {}
        return row | {
            "last_numbers": self.last_numbers | mark,
            "saved_at": self.saved_at or now,
        }

    @classmethod
    def from_row(cls, row: sa.Row[Any]) -> Self:
        """Create the record of a row of the table `saves`."""
        if not isinstance(row.last_numbers, dict):
            raise ValueError("a record of a saved table is damaged")
        numbers = dict(row.last_numbers)
        reviewer = str(numbers.pop(_REVIEWER, ""))
        return cls(row.digest, row.path, numbers, reviewer, row.saved_at)


@dataclass(frozen=True)
class ImageRecord:
    """Record of a full image that was identified.

    Attributes
    ----------
    identity : str
        Identity of the image; copies in other files and formats have the same identity.
    image_name : str
        Name of the image in the table.
    size : int
        Size of the image file in bytes.
    modified_at : str
        Modification time of the image file in UTC, ISO 8601.
    """

    identity: str
    image_name: str
    size: int
    modified_at: str


@dataclass(frozen=True)
class StoreContents:
    """Contents of a log's file.

    Attributes
    ----------
    binding : Binding or None
        Table to which the log belongs; None if there is no file yet.
    entries : list of Entry
        Entries, in order of arrival.
    saves : list of SaveRecord
        Records of the reviewed tables that were written from the log.
    state : object
        Last position of the review as plain JSON: a dict, unless the file is damaged.
    review_id, log_id : str
        Ids of the review and of this computer's log, UUIDs in hexadecimal.
    home : str
        Host name and inode of the file, used to recognise a copy of the file; empty if
        unknown.
    images : list of ImageRecord
        Records of the full images that were identified.
    """

    binding: Binding | None = None
    entries: list[Entry] = field(default_factory=list)
    saves: list[SaveRecord] = field(default_factory=list)
    state: Any = field(default_factory=dict)
    review_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    log_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    home: str = field(default="", compare=False)
    images: list[ImageRecord] = field(default_factory=list)


def loaded(text: Any) -> Any:
    """Parse JSON in a string or bytes; return None if the JSON is invalid."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None


def plain_values(record: Binding | SaveRecord | ImageRecord) -> dict[str, Any]:
    """Return a dict of a record's fields; escape invalid Unicode in strings."""
    return {
        name: value.encode(errors="backslashreplace").decode()
        if isinstance(value, str)
        else value
        for name, value in asdict(record).items()
    }


#: Fields of an entry that are stored unchanged in a column of the same name.
_PLAIN = tuple(
    each.name for each in fields(Entry) if each.name not in ("act", "cutout")
)


def row_of(entry: Entry) -> dict[str, Any]:
    """Convert an entry to a row of the table `decisions`, without `position`."""
    row = {name: getattr(entry, name) for name in _PLAIN}
    act = {"act_log_id": entry.act.log_id, "act": entry.act.number}
    return row | act | entry.cutout._asdict() | {"context": dict(entry.context)}


def entry_of(row: sa.Row[Any]) -> Entry:
    """Convert a row of the table `decisions` to an entry."""
    return Entry(
        act=EntryId(row.act_log_id, row.act),
        cutout=CutoutKey(row.image_name, row.grid_x, row.grid_y),
        **{name: getattr(row, name) for name in _PLAIN},
    )


# Older versions


def entries_of_older(
    rows: Iterable[Mapping[Any, Any]], log_id: str, origin: Origin
) -> list[Entry]:
    """Convert decisions of schema 1 or 2 to entries of one log.

    Parameters
    ----------
    rows : iterable of mapping
        Rows of the older table `decisions`, sorted by number. In schema 1, the table
        has no columns `verdict`, `kind` and `note`.
    log_id : str
        Id of the log to which the new entries belong.
    origin : str
        Source of the entries; see `Origin`.
    """
    entries: list[Entry] = []
    for row in rows:
        context = row["context"]
        verdict = row.get("verdict")
        if verdict is None:
            # Schema 1 has no column `verdict`: the label is the verdict.
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
    """Migrate schema 1 or 2: add log ids, and drop the table `holder`.

    A lock file replaces `holder`. Schema 2 is schema 1 with three more columns.
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
    """Insert entries after the first `known` entries, which are already in the file."""
    rows = [
        {"position": position, **row_of(entry)}
        for position, entry in enumerate(entries, known + 1)
    ]
    if rows:
        db.execute(sa.insert(DECISIONS), rows)
    version = max((_version_for(row["action"]) for row in rows), default=0)
    older = REVIEW.c.schema_version < version
    if version > SCHEMA_VERSION:
        db.execute(sa.update(REVIEW).where(older).values(schema_version=version))


def _version_for(action: str) -> int:
    """Return the version of a file that has an entry with an action."""
    if action in ("decide", "undo", "redo"):
        return SCHEMA_VERSION
    return CARRIED_VERSION if action == "carry" else TEAM_VERSION


def insert_saves(db: sa.Connection, saves: Iterable[SaveRecord]) -> None:
    """Insert records of saves; a record without a time gets the current time."""
    now = utc_now()
    rows = [one.as_row(now) for one in saves]
    if rows:
        db.execute(sa.insert(SAVES), rows)


def insert_images(db: sa.Connection, images: Iterable[ImageRecord]) -> None:
    """Insert image records, replacing those with the same identity and name."""
    # Keep the last record of each key: one statement must not insert a key twice.
    rows = {(one.identity, one.image_name): plain_values(one) for one in images}
    if rows:
        # The first files with this schema version have no table of images.
        IMAGES.create(db, checkfirst=True)
        db.execute(sa.insert(IMAGES).prefix_with("OR REPLACE"), [*rows.values()])


def read_images(db: sa.Connection) -> list[ImageRecord]:
    """Read all image records; return an empty list if the file has no such table."""
    if not sa.inspect(db).has_table(IMAGES.name):
        return []
    return [ImageRecord(**row) for row in db.execute(sa.select(IMAGES)).mappings()]


#: Migrations to the current version, by older version. Each migration runs in the
#: transaction that also writes the new version number.
MIGRATIONS: Mapping[int, Callable[[sa.Connection], None]] = {
    1: _to_version_3,
    2: _to_version_3,
}
