"""Review and correct the labels of an astronomical artifact classifier in napari."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.core.tables.mapping import TableMapping
    from napari_artifact_review.core.training.comparing.comparison import compare
    from napari_artifact_review.core.training.describing.describe import describe
    from napari_artifact_review.core.training.exporting.export import export
    from napari_artifact_review.core.training.scoring.score import score
    from napari_artifact_review.widgets import open_review

__all__ = [
    "ReviewSession",
    "TableMapping",
    "compare",
    "describe",
    "export",
    "open_review",
    "score",
]

#: Module of each public name. napari imports every plugin at startup, so slow modules
#: are imported on first use.
_MODULES = {
    "ReviewSession": "core.review.session",
    "TableMapping": "core.tables.mapping",
    "compare": "core.training.comparing.comparison",
    "describe": "core.training.describing.describe",
    "export": "core.training.exporting.export",
    "open_review": "widgets",
    "score": "core.training.scoring.score",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
