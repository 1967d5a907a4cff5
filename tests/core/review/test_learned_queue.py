"""The learned order of a queue: verdicts move the cutouts ahead."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest

from napari_artifact_review import ReviewSession
from napari_artifact_review.core.errors import ImageError


@pytest.fixture
def truth(tmp_path):
    """Write a table without images, and return it with its true labels.

    A tenth of the labels is wrong: a third of the missed artifacts, which the model
    does not see, and none of the others.
    """
    rng = np.random.default_rng(3)
    count = 900
    table = pd.DataFrame(
        {
            "image_name": [f"image{i // 30:02}" for i in range(count)],
            "grid_x": [200 * (i % 6) for i in range(count)],
            "grid_y": [200 * (i // 6 % 5) for i in range(count)],
        }
    )
    true = rng.random(count) < 0.4
    label = np.where(true & (rng.random(count) < 0.35), 0, true).astype(int)
    confidence = np.clip(0.5 + 0.3 * (true - 0.5) + rng.normal(0, 0.25, count), 0, 1)
    table["label"], table["preds"] = label, (confidence >= 0.5).astype(int)
    table["confidence"] = confidence.round(3)
    table.to_csv(tmp_path / "predictions.csv", index=False)
    return table.assign(true=true.astype(int))


@pytest.fixture
def path(tmp_path, truth):
    return tmp_path / "predictions.csv"


def open_learned(path, output=None, **options):
    session = ReviewSession.open(path, output=output, reviewer="ada")
    session.set_queue(order="learned", **options)
    return session


def judge(session, truth, count):
    """Give right verdicts on the next cutouts, and return their rows."""
    rows = []
    for _ in range(count):
        row = session.current_cutout.row
        rows.append(row)
        session.set_label("artifact" if truth["true"][row] else "no artifact")
        if not session.next_unreviewed():
            break
    return rows


def queue_rows(session):
    return session.review_queue.rows.tolist()


def ahead(session):
    rows = queue_rows(session)
    return rows[rows.index(session.current_cutout.row) + 1 :]


def test_the_first_ten_are_those_of_the_lowest_self_confidence(path, truth):
    with open_learned(path) as session:
        learned = queue_rows(session)
        session.set_queue(order="mislabelled")
        # Cutouts of equal confidence are in no particular order.
        by_label = truth["confidence"].where(
            truth["label"] == 1, 1 - truth["confidence"]
        )
        assert (
            by_label[learned[:10]].tolist()
            == by_label[queue_rows(session)[:10]].tolist()
        )
        assert sorted(learned) == sorted(queue_rows(session))
        assert learned != queue_rows(session)


def test_verdicts_move_wrong_labels_forwards(path, truth):
    wrong = (truth["true"] != truth["label"]).to_numpy()
    looks = {}
    with open_learned(path) as session:
        rows = judge(session, truth, 1000)
        assert sorted(rows) == sorted(queue_rows(session))
        assert session.learned_queue.text.startswith("Learned from ")
        session.set_queue(order="mislabelled")
        for order, these in (("learned", rows), ("given", queue_rows(session))):
            found = np.cumsum(wrong[these])
            looks[order] = int(np.searchsorted(found, 0.9 * found[-1]))
    assert looks["learned"] < 0.9 * looks["given"]


def test_what_is_behind_and_the_current_cutout_never_change(path, truth):
    with open_learned(path) as session:
        shown = []
        for _ in range(45):
            shown.append(session.current_cutout.row)
            session.set_label("no artifact")
            assert session.current_cutout.row == shown[-1]
            assert queue_rows(session)[: len(shown)] == shown
            session.next()
        session.previous()
        session.previous()
        assert session.current_cutout.row == shown[-2]
        # A verdict that is given again on an earlier cutout moves no cutout behind.
        session.set_label("artifact")
        assert queue_rows(session)[: len(shown)] == shown


def test_the_order_changes_after_every_ten_verdicts(path, truth):
    orders = []
    with open_learned(path) as session:
        for _ in range(51):
            orders.append(ahead(session)[-100:])
            judge(session, truth, 1)
    changes = [i for i in range(1, 51) if set(orders[i]) != set(orders[i - 1])]
    assert set(changes) <= {20, 30, 40, 50}
    assert len(changes) > 1


def test_an_undo_brings_the_order_back(path, truth):
    with open_learned(path) as session:
        judge(session, truth, 39)
        before = set(ahead(session)[:30]), ahead(session)
        judge(session, truth, 1)
        after = ahead(session)
        assert set(after[:30]) != before[0]
        following = session.current_cutout.row
        session.undo()
        # The cutout that was shown meanwhile keeps its position.
        others = [row for row in before[1] if row != following]
        assert ahead(session) == [following, *others]
        session.redo()
        session.next()
        assert ahead(session) == after


def test_killed_and_resumed_the_order_is_the_same(path, truth):
    session = open_learned(path)
    judge(session, truth, 33)
    session.save_position()
    session.wait_until_recorded()
    rows, facts = queue_rows(session), session.learned_queue.facts
    current = session.current_cutout.row
    del session
    with ReviewSession.open(path, reviewer="ada") as again:
        assert again.review_queue.rule.order == "learned"
        assert again.current_cutout.row == current
        assert queue_rows(again) == rows
        assert again.learned_queue.facts["verdicts"] == facts["verdicts"] == 30


def test_the_same_verdicts_give_the_same_order(path, truth, tmp_path):
    orders = []
    for name in ("a.csv", "b.csv"):
        with open_learned(path, tmp_path / name, outcomes=["TP", "TN"]) as session:
            judge(session, truth, 31)
            orders.append(queue_rows(session))
    assert orders[0] == orders[1]
    with open_learned(path, tmp_path / "c.csv", outcomes=["TP", "TN"], seed=1) as other:
        judge(other, truth, 31)
        assert queue_rows(other) != orders[0]


def test_each_verdict_records_what_its_order_was_learned_from(path, truth):
    with open_learned(path) as session:
        # Later, they would be a reason to learn from the same verdicts once more.
        session.descriptors.wait()
        judge(session, truth, 22)
        orders = [entry.context["view"]["order"] for entry in session.log]
        [log_id] = {entry.log_id for entry in session.log}
        session.set_queue(order="image")
        session.set_label("artifact")
        assert "order" not in session.log[-1].context["view"]
    assert [order["verdicts"] for order in orders] == [0] * 10 + [10] * 10 + [20] * 2
    assert orders[-1]["seed"] == 0
    assert orders[-1]["last_numbers"] == {log_id: 20}
    # The table has no images.
    assert (orders[-1]["described"], orders[-1]["model"]) == (0, None)


def test_unsure_verdicts_teach_nothing(path, truth):
    with open_learned(path) as session:
        for _ in range(12):
            session.set_label("unsure")
            session.next()
        assert session.learned_queue.facts["verdicts"] == 0


def test_carried_verdicts_teach_too(path, truth, tmp_path):
    with open_learned(path, tmp_path / "first.csv") as session:
        judge(session, truth, 40)
    second = tmp_path / "second.csv"
    second.write_text(path.read_text())
    with ReviewSession.open(
        second,
        output=tmp_path / "out.csv",
        reviewer="eve",
        previous=tmp_path / "first.csv.review.sqlite",
    ) as session:
        session.set_queue(order="learned")
        assert session.learned_queue.facts["verdicts"] == 40


@pytest.mark.parametrize("count", [1, 2, 10])
@pytest.mark.parametrize("drop", [None, "confidence", "artifacts"])
def test_small_and_plain_tables_have_an_order(path, truth, count, drop):
    table = truth.drop(columns="true")
    if drop == "artifacts":
        table["label"] = 0
    table = table[table["label"] != table["preds"]].head(count)
    if drop == "confidence":
        table = table.drop(columns="confidence")
    table.to_csv(path, index=False)
    with open_learned(path, outcomes=["FP", "FN", "TP", "TN"]) as session:
        rows = queue_rows(session)
        assert sorted(rows) == list(range(count))
        for _ in range(count):
            session.set_label("artifact")
            session.next()
        assert queue_rows(session) == rows
        session.wait_until_ready()
        assert queue_rows(session) == rows


def test_another_threshold_is_another_queue(path, truth):
    with open_learned(path) as session:
        judge(session, truth, 30)
        session.set_threshold(0.8)
        errors = set(session.errors.index)
        assert set(queue_rows(session)) == set(session.queue.index)
        assert len(errors) > 0
        places = queue_rows(session)
        session.set_threshold(None)
        session.set_threshold(0.8)
        assert queue_rows(session) == places


def test_a_window_is_not_held_up(path, truth):
    tasks, come = [], threading.Event()

    def dispatch(task):
        tasks.append(task)
        come.set()

    with ReviewSession.open(path, reviewer="ada") as session:
        session.set_dispatcher(dispatch)
        session.set_queue(order="learned")
        first = queue_rows(session)
        session.wait_until_ready()
        assert come.wait(20)
        assert queue_rows(session) == first, "nothing changes in another thread"
        while tasks:
            tasks.pop(0)()
        assert queue_rows(session) != first
        assert queue_rows(session)[0] == first[0]
        session.set_dispatcher(None)


def test_images_that_cannot_be_read_are_left_out(path):
    with open_learned(path) as session:
        session.wait_until_ready()
        assert session.descriptors.progress == (30, 30)
        assert all(
            isinstance(fault, ImageError) for fault in session.descriptors.faults
        )
        assert len(session.descriptors.faults) == 30
        assert "30 images cannot be used" in session.learned_queue.text


def test_descriptors_and_a_model_move_the_order(demo, tmp_path):
    session = ReviewSession.open(
        demo.predictions, demo.images, tmp_path / "out.csv", reviewer="ada"
    )
    with session:
        session.set_queue(order="learned")
        first = queue_rows(session)
        assert session.wait_until_ready()
        assert session.descriptors.faults == []
        assert not np.isnan(session.descriptors.values).any()
        assert not np.isnan(session.descriptors.probability).any()
        again = queue_rows(session)
        assert sorted(again) == sorted(first)
        assert again != first
        assert again[0] == first[0] == session.current_cutout.row
        for _ in range(10):
            session.set_label("artifact")
            session.next()
        assert session.log[-1].context["view"]["order"]["model"] is not None


def test_a_session_that_is_dropped_or_closed_computes_no_more(demo, tmp_path):
    for is_closed in (True, False):
        session = open_learned(demo.predictions, tmp_path / "out.csv")
        descriptors = session.descriptors
        if is_closed:
            session.close()
        del session
        assert descriptors.wait(30)
        assert descriptors.probability is None


def test_the_reason_names_the_probability_and_not_before_the_first_model(path, truth):
    with ReviewSession.open(path, reviewer="ada") as session:
        assert session.learned_queue.reason(0) is None
    with open_learned(path) as session:
        assert session.learned_queue.reason(0).probability is None
        judge(session, truth, 30)
        row = session.current_cutout.row
        reason = session.learned_queue.reason(row)
        assert reason.probability == pytest.approx(
            session.learned_queue.probability[row]
        )
        # Without images there are no descriptors, and so nothing to resemble.
        assert reason.nearest is None


def test_the_order_is_learned_during_an_audit_too(path, truth):
    with open_learned(path) as session:
        judge(session, truth, 25)
        assert session.learned_queue.facts["verdicts"] == 20
        estimate = session.remaining.estimates
        session.audit(40, seed=2)
        sample = queue_rows(session)
        judge(session, truth, 30)
        assert queue_rows(session) == sample
        assert session.learned_queue.facts["verdicts"] == 50
        assert session.remaining.estimates != estimate
        numbers, order = session.remaining.estimates, session.learned_queue.ranked.rows
        session.save_position()
    with ReviewSession.open(path, reviewer="ada") as session:
        assert session.remaining.estimates == numbers
        assert session.learned_queue.ranked.rows.tolist() == order.tolist()


def test_another_filter_begins_with_the_most_promising_cutout(path, truth):
    """In a window, where a thread computes the order, this must hold too."""
    with open_learned(path) as session:
        judge(session, truth, 40)
        session.set_dispatcher(lambda _: None)
        session.set_queue(["TP", "TN"], order="learned")
        row = session.current_cutout.row
        probability = session.learned_queue.probability
        assert probability[row] > np.quantile(
            probability[session.review_queue.candidates], 0.95
        )
        session.set_dispatcher(None)
