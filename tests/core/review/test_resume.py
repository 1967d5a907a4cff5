"""A resumed review, also with a table that another program changed meanwhile."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import LabelState
from napari_artifact_review.core.decisions.reviewer_names import login_name
from napari_artifact_review.core.errors import SaveError, StoreError
from napari_artifact_review.core.review.resume import binding_of
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.reading import read_predictions
from tests.nightly import many

HEADER = "image_name,grid_x,grid_y,label,preds"
ROWS = ["a,0,0,0,1", "a,200,0,1,0", "b,0,0,0,1", "b,200,0,1,0"]
A, A2, B, B2 = (CutoutKey(name, x, 0) for name in "ab" for x in (0, 200))


def write(path, rows=ROWS, header=HEADER):
    path.write_text("\n".join([header, *rows, ""]))
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "predictions.csv")


@pytest.fixture
def output(tmp_path):
    return tmp_path / "test_outputs.csv"


@pytest.fixture
def reopen(output):
    """Open a table, after the review that was open is closed."""
    opened = []

    def open_it(table, **named):
        while opened:
            opened.pop().close()
        named = {"reviewer": "me", "output": output} | named
        opened.append(ReviewSession.open(table, **named))
        assert opened[0].problem is None
        return opened[0]

    yield open_it
    opened.pop().close()


def decide(session, *cutouts):
    """Change the label of each cutout."""
    for cutout in cutouts:
        session.select(*cutout)
        turned = ("artifact", "no artifact")[int(session.current.label)]
        session.set_label(turned)


def labels(session):
    return session.table["label_new"].tolist()


def edit(output, row, **cells):
    table = pd.read_csv(output, dtype=str, keep_default_na=False)
    for name, cell in cells.items():
        table.loc[row, name] = cell
    table.to_csv(output, index=False)


# The same table


def test_all_is_there_again_without_a_save(path, reopen):
    session = reopen(path)
    decide(session, A, B, B2)
    session.undo()
    session.view_settings = {"stretch": {"limits": [0.5, 99.5]}, "inverted": True}
    session.select(*A2)
    before, log = session.table, session.log
    again = reopen(path)
    pd.testing.assert_frame_equal(again.table, before)
    assert again.log == log
    assert again.current_cutout.key == A2
    assert again.view_settings == {
        "stretch": {"limits": [0.5, 99.5]},
        "inverted": True,
    }
    assert (again.unsaved, again.progress) == (2, (2, 4))
    assert again.redo()
    assert again.current_cutout.key == B2
    assert [again.undo() for _ in range(4)] == [True, True, True, False]
    assert labels(again) == [0, 1, 0, 1]


def test_a_decision_is_kept_with_the_state_it_was_taken_in(path, reopen):
    session = reopen(path)
    session.view_settings["stretch"] = "log"
    decide(session, A)
    session.view_settings["stretch"] = "linear"
    [entry] = reopen(path).log
    assert entry.context == {
        "threshold": None,
        "view": {"stretch": "log"},
        "table": [0, "", "", "", "", ""],
    }


def test_the_threshold_is_kept_where_it_made_the_predictions(tmp_path, reopen):
    header = "image_name,grid_x,grid_y,label,confidence"
    session = reopen(write(tmp_path / "in.csv", ["a,0,0,0,0.96"], header))
    decide(session, A)
    assert session.log[0].context["threshold"] == 0.95


def test_the_place_is_kept_while_the_review_is_open(path, output, reopen):
    session = reopen(path)
    session.select(*B)
    session.save_position()
    decide(session, B)
    # A read-only review does not change the stored position.
    with ReviewSession.open(path, output=output) as looking:
        assert looking.current_cutout.key == B
        looking.select(*A)
    assert reopen(path).current_cutout.key == B


def test_the_saved_table_and_the_predictions_go_on_with_the_same_review(
    path, output, reopen
):
    session = reopen(path)
    decide(session, A, B)
    session.save()
    decide(session, B2)
    before = labels(session)
    for table in (output, path, output):
        again = reopen(table)
        assert (labels(again), again.unsaved) == (before, 1)
        assert again.disagreements == ()
    assert [again.undo() for _ in range(4)] == [True, True, True, False]
    assert labels(again) == [0, 1, 0, 1]


def test_what_was_undone_after_a_save_is_not_saved_yet(path, output, reopen):
    session = reopen(path)
    decide(session, A)
    session.save()
    session.undo()
    assert session.unsaved == 1
    for table in (output, path):
        again = reopen(table)
        assert (labels(again)[0], again.unsaved) == (0, 1)
        assert again.disagreements == ()
    again.save()
    assert reopen(output).unsaved == 0


def test_an_output_that_is_gone_shows_nothing(path, output, reopen):
    session = reopen(path)
    decide(session, A, B)
    session.save()
    output.unlink()
    assert reopen(path).unsaved == 2


# Another table


def test_the_decisions_of_another_table_are_refused_and_left_alone(
    path, tmp_path, reopen
):
    session = reopen(path)
    decide(session, A)
    store = tmp_path / "test_outputs.csv.review.sqlite"
    session.close()
    before = store.read_bytes()
    other = write(tmp_path / "other.csv", ["c,0,0,0,1", "d,0,0,0,1"])
    with pytest.raises(StoreError) as caught:
        ReviewSession.open(other)
    assert str(path) in str(caught.value)
    assert str(other) in str(caught.value)
    assert "another output" in caught.value.remedy
    assert store.read_bytes() == before
    assert labels(reopen(path))[0] == 1


def test_a_review_without_a_decision_hinders_no_other(path, tmp_path, reopen):
    reopen(path)
    other = write(tmp_path / "other.csv", ["c,0,0,0,1"])
    session = reopen(other)
    decide(session, CutoutKey("c", 0, 0))
    assert session.notices == ()
    with pytest.raises(StoreError, match=r"other\.csv"):
        ReviewSession.open(path)


def test_decisions_follow_their_cutouts(path, tmp_path, reopen):
    session = reopen(path)
    decide(session, A, B, B2)
    session.undo()
    other = write(tmp_path / "other.csv", ["c,0,0,0,1", *ROWS[3:0:-1]])
    again = reopen(other)
    assert labels(again) == [0, 1, 1, 1]
    assert again.current_cutout.key == B2
    [moved, kept] = again.notices
    assert str(path) in moved
    assert "1 cutout that is not in this table are kept" in kept
    assert again.redo()
    assert [again.undo() for _ in range(3)] == [True, True, False]
    back = reopen(path)
    assert labels(back) == [1, 1, 0, 1]
    assert len(back.log) == 7
    assert reopen(path).notices == ()


def test_a_current_cutout_that_is_gone_is_the_first_error_then(path, tmp_path, reopen):
    session = reopen(path)
    decide(session, A2, B)
    assert reopen(write(tmp_path / "o.csv", ROWS[:2])).current_cutout.key == A


def test_only_its_cutouts_tell_a_table_from_others(tmp_path):
    def fingerprint(rows):
        return binding_of(read_predictions(write(tmp_path / "t.csv", rows))).fingerprint

    first = fingerprint(ROWS)
    assert fingerprint(ROWS[::-1]) == first
    assert fingerprint([row.replace(",1,0", ",0,0") for row in ROWS]) == first
    others = [ROWS[1:], [*ROWS, "c,0,0,0,1"], ["a,0,1,0,1", *ROWS[1:]]]
    others += [["A,0,0,0,1", *ROWS[1:]], [row.replace("a,", "c,") for row in ROWS]]
    assert len({first, *map(fingerprint, others)}) == len(others) + 1


# Edits of another program


@pytest.fixture
def edited(path, output, reopen):
    """Return a saved review with three labels that were edited by hand."""
    session = reopen(path)
    decide(session, A, A2, B)
    session.save()
    session.close()
    edit(output, 0, label_new="0")
    edit(output, 1, label_new="1", reviewed_by="you", reviewed_at="then")
    edit(output, 2, label_new="0", reviewed_by="", reviewed_at="now")
    return output


def test_labels_that_disagree_are_listed_and_nothing_is_guessed(edited, reopen):
    session = reopen(edited)
    told = [(d.cutout, d.table, d.decision.label_new) for d in session.disagreements]
    when = session.log[0].decided_at
    assert told == [
        (A, LabelState(0, "me", when, "artifact"), 1),
        (A2, LabelState(1, "you", "then", "no artifact"), 0),
        (B, LabelState(0, "", "now", "artifact"), 1),
    ]
    assert labels(session) == [1, 0, 1, 1]
    with pytest.raises(SaveError, match="differ in 3 labels"):
        session.save()
    assert reopen(edited).disagreements == session.disagreements


@pytest.mark.parametrize(
    ("keep", "expected", "by"),
    [
        ("table", [0, 1, 0, 1], ["me", "you", "me", ""]),
        ("decision", [1, 0, 1, 1], ["me", "me", "me", ""]),
    ],
)
def test_all_are_settled_at_once_and_for_good(edited, path, reopen, keep, expected, by):
    session = reopen(edited)
    told = []
    session.disagreements_changed.connect(lambda: told.append(1))
    session.settle(keep)
    assert told == [1]
    assert session.disagreements == ()
    for table in (edited, path, edited):
        again = reopen(table)
        assert again.disagreements == ()
        assert labels(again) == expected
        assert again.table["reviewed_by"].tolist() == by
    assert again.log[-1].context["chosen_by"] == "me"
    again.save()
    assert pd.read_csv(edited)["label_new"].tolist() == expected
    # It is one act.
    assert again.undo()
    assert labels(again) == [1, 0, 1, 1]


def test_a_choice_has_the_reviewer_and_time_of_the_choice(edited, reopen):
    # The login name of the only reviewer, before anything says that it is another one.
    session = reopen(edited, reviewer=None)
    before = {(e.cutout, e.decided_at) for e in session.log}
    session.settle("table")
    by = {e.cutout: e.reviewer for e in session.log[-3:]}
    # A decision has the other name only where the edit has one.
    assert by == {A: login_name(), A2: "you", B: login_name()}
    assert (A, session.log[-3].decided_at) not in before


def test_they_are_settled_one_by_one_or_by_deciding_anew(edited, reopen):
    session = reopen(edited)
    session.settle("table", [A])
    session.settle("decision", [A2])
    assert [d.cutout for d in session.disagreements] == [B]
    again = reopen(edited)
    assert [d.cutout for d in again.disagreements] == [B]
    again.select(*B)
    again.set_label("artifact")
    assert again.disagreements == ()
    assert labels(reopen(edited)) == [0, 0, 1, 1]
    assert reopen(edited).disagreements == ()


def test_an_edit_that_agrees_is_no_question(path, output, reopen):
    session = reopen(path)
    decide(session, A)
    session.save()
    session.close()
    edit(output, 0, reviewed_by="you", reviewed_at="then")
    edit(output, 3, label_new="0")
    again = reopen(output)
    assert again.disagreements == ()
    assert labels(again) == [1, 1, 0, 0]


def test_an_older_copy_of_the_table_is_no_question(path, output, tmp_path, reopen):
    session = reopen(path)
    decide(session, A)
    session.save()
    copy = tmp_path / "copy.csv"
    copy.write_bytes(output.read_bytes())
    session.set_label("no artifact")
    session.save()
    again = reopen(copy)
    assert again.disagreements == ()
    assert labels(again)[0] == 0


def test_a_verdict_in_the_table_is_in_force_where_the_log_has_none(tmp_path, reopen):
    rows = [f"{row},{row[-3]},you,then" for row in ROWS]
    header = f"{HEADER},label_new,reviewed_by,reviewed_at"
    session = reopen(write(tmp_path / "in.csv", rows, header))
    decide(session, A)
    session.save()
    session.undo()
    assert session.table["reviewed_by"].tolist() == ["you"] * 4
    assert session.progress == (4, 4)


@pytest.mark.parametrize(
    "name", ["a  b", "NA", "nan", "=cmd()", 'a"b,c', "é漢", "'a", "1", "-", "None"]
)
@pytest.mark.parametrize("suffix", ["csv", "ecsv", "parquet"])
def test_whatever_the_reviewer_is_called_the_saved_table_is_known(
    path, tmp_path, reopen, name, suffix
):
    output = tmp_path / f"out.{suffix}"
    named = {"output": output, "reviewer": name}
    session = reopen(path, **named)
    decide(session, A, B)
    session.save()
    session.undo()
    again = reopen(output, **named)
    assert again.disagreements == ()
    assert again.table["reviewed_by"].tolist() == [name, "", "", ""]
    assert labels(again) == [1, 1, 0, 1]
    assert again.undo()
    assert labels(again) == [0, 1, 0, 1]


# Any table after any other

NAMES = ["=1+1", 'a "b", c', "é", "A", "a", "007", "NA", "x\ny"]
STEPS = st.one_of(
    st.sampled_from(["undo", "redo"]),
    st.tuples(st.integers(0, 7), st.integers(0, 1)),
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
)


def last_in(acts, table):
    return next((act for act in reversed(acts) if act[0] in table), None)


@settings(max_examples=many(40, 2000, few=15))
@given(st.lists(STEPS, max_size=20))
def test_rows_may_come_and_go_and_every_decision_stays(steps):
    with tempfile.TemporaryDirectory() as folder:
        path, output = Path(folder, "in.csv"), Path(folder, "out.csv")

        def open_with(names):
            with path.open("w", newline="", encoding="utf-8") as stream:
                lines = ([name, 0, 0, 0, 1] for name in names)
                csv.writer(stream).writerows([HEADER.split(","), *lines])
            return ReviewSession.open(path, output=output, reviewer="me")

        table, done, undone = NAMES, [], []
        session = open_with(table)
        for step in steps:
            if step in ("undo", "redo"):
                source, sink = (done, undone)[:: 1 if step == "undo" else -1]
                act = last_in(source, table)
                assert getattr(session, step)() == (act is not None)
                if act is not None:
                    source.remove(act)
                    sink.append(act)
            elif isinstance(step, tuple):
                name, label = table[step[0] % len(table)], step[1]
                session.select(name, 0, 0)
                if (last_in(done, [name]) or (name, None))[1] != label:
                    done.append((name, label, len(session.log)))
                    undone.clear()
                session.set_label(("no artifact", "artifact")[label])
            elif not session.log or last_in([e.cutout for e in session.log], step):
                session.close()
                table = step
                session = open_with(table)
                assert session.problem is None
            expected = [(last_in(done, [name]) or (name, 0))[1] for name in table]
            assert labels(session) == expected
        session.save()
        session.close()
        with open_with(NAMES) as session:
            expected = [(last_in(done, [name]) or (name, 0))[1] for name in NAMES]
            assert labels(session) == expected
            assert session.progress[0] == len({name for name, *_ in done})
