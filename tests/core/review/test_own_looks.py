"""The looks of one reviewer, counted as entries arrive."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.decisions.decision import Decision, LabelState
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.outcomes import LABEL_NAMES
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.journal import Journal
from napari_artifact_review.core.review.own_looks import OwnLooks
from napari_artifact_review.core.review.resume import binding_of
from napari_artifact_review.core.review.reviewers import Perspective
from napari_artifact_review.core.tables.reading import read_predictions
from tests.nightly import many

ROWS = 12


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("looks") / "predictions.csv"
    lines = [f"a,{200 * n},0,0,1" for n in range(ROWS)]
    path.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *lines]))
    return path


@pytest.fixture(scope="module")
def new_journal(table, tmp_path_factory):
    """Return a function that makes the journal of a review without a session."""
    made = []

    def make_it():
        catalog = Catalog(read_predictions(table), 200)
        store = Store(tmp_path_factory.mktemp("log") / "own.sqlite")
        contents = store.read()
        store.bind(binding_of(catalog.predictions))
        journal = Journal(catalog, store, contents, Perspective("ada"))
        made.append(journal)
        return journal, catalog.cutout_index

    yield make_it
    for one in made:
        one.recorder.close({})


_ROW = st.integers(0, ROWS - 1)
_ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("decide"), st.lists(_ROW, min_size=1, max_size=3)),
        st.tuples(st.just("repeat"), _ROW),
        st.tuples(st.just("adopt"), _ROW),
        st.tuples(st.just("other"), _ROW),
        st.tuples(st.just("own elsewhere"), _ROW),
        st.tuples(st.just("undo"), st.none()),
        st.tuples(st.just("redo"), st.none()),
    ),
    max_size=14,
)


class _OtherLog:
    """The log of another computer, which knows no entry of this one."""

    def __init__(self, log_id, name):
        self.log, self._name = DecisionLog(log_id=log_id), name

    def decide(self, cutout, count):
        label = count % 2
        state = LabelState(label, self._name, f"then {count}", LABEL_NAMES[label])
        self.log.add(self.log.decide([Decision.from_state(cutout, state)], {}))
        return self.log.entries


def numbers(looks):
    return (
        looks.count,
        looks.last_row,
        [looks.repeats_from(n) for n in range(looks.count + 1)],
        [sorted(looks.rows_until(n)) for n in range(-1, looks.count + 1)],
        [looks.is_repeated(row) for row in range(ROWS)],
    )


@settings(max_examples=many(100, 2_000, few=25))
@given(_ACTS)
def test_the_looks_are_those_that_the_log_has_at_the_end(new_journal, acts):
    journal, index = new_journal()
    looks = OwnLooks(journal, index, "ada")
    logs = {
        "other": _OtherLog("their", "eve"),
        "own elsewhere": _OtherLog("far", "ada"),
    }
    for count, (act, what) in enumerate(acts):
        verdict = LABEL_NAMES[count % 2]
        if act == "decide":
            journal.decide(what, verdict, "", str(count), {})
        elif act == "repeat":
            journal.reviewers.is_repeat = lambda _: True
            journal.decide([what], verdict, "", str(count), {})
            journal.reviewers.is_repeat = lambda _: False
        elif act == "adopt":
            journal.adopt({index.key_of(what): LabelState(count % 2)})
        elif act in logs:
            journal.receive(logs[act].decide(index.key_of(what), count))
        elif act == "undo":
            journal.undo()
        else:
            journal.redo()
        journal.recorder.wait()
    assert numbers(looks) == numbers(OwnLooks(journal, index, "ada"))


def test_looks_are_the_own_verdicts_that_are_not_undone(new_journal):
    journal, index = new_journal()
    looks = OwnLooks(journal, index, "ada")
    journal.receive(_OtherLog("their", "eve").decide(index.key_of(9), 0))
    journal.recorder.wait()
    journal.decide([3, 4], "artifact", "", "", {})
    journal.adopt({index.key_of(5): LabelState(1)})
    journal.decide([3], "no artifact", "", "", {})
    journal.recorder.wait()
    assert (looks.count, looks.last_row) == (3, 3)
    assert looks.rows_until(0) == []
    assert looks.rows_until(1) == [4]
    journal.undo()
    journal.recorder.wait()
    assert looks.count == 2
    assert looks.rows_until(0) == [3]
    journal.redo()
    journal.recorder.wait()
    assert looks.count == 3


def test_a_repeated_cutout_is_no_more_among_the_old_ones(new_journal):
    journal, index = new_journal()
    looks = OwnLooks(journal, index, "ada")
    journal.receive(_OtherLog("their", "eve").decide(index.key_of(9), 0))
    journal.recorder.wait()
    journal.decide([3, 4], "artifact", "", "", {})
    journal.reviewers.is_repeat = lambda cutout: cutout == index.key_of(4)
    journal.decide([4], "no artifact", "", "", {})
    journal.recorder.wait()
    assert looks.is_repeated(4)
    assert [looks.repeats_from(n) for n in (0, 2, 3)] == [1, 1, 0]
    assert looks.rows_until(9) == [3]
