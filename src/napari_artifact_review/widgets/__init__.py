"""The dock, with its panels and windows."""

from napari_artifact_review.widgets.dock import ReviewWidget
from napari_artifact_review.widgets.launch import open_review, open_sample, review_dock

__all__ = ["ReviewWidget", "open_review", "open_sample", "review_dock"]
