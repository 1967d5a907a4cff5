from __future__ import annotations

from collections.abc import Iterator

import pytest
from napari.components import ViewerModel

from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.controller import ReviewController


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a verdict wait until it is recorded, also on a busy machine."""
    for module in ("decisions.recorder", "review.session"):
        monkeypatch.setattr(f"napari_artifact_review.core.{module}.MAX_WAIT", 20)


@pytest.fixture
def viewer() -> ViewerModel:
    """Return napari's viewer without a window."""
    model = ViewerModel()
    model.canvas.size = (600, 800)
    return model


@pytest.fixture
def control(viewer, session: ReviewSession, main_loop) -> Iterator[ReviewController]:
    """Show the small survey's first error."""
    controller = ReviewController(viewer, session, main_loop.post, main_loop.post_later)
    controller.connect()
    main_loop.run_until(lambda: controller.view == "shown")
    yield controller
    controller.disconnect()
