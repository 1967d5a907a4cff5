"""The line that shows the longest of several texts that fits."""

from __future__ import annotations

import pytest

from napari_artifact_review.widgets.parts.fitted_line import FittedLine

TEXTS = ("Ana 120, Benedict 80, Christine 7 of 551", "Ana 120, +2 of 551", "Ana 120")


@pytest.fixture
def line(qtbot):
    line = FittedLine()
    qtbot.addWidget(line)
    line.show_texts(*TEXTS)
    return line


def resize(line, text, more):
    line.resize(line.fontMetrics().horizontalAdvance(text) + more, 20)


@pytest.mark.parametrize("text", TEXTS)
def test_the_longest_that_fits_is_shown(line, text):
    resize(line, text, 4)
    assert line.shown_text == text


def test_the_shortest_is_cut_off_if_none_fits(line):
    resize(line, "Ana", 10)
    assert line.shown_text.startswith("An")
    assert line.shown_text.endswith("…")


def test_the_tooltip_has_the_whole_text(line):
    assert line.toolTip() == TEXTS[0]
    assert line.full_text == TEXTS[0]
    line.show_texts("short", tooltip="Ana: 120\nBen: 80")
    assert line.toolTip() == "Ana: 120\nBen: 80"


def test_a_text_of_a_file_is_one_line_and_no_html(line):
    line.show_texts("<b>Ana</b>\n1")
    resize(line, "<b>Ana</b>  1", 10)
    assert line.shown_text.count("\n") == 0
    assert "<b>" not in line.toolTip(), "Qt would read it as HTML"


def test_a_new_text_needs_no_new_layout(line):
    before = line.sizeHint()
    line.show_texts("Ana 1 of 2" * 20)
    assert line.sizeHint() == before
