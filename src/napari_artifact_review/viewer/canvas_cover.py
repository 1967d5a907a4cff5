"""The state of the viewer while another widget, such as the gallery, is in front."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.image_flow import ImageFlow
from napari_artifact_review.viewer.verdicts import VerdictTarget


class Cover:
    """The state of the viewer while another widget covers the canvas.

    The covering widget, such as the gallery, then provides the target of verdicts. Only
    the current image is read.

    Parameters
    ----------
    session : ReviewSession
        The review.
    flow : ImageFlow
        Reads the images.

    Attributes
    ----------
    target : callable or None
        Returns the target of a verdict; None while the canvas is not covered.
    """

    def __init__(self, session: ReviewSession, flow: ImageFlow) -> None:
        self._session = session
        self._flow = flow
        self.target: Callable[[], VerdictTarget] | None = None

    def read_after(self, seconds: float) -> None:
        """Read the image of the current cutout after `seconds`.

        Do nothing if another image is current by then.
        """
        name = self._session.current_cutout.image_name
        self._flow.run_later(seconds, partial(self._read_if_current, name))

    def _read_if_current(self, name: str) -> None:
        is_current = name == self._session.current_cutout.image_name
        if is_current and self._flow.at_hand(name) is None:
            self._flow.read_covered(name)
