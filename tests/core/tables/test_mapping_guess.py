"""Guesses on the columns and values of a table, and the choices of the user."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_artifact_review.core.tables.column_contents import ColumnContents
from napari_artifact_review.core.tables.mapping import (
    ORIGIN,
    LabelValues,
    TableMapping,
)
from napari_artifact_review.core.tables.mapping_draft import MappingDraft
from napari_artifact_review.core.tables.mapping_guess import guess_columns
from napari_artifact_review.core.tables.reading import read_predictions


def meaning_of(draft, column):
    """Return the meaning of a column in a draft; None if it has none."""
    found = [m for m in draft.mapping.columns if draft.column_of(m) == column]
    return found[0] if found else None


@pytest.fixture
def draft_of(tmp_path: Path):
    def draft(text: str, given: TableMapping | None = None) -> MappingDraft:
        table = tmp_path / "table.csv"
        table.write_text(text)
        return MappingDraft.read(table, given or TableMapping())

    return draft


PLAIN = "image_name,grid_x,grid_y,label,preds\na,0,0,1,0\n"
REAL = "candid,is_real,preds\n1,1,0\n2,0,1\n"
WORDS = "image_name,grid_x,grid_y,class,preds,other\na,0,0,bogus,1,0\nb,0,0,real,0,1\n"


def test_a_table_that_leaves_nothing_open_has_no_guess(draft_of):
    draft = draft_of(PLAIN.replace("\n", ",model\n", 1).replace(",0\n", ",0,1\n"))
    assert draft.questions() == ()
    assert draft.guessed == frozenset()
    assert draft.result == TableMapping()


def test_signs_in_a_name_do_not_hide_it():
    names = ["Image Name", "X", "Y", "Mark", "Confidence (%)", "P(bogus)"]
    assert guess_columns(names) == {
        "image_name": "Image Name",
        "grid_x": "X",
        "grid_y": "Y",
        "confidence": "Confidence (%)",
    }
    assert guess_columns(["P(bogus)"]) == {"confidence": "P(bogus)"}


def test_of_two_columns_with_one_usual_name_neither_is_guessed():
    assert "confidence" not in guess_columns(["prob %", "Prob"])


@pytest.mark.parametrize("values", ["1,0", "yes,no", "True,False"])
def test_nothing_is_guessed_where_the_name_says_real(draft_of, values):
    one, zero = values.split(",")
    text = REAL.replace("\n1,1,", f"\n1,{one},").replace("\n2,0,", f"\n2,{zero},")
    draft = draft_of(text)
    assert draft.mapping.label_values is None
    assert draft.class_of("label", one) is None
    assert any("in the column is_real" in each for each in draft.questions())


def test_a_choice_for_1_is_the_opposite_choice_for_0(draft_of):
    draft = draft_of(REAL).with_value("label", "1", "no artifact")
    assert draft.mapping.label_values == LabelValues(("0",), ("1",))
    draft = draft.with_value("label", "0", "no artifact")
    assert draft.mapping.label_values == LabelValues(("1",), ("0",))
    assert draft.with_value("label", "1", None).mapping.label_values is None


def test_predictions_do_not_follow_labels_of_real_sources_silently(draft_of):
    draft = draft_of(REAL).with_value("label", "1", "no artifact")
    assert draft.questions() == ("Say what 1 means in the column preds.",)
    draft = draft.with_value("preds", "1", "artifact")
    assert draft.questions() == ()
    table = read_predictions(draft.path, draft.result)
    assert table.label.tolist() == [0, 1]
    assert table.preds.tolist() == [0, 1]


def test_words_for_labels_leave_0_and_1_for_predictions(draft_of):
    text = WORDS.replace("bogus", "trail").replace("real", "ok")
    draft = draft_of(text).with_value("label", "trail", "artifact")
    draft = draft.with_value("label", "ok", "no artifact")
    assert draft.questions() == ()
    assert draft.mapping.preds_values == LabelValues(("1",), ("0",))
    assert "preds_values" in draft.guessed


def test_the_usual_choice_for_0_and_1_is_no_part_of_the_mapping(draft_of):
    draft = draft_of(PLAIN).with_value("label", "1", "no artifact")
    assert draft.mapping.label_values == LabelValues(("0",), ("1",))
    assert draft.with_value("label", "1", "artifact").mapping == draft_of(PLAIN).mapping


def test_images_that_occur_once_are_guessed_to_be_cutouts(draft_of):
    draft = draft_of(REAL)
    assert draft.has_single_cutouts
    assert {"grid_x", "grid_y"} <= draft.guessed
    again = draft_of(REAL + "2,0,0\n")
    assert not again.has_single_cutouts
    assert "each image is one cutout" in " ".join(again.questions())
    assert again.with_single_cutouts(True).has_single_cutouts


def test_positions_are_guessed_again_where_images_are_no_cutouts(draft_of):
    draft = draft_of(PLAIN.replace("grid_", "")).with_single_cutouts(True)
    assert draft.guessed == frozenset()
    draft = draft.with_single_cutouts(False)
    assert (draft.column_of("grid_x"), draft.column_of("grid_y")) == ("x", "y")
    assert draft.guessed == {"grid_x", "grid_y"}


def test_a_position_ends_that_each_image_is_one_cutout(draft_of):
    draft = draft_of(REAL).with_meaning("preds", "grid_x")
    assert ORIGIN not in draft.mapping.columns.values()


def test_a_meaning_belongs_to_one_column(draft_of):
    draft = draft_of(WORDS)
    assert draft.column_of("label") == "class"
    assert {"label", "label_values"} <= draft.guessed
    draft = draft.with_meaning("other", "label")
    assert meaning_of(draft, "class") is None
    assert meaning_of(draft, "other") == "label"
    assert draft.mapping.label_values is None, "they were those of the other column"
    assert not {"label", "label_values"} & draft.guessed


def test_the_same_choice_again_confirms_a_guess(draft_of):
    draft = draft_of(WORDS).with_meaning("class", "label")
    assert "label" not in draft.guessed
    assert "label_values" in draft.guessed, "the column was confirmed, not its values"


def test_a_column_with_the_name_of_an_optional_meaning_may_mean_nothing(draft_of):
    draft = draft_of(WORDS).with_meaning("preds", None)
    assert meaning_of(draft, "preds") is None
    assert draft.result.columns["preds"] == ""
    assert "Choose the column for preds or for confidence." in draft.questions()
    again = draft.with_meaning("preds", "preds")
    assert meaning_of(again, "preds") == "preds"
    assert "preds" not in again.result.columns
    reopened = MappingDraft.read(draft.path, draft.result)
    assert meaning_of(reopened, "preds") is None


def test_a_column_with_the_name_of_a_meaning_has_it_until_another_has(draft_of):
    draft = draft_of(WORDS)
    assert meaning_of(draft, "preds") == "preds"
    draft = draft.with_meaning("other", "preds").with_meaning("preds", None)
    assert meaning_of(draft, "other") == "preds"
    assert meaning_of(draft, "preds") is None


def test_a_class_without_a_value_gets_a_word_to_write(draft_of):
    text = WORDS.replace("real", "bogus")
    assert draft_of(text).result.label_values == LabelValues(
        ("bogus",), ("no artifact",)
    )
    ones = draft_of("candid,is_real,preds\n1,1,0\n").with_value(
        "label", "1", "no artifact"
    )
    values = ones.result.label_values
    assert values == LabelValues(("0",), ("1",))
    assert TableMapping.from_json(ones.result.as_json()) == ones.result


def test_a_mapping_that_is_given_is_not_guessed_again(draft_of):
    given = TableMapping(
        columns={"label": "OTHER"}, label_values={"artifact": "0", "no artifact": "1"}
    )
    draft = draft_of(WORDS, given)
    assert draft.questions() == ("Say what 1 means in the column preds.",)
    assert draft.column_of("label") == "other"
    assert "label" not in draft.guessed
    assert "label_values" not in draft.guessed


def test_a_column_that_is_gone_is_chosen_again(draft_of):
    draft = draft_of(PLAIN, TableMapping(columns={"confidence": "prob"}))
    assert draft.questions() == ()
    assert "confidence" not in draft.mapping.columns


def test_a_comma_and_percent_are_guessed(draft_of):
    text = 'image_name,grid_x,grid_y,label,p1\na,0,0,1,"12,5"\nb,0,0,0,"3,5"\n'
    draft = draft_of(text)
    assert draft.mapping.decimal == ","
    assert draft.mapping.confidence_scale == "percent"
    assert {"decimal", "confidence_scale", "confidence"} <= draft.guessed
    assert draft.questions() == ()
    read = read_predictions(draft.path, draft.result)
    assert read.confidence.tolist() == [0.125, 0.035]


@pytest.mark.parametrize(
    ("cells", "scale", "decimal"),
    [
        ("0.5 1", "probability", "."),
        ("0.5  ", "probability", "."),
        ("50 1", "percent", "."),
        ("50% 1%", "percent", "."),
        ("-3 0.5", "logit", "."),
        ("-3 nan", "logit", "."),
        ("0,5 1", "probability", ","),
        ("12,5% 1%", "percent", ","),
    ],
)
def test_the_scale_is_guessed_from_the_numbers(draft_of, cells, scale, decimal):
    one, two = cells.split(" ", 1)
    rows = "image_name;grid_x;grid_y;class;prob\n"
    draft = draft_of(f"{rows}a;0;0;bogus;{one}\nb;0;0;real;{two}\n")
    assert draft.mapping.confidence_scale == scale
    assert draft.mapping.decimal == decimal
    assert draft.questions() == ()


def test_columns_of_any_type_have_contents():
    columns = {
        "flag": [True, False, True],
        "number": [0.5, np.nan, 2],
        "array": [np.zeros(2), np.zeros(2), None],
        "text": ["a", " a", ""],
    }
    contents = ColumnContents(pd.DataFrame(columns))
    assert contents.distinct("flag") == ("True", "False")
    assert contents.distinct("number") == ("0.5", "2.0")
    assert contents.distinct("array") == ("[0. 0.]",)
    assert contents.distinct("text") == ("a",)
    assert contents.numbers("number", ".")[:2] == (0.5, 2)
    assert contents.numbers("array", ".")[:2] == (0, 0)
