"""Blind repeats of a reviewer's own verdicts: when they come, and how they look."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_artifact_review.core.review.groups import in_groups
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.team.ballots import ballots_of, is_repeat
from napari_artifact_review.core.team.repeats import MIN_DISTANCE, repeats_of

COUNT = 420


@pytest.fixture
def path(tmp_path):
    """Return a table in which all cutouts are errors, 20 in each image."""
    draw = np.random.default_rng(2)
    lines = ["image_name,grid_x,grid_y,label,preds,confidence"]
    for n in range(COUNT):
        label = int(draw.random() < 0.4)
        confidence = (1 - label) * 0.95 + draw.random() * 0.05
        lines.append(
            f"e{n // 20},{n % 20 * 200},0,{label},{1 - label},{confidence:.4f}"
        )
    path = tmp_path / "predictions.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def ana(path):
    """Return the session of a reviewer in a team, that may be asked again from now on.

    The queue is shuffled.
    """
    with ReviewSession.open(path, reviewer="Ana") as session:
        session.set_queue(order="random", seed=3)
        session.set_team_rules(seed=8, repeat_share=0.2)
        give_page(session, MIN_DISTANCE)
        yield session


def give_page(session, looks):
    """Give a verdict on the next cutouts of the queue, as one act."""
    rows = session.review_queue.rows
    rows = rows[session.catalog.are_open()[rows]][:looks].tolist()
    keys = [session.cutout_index.key_of(row) for row in rows]
    session.set_label("artifact", "trail", "a note", cutouts=keys)
    session.next_unreviewed()


def verdict(session):
    """Return a verdict that depends on the cutout."""
    row = session.current_cutout.row
    return "artifact" if row % 3 else "no artifact"


def step(session, kind="trail", note="a note"):
    session.set_label(verdict(session), kind, note)
    session.next_unreviewed()


def walk(session, looks):
    for _ in range(looks):
        step(session)


def rows_of(session, entries):
    return [session.cutout_index.row_of(entry.cutout) for entry in entries]


def verdicts(session):
    return [entry for entry in session.log if entry.action == "decide"]


def repeat_row(session):
    return session.catalog.hidden.repeated_row


def walk_to_repeat(session, most=40):
    """Give verdicts until the current cutout is a repeat; return its row."""
    for _ in range(most):
        if session.current_cutout.row == repeat_row(session):
            return repeat_row(session)
        step(session)
    raise AssertionError("no repeat came")


def look(session, row):
    """Return everything that the screen shows of a cutout, apart from its position."""
    catalog, key = session.catalog, session.cutout_index.key_of(row)
    one = catalog.cutout(row)
    many = catalog.cutouts_of(one.image_name)
    many = many.take(many.rows == row)
    return {
        "cutout": [
            one.label == one.label_new,
            one.reviewed,
            one.reviewed_by,
            one.reviewed_at,
            one.decision,
            one.kind,
            one.note,
            one.is_carried,
            one.is_hidden,
        ],
        "box": [
            bool(many.label_new[0] == many.label[0]),
            bool(many.reviewed[0]),
            bool(many.unsure[0]),
            bool(many.carried[0]),
            bool(many.hidden[0]),
            bool(many.pending[0]),
        ],
        "fields": session.shown_state(key)[1:],
        "kinds": row in catalog.shown_kinds,
        "group": [g.name for g in in_groups(catalog, np.array([row]), "kind")[1]],
        "open": bool(catalog.seem_open()[row]),
        "reviewed": bool(catalog.seem_reviewed()[row]),
        "draft": session.drafts.get(key),
        "in queue": row in session.review_queue,
        "listed": row in session.review_queue.rows_of(one.image_name),
        "hidden facts": catalog.hidden.facts_of(row),
        "others": session.reviewers.may_see(key),
    }


def test_about_a_twentieth_of_the_looks_are_repeats_of_old_ones(ana):
    ana.set_team_rules(repeat_share=0.05)
    walk(ana, 300 - MIN_DISTANCE)
    entries = verdicts(ana)
    again = [n for n, entry in enumerate(entries) if is_repeat(entry)]
    assert 10 <= len(again) <= 15, "5 % of the looks after the first fifty"
    rows = rows_of(ana, entries)
    for n in again:
        before = [m for m in range(n) if rows[m] == rows[n]]
        assert len(before) == 1, "no cutout is repeated twice"
        assert n - before[0] >= MIN_DISTANCE
    assert len({*np.diff(again).tolist()}) > 4, "nothing tells when a repeat comes"
    assert ana.progress == (300 - len(again), COUNT)
    assert ana.stored == 300 - len(again)
    assert ana.review_queue.left == COUNT - 300 + len(again)


def test_half_of_the_looks_can_be_repeats_and_each_cutout_is_one_once(ana):
    ana.set_team_rules(repeat_share=0.5)
    walk(ana, 70)
    again = rows_of(ana, filter(is_repeat, ana.log))
    assert len({*again}) == len(again) >= 24


def test_repeats_are_drawn_uniformly_and_by_the_seed(ana):
    draws = set()
    give_page(ana, 60)
    for seed in range(20):
        ana.set_team_rules(seed=seed)
        draws.add(repeat_row(ana))
    assert len(draws) > 8
    ana.set_team_rules(seed=0)
    first = repeat_row(ana)
    ana.set_team_rules(seed=1)
    ana.set_team_rules(seed=0)
    assert repeat_row(ana) == first


def test_a_reviewer_alone_has_no_repeats(path):
    with ReviewSession.open(path, reviewer="Ana") as session:
        for _ in range(4):
            give_page(session, 50)
        assert repeat_row(session) == -1
        # They can be added at any time, and end at any time.
        session.set_team_rules()
        assert repeat_row(session) >= 0
        session.set_team_rules(repeat_share=0)
        assert repeat_row(session) == -1
        assert session.review_queue.rows.tolist() == [*range(COUNT)]


@pytest.mark.parametrize("hides", [False, True])
def test_a_repeat_looks_like_a_cutout_without_a_verdict(ana, hides):
    ana.hide_predictions = hides
    row = walk_to_repeat(ana)
    entries = verdicts(ana)
    assert row in rows_of(ana, entries[:-MIN_DISTANCE])
    ana.next_unreviewed()
    fresh = ana.current_cutout.row
    ana.previous()
    assert ana.current_cutout.row == row
    assert look(ana, row) == look(ana, fresh)
    assert look(ana, row)["cutout"][-1] == hides
    # Nothing is lost meanwhile.
    assert ana.catalog.labels.decision_of(row).kind == "trail"
    assert ana.catalog.revealed_cutout(row).note == "a note"
    assert pd.read_csv(ana.save()).decision.notna().sum() == len(entries)


def test_a_repeat_of_an_unsure_verdict_looks_like_any_other(ana):
    rows = rows_of(ana, verdicts(ana))
    ana.set_label("unsure", cutouts=[*map(ana.cutout_index.key_of, rows)])
    give_page(ana, MIN_DISTANCE)
    row = walk_to_repeat(ana)
    assert row in rows
    assert ana.catalog.labels.unsure[row]
    ana.next_unreviewed()
    assert look(ana, row) == look(ana, ana.current_cutout.row)


def test_a_repeat_is_hidden_as_soon_as_predictions_are(ana):
    row = walk_to_repeat(ana)
    ana.hide_predictions = True
    assert ana.catalog.cutout(row).is_hidden
    ana.hide_predictions = False
    assert not ana.catalog.cutout(row).is_hidden
    assert not ana.catalog.cutout(row).reviewed


def test_another_queue_does_not_begin_with_a_repeat_that_it_cannot_have(ana):
    walk_to_repeat(ana)
    ana.set_queue(state="reviewed", order="confident")
    assert ana.current_cutout.row == ana.review_queue.rows[0]


def test_a_repeat_is_not_found_by_its_note(ana):
    walk_to_repeat(ana)
    row = ana.current_cutout.row
    answered = {*rows_of(ana, verdicts(ana))} - {row}
    found = set()
    while ana.find("a note") and ana.current_cutout.row not in found:
        found.add(ana.current_cutout.row)
    assert found == answered


def test_a_repeat_changes_no_number_until_its_verdict(ana):
    seen = []
    for _ in range(40):
        queue, row = ana.review_queue, ana.current_cutout.row
        seen.append((queue.position_of(row), len(queue), queue.left, ana.progress))
        assert queue.rows.tolist().count(row) == 1
        assert len(queue.rows) == len(queue)
        step(ana)
    again = [n for n, entry in enumerate(verdicts(ana)) if is_repeat(entry)]
    assert len(again) > 5
    repeats = 0
    for n, (position, size, left, progress) in enumerate(seen, MIN_DISTANCE):
        # Each repeat has the position of the cutout that would have been there.
        assert position == n + 1 - repeats
        assert (size, left) == (COUNT, COUNT - n + repeats)
        assert progress == (n - repeats, COUNT)
        repeats += n in again


def test_the_queue_leads_to_a_repeat_and_back(ana):
    row = walk_to_repeat(ana)
    queue = ana.review_queue
    at = queue.rows.tolist().index(row)
    before, after = queue.rows[at - 1], queue.rows[at + 1]
    assert (queue.before(row), queue.after(row)) == (before, after)
    assert (queue.after(before), queue.before(after)) == (row, row)
    step(ana)
    # It keeps its place, so that one step back finds it there.
    assert ana.current_cutout.row == after
    ana.previous()
    assert ana.current_cutout.row == row
    assert ana.current_cutout.reviewed


def test_the_verdict_on_a_repeat_is_an_ordinary_one(ana):
    row = walk_to_repeat(ana)
    before = ana.catalog.labels.decision_of(row)
    command = ana.set_label(before.verdict, "trail", "a note", wait=10.0)
    assert command.state == "recorded"
    [old] = command.old_states.values()
    assert not old.reviewed, "the line about the verdict does not show the earlier one"
    entry = ana.log[-1]
    assert entry.context["team"]["repeat"] is True
    assert entry.verdict == before.verdict, "the same verdict is recorded again"
    assert repeat_row(ana) != row
    assert ana.current_cutout.reviewed
    assert ana.catalog.labels.decision_of(row).decided_at == entry.decided_at
    [pair] = repeats_of(ballots_of_log(ana))["Ana"]
    assert [one.cutout for one in pair] == [entry.cutout] * 2
    assert pair[1] == entry
    # One more verdict on it is no repeat.
    ana.set_label("unsure")
    assert not is_repeat(ana.log[-1])


def ballots_of_log(session):
    return [*ballots_of(session.reviewers.votes.log)]


def test_an_undo_brings_a_repeat_back_as_it_was(ana):
    row = walk_to_repeat(ana)
    before, rows = look(ana, row), ana.review_queue.rows.tolist()
    ana.set_label("unsure", "ghost")
    ana.next_unreviewed()
    ana.undo()
    assert ana.current_cutout.row == row
    assert look(ana, row) == before
    assert ana.review_queue.rows.tolist() == rows
    ana.redo()
    assert ana.current_cutout.decision == "unsure"
    ana.undo()
    # One more undo goes to an ordinary cutout, and the repeat comes again later.
    ana.undo()
    assert ana.current_cutout.row != row
    for _ in range(3):
        step(ana)
        if ana.current_cutout.row == row:
            break
    assert look(ana, row) == before


def test_a_repeat_without_a_verdict_is_asked_about_until_the_next_is_due(ana):
    row = walk_to_repeat(ana)
    ana.next_unreviewed()
    before = ana.progress
    for _ in range(20):
        if ana.current_cutout.row == row:
            ana.next_unreviewed()
        step(ana)
    asked = [*rows_of(ana, filter(is_repeat, ana.log)), repeat_row(ana)]
    assert row not in asked
    assert ana.catalog.cutout(row).reviewed, "it looks as its verdict says"
    assert ana.progress[0] - before[0] == 20 - sum(map(is_repeat, ana.log))


@pytest.mark.parametrize("order", ["image", "confident", "learned"])
def test_repeats_come_in_every_order(ana, order):
    ana.set_queue(order=order)
    walk(ana, 40)
    again = sum(map(is_repeat, ana.log))
    assert 5 <= again <= 9
    assert ana.progress[0] == 90 - again


@pytest.mark.parametrize("state", ["unreviewed", "new errors"])
def test_a_queue_of_unreviewed_cutouts_has_repeats(ana, state):
    ana.set_queue(state=state)
    row = walk_to_repeat(ana)
    queue = ana.review_queue
    assert queue.position_of(row) == 1
    assert len(queue) == queue.left == COUNT - len(verdicts(ana))
    assert row in queue.rows
    assert row in queue.rows_of(ana.current_cutout.image_name)
    others = [one for one in queue.rows.tolist() if one != row]
    positions = [queue.position_of(one) for one in others]
    assert positions == [*range(1, len(queue) + 1)]
    changes = queue.changes
    ana.set_label("unsure")
    assert row not in queue
    assert queue.changes > changes, "the gallery is told"
    assert len(queue) == queue.left


@pytest.mark.parametrize(
    "rule", [{"state": "reviewed"}, {"kinds": ["trail"]}, {"images": ["e20"]}]
)
def test_no_repeat_comes_where_it_would_be_out_of_place(ana, rule):
    walk_to_repeat(ana)
    ana.set_queue(**rule)
    assert repeat_row(ana) == -1 or repeat_row(ana) in ana.review_queue.rows
    assert repeat_row(ana) == -1 or "images" in rule
    # Also not while cutouts of that queue are hidden until another verdict.
    ana.hide_until_verdict(ana.review_queue.rows[:5].tolist())
    ana.set_label("unsure", cutouts=[ana.cutout_index.key_of(COUNT - 1)])
    assert repeat_row(ana) == -1 or "images" in rule
    ana.reveal()
    ana.set_queue(order="image")
    assert repeat_row(ana) >= 0


def test_no_repeat_comes_in_other_queues(ana):
    row = walk_to_repeat(ana)
    ana.audit(5, seed=1)
    assert repeat_row(ana) == -1
    walk(ana, 4)
    assert not is_repeat(ana.log[-1])
    ana.end_audit()
    assert repeat_row(ana) >= 0
    assert ana.catalog.cutout(row).reviewed == (repeat_row(ana) != row)


def test_own_verdicts_that_are_queued_for_a_second_look_are_no_repeats(ana):
    walk_to_repeat(ana)
    ana.show_surprising(rows=np.array(rows_of(ana, verdicts(ana)[:MIN_DISTANCE])))
    walk(ana, 6)
    assert repeat_row(ana) == -1
    assert not is_repeat(ana.log[-1])


def test_verdicts_of_the_table_are_not_asked_about(path):
    # Reviewed by another program, and not yet in the log.
    table = pd.read_csv(path)
    table["label_new"] = table.label
    table["decision"] = np.where(table.index % 2, "", "artifact")
    table["reviewed_by"] = np.where(table.index % 2, "", "Zoe")
    table.to_csv(path, index=False)
    with ReviewSession.open(path, reviewer="Ana") as session:
        index = session.cutout_index
        session.set_team_rules(repeat_share=0.5)
        session.set_label("unsure", cutouts=[*map(index.key_of, range(100))])
        session.next_unreviewed()
        walk(session, 30)
        again = rows_of(session, filter(is_repeat, session.log))
        assert len(again) > 5
        assert {row % 2 for row in again} == {1}


def test_a_repeat_ends_with_its_place_in_the_queue(ana):
    row = walk_to_repeat(ana)
    ana.previous()
    one = ana.catalog.cutout(row)
    # The model now agrees with the label.
    ana.set_threshold(one.confidence if one.label else one.confidence + 1e-6)
    assert row not in ana.review_queue
    assert repeat_row(ana) != row
    ana.set_threshold(None)
    queues = []
    for name in ("Ben", "Carl", "Dora", "Emil"):
        ana.set_team_rules(members=("Ana", name), reviewers_per_cutout=1)
        queues.append(ana.review_queue.rows)
        assert repeat_row(ana) in queues[-1]
        assert ana.catalog.assignment.assigned[repeat_row(ana)]
    assert len({len(queue) for queue in queues}) > 1


@pytest.mark.parametrize("order", ["image", "confident"])
def test_in_another_order_the_repeat_follows_the_cutout_after(ana, order):
    row = walk_to_repeat(ana)
    ana.previous()
    ana.set_queue(order=order)
    ana.last()
    ana.set_queue(order="table")
    queue, at = ana.review_queue, ana.current_cutout.row
    assert row in (at, queue.after(at))


def test_a_new_repeat_does_not_follow_the_one_that_it_replaces(ana):
    row = walk_to_repeat(ana)
    ana.previous()
    assert ana.current_cutout.reviewed
    following = ana.review_queue.after(row)
    keys = map(ana.cutout_index.key_of, ana.review_queue.rows[-40:].tolist())
    for key in keys:
        ana.set_label("artifact", cutouts=[key])
        if repeat_row(ana) not in (row, -1):
            break
    assert ana.review_queue.before(repeat_row(ana)) == following


def test_listeners_learn_of_a_repeat_and_see_it_as_it_is_then(ana):
    told, looks = [], {}
    ana.hidden_changed.connect(lambda: told.append(repeat_row(ana)))
    ana.label_changed.connect(
        lambda row: looks.update({row: ana.catalog.cutout(row).decision})
    )
    row = walk_to_repeat(ana)
    assert row in told
    ana.set_label("unsure")
    assert looks[row] == "unsure"
    ana.undo()
    assert looks[row] == ""


def test_a_second_verdict_before_the_first_is_on_disk_is_no_repeat(ana):
    walk_to_repeat(ana)
    ana.set_label("unsure", wait=0.0)
    ana.set_label("artifact", wait=0.0)
    assert ana.wait_until_recorded(10)
    assert [is_repeat(entry) for entry in ana.log[-2:]] == [True, False]


@pytest.mark.parametrize("seed", range(4))
def test_the_end_of_a_queue_has_no_repeat(ana, seed):
    ana.set_team_rules(repeat_share=0.5, seed=seed)
    give_page(ana, COUNT - MIN_DISTANCE - 12)
    while ana.review_queue.left:
        assert not ana.current_cutout.reviewed
        step(ana)
    assert any(map(is_repeat, ana.log))
    assert repeat_row(ana) == -1
    assert ana.progress == (COUNT, COUNT)


def test_another_session_asks_about_the_same_cutout(ana, path):
    row = walk_to_repeat(ana)
    before, rows = look(ana, row), ana.review_queue.rows.tolist()
    position = ana.review_queue.position_of(row)
    progress, count = ana.progress, len(ana.log)
    ana.close()
    with ReviewSession.open(path, reviewer="Ana") as again:
        assert again.current_cutout.row == row
        assert look(again, row) == before
        assert again.review_queue.rows.tolist() == rows
        assert again.review_queue.position_of(row) == position
        assert again.progress == progress
        step(again)
        assert is_repeat(again.log[-1])
        assert len(again.log) == count + 1
        assert again.progress == progress
    with ReviewSession.open(path, reviewer="Ana") as again:
        assert repeat_row(again) != row


def test_other_readers_see_no_repeat(ana, path):
    walk_to_repeat(ana)
    with ReviewSession.open(path, reviewer="Ana", read_only=True) as reader:
        assert repeat_row(reader) == -1
    ana.close()
    with ReviewSession.open(path, reviewer="Ben") as ben:
        assert repeat_row(ben) == -1
        ben.set_label("artifact")
    with ReviewSession.open(path, read_only=True) as everyone:
        assert repeat_row(everyone) == -1


def test_what_others_say_about_a_repeat_is_hidden_until_its_verdict(path):
    with ReviewSession.open(path, reviewer="Ben") as ben:
        ben.set_label("artifact")
    with ReviewSession.open(path, reviewer="Ana") as session:
        session.set_team_rules(repeat_share=0.5)
        give_page(session, MIN_DISTANCE)
        row = walk_to_repeat(session)
        key = session.cutout_index.key_of(row)
        assert not session.reviewers.may_see(key)
        session.set_label("artifact")
        assert session.reviewers.may_see(key)


def test_a_pending_verdict_on_a_repeat_is_shown(ana):
    key = ana.cutout_index.key_of(walk_to_repeat(ana))
    ana.set_label("unsure", "ghost", wait=0.0)
    assert ana.shown_state(key).kind == "ghost"
    assert ana.wait_until_recorded(10)
    assert ana.shown_state(key).kind == "ghost"


def test_the_budget_does_not_count_repeats(ana):
    ana.set_budget(60)
    walk(ana, 30)
    again = sum(map(is_repeat, ana.log))
    assert again
    assert ana.looks_left == 60 - 30 + again


def test_a_page_with_a_repeat_marks_only_that_as_one(ana):
    walk_to_repeat(ana)
    ana.previous()
    queue = ana.review_queue
    at = queue.rows.tolist().index(repeat_row(ana))
    page = queue.rows[at : at + 4].tolist()
    ana.set_label("no artifact", cutouts=[*map(ana.cutout_index.key_of, page)])
    facts = [is_repeat(entry) for entry in ana.log[-4:]]
    assert facts == [True, False, False, False]
