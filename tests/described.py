"""Reviews whose cutouts have descriptors, without the model that takes longer."""

from __future__ import annotations

import threading

from napari_artifact_review import ReviewSession


def describe_all(session: ReviewSession) -> None:
    """Describe all images of a review; its model may still be trained after that."""
    known, is_done = session.descriptors, threading.Event()

    def note() -> None:
        done, total = known.progress
        if done == total:
            is_done.set()

    known.progressed.connect(note)
    # Asking for similar cutouts begins to describe the images.
    session.similar()
    assert known.is_ready or is_done.wait(60)
    known.progressed.disconnect(note)
