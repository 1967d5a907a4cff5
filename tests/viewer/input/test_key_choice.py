"""Keys that a user wants other than they are in the table."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from napari import settings

from napari_artifact_review.viewer.input.key_choice import (
    CATEGORY,
    KeyChoice,
    choose,
    keys_in_force,
)
from napari_artifact_review.viewer.input.keys import KEY_OF, KEY_TABLE, KeyBindings
from napari_artifact_review.viewer.preferences import PLUGIN


def keys(choice, *names):
    return [choice[name].keys for name in names]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Y", ("Y",)),
        ("y", ("Y",)),
        ("shift+y", ("Shift+Y",)),
        ("Control-Shift-Y", ("Ctrl+Shift+Y",)),
        ("F10", ("F10",)),
        ("Y, F10", ("Y", "F10")),
        ("Y F10", ("Y", "F10")),
        ("Y or F10", ("Y", "F10")),
        ("Y, ;", ("Y", ";")),
        ("Y, Y", ("Y",)),
        ("  Y ", ("Y",)),
        ("Alt-, Y", ("Alt+,", "Y")),
        ("Alt+, Y", ("Alt+,", "Y")),
        ("Shift-Y", ("Shift+Y",)),
        ("-, Y", ("-", "Y")),
        ("", ("J",)),
    ],
)
def test_keys_are_written_as_one_writes_them(text, wanted):
    choice = choose({"artifact": text})
    assert choice["artifact"].keys == wanted
    assert choice.faults == ()


def test_a_comma_is_a_key_like_others():
    choice = choose({"next": ",", "previous": "N"})
    assert keys(choice, "next", "previous") == [(",",), ("N",)]
    assert choose({"previous": ", ;"})["previous"].keys == (",", ";")


@pytest.mark.parametrize(
    "text", ["Foo", "N,.", "Shift", "Ctrl-", "Ctrl+", "J K Foo", "ö"]
)
def test_a_key_that_napari_does_not_know_is_told_and_not_taken(text):
    choice = choose({"artifact": text, "save": "F10"})
    assert keys(choice, "artifact", "save") == [("J",), ("F10",)]
    [fault] = choice.faults
    assert text.split()[-1] in fault
    assert "keeps J" in fault


def test_a_key_that_napari_takes_first_is_told_and_not_taken():
    choice = choose({"artifact": "C", "save": "C", "help": "F10"}, {"C"})
    assert keys(choice, "artifact", "save", "help") == [("J",), ("W",), ("F10",)]
    assert len(choice.faults) == 2
    assert "napari's own" in choice.faults[0]


def test_two_keys_may_change_places():
    choice = choose({"artifact": "K", "no_artifact": "J"})
    assert keys(choice, "artifact", "no_artifact") == [("K",), ("J",)]
    assert choice.faults == ()


def test_a_key_that_two_ask_for_is_told_and_each_keeps_its_own():
    choice = choose({"artifact": "K"})
    assert choice.actions == KEY_TABLE
    [fault] = choice.faults
    assert "K is chosen for" in fault
    assert KEY_OF["artifact"].title in fault
    assert KEY_OF["no_artifact"].title in fault


def test_what_falls_back_may_push_another_one_back():
    choice = choose({"artifact": "F10", "unsure": "F10", "save": "J"})
    assert choice.actions == KEY_TABLE
    assert len(choice.faults) == 2


texts = st.one_of(
    st.text("JKNö.,;+- \t0rohiftSCtrl", max_size=8),
    st.lists(
        st.sampled_from([*"JKHNUY,.;-", "Shift-K", "Shift+K", "F2", "Left", "Foo"]),
        max_size=3,
    ).map(", ".join),
)


@example({"back": "J", "artifact": "Y"})
@given(st.dictionaries(st.sampled_from(sorted(KEY_OF)), texts))
def test_whatever_is_wished_for_each_key_does_one_thing(wished):
    choice = choose(wished)
    assert [action.name for action in choice.actions] == list(KEY_OF)
    all_keys = [key for action in choice.actions for key in action.keys]
    assert len(set(all_keys)) == len(all_keys)
    assert all(action.keys for action in choice.actions)
    kept = {a.name for a in choice.actions if a == KEY_OF[a.name]}
    for name, text in wished.items():
        alone = choose({name: text})
        # Alone, a key may be refused because another action has it.
        assert choice.faults or alone.faults or alone[name] == choice[name]
    assert set(KEY_OF) - kept <= set(wished)


@given(st.dictionaries(st.sampled_from(sorted(KEY_OF)), texts))
def test_napari_binds_whatever_is_chosen(wished):
    from napari.components import ViewerModel

    viewer = ViewerModel()
    bindings = KeyBindings(
        viewer,
        {action.name: lambda: None for action in KEY_TABLE},
        lambda: True,
        lambda: True,
        lambda *_: None,
    )
    choice = choose(wished)
    bindings.connect(choice.actions)
    assert len(viewer.keymap) == sum(len(a.keys) for a in choice.actions)
    bindings.disconnect()
    assert viewer.keymap == {}


# Where they come from


def test_an_older_napari_has_the_table_s_keys(monkeypatch):
    monkeypatch.delattr(settings, "get_plugin_settings")
    assert keys_in_force() == KeyChoice()


@pytest.mark.parametrize("plugins", [{}, {PLUGIN: SimpleNamespace()}])
def test_a_plugin_without_preferences_has_the_table_s_keys(monkeypatch, plugins):
    monkeypatch.setattr(settings, "get_plugin_settings", lambda: plugins)
    assert keys_in_force() == KeyChoice()


def test_preferences_are_read_each_time(monkeypatch):
    wished = SimpleNamespace(**{a.name: ", ".join(a.keys) for a in KEY_TABLE})
    plugin = SimpleNamespace(**{CATEGORY: wished})
    monkeypatch.setattr(settings, "get_plugin_settings", lambda: {PLUGIN: plugin})
    assert keys_in_force() == KeyChoice()
    wished.save = "Ctrl-Alt-W"
    assert keys_in_force()["save"].keys == ("Ctrl+Alt+W",)


def test_a_key_is_spelt_as_napari_spells_it():
    """Texts of the dock, the help and the preferences name a key in one way."""
    from napari.utils.key_bindings import coerce_keybinding

    for action in KEY_TABLE:
        assert [str(coerce_keybinding(key)) for key in action.keys] == [*action.keys]
