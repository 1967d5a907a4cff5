"""Stand-ins for a slow disk, and for a computer with little memory."""

from __future__ import annotations

from collections.abc import Callable

from napari_artifact_review.viewer.controller import ReviewController
from napari_artifact_review.viewer.image.loader import ImageLoader


def slow_down(control: ReviewController, wait: Callable[[str], object]) -> None:
    """Have each image wait before it is read, also one that was read ahead.

    Parameters
    ----------
    control : ReviewController
        The controller of the review.
    wait : callable
        Takes the name of an image, in the thread that reads; returns when it is there.
    """
    images = control.session.images
    find = images.find

    def find_late(name):
        wait(name)
        return find(name)

    images.find = find_late
    forget_others(control.loader)


def forget_others(loader: ImageLoader) -> None:
    """Have a loader forget all images but the one that was asked for last."""
    most, loader.most_images = loader.most_images, 1
    loader.read_ahead([])
    loader.most_images = most
    loader.cache.clear()
