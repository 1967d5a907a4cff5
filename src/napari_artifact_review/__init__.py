"""Review and correct the labels of an astronomical artifact classifier in napari."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.core.tables.mapping import TableMapping
    from napari_artifact_review.core.training.export import export
    from napari_artifact_review.widgets import open_review

__all__ = ["ReviewSession", "TableMapping", "export", "open_review"]


def __getattr__(name: str) -> Any:
    # napari imports every plugin at startup, so import slow modules on first use.
    if name == "ReviewSession":
        from napari_artifact_review.core.review.session import ReviewSession

        return ReviewSession
    if name == "TableMapping":
        from napari_artifact_review.core.tables.mapping import TableMapping

        return TableMapping
    if name == "export":
        from napari_artifact_review.core.training.export import export

        return export
    if name == "open_review":
        from napari_artifact_review.widgets import open_review

        return open_review
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
