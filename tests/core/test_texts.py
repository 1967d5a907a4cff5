"""Texts from files, made safe for terminals and windows."""

from __future__ import annotations

import pytest

from napari_artifact_review.core.texts import (
    counted,
    not_html,
    on_one_line,
    plain_number,
    printable,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\rb\x00\x7f\x9b", r"a\rb\x00\x7f\x9b"),
        ("\u202egpj", r"\u202egpj"),
        ("\u2028", r"\u2028"),
        ("n\udcffght", r"n\udcffght"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("Zoë → ▲ 漢", "Zoë → ▲ 漢"),
    ],
)
def test_control_characters_are_shown_as_escapes(text, shown):
    assert printable(text) == shown


def test_a_message_of_several_lines_is_one_line_for_a_terminal():
    assert on_one_line("a\nb\x1b") == r"a b\x1b"


def test_a_text_without_markup_stays():
    assert not_html("north & south, a > b") == "north & south, a > b"


@pytest.mark.parametrize("text", ["<b>x</b>", "a <img src=x>", "&lt;b>"])
def test_markup_looks_the_same_and_is_no_markup(text):
    plain = not_html(text)
    assert plain != text
    assert plain.replace("\u200b", "") == text


def test_one_thing_is_singular():
    counts = (0, 1, 2, 2000)
    assert [counted(count, "image") for count in counts] == [
        "0 images", "1 image", "2 images", "2,000 images",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1073741825, "1073741825"),
        (1073741825.0, "1073741825"),
        (-32768, "-32768"),
        (-0.0, "0"),
        (0.1234567891, "0.1234568"),
        (1e300, "1e+300"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_whole_numbers_are_told_in_full(value, text):
    assert plain_number(value) == text
