"""The queue: filters and orders compared with pandas, moves compared with a list."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.queue import ORDERS, STATES, Queue, QueueRule
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.reading import read_predictions
from tests.nightly import many

KINDS = ("ghost", "bleed")

#: Few values, so that many are equal; one cell may be empty.
CONFIDENCES = ("0", "0.1", "0.30", "0.5", "0.9", "0.95", "0.950000001", "1", "")

ROWS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 1),
        st.integers(0, 1),
        st.sampled_from(CONFIDENCES),
    ),
    min_size=1,
    max_size=14,
)

#: A row, its verdict and its kind; None undoes the verdict.
SAID = st.lists(
    st.tuples(
        st.integers(0, 13),
        st.sampled_from(("artifact", "no artifact", "unsure", None)),
        st.sampled_from(("", *KINDS)),
    ),
    max_size=8,
)

#: Verdicts of an earlier round, by row.
CARRIED = st.dictionaries(
    st.integers(0, 13), st.sampled_from(("artifact", "no artifact", "unsure"))
)

RULES = st.builds(
    QueueRule,
    outcomes=st.lists(st.sampled_from(("FP", "FN", "TP", "TN")), unique=True).map(
        tuple
    ),
    state=st.sampled_from(STATES),
    images=st.none() | st.lists(st.sampled_from("abc"), max_size=3).map(tuple),
    kinds=st.none() | st.lists(st.sampled_from(KINDS), max_size=2).map(tuple),
    order=st.sampled_from(ORDERS),
    seed=st.integers(0, 3),
)

THRESHOLDS = st.none() | st.sampled_from((0.0, 0.5, 0.95, 1.0))


def catalog_of(rows):
    lines = [
        f"{name},{i},0,{label},{preds},{confidence}"
        for i, (name, label, preds, confidence) in enumerate(rows)
    ]
    head = "image_name,grid_x,grid_y,label,preds,confidence"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_text("\n".join([head, *lines]) + "\n")
        return Catalog(read_predictions(path), 200)


def decide(catalog, row, verdict, kind):
    before = int(catalog.labels.label_new[row])
    label = {"artifact": 1, "no artifact": 0}.get(verdict, before)
    key = catalog.cutout_index.key_of(row)
    said = verdict and Decision(key, label, "ada", "2026-11-22", verdict, kind)
    carried = catalog.labels.carried_decisions.get(row)
    catalog.labels.set_decision(row, said or carried, carried)


def carry(catalog, verdicts):
    for row, verdict in verdicts.items():
        if row < len(catalog.preds):
            key, label = catalog.cutout_index.key_of(row), int(verdict == "artifact")
            said = Decision(key, label, "eve", "2025", verdict, is_carried=True)
            catalog.labels.set_decision(row, said, said)


def selected(table, rule, threshold):
    """Return the rows of a rule, computed with pandas."""
    table = table.copy()
    number = table.confidence
    if threshold is not None:
        over = (number >= threshold).astype(int)
        table["preds"] = over.where(number.notna(), table.preds)
    names = {(0, 0): "TN", (0, 1): "FP", (1, 0): "FN", (1, 1): "TP"}
    pairs = zip(table.label, table.preds, strict=True)
    table["outcome"] = [names[int(label), int(preds)] for label, preds in pairs]
    compare_rounds(table)
    which = table.outcome.isin(rule.outcomes)
    if rule.images is not None:
        which &= table.image_name.isin(rule.images)
    if rule.kinds is not None:
        which &= table.kind.isin(rule.kinds)
    which &= {
        "all": True,
        "unreviewed": table.decision == "",
        "reviewed": table.decision != "",
        "changed": table.label_new != table.label,
        "unsure": table.decision == "unsure",
        "new errors": table.is_error & (table.decision == ""),
        "contradicted": table.is_contradicted,
        "settled": table.is_settled,
        "next round": table.is_new | table.is_contradicted,
    }[rule.state]
    images = {name: i for i, name in enumerate(table.image_name.unique())}
    random = np.random.default_rng(rule.seed).permutation(len(table))
    key = {
        "table": pd.Series(range(len(table))),
        "image": table.image_name.map(images),
        "confident": -number.where(table.preds == 1, 1 - number),
        "uncertain": number.where(table.preds == 1, 1 - number),
        "mislabelled": number.where(table.label == 1, 1 - number),
        # Before an order is learned.
        "learned": number.where(table.label == 1, 1 - number),
        "random": pd.Series(random),
    }[rule.order]
    sorts = ["key"]
    if rule.state == "next round":
        sorts.insert(0, "is_old")
    return table.assign(key=key)[which].sort_values(sorts, kind="stable")


def compare_rounds(table):
    """Add what the table and the verdicts of an earlier round say about each row."""
    table["is_error"] = table.preds != table.label
    sure = table.carried.isin(("artifact", "no artifact"))
    agrees = (table.carried == "artifact").astype(int) == table.preds
    table["is_settled"], table["is_contradicted"] = sure & agrees, sure & ~agrees
    table["is_new"] = table.is_error & (table.carried == "")
    table["is_old"] = ~table.is_new
    answered = (table.decision != "") & (table.reviewed_by != "eve")
    is_asked = (table.decision == "") | table.is_contradicted
    table["is_open"] = ~answered & is_asked


def named(rows, rule):
    """Return the rule without the images that are not in the table."""
    there = {name for name, *_ in rows}
    images = rule.images and tuple(name for name in rule.images if name in there)
    return QueueRule(
        rule.outcomes, rule.state, images, rule.kinds, rule.order, rule.seed
    )


@settings(max_examples=many(300, 3000, few=60))
@given(ROWS, SAID, RULES, THRESHOLDS, CARRIED)
def test_it_is_what_pandas_would_select(rows, said, rule, threshold, carried):
    catalog, rule = catalog_of(rows), named(rows, rule)
    carry(catalog, carried)
    for row, verdict, kind in said:
        if row < len(rows):
            decide(catalog, row, verdict, kind)
    table = catalog.table
    table["carried"] = [carried.get(row, "") for row in range(len(rows))]
    catalog.set_threshold(threshold)
    queue = Queue(catalog, rule)
    wanted = selected(table, rule, threshold)
    assert queue.rows.tolist() == wanted.index.tolist()
    assert len(queue) == len(wanted)
    assert queue.left == wanted.is_open.sum()


@settings(max_examples=many(300, 3000, few=60))
@given(ROWS, SAID, RULES, CARRIED)
def test_what_is_decided_lets_in_and_out_as_a_new_queue_would(
    rows, said, rule, carried
):
    catalog, rule = catalog_of(rows), named(rows, rule)
    carry(catalog, carried)
    queue = Queue(catalog, rule)
    for row, verdict, kind in said:
        if row < len(rows):
            decide(catalog, row, verdict, kind)
            queue.update(row)
    new = Queue(catalog, rule)
    assert queue.rows.tolist() == new.rows.tolist()
    assert (len(queue), queue.left, queue.progress) == (
        len(new),
        new.left,
        new.progress,
    )
    assert [row in queue for row in range(len(rows))] == [
        row in new for row in range(len(rows))
    ]


@settings(max_examples=many(300, 3000, few=60))
@given(ROWS, SAID, RULES.filter(lambda rule: rule.state != "next round"))
def test_the_way_through_it_is_that_through_a_list(rows, said, rule):
    catalog, rule = catalog_of(rows), named(rows, rule)
    for row, verdict, kind in said:
        if row < len(rows):
            decide(catalog, row, verdict, kind)
    queue = Queue(catalog, rule)
    everything = QueueRule(outcomes=("FP", "FN", "TP", "TN"), **_order(rule))
    whole, inside = Queue(catalog, everything).rows.tolist(), queue.rows.tolist()
    open_ones = [i for i in inside if not catalog.labels.reviewed[i]]
    names = list(dict.fromkeys(name for name, *_ in rows))
    image = {i: name for i, (name, *_) in enumerate(rows)}
    for place, row in enumerate(whole):
        after = [i for i in whole[place + 1 :] if i in inside]
        before = [i for i in whole[:place] if i in inside]
        assert queue.after(row) == (after[0] if after else None)
        assert queue.before(row) == (before[-1] if before else None)
        assert queue.position_of(row) == (
            inside.index(row) + 1 if row in inside else None
        )
        still = [i for i in after if i in open_ones] or open_ones
        assert queue.unreviewed_after(row) == (still[0] if still else None)
        skipped = names[:1]
        others = [i for i in whole[place:] if i in inside and image[i] not in skipped]
        assert queue.image_after(row, *skipped) == (
            image[others[0]] if others else None
        )
        others = [i for i in before if image[i] not in skipped]
        assert queue.image_before(row, *skipped) == (
            image[others[-1]] if others else None
        )
    for name, count in zip(names, queue.image_counts.tolist(), strict=True):
        of_image = [i for i in inside if image[i] == name]
        assert queue.rows_of(name).tolist() == of_image
        assert count == len(of_image)


def _order(rule):
    return {"order": rule.order, "seed": rule.seed}


# The first one also imports cleanlab.
@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=60
    ).filter(lambda rows: len({label for label, _ in rows}) == 2)
)
def test_the_most_likely_mislabelled_are_those_of_cleanlab(rows):
    from cleanlab.rank import get_label_quality_scores

    catalog = catalog_of([("a", label, 0, repr(c)) for label, c in rows])
    rule = QueueRule(outcomes=("FP", "FN", "TP", "TN"), order="mislabelled")
    labels, confidence = (np.array(column) for column in zip(*rows, strict=True))
    scores = get_label_quality_scores(
        labels,
        np.column_stack([1 - confidence, confidence]),
        method="self_confidence",
    )
    ranking = np.argsort(scores, kind="stable")
    assert Queue(catalog, rule).rows.tolist() == ranking.tolist()


def test_a_long_queue_is_walked_to_its_end():
    rows = [("a", 0, int(i in (9_000, 20_000)), "1") for i in range(25_000)]
    catalog = catalog_of(rows)
    queue = Queue(catalog, QueueRule(outcomes=("FP", "TN"), kinds=None))
    rule = QueueRule(outcomes=("FP",))
    errors = Queue(catalog, rule)
    assert errors.after(0) == 9_000
    assert errors.after(9_000) == 20_000
    assert errors.before(24_999) == 20_000
    assert queue.after(24_998) == 24_999
    changed = Queue(catalog, QueueRule(("FP", "TN"), state="changed"))
    assert (changed.after(0), changed.before(24_999)) == (None, None)
    decide(catalog, 12_345, "artifact", "")
    changed.update(12_345)
    assert changed.after(0) == changed.before(24_999) == 12_345


# In a session


@pytest.fixture
def errors(session):
    return session.errors.index.tolist()


def key(session, row):
    return CutoutKey(*session.table.loc[row, ["image_name", "grid_x", "grid_y"]])


def test_it_begins_with_all_errors_image_by_image(session, errors):
    assert session.queue.index.tolist() == errors
    assert session.current.name == errors[0]
    walked = [session.current.name]
    while session.next():
        walked.append(session.current.name)
    assert walked == errors


def test_next_and_previous_follow_it(session):
    session.set_queue(outcomes=("TP", "FP"), order="confident")
    queue = session.queue
    assert queue.outcome.isin(["TP", "FP"]).all()
    session.select(*key(session, queue.index[0]))
    walked = [session.current.name]
    while session.next():
        walked.append(session.current.name)
    assert walked == queue.index.tolist()
    while session.previous():
        walked.pop()
    assert walked == queue.index[:1].tolist()


def test_a_new_queue_begins_with_its_first_unreviewed_cutout(session):
    session.go_to(3)
    session.set_queue(order="random", seed=3)
    order = session.queue.index.tolist()
    assert session.current.name == order[0]
    session.set_label("artifact")
    session.next()
    session.set_label("no artifact")
    session.set_queue(order="mislabelled")
    session.set_queue(order="random", seed=3)
    assert session.current.name == order[2], "the first two are reviewed"


def test_a_queue_of_reviewed_cutouts_begins_with_its_first(session):
    session.go_to(3)
    while True:
        session.set_label("artifact")
        if not session.next_unreviewed():
            break
    session.set_queue(order="confident")
    assert session.current.name == session.queue.index[0]


def test_the_same_queue_again_leaves_the_reviewer_where_they_are(session):
    session.set_queue(order="confident")
    session.next()
    here = session.current.name
    session.set_queue(order="confident")
    assert session.current.name == here


def test_an_empty_queue_leaves_the_reviewer_where_they_are(session):
    session.go_to(3)
    there = session.current.name
    session.set_queue(kinds=["ghost"])
    assert session.queue.empty
    assert session.current.name == there
    assert not session.next()
    assert not session.previous()
    assert not session.first()
    assert not session.last()


def test_back_returns_from_a_new_queue(session):
    session.go_to(3)
    there = session.current.name
    session.set_queue(order="random", seed=3)
    assert session.back()
    assert session.current.name == there


def test_first_and_last_are_the_ends_of_the_queue(session, errors):
    assert session.last()
    assert session.current.name == errors[-1]
    assert session.first()
    assert session.current.name == errors[0]
    assert session.back()
    assert session.current.name == errors[-1]


def test_what_is_decided_leaves_a_queue_of_unreviewed(session, errors):
    session.set_queue(state="unreviewed")
    session.set_label("artifact")
    assert session.queue.index.tolist() == errors[1:]
    assert (len(session.review_queue), session.review_queue.left) == (3, 3)
    assert session.progress == (1, 4)
    assert session.next()
    assert session.current.name == errors[1]
    session.undo()
    assert session.current.name == errors[0]
    assert session.queue.index.tolist() == errors


def test_what_is_unsure_comes_back_in_its_own_queue(session, errors):
    before = session.current.label_new
    session.set_label("unsure", note="faint")
    assert session.current.label_new == before
    assert session.current[["decision", "note"]].tolist() == ["unsure", "faint"]
    session.next()
    session.set_label("artifact", kind="ghost")
    session.set_queue(state="unsure")
    assert session.queue.index.tolist() == errors[:1]
    session.set_queue(kinds=["ghost"])
    assert session.queue.index.tolist() == errors[1:2]


def test_the_next_unreviewed_is_found_around_the_end(session, errors):
    session.next()
    session.set_label("artifact")
    session.go_to(session.errors.error_id.iloc[3])
    session.set_label("artifact")
    assert session.next_unreviewed()
    assert session.current.name == errors[0]
    assert session.next_unreviewed()
    assert session.current.name == errors[2]
    for row in (0, 2):
        session.select(*key(session, errors[row]))
        session.set_label("artifact")
    assert not session.next_unreviewed()


def test_one_goes_back_to_where_one_was(session, errors):
    assert not session.back()
    session.next()
    session.select("west", 200, 200)
    session.back()
    assert session.current.name == errors[1]
    session.back()
    assert session.current.image_name == "west"


def test_the_threshold_moves_outcomes_and_leaves_decisions(session):
    session.set_label("artifact", kind="ghost")
    decided, before = session.current.name, session.table
    changes = []
    session.queue_changed.connect(lambda: changes.append(session.queue.shape[0]))
    session.set_threshold(0.98)
    table = session.table
    assert set(table.outcome) == {"TN", "FN"}
    assert changes == [len(session.queue)] == [(table.label == 1).sum()]
    assert len(session.errors) == len(session.queue)
    assert table.loc[decided, "kind"] == "ghost"
    pd.testing.assert_series_equal(table.error_id, before.error_id)
    session.save()
    saved = pd.read_csv(session.output)
    assert saved.preds.tolist() == before.preds.tolist()
    session.set_threshold(None)
    pd.testing.assert_frame_equal(session.table, before)


@given(ROWS)
def test_the_table_s_own_threshold_is_one_that_makes_its_preds(rows):
    catalog = catalog_of(rows)
    own = catalog.own_threshold
    values = {0.0, 1.0, *(float(row[-1]) for row in rows if row[-1])}
    for value in values if own is None else {own}:
        catalog.set_threshold(value)
        makes_them = catalog.preds.tolist() == catalog.predictions.preds.tolist()
        assert makes_them == (own is not None)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_threshold_is_a_probability(session, value):
    with pytest.raises(ValueError, match="from 0 to 1"):
        session.set_threshold(value)


def test_without_a_confidence_there_is_no_threshold_and_no_such_order(survey):
    table = pd.read_csv(survey, dtype=str).drop(columns="confidence")
    table.to_csv(survey, index=False)
    with ReviewSession.open(survey) as session:
        before = session.queue
        with pytest.raises(ReviewError, match="no column confidence"):
            session.set_threshold(0.5)
        for order in ("confident", "uncertain", "mislabelled"):
            with pytest.raises(ReviewError, match="no column confidence"):
                session.set_queue(order=order)
        pd.testing.assert_frame_equal(session.queue, before)


@pytest.mark.parametrize(
    "named", [{"outcomes": ["XX"]}, {"state": "open"}, {"order": "alphabet"}]
)
def test_what_no_queue_knows_is_refused(session, named):
    before = session.queue
    with pytest.raises(ValueError, match="is none of"):
        session.set_queue(**named)
    pd.testing.assert_frame_equal(session.queue, before)


def test_an_image_that_is_not_there_is_refused(session):
    with pytest.raises(ReviewError, match="no image east"):
        session.set_queue(images=["north", "east"])
    session.set_queue(images="north")
    assert set(session.queue.image_name) == {"north"}


def test_a_review_goes_on_with_its_queue_and_threshold(survey):
    with ReviewSession.open(survey) as session:
        session.set_queue(state="unreviewed", order="random", seed=7)
        session.set_threshold(0.98)
        queue = session.queue
    with ReviewSession.open(survey) as session:
        assert session.threshold == 0.98
        pd.testing.assert_frame_equal(session.queue, queue)


def test_a_queue_that_the_table_has_no_more_is_all_errors_again(survey):
    with ReviewSession.open(survey) as session:
        session.set_label("artifact")
        session.set_queue(order="mislabelled")
        errors = session.errors.index.tolist()
    table = pd.read_csv(survey, dtype=str).drop(columns="confidence")
    table.to_csv(survey, index=False)
    with ReviewSession.open(survey) as session:
        assert session.queue.index.tolist() == errors
        assert any("reset to all errors" in remark for remark in session.notices)
