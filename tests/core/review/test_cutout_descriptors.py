"""Where the descriptors of a review come from: images, cache, or the user."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_artifact_review import ReviewSession, describe
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.user_folders import cache_folder
from tests.described import describe_all


def described(demo, output, **options):
    """Return the descriptors of a review when all images are described."""
    session = ReviewSession.open(demo.predictions, demo.images, output, **options)
    with session:
        describe_all(session)
        return session.descriptors


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cache_folder()


def test_an_image_is_described_once(demo, tmp_path, cache):
    first = described(demo, tmp_path / "a.csv")
    files = {path: path.stat().st_mtime_ns for path in cache.rglob("*.descriptors")}
    assert len(files) == 3
    # Known by its pixels in another review, and by its file in the same one.
    for output in ("b.csv", "a.csv"):
        again = described(demo, tmp_path / output)
        assert np.array_equal(first.values, again.values)
        assert again.faults == []
    assert {*cache.rglob("*.descriptors")} == {*files}


def test_the_last_progress_says_that_all_is_computed(demo, tmp_path, cache):
    with ReviewSession.open(
        demo.predictions, demo.images, tmp_path / "out.csv"
    ) as session:
        ready = []
        known = session.descriptors
        known.progressed.connect(lambda: ready.append(known.is_ready))
        session.set_queue(order="learned")
        assert session.wait_until_ready(120)
        assert ready[-1]
        assert not any(ready[:-1])
        assert "training" not in session.learned_queue.text


def test_a_cache_that_cannot_be_used_costs_only_time(demo, tmp_path, cache):
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_text("no folder")
    found = described(demo, tmp_path / "out.csv")
    assert found.faults == []
    assert not np.isnan(found.values).any()
    assert found.cache_problem is not None


@pytest.mark.exhaustive
def test_a_folder_of_describe_is_used_instead_of_the_images(demo, tmp_path, cache):
    folder = tmp_path / "described"
    describe(demo.images, folder, predictions=demo.predictions)
    first = described(demo, tmp_path / "a.csv")
    found = described(demo, tmp_path / "b.csv", embeddings=folder)
    assert np.allclose(found.values, first.values, atol=1e-2, rtol=1e-2)
    # A resumed review goes on with them.
    again = described(demo, tmp_path / "b.csv")
    assert again.embeddings == folder
    assert again.facts["descriptors"].startswith("embeddings ")


def test_own_embeddings_have_any_width(demo, tmp_path, cache):
    table = pd.read_csv(demo.predictions)
    keys = table[["image_name", "grid_x", "grid_y"]]
    keys.iloc[::-1].to_csv(tmp_path / "e.csv", index=False)
    vectors = np.random.default_rng(0).normal(size=(len(table), 7))
    np.save(tmp_path / "e.npy", vectors[::-1].astype(np.float32))
    found = described(demo, tmp_path / "out.csv", embeddings=tmp_path / "e.npy")
    assert np.allclose(found.values, vectors, atol=1e-6)
    assert found.progress == (3, 3)


def test_embeddings_that_cannot_be_used_are_told(demo, tmp_path, cache):
    with pytest.raises(ReviewError, match="no embeddings"):
        ReviewSession.open(demo.predictions, demo.images, embeddings=tmp_path / "none")
    (tmp_path / "e.npy").write_bytes(b"no array")
    session = ReviewSession.open(
        demo.predictions,
        demo.images,
        tmp_path / "out.csv",
        embeddings=tmp_path / "e.npy",
    )
    with session:
        session.set_queue(order="learned")
        with pytest.raises(ReviewError, match=r"e\.npy"):
            session.wait_until_ready(60)
        [fault] = session.descriptors.faults
        assert fault.path is not None
        assert "embeddings cannot be used" in session.learned_queue.text
        assert len(session.review_queue)
