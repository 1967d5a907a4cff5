"""Workarounds for napari that need Qt, with the affected version of napari.

Workarounds that do not need Qt are in `viewer/napari_compat.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from napari.components import ViewerModel
from qtpy.QtWidgets import QMainWindow, QWidget


def canvas_of(window: QMainWindow | None) -> Any:
    """Return the OpenGL widget in the middle of napari's window, or None."""
    middle = window.centralWidget() if window is not None else None
    inside = [] if middle is None else middle.findChildren(QWidget)
    # The name of the OpenGL widget differs between versions of Qt.
    return next((widget for widget in inside if hasattr(widget, "frameSwapped")), None)


def make_context_current_at_removals(
    viewer: ViewerModel, window: QMainWindow | None
) -> Callable[[], object]:
    """Make the canvas's OpenGL context current before napari removes a layer.

    napari 0.9.2 deletes the OpenGL objects of a removed layer immediately, in the
    current context (`VispyCanvas._clean_and_update_scenegraph`, since napari pull
    request 8122; napari issue 8471 seems to describe the same fault). The current
    context is usually the one with which Qt composes the window. The canvas's own
    context then still refers to the deleted objects. A later frame crashes the process
    in `glDrawArrays`.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer, or a proxy of it.
    window : QMainWindow or None
        The viewer's window.

    Returns
    -------
    callable
        Removes the workaround.
    """
    canvas = canvas_of(window)
    removing = viewer.layers.events.removing

    def make_current() -> None:
        canvas.makeCurrent()

    if canvas is not None:
        removing.connect(make_current)
    return partial(removing.disconnect, make_current)
