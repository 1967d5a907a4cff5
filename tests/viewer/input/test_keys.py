"""The key table and how it is bound."""

from __future__ import annotations

import inspect

from napari.utils.key_bindings import coerce_keybinding

from napari_artifact_review.viewer.input.keys import KEY_TABLE, KeyBindings


def _press(viewer, key):
    """Press a key as napari does; return what it goes on with at the release."""
    answer = viewer.keymap[coerce_keybinding(key)](viewer)
    if inspect.isgenerator(answer):
        next(answer, None)
    return answer


def _bind(
    viewer,
    calls,
    enabled,
    later=lambda _seconds, _function: None,
    shown=lambda: True,
):
    bindings = KeyBindings(viewer, _all(calls), enabled, shown, later)
    bindings.connect()
    return bindings


def _all(calls):
    return {action.name: lambda n=action.name: calls.append(n) for action in KEY_TABLE}


def test_every_action_has_keys_of_its_own():
    keys = [key for action in KEY_TABLE for key in action.keys]
    assert len(set(keys)) == len(keys)
    assert len({action.name for action in KEY_TABLE}) == len(KEY_TABLE)


def test_each_key_does_what_the_table_says(viewer):
    calls = []
    _bind(viewer, calls, lambda: True)
    for action in KEY_TABLE:
        for key in action.keys:
            _press(viewer, key)
            assert calls.pop() == action.name


def test_no_key_reaches_the_review_while_it_is_not_meant(viewer):
    calls = []
    _bind(viewer, calls, lambda: False)
    _press(viewer, "J")
    assert calls == []


def test_keys_are_given_back(viewer):
    def mine(_):
        return None

    viewer.bind_key("N", mine)
    bindings = _bind(viewer, [], lambda: True)
    bindings.connect()
    assert viewer.keymap[coerce_keybinding("N")] is not mine
    bindings.disconnect()
    bindings.disconnect()
    assert viewer.keymap == {coerce_keybinding("N"): mine}


def test_a_held_key_walks_on_until_it_is_let_go(viewer, main_loop):
    calls = []
    _bind(viewer, calls, lambda: True, main_loop.post_later)
    held = _press(viewer, "N")
    assert calls == ["next"]
    for _ in range(3):
        main_loop.let_time_pass()
    assert calls == ["next"] * 4
    next(held, None)
    main_loop.let_time_pass()
    assert calls == ["next"] * 4


def test_a_held_key_passes_nothing_unseen(viewer, main_loop):
    calls, shown = [], [False]
    _bind(viewer, calls, lambda: True, main_loop.post_later, lambda: shown[0])
    _press(viewer, "N")
    for _ in range(3):
        main_loop.let_time_pass()
    assert calls == ["next"]
    shown[0] = True
    main_loop.let_time_pass()
    assert calls == ["next"] * 2


def test_a_held_key_ends_with_the_window_the_review_or_a_text(viewer, main_loop):
    calls, enabled = [], [True]
    bindings = _bind(viewer, calls, lambda: enabled[0], main_loop.post_later)
    _press(viewer, "N")
    bindings.release()
    main_loop.let_time_pass()
    assert calls == ["next"], "the window has lost the keyboard"
    _press(viewer, "N")
    enabled[0] = False
    main_loop.let_time_pass()
    enabled[0] = True
    main_loop.let_time_pass()
    assert calls == ["next"] * 2, "a text is typed"
    _press(viewer, "N")
    bindings.disconnect()
    main_loop.let_time_pass()
    assert calls == ["next"] * 3, "the review is closed"


def test_a_held_verdict_is_one_verdict(viewer, main_loop):
    calls = []
    _bind(viewer, calls, lambda: True, main_loop.post_later)
    assert not inspect.isgenerator(_press(viewer, "J"))
    main_loop.let_time_pass()
    assert calls == ["artifact"]
