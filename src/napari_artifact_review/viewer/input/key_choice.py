"""The keys as the user wants them: napari's preferences over the table of keys."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from typing import Any

from napari import settings
from napari.layers import Image
from napari.utils.key_bindings import coerce_keybinding

from napari_artifact_review.viewer.input.keys import KEY_OF, KEY_TABLE, KeyAction

#: The plugin, and what its manifest calls the keys in napari's preferences. Neither
#: `keys` nor `shortcuts` would do: the one makes a model look like a mapping, the other
#: is shown by napari as its own shortcuts.
PLUGIN, CATEGORY = "napari-artifact-review", "key_bindings"

#: Between keys. A comma that stands alone, or after a modifier, is a key itself.
_BETWEEN = re.compile(r"(?:(?<=\S)(?<!\w-),)?\s+(?:or\s+)?")


@dataclass(frozen=True)
class KeyChoice:
    """Which key does what.

    Attributes
    ----------
    actions : tuple of KeyAction
        The actions of `KEY_TABLE`, with the keys that are in force.
    faults : tuple of str
        Why some of them are not those that were wished for, in sentences.
    """

    actions: tuple[KeyAction, ...] = KEY_TABLE
    faults: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> KeyAction:
        return next(action for action in self.actions if action.name == name)


def keys_in_force() -> KeyChoice:
    """Return the keys as napari's preferences have them now."""
    # napari before 0.9 has no preferences of plugins.
    read: Callable[[], Mapping[str, Any]]
    read = getattr(settings, "get_plugin_settings", dict)
    # Nor has one that is disabled, or whose manifest an older npe2 has read.
    wished = getattr(read().get(PLUGIN), CATEGORY, None)
    if wished is None:
        return KeyChoice()
    return choose(
        {action.name: getattr(wished, action.name) for action in KEY_TABLE},
        # The image is the active layer, which is asked before the viewer.
        {_name(binding) for binding in Image.class_keymap},
    )


def choose(wished: Mapping[str, str], taken: Container[str] = ()) -> KeyChoice:
    """Return which keys are in force.

    Parameters
    ----------
    wished : mapping of str to str
        For the actions' names keys as a user writes them: `J`, `Shift-K`, `N, .`. An
        action that is missing, or has no text, keeps its keys.
    taken : container of str
        Keys that napari does not leave to the review.

    Returns
    -------
    KeyChoice
        No key does two things. An action whose wish cannot be granted keeps its keys.
    """
    chosen = dict(KEY_OF)
    faults = []
    for action in KEY_TABLE:
        texts = _BETWEEN.split(wished.get(action.name, "").strip())
        keys = {text: _spelt(text) for text in texts if text}
        wrong = [
            f"“{text}” is napari's own key for images"
            if key
            else f"“{text}” is not a key"
            for text, key in keys.items()
            if not key or key in taken
        ]
        if wrong:
            faults.append(f"{wrong[0]}; “{action.title}” keeps {action.label}")
        elif keys:
            own = tuple(dict.fromkeys(keys.values()))
            chosen[action.name] = replace(action, keys=own)
    while claims := _claimed_twice(chosen):
        for key, names in claims.items():
            titles = " and ".join(f"“{KEY_OF[name].title}”" for name in names)
            faults.append(f"{key} is chosen for {titles}; each keeps its default key")
            # Which may be what another one wishes for.
            chosen |= {name: KEY_OF[name] for name in names}
    return KeyChoice(tuple(chosen.values()), tuple(faults))


def _claimed_twice(chosen: Mapping[str, KeyAction]) -> dict[str, list[str]]:
    """Return the keys that several actions have, with their names."""
    claims = defaultdict(list)
    for name, action in chosen.items():
        for key in action.keys:
            claims[key].append(name)
    return {key: names for key, names in claims.items() if len(names) > 1}


def _spelt(text: str) -> str:
    """Return a key as napari spells it; nothing if it knows no such key."""
    binding = coerce_keybinding(text)
    # Unknown keys count as modifiers to it.
    if any(part.is_modifier_key() for part in binding.parts):
        return ""
    return _name(binding)


def _name(binding: object) -> str:
    """Return a key of napari's as the table of keys has it."""
    return str(binding).replace("+", "-")
