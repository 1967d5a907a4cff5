"""The queue of each member of a team, as the rules assign the cutouts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.review.session import ReviewSession
from tests.nightly import many

COUNT = 600
MEMBERS = ("Ana", "Ben", "Carl")


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """Return a table in which all cutouts are errors, 20 in each image."""
    draw = np.random.default_rng(4)
    lines = ["image_name,grid_x,grid_y,label,preds,confidence"]
    for n in range(COUNT):
        label = int(draw.random() < 0.4)
        confidence = (1 - label) * 0.95 + draw.random() * 0.05
        lines.append(
            f"e{n // 20},{n % 20 * 200},0,{label},{1 - label},{confidence:.4f}"
        )
    path = tmp_path_factory.mktemp("team") / "predictions.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def by(table, tmp_path):
    """Return a function that opens one review by one of its reviewers."""

    def open_it(name, **named):
        output = named.pop("output", tmp_path / "out.csv")
        return ReviewSession.open(table, output=output, reviewer=name, **named)

    return open_it


def rows(session):
    return session.review_queue.rows.tolist()


def facts(session):
    return session.log[-1].context["team"]


def test_one_reviewer_without_rules_has_the_queue_of_before(by):
    with by("Ana") as ana:
        assert rows(ana) == list(range(COUNT))
        assert ana.catalog.assignment is None
        ana.set_label("artifact")
        assert "team" not in ana.log[-1].context


def test_each_cutout_is_in_the_queues_of_as_many_members_as_the_rules_say(by):
    with by("Ana") as ana:
        ana.set_team_rules(members=MEMBERS, reviewers_per_cutout=2, seed=5)
        queues = {"Ana": rows(ana)}
        assert ana.progress == (0, len(queues["Ana"]))
    for name in ("Ben", "Carl"):
        with by(name) as session:
            queues[name] = rows(session)
    counts = np.bincount(np.concatenate([*queues.values()]), minlength=COUNT)
    assert counts.tolist() == [2] * COUNT
    assert all(queue == sorted(queue) for queue in queues.values())
    with by("Ana") as ana:
        assert rows(ana) == queues["Ana"]


def test_a_new_rule_makes_the_queue_again_at_the_current_cutout(by):
    with by("Ana") as ana:
        ana.set_queue(order="confident")
        ana.next()
        row, changes = ana.current_cutout.row, []
        ana.queue_changed.connect(lambda: changes.append(len(ana.review_queue)))
        ana.set_team_rules(members=MEMBERS, reviewers_per_cutout=1)
        assert changes
        assert 100 < changes[-1] < 300
        assert ana.current_cutout.row == row
        ana.set_team_rules(members=("Ana",), reviewers_per_cutout=1)
        assert len(rows(ana)) == COUNT


def test_a_verdict_says_whether_its_cutout_was_assigned(by):
    with by("Ana") as ana:
        ana.set_team_rules(members=MEMBERS, reviewers_per_cutout=1)
        mine, [other, *_] = rows(ana), sorted({*range(COUNT)} - {*rows(ana)})
        ana.set_label("artifact", cutouts=[ana.cutout_index.key_of(mine[0])])
        assert facts(ana) == {"blind": True, "assigned": True}
        before = ana.progress
        ana.select(*ana.cutout_index.key_of(other))
        ana.set_label("artifact")
        assert facts(ana) == {"blind": True, "assigned": False}
        assert ana.progress == before, "the queue does not have it"
        assert ana.review_queue.errors_elsewhere == 0, "others have the others"


def test_a_reviewer_that_is_not_a_member_has_all_cutouts_and_is_told(by):
    with by("Ana") as ana:
        ana.set_team_rules(members=MEMBERS, reviewers_per_cutout=1)
        assert not any("not a member" in notice for notice in ana.notices)
    with by("Dora") as dora:
        assert len(rows(dora)) == COUNT
        assert any("Dora is not a member" in notice for notice in dora.notices)
        dora.set_label("artifact")
        assert facts(dora)["assigned"] is False
    with by(None, read_only=True) as everyone:
        assert len(rows(everyone)) == COUNT
        assert not any("not a member" in notice for notice in everyone.notices)


def test_reviewers_per_cutout_need_members(by):
    with by("Ana") as ana:
        with pytest.raises(ReviewError, match="names of the members"):
            ana.set_team_rules(reviewers_per_cutout=2)
        assert ana.log == ()


ORDERS = st.sampled_from(["table", "image", "confident", "mislabelled", "random"])


@settings(
    max_examples=many(60, 500, few=10),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(ORDERS, ORDERS, st.floats(0.02, 0.5), st.integers(0, 99), st.booleans())
def test_common_cutouts_are_even_and_in_one_order_in_every_queue(
    by, tmp_path, one, other, share, seed, has_number
):
    output = tmp_path / f"{one}{other}{share}{seed}{has_number}.csv"
    rules = {"members": MEMBERS, "common_share": share, "seed": seed}
    rules |= {"reviewers_per_cutout": 1} if has_number else {}
    with by("Ana", output=output) as ana:
        ana.set_team_rules(**rules)
        orders = []
        for order in (one, other):
            ana.set_queue(order=order)
            queue = ana.review_queue.rows
            are_common = ana.catalog.assignment.common[queue]
            orders.append(queue[are_common].tolist())
            even = np.arange(1, len(queue) + 1) * are_common.mean()
            assert (np.abs(np.cumsum(are_common) - even) <= 1).all()
            for row in queue[::37].tolist():
                assert queue[ana.review_queue.position_of(row) - 1] == row
        assert orders[0] == orders[1]


def test_other_cutouts_keep_their_order_and_a_search_goes_on_from_anywhere(by):
    with by("Ana") as ana:
        ana.set_queue(order="image")
        ana.set_team_rules(
            members=MEMBERS, reviewers_per_cutout=1, common_share=0.1, seed=2
        )
        are_common = ana.catalog.assignment.common
        others = [row for row in rows(ana) if not are_common[row]]
        assert others == sorted(others)
        outside = sorted({*range(COUNT)} - {*rows(ana)})
        for row in outside[:50]:
            following = ana.review_queue.after(row)
            while following is not None and are_common[following]:
                following = ana.review_queue.after(following)
            assert following == min((one for one in others if one > row), default=None)


@pytest.mark.parametrize("by_page", [False, True])
def test_common_cutouts_stay_even_while_the_order_is_learned(by, by_page):
    with by("Ana") as ana:
        # Their distance is several times that of two orders that are learned.
        ana.set_team_rules(members=MEMBERS, common_share=0.03, seed=1)
        for _ in range(40):
            ana.set_label("artifact")
            ana.next_unreviewed()
        ana.set_queue(order="learned")
        are_common = ana.catalog.assignment.common
        while ana.progress[0] < 180:
            if by_page and ana.progress[0] % 50 == 0:
                index, order = ana.cutout_index, ana.review_queue.rows
                page = order[ana.catalog.are_open()[order]][:25].tolist()
                keys = [index.key_of(row) for row in page]
                ana.set_label("no artifact", cutouts=keys)
            ana.set_label("artifact" if ana.progress[0] % 3 else "no artifact")
            ana.next_unreviewed()
            looked_at = ana.catalog.labels.reviewed
            even = looked_at.sum() * are_common.mean()
            assert abs((looked_at & are_common).sum() - even) < 3


def test_the_learned_order_takes_new_rules_at_once(by):
    with by("Ana") as ana:
        ana.set_queue(order="learned")
        ana.set_team_rules(common_share=0.3)
        are_common = ana.catalog.assignment.common[rows(ana)]
        even = np.arange(1, COUNT + 1) * are_common.mean()
        assert (np.abs(np.cumsum(are_common) - even) <= 2).all()


def test_a_second_name_moves_no_cutout(by):
    with by("Ana") as ana:
        ana.set_team_rules(common_share=0.1)
        before = rows(ana)
    with by("Ben") as ben:
        assert rows(ben) == before
        ben.set_label("artifact", cutouts=[CutoutKey("e0", 0, 0)])
        assert facts(ben)["assigned"] is True
        assert rows(ben) == before
