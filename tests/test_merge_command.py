"""The command `merge`: from logs in files to the review that opens."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from napari_artifact_review import ReviewSession
from napari_artifact_review.cli import main
from napari_artifact_review.core.decisions.log_copies import read_log
from napari_artifact_review.core.decisions.merging import original_of
from tests.another_process import running
from tests.core.decisions.test_migration import STORE

NORTH, SOUTH, WEST = ("north", 200, 0), ("south", 0, 0), ("west", 0, 0)

#: Hold the lock of a log until the process is killed.
HOLD = """
import sys
from pathlib import Path
from napari_artifact_review.core.decisions.lock import WriterLock
lock = WriterLock(Path(sys.argv[1] + ".lock"))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


@pytest.fixture
def review(survey, folder):
    """Return a function that gives verdicts, and returns the file of the log."""

    def review(name, *verdicts, reviewer="Ana", undo=0, table=survey, save=False):
        file = folder / name
        output = folder / f"{name}.csv"
        with ReviewSession.open(
            table, output=output, store=file, reviewer=reviewer
        ) as session:
            for cutout, label in verdicts:
                session.select(*cutout)
                session.set_label(label)
            for _ in range(undo):
                session.undo()
            if save:
                session.save()
        return file

    return review


@pytest.fixture
def team(folder):
    return folder / "team.sqlite"


def merge(*logs, into):
    return main(["merge", *map(str, logs), "--into", str(into)])


def log_of(file):
    return read_log(file).log_id[:8]


def verdicts_of(table, log, output):
    with ReviewSession.open(table, store=log, output=output, read_only=True) as one:
        reviewed = one.table[one.table["reviewed_by"] != ""]
        return {
            (row.image_name, row.grid_x, row.grid_y): (row.reviewed_by, row.decision)
            for row in reviewed.itertuples()
        }


@pytest.fixture
def diverged(review, folder):
    """Return two copies of Ana's log: a backup was restored, and the review went on."""
    file = review("ana.sqlite", (NORTH, "artifact"))
    backup = file.read_bytes()
    review("ana.sqlite", (SOUTH, "artifact"), (WEST, "unsure"))
    first = folder / "first.sqlite"
    first.write_bytes(file.read_bytes())
    file.write_bytes(backup)
    review("ana.sqlite", (SOUTH, "no artifact"), undo=1)
    return first, file


def test_logs_that_never_met_become_one_review(review, survey, folder, team, capsys):
    ana = review("ana.sqlite", (NORTH, "artifact"), (SOUTH, "unsure"))
    ben = review("ben.sqlite", (WEST, "no artifact"), reviewer="Ben", undo=1)
    before = ana.read_bytes(), ben.read_bytes()
    assert merge(ana, ben, into=team) == 0
    assert (ana.read_bytes(), ben.read_bytes()) == before
    assert capsys.readouterr().out.splitlines() == [
        f"{ana}: log {log_of(ana)}, Ana 2 verdicts, 2 entries, 2 new",
        f"{ben}: log {log_of(ben)}, Ben 1 verdict, 2 entries, 2 new",
        f"{team} has 4 entries of 2 logs and 2 reviewers",
    ]
    expected = {NORTH: ("Ana", "artifact"), SOUTH: ("Ana", "unsure")}
    assert verdicts_of(survey, team, folder / "x.csv") == expected
    # A verdict in the merged review is merged again, and so is one of Ben's.
    review("team.sqlite", (WEST, "artifact"), reviewer="Cem")
    review("ben.sqlite", (NORTH, "no artifact"), reviewer="Ben")
    own = log_of(team)
    assert merge(ben, ana, into=team) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("Ben 2 verdicts, 3 entries, 1 new")
    assert lines[1].endswith(" 0 new")
    assert lines[2] == f"{team} has 6 entries of 3 logs and 3 reviewers"
    assert log_of(team) == own
    assert verdicts_of(survey, team, folder / "x.csv") == {
        NORTH: ("Ana;Ben", "unsure"),
        SOUTH: ("Ana", "unsure"),
        WEST: ("Cem", "artifact"),
    }


def test_the_merged_log_is_that_of_an_output(review, survey, folder):
    ana = review("ana.sqlite", (NORTH, "artifact"))
    assert merge(ana, into=folder / "x.csv.review.sqlite") == 0
    with ReviewSession.open(survey, output=folder / "x.csv", reviewer="Ana") as one:
        assert [entry.reviewer for entry in one.log] == ["Ana"]
        assert one.undo()


def test_both_ways_of_two_copies_are_kept(diverged, survey, team, capsys):
    first, second = diverged
    assert merge(first, second, into=team) == 0
    lines = capsys.readouterr().out.splitlines()
    shared = read_log(first).entries[0]
    assert lines[2:] == [
        f"the copies of log {shared.log_id[:8]} in {second} and {first} diverge after "
        f"entry 1 ({shared.decided_at}); both are kept",
        f"{team} has 5 entries of 3 logs and 1 reviewer",
    ]
    entries = read_log(team).entries
    assert entries[0] == shared
    copies = [*read_log(first).entries, *read_log(second).entries]
    restored = {(original_of(entry) or entry).as_json() for entry in entries}
    assert restored == {entry.as_json() for entry in copies}
    # The undo in the second copy leaves the verdict of the first.
    assert verdicts_of(survey, team, team.with_name("x.csv")) == {
        NORTH: ("Ana", "artifact"),
        SOUTH: ("Ana", "artifact"),
        WEST: ("Ana", "unsure"),
    }


def test_a_merged_log_is_merged_in_any_order(diverged, review, folder, team):
    first, second = diverged
    ben = review("ben.sqlite", (NORTH, "artifact"), reviewer="Ben")
    assert merge(first, second, into=team) == 0
    other = folder / "other.sqlite"
    assert merge(ben, team, into=other) == 0
    assert merge(second, ben, first, into=team) == 0
    assert merge(team, into=team) == 0
    assert read_log(team).entries == read_log(other).entries


def test_a_log_of_which_a_part_moved_is_not_continued(diverged, survey, team):
    first, second = diverged
    team.write_bytes(b"")
    assert merge(first, into=second) == 0
    split = read_log(second)
    assert split.log_id not in {entry.log_id for entry in split.entries}


def test_a_reviewer_with_two_logs_is_told(review, team, capsys):
    files = [review("a.sqlite", (NORTH, "artifact")), review("b.sqlite")]
    files.append(review("c.sqlite", (NORTH, "no artifact")))
    assert merge(*files, into=team) == 0
    ids = sorted([log_of(files[0]), log_of(files[2])])
    line = f"Ana has 2 logs ({ids[0]}, {ids[1]})"
    assert line in capsys.readouterr().out.splitlines()


def test_a_name_is_no_command_for_the_terminal(review, team, capsys):
    ana = review("a.sqlite", (NORTH, "artifact"), reviewer="A\u202ena 张伟")
    assert merge(ana, into=team) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert len(out.splitlines()) == 2
    assert "张伟 1 verdict" in out


def test_a_saved_table_is_known_to_the_merged_review(
    diverged, review, survey, folder, team
):
    first, _ = diverged
    third = review("ana.sqlite", (NORTH, "no artifact"), save=True)
    output = folder / "ana.sqlite.csv"
    assert merge(third, first, into=team) == 0
    [save] = read_log(team).saves
    [before] = read_log(third).saves
    assert (save.digest, save.saved_at) == (before.digest, before.saved_at)
    assert sum(save.last_numbers.values()) == len(read_log(third).entries)
    with ReviewSession.open(survey, output=output, store=team) as one:
        # The saved table is the review's own; it is replaced without a question.
        one.save()
        assert not one.disagreements


@pytest.fixture
def bad(review, folder, tmp_path, request):
    """Make a file that cannot be merged, by its fault."""
    file = folder / "bad.sqlite"
    fault = request.param
    if fault == "text":
        file.write_text("image_name,grid_x\n" * 100)
    elif fault == "empty":
        file.write_bytes(b"")
    elif fault == "folder":
        file.mkdir()
    elif fault == "another program":
        with closing(sqlite3.connect(file)) as db:
            db.execute("CREATE TABLE stars (ra)")
    elif fault == "cut off":
        review("bad.sqlite", (SOUTH, "artifact"))
        file.write_bytes(file.read_bytes()[:-5000])
    elif fault == "another survey":
        table = tmp_path / "other" / "predictions.csv"
        table.parent.mkdir()
        table.write_text("image_name,grid_x,grid_y,label,preds\nfar,0,0,0,1\n")
        review("bad.sqlite", (("far", 0, 0), "artifact"), table=table)
    elif fault != "missing":
        statement = {
            "changed": "UPDATE decisions SET label_new = 0, verdict = 'no artifact'",
            "hole": "DELETE FROM decisions WHERE number = 1",
            "newer": "UPDATE review SET schema_version = 99",
        }[fault]
        review("bad.sqlite", (NORTH, "artifact"), (SOUTH, "artifact"))
        with closing(sqlite3.connect(file)) as db, db:
            db.execute(statement)
    return file


FAULTS = {
    "missing": "there is no such file",
    "text": "file is not a database",
    "empty": "it is empty",
    "folder": "unable to open",
    "another program": "is a database of another program (tables stars)",
    "cut off": "",
    "changed": "entry 1 of its log is missing or damaged",
    "hole": "entry 1 of its log is missing or damaged",
    "newer": "it was written by a newer version",
    "another survey": "none of them is about a cutout of",
}


@pytest.mark.parametrize(("bad", "fault"), FAULTS.items(), indirect=["bad"])
def test_a_file_that_cannot_be_merged_is_named(bad, fault, review, team, capsys):
    ana = review("ana.sqlite", (NORTH, "artifact"))
    assert merge(ana, bad, into=team) == 2
    out, err = capsys.readouterr()
    [line] = err.splitlines()
    assert (out, line.startswith(f"{bad}: ")) == ("", True)
    assert fault in line
    assert not team.exists()


def test_a_table_instead_of_its_log_is_told_the_log(review, folder, team, capsys):
    review("ana.sqlite", (NORTH, "artifact"))
    table, log = folder / "mine.csv", folder / "mine.csv.review.sqlite"
    table.write_text("image_name\n")
    shutil.copy(folder / "ana.sqlite", log)
    assert merge(table, into=team) == 2
    assert f"Its log is {log.name}." in capsys.readouterr().err
    assert merge(log, into=team) == 0


@pytest.mark.parametrize(
    "bad", ["text", "another program", "changed", "another survey"], indirect=True
)
def test_an_output_that_is_not_of_this_review_is_unchanged(bad, review, capsys):
    ana = review("ana.sqlite", (NORTH, "artifact"))
    before = bad.read_bytes()
    assert merge(ana, into=bad) == 2
    assert str(bad) in capsys.readouterr().err
    assert bad.read_bytes() == before


def test_logs_of_tables_with_common_cutouts_are_merged(review, survey, team, capsys):
    ana = review("ana.sqlite", (NORTH, "artifact"))
    survey.write_text(survey.read_text().replace("west,", "east,"))
    ben = review("ben.sqlite", (SOUTH, "artifact"), reviewer="Ben")
    # Ana and Ben have no cutout in common, but each has one with Cem.
    both = (NORTH, "artifact"), (SOUTH, "artifact")
    cem = review("cem.sqlite", *both, reviewer="Cem")
    assert merge(ana, ben, into=team) == 2
    assert "none of them is about a cutout of" in capsys.readouterr().err
    assert merge(ana, ben, cem, into=team) == 0


def test_an_output_that_is_open_elsewhere_is_unchanged(review, team, capsys):
    ana = review("ana.sqlite", (NORTH, "artifact"))
    assert merge(ana, into=team) == 0
    before = team.read_bytes()
    ben = review("ben.sqlite", (NORTH, "artifact"), reviewer="Ben")
    with running(HOLD, team):
        capsys.readouterr()
        assert merge(ben, into=team) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith(f"{team}: this review is open elsewhere: process ")
        assert team.read_bytes() == before
        # A log that is open elsewhere can be read.
        assert merge(team, into=ben) == 0
    assert merge(ben, into=team) == 0


def test_an_output_that_cannot_be_written_is_unchanged(
    review, team, monkeypatch, capsys
):
    ana = review("ana.sqlite", (NORTH, "artifact"))
    assert merge(ana, into=team) == 0
    before = team.read_bytes(), sorted(team.parent.iterdir())
    ben = review("ben.sqlite", (NORTH, "artifact"), reviewer="Ben")
    present = sorted(team.parent.iterdir())

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    assert merge(ben, into=team) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert team.read_bytes() == before[0]
    assert sorted(team.parent.iterdir()) == present


def test_an_output_in_no_folder_is_an_error(review, folder, capsys):
    ana = review("ana.sqlite", (NORTH, "artifact"))
    assert merge(ana, into=folder / "none" / "team.sqlite") == 2
    assert "the folder does not exist" in capsys.readouterr().err


@pytest.fixture
def older(folder):
    """Return two files of one log with schema 1, of which the second went on."""
    files = []
    for name, last in (("old.sqlite", 7), ("older.sqlite", 9)):
        file = folder / name
        script = STORE.replace("{table}", "p.csv").replace("{output}", "out.csv")
        with closing(sqlite3.connect(file)) as db, db:
            db.executescript(script)
            db.execute("DELETE FROM decisions WHERE number > ?", (last,))
        files.append(file)
    return files


def test_copies_of_an_older_schema_are_one_log(older, team, capsys):
    before = [file.read_bytes() for file in older]
    for _ in range(2):
        assert merge(*older, into=team) == 0
    assert [file.read_bytes() for file in older] == before
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"{team} has 9 entries of 1 log and 2 reviewers"
    [save] = read_log(team).saves
    [log_id] = {entry.log_id for entry in read_log(team).entries}
    assert list(save.last_numbers) == [log_id]


def test_an_output_with_an_older_schema_is_backed_up(older, folder, capsys):
    before = older[0].read_bytes()
    assert merge(older[1], into=older[0]) == 0
    [backup] = folder.glob("old.*.backup.sqlite")
    assert backup.read_bytes() == before
    assert f"the earlier file is kept as {backup}." in capsys.readouterr().out
