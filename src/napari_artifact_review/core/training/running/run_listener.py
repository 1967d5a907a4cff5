"""The receiver of messages and progress of a run over many images."""

from __future__ import annotations

from napari_artifact_review.core.errors import ImageError


class RunListener:
    """A listener that ignores everything; a subclass shows what it likes."""

    def begin(self, images: int, current: int) -> None:
        """Receive the number of all images, and of those whose part is current."""

    def advance(self) -> None:
        """Learn that one more image is finished, or cannot be used."""

    def fault(self, error: ImageError) -> None:
        """Receive the error of an image; the other images go on."""

    def notice(self, text: str) -> None:
        """Receive a message of one sentence."""
