"""Entries of logs: their JSON form, their digests, and invalid entries."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import Entry, EntryId, plain_json

FIRST = Entry(
    "log", 1, 1, "decide", EntryId("log", 1), CutoutKey("a", 0, 0), 1, "me", "now", {},
    "artifact",
).after(None)  # fmt: skip
#: Also NUL and lone surrogates, which JSON accepts and a database may not.
TEXTS = st.text(st.characters(categories=None) | st.sampled_from("\0\ud800\udfff"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=5,
)


@given(TEXTS, TEXTS, st.dictionaries(TEXTS, VALUES, max_size=3))
def test_any_entry_is_one_line_of_ascii_and_is_read_again(name, note, context):
    cutout = CutoutKey(name, -5, 2**40)
    entry = replace(FIRST, cutout=cutout, note=note, context=context).after(None)
    text = entry.as_json()
    assert text.isascii()
    assert len(text.splitlines()) == 1
    again = Entry.from_json(text)
    # NaN equals nothing, but its text does.
    assert again.as_json() == text
    assert again.follows(None)
    assert (again.cutout, again.note) == (cutout, note)


def test_an_entry_follows_on_the_one_before_it_alone():
    second = replace(FIRST, number=2, clock=2).after(FIRST)
    assert FIRST.follows(None)
    assert second.follows(FIRST)
    assert not second.follows(None)
    assert not FIRST.follows(FIRST)
    other = replace(FIRST, note="another").after(None)
    assert not second.follows(other)
    gap = replace(FIRST, number=3, clock=3).after(FIRST)
    assert not gap.follows(FIRST)
    stopped = replace(FIRST, number=2, clock=1).after(FIRST)
    assert not stopped.follows(FIRST), "its clock does not advance"


FIELDS = (
    "log_id", "number", "clock", "action", "act", "cutout", "label_new", "reviewer",
    "decided_at", "context", "verdict", "kind", "note", "origin",
)  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_whatever_is_changed_the_digest_tells(name):
    values = {
        "act": EntryId("log", 2), "cutout": CutoutKey("b", 0, 0), "context": {"a": 1},
        "number": 2, "clock": 2, "label_new": 0,
    }  # fmt: skip
    changed = replace(FIRST, **{name: values.get(name, "other")})
    assert FIRST.follows(None)
    assert changed.digest == FIRST.digest
    assert changed.after(None).digest != FIRST.digest
    assert not changed.follows(None)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, 7),
        (1, 0),
        (1, 1.0),
        (1, True),
        (1, 2**63),
        (2, "1"),
        (2, 0),
        (3, None),
        (4, "log"),
        (4, ["log", 2]),
        (4, [1, 1]),
        (5, ["a", 0]),
        (5, [1, 0, 0]),
        (5, ["a", 0.5, 0]),
        (6, 2),
        (6, True),
        (7, None),
        (9, None),
        (9, []),
        (10, "perhaps"),
        (10, ""),
        (12, 5),
        (13, None),
        (14, None),
    ],
)
def test_what_no_entry_can_be_is_refused(at, value):
    values = json.loads(FIRST.as_json())
    assert Entry.from_json(json.dumps(values)) == FIRST
    values[at] = value
    with pytest.raises(ValueError, match="not an entry of a log"):
        Entry.from_json(json.dumps(values))


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", "[1]", "{}", "[" * 10**5, FIRST.as_json()[:-1]]
)
def test_a_text_that_is_no_entry_is_refused(text):
    with pytest.raises(ValueError, match="not an entry of a log"):
        Entry.from_json(text)
    cut = json.dumps(json.loads(FIRST.as_json())[:-1])
    with pytest.raises(ValueError, match="not an entry of a log"):
        Entry.from_json(cut)


def test_an_entry_of_another_kind_carries_what_it_says_in_its_context():
    draw = replace(FIRST, action="draw", verdict="", context={"seed": 1}).after(None)
    assert Entry.from_json(draw.as_json()) == draw


def test_a_number_that_is_none_is_no_json():
    value = {"a": [float("nan"), float("inf"), -float("inf"), 1.5]}
    assert plain_json(value) == {"a": [None, None, None, 1.5]}
