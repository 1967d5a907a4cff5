"""The agreement of a team as tables of texts."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_artifact_review.core.team.agreement import measure_agreement
from napari_artifact_review.core.team.agreement_tables import (
    agreement_as_text,
    agreement_tables,
)
from napari_artifact_review.core.team.agreement_texts import (
    estimate_text,
    main_sentence,
    sentences,
)
from tests.core.team.votes import ratings_of, simulated
from tests.nightly import many


def of(labels, groups=None, **others):
    return measure_agreement(ratings_of(labels, groups, **others))


def drawn(**others):
    labels, groups = simulated(np.random.default_rng(3), 40, 25, [0.9, 0.9, 0.6])
    return labels, of(labels, groups, **others)


def by_title(agreement):
    return {table.title.split(":")[0]: table for table in agreement_tables(agreement)}


def test_the_tables_have_the_numbers_with_their_intervals():
    _, agreement = drawn()
    tables = by_title(agreement)
    pair = agreement.pairs[0]
    assert tables["Pairs of reviewers"].rows[0] == (
        "A and B",
        "1,000",
        estimate_text(pair.raw_agreement),
        estimate_text(pair.cohen_kappa),
        estimate_text(pair.gwet_ac1),
    )
    [everyone] = [table for title, table in tables.items() if title.startswith("All")]
    assert everyone.rows[2] == (
        "Gwet's AC1",
        estimate_text(agreement.overall.gwet_ac1),
    )
    others = tables["Artifacts of each reviewer, and of the majority of the others"]
    confusion = agreement.reviewers[2].against_others.confusion
    assert others.rows[2][:5] == (
        "C",
        *(f"{n:,}" for n in (confusion.tp, confusion.fn, confusion.fp, confusion.tn)),
    )
    assert others.rows[2][5] == estimate_text(confusion.sensitivity)


def test_parts_are_together_in_their_order():
    labels, _ = drawn()
    count = len(labels)
    kinds = np.where(np.arange(count) % 2, "trail", "ghost").astype(object)
    agreement = of(labels, kinds=kinds, brightness=np.arange(count, dtype=float))
    tables = by_title(agreement)
    titles = [row[0] for row in tables["By kind"].rows]
    assert titles == [f"{kind}: {n}" for kind in ("ghost", "trail") for n in "ABC"]
    titles = [row[0] for row in tables["By brightness"].rows]
    assert titles[0] == "darkest quarter: A"
    assert titles[-1] == "brightest quarter: C"


def test_two_reviewers_are_not_compared_with_the_others():
    tables = by_title(of([[1, 1], [0, 1], [0, 0]]))
    assert not any("the others" in title for title in tables)
    assert len(tables["Pairs of reviewers"].rows) == 1


def test_a_missing_number_has_its_reason_below_the_table():
    tables = by_title(of([[0, 0], [0, 0]]))
    [row] = tables["Pairs of reviewers"].rows
    assert "not defined" in row
    notes = tables["Pairs of reviewers"].notes
    assert any('all votes are "no artifact"' in note for note in notes)
    assert len(notes) == len(set(notes))


def test_without_votes_there_is_no_table_of_reviewers():
    agreement = of(np.zeros((0, 0)))
    assert [table.title for table in agreement_tables(agreement)] == [
        "All reviewers, on 0 cutouts with at least two votes"
    ]
    assert "no cutout has two votes" in main_sentence(agreement)


def test_the_main_sentence_counts_and_has_the_interval():
    _, agreement = drawn()
    sentence = main_sentence(agreement)
    assert sentence.startswith("3 reviewers agree in ")
    assert "averaged over 1,000 cutouts" in sentence
    assert estimate_text(agreement.overall.gwet_ac1) in sentence


def test_a_name_stays_on_its_line():
    text = agreement_as_text(of([[1, 1], [0, 1]], names=("A\nB", "C")))
    assert "A B and C" in text


@given(arrays(np.int8, st.tuples(st.integers(0, 12), st.integers(0, 4)),
              elements=st.integers(-1, 1)))  # fmt: skip
@settings(max_examples=many(50, 5000))
def test_any_votes_give_complete_tables_and_text(labels):
    agreement = of(labels)
    text = agreement_as_text(agreement)
    assert "nan" not in text
    for sentence in sentences(agreement):
        assert sentence in text
    for table in agreement_tables(agreement):
        assert {len(row) for row in table.rows} == {len(table.head)}
        assert table.title in text
