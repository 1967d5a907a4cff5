"""The list of recent reviews."""

from __future__ import annotations

import pytest

from napari_artifact_review.widgets.panels.recent import RecentPanel, RecentReview


def review(predictions: str, output: str = "/out/test_outputs.csv") -> RecentReview:
    return RecentReview(predictions, "/images", output)


@pytest.mark.parametrize(
    ("reviews", "texts"),
    [
        ([review("/a/run1/p.csv")], ["p.csv  —  run1"]),
        (
            [review("/a/run1/p.csv"), review("/a/run2/p.csv")],
            ["p.csv  —  run1", "p.csv  —  run2"],
        ),
        (
            [review("/a/x/run/p.csv"), review("/a/y/run/p.csv"), review("/a/q.csv")],
            ["p.csv  —  x/run", "p.csv  —  y/run", "q.csv  —  a"],
        ),
        (
            [review("/a/p.csv", "/a/mine.csv"), review("/a/p.csv", "/a/yours.csv")],
            ["p.csv  —  a  →  mine.csv", "p.csv  —  a  →  yours.csv"],
        ),
        ([review("/p.csv"), review("/a/p.csv")], ["p.csv  —  /", "p.csv  —  a"]),
    ],
)
def test_recent_reviews_are_told_apart(windows, monkeypatch, reviews, texts):
    monkeypatch.setattr(RecentReview, "all", classmethod(lambda _: reviews))
    panel = RecentPanel()
    shown = [button.text for button in panel.buttons[: len(reviews)]]
    panel.native.deleteLater()
    assert shown == texts
