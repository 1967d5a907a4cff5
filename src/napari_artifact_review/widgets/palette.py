"""Commands of napari's command palette, which act on the open review."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import napari

from napari_artifact_review.widgets.dock import ReviewWidget
from napari_artifact_review.widgets.notifications import show_info

if TYPE_CHECKING:
    from napari_artifact_review.widgets.review import OpenReview


def _open_review() -> OpenReview | None:
    """Return the current viewer's open review; if None, notify the user."""
    viewer = napari.current_viewer()
    docked = [] if viewer is None else viewer.window.dock_widgets.values()
    for widget in docked:
        if isinstance(widget, ReviewWidget) and widget.review is not None:
            return widget.review
    show_info(
        "No review is open in this window. Open one with Plugins > Artifact Review."
    )
    return None


def _command(action: str) -> Callable[[], None]:
    """Return a command that runs an action of the open review.

    `action` is a parameter of `ReviewCommands.run`.
    """

    def run() -> None:
        review = _open_review()
        if review is not None:
            review.commands.run(action)

    run.__name__ = run.__qualname__ = action
    run.__doc__ = f"Do the action {action!r} of the open review."
    return run


save = _command("save")
undo = _command("undo")
redo = _command("redo")
next_in_queue = _command("next")
previous_in_queue = _command("previous")
next_unreviewed = _command("next_unreviewed")
back = _command("back")
toggle_view = _command("toggle_view")
gallery = _command("gallery")
similar = _command("similar")
examples = _command("examples")
stretches = _command("stretches")
report = _command("report")
open_another = _command("open_another")
show_help = _command("help")
