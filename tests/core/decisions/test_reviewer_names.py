"""Names of reviewers: which are valid, and the default."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.decisions.reviewer_names import (
    check_reviewer,
    default_reviewer,
    login_name,
)
from napari_artifact_review.core.errors import ReviewError

#: Any text, with more of the characters that names may not have.
TEXTS = st.text(st.characters() | st.sampled_from(";\u037e\n\0\x85\u2028\ud800 "))


@pytest.mark.parametrize("name", ["Ana", "Zoë Ångström-O'Neill, PhD", "张伟", "a|b/c"])
def test_a_name_is_kept(name):
    assert check_reviewer(f"  {name} ") == name


@pytest.mark.parametrize(
    "name",
    ["", "  ", "a;b", "a\nb", "a\0", "\x7f", "a\ud800", "Ana\n", "a\u2028b"],
)
def test_a_name_that_tables_cannot_hold_is_refused(name):
    with pytest.raises(ReviewError, match="is not a name for a reviewer"):
        check_reviewer(name)


def test_the_greek_question_mark_is_a_semicolon():
    with pytest.raises(ReviewError, match="a semicolon separates"):
        check_reviewer("Ana\u037eBen")
    assert default_reviewer("Ana\u037eBen") == "Ana_Ben"


def test_an_accent_is_the_same_however_it_was_typed():
    assert check_reviewer("Zoe\u0308") == check_reviewer("Zo\u00eb") == "Zoë"
    assert default_reviewer("Zoe\u0308") == "Zoë"


def test_the_case_of_a_name_is_kept():
    assert check_reviewer("ana") != check_reviewer("Ana")


@pytest.mark.parametrize(
    ("login", "name"),
    [("ana", "ana"), ("a;b\n", "a_b_"), ("a\udce9", "a_"), ("", "unknown")],
)
def test_the_login_name_is_made_valid(login, name):
    assert default_reviewer(login) == name


@pytest.mark.parametrize("fault", [ImportError, KeyError, OSError])
def test_without_a_login_name_there_is_the_user_id_if_any(monkeypatch, fault):
    def no_name():
        raise fault

    monkeypatch.setattr("getpass.getuser", no_name)
    assert login_name() == f"user {os.getuid()}"
    monkeypatch.delattr(os, "getuid")  # Windows has none
    assert login_name() == "unknown"


@given(TEXTS)
def test_every_login_name_gives_a_valid_name(login):
    name = default_reviewer(login)
    assert check_reviewer(name) == name


@given(TEXTS)
def test_a_name_that_was_accepted_is_accepted_unchanged(text):
    try:
        name = check_reviewer(text)
    except ReviewError:
        return
    assert check_reviewer(name) == name
    assert unicodedata.is_normalized("NFC", name)
    assert name == default_reviewer(text), "a valid login name is kept"
