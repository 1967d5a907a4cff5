"""The current keys, from napari's preferences or from the default table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from napari.layers import Image
from napari.utils.key_bindings import coerce_keybinding

from napari_artifact_review.viewer.input.keys import KEY_OF, KEY_TABLE, KeyAction
from napari_artifact_review.viewer.napari_compat import plugin_settings
from napari_artifact_review.viewer.preferences import PLUGIN

#: Name of the group of keys in napari's preferences. The name `keys` would make the
#: group look like a mapping, and napari would show `shortcuts` as its own group.
CATEGORY = "key_bindings"

#: Separator of keys. A comma alone or after a modifier is a key, not a separator.
_BETWEEN = re.compile(r"(?:(?<=\S)(?<!\w[-+]),)?\s+(?:or\s+)?")


@dataclass(frozen=True)
class KeyChoice:
    """The keys of each action.

    Attributes
    ----------
    actions : tuple of KeyAction
        The actions of `KEY_TABLE`, with their current keys.
    faults : tuple of str
        Reasons why keys from the preferences are not used.
    """

    actions: tuple[KeyAction, ...] = KEY_TABLE
    faults: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> KeyAction:
        return next(action for action in self.actions if action.name == name)


def keys_in_force() -> KeyChoice:
    """Return the keys from napari's current preferences, or the default keys."""
    # There are no settings if the plugin is disabled, or if npe2 is too old.
    wanted = getattr(plugin_settings().get(PLUGIN), CATEGORY, None)
    if wanted is None:
        return KeyChoice()
    return choose(
        {action.name: getattr(wanted, action.name) for action in KEY_TABLE},
        # The image is the active layer, whose keys override those of the viewer.
        {str(binding) for binding in Image.class_keymap},
    )


def choose(wanted: Mapping[str, str], taken: Container[str] = ()) -> KeyChoice:
    """Return the keys to use, without conflicts.

    Parameters
    ----------
    wanted : mapping of str to str
        Keys by action name, as users write them: `J`, `Shift+K`, `N, .`. The form of
        earlier versions, `Shift-K`, is also valid. An action with a missing or empty
        string has its default keys.
    taken : container of str
        Keys that napari itself uses for image layers.

    Returns
    -------
    KeyChoice
        The keys of each action. No key belongs to two actions. If a wanted key is
        refused, its action has the default keys.
    """
    chosen = dict(KEY_OF)
    faults = []
    for action in KEY_TABLE:
        texts = _BETWEEN.split(wanted.get(action.name, "").strip())
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
            # Repeat, because a default key may be the wanted key of another action.
            chosen |= {name: KEY_OF[name] for name in names}
    return KeyChoice(tuple(chosen.values()), tuple(faults))


def _claimed_twice(chosen: Mapping[str, KeyAction]) -> dict[str, list[str]]:
    """Return the keys that several actions have, with the names of these actions."""
    claims = defaultdict(list)
    for name, action in chosen.items():
        for key in action.keys:
            claims[key].append(name)
    return {key: names for key, names in claims.items() if len(names) > 1}


def _spelt(text: str) -> str:
    """Return a key in napari's spelling, or an empty string if `text` is not a key."""
    binding = coerce_keybinding(text)
    # napari interprets unknown keys as modifiers.
    if any(part.is_modifier_key() for part in binding.parts):
        return ""
    return str(binding)
