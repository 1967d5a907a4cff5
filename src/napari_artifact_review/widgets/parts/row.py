"""A row of widgets side by side."""

from __future__ import annotations

from magicgui.widgets import Container
from magicgui.widgets.bases import Widget


def row_of(*widgets: Widget) -> Container[Widget]:
    """Return a container with widgets side by side, without labels and margins."""
    row = Container[Widget](widgets=widgets, layout="horizontal", labels=False)
    row.margins = (0, 0, 0, 0)
    return row
