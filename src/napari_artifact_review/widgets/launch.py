"""Functions to open a review from a script, and the demo from the sample menu."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.plugins import menu_item_template
from qtpy.QtCore import QEventLoop

from napari_artifact_review.viewer.layers import OWNER
from napari_artifact_review.widgets.dock import ReviewWidget

if TYPE_CHECKING:
    import napari

    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.core.tables.mapping import TableMapping

#: The name that napari's Plugins menu uses for the dock.
_DOCK_NAME = menu_item_template.format("Artifact Review", "Artifact Review")


def open_review(
    viewer: napari.Viewer,
    predictions: str | Path | ReviewSession,
    images: str | Path | None = None,
    output: str | Path | None = None,
    *,
    mapping: TableMapping | None = None,
    cutout_size: int | None = None,
    reviewer: str | None = None,
    store: str | Path | None = None,
    team: str | Path | None = None,
    read_only: bool = False,
    previous: str | Path | None = None,
    embeddings: str | Path | None = None,
    hdu: int | str | None = None,
    ask_reviewer: bool = False,
) -> ReviewWidget:
    """Open a review in a viewer.

    The function returns when the first image is on the screen or cannot be read.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer. The dock is added if the viewer has no dock of this plugin.
    predictions : path-like or ReviewSession
        The predictions table, or an open session. With a session, omit all further
        arguments. The dock closes the session when it closes the review.
    images, output, mapping, cutout_size, reviewer, store, team, read_only, previous
        As for `ReviewSession.open`.
    embeddings, hdu
        As for `ReviewSession.open`.
    ask_reviewer : bool
        Whether the dock asks for the name of the reviewer if the log has verdicts of
        others, and none is given. The function then waits for the answer, too. By
        default, the name is the login name.

    Returns
    -------
    ReviewWidget
        The dock. Its attribute `session` is the session of the review.

    Raises
    ------
    MappingNeededError
        If the table needs another mapping. No window asks for it.
    ReviewError
        If the review cannot be opened for another reason.
    TypeError
        If other arguments are given with a session.
    """
    options = {
        "reviewer": reviewer,
        "store": store,
        "team": team,
        "previous": previous,
        "embeddings": embeddings,
        "hdu": hdu,
    }
    if isinstance(predictions, str | PathLike):
        widget = review_dock(viewer)
        widget.opening.fill(predictions, images, output, cutout_size, mapping, reviewer)
        start = partial(
            widget.start_opening,
            ask_reviewer=ask_reviewer,
            read_only=read_only,
            **options,
        )
    elif any((images, output, mapping, cutout_size, read_only, *options.values())):
        raise TypeError("with an open session, no other argument is allowed")
    else:
        widget = review_dock(viewer)
        start = partial(widget.show_session, predictions)
    wait_for(widget, start)
    return widget


def review_dock(viewer: napari.Viewer) -> ReviewWidget:
    """Return a viewer's Artifact Review dock; add the dock if it is missing."""
    for widget in viewer.window.dock_widgets.values():
        if isinstance(widget, ReviewWidget):
            # The dock may be hidden.
            widget.parentWidget().show()
            return widget
    widget = ReviewWidget(viewer)
    # With this name, the entry in napari's Plugins menu shows and hides the dock.
    viewer.window.add_dock_widget(widget, name=_DOCK_NAME)
    return widget


def wait_for(widget: ReviewWidget, start: Callable[[], None]) -> None:
    """Call `start`, wait for the end of the opening, and raise any error.

    The function also returns when the window is closed.
    """
    outcome: list[Exception | None] = []
    loop = QEventLoop()

    def settled(error: Exception | None) -> None:
        outcome.append(error)
        loop.quit()

    widget.settled.connect(settled)
    widget.destroyed.connect(loop.quit)
    try:
        start()
        if not outcome:
            loop.exec_()
    finally:
        widget.settled.disconnect(settled)
    if outcome and outcome[0] is not None:
        raise outcome[0]


def open_sample() -> list[tuple[Any, dict[str, Any], str]]:
    """Create the demo, and open it in the current viewer.

    Returns
    -------
    list of one layer data tuple
        A blank image, because napari expects a layer from a sample. The review shows
        the images of the demo in this layer.
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
