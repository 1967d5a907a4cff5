"""The consensus of several reviewers, compared with a plain model of the policy."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision, LabelState
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.outcomes import LABEL_NAMES, VERDICTS
from napari_artifact_review.core.team.consensus import SAW
from napari_artifact_review.core.team.rules import SET_RULES, TeamRules
from napari_artifact_review.core.team.votes import Votes, rules_in

CUTOUT = CutoutKey("a", 0, 0)
NAMES = ("Ana", "Ben", "Eva", "张伟")


class Review:
    """A log to which several reviewers add verdicts, each at a later time."""

    def __init__(self, **rules):
        self.log = DecisionLog(log_id="log")
        self.votes = Votes(self.log, lambda _: 0, TeamRules(**rules))
        self._count = 0

    def vote(self, name, verdict, kind="", note=""):
        self._add(self.log.decide([self._decision(name, verdict, kind, note)], {}))

    def adjudicate(self, name, verdict, note="", unseen=()):
        acts = [*self.votes.on(CUTOUT)]
        acts += [one.act for one in self.votes.adjudications_on(CUTOUT)]
        saw = [list(act) for act in acts if act not in unseen]
        decision = self._decision(name, verdict, "", note)
        self._add(self.log.adjudicate(decision, {SAW: saw}))

    def undo(self, name):
        self._add(self.log.undo(name, lambda _: LabelState(0)))

    @property
    def consensus(self):
        return self.votes.consensus_on(CUTOUT)

    @property
    def result(self):
        found = self.consensus
        return found.status, found.decision.verdict

    def _add(self, entries):
        self.votes.update(self.log.add(entries))

    def _decision(self, name, verdict, kind, note):
        self._count += 1
        label = LABEL_NAMES.index(verdict) if verdict in LABEL_NAMES else 0
        time = f"2026-01-01T00:00:{self._count:02}.000Z"
        return Decision(CUTOUT, label, name, time, verdict, kind, note)


@given(
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VERDICTS), min_size=1),
    st.integers(1, 4),
)
def test_votes_are_counted_as_the_policy_says(votes, majority):
    review = Review(majority=majority)
    for name, verdict in votes.items():
        review.vote(name, verdict)
    sure = Counter(one for one in votes.values() if one != "unsure")
    wanted = ("disputed", "unsure")
    if not sure:
        wanted = ("unsure", "unsure")
    for verdict, count in sure.items():
        if count == sure.total():
            wanted = ("unanimous", verdict)
        elif count * 2 > sure.total() and count >= majority:
            wanted = ("majority", verdict)
    assert review.result == wanted
    found = review.consensus
    assert found.n_reviewers == len(votes)
    assert found.decision.reviewer == ";".join(sorted(votes))
    share = max(sure.values()) / sure.total() if sure else None
    assert found.agreement == share
    assert (review.votes.disputed == [CUTOUT]) == (wanted[0] == "disputed")
    assert review.votes.counts == dict.fromkeys(sorted(votes), 1)


def test_where_the_label_stands_it_is_the_label_of_before():
    review = Review()
    review.vote("Ana", "artifact")
    review.vote("Ben", "no artifact")
    assert review.consensus.decision.label_new == 0
    review.votes = Votes(review.log, lambda _: 1, TeamRules())
    assert review.consensus.decision.label_new == 1


def test_the_latest_verdict_of_a_reviewer_is_the_vote():
    review = Review()
    review.vote("Ana", "artifact")
    review.vote("Ben", "no artifact")
    review.vote("Ana", "no artifact")
    assert review.result == ("unanimous", "no artifact")
    review.undo("Ana")
    assert review.result == ("disputed", "unsure")


def test_kinds_and_notes_of_those_who_gave_the_verdict_are_kept():
    review = Review()
    review.vote("Eva", "artifact", "ghost", "faint")
    review.vote("Ana", "artifact", "trail", "long")
    review.vote("Ben", "no artifact", note="a galaxy")
    decision = review.consensus.decision
    assert (decision.kind, decision.note) == ("ghost", "Ana: long; Eva: faint")
    review.vote("Ben", "artifact", "trail")
    assert review.consensus.decision.kind == "trail"


def test_an_adjudication_decides_until_a_later_vote():
    review = Review()
    review.vote("Ana", "artifact", "ghost")
    review.vote("Ben", "no artifact")
    review.adjudicate("Eva", "artifact", "a second look")
    assert review.result == ("adjudicated", "artifact")
    found = review.consensus
    assert (found.adjudicated_by, found.n_reviewers) == ("Eva", 2)
    assert found.decision.reviewer == "Ana;Ben"
    assert (found.decision.kind, found.decision.note) == ("ghost", "a second look")
    assert found.agreement == 0.5
    review.undo("Eva")
    assert review.result == ("disputed", "unsure")
    review.adjudicate("Eva", "no artifact")
    review.vote("Ana", "artifact", "ghost", "still")
    assert review.result == ("disputed", "unsure")


def test_adjudications_that_did_not_see_each_other_and_differ_are_a_dispute():
    review = Review()
    review.vote("Ana", "artifact")
    review.vote("Ben", "no artifact")
    review.adjudicate("Eva", "artifact")
    [first] = review.votes.adjudications_on(CUTOUT)
    review.adjudicate("Dan", "no artifact", unseen=[first.act])
    assert review.result == ("disputed", "unsure")
    review.adjudicate("Ana", "no artifact")
    assert review.result == ("adjudicated", "no artifact")
    assert review.consensus.adjudicated_by == "Ana"
    review.undo("Ana")
    review.undo("Dan")
    assert review.result == ("adjudicated", "artifact")


def test_adjudications_that_did_not_see_each_other_and_are_equal_stand():
    review = Review()
    review.vote("Ana", "artifact")
    review.vote("Ben", "no artifact")
    review.adjudicate("Eva", "artifact")
    [first] = review.votes.adjudications_on(CUTOUT)
    review.adjudicate("Dan", "artifact", unseen=[first.act])
    assert review.result == ("adjudicated", "artifact")


def test_an_adjudication_may_say_that_the_label_stands():
    review = Review()
    review.vote("Ana", "artifact")
    review.vote("Ben", "no artifact")
    review.adjudicate("Eva", "unsure")
    assert review.result == ("adjudicated", "unsure")
    assert review.votes.disputed == []


@pytest.mark.parametrize("saw", [None, 3, [3], [["a"]], [[1, 2, 3]], [[["x"], 1]]])
def test_an_adjudication_of_another_program_in_an_odd_form_saw_nothing(saw):
    review = Review()
    review.vote("Ana", "artifact")
    review.vote("Ben", "no artifact")
    context = {SAW: saw}
    decision = Decision(CUTOUT, 1, "Eva", "2026-01-02T00:00:00.000Z", "artifact")
    review.log.add(review.log.adjudicate(decision, context))
    assert review.result == ("disputed", "unsure")


def test_the_last_rules_count():
    log = DecisionLog(log_id="log")
    for majority in (3, 4):
        rules = TeamRules(majority=majority)
        log.add(log.record_event(SET_RULES, "Ana", rules.as_context()))
    log.add(log.record_event(SET_RULES, "Ana", {"rules": "of a later version"}))
    assert rules_in(log.entries) == TeamRules(majority=4)
    assert rules_in([]) is None


def test_disputed_cutouts_follow_each_change_and_others_are_not_asked_again():
    log, asked = DecisionLog(log_id="log"), []

    def label_before(cutout):
        asked.append(cutout)
        return 0

    votes = Votes(log, label_before, TeamRules())
    cutouts = [CutoutKey("a", x, 0) for x in range(3)]

    def vote(name, verdict, cutout):
        label = LABEL_NAMES.index(verdict)
        decision = Decision(cutout, label, name, "2026", verdict)
        votes.update(log.add(log.decide([decision], {})))

    for cutout in cutouts:
        vote("Ana", "artifact", cutout)
        vote("Ben", "no artifact", cutout)
    assert votes.disputed == cutouts
    asked.clear()
    vote("Eva", "artifact", cutouts[1])
    assert votes.disputed == [cutouts[0], cutouts[2]]
    assert set(asked) == {cutouts[1]}
    votes.rules = TeamRules(majority=3)
    assert votes.disputed == cutouts
    votes.rules = TeamRules()
    votes.update(log.add(log.undo("Eva", lambda _: LabelState(0))))
    assert votes.disputed == cutouts
    votes.update(log.add(log.undo("Ben", lambda _: LabelState(0))))
    assert votes.disputed == cutouts[:2]
