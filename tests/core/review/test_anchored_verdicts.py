"""How much verdicts lean to the word of the model, from a share that is hidden."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from napari_artifact_review.core.review.session import ReviewSession


@pytest.fixture
def path(tmp_path):
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "image_name": [f"image{i // 25}" for i in range(100)],
            "grid_x": [200 * (i % 5) for i in range(100)],
            "grid_y": [200 * (i // 5 % 5) for i in range(100)],
            "label": rng.integers(0, 2, 100),
            "preds": rng.integers(0, 2, 100),
        }
    )
    table.to_csv(tmp_path / "predictions.csv", index=False)
    return tmp_path / "predictions.csv"


@pytest.fixture
def session(path):
    with ReviewSession.open(path, reviewer="ada") as session:
        yield session


def hidden(session):
    return session.catalog.hidden.mask


def answer(session, agree, rows):
    """Give verdicts on rows that agree with the prediction, or contradict it."""
    for row in rows:
        is_artifact = (session.predictions.preds[row] == 1) == agree
        session.set_label(
            "artifact" if is_artifact else "no artifact",
            cutouts=[session.cutout_index.key_of(int(row))],
        )


def test_a_share_is_drawn_at_random_and_larger_shares_include_it(session):
    session.hide_predictions = True
    assert hidden(session).all()
    masks = []
    for share in (0.1, 0.4, 0.7, 1.0):
        session.hidden_share = share
        assert session.hidden_share == share
        masks.append(hidden(session).copy())
    counts = [int(mask.sum()) for mask in masks]
    assert counts == sorted(set(counts))
    assert abs(counts[1] - 40) < 20
    for small, large in pairwise(masks):
        assert (large | ~small).all()
    session.hide_predictions = False
    assert not hidden(session).any()


def test_the_same_share_is_the_same_cutouts_after_a_restart(path):
    with ReviewSession.open(path, reviewer="ada") as session:
        session.hide_predictions, session.hidden_share = True, 0.5
        rows = hidden(session).copy()
        answer(session, True, [int(np.flatnonzero(rows)[0])])
        assert hidden(session).sum() == rows.sum() - 1
        session.undo()
        assert (hidden(session) == rows).all()
        session.save_position()
    with ReviewSession.open(path, reviewer="ada") as session:
        assert session.hidden_share == 0.5
        assert (hidden(session) == rows).all()


@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan")])
def test_a_share_is_above_0_and_at_most_1(session, share):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        session.hidden_share = share
    assert session.hidden_share == 1


def test_verdicts_with_and_without_the_word_of_the_model_are_compared(session):
    session.hide_predictions, session.hidden_share = True, 0.5
    blind, shown = np.flatnonzero(hidden(session)), np.flatnonzero(~hidden(session))
    assert session.anchoring is None
    answer(session, True, blind[:6])
    assert session.anchoring is None, "there is nothing to compare with"
    answer(session, False, blind[6:10])
    answer(session, True, shown[:9])
    answer(session, False, shown[9:10])
    found = session.anchoring
    assert (found.with_word, found.without_word) == (0.9, 0.6)
    assert found.difference == pytest.approx(0.3)
    assert session.metrics()["anchoring"]["difference"] == found.difference


def test_only_first_blind_and_drawn_verdicts_count(session):
    session.hide_predictions, session.hidden_share = True, 0.5
    blind, shown = np.flatnonzero(hidden(session)), np.flatnonzero(~hidden(session))
    answer(session, True, blind[:4])
    answer(session, True, shown[:4])
    before = session.anchoring
    assert before.with_word == before.without_word == 1
    # A second verdict on the same cutout is no first one.
    answer(session, False, blind[:4])
    # An unsure verdict neither agrees nor disagrees.
    key = session.cutout_index.key_of(int(blind[4]))
    session.set_label("unsure", cutouts=[key])
    # An undone verdict does not count.
    answer(session, False, blind[5:6])
    session.undo()
    # If all cutouts are hidden, or none, they were not drawn at random.
    session.hidden_share = 1
    answer(session, False, blind[6:8])
    session.hide_predictions = False
    answer(session, False, shown[4:8])
    # An audit hides all its cutouts.
    session.hide_predictions, session.hidden_share = True, 0.5
    session.audit(5, seed=1)
    answer(session, False, session.review_queue.rows)
    assert session.anchoring == before
