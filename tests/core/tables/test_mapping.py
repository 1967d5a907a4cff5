"""Tables of training scripts as they are: other names, words, scales and positions."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from napari_artifact_review.core.errors import (
    MappingNeededError,
    ReviewError,
    TableError,
)
from napari_artifact_review.core.tables.column_names import unique_names
from napari_artifact_review.core.tables.mapping import (
    TableMapping,
    parse_columns,
    parse_label_values,
)
from napari_artifact_review.core.tables.reading import (
    inspect_predictions,
    read_predictions,
)

#: Image, column, row, label, prediction and confidence of ten cutouts: three TP, three
#: TN, two FP and two FN.
CUTOUTS = [
    ("a", 0, 0, 1, 1, 0.99),
    ("a", 200, 0, 1, 1, 0.98),
    ("a", 400, 0, 0, 1, 0.97),
    ("a", 0, 200, 0, 1, 0.96),
    ("a", 200, 200, 1, 0, 0.5),
    ("a", 400, 200, 1, 0, 0.25),
    ("b", 0, 0, 0, 0, 0.125),
    ("b", 200, 0, 0, 0, 0.0625),
    ("b", 400, 0, 0, 0, 0.03),
    ("b", 0, 200, 1, 1, 0.97),
]

STANDARD = "image_name,grid_x,grid_y,label,preds,confidence"

OTHER_NAMES = {
    "image_name": "filename",
    "grid_x": "x",
    "grid_y": "y",
    "label": "y_true",
    "preds": "y_pred",
    "confidence": "prob",
}

WORDS = {"artifact": "bogus", "no artifact": "real"}
REAL_IS_1 = {"artifact": "0", "no artifact": "1"}


def as_is(*cells):
    return cells


def words(name, x, y, label, preds, confidence, yes="bogus", no="real"):
    return name, x, y, yes if label else no, yes if preds else no, confidence


def logit(p):
    return math.log(p / (1 - p))


#: Header, cells of a cutout, and mapping, for each notation of the same table.
NOTATIONS = {
    "as named": (STANDARD, as_is, {}),
    "other names": (",".join(OTHER_NAMES.values()), as_is, {"columns": OTHER_NAMES}),
    "upper case": (STANDARD.upper(), as_is, {}),
    "blanks in the header": (
        "Image Name, Grid X,Grid-Y ,Label , preds,Confidence",
        as_is,
        {},
    ),
    "mapped in another case": (
        "File,X0,Y0,label,preds,confidence",
        as_is,
        {"columns": {"image_name": "file", "grid_x": "x0", "grid_y": "y0"}},
    ),
    "words": (STANDARD, words, {"label_values": WORDS}),
    "words in another case": (
        STANDARD,
        lambda *c: words(*c, yes="BOGUS", no=" Real "),
        {"label_values": WORDS},
    ),
    "yes and no": (
        STANDARD,
        lambda *c: words(*c, yes="yes", no="no"),
        {"label_values": {"artifact": "yes", "no artifact": "no"}},
    ),
    "-1 and 1": (
        STANDARD,
        lambda *c: words(*c, yes="1.0", no="-1.0"),
        {"label_values": {"artifact": 1, "no artifact": -1}},
    ),
    "several words a class": (
        STANDARD,
        lambda n, x, y, t, p, c: (n, x, y, ("ok", "ghost")[t], ("ok", "trail")[p], c),
        {"label_values": {"artifact": ["ghost", "trail"], "no artifact": ["ok"]}},
    ),
    "other words for preds": (
        STANDARD,
        lambda n, x, y, t, p, c: (n, x, y, ("real", "bogus")[t], p, c),
        {
            "label_values": WORDS,
            "preds_values": {"artifact": "1", "no artifact": "0"},
        },
    ),
    "1 means real": (
        "image_name,grid_x,grid_y,is_real,pred_real,p_real",
        lambda n, x, y, t, p, c: (n, x, y, 1 - t, 1 - p, round(1 - c, 6)),
        {
            "columns": {
                "label": "is_real",
                "preds": "pred_real",
                "confidence": "p_real",
            },
            "label_values": REAL_IS_1,
            "confidence_of": "no artifact",
        },
    ),
    "two probability columns": (
        "image_name,grid_x,grid_y,label,preds,p_good,p_artifact",
        lambda n, x, y, t, p, c: (n, x, y, t, p, round(1 - c, 6), c),
        {"columns": {"confidence": "p_artifact"}},
    ),
    "percent": (
        STANDARD,
        lambda *c: (*c[:5], c[5] * 100),
        {"confidence_scale": "percent"},
    ),
    "percent signs": (
        STANDARD,
        lambda *c: (*c[:5], f"{c[5] * 100} %"),
        {"confidence_scale": "percent"},
    ),
    "logits": (
        "image_name,grid_x,grid_y,label,preds,logit",
        lambda *c: (*c[:5], logit(c[5])),
        {"columns": {"confidence": "logit"}, "confidence_scale": "logit"},
    ),
    "decimal commas": (
        STANDARD.replace(",", ";"),
        lambda n, x, y, t, p, c: (n, f"{x},0", y, t, p, str(c).replace(".", ",")),
        {"decimal": ","},
    ),
    "tile numbers": (
        STANDARD,
        lambda n, x, y, *c: (n, x // 200, y // 200, *c),
        {"stride": 200},
    ),
    "positions in pixels, with the stride": (STANDARD, as_is, {"stride": 200}),
}


def put(folder, header, rows):
    separator = ";" if ";" in header else ","
    lines = [header, *(separator.join(map(str, row)) for row in rows)]
    path = folder / "t.csv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def cutouts_of(table):
    names = np.array(table.image_names)[table.image_index]
    columns = (table.grid_x, table.grid_y, table.label, table.preds)
    return [*zip(names.tolist(), *(c.tolist() for c in columns), strict=True)]


@pytest.mark.parametrize("notation", NOTATIONS)
def test_each_notation_is_read_as_the_same_table(tmp_path, notation):
    header, cells, options = NOTATIONS[notation]
    path = put(tmp_path, header, [cells(*cutout) for cutout in CUTOUTS])
    table = read_predictions(path, TableMapping(**options))
    assert cutouts_of(table) == [cutout[:5] for cutout in CUTOUTS]
    assert table.confidence == pytest.approx([c[5] for c in CUTOUTS], abs=1e-12)
    assert table.error_id.tolist() == [0, 0, 1, 2, 3, 4, 0, 0, 0, 0]


#: Tables that another mapping could read, and what is asked.
QUESTIONS = {
    "other names": (
        ",".join(OTHER_NAMES.values()),
        as_is,
        {},
        "no column image_name, grid_x, grid_y, label, preds (or confidence)",
    ),
    "words": (STANDARD, words, {}, "line 2, column label: 'bogus' is not 0 or 1"),
    "-1 and 1": (
        STANDARD,
        lambda *c: words(*c, yes="1", no="-1"),
        {},
        "line 4, column label: '-1' is not 0 or 1 (in 5 rows)",
    ),
    "a label that says real": (
        "image_name,grid_x,grid_y,is_real,preds,confidence",
        as_is,
        {"columns": {"label": "is_real"}},
        "1 in the column is_real may mean a real source",
    ),
    "a prediction that says real": (
        "image_name,grid_x,grid_y,label,pred_real,confidence",
        as_is,
        {"columns": {"preds": "pred_real"}},
        "1 in the column pred_real may mean a real source",
    ),
    "a score that says real": (
        "image_name,grid_x,grid_y,label,preds,drb",
        as_is,
        {"columns": {"confidence": "drb"}},
        "the column drb may be the probability of a real source",
    ),
    "percent": (
        STANDARD,
        lambda *c: (*c[:5], c[5] * 100),
        {},
        "'99.0' is not a probability",
    ),
    "decimal commas": (
        STANDARD.replace(",", ";"),
        lambda *c: (*c[:5], str(c[5]).replace(".", ",")),
        {},
        "'0,99' is not a probability",
    ),
    "a word without a class": (
        STANDARD,
        words,
        {"label_values": {"artifact": "bogus", "no artifact": "good"}},
        "'real' is not one of artifact=bogus,no artifact=good (in 5 rows)",
    ),
    "a mapped column that does not exist": (
        STANDARD,
        as_is,
        {"columns": {"label": "truth"}},
        "no column truth, which is mapped to label",
    ),
    "another stride than that of the table": (
        STANDARD,
        as_is,
        {"stride": 150},
        "a spacing of 200 px, not the stride of 150",
    ),
}


@pytest.mark.parametrize("notation", QUESTIONS)
def test_what_a_mapping_could_resolve_is_asked_and_not_guessed(tmp_path, notation):
    header, cells, options, asked = QUESTIONS[notation]
    path = put(tmp_path, header, [cells(*cutout) for cutout in CUTOUTS])
    found = inspect_predictions(path, TableMapping(**options))
    assert found.predictions is None
    assert asked in str(found.faults[0])
    assert found.faults[0].remedy
    with pytest.raises(MappingNeededError):
        read_predictions(path, TableMapping(**options))


def test_the_error_of_a_table_with_other_names_offers_a_mapping_that_works(tmp_path):
    path = put(tmp_path, ",".join(OTHER_NAMES.values()), CUTOUTS)
    with pytest.raises(MappingNeededError) as caught:
        read_predictions(path)
    offered = caught.value.remedy.split("--columns ")[1]
    table = read_predictions(path, TableMapping(parse_columns([offered])))
    assert cutouts_of(table) == [cutout[:5] for cutout in CUTOUTS]


def test_a_fault_that_no_mapping_resolves_comes_first(tmp_path):
    rows = [(*words(*cutout), f"n{i}") for i, cutout in enumerate(CUTOUTS)]
    path = put(tmp_path, f"{STANDARD},error_id", rows)
    with pytest.raises(TableError, match="'n0' is not a whole number") as caught:
        read_predictions(path)
    assert not isinstance(caught.value, MappingNeededError)


def test_a_million_rows_of_words_give_one_line_a_word(tmp_path):
    path = tmp_path / "t.csv"
    lines = [
        f"a,{200 * (i % 1000)},{200 * (i // 1000)},{('real', 'bogus', 'star')[i % 3]},0"
        for i in range(1_000_000)
    ]
    path.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *lines]))
    faults = [str(fault) for fault in inspect_predictions(path).faults]
    assert len(faults) == 3
    assert "'real' is not 0 or 1 (in 333,334 rows)" in faults[0]
    assert "line 2, column label" in faults[0]


def test_a_column_of_repeated_cutouts_is_listed_up_to_a_thousand(tmp_path):
    rows = [("a", 0, 0, i % 2, 0, 0.5) for i in range(1501)]
    faults = inspect_predictions(put(tmp_path, STANDARD, rows)).faults
    assert len(faults) == 1001
    assert "line 3, column image_name: the cutout a (0, 0)" in str(faults[0])
    assert "500 more cells of the column image_name have such faults" in str(faults[-1])
    with pytest.raises(TableError, match=r"line 3, .*\(and 1,499 more faults\)"):
        read_predictions(tmp_path / "t.csv")


def test_words_beyond_a_thousand_do_not_hide_the_first_word(tmp_path):
    rows = [("a", i, 0, f"w{i}", 0, 0.5) for i in range(1005)]
    path = put(tmp_path, STANDARD, rows)
    with pytest.raises(
        MappingNeededError, match=r"line 2, column label: 'w0'.*\(and 1,004 more faults"
    ):
        read_predictions(path)


def test_numbers_with_the_same_fault_are_one_line_with_their_first_cells(tmp_path):
    rows = [("a", f"x{i}" if i else "0", 0, i % 2, 0, i + 1) for i in range(1006)]
    rows[5] = ("a", 5, 0, 0, 0, "high")
    path = put(tmp_path, STANDARD, rows)
    faults = [str(fault) for fault in inspect_predictions(path).faults]
    assert len(faults) == 3
    assert "line 3, column grid_x: 'x1' is not a whole number" in faults[0]
    assert (
        "(1,004 such cells, also in line 4, line 5, line 6, line 8, ...)" in faults[0]
    )
    assert "line 3, column confidence: '2' is not a probability" in faults[1]
    assert "(1,004 such cells, also in line 4," in faults[1]
    assert "line 7, column confidence: 'high' is not a probability. " in faults[2]
    with pytest.raises(TableError, match=r"line 3, .*'x1'.* \(and 2 more faults\)"):
        read_predictions(path)


@pytest.mark.parametrize("empty", ["", "nan", "NaN", "None", "null", "N/A", " -- "])
def test_notations_of_a_missing_confidence_are_empty(tmp_path, empty):
    rows = [(*c[:5], empty if i % 2 else c[5]) for i, c in enumerate(CUTOUTS)]
    table = read_predictions(put(tmp_path, STANDARD, rows))
    assert np.isnan(table.confidence).tolist() == [False, True] * 5


def test_unused_columns_may_be_empty_or_repeated(tmp_path):
    rows = [(*cutout, "", i, -i) for i, cutout in enumerate(CUTOUTS)]
    table = read_predictions(put(tmp_path, f"{STANDARD},seeing,mag,mag", rows))
    assert cutouts_of(table) == [cutout[:5] for cutout in CUTOUTS]


def test_names_of_repeated_and_unnamed_columns_are_numbered():
    names = ["mag", "", "mag", "mag (2)", " ", "mag"]
    expected = ["mag", "column 2", "mag (3)", "mag (2)", "column 5", "mag (4)"]
    assert unique_names(names) == expected


def test_a_column_that_fits_in_two_notations_is_not_chosen(tmp_path):
    header = STANDARD.replace("label", "Label") + ",LABEL"
    rows = [(*cutout, 1 - cutout[3]) for cutout in CUTOUTS]
    with pytest.raises(MappingNeededError, match="no column label"):
        read_predictions(put(tmp_path, header, rows))
    columns = {"label": "Label"}
    table = read_predictions(put(tmp_path, header, rows), TableMapping(columns))
    assert cutouts_of(table) == [cutout[:5] for cutout in CUTOUTS]


def test_a_mapped_column_has_no_second_meaning(tmp_path):
    path = put(tmp_path, "image_name,grid_x,grid_y,truth,label,confidence", CUTOUTS)
    columns = {"label": "truth", "preds": "label"}
    table = read_predictions(path, TableMapping(columns))
    assert cutouts_of(table) == [cutout[:5] for cutout in CUTOUTS]
    with pytest.raises(MappingNeededError, match="no column label"):
        read_predictions(path, TableMapping({"preds": "label"}))


def test_a_column_may_be_of_another_meaning_than_its_name_says(tmp_path):
    rows = [(*c[:4], f"class {c[4]}", c[5]) for c in CUTOUTS]
    path = put(tmp_path, STANDARD, rows)
    with pytest.raises(MappingNeededError, match="'class 1' is not 0 or 1"):
        read_predictions(path)
    table = read_predictions(path, TableMapping({"preds": ""}))
    assert table.preds.tolist() == [int(c[5] >= 0.95) for c in CUTOUTS]
    assert TableMapping({"preds": ""}).as_options() == ("--columns", "preds=")
    assert parse_columns(["preds=,label=x"]) == {"preds": "", "label": "x"}
    with pytest.raises(ReviewError, match="a table needs a column for label"):
        TableMapping({"label": ""})


def test_a_cell_that_is_no_tile_number_is_one_fault(tmp_path):
    rows = [(n, x // 200, y // 200, *c) for n, x, y, *c in CUTOUTS]
    rows[5] = ("a", "x2", *rows[5][2:])
    path = put(tmp_path, STANDARD, rows)
    faults = inspect_predictions(path, TableMapping(stride=150)).faults
    assert [fault.where for fault in faults] == ["line 7, column grid_x"]


def test_a_tile_number_beyond_all_images_is_a_fault(tmp_path):
    rows = [
        (n, x // 200 + i * 10**17, y, *c) for i, (n, x, y, *c) in enumerate(CUTOUTS)
    ]
    path = put(tmp_path, STANDARD, rows)
    with pytest.raises(MappingNeededError, match="is too large"):
        read_predictions(path, TableMapping(stride=200))


def test_rounding_does_not_move_an_inverted_confidence_below_a_threshold(tmp_path):
    rows = [(*c[:4], f"0.0{i}") for i, c in enumerate(CUTOUTS)]
    mapping = TableMapping(confidence_of="no artifact")
    path = put(tmp_path, "image_name,grid_x,grid_y,label,confidence", rows)
    table = read_predictions(path, mapping)
    expected = [1.0, *(float(f"0.{100 - i}") for i in range(1, 10))]
    assert table.confidence.tolist() == expected


# The mapping itself


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"columns": {"size": "a"}}, "'size'"),
        ({"label_values": {"artifact": "a"}}, "artifact and no artifact"),
        ({"label_values": {"artifact": "a", "no artifact": ""}}, "are empty"),
        ({"label_values": {"artifact": "1", "no artifact": "1.0"}}, "both classes"),
        ({"confidence_scale": "odds"}, "'odds'"),
        ({"confidence_of": "real"}, "'real'"),
        ({"decimal": "'"}, "decimal"),
        ({"stride": 0}, "stride"),
    ],
)
def test_an_impossible_mapping_is_refused(options, told):
    with pytest.raises(ReviewError, match=told):
        TableMapping(**options)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_mapping_survives_json(notation):
    mapping = TableMapping(**NOTATIONS[notation][2])
    assert TableMapping.from_json(json.loads(json.dumps(mapping.as_json()))) == mapping


@pytest.mark.parametrize(
    "damaged",
    [
        [],
        {"what": 1},
        {"columns": [1]},
        {"stride": "9"},
        {"decimal": 3},
        {"columns": {"label": 1}},
    ],
)
def test_damaged_json_is_no_mapping(damaged):
    with pytest.raises((TypeError, ValueError)):
        TableMapping.from_json(damaged)


def test_a_mapping_can_be_copied_as_options_of_a_command():
    mapping = TableMapping(
        {"image_name": "file, raw", "label": "is real?"},
        label_values={"artifact": ["bogus", "ghost"], "no artifact": "real"},
        confidence_scale="percent",
        stride=100,
    )
    words = mapping.as_options()
    options = dict(zip(words[::2], words[1::2], strict=True))
    assert parse_columns([options["--columns"]]) == mapping.columns
    assert parse_label_values(options["--label-values"]) == mapping.label_values
    assert options["--confidence-scale"] == "percent"
    assert options["--stride"] == "100"
    assert len(options) == 4
    assert TableMapping().as_options() == ()


@pytest.mark.parametrize(
    "texts", [["label=a,preds=c,label=b"], ["label=a", "preds=c,label=b"]]
)
def test_a_meaning_that_is_named_twice_is_refused(texts):
    with pytest.raises(ReviewError, match="label is named twice: 'a' and 'b'"):
        parse_columns(texts)


@pytest.mark.parametrize("text", ["label", "size=a", "=a", "label="])
def test_columns_in_another_notation_are_refused(text):
    with pytest.raises(ReviewError, match="is not a meaning and the name of a column"):
        parse_columns([text])
