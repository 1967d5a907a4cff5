"""Which cutouts are disputed, compared with a count from the beginning."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision, LabelState
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.outcomes import LABEL_NAMES, VERDICTS
from napari_artifact_review.core.team.consensus import SAW
from napari_artifact_review.core.team.rules import TeamRules
from napari_artifact_review.core.team.votes import Votes

CUTOUTS = [CutoutKey("a", x, 0) for x in (0, 200, 400)]
NAMES = ("Ana", "Ben", "Eva")

steps = st.lists(
    st.tuples(
        st.sampled_from(("vote", "vote", "adjudicate", "undo", "rules", "look")),
        st.sampled_from(NAMES),
        st.sampled_from(CUTOUTS),
        st.sampled_from(VERDICTS),
        st.integers(1, 3),
    ),
    max_size=25,
)


@given(steps)
def test_what_is_disputed_does_not_depend_on_when_it_was_asked(given_steps):
    log = DecisionLog(log_id="log")
    votes = Votes(log, lambda _: 0, TeamRules())
    for count, (step, name, cutout, verdict, majority) in enumerate(given_steps):
        label = LABEL_NAMES.index(verdict) if verdict in LABEL_NAMES else 0
        time = f"2026-01-01T00:00:{count:02}.000Z"
        decision = Decision(cutout, label, name, time, verdict)
        entries = []
        if step == "vote":
            entries = log.decide([decision], {})
        elif step == "adjudicate":
            saw = [list(act) for act in votes.on(cutout)]
            entries = log.adjudicate(decision, {SAW: saw})
        elif step == "undo":
            entries = log.undo(name, lambda _: LabelState(0))
        elif step == "rules":
            votes.rules = TeamRules(majority=majority)
        else:
            votes.disputed  # noqa: B018 - what it keeps must not become old
        votes.update(log.add(entries))
    anew = Votes(log, lambda _: 0, votes.rules)
    assert votes.disputed == anew.disputed
    assert votes.disputed == [
        cutout
        for cutout in CUTOUTS
        if anew.on(cutout) and anew.consensus_on(cutout).status == "disputed"
    ]
    for cutout in CUTOUTS:
        consensus = anew.consensus_on(cutout)
        is_settled = consensus is not None and consensus.status == "adjudicated"
        assert (anew.adjudication_in_force(cutout) is not None) == is_settled
