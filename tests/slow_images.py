"""Stand-ins for a slow disk, and for a computer with little memory."""

from __future__ import annotations

from collections.abc import Callable

from napari_artifact_review.viewer.controller import ReviewController
from napari_artifact_review.viewer.image.loader import ImageLoader


def slow_down(control: ReviewController, wait: Callable[[str], object]) -> None:
    """Make each image wait before it is read, also one that was read ahead.

    Parameters
    ----------
    control : ReviewController
        The controller of the review.
    wait : callable
        Called with the name of an image in the reading thread; returns when the image
        may be read.
    """
    images = control.session.images
    find = images.find

    def find_late(name):
        wait(name)
        return find(name)

    images.find = find_late
    forget_others(control.loader)


def forget_others(loader: ImageLoader) -> None:
    """Make a loader forget all images except the one that was requested last."""
    most, loader.most_images = loader.most_images, 1
    loader.read_ahead([])
    loader.most_images = most
    loader.cache.clear()
