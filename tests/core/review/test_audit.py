"""Audits of a review: random samples, second looks, and what is left after them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from threading import Thread

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review import ReviewSession
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.learning.audit import (
    Audit,
    SampledCutout,
    audit_result,
)
from napari_artifact_review.core.review.audit_record import AuditRecord
from napari_artifact_review.core.review.position import Position
from tests.nightly import many

COUNT = 300


@pytest.fixture
def path(tmp_path):
    """Write a table without images; the label of every third cutout is 1."""
    rows = np.arange(COUNT)
    table = pd.DataFrame(
        {
            "image_name": [f"image{i // 30:02}" for i in range(COUNT)],
            "grid_x": 200 * (rows % 6),
            "grid_y": 200 * (rows // 6 % 5),
            "label": (rows % 3 == 0).astype(int),
            "preds": (rows % 4 == 0).astype(int),
        }
    )
    table.to_csv(tmp_path / "predictions.csv", index=False)
    return tmp_path / "predictions.csv"


def open_review(path, reviewer="ada", **options):
    return ReviewSession.open(path, reviewer=reviewer, **options)


@pytest.fixture
def session(path):
    with open_review(path) as session:
        yield session


def queue_rows(session):
    return session.review_queue.rows.tolist()


def keep(session, *rows, flip=False):
    """Give verdicts that keep the labels of rows, or change them."""
    for verdict, label in (("artifact", 1), ("no artifact", 0)):
        wanted = 1 - label if flip else label
        these = [row for row in rows if session.predictions.label[row] == wanted]
        keys = [session.cutout_index.key_of(row) for row in these]
        if keys:
            session.set_label(verdict, cutouts=keys)


def change(session, *rows):
    keep(session, *rows, flip=True)


def last_audit(session):
    return session.remaining.audits[-1]


def marks(session):
    return [entry.context["view"].get("audit") for entry in session.log]


# The sample


def test_a_sample_has_only_cutouts_without_a_verdict(session):
    keep(session, *range(0, 200, 2))
    change(session, 201)
    session.set_label("unsure", cutouts=[session.cutout_index.key_of(203)])
    before, rule = session.current_cutout.row, session.review_queue.rule
    assert session.audit(150, seed=1) == 1
    rows = queue_rows(session)
    assert len(set(rows)) == 150
    assert not session.catalog.labels.reviewed[rows].any()
    assert rows != sorted(rows), "the order is shuffled"
    assert session.current_cutout.row == rows[0]
    [record] = session.audits.records
    seen = session.catalog.labels.reviewed
    label = session.predictions.label
    assert record.population == (
        int(np.count_nonzero(~seen & (label == 0))),
        int(np.count_nonzero(~seen & (label == 1))),
    )
    assert session.end_audit()
    assert session.current_cutout.row == before
    assert session.review_queue.rule == rule
    assert not session.end_audit()


def test_all_that_is_left_can_be_drawn_as_a_permutation(session):
    session.audit(COUNT, seed=5)
    assert sorted(queue_rows(session)) == [*range(COUNT)]


def test_each_cutout_is_as_likely_as_any_other(session):
    drawn = Counter()
    for seed in range(60):
        session.audit(100, seed=seed)
        drawn.update(queue_rows(session))
    # 20 expected, with a standard deviation of 3.7.
    assert len(drawn) == COUNT
    assert min(drawn.values()) > 3
    assert max(drawn.values()) < 40


def test_the_same_seed_gives_the_same_sample_and_another_audit_another(path, tmp_path):
    samples = []
    for name in ("a.csv", "b.csv"):
        with open_review(path, output=tmp_path / name) as session:
            for _ in range(2):
                session.audit(20, seed=7)
                samples.append(queue_rows(session))
    assert samples[0] == samples[2]
    assert samples[1] == samples[3]
    assert samples[0] != samples[1]


def test_without_a_seed_each_sample_is_new_and_its_seed_is_on_record(path, tmp_path):
    samples = []
    for name in ("a.csv", "b.csv"):
        with open_review(path, output=tmp_path / name) as session:
            session.audit(20)
            samples.append((session.audits.records[0].seed, queue_rows(session)))
    assert samples[0] != samples[1]
    with open_review(path, output=tmp_path / "c.csv") as session:
        session.audit(20, seed=samples[0][0])
        assert queue_rows(session) == samples[0][1]


def test_a_carried_verdict_is_a_look(path, tmp_path):
    with open_review(path, output=tmp_path / "first.csv") as session:
        keep(session, *range(100))
    second = tmp_path / "second.csv"
    second.write_text(path.read_text())
    log = tmp_path / "first.csv.review.sqlite"
    out = tmp_path / "out.csv"
    with open_review(second, "eve", output=out, previous=log) as session:
        assert session.audits.left == COUNT - 100
        session.audit(200)
        assert sorted(queue_rows(session)) == [*range(100, COUNT)]


@pytest.mark.parametrize("n", [0, -3])
def test_an_audit_of_nothing_is_refused(session, n):
    with pytest.raises(ReviewError, match="at least 1 cutout"):
        session.audit(n)
    assert session.audits.records == ()


def test_more_than_what_is_left_is_refused(session):
    keep(session, 0, 1)
    rows = queue_rows(session)
    with pytest.raises(ReviewError, match="only 298 have no verdict"):
        session.audit(299)
    assert queue_rows(session) == rows
    assert session.audits.records == ()


def test_a_read_only_review_has_no_new_audit(path):
    with open_review(path) as session:
        session.audit(10, seed=1)
    with open_review(path, read_only=True) as session:
        assert last_audit(session).size == 10
        for refused in (
            lambda: session.audit(5),
            session.continue_audit,
            session.confirm_audit,
        ):
            with pytest.raises(ReviewError, match="the review is read-only"):
                refused()


# Its verdicts


def test_each_verdict_of_the_queue_is_marked_and_no_other(session):
    keep(session, 0)
    session.audit(10, seed=1)
    rows = queue_rows(session)
    keep(session, rows[0])
    outside = next(row for row in range(1, COUNT) if row not in rows)
    keep(session, outside)
    session.end_audit()
    keep(session, rows[1])
    assert marks(session) == [None, {"number": 1, "look": 1}, None, None]
    assert last_audit(session).answered == 2, "any verdict on the sample is an answer"


def test_the_interval_is_that_of_the_same_facts(session):
    keep(session, *range(0, COUNT, 4))
    session.audit(60, seed=2)
    rows = queue_rows(session)
    change(session, *rows[:3])
    keep(session, *rows[3:50])
    for row in rows[50:55]:
        session.set_label("unsure", cutouts=[session.cutout_index.key_of(row)])
    label = session.predictions.label
    answers = ["changed"] * 3 + ["kept"] * 47 + ["unsure"] * 5 + [None] * 5
    sample = [
        SampledCutout(int(label[row]), answer)
        for row, answer in zip(rows, answers, strict=True)
    ]
    expected = Audit(1, session.audits.records[0].population, sample)
    assert last_audit(session) == audit_result(expected)
    assert last_audit(session).answered == 55
    assert "unsure" in " ".join(last_audit(session).notes)


def test_an_undo_takes_the_answer_back(session):
    session.audit(10, seed=1)
    change(session, queue_rows(session)[0])
    assert last_audit(session).sides.together.unconfirmed == 1
    session.undo()
    assert last_audit(session).answered == 0
    session.redo()
    assert last_audit(session).sides.together.unconfirmed == 1


def test_abandoned_audits_count(session):
    session.audit(10, seed=1)
    session.end_audit()
    assert session.audit(10, seed=1) == 2
    first, second = session.remaining.audits
    assert [first.number, second.number] == [1, 2]
    assert second.alpha == pytest.approx(first.alpha / 4)


def test_labels_that_are_found_later_are_no_longer_left(session):
    change(session, 0, 1)
    keep(session, 4)
    session.undo()
    session.audit(100, seed=3)
    rows = queue_rows(session)
    keep(session, *rows)
    outside = [row for row in range(5, COUNT) if row not in rows]
    before = last_audit(session).sides
    missed = [row for row in outside if session.predictions.label[row] == 0]
    false = [row for row in outside if session.predictions.label[row] == 1]
    change(session, *missed[:4], *false[:2])
    facts = session.remaining_snapshot().audit(session.audits.records[0])
    assert facts.found_later == (4, 2)
    assert facts.found_later_confirmed == (0, 0)
    after = last_audit(session).sides
    assert after.together.wrong == before.together.wrong
    assert after.together.left.high == before.together.left.high
    # A verdict from before the draw that is changed later is not of the population.
    keep(session, 0)
    change(session, 0)
    facts = session.remaining_snapshot().audit(session.audits.records[0])
    assert facts.found_later == (4, 2)


def test_a_verdict_that_was_undone_before_the_draw_was_none(session):
    keep(session, 7)
    session.undo()
    session.audit(20, seed=4)
    assert 7 not in queue_rows(session)
    change(session, 7)
    facts = session.remaining_snapshot().audit(session.audits.records[0])
    assert sum(facts.found_later) == 1


# Interrupted


def test_an_unfinished_audit_goes_on_after_reopening(path):
    with open_review(path) as session:
        session.audit(30, seed=1)
        rows = queue_rows(session)
        keep(session, *rows[:12])
    with open_review(path) as session:
        assert not session.audits.is_in_queue
        assert queue_rows(session) != rows
        assert session.continue_audit()
        assert session.audits.is_in_queue
        assert queue_rows(session) == rows[12:]
        keep(session, *rows[12:])
        assert marks(session) == [{"number": 1, "look": 1}] * 30
        assert not session.continue_audit()
        assert last_audit(session).answered == 30


def test_killed_in_the_middle_the_audit_and_its_numbers_are_the_same(path):
    code = f"""
import os
from napari_artifact_review import ReviewSession
session = ReviewSession.open({str(path)!r}, reviewer="ada")
session.audit(30, seed=9)
for _ in range(7):
    session.set_label("artifact")
    session.next()
print(session.review_queue.rows.tolist(), session.metrics()["remaining"], sep="\\n")
os._exit(9)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert run.returncode == 9, run.stderr
    rows, remaining = run.stdout.splitlines()
    with open_review(path) as session:
        assert repr(session.metrics()["remaining"]) == remaining
        assert session.continue_audit()
        assert str(rows) == str([*json.loads(rows)[:7], *queue_rows(session)])
        assert session.audit(5) == 2


def test_no_audit_cannot_go_on(session):
    assert not session.continue_audit()
    assert not session.confirm_audit()


def test_another_queue_or_similar_cutouts_end_the_marks(session):
    session.audit(10, seed=1)
    row = queue_rows(session)[0]
    session.set_queue(["FP", "FN", "TP", "TN"])
    assert not session.audits.is_in_queue
    keep(session, row)
    assert marks(session) == [None]


# Second looks


@pytest.fixture
def audited(path):
    """Audit forty cutouts as Ada: five finds, the others kept; return their rows."""
    with open_review(path) as session:
        session.audit(40, seed=1)
        rows = queue_rows(session)
        change(session, *rows[:5])
        keep(session, *rows[5:])
    return rows


def test_finds_are_mixed_with_as_many_kept_cutouts(path, audited):
    with open_review(path) as session:
        assert session.confirm_audit()
        rows = queue_rows(session)
        assert len(rows) == 10
        assert {*audited[:5]} < {*rows} < {*audited}
        finds = [rows.index(row) for row in audited[:5]]
        assert sorted(finds) not in ([*range(5)], [*range(5, 10)])
        assert session.review_queue.left == 10
        assert session.review_queue.progress == (0, 10)
        assert session.end_audit()
        assert session.review_queue.progress[0] > 0


def test_a_second_reviewer_confirms_and_rejects(path, audited):
    with open_review(path, "bo") as session:
        session.confirm_audit()
        change(session, *audited[:3])
        keep(session, audited[3])
        session.set_label("unsure", cutouts=[session.cutout_index.key_of(audited[4])])
        assert session.review_queue.left == 5
        side = last_audit(session).sides.together
        assert (side.confirmed, side.weaker) == (3, 0)
        assert (side.rejected, side.unconfirmed) == (1, 1)
        label = session.predictions.label
        sample = [
            SampledCutout(int(label[row]), "changed", confirmation)
            for row, confirmation in zip(
                audited[:5], [*["second reviewer"] * 3, "rejected", None], strict=True
            )
        ]
        sample += [SampledCutout(int(label[row]), "kept") for row in audited[5:]]
        expected = Audit(1, session.audits.records[0].population, sample)
        assert last_audit(session) == audit_result(expected)
        assert session.remaining_snapshot().count_to_confirm("bo") == 1


def test_the_same_reviewer_confirms_with_less_weight(path, audited):
    with open_review(path) as session:
        entries = len(session.log)
        session.confirm_audit()
        for _ in range(10):
            row = session.current_cutout.row
            given = session.catalog.labels.state_of(row).decision
            assert not session.current_cutout.decision, "it is hidden"
            assert session.is_asked_again(session.current_cutout.key)
            assert session.set_label(given), "an equal verdict is recorded"
            assert not session.is_asked_again(session.current_cutout.key)
            assert not session.set_label(given), "but only once"
            assert session.current_cutout.row == row
            session.next_unreviewed()
        assert session.review_queue.left == 0
        assert marks(session)[entries:] == [{"number": 1, "look": 2}] * 10
        side = last_audit(session).sides.together
        assert (side.confirmed, side.weaker, side.unconfirmed) == (0, 5, 0)
        assert last_audit(session).is_weaker
        assert not session.confirm_audit()
        assert session.remaining_snapshot().count_to_confirm("ada") == 0
    with open_review(path, "bo") as session:
        assert session.confirm_audit(), "another reviewer can still confirm them"
        change(session, *audited[:5])
        assert last_audit(session).sides.together.confirmed == 5
        assert not last_audit(session).is_weaker
    with open_review(path) as session:
        assert not session.confirm_audit()


def test_an_undone_second_look_is_asked_again(path, audited):
    with open_review(path) as session:
        session.confirm_audit()
        session.select(*session.cutout_index.key_of(audited[0]))
        change(session, audited[0])
        assert session.review_queue.left == 9
        session.undo()
        assert session.review_queue.left == 10
        assert session.is_asked_again(session.cutout_index.key_of(audited[0]))
        assert last_audit(session).sides.together.unconfirmed == 5
        assert (
            session.catalog.labels.label_new[audited[0]]
            != (session.predictions.label[audited[0]])
        )


def test_a_verdict_that_is_changed_later_needs_a_new_second_look(path, audited):
    with open_review(path, "bo") as session:
        session.confirm_audit()
        change(session, *audited[:5])
        session.end_audit()
        keep(session, audited[0])
        change(session, audited[0])
        side = last_audit(session).sides.together
        assert (side.confirmed, side.unconfirmed) == (4, 1)


def test_a_kept_label_that_the_second_look_changes_is_an_unconfirmed_find(
    path, audited
):
    with open_review(path, "bo") as session:
        session.confirm_audit()
        kept = [row for row in queue_rows(session) if row not in audited[:5]]
        change(session, kept[0])
        side = last_audit(session).sides.together
        assert side.unconfirmed == 6
        session.end_audit()
        session.confirm_audit()
        assert len(queue_rows(session)) == 12


def test_kept_cutouts_without_a_second_look_come_first(path, audited):
    with open_review(path, "bo") as session:
        session.confirm_audit()
        first = {*queue_rows(session)} - {*audited[:5]}
        keep(session, *first)
        session.confirm_audit()
        assert first.isdisjoint(queue_rows(session))


def test_an_ordinary_verdict_confirms_nothing(path, audited):
    with open_review(path, "bo") as session:
        change(session, *audited[:5])
        side = last_audit(session).sides.together
        assert (side.confirmed, side.unconfirmed) == (0, 5)


def test_finds_that_a_later_audit_confirms_are_subtracted_above(path, audited):
    with open_review(path, "bo") as session:
        # Otherwise, the other reviewer's verdicts are not excluded from the sample.
        session.set_team_rules(is_blind=False)
        session.confirm_audit()
        change(session, *audited[:5])
        session.end_audit()
        session.audit(100, seed=3)
        rows = queue_rows(session)
        change(session, *rows[:4])
        keep(session, *rows[4:])
    with open_review(path, "cy") as session:
        before = session.remaining.audits[0].sides.together.left.high
        session.confirm_audit()
        change(session, *rows[:4])
        facts = session.remaining_snapshot().audit(session.audits.records[0])
        assert sum(facts.found_later_confirmed) == 4
        assert session.remaining.audits[0].sides.together.left.high == before - 4


# Surprising verdicts


def test_surprising_verdicts_are_looked_at_again(session):
    assert not session.show_surprising()
    rows = [*range(120)]
    right = [row for row in rows if row != 33]
    keep(session, *right)
    change(session, 33)
    session.set_queue(order="table")
    assert session.show_surprising(10)
    assert len(queue_rows(session)) == 10
    assert session.review_queue.left == 10
    assert session.current_cutout.row == queue_rows(session)[0]
    entries = len(session.log)
    row = session.current_cutout.row
    session.set_label(session.catalog.labels.state_of(row).decision)
    assert session.log[-1].context["view"]["second_look"] is True
    assert len(session.log) == entries + 1
    assert session.review_queue.left == 9
    assert session.end_surprising()
    assert not session.end_surprising()
    keep(session, 200)
    assert "second_look" not in session.log[-1].context["view"]


def test_only_the_reviewers_own_verdicts_are_surprising(path):
    with open_review(path) as session:
        keep(session, *range(20))
    with open_review(path, "bo") as session:
        assert not session.show_surprising()
        keep(session, *range(20, 25))
        assert session.show_surprising()
        assert sorted(queue_rows(session)) == [*range(20, 25)]


def test_surprising_verdicts_are_found_in_any_thread(session):
    keep(session, *[row for row in range(60) if row != 33])
    change(session, 33)
    find, found = session.find_surprising(), []
    keep(session, 70)
    thread = Thread(target=lambda: found.append(find()))
    thread.start()
    thread.join()
    assert sorted(found[0].tolist()) == [*range(60)], "as they were when asked for"
    assert session.show_surprising(10, found[0])
    assert session.shows_surprising
    assert queue_rows(session) == found[0][:10].tolist()


# The numbers


def test_the_results_are_plain_json_with_what_is_left(session):
    keep(session, 1)
    session.audit(10, seed=1)
    keep(session, *queue_rows(session)[:4])
    found = session.metrics()
    names = ["before", "after", "lowest", "highest", "remaining", "anchoring"]
    assert [*found] == names
    assert found["anchoring"] is None
    assert json.loads(json.dumps(found["remaining"])) == found["remaining"]
    left = found["remaining"]
    assert left["estimate"] is None
    assert left["audits"][0]["answered"] == 4
    # The queue of the rule, not that of the audit.
    assert left["queue_size"] == len(session.errors)
    assert "4 of 10 audited" in left["sentence"]


def test_the_estimate_comes_with_the_learned_order(session):
    session.set_queue(order="learned")
    wrong = [row for row in session.errors.index if row % 5 == 0]
    for number in range(30):
        row = session.current_cutout.row
        assert (session.learned_queue.probability is None) == (number < 20)
        (change if row in wrong else keep)(session, row)
        session.next()
    probability = session.learned_queue.probability
    seen = session.catalog.labels.reviewed
    assert np.isnan(probability[seen]).all()
    assert ((probability[~seen] >= 0) & (probability[~seen] <= 1)).all()
    left = session.remaining
    rows = [row for row in queue_rows(session) if not seen[row]]
    assert left.estimates.queue.together.left == pytest.approx(probability[rows].sum())
    assert left.estimates.queue.together.found > 0
    assert left.estimates.table is None
    assert left.looked_at == 30
    assert left.queue_name == "the errors"
    assert left.looks_to_target is not None
    assert left.seconds_to_target is not None
    # Each cutout without a verdict has a probability, also in an audit and undone.
    session.audit(150, seed=1)
    assert session.remaining.queue_size == left.queue_size
    keep(session, *queue_rows(session))
    table = session.remaining.estimates.table.together
    probability = session.learned_queue.probability
    assert table.left == pytest.approx(np.nansum(probability))
    assert table.found == left.estimates.queue.together.found
    session.end_audit()
    for _ in range(3):
        session.undo()
    assert session.remaining.without_verdict == COUNT - 29
    assert session.remaining.estimates is not None


# On record


@given(st.data())
@settings(max_examples=many(100, 2000, few=30))
def test_a_record_survives_json_and_damage_is_noticed(data):
    number = st.integers(1, 10**9)
    sample = data.draw(
        st.dictionaries(
            st.tuples(st.text(), number, number), st.integers(0, 1), max_size=9
        )
    )
    labels = [*sample.values()]
    record = AuditRecord(
        data.draw(number),
        data.draw(number),
        (labels.count(0) + 3, labels.count(1)),
        sample,
        data.draw(st.dictionaries(st.text(), number)),
    )
    stored = json.loads(json.dumps(Position(audits=(record,)).as_json()))
    again, notices = Position.from_json(stored)
    assert again.audits == (record,)
    assert notices == ()
    name = data.draw(st.sampled_from(sorted(stored["audits"][0])))
    stored["audits"][0][name] = data.draw(
        st.sampled_from(["x", -1, [1, "2"], {"a": "b"}, 1.5])
    )
    again, [notice] = Position.from_json(stored)
    assert again.audits == ()
    assert "audits" in notice
