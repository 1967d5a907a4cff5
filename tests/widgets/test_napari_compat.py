"""Workarounds for faults of napari: their effect, and their end."""

from __future__ import annotations

from napari.components import ViewerModel
from qtpy.QtGui import QOpenGLContext

from napari_artifact_review.widgets.napari_compat import (
    canvas_of,
    make_context_current_at_removals,
)


def test_a_layer_is_removed_in_the_context_of_its_canvas(dock, viewer):
    canvas = canvas_of(dock.window())
    own_layer = viewer.add_points()
    are_current = []
    viewer.layers.events.removed.connect(
        lambda: are_current.append(QOpenGLContext.currentContext() == canvas.context())
    )
    canvas.doneCurrent()
    viewer.layers.remove(own_layer)
    assert are_current == [True]


def test_a_viewer_without_a_window_has_no_context():
    viewer = ViewerModel()
    end = make_context_current_at_removals(viewer, None)
    viewer.layers.remove(viewer.add_points())
    end()
