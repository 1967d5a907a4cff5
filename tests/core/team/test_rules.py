import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.team.rules import TeamRules

_MEMBERS = st.one_of(
    st.tuples(st.sampled_from([(), ("Ana",)]), st.none()),
    st.tuples(st.just(("Ana", "Ben", "张伟")), st.none() | st.integers(1, 9)),
)
_RULES = st.builds(
    lambda team, **others: TeamRules(
        members=team[0], reviewers_per_cutout=team[1], **others
    ),
    _MEMBERS,
    is_blind=st.booleans(),
    common_share=st.floats(0, 1),
    repeat_share=st.floats(0, 0.5),
    majority=st.integers(1, 9),
    seed=st.integers(0, 2**40),
)


@given(_RULES)
def test_rules_are_read_as_they_were_written(rules):
    context = json.loads(json.dumps(rules.as_context()))
    assert TeamRules.from_context(context) == rules


@pytest.mark.parametrize(
    "faulty",
    [
        {"majority": 0},
        {"reviewers_per_cutout": 0, "members": ("Ana",)},
        {"reviewers_per_cutout": 1},
        {"common_share": 1.5},
        {"common_share": float("nan")},
        {"repeat_share": 0.6},
        {"seed": -1},
        {"members": ("Ana", "Ana")},
        {"members": ("Ana;Ben",)},
        {"members": "Ana"},
        {"majority": 2.5},
        {"majority": True},
        {"is_blind": "no"},
        {"common_share": "0.1"},
        {"members": ("Ana", " Ana")},
        {"members": ("Zoë", "Zoe\u0308")},
    ],
)
def test_rules_out_of_range_are_refused(faulty):
    with pytest.raises(ReviewError):
        TeamRules(**faulty)


def test_members_have_the_names_of_reviewers():
    rules = TeamRules(members=["Zoe\u0308", " Ana "])
    assert rules.members == ("Zo\u00eb", "Ana")


def test_rules_of_a_later_version_are_read():
    context = {"rules": {"majority": 3, "members": [], "colour": "red"}}
    assert TeamRules.from_context(context) == TeamRules(majority=3)


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"rules": 1},
        {"rules": {"majority": "x"}},
        {"rules": {"members": 1}},
        {"rules": {"members": [1]}},
    ],
)
def test_a_context_without_valid_rules_has_none(context):
    assert TeamRules.from_context(context) is None
