"""Ways into a review: from a script, from the sample menu."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.plugins import menu_item_template
from qtpy.QtCore import QEventLoop

from napari_artifact_review.viewer.layers import OWNER
from napari_artifact_review.widgets.dock import ReviewWidget

if TYPE_CHECKING:
    import napari

#: The name under which napari's Plugins menu looks for the dock: widget and plugin.
_DOCK_NAME = menu_item_template.format("Artifact Review", "Artifact Review")


def open_review(
    viewer: napari.Viewer,
    predictions: str | Path,
    images: str | Path | None = None,
    output: str | Path | None = None,
    **options: Any,
) -> ReviewWidget:
    """Open a review in a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer that the dock is added to, unless it has it already.
    predictions, images, output
        As for `ReviewSession.open`.
    **options
        `store` and `team`, as for `ReviewSession.open`.

    Returns
    -------
    ReviewWidget
        The dock, with the review as its `session`, once the first image is on the
        screen (or is known to be unreadable).

    Raises
    ------
    ReviewError
        If the review cannot be opened.
    """
    widget = review_dock(viewer)
    widget.predictions.value = Path(predictions)
    widget.images.value = None if images is None else Path(images)
    widget.output.value = None if output is None else Path(output)
    wait_for(widget, partial(widget.start_opening, **options))
    return widget


def review_dock(viewer: napari.Viewer) -> ReviewWidget:
    """Return a viewer's Artifact Review dock; add it if it is not there."""
    for widget in viewer.window.dock_widgets.values():
        if isinstance(widget, ReviewWidget):
            # It may be hidden.
            widget.parentWidget().show()
            return widget
    widget = ReviewWidget(viewer)
    # Under the menu's name, so that the menu shows and hides this very dock.
    viewer.window.add_dock_widget(widget, name=_DOCK_NAME)
    return widget


def wait_for(widget: ReviewWidget, start: Callable[[], None]) -> None:
    """Call `start`, and return when the opening that it begins has come to an end."""
    outcome: list[Exception | None] = []
    loop = QEventLoop()

    def settled(error: Exception | None) -> None:
        outcome.append(error)
        loop.quit()

    widget.settled.connect(settled)
    try:
        start()
        if not outcome:
            loop.exec_()
    finally:
        widget.settled.disconnect(settled)
    if outcome and outcome[0] is not None:
        raise outcome[0]


def open_sample() -> list[tuple[Any, dict[str, Any], str]]:
    """Make the demo and open it in the current viewer.

    Returns
    -------
    list of one layer data tuple
        A blank image. napari wants a layer from a sample; the review makes it its
        own and shows the demo's images in it, once they are made.
    """
    import napari

    viewer = napari.current_viewer()
    assert viewer is not None, "napari opens samples into a viewer"
    review_dock(viewer).start_demo()
    blank = np.zeros((2000, 4200), dtype=np.float32)
    return [
        (
            blank,
            {
                "name": "demo",
                "rgb": False,
                "contrast_limits": (0, 1),
                "metadata": {OWNER: "image"},
            },
            "image",
        )
    ]
