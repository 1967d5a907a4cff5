"""An output that another program changes is not overwritten without a choice."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from astropy.table import Table

from napari_artifact_review import cli
from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.errors import SaveError
from napari_artifact_review.core.review.output import OutputChangedError
from napari_artifact_review.core.review.session import ReviewSession

HEADER = "image_name,grid_x,grid_y,label,preds,confidence,remark\n"
ROWS = [
    "a,0,0,0,1,0.97,007",
    "a,200,0,1,0,0.125,",
    "b,0,0,0,1,0.99,x",
    "b,200,0,1,0,,NA",
]
FORMATS = ["csv", "csv.gz", "ecsv", "parquet", "fits"]
A, A2, B = CutoutKey("a", 0, 0), CutoutKey("a", 200, 0), CutoutKey("b", 0, 0)


def read(path):
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix in (".ecsv", ".fits"):
        table = Table.read(path)
        table.convert_bytestring_to_unicode()
        return table.to_pandas()
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def write(table, path):
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    elif path.suffix in (".ecsv", ".fits"):
        Table.from_pandas(table).write(path, overwrite=True)
    else:
        table.to_csv(path, index=False)


def edit(path, change):
    """Change the table at `path` as another program would."""
    table = read(path)
    changed = change(table)
    write(table if changed is None else changed, path)


def set_cell(row, name, value):
    def change(table):
        table.loc[row, name] = value

    return change


@pytest.fixture
def path(tmp_path):
    table = tmp_path / "predictions.csv"
    table.write_text(HEADER + "\n".join(ROWS) + "\n")
    return table


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out.csv"


@pytest.fixture
def session(path, output):
    """Return a review with a saved decision, and one that is not saved yet."""
    with saved_review(path, output) as session:
        yield session


def saved_review(path, output):
    session = ReviewSession.open(path, output=output, reviewer="me")
    session.set_label("artifact")
    session.save()
    session.select(*B)
    session.set_label("artifact")
    return session


def backups(output):
    return sorted(output.parent.glob("*.backup*"))


CHANGES = {
    "label": (set_cell(1, "label_new", "0"), ["a (200, 0), label_new", "0", "1"]),
    "reviewer": (set_cell(1, "reviewed_by", "you"), ["a (200, 0), reviewed_by", "you"]),
    "other cell": (set_cell(0, "remark", "7"), ["a (0, 0), remark", "7", "007"]),
    "row removed": (lambda t: t.drop(index=1), ["a (200, 0)", "no such row", "a row"]),
    "row added": (
        lambda t: pd.concat([t, t.iloc[[3]].assign(image_name="c", error_id="9")]),
        ["c (200, 0)", "a row", "no such row"],
    ),
    "rows reordered": (lambda t: t[::-1], ["the order of the rows"]),
    "column removed": (
        lambda t: t.drop(columns="remark"),
        ["column remark", "no such column", "a column"],
    ),
    "column added": (
        lambda t: t.assign(more="1"),
        ["column more", "a column", "no such column"],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("reopened", [False, True])
def test_changes_of_another_program_are_reported_and_not_overwritten(
    path, output, session, name, reopened
):
    change, told = CHANGES[name]
    if reopened:
        session.close()
        session = ReviewSession.open(path, output=output, reviewer="me")
    edit(output, change)
    theirs = output.read_bytes()
    with pytest.raises(OutputChangedError) as caught:
        session.save()
    [difference] = caught.value.changes.differences
    assert [difference.where, difference.theirs, difference.ours][: len(told)] == told
    assert "1 difference " in str(caught.value)
    assert output.read_bytes() == theirs
    assert backups(output) == []
    assert session.unsaved == 1
    session.close()


@pytest.mark.parametrize("suffix", FORMATS)
def test_in_each_format_one_cell_is_one_difference(path, tmp_path, suffix):
    output = tmp_path / f"out.{suffix}"
    with saved_review(path, output) as session:
        edit(output, set_cell(0, "remark", "zz"))
        with pytest.raises(OutputChangedError) as caught:
            session.save()
        [difference] = caught.value.changes.differences
        assert (difference.where, difference.theirs) == ("a (0, 0), remark", "zz")
        session.save("ours")
        assert read(output)["remark"].tolist()[0] in ("007", 7)
        assert session.unsaved == 0
    with ReviewSession.open(output, output=output) as again:
        assert (again.unsaved, again.disagreements) == (0, ())


@pytest.mark.parametrize("contents", [b"", b"\x00\xff", b"image_name,grid_x\n"])
def test_what_is_no_table_any_more_is_not_overwritten_either(session, output, contents):
    output.write_bytes(contents)
    with pytest.raises(OutputChangedError) as caught:
        session.save()
    [difference] = caught.value.changes.differences
    assert (difference.where, difference.ours) == ("the file", "a sound table")
    assert output.read_bytes() == contents
    session.save("ours")
    assert [backup.read_bytes() for backup in backups(output)] == [contents]


def test_what_is_deleted_is_written_again(session, output):
    output.unlink()
    session.save()
    assert pd.read_csv(output)["label_new"].tolist() == [1, 1, 1, 1]


def test_what_only_looks_different_is_no_question(session, output):
    output.write_bytes(output.read_bytes())
    session.save()
    assert backups(output) == []
    spelt = output.read_text().replace("\n", "\r\n")
    output.write_text(spelt, newline="")
    session.save()
    assert [backup.read_text() for backup in backups(output)] == [
        spelt.replace("\r\n", "\n")
    ]


def test_one_that_was_there_at_opening_and_then_changed_is_asked_about(path, output):
    output.write_text(path.read_text())
    with ReviewSession.open(path, output=output) as session:
        assert "exists already" in " ".join(session.notices)
        edit(output, set_cell(0, "remark", "8"))
        with pytest.raises(OutputChangedError):
            session.save()


# The choices of the user


def test_theirs_takes_their_labels_over_on_record(session, output):
    edit(output, set_cell(1, "label_new", "0"))
    edit(output, set_cell(0, "remark", "7"))
    theirs = output.read_bytes()
    told = []
    session.label_changed.connect(told.append)
    assert session.save("theirs") == output
    assert output.read_bytes() == theirs
    assert told == [1]
    # The other rows are as they were decided here.
    assert session.table["label_new"].tolist() == [1, 0, 1, 1]
    assert session.table["reviewed_by"].tolist() == ["me", "me", "me", ""]
    assert session.log[-1].context["chosen_by"] == "me"
    session.save()
    assert pd.read_csv(output)["label_new"].tolist() == [1, 0, 1, 1]
    assert [backup.read_bytes() for backup in backups(output)] == [theirs]
    assert session.undo()
    assert session.table["label_new"].tolist() == [1, 1, 1, 1]


def test_a_label_that_both_changed_is_theirs_if_theirs_are_kept(session, output):
    edit(output, set_cell(2, "reviewed_by", "you"))
    with pytest.raises(OutputChangedError) as caught:
        session.save()
    told = {difference.where for difference in caught.value.changes.differences}
    assert told == {
        "b (0, 0), label_new",
        "b (0, 0), reviewed_by",
        "b (0, 0), reviewed_at",
        "b (0, 0), decision",
    }
    session.save("theirs")
    assert session.table["label_new"].tolist() == [1, 1, 0, 1]
    assert session.table["reviewed_by"].tolist() == ["me", "", "you", ""]


def test_a_choice_is_about_what_was_listed(session, output):
    edit(output, set_cell(0, "remark", "Ada"))
    with pytest.raises(OutputChangedError):
        session.save()
    for keep, contents in (("ours", b"garbage"), ("theirs", b"other garbage")):
        output.write_bytes(contents)
        with pytest.raises(OutputChangedError, match="1 difference"):
            session.save(keep)
        assert output.read_bytes() == contents
    session.save("ours")
    assert read(output)["remark"].tolist()[0] == "007"


def test_nothing_can_be_taken_over_from_what_is_no_table(session, output):
    output.write_bytes(b"garbage")
    with pytest.raises(OutputChangedError):
        session.save("theirs")
    assert output.read_bytes() == b"garbage"


def test_what_was_there_is_told_of_until_it_is_replaced(path, output):
    output.write_text("of another program")
    with ReviewSession.open(path, output=output) as session:
        [remark] = session.notices
        assert "exists already" in remark
        session.save()
        assert session.notices == ()


def test_ours_keeps_theirs_as_a_backup(session, output):
    edit(output, set_cell(1, "label_new", "0"))
    theirs = output.read_bytes()
    session.save("ours")
    assert pd.read_csv(output)["label_new"].tolist() == [1, 1, 1, 1]
    assert [backup.read_bytes() for backup in backups(output)] == [theirs]
    session.undo()
    session.save()
    assert len(backups(output)) == 1


def test_a_save_without_a_change_leaves_no_backup(session, output, path):
    session.save()
    session.close()
    before = output.read_bytes()
    for _ in range(2):
        with ReviewSession.open(path, output=output, reviewer="me") as again:
            assert again.save() == output
    assert output.read_bytes() == before
    assert backups(output) == []


def test_beside_leaves_theirs_where_it_is(session, output):
    edit(output, set_cell(1, "label_new", "0"))
    theirs = output.read_bytes()
    where = session.save("beside")
    assert where != output
    assert (where.parent, where.suffix) == (output.parent, output.suffix)
    assert pd.read_csv(where)["label_new"].tolist() == [1, 1, 1, 1]
    assert output.read_bytes() == theirs
    assert session.unsaved == 1


def test_a_save_that_fails_after_all_leaves_no_backup(session, output, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "no space left on device")

    edit(output, set_cell(1, "label_new", "0"))
    theirs = output.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        with pytest.raises(SaveError, match="no space left"):
            session.save("ours")
    assert output.read_bytes() == theirs
    assert backups(output) == []
    with pytest.raises(OutputChangedError):
        session.save()


# An earlier file


def test_the_output_of_another_session_is_kept_once(path, output, session):
    session.close()
    before = output.read_bytes()
    with ReviewSession.open(path, output=output, reviewer="me") as again:
        for label in ("artifact", "no artifact", "artifact"):
            again.set_label(label)
            again.save()
    assert [backup.read_bytes() for backup in backups(output)] == [before]


class PowerCutError(BaseException):
    """Ends the process without clean-up."""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_save_that_was_cut_short_is_no_change_of_another_program(
    path, output, session, monkeypatch, moment
):
    real = Path.replace

    def replace(part, target):
        if moment == "after":
            real(part, target)
        raise PowerCutError

    before = output.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises(PowerCutError):
            session.save()
    assert (output.read_bytes() != before) == (moment == "after")
    session.close()
    with ReviewSession.open(path, output=output, reviewer="me") as again:
        assert again.unsaved == (moment == "before")
        assert again.notices == ()
        again.select(*A2)
        again.set_label("no artifact")
        again.save()
        assert again.unsaved == 0
    assert pd.read_csv(output)["label_new"].tolist() == [1, 0, 1, 1]


@pytest.mark.parametrize(
    "command", [["save"], ["report", "--output", "r.html"], ["export", "--to", "to"]]
)
def test_a_review_with_another_output_is_named_rather_than_overlooked(
    survey, tmp_path, monkeypatch, capsys, command
):
    monkeypatch.chdir(tmp_path)
    other = survey.with_name("mine.csv")
    with ReviewSession.open(survey, output=other) as session:
        session.set_label("artifact")
        session.save()
    name, *options = command
    images = ["--images", str(survey.parent)] if name == "export" else []
    assert cli.main([name, str(survey), *options, *images]) == 2
    error = capsys.readouterr().err
    assert "its review has another output: mine.csv" in error
    assert not survey.with_name("test_outputs.csv").exists()
    # The log of another table in the folder is no reason.
    with sqlite3.connect(f"{other}.review.sqlite") as log:
        log.execute("UPDATE review SET table_name = 'elsewhere.csv'")
    log.close()
    assert cli.main([name, str(survey), *options, *images]) == 0
