"""Reviews of older versions: their store and their output, byte for byte."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing

import pandas as pd
import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.schema import SCHEMA_VERSION
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.review.session import ReviewSession

A, A2, B, B2 = (CutoutKey(name, x, 0) for name in "ab" for x in (0, 200))
TABLE = """image_name,grid_x,grid_y,label,preds
a,0,0,0,1
a,200,0,1,0
b,0,0,0,1
b,200,0,1,0
"""
#: The output of version 1 after entry 4.
SAVED = """\
image_name,grid_x,grid_y,label,preds,error_id,label_new,reviewed_by,reviewed_at
a,0,0,0,1,1,1,ada,2026-11-22T23:12:17.001Z
a,200,0,1,0,2,0,ada,2026-11-22T23:12:17.017Z
b,0,0,0,1,3,0,,
b,200,0,1,0,4,1,,
"""
#: The store of version 1, as SQLite dumps it.
STORE = """
CREATE TABLE decisions (
	number BIGINT NOT NULL, 
	action TEXT NOT NULL, 
	act BIGINT NOT NULL, 
	image_name TEXT NOT NULL, 
	grid_x BIGINT NOT NULL, 
	grid_y BIGINT NOT NULL, 
	label_new SMALLINT NOT NULL, 
	reviewer TEXT NOT NULL, 
	decided_at TEXT NOT NULL, 
	context JSON NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO decisions VALUES(1,'decide',1,'a',0,0,1,'ada','2026-11-22T23:12:17.001Z',
 '{"threshold": null, "view": {"stretch": "log"}, "table": [0, "", ""]}');
INSERT INTO decisions VALUES(2,'decide',2,'a',200,0,0,'ada','2026-11-22T23:12:17.017Z',
 '{"threshold": null, "view": {"stretch": "log"}, "table": [1, "", ""]}');
INSERT INTO decisions VALUES(3,'decide',3,'b',0,0,1,'ada','2026-11-22T23:12:17.035Z',
 '{"threshold": null, "view": {"stretch": "log"}, "table": [0, "", ""]}');
INSERT INTO decisions VALUES(4,'undo',3,'b',0,0,0,'ada','2026-11-22T23:12:17.053Z','{}');
INSERT INTO decisions VALUES(5,'undo',2,'a',200,0,1,'ada','2026-11-22T23:12:17.082Z','{}');
INSERT INTO decisions VALUES(6,'redo',2,'a',200,0,0,'eve','2026-11-22T23:12:17.084Z','{}');
INSERT INTO decisions VALUES(7,'decide',7,'b',200,0,1,'ada','2026-11-22T23:12:17.097Z',
 '{"threshold": null, "view": {"stretch": "log"}, "table": [1, "", ""]}');
INSERT INTO decisions VALUES(8,'decide',8,'b',0,0,1,'ada','2026-11-22T23:12:18.000Z',
 '{"threshold": null, "view": {"stretch": "log"}, "table": [0, "", ""]}');
INSERT INTO decisions VALUES(9,'undo',8,'b',0,0,0,'ada','2026-11-22T23:12:18.100Z','{}');
CREATE TABLE holder (
	id INTEGER NOT NULL, 
	token TEXT NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	started FLOAT NOT NULL, 
	since TEXT NOT NULL, 
	user TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE review (
	id INTEGER NOT NULL, 
	schema_version INTEGER NOT NULL, 
	table_name TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	state JSON NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO review VALUES(1,1,'{table}',
 '5594645825bbf38366b31d8959072fb97deeaf49fc1ef77778f3d4db5562af91',
 '{"cutout": ["b", 200, 0], "view": {"stretch": "log"}}');
CREATE TABLE saves (
	digest TEXT NOT NULL, 
	path TEXT NOT NULL, 
	last_number BIGINT NOT NULL, 
	saved_at TEXT NOT NULL, 
	PRIMARY KEY (digest)
);
INSERT INTO saves VALUES(
 '6e5ba59352fb7477287c47f7cbc05dca76076a6cecb7b4edbfdc6b1b6e59f176','{output}',4,
 '2026-11-22T23:12:17.080Z');
"""  # noqa: E501, W291


@pytest.fixture
def path(tmp_path):
    table = tmp_path / "predictions.csv"
    table.write_text(TABLE)
    return table


@pytest.fixture
def output(tmp_path):
    """Return the output of version 1, which is recorded in its store."""
    output = tmp_path / "out.csv"
    output.write_text(SAVED)
    assert hashlib.sha256(output.read_bytes()).hexdigest() in STORE
    return output


@pytest.fixture
def store(path, output):
    """Make the store of version 1."""
    return make(path, output, STORE)


def make(path, output, script):
    store = output.with_name("out.csv.review.sqlite")
    script = script.replace("{table}", str(path)).replace("{output}", str(output))
    with closing(sqlite3.connect(store)) as db:
        db.executescript(script)
    return store


def opened(table, output):
    session = ReviewSession.open(table, output=output, reviewer="ada")
    assert session.problem is None
    return session


def labels_of(session):
    columns = ["label_new", "reviewed_by", "decision", "kind", "note"]
    return session.table[columns].to_numpy().tolist()


BEFORE = [[0, "", "", "", ""], [1, "", "", "", ""]] * 2
AFTER = [
    [1, "ada", "artifact", "", ""],
    [0, "ada", "no artifact", "", ""],
    [0, "", "", "", ""],
    [1, "ada", "artifact", "", ""],
]


def test_every_entry_is_there_with_the_verdict_that_its_label_means(store):
    entries = Store(store).read().entries
    assert [e.number for e in entries] == [e.clock for e in entries]
    assert {(e.log_id, e.act.log_id, e.origin) for e in entries} == {
        (Store(store).read().log_id, Store(store).read().log_id, "decided")
    }
    assert [
        (e.number, e.action, e.act.number, e.cutout, e.label_new) for e in entries
    ] == [
        (1, "decide", 1, A, 1),
        (2, "decide", 2, A2, 0),
        (3, "decide", 3, B, 1),
        (4, "undo", 3, B, 0),
        (5, "undo", 2, A2, 1),
        (6, "redo", 2, A2, 0),
        (7, "decide", 7, B2, 1),
        (8, "decide", 8, B, 1),
        (9, "undo", 8, B, 0),
    ]
    verdicts = [e.verdict for e in entries if e.action != "undo"]
    assert (
        verdicts
        == ["artifact", "no artifact", "artifact", "no artifact"] + ["artifact"] * 2
    )
    assert {(e.kind, e.note) for e in entries} == {("", "")}
    assert {e.verdict for e in entries if e.action == "undo"} == {""}
    assert entries[5].reviewer == "eve"
    assert entries[6].context["view"] == {"stretch": "log"}


def test_the_file_is_kept_as_it_was_under_a_dated_name(store, tmp_path):
    before = store.read_bytes()
    for _ in range(2):
        Store(store).read()
    [backup] = tmp_path.glob("*.backup.sqlite")
    assert backup.read_bytes() == before
    assert backup.name.startswith("out.csv.review")
    with closing(sqlite3.connect(store)) as db:
        [version] = db.execute("SELECT schema_version FROM review").fetchone()
    assert version == SCHEMA_VERSION


@pytest.mark.parametrize("which", ["predictions.csv", "out.csv"])
def test_a_review_goes_on_and_nothing_is_asked(store, path, output, tmp_path, which):
    with opened(tmp_path / which, output) as session:
        assert labels_of(session) == AFTER
        assert session.current_cutout.key == B2
        assert session.view_settings == {"stretch": "log"}
        assert (session.disagreements, session.notices) == ((), ())
        # Of the four decisions, one was not saved.
        assert (session.unsaved, session.progress) == (1, (3, 4))
        assert session.redo()
        assert session.current_cutout.decision == "artifact"
        assert session.current_cutout.key == B
        for _ in range(4):
            assert session.undo()
        assert not session.undo()
        assert labels_of(session) == BEFORE
        for _ in range(3):
            assert session.redo()
        assert labels_of(session) == AFTER
        session.set_label("unsure", "ghost", "perhaps", cutouts=[A, B2])
        session.save()
    saved = pd.read_csv(output, dtype=str, keep_default_na=False)
    assert saved["decision"].tolist() == ["unsure", "no artifact", "", "unsure"]
    # The output of version 1 has a backup, and so has its store.
    backups = {p.suffix: p.read_text() for p in tmp_path.glob("out.*.backup.csv")}
    assert backups == {".csv": SAVED}
    for table in (output, path):
        with opened(table, output) as again:
            assert again.disagreements == ()
            assert (again.unsaved, again.undo()) == (0, True)
            assert labels_of(again) == AFTER
            assert again.redo()


def test_to_say_the_same_as_version_1_kept_is_no_decision(store, path, output):
    with opened(path, output) as session:
        assert not session.set_label("artifact", cutouts=[A])
        assert not session.set_label("no artifact", cutouts=[A2])
        assert session.set_label("artifact", "ghost", cutouts=[A])


@pytest.mark.parametrize("which", ["predictions.csv", "out.csv"])
def test_an_output_in_another_spelling_is_unchanged(
    store, path, output, tmp_path, which
):
    with opened(tmp_path / which, output) as session:
        output.write_text(SAVED.replace("ada", '"ada"'))
        session.save()
        assert session.unsaved == 0
    with opened(output, output) as session:
        assert (labels_of(session), session.disagreements) == (AFTER, ())


def test_what_the_table_said_then_is_known_again(path, output):
    """The table was the output of an earlier review."""
    script = STORE.replace('"table": [0, "", ""]', '"table": [0, "you", "then"]', 1)
    make(path, output, script)
    lines = TABLE.splitlines()
    added = [",label_new,reviewed_by,reviewed_at", ",0,you,then", ",1,,", ",0,,"]
    path.write_text("\n".join(map("".join, zip(lines, [*added, ",1,,"], strict=True))))
    for table in (path, output):
        with opened(table, output) as session:
            assert (labels_of(session), session.disagreements) == (AFTER, ())
            for _ in range(3):
                assert session.undo()
            first = [0, "you", "no artifact", "", ""]
            assert labels_of(session) == [first, *BEFORE[1:]]
            for _ in range(3):
                assert session.redo()


def test_a_label_that_was_edited_is_still_asked_about(store, path, output):
    output.write_text(SAVED.replace("1,1,ada", "1,0,ada"))
    with opened(output, output) as session:
        [one] = session.disagreements
        assert (one.cutout, one.decision.verdict) == (A, "artifact")
        session.settle("table")
        assert labels_of(session)[0] == [0, "ada", "no artifact", "", ""]


#: Changes of version 2: every decision has its verdict.
VERSION_2 = """
ALTER TABLE decisions ADD COLUMN verdict TEXT;
ALTER TABLE decisions ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE decisions ADD COLUMN note TEXT NOT NULL DEFAULT '';
UPDATE decisions SET verdict = CASE WHEN action = 'undo' THEN ''
 WHEN label_new = 1 THEN 'artifact' ELSE 'no artifact' END;
UPDATE decisions SET verdict = 'unsure', kind = 'ghost', note = 'é' WHERE number = 7;
UPDATE review SET schema_version = 2;
"""


def test_version_2_keeps_verdict_kind_and_note(path, output):
    store = make(path, output, STORE + VERSION_2)
    entries = Store(store).read().entries
    assert len(entries) == 9
    assert entries[6].verdict == "unsure"
    assert (entries[6].kind, entries[6].note) == ("ghost", "é")
    with opened(path, output) as session:
        rows = labels_of(session)
        assert rows[:3] == AFTER[:3]
        assert rows[3] == [1, "ada", "unsure", "ghost", "é"]
        assert session.unsaved == 1
        assert session.set_label("no artifact", cutouts=[B2])
    with opened(path, output) as again:
        assert labels_of(again)[3][:3] == [0, "ada", "no artifact"]
        assert again.undo()
        assert labels_of(again)[3] == [1, "ada", "unsure", "ghost", "é"]


def test_a_number_that_is_none_in_a_view_is_migrated_too(path, output):
    script = STORE.replace('"view": {"stretch": "log"}', '"view": {"zoom": NaN}')
    assert script != STORE
    make(path, output, script)
    for _ in range(2):
        with opened(path, output) as session:
            assert labels_of(session) == AFTER


@pytest.mark.parametrize("state", ["{", "null", "[]", '{"cutout": 5}'])
def test_a_damaged_position_keeps_no_review_from_being_migrated(path, output, state):
    script = STORE.replace(
        '{"cutout": ["b", 200, 0], "view": {"stretch": "log"}}', state
    )
    assert script != STORE
    make(path, output, script)
    with opened(path, output) as session:
        assert labels_of(session) == AFTER
        [notice] = session.notices
        assert "cannot be read; the default is used" in notice
    with opened(path, output) as session:
        assert session.notices == ()


def test_a_damaged_entry_is_refused_before_anything_is_changed(path, output):
    store = make(path, output, STORE.replace("'b',200,0,1,'ada'", "'b',200,0,7,'ada'"))
    before = store.read_bytes()
    with pytest.raises(StoreError, match=r"entry 7 .* missing or damaged"):
        Store(store).read()
    assert store.read_bytes() == before


def test_a_migration_that_is_cut_short_leaves_version_1(
    store, path, output, monkeypatch
):
    before = store.read_bytes()
    real = sqlite3.connect

    class Connection(sqlite3.Connection):
        def commit(self):
            raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(
            sqlite3, "connect", lambda *a, **k: real(*a, factory=Connection, **k)
        )
        with pytest.raises(StoreError, match="disk I/O error"):
            Store(store).read()
    assert store.read_bytes() == before
    with opened(path, output) as session:
        assert labels_of(session) == AFTER
