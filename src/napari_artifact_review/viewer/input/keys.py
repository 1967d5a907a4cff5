"""The one table of keys: bound, shown in tooltips and in the help from here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
    repeats : bool
        Whether it is done again and again while the key is held.
    lasts : bool
        Whether it is done while the key is held, and undone when it is let go.
    """

    name: str
    keys: tuple[str, ...]
    title: str
    repeats: bool = False
    lasts: bool = False

    @property
    def label(self) -> str:
        """The keys as they stand on a keyboard."""
        return " or ".join(_ARROWS.get(key, key) for key in self.keys)

    @property
    def hint(self) -> str:
        """What it does, and with which key."""
        return f"{self.title} (key {self.label})"


_ARROWS = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓"}


#: Seconds that a key is held until it repeats itself, and between its repetitions: ten
#: a second can be followed with the eye, and leave time to draw each.
_REPEAT_AFTER = 0.4
_REPEAT_EVERY = 0.1

#: Letters that napari's own layers leave free, so that they work whichever is active.
KEY_TABLE = (
    KeyAction("artifact", ("J",), "Mark as artifact"),
    KeyAction("no_artifact", ("K",), "Mark as no artifact"),
    KeyAction("unsure", ("H",), "Mark as unsure"),
    KeyAction("kind", ("Shift-K",), "Mark as artifact and choose its kind"),
    KeyAction("note", ("F2",), "Add a note (Enter to finish)"),
    KeyAction("repeat", ("Shift-J",), "Repeat last verdict"),
    KeyAction("undo", ("U",), "Undo"),
    KeyAction("redo", ("Shift-U",), "Redo"),
    KeyAction("give_again", ("Shift-R",), "Retry refused verdicts"),
    KeyAction("next", ("N", "."), "Next in queue", repeats=True),
    KeyAction("previous", (",",), "Previous in queue", repeats=True),
    KeyAction("next_unreviewed", ("Shift-N",), "Next unreviewed"),
    KeyAction("back", ("Shift-G",), "Back to last position"),
    KeyAction("left", ("Left",), "Cutout to the left", repeats=True),
    KeyAction("right", ("Right",), "Cutout to the right", repeats=True),
    KeyAction("up", ("Up",), "Cutout above", repeats=True),
    KeyAction("down", ("Down",), "Cutout below", repeats=True),
    KeyAction("hide", ("Q",), "Hide all boxes while held", lasts=True),
    KeyAction("toggle_view", ("G",), "Switch between cutout and full image"),
    KeyAction("gallery", ("F5",), "Show or hide the gallery"),
    KeyAction("let_go", ("Escape",), "Clear selection"),
    KeyAction("copy_place", ("Shift-C",), "Copy position and sky coordinates"),
    KeyAction("examples", ("F3",), "Show or hide examples of each kind"),
    KeyAction("stretches", ("F4",), "Compare stretches of this cutout"),
    KeyAction("save", ("W",), "Save the reviewed table"),
    KeyAction("help", ("F1",), "Show or hide the help"),
)

KEY_OF = {action.name: action for action in KEY_TABLE}


class KeyBindings:
    """Binds the key table to a viewer, and gives every key back.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer whose keys are bound.
    actions : mapping of str to callable
        What to call for the actions of `KEY_TABLE`; of one that lasts, at its beginning
        and at its end.
    enabled : callable
        Whether a key is meant for the review now: not while a text is typed.
    shown : callable
        Whether what was asked for last is on the screen: who holds a key passes nothing
        unseen.
    run_later : callable
        Runs a function in the main thread after some seconds.
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
        """Whether the keys are the review's now."""
        return self._replaced is not None

    def connect(self, actions: Sequence[KeyAction] = KEY_TABLE) -> None:
        """Bind the keys of actions; what they were bound to before is remembered."""
        if self._replaced is not None:
            return
        self._replaced = {}
        for action in actions:
            for key in action.keys:
                self._replaced[key] = self._viewer.bind_key(key, None)
                self._viewer.bind_key(key, self._handler(action))

    def disconnect(self) -> None:
        """Give the keys back."""
        self.let_go()
        for key, before in (self._replaced or {}).items():
            self._viewer.bind_key(key, None)
            if before is not None:
                self._viewer.bind_key(key, before)
        self._replaced = None

    def let_go(self) -> None:
        """End what a key that is held repeats: who leaves a window holds none there."""
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
        """Return a handler for what is switched on by a key, and off at its release."""

        def handle(_: object) -> Iterator[None]:
            if self._enabled():
                self.let_go()
                self._lasting = name
                self._actions[name]()
                yield
                self.let_go()

        return handle

    def _repeating(self, name: str) -> Callable[[object], Iterator[None]]:
        """Return a handler for a key that repeats itself until it is let go.

        napari hears of no repetition by the keyboard. Its own would also come while
        one before is being drawn, and go on after the key was let go.
        """

        def handle(_: object) -> Iterator[None]:
            if self._enabled():
                # What lasts as long as another key is held goes on.
                self._presses += 1
                self._actions[name]()
                again = partial(self._repeat, name, self._presses)
                self._run_later(_REPEAT_AFTER, again)
                # napari goes on here when the key is let go.
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
