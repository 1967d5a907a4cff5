"""The key table and how it is bound."""

from __future__ import annotations

from napari.utils.key_bindings import coerce_keybinding

from napari_artifact_review.viewer.keys import KEY_TABLE, KeyBindings


def _press(viewer, key):
    viewer.keymap[coerce_keybinding(key)](viewer)


def _all(calls):
    return {action.name: lambda n=action.name: calls.append(n) for action in KEY_TABLE}


def test_every_action_has_keys_of_its_own():
    keys = [key for action in KEY_TABLE for key in action.keys]
    assert len(set(keys)) == len(keys)
    assert len({action.name for action in KEY_TABLE}) == len(KEY_TABLE)


def test_each_key_does_what_the_table_says(viewer):
    calls = []
    KeyBindings(viewer, _all(calls), lambda: True).connect()
    for action in KEY_TABLE:
        for key in action.keys:
            _press(viewer, key)
            assert calls.pop() == action.name


def test_no_key_reaches_the_review_while_it_is_not_meant(viewer):
    calls = []
    KeyBindings(viewer, _all(calls), lambda: False).connect()
    _press(viewer, "J")
    assert calls == []


def test_keys_are_given_back(viewer):
    def mine(_):
        return None

    viewer.bind_key("N", mine)
    bindings = KeyBindings(viewer, _all([]), lambda: True)
    bindings.connect()
    bindings.connect()
    assert viewer.keymap[coerce_keybinding("N")] is not mine
    bindings.disconnect()
    bindings.disconnect()
    assert viewer.keymap == {coerce_keybinding("N"): mine}
