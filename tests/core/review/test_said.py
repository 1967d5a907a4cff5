"""The other parts of a verdict beside the label: unsure, a kind of artifact, a note."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.errors import ReviewError, SaveError, TableError
from napari_artifact_review.core.outcomes import VERDICTS
from napari_artifact_review.core.review.check import check_review
from napari_artifact_review.core.review.output import OutputChangedError
from napari_artifact_review.core.review.session import ReviewSession
from tests.nightly import many

HEADER = "image_name,grid_x,grid_y,label,preds"
ROWS = ["a,0,0,0,1", "a,200,0,1,0", "b,0,0,0,1", "b,200,0,1,0"]
A, A2, B, B2 = (CutoutKey(name, x, 0) for name in "ab" for x in (0, 200))
SUFFIXES = ["csv", "csv.gz", "ecsv", "parquet", "fits"]
VERDICT_COLUMNS = ["label_new", "reviewed_by", "decision", "kind", "note"]


def write(path, rows=ROWS, header=HEADER):
    path.write_text("\n".join([header, *rows, ""]))
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "predictions.csv")


@pytest.fixture
def reopen(tmp_path):
    """Open a table, after the review that was open is closed."""
    opened = []

    def open_it(table, **named):
        while opened:
            opened.pop().close()
        named = {"reviewer": "me", "output": tmp_path / "out.csv"} | named
        opened.append(ReviewSession.open(table, **named))
        assert opened[0].problem is None
        return opened[0]

    yield open_it
    for session in opened:
        session.close()


def verdict_of(session, cutout):
    """Return the label, verdict, kind and note of a cutout."""
    one = session.catalog.cutout(session.cutout_index.row_of(cutout))
    return one.label_new, one.decision, one.kind, one.note


def verdicts_in_table(session):
    """Return the columns with the verdicts of a session's table."""
    return session.table[VERDICT_COLUMNS].to_numpy().tolist()


def edit(path, row, **cells):
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for name, cell in cells.items():
        table.loc[row, name] = cell
    table.to_csv(path, index=False)


# Saved and resumed


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_all_that_was_said_is_saved_and_resumed_in_each_format(
    path, tmp_path, reopen, suffix
):
    output = tmp_path / f"out.{suffix}"
    session = reopen(path, output=output)
    words = "satellite, faint", 'a "trail",\nin two parts; NA\t#1'
    assert session.set_label("unsure", *words)
    assert session.set_label("artifact", cutouts=[A2])
    assert session.set_label("no artifact", "", "fine", cutouts=[B])
    before = verdicts_in_table(session)
    session.save()
    # Once with the log, once from the table alone.
    for named in ({}, {"store": tmp_path / "new.sqlite"}):
        again = reopen(output, output=output, **named)
        assert verdicts_in_table(again) == before
        assert verdict_of(again, A) == (0, "unsure", *words)
        assert verdict_of(again, A2) == (1, "artifact", "", "")
        assert verdict_of(again, B) == (0, "no artifact", "", "fine")
        assert verdict_of(again, B2) == (1, "", "", "")
        assert (again.disagreements, again.unsaved) == ((), 0)
        assert again.catalog.labels.unsure.tolist() == [True, False, False, False]
        assert again.catalog.labels.kinds == {0: words[0]}


@pytest.mark.parametrize("start", [A, A2], ids=["no artifact", "artifact"])
def test_an_unsure_verdict_leaves_the_label_unchanged(path, reopen, start):
    session = reopen(path)
    before = verdict_of(session, start)[0]
    session.set_label("unsure", cutouts=[start])
    assert verdict_of(session, start)[:2] == (before, "unsure")
    assert np.count_nonzero(session.catalog.labels.unsure) == 1
    other = ("artifact", "no artifact")[before]
    session.set_label(other, cutouts=[start])
    assert not session.catalog.labels.unsure.any()
    # Also after an earlier decision.
    session.set_label("unsure", cutouts=[start])
    assert verdict_of(session, start)[:2] == (1 - before, "unsure")
    assert reopen(path).undo()
    assert verdict_of(reopen(path), start)[:2] == (1 - before, other)


def test_kind_and_note_are_undone_and_redone_with_the_verdict(path, reopen):
    session = reopen(path)
    steps = [
        ("artifact", "satellite", "über all"),
        ("artifact", "ghost", "über all"),
        ("artifact", "ghost", "no, here"),
        ("unsure", "", ""),
    ]
    told = [(0, "", "", "")]
    for step in steps:
        assert session.set_label(*step)
        told.append((1, *step))
    for expected in reversed(told[:-1]):
        assert session.undo()
        assert verdict_of(session, A) == expected
        session = reopen(path)
        assert verdict_of(session, A) == expected
    assert not session.undo()
    for expected in told[1:]:
        assert session.redo()
        assert verdict_of(session, A) == expected
    assert not session.redo()


def test_the_same_again_is_no_decision_and_another_word_is_one(path, reopen):
    session = reopen(path)
    told = []
    session.label_changed.connect(told.append)
    assert session.set_label("artifact", "ghost", "faint")
    assert not session.set_label("artifact", "ghost", "faint")
    # A space at the end is invisible, and FITS drops it.
    assert not session.set_label("artifact", " ghost", "faint \n")
    assert (len(session.log), told) == (1, [0])
    assert session.set_label("artifact", "ghost", "fainter")
    assert session.set_label("artifact", "trail", "fainter")
    assert session.set_label("artifact")
    assert (len(session.log), told) == (4, [0] * 4)
    assert not session.set_label("artifact")
    assert reopen(path, reviewer="you").set_label("artifact")


@pytest.mark.parametrize("suffix", ["parquet", "fits"])
def test_undo_goes_behind_what_was_saved_whatever_ends_the_note(
    path, tmp_path, reopen, suffix
):
    output = tmp_path / f"out.{suffix}"
    session = reopen(path, output=output)
    session.set_label("artifact", "ghost ", "written in a hurry \r\n")
    session.save()
    again = reopen(output, output=output)
    assert again.undo()
    assert verdict_of(again, A) == (0, "", "", "")


def test_a_fits_table_that_lacks_a_letter_is_one_clear_error(path, tmp_path, reopen):
    output = tmp_path / "out.fits"
    session = reopen(path, output=output)
    session.set_label("artifact", "ghost", "schräg")
    with pytest.raises(SaveError, match="ASCII, has no 'ä'"):
        session.save()
    assert not output.exists()
    # It is in the log nevertheless.
    assert verdict_of(reopen(path, output=output), A)[3] == "schräg"


#: Any text that can be typed or pasted, also with a NUL or half a character.
NOTES = st.text(max_size=12) | st.sampled_from(
    ["007", "NA", "nan", "=1+1", "a,b", '"', "'", "a\nb", "a\r\nb", "a\0b", "\ud800",
     "größe", "漢字", "\u2028", "\x85", "\ufeff", "#", ";", "\t", "None", " x "]
)  # fmt: skip


@settings(max_examples=many(40, 2_000, few=8))
@given(NOTES, NOTES)
@pytest.mark.parametrize("suffix", ["csv", "ecsv", "parquet"])
def test_any_note_is_the_same_after_it_was_saved(suffix, kind, note):
    with tempfile.TemporaryDirectory() as folder:
        path, output = write(Path(folder, "in.csv")), Path(folder, f"o.{suffix}")
        with ReviewSession.open(path, output=output, reviewer="me") as session:
            session.set_label("unsure", kind, note)
            kept = verdict_of(session, A)
            assert kept[2:] == tuple(
                "".join("?" if "\ud7ff" < c < "\ue000" else c for c in text)
                .replace("\0", "")
                .strip()
                for text in (kind, note)
            )
            assert not session.set_label("unsure", kind, note)
            session.save()
        for named in ({}, {"store": Path(folder, "new.sqlite")}):
            with ReviewSession.open(output, output=output, **named) as session:
                assert verdict_of(session, A) == kept
                assert (session.disagreements, session.unsaved) == ((), 0)


# Several cutouts at once


def test_several_are_one_act_and_one_undo_takes_all_back(path, reopen):
    session = reopen(path)
    told = []
    session.decided.connect(told.append)
    session.set_label("artifact", "ghost", cutouts=[B])
    before = verdicts_in_table(session)
    assert session.set_label("unsure", "trail", "all", cutouts=[A, A2, B])
    assert told == [[2], [0, 1, 2]]
    assert [verdict_of(session, one)[1:] for one in (A, A2, B)] == [
        ("unsure", "trail", "all")
    ] * 3
    after = verdicts_in_table(session)
    session = reopen(path)
    assert verdicts_in_table(session) == after
    assert session.undo()
    assert verdicts_in_table(session) == before
    assert session.redo()
    assert verdicts_in_table(session) == after
    assert [session.undo() for _ in range(3)] == [True, True, False]


def test_of_several_only_those_are_decided_that_are_news(path, reopen):
    session = reopen(path)
    session.set_label("artifact", cutouts=[A2])
    assert session.set_label("artifact", cutouts=[A, A2, B])
    assert [entry.cutout for entry in session.log[1:]] == [A, B]
    assert not session.set_label("artifact", cutouts=[B, A])
    assert not session.set_label("artifact", cutouts=[])
    assert len(session.log) == 3


def test_one_that_is_named_twice_is_decided_once(path, reopen):
    session = reopen(path)
    assert session.set_label("unsure", cutouts=[A, B, A])
    assert [entry.cutout for entry in session.log] == [A, B]


def test_none_is_decided_if_one_is_not_in_the_table(path, reopen):
    session = reopen(path)
    with pytest.raises(ReviewError, match=r"no cutout a \(1, 0\)"):
        session.set_label("artifact", cutouts=[A, CutoutKey("a", 1, 0)])
    assert session.log == ()
    assert reopen(path).log == ()


# Tables of other programs, and of the previous version


def test_a_column_of_which_only_some_cells_are_verdicts_is_refused(path, tmp_path):
    cells = ["star", "artifact", "", "x"]
    rows = [f"{row},{cell}" for row, cell in zip(ROWS, cells, strict=True)]
    write(path, rows, f"{HEADER},decision")
    with pytest.raises(TableError, match="'star' is no decision") as caught:
        ReviewSession.open(path, output=tmp_path / "out.csv")
    assert "rename the column" in caught.value.remedy
    assert [path.name for path in tmp_path.iterdir()] == [path.name]
    _, faults = check_review(path)
    assert "'star' is no decision" in str(faults[0])


@pytest.mark.parametrize("name", ["decision", "kind", "note"])
def test_a_column_of_the_users_own_keeps_its_name_and_its_cells(path, tmp_path, name):
    cells = ["star", "2", "", "x"]
    rows = [f"{row},{cell}" for row, cell in zip(ROWS, cells, strict=True)]
    write(path, rows, f"{HEADER},{name}")
    output = tmp_path / "out.csv"
    with ReviewSession.open(path, output=output, reviewer="me") as session:
        assert session.own_columns.names == (name,)
        session.set_label("artifact", kind="ghost", note="faint")
        session.save()
    saved = pd.read_csv(output, dtype=str, keep_default_na=False)
    assert saved[name].tolist() == cells
    verdict = {"decision": "artifact", "kind": "ghost", "note": "faint"}[name]
    assert saved[f"review_{name}"].tolist().count(verdict) == 1
    # The reviewed table can be reviewed again, without its log too.
    other = tmp_path / "other"
    other.mkdir()
    (other / "out.csv").write_bytes(output.read_bytes())
    with ReviewSession.open(other / "out.csv") as session:
        assert session.own_columns.names == (name,)
        assert session.table[["decision", "kind", "note"]].iloc[0].tolist() == [
            "artifact",
            "ghost",
            "faint",
        ]
        assert session.progress[0] == 1


@pytest.mark.parametrize("verdict", [*VERDICTS, ""])
def test_each_verdict_can_be_read_from_a_table(path, reopen, verdict):
    header = f"{HEADER},decision,kind,note"
    write(path, [f"{ROWS[0]},{verdict},k,n"], header)
    session = reopen(path)
    assert verdict_of(session, A)[1:] == (verdict, "k", "n")
    assert session.progress == (int(bool(verdict)), 1)


def test_the_check_counts_unsure_verdicts_as_a_review_does(tmp_path, survey):
    table = pd.read_csv(survey, dtype=str, keep_default_na=False)
    errors = np.flatnonzero(table["label"] != table["preds"])
    table["decision"] = ""
    table.loc[errors[:2], "decision"] = "unsure"
    path = tmp_path / "in.csv"
    table.to_csv(path, index=False)
    summary, faults = check_review(path, survey.parent)
    assert faults == []
    assert f"{len(errors)} errors, 2 of them reviewed" in summary


@pytest.fixture
def old_table(tmp_path):
    """Return a table that was reviewed before there was a column `decision`."""
    reviews = ["1,1,you,then", "2,1,you,", "3,0,,", "4,0,,then"]
    rows = [f"{row},{review}" for row, review in zip(ROWS, reviews, strict=True)]
    header = f"{HEADER},error_id,label_new,reviewed_by,reviewed_at"
    return write(tmp_path / "old.csv", rows, header)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_the_version_before_reviewed_is_spelt_out(
    old_table, tmp_path, reopen, suffix
):
    expected = ["artifact", "artifact", "", "no artifact"]
    output = tmp_path / f"out.{suffix}"
    session = reopen(old_table, output=output)
    assert session.table["decision"].tolist() == expected
    assert [verdict_of(session, one)[1] for one in (A, A2, B, B2)] == expected
    assert session.progress == (3, 4)
    session.set_label("unsure", cutouts=[B])
    before = verdicts_in_table(session)
    session.save()
    again = reopen(output, output=output, store=tmp_path / "new.sqlite")
    assert verdicts_in_table(again) == before
    assert again.table["decision"].tolist() == [*expected[:2], "unsure", expected[3]]


@pytest.mark.parametrize("added", ["", ",decision"])
def test_earlier_reviews_are_no_change_of_another_program(old_table, reopen, added):
    first, *lines = old_table.read_text().splitlines()
    empty = "," if added else ""
    old_table.write_text("\n".join([first + added, *(one + empty for one in lines)]))
    # The output is the table itself, with another spelling when it is saved.
    session = reopen(old_table, output=old_table)
    session.set_label("no artifact", "", "not so", cutouts=[A])
    old_table.write_text(old_table.read_text().replace("then", '"then"'))
    session.save()
    for _ in range(2):
        session = reopen(old_table, output=old_table)
        assert (session.disagreements, session.unsaved) == ((), 0)
        session.save()
    assert session.undo()
    assert verdict_of(session, A) == (1, "artifact", "", "")
    assert session.table["reviewed_by"].tolist() == ["you", "you", "", ""]


@pytest.mark.parametrize("type_", [pa.null(), pa.float64(), pa.int64()])
def test_an_empty_column_takes_words_whatever_its_type(tmp_path, reopen, type_):
    columns = {"image_name": ["a", "a"], "grid_x": [0, 200], "grid_y": [0, 0]}
    columns |= {"label": [0, 0], "preds": [1, 1]}
    for name in ("reviewed_by", "reviewed_at", "decision", "kind", "note"):
        columns[name] = pa.array([None, None], type_)
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    output = tmp_path / "out.parquet"
    session = reopen(tmp_path / "in.parquet", output=output)
    session.set_label("artifact", "ghost", "faint")
    session.save()
    saved = pq.read_table(output).to_pydict()
    assert saved["note"][0] == "faint"
    again = reopen(output, output=output, store=tmp_path / "new.sqlite")
    assert verdict_of(again, A) == (1, "artifact", "ghost", "faint")
    assert verdict_of(again, A2) == (0, "", "", "")


# Edits of another program in the output


def test_their_words_are_told_and_taken_over_if_theirs_are_kept(path, reopen, tmp_path):
    session = reopen(path)
    session.set_label("artifact", "ghost", "mine", cutouts=[A, A2])
    session.save()
    output = tmp_path / "out.csv"
    edit(output, 0, note="theirs")
    edit(output, 1, decision="unsure", kind="trail")
    with pytest.raises(OutputChangedError) as caught:
        session.save()
    told = {(one.where, one.theirs) for one in caught.value.changes.differences}
    assert told == {
        ("a (0, 0), note", "theirs"),
        ("a (200, 0), decision", "unsure"),
        ("a (200, 0), kind", "trail"),
    }
    session.save("theirs")
    assert verdict_of(session, A) == (1, "artifact", "ghost", "theirs")
    assert verdict_of(session, A2) == (1, "unsure", "trail", "mine")
    session.save()
    saved = pd.read_csv(output, dtype=str, keep_default_na=False)
    assert saved["note"].tolist() == ["theirs", "mine", "", ""]


def test_an_edited_label_alone_brings_its_verdict(path, reopen, tmp_path):
    session = reopen(path)
    session.set_label("artifact", "ghost", cutouts=[A])
    session.save()
    session.close()
    output = tmp_path / "out.csv"
    edit(output, 0, label_new="0")
    session = reopen(output)
    assert len(session.disagreements) == 1
    session.settle("table")
    assert verdict_of(session, A)[:2] == (0, "no artifact")


# Drafts


def test_drafts_are_there_after_a_reopening(path, tmp_path, reopen):
    session = reopen(path)
    drafts = {A: "begun, and", B2: 'größe "x"\n', B: ""}
    session.drafts.update(drafts)
    assert reopen(path).drafts == drafts
    session = reopen(path)
    del session.drafts[A]
    session.drafts[B2] += "more"
    session.save_position()
    # A read-only review has the stored drafts while the other one is open.
    session.set_label("artifact", cutouts=[A2])
    with ReviewSession.open(path, output=tmp_path / "out.csv") as looking:
        assert looking.drafts == {B2: 'größe "x"\nmore', B: ""}
    with session.with_output(tmp_path / "other.csv") as moved:
        assert moved.drafts == session.drafts


@pytest.mark.parametrize(
    "edited", [{"note": "theirs"}, {"kind": "bleed"}, {"decision": "unsure"}]
)
def test_edited_kinds_and_notes_in_the_table_are_asked_about(
    path, tmp_path, reopen, edited
):
    session = reopen(path)
    session.select(*A)
    session.set_label("artifact", "ghost", "mine")
    table = session.save()
    session.close()
    edit(table, 0, **edited)
    session = reopen(table)
    [open_question] = session.disagreements
    assert open_question.cutout == A
    assert verdict_of(session, A) == (1, "artifact", "ghost", "mine")
    session.settle("table")
    expected = {"decision": "artifact", "kind": "ghost", "note": "mine"} | edited
    assert verdict_of(session, A) == (1, *expected.values())
    assert reopen(session.save()).disagreements == ()
