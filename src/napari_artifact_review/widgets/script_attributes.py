"""The attributes of the dock by which scripts use its widgets."""

from __future__ import annotations

from operator import attrgetter
from typing import Any


class _Field:
    """An attribute of the dock that returns an attribute of a panel or a window.

    Parameters
    ----------
    path : str
        The path from the dock to the attribute, with dots. The workspace creates panels
        and windows when they are first used.
    """

    def __init__(self, path: str) -> None:
        self._get = attrgetter(path)

    def __get__(self, dock: object, _: type[object]) -> Any:
        return self._get(dock)


class ScriptAttributes:
    """The attributes of the dock by which scripts use its panels and widgets."""

    panel = _Field("workspace.panel")
    help = _Field("workspace.help")
    examples = _Field("workspace.examples")
    stretches = _Field("workspace.stretches")
    plots = _Field("workspace.plots")
    columns = _Field("workspace.columns")
    predictions = _Field("opening.predictions")
    images = _Field("opening.images")
    output = _Field("opening.output")
    cutout_size = _Field("opening.cutout_size")
    open = _Field("opening.open")
    image_name = _Field("panel.go_to.image_name")
    error_id = _Field("panel.go_to.error_id")
    previous = _Field("panel.progress.previous")
    next = _Field("panel.progress.next")
    label_new = _Field("panel.verdict.label_new")
    kind = _Field("panel.kind_and_note.kind")
    note = _Field("panel.kind_and_note.note")
    history = _Field("panel.verdict.history")
    last_verdict = _Field("panel.verdict.last")
    auto_advance = _Field("panel.progress.auto_advance")
    grid_x = _Field("panel.go_to.sliders.grid_x")
    grid_y = _Field("panel.go_to.sliders.grid_y")
    grid = _Field("panel.full_image.grid")
    y_up = _Field("panel.full_image.y_up")
    find = _Field("panel.own_columns.find")
    save = _Field("panel.saving.save")
    banner = _Field("panel.banner")
    message = _Field("panel.message")
