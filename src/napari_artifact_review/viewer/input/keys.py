"""The table of keys, and its bindings to a viewer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from napari.components import ViewerModel


@dataclass(frozen=True)
class KeyAction:
    """An action and its keys.

    Attributes
    ----------
    name : str
        Name of the action in code and in napari's preferences.
    keys : tuple of str
        Keys in napari's spelling.
    title : str
        Title of the action for the user.
    repeats : bool
        Whether the action is repeated while the key is held.
    lasts : bool
        Whether the action begins when the key is pressed, and ends when the key is
        released.
    """

    name: str
    keys: tuple[str, ...]
    title: str
    repeats: bool = False
    lasts: bool = False

    @property
    def label(self) -> str:
        """The keys as printed on a keyboard, such as "N or ."."""
        return " or ".join(_ARROWS.get(key, key) for key in self.keys)

    @property
    def hint(self) -> str:
        """The title of the action, followed by its keys in parentheses."""
        return f"{self.title} ({self.label})"


_ARROWS = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓"}


#: Seconds until a held key repeats its action, and seconds between repetitions. A user
#: can follow ten cutouts per second, and the viewer can draw each of them in time.
_REPEAT_AFTER = 0.4
_REPEAT_EVERY = 0.1

#: Actions and their keys, which work with any active layer of napari. napari's
#: preferences store the names, so the old names `let_go` and `copy_place` remain.
KEY_TABLE = (
    KeyAction("artifact", ("J",), "Mark as artifact"),
    KeyAction("no_artifact", ("K",), "Mark as no artifact"),
    KeyAction("unsure", ("H",), "Mark as unsure"),
    KeyAction("kind", ("Shift+K",), "Mark as artifact and choose its kind"),
    KeyAction("note", ("F2",), "Add a note (Enter to finish)"),
    KeyAction("repeat", ("Shift+J",), "Repeat last verdict"),
    KeyAction("undo", ("U",), "Undo"),
    KeyAction("redo", ("Shift+U",), "Redo"),
    KeyAction("give_again", ("Shift+R",), "Retry refused verdicts"),
    KeyAction("next", ("N", "."), "Next in queue", repeats=True),
    KeyAction("previous", (",",), "Previous in queue", repeats=True),
    KeyAction("next_unreviewed", ("Shift+N",), "Next unreviewed"),
    KeyAction("first", ("Home",), "First in queue"),
    KeyAction("last", ("End",), "Last in queue"),
    KeyAction("back", ("Shift+G",), "Back to last position"),
    KeyAction("left", ("Left",), "Cutout to the left", repeats=True),
    KeyAction("right", ("Right",), "Cutout to the right", repeats=True),
    KeyAction("up", ("Up",), "Cutout above", repeats=True),
    KeyAction("down", ("Down",), "Cutout below", repeats=True),
    KeyAction("hide", ("Q",), "Hide all boxes while held", lasts=True),
    KeyAction("toggle_view", ("G",), "Switch between cutout and full image"),
    KeyAction("gallery", ("F5",), "Show or hide the gallery"),
    KeyAction("similar", ("F7",), "Show similar cutouts, or go back"),
    KeyAction("adjudicate", ("F8",), "Adjudicate disputed cutouts, or go back"),
    KeyAction("let_go", ("Escape",), "Clear selection"),
    KeyAction("copy_place", ("Shift+C",), "Copy position and sky coordinates"),
    KeyAction("examples", ("F3",), "Show or hide examples of each kind"),
    KeyAction("stretches", ("F4",), "Compare stretches of this cutout"),
    KeyAction("next_preset", ("Shift+D",), "Next display preset"),
    KeyAction("presets", ("F6",), "Choose a display preset"),
    KeyAction("save", ("W",), "Save the reviewed table"),
    KeyAction("help", ("F1",), "Show or hide the help"),
)

KEY_OF = {action.name: action for action in KEY_TABLE}


class KeyBindings:
    """The bindings of the key table to a viewer.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer whose keys are bound.
    actions : mapping of str to callable
        Functions for the actions of `KEY_TABLE`, by name. The function of an action
        that lasts is called at its beginning and at its end.
    enabled : callable
        Returns whether keys control the review; False, for example, in a text field.
    shown : callable
        Returns whether the cutout requested last is on the screen. Until then, a held
        key does not repeat its action, so that no cutout is skipped unseen.
    run_later : callable
        Schedules a function in the main thread after a delay in seconds.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        actions: Mapping[str, Callable[[], object]],
        enabled: Callable[[], bool],
        shown: Callable[[], bool],
        run_later: Callable[[float, Callable[[], object]], None],
    ) -> None:
        self._viewer = viewer
        self._actions = actions
        self._enabled = enabled
        self._shown = shown
        self._run_later = run_later
        self._presses = 0
        self._lasting: str | None = None
        self._replaced: dict[str, Any] | None = None

    @property
    def are_bound(self) -> bool:
        """Whether the keys are currently bound to the review."""
        return self._replaced is not None

    def connect(self, actions: Sequence[KeyAction] = KEY_TABLE) -> None:
        """Bind the keys of actions, and store the previous bindings of these keys."""
        if self._replaced is not None:
            return
        self._replaced = {}
        for action in actions:
            for key in action.keys:
                self._replaced[key] = self._viewer.bind_key(key, None)
                self._viewer.bind_key(key, self._handler(action))

    def disconnect(self) -> None:
        """Restore the previous bindings of the keys."""
        self.release()
        for key, before in (self._replaced or {}).items():
            self._viewer.bind_key(key, None)
            if before is not None:
                self._viewer.bind_key(key, before)
        self._replaced = None

    def release(self) -> None:
        """End the actions of held keys, for example when the window loses focus."""
        self._presses += 1
        if self._lasting is not None:
            name, self._lasting = self._lasting, None
            self._actions[name]()

    def _handler(self, action: KeyAction) -> Callable[[object], object]:
        if action.repeats:
            return self._repeating(action.name)
        if action.lasts:
            return self._while_held(action.name)
        return self._once(action.name)

    def _while_held(self, name: str) -> Callable[[object], Iterator[None]]:
        """Return a handler of an action that lasts until the key is released."""

        def handle(_: object) -> Iterator[None]:
            if self._enabled():
                self.release()
                self._lasting = name
                self._actions[name]()
                yield
                self.release()

        return handle

    def _repeating(self, name: str) -> Callable[[object], Iterator[None]]:
        """Return a handler of an action that is repeated until the key is released.

        napari 0.9.2 ignores the key repetitions of the operating system. Those could
        also arrive while a frame is drawn, or after the key is released.
        """

        def handle(_: object) -> Iterator[None]:
            if self._enabled():
                # Do not call `release` here, because it would end a lasting action.
                self._presses += 1
                self._actions[name]()
                again = partial(self._repeat, name, self._presses)
                self._run_later(_REPEAT_AFTER, again)
                # napari continues here when the key is released.
                yield
                self._presses += 1

        return handle

    def _repeat(self, name: str, press: int) -> None:
        if press == self._presses and self._enabled():
            if self._shown():
                self._actions[name]()
            self._run_later(_REPEAT_EVERY, partial(self._repeat, name, press))

    def _once(self, name: str) -> Callable[[object], None]:
        def handle(_: object) -> None:
            if self._enabled():
                self._actions[name]()

        return handle
