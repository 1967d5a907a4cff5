"""How often verdicts agree with the model: Newcombe's published intervals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.learning.anchoring import (
    agreement_with_model,
    anchoring_text,
)


@pytest.mark.parametrize(
    ("with_word", "without_word", "ends"),
    [
        # R. G. Newcombe, Stat. Med. 17, 873, 1998, table II, method 10.
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((6, 7), (2, 7), (0.0582, 0.8062)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
        ((0, 10), (0, 20), (-0.1611, 0.2775)),
        ((0, 10), (0, 10), (-0.2775, 0.2775)),
        ((10, 10), (0, 20), (0.6791, 1.0000)),
        ((10, 10), (0, 10), (0.6075, 1.0000)),
    ],
)
def test_the_interval_is_the_published_one(with_word, without_word, ends):
    found = agreement_with_model(with_word, without_word)
    assert (found.low, found.high) == pytest.approx(ends, abs=6e-5)
    shares = with_word[0] / with_word[1], without_word[0] / without_word[1]
    assert (found.with_word, found.without_word) == shares
    assert found.difference == pytest.approx(shares[0] - shares[1])
    assert found.is_significant == (ends[0] > 0)


COUNTS = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, COUNTS)
def test_the_interval_holds_the_difference_and_turns_with_it(first, second):
    found = agreement_with_model(first, second)
    other = agreement_with_model(second, first)
    assert -1 - 1e-9 <= found.low <= found.difference + 1e-9
    assert found.difference - 1e-9 <= found.high <= 1 + 1e-9
    assert (found.low, found.high) == pytest.approx((-other.high, -other.low), abs=1e-9)
    assert found.is_significant == other.is_significant


def test_without_verdicts_of_both_kinds_there_is_no_difference():
    assert agreement_with_model((0, 0), (3, 4)) is None
    assert agreement_with_model((3, 4), (0, 0)) is None


@pytest.mark.parametrize("counts", [(5, 4), (-1, 4)])
def test_more_agreements_than_verdicts_are_refused(counts):
    with pytest.raises(ValueError, match="no share"):
        agreement_with_model(counts, (3, 4))


def test_the_sentence_says_shares_and_difference_in_points():
    text = anchoring_text(agreement_with_model((90, 100), (80, 100)))
    assert "in 90% if its prediction is shown, and in 80% if it is hidden" in text
    assert "+10 points (+0 to +20, 95 %)" in text
