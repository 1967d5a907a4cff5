"""The review of this project in a window, controlled as by a user."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from qtpy.QtTest import QTest

from napari_artifact_review import open_review
from napari_artifact_review.core.cutout import Cutout

from .plan import Plan
from .stopwatch import wait_until
from .surveys import Survey
from .window import Window


class Review:
    """A review in its own window; closing it removes its output and store.

    Parameters
    ----------
    plan : Plan
        The plan of the run; the store is on the disk of its cache.
    survey : Survey
        The survey to review.
    """

    def __init__(self, plan: Plan, survey: Survey) -> None:
        plan.cache.mkdir(parents=True, exist_ok=True)
        self.survey = survey
        self.folder = Path(tempfile.mkdtemp(dir=plan.cache, prefix=".review-"))
        self.window = Window()
        self.viewer = self.window.viewer
        self.dock = open_review(
            self.viewer,
            survey.predictions,
            survey.images,
            self.folder / "test_outputs.csv",
            cutout_size=survey.cutout_size,
        )
        self.session = self.dock.session
        self.controller = self.dock.controller
        # Rows measure a verdict without the step that would follow it.
        self.dock.auto_advance.value = False
        self._learned = plan.learned
        if plan.learned:
            self.session.set_queue(order="learned")
        self.window.bring_up()
        self.settle()

    # The state of the review

    @property
    def cutout(self) -> Cutout:
        """The current cutout."""
        return self.session.current_cutout

    @property
    def image_layer(self) -> Any:
        """The layer of the full image."""
        images = [self.controller.layers.find(role) for role in ("image", "tiles")]
        seen = [image for image in images if image is not None and image.visible]
        return (seen or images)[0]

    def errors_of(self, name: str) -> list[Cutout]:
        """Return the errors of an image, in the order of the queue."""
        rows = self.session.review_queue.rows_of(name)
        return [self.session.catalog.cutout(int(row)) for row in rows]

    def marked_of(self, name: str) -> list[Cutout]:
        """Return the cutouts of an image, first those with a box."""
        rows = self.session.cutout_index.cutouts_of(name)
        cutouts = [self.session.catalog.cutout(int(row)) for row in rows]
        return sorted(cutouts, key=lambda c: c.outcome == "TN")

    def shown(self) -> str:
        """Return the name of the current image, and the state of its view."""
        return f"{self.cutout.image_name} {self.controller.view}"

    def is_shown(self) -> bool:
        """Return whether the current cutout's image is on the screen."""
        return bool(self.controller.view == "shown")

    @property
    def shows_previous_image(self) -> bool:
        """Whether the screen still shows the previous image and its dock, unchanged."""
        control = self.controller
        return bool(control.view == "loading" and not control.says_loading)

    def has_read(self, name: str) -> bool:
        """Return whether the review has read an image ahead."""
        return self.controller.at_hand(name) is not None

    # Actions that are not timed

    def settle(self) -> None:
        """Wait until the image is shown, and the next images are read ahead."""
        wait_until(lambda: self.controller.view != "loading", 600)
        if not self.is_shown():
            raise RuntimeError(str(self.controller.problem))
        # Wait longer than the delays of lines after a zoom and of reading ahead.
        QTest.qWait(350)
        wait_until(lambda: not self.controller.loader.is_reading, 600)
        QTest.qWait(20)

    def stay_in(self, name: str) -> None:
        """Keep the next steps in one image, if the queue has the learned order."""
        if self._learned and self.session.review_queue.rule.images != (name,):
            self.session.set_queue(images=[name], order="learned")
            self.settle()

    def next_row(self) -> int | None:
        """Return the row of the next cutout, which descriptors may still change."""
        return self.session.review_queue.after(self.cutout.row)

    def go_to(self, error_id: int) -> None:
        """Go to an error, and wait until nothing happens any more."""
        self.session.go_to(error_id)
        self.settle()

    def close(self) -> None:
        """Close the window, and remove the files of the review."""
        self.window.close()
        self.session.close()
        shutil.rmtree(self.folder, ignore_errors=True)
