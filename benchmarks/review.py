"""The review of this project in a window, steered as a user would."""

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
    """A review in a window of its own; its output and store go with it.

    Parameters
    ----------
    plan : Plan
        The run: the store is kept on the disk of its cache.
    survey : Survey
        What is reviewed.
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
        )
        self.session = self.dock.session
        self.controller = self.dock.controller
        # A verdict alone is measured, without the step that follows it.
        self.dock.auto_advance.value = False
        self.window.bring_up()
        self.settle()

    # Where it stands

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
        """Return the errors of an image, in walking order."""
        rows = self.session.review_queue.rows_of(name)
        return [self.session.catalog.cutout(int(row)) for row in rows]

    def marked_of(self, name: str) -> list[Cutout]:
        """Return the cutouts of an image, those with a box first."""
        rows = self.session.cutout_index.cutouts_of(name)
        cutouts = [self.session.catalog.cutout(int(row)) for row in rows]
        return sorted(cutouts, key=lambda c: c.outcome == "TN")

    def shown(self) -> str:
        """Name the image that is to be on the screen, and whether it is."""
        return f"{self.cutout.image_name} {self.controller.view}"

    def is_shown(self) -> bool:
        """Tell whether the current cutout's image is on the screen."""
        return bool(self.controller.view == "shown")

    @property
    def is_kept(self) -> bool:
        """Whether picture and dock stay as they were on the screen for a moment."""
        control = self.controller
        return bool(control.view == "loading" and not control.says_loading)

    def has_read(self, name: str) -> bool:
        """Tell whether an image has been read ahead."""
        return self.controller.at_hand(name) is not None

    # What is not timed

    def settle(self) -> None:
        """Wait until the image is shown, and all that is read ahead has been read."""
        wait_until(lambda: self.controller.view != "loading", 600)
        if not self.is_shown():
            raise RuntimeError(str(self.controller.problem))
        # Longer than lines wait for a zoom to rest, and images to be read ahead.
        QTest.qWait(350)
        wait_until(lambda: not self.controller.loader.is_reading, 600)
        QTest.qWait(20)

    def go_to(self, error_id: int) -> None:
        """Go to an error, and wait until all is quiet."""
        self.session.go_to(error_id)
        self.settle()

    def close(self) -> None:
        """Close the window, and remove what the review wrote."""
        self.window.close()
        self.session.close()
        shutil.rmtree(self.folder, ignore_errors=True)
