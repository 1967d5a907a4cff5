"""The one table of keys: bound, shown in tooltips and in the help from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from napari.components import ViewerModel


@dataclass(frozen=True)
class KeyAction:
    """A key and what it does.

    Attributes
    ----------
    name : str
        What the action is called in code.
    keys : tuple of str
        Keys in napari's spelling; the first one is shown.
    title : str
        What it does, for the user.
    """

    name: str
    keys: tuple[str, ...]
    title: str

    @property
    def label(self) -> str:
        """The keys as they stand on a keyboard."""
        return " or ".join(self.keys)


#: Letters that napari's own layers leave free, so that they work whichever is active.
KEY_TABLE = (
    KeyAction("next", ("N", "."), "Next error"),
    KeyAction("previous", (",",), "Previous error"),
    KeyAction("artifact", ("J",), "It is an artifact"),
    KeyAction("no_artifact", ("K",), "It is no artifact"),
    KeyAction("undo", ("U",), "Take back the last decision"),
    KeyAction("redo", ("Shift-U",), "Make it again"),
    KeyAction("toggle_view", ("G",), "Cutout / full image"),
    KeyAction("save", ("W",), "Write (save) the reviewed table"),
    KeyAction("help", ("F1",), "Show or hide this help"),
)

KEY_OF = {action.name: action for action in KEY_TABLE}


class KeyBindings:
    """Binds the key table to a viewer, and gives every key back.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer whose keys are bound.
    actions : mapping of str to callable
        What to call for the actions of `KEY_TABLE`.
    enabled : callable
        Whether a key is meant for the review now: not while a text is typed.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        actions: Mapping[str, Callable[[], object]],
        enabled: Callable[[], bool],
    ) -> None:
        self._viewer = viewer
        self._actions = actions
        self._enabled = enabled
        self._replaced: dict[str, Any] | None = None

    def connect(self) -> None:
        """Bind the keys; what they were bound to before is remembered."""
        if self._replaced is not None:
            return
        self._replaced = {}
        for action in KEY_TABLE:
            for key in action.keys:
                self._replaced[key] = self._viewer.bind_key(key, None)
                self._viewer.bind_key(key, self._handler(action.name))

    def disconnect(self) -> None:
        """Give the keys back."""
        for key, before in (self._replaced or {}).items():
            self._viewer.bind_key(key, None)
            if before is not None:
                self._viewer.bind_key(key, before)
        self._replaced = None

    def _handler(self, name: str) -> Callable[[object], None]:
        def handle(_: object) -> None:
            if self._enabled():
                self._actions[name]()

        return handle
