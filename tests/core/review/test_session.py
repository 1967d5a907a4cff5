"""A whole review without a window."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.errors import (
    ReviewError,
    SaveError,
    StoreError,
    TableError,
)
from napari_artifact_review.core.outcomes import LABEL_NAMES
from napari_artifact_review.core.review.session import ReviewSession
from tests.nightly import many

HEADER = "image_name,grid_x,grid_y,label,preds,confidence"
#: FP, TN, FN of b around TP and FP of a. Images are in the order of their first row.
ROWS = [
    "b,0,0,0,1,0.97",
    "a,0,0,1,1,0.99",
    "b,200,0,0,0,0.10",
    "a,200,0,0,1,0.96",
    "b,0,200,1,0,0.20",
]
ERRORS = [0, 4, 3]


@pytest.fixture
def path(tmp_path):
    table = tmp_path / "predictions.csv"
    table.write_text("\n".join([HEADER, *ROWS, ""]))
    return table


@pytest.fixture
def session(path):
    return ReviewSession.open(path, reviewer="me")


def row(session):
    return session.current.name


def test_it_opens_at_the_first_error(session):
    assert row(session) == 0
    assert session.current["outcome"] == "FP"
    assert session.errors.index.tolist() == ERRORS
    assert session.errors["error_id"].tolist() == [1, 3, 2]
    assert session.table["outcome"].tolist() == ["FP", "TP", "TN", "FP", "FN"]
    assert (session.progress, session.unsaved, session.cutout_size) == ((0, 3), 0, 200)


def test_next_and_previous_cross_images_and_stay_at_the_ends(session):
    assert not session.previous()
    seen = [row(session)]
    while session.next():
        seen.append(row(session))
    assert seen == ERRORS
    assert not session.next()
    assert row(session) == 3
    while session.previous():
        seen.append(row(session))
    assert seen[3:] == [4, 0]


def test_from_no_error_it_goes_to_the_nearest_in_that_direction(session):
    session.select("b", 200, 0)
    assert session.next()
    assert row(session) == 4
    session.select("a", 0, 0)
    assert session.previous()
    assert row(session) == 4
    session.select_image("a")
    assert row(session) == 3
    session.go_to(3)
    assert row(session) == 4


def test_what_is_not_there_is_a_fault_and_moves_nothing(session):
    for go in (
        lambda: session.go_to(9),
        lambda: session.select("b", 1, 0),
        lambda: session.select("c", 0, 0),
        lambda: session.select_image("c"),
    ):
        with pytest.raises(ReviewError, match=r"is in the table|has the number 9"):
            go()
    with pytest.raises(ValueError, match="a verdict is one of"):
        session.set_label("maybe")
    assert row(session) == 0
    assert session.unsaved == 0


def test_a_table_without_an_error_can_be_reviewed_too(path):
    path.write_text(f"{HEADER}\na,0,0,0,0,\n")
    session = ReviewSession.open(path)
    assert (row(session), session.next(), session.previous()) == (0, False, False)
    assert session.progress == (0, 0)
    session.set_label("artifact")
    assert session.progress == (0, 0)
    assert session.unsaved == 1


def test_undo_and_redo_go_back_across_images(session):
    session.set_label("artifact")
    session.go_to(2)
    session.set_label("no artifact")
    session.go_to(3)
    assert session.undo()
    assert (row(session), session.progress) == (3, (1, 3))
    assert session.undo()
    assert (row(session), session.progress, session.unsaved) == (0, (0, 3), 0)
    assert not session.undo()
    assert session.redo()
    assert session.table["label_new"].tolist() == [1, 1, 0, 0, 1]
    session.set_label("no artifact")
    assert not session.redo()


def test_signals_tell_what_happened(session):
    told = []
    session.current_changed.connect(lambda: told.append("current"))
    session.label_changed.connect(lambda changed: told.append(changed))
    session.saved.connect(lambda where: told.append(where))
    session.set_label("artifact")
    session.set_label("artifact")
    session.next()
    session.go_to(3)
    session.undo()
    session.save()
    assert told == [0, "current", 0, "current", session.output]


def test_a_confirmed_label_is_reviewed_and_others_are_not(session):
    session.set_label("no artifact")
    table = pd.read_csv(session.save(), dtype=str, keep_default_na=False)
    assert table["label_new"].tolist() == table["label"].tolist()
    assert [bool(name) for name in table["reviewed_by"]] == [True, *[False] * 4]
    assert pd.to_datetime(table["reviewed_at"][0]).utcoffset().total_seconds() == 0


def test_a_previous_output_is_kept_once(path):
    path.with_name("test_outputs.csv").write_text("precious")
    session = ReviewSession.open(path)
    session.set_label("artifact")
    session.save()
    session.next()
    session.set_label("artifact")
    session.save()
    [backup] = session.output.parent.glob("*.backup.csv")
    assert backup.read_text() == "precious"


def test_a_save_that_fails_leaves_the_review_unsaved(session, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "no space left on device")

    session.set_label("artifact")
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        with pytest.raises(SaveError, match="no space left"):
            session.save()
    assert session.unsaved == 1
    assert not session.output.exists()
    session.save()
    assert session.unsaved == 0


def test_an_output_that_cannot_be_is_refused_before_any_work(path):
    (path.parent / "folder.csv").mkdir()
    for output, told in (
        (path.parent / "none" / "out.csv", "the folder does not exist"),
        (path.parent / "folder.csv", "this is not a file"),
    ):
        with pytest.raises(SaveError, match=told):
            ReviewSession.open(path, output=output)


def test_a_review_goes_with_its_output(session, path):
    session.set_label("artifact")
    session.save()
    other = path.with_name("second.csv")
    with session.with_output(other) as moved:
        assert (moved.unsaved, moved.log) == (1, session.log)
        moved.next()
        moved.set_label("artifact")
        moved.save()
    with pytest.raises(StoreError, match="2 entries is beside that output"):
        session.with_output(other)
    session.close()
    with ReviewSession.open(path, output=other) as again:
        assert (again.progress, again.unsaved) == ((2, 3), 0)
        assert again.undo()
    with ReviewSession.open(path) as first:
        assert first.progress == (1, 3)


def test_saving_to_no_known_format_is_refused_at_once(path):
    with pytest.raises(SaveError, match=r"\.xlsx"):
        ReviewSession.open(path, output=path.with_name("out.xlsx"))
    with pytest.raises(TableError, match="cannot be read"):
        ReviewSession.open(path.with_name("none.csv"))


def test_a_name_or_a_time_alone_counts_as_reviewed(path):
    path.write_text(
        f"{HEADER},reviewed_by,reviewed_at\na,0,0,0,1,,me,\nb,0,0,0,1,,,now\n"
    )
    session = ReviewSession.open(path, reviewer="you")
    assert session.progress == (2, 2)
    session.set_label("artifact")
    assert session.progress == (2, 2)


class Model:
    """A simple model of a review."""

    def __init__(self):
        self.start = [int(line.split(",")[3]) for line in ROWS]
        self.done, self.undone = [], []

    def decide(self, at, label):
        if self.in_force().get(at) != label:
            self.done.append((at, label))
            self.undone.clear()

    def in_force(self):
        return dict(self.done)

    def labels(self):
        return [self.in_force().get(i, label) for i, label in enumerate(self.start)]


STEPS = st.one_of(
    st.sampled_from(["next", "previous", "undo", "redo", "save"]),
    st.tuples(st.just("reopen"), st.booleans(), st.booleans()),
    st.tuples(st.just("select"), st.integers(0, len(ROWS) - 1)),
    st.tuples(st.just("verdict"), st.integers(0, 1)),
)


@settings(max_examples=many(50, 5000, few=20))
@given(st.lists(STEPS, max_size=25))
def test_any_review_comes_to_what_a_plain_model_says(steps):
    cells = [line.split(",") for line in ROWS]
    with tempfile.TemporaryDirectory() as folder:
        path, output = Path(folder, "in.csv"), Path(folder, "out.csv")
        path.write_text("\n".join([HEADER, *ROWS]))
        session = ReviewSession.open(path, output=output, reviewer="me")
        model = Model()
        for step in steps:
            match step:
                case "next" | "previous":
                    getattr(session, step)()
                case "undo" | "redo":
                    source, sink = (model.done, model.undone)[
                        :: 1 if step == "undo" else -1
                    ]
                    assert getattr(session, step)() == bool(source)
                    if source:
                        sink.append(source.pop())
                        assert row(session) == sink[-1][0]
                case "save":
                    session.save()
                    assert session.unsaved == 0
                case "reopen", closed, saved_table:
                    at, unsaved = row(session), session.unsaved
                    if closed:
                        session.close()
                    else:
                        # Like a script that does not close it.
                        session.save_position()
                        session = None
                    table = output if saved_table and output.exists() else path
                    session = ReviewSession.open(table, output=output, reviewer="me")
                    assert (row(session), session.unsaved) == (at, unsaved)
                    assert session.disagreements == ()
                case "select", at:
                    session.select(cells[at][0], int(cells[at][1]), int(cells[at][2]))
                case "verdict", label:
                    model.decide(row(session), label)
                    session.set_label(LABEL_NAMES[label])
            assert session.table["label_new"].tolist() == model.labels()
            assert session.table["reviewed_by"].ne("").tolist() == [
                i in model.in_force() for i in range(len(ROWS))
            ]
            reviewed = set(model.in_force()) & set(ERRORS)
            assert session.progress == (len(reviewed), len(ERRORS))
        session.save()
        session.close()
        saved = pd.read_csv(output, dtype=str, keep_default_na=False)
        assert saved["label_new"].astype(int).tolist() == model.labels()
        assert saved[HEADER.split(",")].to_numpy().tolist() == cells


def test_a_user_without_a_name_is_known_by_number(path, monkeypatch):
    def nameless():
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    session = ReviewSession.open(path)
    session.set_label("artifact")
    assert session.current.reviewed_by == "user 4711"
