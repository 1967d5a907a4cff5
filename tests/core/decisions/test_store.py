"""The file of a log: its contents, its refusals, and its failures."""

from __future__ import annotations

import errno
import math
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions import log_file as module
from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.decisions.schema import (
    SCHEMA_VERSION,
    TEAM_VERSION,
    Binding,
    SaveRecord,
    StoreContents,
)
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import HeldError, StoreError
from napari_artifact_review.core.outcomes import LABEL_NAMES
from tests.nightly import many

TABLE = Binding("/survey/predictions.csv", "fingerprint")


def entry(number, label=1, name="é 漢\n'; --", after=None, **context):
    """Return an entry of a log, by default after entries with smaller numbers."""
    cutout = CutoutKey(name, -5, 2**40)
    when = f"2026-01-01T00:00:0{number}.000Z"
    words = LABEL_NAMES[label], "ghost", 'é, "b"\n'
    act, reviewer = EntryId("log", number), "Ada, 'A'"
    made = Entry(
        "log",
        number,
        number,
        "decide",
        act,
        cutout,
        label,
        reviewer,
        when,
        context,
        *words,
    )
    if after is None and number > 1:
        after = entry(number - 1, name=name)
    return made.after(after)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "out.csv.review.sqlite"


@pytest.fixture
def open_store():
    """Open stores as a review does; all are closed in the end."""
    opened = []

    def open_one(file):
        store = Store(file)
        contents = store.read()
        store.bind(TABLE)
        opened.append(store)
        return store, contents

    yield open_one
    for store in opened:
        try:
            store.close()
        except StoreError:
            continue


@contextmanager
def engine_of(file):
    engine = sa.create_engine(f"sqlite:///{file}", poolclass=sa.pool.NullPool)
    with engine.begin() as db:
        yield db
    engine.dispose()


def change(file, *statements):
    with engine_of(file) as db:
        for statement in statements:
            db.execute(sa.text(statement))


def rows(file, query):
    with engine_of(file) as db:
        return db.execute(sa.text(query)).mappings().all()


class Connection(sqlite3.Connection):
    """Call `on` with each statement, and after a commit; it may raise a fault."""

    on = None

    def report(self, statement):
        if self.on is not None:
            self.on(statement)

    def cursor(self, *_):
        return super().cursor(Cursor)

    def commit(self):
        self.report("COMMIT")
        super().commit()
        self.report("COMMITTED")


class Cursor(sqlite3.Cursor):
    def execute(self, statement, *args):
        self.connection.report(statement)
        return super().execute(statement, *args)


@pytest.fixture
def connection(monkeypatch):
    """Return the class of all connections of stores; set its `on`."""
    real = sqlite3.connect
    monkeypatch.setattr(Connection, "on", None)
    monkeypatch.setattr(
        sqlite3,
        "connect",
        lambda *args, **named: real(*args, factory=Connection, **named),
    )
    return Connection


def refuse(word, code="database or disk is full"):
    def on(_connection, statement):
        if statement.lstrip().startswith(word):
            raise sqlite3.OperationalError(code)

    return on


# Contents


def test_what_is_written_is_read_again(file, open_store):
    store, nothing = open_store(file)
    assert (nothing.binding, nothing.entries, nothing.saves) == (None, [], [])
    first = entry(1, threshold=0.5, view={"stretch": [1, None]})
    entries = [first, entry(2, 0, after=first)]
    assert store.append(entries) == []
    store.add_save(SaveRecord("digest", "/out.csv", {"log": 1}))
    store.add_save(SaveRecord("digest", "/out.csv", {"log": 2}))
    store.save_state({"cutout": ["a", 0, 0]})
    saves = [SaveRecord("digest", "/out.csv", {"log": 2})]
    state = {"cutout": ["a", 0, 0]}
    ids = nothing.review_id, nothing.log_id
    assert Store(file).read() == StoreContents(TABLE, entries, saves, state, *ids)
    store.close({"cutout": ["b", 0, 0]})
    assert Store(file).read().state == {"cutout": ["b", 0, 0]}


def test_a_row_has_verdict_reviewer_time_and_view(file, open_store):
    store, _ = open_store(file)
    store.append([entry(1, threshold=0.95)])
    [row] = rows(file, "SELECT * FROM decisions")
    context = row["context"]
    assert context in ('{"threshold": 0.95}', {"threshold": 0.95})
    assert {**row, "context": None} == {
        "position": 1,
        "log_id": "log",
        "number": 1,
        "clock": 1,
        "action": "decide",
        "act_log_id": "log",
        "act": 1,
        "image_name": "é 漢\n'; --",
        "grid_x": -5,
        "grid_y": 2**40,
        "label_new": 1,
        "reviewer": "Ada, 'A'",
        "decided_at": "2026-01-01T00:00:01.000Z",
        "context": None,
        "verdict": "artifact",
        "kind": "ghost",
        "note": 'é, "b"\n',
        "origin": "decided",
        "digest": entry(1, threshold=0.95).digest,
    }


def test_all_entries_of_an_act_are_written_or_none(file, open_store):
    store, _ = open_store(file)
    store.append([entry(1)])
    with pytest.raises(StoreError, match="cannot be written"):
        store.append([entry(2), entry(2)])
    assert Store(file).read().entries == [entry(1)]
    store.append([entry(2)])
    assert Store(file).read().entries == [entry(1), entry(2)]


def test_every_write_waits_for_the_disk(file, open_store, connection):
    found = set()

    def look(connection, statement):
        if statement == "COMMIT":
            ask = sqlite3.Cursor(connection).execute
            names = ("synchronous", "journal_mode", "trusted_schema")
            found.add(tuple(ask(f"PRAGMA {name}").fetchone()[0] for name in names))

    connection.on = look
    store, _ = open_store(file)
    store.append([entry(1)])
    store.save_state({})
    store.add_save(SaveRecord("digest", "/out.csv", {"log": 1}))
    store.close({})
    # FULL would be 2; 3 also syncs the folder once the journal is deleted.
    # Functions that a changed schema would call are not trusted.
    assert found == {(3, "delete", 0)}


# Versions and other programs


def test_a_newer_one_is_refused_and_left_alone(file, open_store):
    store, _ = open_store(file)
    store.append([entry(1)])
    store.close()
    newer = TEAM_VERSION + 1
    change(file, f"UPDATE review SET schema_version = {newer}")
    with pytest.raises(StoreError, match=rf"newer version \(schema {newer}.*Upgrade"):
        Store(file).read()
    change(file, "UPDATE review SET schema_version = 0")
    with pytest.raises(StoreError, match="has no schema version"):
        Store(file).read()
    assert len(rows(file, "SELECT * FROM decisions")) == 1


@pytest.fixture
def newer(monkeypatch):
    """Make the schema one version newer; return the migration steps."""

    def add(db):
        db.execute(sa.text("ALTER TABLE review ADD COLUMN two INTEGER"))
        db.execute(sa.text("UPDATE review SET two = 3"))

    steps = {SCHEMA_VERSION: add}
    monkeypatch.setattr(module, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    monkeypatch.setattr(module, "MIGRATIONS", steps)
    return steps


def make_old(file):
    store = Store(file)
    store.bind(TABLE)
    store.append([entry(1)])
    store.close()
    change(file, f"UPDATE review SET schema_version = {SCHEMA_VERSION}")


def test_an_older_one_is_brought_up_to_date(file, tmp_path, newer):
    make_old(file)
    before = file.read_bytes()
    assert Store(file).read().entries == [entry(1)]
    [row] = rows(file, "SELECT schema_version, two FROM review")
    assert dict(row) == {"schema_version": SCHEMA_VERSION + 1, "two": 3}
    backups = list(tmp_path.glob("*.backup.sqlite"))
    assert [backup.read_bytes() for backup in backups] == [before]
    Store(file).read()
    assert list(tmp_path.glob("*.backup.sqlite")) == backups


def test_a_migration_that_fails_half_way_changes_nothing(file, newer):
    def fails(db):
        add(db)
        db.execute(sa.text("UPDATE nowhere SET two = 3"))

    make_old(file)
    add, newer[SCHEMA_VERSION] = newer[SCHEMA_VERSION], fails
    with pytest.raises(StoreError, match="nowhere"):
        Store(file).read()
    [row] = rows(file, "SELECT * FROM review")
    assert row["schema_version"] == SCHEMA_VERSION
    assert "two" not in row


def test_what_cannot_be_backed_up_is_not_migrated(file, newer, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "no space left on device")

    make_old(file)
    before = file.read_bytes()
    store = Store(file)
    store.lock()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match=r"backup cannot be made .*no space left"):
        store.read()
    store.close()
    assert file.read_bytes() == before


def test_a_locked_log_is_not_migrated(file, open_store, newer):
    store, _ = open_store(file)
    store.append([entry(1)])
    change(file, f"UPDATE review SET schema_version = {SCHEMA_VERSION}")
    with pytest.raises(HeldError, match="open elsewhere"):
        Store(file).read()
    with pytest.raises(StoreError, match="older version"):
        store.append([entry(2)])


def foreign(file):
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE recipes (name TEXT)")
        db.execute("INSERT INTO recipes VALUES ('soup')")
        db.commit()


def text(file):
    file.write_text("image_name,grid_x,grid_y\n" * 100)


def cut_off(file):
    make(file)
    file.write_bytes(file.read_bytes()[:-4096])


def page_lost(file):
    make(file)
    data = bytearray(file.read_bytes())
    at = data.index(b"2026-01-01T00:00:07")
    data[at // 4096 * 4096 : (at // 4096 + 1) * 4096] = bytes(4096)
    file.write_bytes(data)


def images_lost(file):
    """Damage a page that is not read at opening."""
    make(file)
    [row] = rows(file, "SELECT rootpage FROM sqlite_master WHERE name = 'images'")
    data = bytearray(file.read_bytes())
    data[(row["rootpage"] - 1) * 4096 : row["rootpage"] * 4096] = bytes(4096)
    file.write_bytes(data)


def make(file):
    store = Store(file)
    store.bind(TABLE)
    for number in range(1, 10):
        store.append([entry(number, name="i" * 900)])
    store.close()


def without_entry(file):
    make(file)
    change(file, "DELETE FROM decisions WHERE number = 5")


def without_label(file):
    make(file)
    change(file, "UPDATE decisions SET label_new = 7 WHERE number = 5")


def unknown_verdict(file):
    make(file)
    change(file, "UPDATE decisions SET verdict = 'perhaps' WHERE number = 5")


def without_verdict(file):
    make(file)
    change(file, "UPDATE decisions SET verdict = '' WHERE number = 5")


def unknown_action(file):
    make(file)
    change(file, "UPDATE decisions SET action = 'dedice' WHERE number = 5")


def no_json(file):
    make(file)
    change(file, "UPDATE decisions SET context = '{' WHERE number = 5")


def no_context(file):
    make(file)
    change(file, "UPDATE decisions SET context = 'null' WHERE number = 5")


def another_cell(file):
    make(file)
    change(file, "UPDATE decisions SET note = 'another' WHERE number = 5")


def another_order(file):
    make(file)
    change(
        file,
        "UPDATE decisions SET position = 20 WHERE number = 5",
        "UPDATE decisions SET position = 5 WHERE number = 6",
        "UPDATE decisions SET position = 6 WHERE number = 5",
    )


def trigger(file):
    make(file)
    change(
        file,
        "CREATE TRIGGER turn AFTER INSERT ON decisions BEGIN "
        "UPDATE decisions SET label_new = 1 - label_new; END",
    )


def view(file):
    make(file)
    change(file, "CREATE VIEW other AS SELECT * FROM decisions")


def no_review(file):
    make(file)
    change(file, "DELETE FROM review")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (foreign, "another program .tables recipes"),
        (text, "file is not a database"),
        (cut_off, "malformed"),
        (page_lost, "malformed|damaged"),
        (images_lost, "damaged"),
        (without_entry, "entry 5 of its log is missing or damaged"),
        (without_label, "entry 5 of its log is missing or damaged"),
        (unknown_verdict, "entry 5 of its log is missing or damaged"),
        (without_verdict, "entry 5 of its log is missing or damaged"),
        (unknown_action, "entry 5 of its log is missing or damaged"),
        (no_json, "cannot be read"),
        (no_context, "entry 5 of its log is missing or damaged"),
        (another_cell, "entry 5 of its log is missing or damaged"),
        (another_order, "entry 5 of its log is missing or damaged"),
        (trigger, "parts that could change decisions .trigger turn"),
        (view, "parts that could change decisions .view other"),
        (no_review, "no schema version"),
    ],
)
def test_what_is_no_sound_store_is_refused_and_left_alone(file, spoil, message):
    spoil(file)
    before = file.read_bytes()
    with pytest.raises(StoreError, match=message) as caught:
        Store(file).read()
    assert caught.value.path == file
    assert file.read_bytes() == before
    assert {path.name for path in file.parent.iterdir()} <= names_of(file)


def names_of(file):
    """Return the names that a log's file and its lock have."""
    return {file.name, f"{file.name}.lock"}


def test_a_folder_in_its_place_is_refused(file):
    file.mkdir()
    with pytest.raises(StoreError, match="unable to open database file"):
        Store(file).read()
    assert list(file.iterdir()) == []


def test_a_link_to_nowhere_is_refused(file):
    file.symlink_to(file.parent / "unmounted" / file.name)
    with pytest.raises(StoreError, match="unable to open database file"):
        Store(file).read()


def test_an_empty_file_is_one_whose_first_write_was_cut_short(file, open_store):
    file.touch()
    store, contents = open_store(file)
    assert contents.entries == []
    store.append([entry(1)])
    assert Store(file).read().entries == [entry(1)]


def test_any_byte_that_changes_is_a_fault_or_does_no_harm(file):
    make(file)
    sound, whole = file.read_bytes(), Store(file).read()
    refused = 0
    for at in range(0, len(sound), many(97, 1, few=293)):
        data = bytearray(sound)
        data[at] ^= 0xFF
        file.write_bytes(data)
        try:
            found = Store(file).read()
        except StoreError:
            refused += 1
        else:
            assert found.entries == whole.entries
    assert refused > 0


# Locks


def test_a_second_one_may_look_but_not_write(file, open_store):
    first, _ = open_store(file)
    first.append([entry(1)])
    second, contents = open_store(file)
    assert contents.entries == [entry(1)]
    for write in (
        lambda: second.append([entry(2)]),
        lambda: second.save_state({}),
        lambda: second.add_save(SaveRecord("digest", "/out.csv", {"log": 1})),
    ):
        with pytest.raises(HeldError, match="open elsewhere"):
            write()
    first.append([entry(2)])
    first.close()
    with pytest.raises(HeldError, match="continued this review"):
        second.append([entry(2, 0)])
    assert Store(file).read().entries == [entry(1), entry(2)]
    third, _ = open_store(file)
    third.append([entry(3)])


def test_a_second_one_goes_on_if_nothing_was_written(file, open_store):
    first, _ = open_store(file)
    first.append([entry(1)])
    second, _ = open_store(file)
    with pytest.raises(HeldError):
        second.append([entry(2)])
    first.close()
    second.append([entry(2)])
    assert Store(file).read().entries == [entry(1), entry(2)]


def test_a_closed_store_locks_no_other_process_out(file, open_store):
    first, _ = open_store(file)
    first.append([entry(1)])
    first.close()
    with pytest.raises(StoreError, match="this review is closed"):
        first.append([entry(2)])
    second, _ = open_store(file)
    second.append([entry(2)])


def test_a_store_that_could_not_write_at_closing_releases_its_lock(
    file, open_store, connection
):
    first, _ = open_store(file)
    first.append([entry(1)])
    connection.on = refuse("COMMIT")
    with pytest.raises(StoreError, match="full"):
        first.close({})
    connection.on = None
    second, _ = open_store(file)
    second.append([entry(2)])


def test_of_many_at_once_one_is_let_in_and_the_others_are_told_so(file, open_store):
    first, _ = open_store(file)
    first.append([entry(1)])
    first.close()
    stores = [open_store(file)[0] for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(store.append, [entry(2)]) for store in stores]
    faults = [future.exception() for future in futures]
    assert faults.count(None) == 1
    assert all(isinstance(fault, HeldError) for fault in faults if fault)
    assert Store(file).read().entries == [entry(1), entry(2)]


def test_a_folder_that_loses_its_locks_is_told(file, open_store, monkeypatch):
    def refuse_locks(*_):
        raise OSError(errno.ENOLCK, "no locks available")

    store, _ = open_store(file)
    monkeypatch.setattr("fcntl.flock", refuse_locks)
    with pytest.raises(StoreError, match=r"cannot lock files .*local disk"):
        store.append([entry(1)])
    assert not file.exists()


# Failures


STATEMENTS = ("PRAGMA", "BEGIN", "CREATE", "SELECT", "UPDATE", "INSERT", "COMMIT")


@pytest.mark.parametrize("word", STATEMENTS)
@pytest.mark.parametrize("known", [0, 1])
def test_what_was_refused_is_not_there_and_what_follows_is(
    file, open_store, connection, word, known
):
    store, _ = open_store(file)
    entries = [entry(number) for number in range(1, known + 3)]
    for one in entries[:known]:
        store.append([one])
    connection.on = refuse(word)
    if word == "CREATE" and known:
        store.append([entries[known]])
    else:
        for _ in range(2):
            with pytest.raises(StoreError, match="full"):
                store.append([entry(known + 1, 0)])
        connection.on = None
        assert Store(file).read().entries == entries[:known]
        store.append([entries[known]])
    connection.on = None
    store.append([entries[known + 1]])
    assert Store(file).read().entries == entries


@pytest.mark.parametrize("known", [0, 1])
@pytest.mark.parametrize("between", [False, True])
def test_a_commit_of_unknown_end_neither_doubles_nor_loses(
    file, open_store, connection, known, between
):
    store, _ = open_store(file)
    if known:
        store.append([entry(1)])
    doubtful = entry(known + 1, 0)
    connection.on = refuse("COMMITTED", "disk I/O error")
    with pytest.raises(StoreError, match="I/O"):
        store.append([doubtful])
    connection.on = None
    if between:
        store.save_state({"cutout": None})
    # It is on disk, so entries that do not follow on it are refused.
    assert store.append([entry(known + 1)]) == [doubtful]
    last = entry(known + 2, after=doubtful)
    assert store.append([last]) == []
    store.close()
    found = Store(file).read().entries
    assert found == [*[entry(1)][:known], doubtful, last]


def test_a_disk_that_fills_up_costs_nothing_that_was_told(file, open_store, connection):
    def keep_small(connection, statement):
        if statement.startswith("BEGIN"):
            sqlite3.Cursor(connection).execute("PRAGMA max_page_count = 20")

    connection.on = keep_small
    store, _ = open_store(file)
    written = []

    def after_last(**named):
        last = written[-1] if written else None
        return entry(len(written) + 1, after=last, **named)

    def fill_the_disk():
        while len(written) < 1000:
            one = after_last(name="i" * 1000)
            store.append([one])
            written.append(one)

    with pytest.raises(StoreError, match="full"):
        fill_the_disk()
    assert len(written) > 3
    assert Store(file).read().entries == written
    connection.on = None
    store.append([after_last()])
    assert Store(file).read().entries == [*written, after_last()]


def test_one_that_is_made_read_only_can_be_read(file, open_store, connection):
    store, _ = open_store(file)
    store.append([entry(1)])

    def lock(connection, statement):
        if statement.startswith("BEGIN"):
            sqlite3.Cursor(connection).execute("PRAGMA query_only = 1")

    connection.on = lock
    with pytest.raises(StoreError, match="readonly"):
        store.append([entry(2)])
    assert Store(file).read().entries == [entry(1)]
    connection.on = None
    store.append([entry(2)])
    assert Store(file).read().entries == [entry(1), entry(2)]


def test_one_that_was_deleted_is_made_again_with_all_it_held(file, open_store):
    store, _ = open_store(file)
    store.append([entry(1)])
    store.add_save(SaveRecord("digest", "/out.csv", {"log": 1}))
    file.unlink()
    store.append([entry(2)])
    found = Store(file).read()
    assert found.binding == TABLE
    assert found.entries == [entry(1), entry(2)]
    assert found.saves == [SaveRecord("digest", "/out.csv", {"log": 1})]


def test_one_whose_folder_is_gone_for_a_while_goes_on(tmp_path, open_store):
    folder = tmp_path / "disk"
    folder.mkdir()
    store, _ = open_store(folder / "store.sqlite")
    store.append([entry(1)])
    folder.rename(tmp_path / "unmounted")
    with pytest.raises(StoreError, match="unable to open"):
        store.append([entry(2)])
    assert not folder.exists()
    (tmp_path / "unmounted").rename(folder)
    store.append([entry(2)])
    assert Store(folder / "store.sqlite").read().entries == [entry(1), entry(2)]


def test_one_that_was_away_while_a_write_failed_is_still_its_own(
    file, open_store, connection
):
    store, _ = open_store(file)
    store.append([entry(1)])
    file.rename(file.with_name("away"))
    connection.on = refuse("COMMIT")
    with pytest.raises(StoreError, match="full"):
        store.append([entry(2)])
    connection.on = None
    file.with_name("away").rename(file)
    store.append([entry(2)])
    assert Store(file).read().entries == [entry(1), entry(2)]


def test_one_put_back_from_a_backup_gets_what_it_lacks(file, open_store):
    store, _ = open_store(file)
    store.append([entry(1)])
    backup = file.read_bytes()
    store.append([entry(2)])
    store.add_save(SaveRecord("digest", "/out.csv", {"log": 2}))
    file.write_bytes(backup)
    store.append([entry(3)])
    found = Store(file).read()
    assert found.entries == [entry(1), entry(2), entry(3)]
    assert found.saves == [SaveRecord("digest", "/out.csv", {"log": 2})]


def test_another_store_in_its_place_is_not_written_to(file, open_store):
    other, _ = open_store(file)
    other.append([entry(1, 0)])
    other.close()
    another = file.read_bytes()
    file.unlink()
    store, _ = open_store(file)
    store.append([entry(1)])
    file.write_bytes(another)
    with pytest.raises(StoreError, match="another program has written to it"):
        store.append([entry(2)])
    assert file.read_bytes() == another


def test_a_number_that_is_none_in_a_view_stops_nothing(file, open_store):
    store, _ = open_store(file)
    first = entry(1, view=math.nan)
    store.append([first])
    store.append([entry(2, after=first)])
    assert len(Store(file).read().entries) == 2


@pytest.mark.parametrize("spoil", [trigger, view])
def test_parts_that_are_put_there_later_are_refused_before_the_next_write(
    file, open_store, spoil
):
    store, _ = open_store(file)
    store.append([entry(1)])
    other = file.with_name("other.sqlite")
    spoil(other)
    [row] = rows(
        other, f"SELECT sql FROM sqlite_master WHERE type = '{spoil.__name__}'"
    )
    change(file, row["sql"])
    before = file.read_bytes()
    for write in (
        lambda: store.append([entry(2)]),
        lambda: store.save_state({}),
        lambda: store.add_save(SaveRecord("digest", "/out.csv", {})),
    ):
        with pytest.raises(StoreError, match="could change decisions"):
            write()
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "state",
    ["'null'", "'{'", "NULL", "'[1, 2'", "9.5", "x'ff00fe'", "'" + "[" * 10**5 + "'"],
)
def test_a_position_that_is_damaged_keeps_no_decision_from_being_read(file, state):
    make(file)
    with engine_of(file) as db:
        db.execute(sa.text("PRAGMA writable_schema = ON"))
        db.execute(
            sa.text(
                "UPDATE sqlite_master SET sql = replace(sql, 'state JSON NOT NULL', "
                "'state JSON') WHERE name = 'review'"
            )
        )
    change(file, f"UPDATE review SET state = {state}")
    found = Store(file).read()
    assert len(found.entries) == 9
    assert not isinstance(found.state, dict)


def test_a_path_that_is_no_text_is_spelt_out(file):
    store = Store(file)
    store.bind(Binding("/survey/\udce9.csv", "fingerprint"))
    store.append([entry(1)])
    store.close()
    assert Store(file).read().binding.table_name == "/survey/\\udce9.csv"


def test_a_reviewer_that_is_no_text_is_one_error(file, open_store):
    store, _ = open_store(file)
    bad = replace(entry(1), reviewer="\udce9")
    with pytest.raises(StoreError, match="surrogates not allowed"):
        store.append([bad])
    store.append([entry(1)])
