"""Comparisons of two models: cutouts, labels, groups, slices and outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from sklearn import metrics as sk

from napari_artifact_review import ReviewSession, compare, export
from napari_artifact_review.cli import main
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.training.comparing.comparison_json import as_json
from napari_artifact_review.core.training.comparing.comparison_texts import (
    as_text,
    headline,
)
from napari_artifact_review.core.training.comparing.differing_cutouts import (
    differing_cutouts,
)
from tests.two_models import KEY, write_export, write_models


@pytest.fixture
def models(tmp_path):
    return write_models(tmp_path)


def run(*arguments):
    return main(["compare", *map(str, arguments)])


def review(path, output, verdicts):
    """Give verdicts about cutouts of a table, and save the review."""
    with ReviewSession.open(path, output=output, reviewer="ada") as session:
        for key, verdict in verdicts.items():
            session.select(*key)
            session.set_label(verdict)
        session.save()
    return output


def test_the_numbers_are_those_of_scikit_learn(models):
    found = compare(models.old, models.new).headline
    for title, scores in (("old", found.old), ("new", found.new)):
        table = pd.read_csv(getattr(models, title))
        label, preds, confidence = (table[c] for c in ("label", "preds", "confidence"))
        assert [scores[name].value for name in scores] == pytest.approx(
            [
                sk.average_precision_score(label, confidence),
                sk.precision_score(label, preds),
                sk.recall_score(label, preds),
                sk.f1_score(label, preds),
            ]
        )
        tn, fp, fn, tp = sk.confusion_matrix(label, preds).ravel()
        counts = getattr(found, f"{title}_counts")
        assert counts == {"FP": fp, "FN": fn, "TP": tp, "TN": tn}


def test_the_sentence_says_that_a_better_model_rose(models, capsys):
    assert run(models.old, models.new) == 0
    out = capsys.readouterr().out
    found = compare(models.old, models.new).headline
    old, new, difference = (
        part["average_precision"] for part in (found.old, found.new, found.difference)
    )
    assert difference.low > 0
    assert out.splitlines()[0] == (
        f"Average precision rose from {old.value:.3f} to {new.value:.3f} (difference "
        f"{difference.value:.3f}, 95 % interval {difference.low:.3f} to "
        f"{difference.high:.3f}; 12 groups)."
    )
    assert "Average precision fell" in headline(compare(models.new, models.old))


def test_no_difference_is_told_where_there_is_none(tmp_path):
    equal = write_models(tmp_path, signals=(2, 2))
    sentence = headline(compare(equal.old, equal.new))
    assert sentence.startswith("No difference in average precision can be told: 0.")
    sentence = headline(compare(equal.old, equal.old))
    assert sentence.startswith("The models do not differ: average precision is ")


def test_cutouts_of_one_table_are_counted_and_left_out(models, capsys):
    old, new = pd.read_csv(models.old), pd.read_csv(models.new)
    old.iloc[3:].sample(frac=1, random_state=0).to_csv(models.old, index=False)
    new.iloc[:-5].to_csv(models.new, index=False)
    found = compare(models.old, models.new)
    overlap = found.overlap
    assert (overlap.common, overlap.only_old, overlap.only_new) == (232, 5, 3)
    assert run(models.old, models.new) == 0
    out = capsys.readouterr().out
    assert "Only the old model's table has 5 cutouts." in out
    assert "Only the new model's table has 3 cutouts." in out
    assert found.headline.new["average_precision"].value == pytest.approx(
        sk.average_precision_score(
            new.iloc[3:-5]["label"], new.iloc[3:-5]["confidence"]
        )
    )


def test_labels_of_the_review_decide_and_others_come_from_the_tables(models, tmp_path):
    few = tmp_path / "few.csv"
    pd.read_csv(models.old).iloc[:40].to_csv(few, index=False)
    key = tuple(models.truth.iloc[0][KEY])
    label = int(models.truth.iloc[0]["label"])
    reviewed = review(
        few, tmp_path / "reviewed.csv", {key: ("artifact", "no artifact")[label]}
    )
    found = compare(models.old, models.new, reviewed)
    assert found.rows["label"].iloc[0] == 1 - label
    assert [(s["source"], s["cutouts"]) for s in found.labels.sources] == [
        ("labels", 40),
        ("new", 200),
    ]
    assert np.flatnonzero(found.labels.reviewed).tolist() == [0]
    text = as_text(found)
    assert "40 from the reviewed table, 200 from the new model's table" in text
    assert "1 of 240 reviewed" in text
    assert "can rank a better model lower" in text


def test_verdicts_that_are_only_in_the_log_count(models, tmp_path):
    key = tuple(models.truth.iloc[0][KEY])
    output = tmp_path / "reviewed.csv"
    with ReviewSession.open(models.old, output=output, reviewer="ada") as session:
        session.save()
        session.select(*key)
        session.set_label("unsure")
        reviewed = compare(models.old, models.new, output)
    assert reviewed.labels.decision[0] == "unsure"
    assert "1 cutout with the verdict unsure: " in as_text(reviewed)


def test_an_open_review_gives_its_labels_as_they_are_now(models, tmp_path):
    key = tuple(models.truth.iloc[0][KEY])
    with ReviewSession.open(models.old, output=tmp_path / "reviewed.csv") as session:
        session.select(*key)
        session.set_label("unsure")
        reviewed = compare(models.old, models.new, session)
    assert reviewed.labels.decision[0] == "unsure"
    assert reviewed.labels.sources[0]["source"] == "labels"
    assert reviewed.labels.sources[0]["cutouts"] == 240


def test_verdicts_alone_are_a_second_line(models, tmp_path):
    truth = models.truth
    wrong = pd.read_csv(models.old).query("label != preds").index[:30]
    names = ("no artifact", "artifact")
    verdicts = {
        tuple(truth.loc[i, KEY]): names[int(truth.loc[i, "label"])] for i in wrong
    }
    reviewed = review(models.old, tmp_path / "reviewed.csv", verdicts)
    found = compare(models.old, models.new, reviewed)
    assert found.headline.cutouts == 240
    assert found.verdicts.cutouts == 30
    assert found.verdicts.old_counts["TP"] == 0
    lines = as_text(found).splitlines()
    assert "Verdicts alone: 30 cutouts" in lines
    all_wrong = len(pd.read_csv(models.old).query("label != preds"))
    assert (
        "By the labels before the review, the old model has 30 of these 30 cutouts "
        f"wrong (100 %), and {all_wrong} of all 240 ({all_wrong / 2.4:.0f} %)."
    ) in lines
    assert lines[-1] == "On these cutouts alone, the old model looks worse than it is."
    assert compare(models.old, models.new).verdicts is None


def test_verdicts_that_prefer_no_errors_make_no_model_look_worse(models, tmp_path):
    table = pd.read_csv(models.old)
    right = table.query("label == preds").iloc[:6]
    names = ("no artifact", "artifact")
    # A verdict that changes a label does not make an error of the choice.
    verdicts = {
        tuple(row[name] for name in KEY): names[row["label"] ^ (i == right.index[0])]
        for i, row in right.iterrows()
    }
    reviewed = review(models.old, tmp_path / "reviewed.csv", verdicts)
    text = as_text(compare(models.old, models.new, reviewed))
    assert "the old model has 0 of these 6 cutouts wrong (0 %), and " in text
    assert "looks worse than it is" not in text


def test_the_test_set_of_an_export_is_the_headline(models, tmp_path, capsys):
    images = sorted(models.truth["image_name"].unique())[:7]
    flipped = models.truth.assign(label=1 - models.truth["label"])
    weight = np.where(np.arange(len(flipped)) % 3, 1.0, 0.5)
    export = write_export(tmp_path / "export", flipped, images, weight=weight)
    found = compare(models.old, models.new, test=export)
    assert found.is_test_set
    assert found.headline.cutouts == 140
    new = pd.read_csv(models.new).iloc[:140]
    assert found.headline.new["average_precision"].value == pytest.approx(
        sk.average_precision_score(
            1 - new["label"], new["confidence"], sample_weight=weight[:140]
        )
    )
    assert found.groups.total == 7
    assert run(models.old, models.new, "--test", export) == 0
    out = capsys.readouterr().out
    assert "Compared on the test set of the export: 140 cutouts." in out
    pd.read_csv(models.new).iloc[5:].to_csv(models.new, index=False)
    found = compare(models.old, models.new, test=export)
    assert (found.overlap.test, found.overlap.test_missing) == (140, 5)


def test_a_newer_verdict_has_priority_over_the_export(models, tmp_path):
    images = sorted(models.truth["image_name"].unique())
    export = write_export(tmp_path / "export", models.truth, images)
    stale = models.truth.assign(label=1 - models.truth["label"], preds=0)
    stale.to_csv(tmp_path / "stale.csv", index=False)
    key, label = tuple(models.truth.iloc[0][KEY]), models.truth.iloc[0]["label"]
    name = ("artifact", "no artifact")[int(label)]
    reviewed = review(tmp_path / "stale.csv", tmp_path / "reviewed.csv", {key: name})
    found = compare(models.old, models.new, reviewed, test=export)
    expected = models.truth["label"].to_numpy().copy()
    expected[0] = 1 - label
    by_key = models.truth.assign(expected=expected).merge(found.rows, on=KEY)
    assert (by_key["expected"] == by_key["label_y"]).all()


def test_groups_are_images_or_columns_or_those_of_the_export(models, tmp_path):
    field = models.truth["image_name"].str[-2:].astype(int) // 2
    models.rewrite("new", field=field)
    assert compare(models.old, models.new).groups.total == 12
    found = compare(models.old, models.new, group="field")
    assert (found.groups.total, found.groups.by) == (6, "column field")
    names = sorted(models.truth["image_name"].unique())
    export = write_export(tmp_path / "export", models.truth, names)
    images = [
        {"image_name": name, "group": f"night {i // 4}", "identity": name}
        for i, name in enumerate(names)
    ]
    facts = {"options": {"group": "NIGHT"}, "images": images}
    (export / "export.json").write_text(json.dumps(facts))
    found = compare(models.old, models.new, test=export)
    assert found.groups.total == 3
    reason = "only 3 groups contribute to it, and an interval needs 6"
    assert found.headline.difference["f1"].reason == reason
    assert f"no interval: {reason}" in headline(found)


def test_header_keys_are_those_of_the_hdu_of_the_image(tmp_path):
    hdus = [
        fits.ImageHDU(np.zeros((400, 400), "i2"), fits.Header({"CCDID": f"chip{i}"}), n)
        for i, n in ((1, "CCD1"), (2, "CCD2"))
    ]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "m.fits")
    names = ["m.fits[1]", "m.fits[CCD2]"]
    rows = [f"{name},{x},0,{x // 200},0" for name in names for x in (0, 200)]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *rows, ""]))
    other = tmp_path / "other.csv"
    other.write_text(table.read_text())
    found = compare(table, other, images=tmp_path, group="CCDID", brightness=False)
    assert (found.groups.total, found.groups.by) == (2, "header keys CCDID")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_instead_of_json_is_refused_at_once(models, tmp_path, capsys):
    names = sorted(models.truth["image_name"].unique())
    export = write_export(tmp_path / "export", models.truth, names)
    (export / "export.json").unlink(missing_ok=True)
    os.mkfifo(export / "export.json")
    with pytest.raises(ReviewError, match="not a regular file"):
        compare(models.old, models.new, test=export)
    os.mkfifo(tmp_path / "c.json")
    assert run(models.old, models.new, "--json", tmp_path / "c.json") == 2
    assert "this is not a file" in capsys.readouterr().err


def test_slices_by_kind_have_recall_only(models, tmp_path):
    names = sorted(models.truth["image_name"].unique())
    kind = np.where(np.arange(240) % 2, "trail", "ghost")
    label = models.truth["label"]
    export = write_export(
        tmp_path / "export", models.truth, names,
        kind=np.where(label == 1, kind, ""),
        decision=np.where(label == 1, "artifact", ""),
    )  # fmt: skip
    found = compare(models.old, models.new, test=export)
    parts = {(part.by, part.name): part.scores for part in found.slices}
    new = pd.read_csv(models.new)
    trail = (kind == "trail") & (label == 1)
    scores = parts["kind", "trail"]
    assert list(scores.new) == ["recall"]
    assert scores.new["recall"].value == pytest.approx(new["preds"][trail].mean())
    assert scores.new["recall"].has_interval
    assert len([1 for by, _ in parts if by == "image"]) == 12
    positions = {name: s.cutouts for (by, name), s in parts.items() if by == "position"}
    assert sum(positions.values()) == 240
    assert positions["top left"] == 12 * 2 * 2
    by_confidence = [s.cutouts for (by, _), s in parts.items() if by == "confidence"]
    assert sum(by_confidence) == 240


def test_a_part_where_the_new_model_is_worse_has_a_sentence(models):
    new = pd.read_csv(models.new)
    right = new["grid_x"] >= 600
    new.loc[right & (np.arange(len(new)) % 7 > 0), ["preds", "confidence"]] = [0, 0.01]
    new.to_csv(models.new, index=False)
    found = compare(models.old, models.new)
    lower = [part.name for part in found.slices if "recall" in part.lower()]
    assert {"top right", "right"} <= set(lower)
    assert not {"left", "top left", "bottom left"} & set(lower)
    text = as_text(found)
    assert "By position, top right: recall of the new model is lower, " in text
    assert "exploratory" in text


def test_the_cutouts_to_review_open_as_a_review(models, tmp_path, capsys):
    path = tmp_path / "differ.csv"
    assert run(models.old, models.new, "--to-review", path) == 0
    old, new = pd.read_csv(models.old), pd.read_csv(models.new)
    differ = old["preds"] != new["preds"]
    assert f"{differ.sum()} cutouts to review written to {path}" in (
        capsys.readouterr().out
    )
    with ReviewSession.open(path, cutout_size=200) as session:
        table = session.table.sort_values(KEY).reset_index(drop=True)
    expected = new[differ].sort_values(KEY).reset_index(drop=True)
    for name in (*KEY, "label", "preds"):
        assert (table[name] == expected[name]).all()
    np.testing.assert_allclose(table["confidence"], expected["confidence"])
    assert (table["preds_old"].astype(int) == 1 - expected["preds"]).all()


def test_a_cutout_with_a_verdict_is_not_reviewed_again(models, tmp_path, capsys):
    old, new = pd.read_csv(models.old), pd.read_csv(models.new)
    keys = old.loc[old["preds"] != new["preds"], KEY]
    verdicts = {tuple(key): "artifact" for key in keys.itertuples(index=False)}
    reviewed = review(models.old, tmp_path / "reviewed.csv", verdicts)
    path = tmp_path / "differ.csv"
    assert run(models.old, models.new, "--labels", reviewed, "--to-review", path) == 0
    assert "each cutout on which the models differ has a verdict" in (
        capsys.readouterr().out
    )
    assert not path.exists()
    assert differing_cutouts(compare(models.old, models.new, reviewed)).empty


def test_the_json_has_everything_and_is_always_the_same(models, tmp_path, capsys):
    path = tmp_path / "compare.json"
    assert run(models.old, models.new, "--json", path) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    first = path.read_bytes()
    found = json.loads(first)
    assert set(found) == {
        "format", "versions", "options", "inputs", "cutouts", "labels", "thresholds",
        "intervals", "headline", "verdicts", "slices", "lower_slices", "curves",
        "mended", "broken", "notices",
    }  # fmt: skip
    assert set(found["headline"]["metrics"]["f1"]["difference"]) == {
        "value", "low", "high", "groups", "standard_error", "reason",
    }  # fmt: skip
    agreement = found["headline"]["agreement"]
    assert len(found["mended"]) == agreement["only_new_right"]
    assert len(found["broken"]) == agreement["only_old_right"]
    for title in ("old", "new"):
        assert len(found["inputs"][title]["sha256"]) == 64
    # The order of the rows does not matter, apart from the digest.
    pd.read_csv(models.old).sample(frac=1, random_state=0).to_csv(
        models.old, index=False
    )
    again = as_json(compare(models.old, models.new))
    assert again["headline"]["agreement"] == agreement
    assert again["slices"][3]["name"] == found["slices"][3]["name"]


def test_a_table_without_confidence_has_no_average_precision(models, capsys):
    models.rewrite("old", confidence=None)
    assert run(models.old, models.new) == 0
    out = capsys.readouterr().out
    assert out.startswith("F1 rose from ")
    assert "There is no average precision, because the table of the old model" in out


def test_each_missing_interval_has_its_reason_in_the_text(models):
    # The new model is never wrong about an artifact, so its precision never changes.
    new = pd.read_csv(models.new)
    new["preds"] = new["label"]
    new.to_csv(models.new, index=False)
    text = as_text(compare(models.old, models.new))
    assert (
        "No interval for precision (new), recall (new), F1 (new): it is the same "
        "without any one of the groups.\n"
    ) in text
    models.rewrite("old", label=0)
    models.rewrite("new", label=0)
    text = as_text(compare(models.old, models.new))
    assert "No interval for precision, F1: all cutouts have the label no artifact" in (
        text
    )


def test_a_table_without_predictions_uses_the_threshold(models, capsys):
    models.rewrite("new", preds=None)
    assert run(models.old, models.new) == 0
    out = capsys.readouterr().out
    assert "The new model's table has no predictions: cutouts with a confidence of" in (
        out
    )


def test_models_need_no_labels_if_the_review_has_them(models, tmp_path, capsys):
    models.truth.to_csv(tmp_path / "truth.csv", index=False)
    models.rewrite("old", label=None)
    models.rewrite("new", label=None)
    found = compare(models.old, models.new, tmp_path / "truth.csv")
    by_key = models.truth.merge(found.rows, on=KEY)
    assert (by_key["label_x"] == by_key["label_y"]).all()
    models.truth.iloc[:-2].to_csv(tmp_path / "truth.csv", index=False)
    assert run(models.old, models.new, "--labels", tmp_path / "truth.csv") == 2
    err = capsys.readouterr().err
    assert "2 of 240 cutouts have no label; the first one is image011 (" in err


def test_each_bad_input_is_one_line(models, survey, tmp_path, capsys):
    other = tmp_path / "other.csv"
    table = pd.read_csv(models.new)
    table.assign(image_name="x" + table["image_name"]).to_csv(other, index=False)
    (tmp_path / "empty").mkdir()
    export = write_export(tmp_path / "export", models.truth, [])
    no_split = tmp_path / "plain"
    no_split.mkdir()
    models.truth.to_csv(no_split / "cutouts.csv", index=False)
    damaged = write_export(
        tmp_path / "damaged", models.truth, ["image000"], weight="heavy"
    )
    twice = tmp_path / "twice.csv"
    pd.concat([table, table.iloc[:1]]).to_csv(twice, index=False)
    partly = tmp_path / "partly.csv"
    table.assign(label=[""] + [0] * 239).to_csv(partly, index=False)
    cases = [
        ([models.old, other], "no cutout is in both tables"),
        ([models.old, tmp_path / "none.csv"], "cannot be read"),
        ([models.old, twice], "is already in"),
        ([models.old, partly], "'' is not 0 or 1"),
        ([models.old, models.new, "--test", tmp_path / "empty"], "this is no export"),
        ([models.old, models.new, "--test", export], "no cutout of the export has"),
        ([models.old, models.new, "--test", no_split], "it has no column split"),
        ([models.old, models.new, "--test", damaged], "'heavy' is not a probability"),
        ([models.old, models.new, "--group", ","], "group cannot be ','"),
        ([models.old, models.new, "--group", "night"], "no table has the column night"),
        ([models.old, models.new, "--group", "grid_x"], "has several groups"),
        ([models.old, models.new, "--images", tmp_path / "gone"], "gone"),
        ([survey, survey, "--images", tmp_path, "--group", "NIGHT"], "key NIGHT"),
        ([models.old, models.new, "--json", models.old], "is a table of the"),
        ([models.old, models.new, "--to-review", models.new], "is a table of the"),
        ([models.old, models.new, "--report", "c.txt"], "must be an HTML file"),
    ]
    before = models.old.read_bytes()
    for arguments, text in cases:
        assert run(*arguments) == 2, text
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err.splitlines()) == 1, err
        assert text in err
    assert models.old.read_bytes() == before


def test_header_keys_group_the_images(survey, tmp_path):
    for name, field in (("north", 7), ("west", 8), ("south", 7)):
        path = tmp_path / f"{name}.fits"
        with fits.open(path) as hdus:
            header = hdus[0].header.copy()
            image = fits.ImageHDU(hdus[0].data.copy(), header, name="SCI")
        # Such a file has an empty primary HDU, and the key beside the pixels.
        image.header["FIELD"], image.header["CAMCOL"] = field, 1
        fits.HDUList([fits.PrimaryHDU(), image]).writeto(path, overwrite=True)
    found = compare(survey, survey, images=tmp_path, group="FIELD, CAMCOL")
    assert (found.groups.total, found.groups.by) == (2, "header keys FIELD, CAMCOL")
    table = pd.read_csv(survey)
    fields = table["image_name"].map({"north": 1, "west": 2, "south": 3})
    table.assign(FIELD=fields).to_csv(survey, index=False)
    found = compare(survey, survey, images=tmp_path, group="FIELD")
    assert (found.groups.total, found.groups.by) == (3, "column FIELD")


def test_equal_names_of_a_file_are_one_image(survey):
    # The images are there, so that a name with its suffix is the same file.
    other = survey.with_name("other.csv")
    table = pd.read_csv(survey)
    table.assign(image_name=table["image_name"] + ".fits").to_csv(other, index=False)
    assert compare(survey, other, images=survey.parent).overlap.common == 36
    found = compare(survey, other, images=survey.parent)
    parts = [part for part in found.slices if part.by == "brightness"]
    # The value of a pixel tells its image.
    assert [part.scores.cutouts for part in parts] == [9, 9, 9, 9]
    quick = compare(survey, other, images=survey.parent, brightness=False)
    assert quick.overlap.common == 36
    assert quick.images.folder == survey.parent
    assert not any(part.by == "brightness" for part in quick.slices)


def test_a_suffix_makes_no_other_image(models, capsys):
    table = pd.read_csv(models.new)
    with_suffix = table["image_name"].where(
        table.index < 40, table["image_name"] + ".fits"
    )
    table.assign(image_name=with_suffix).to_csv(models.new, index=False)
    found = compare(models.old, models.new)
    assert found.overlap.common == 240
    assert found.groups.total == 12
    # A table with both names has two images.
    both = table.iloc[:20].assign(image_name="image001.fits")
    pd.concat([table, both]).to_csv(models.new, index=False)
    assert compare(models.old, models.new).overlap.only_new == 20


def test_two_names_of_a_file_in_one_table_are_an_error(survey, capsys):
    other = survey.with_name("other.csv")
    table = pd.read_csv(survey)
    again = table.iloc[:1].assign(image_name="north.fits")
    pd.concat([table, again]).to_csv(other, index=False)
    assert run(survey, other, "--images", survey.parent) == 2
    assert "the cutout north (0, 0) has more than one row" in capsys.readouterr().err


def test_a_comparison_needs_neither_napari_nor_qt_nor_plots(models):
    code = (
        "import sys; from napari_artifact_review import compare\n"
        f"compare({str(models.old)!r}, {str(models.new)!r})\n"
        "heavy = {'napari', 'qtpy', 'matplotlib', 'sklearn', 'sqlalchemy', 'jinja2'}\n"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_real_frames_are_compared_by_field(shared_data, tmp_path, capsys):
    old = shared_data / "sdss" / "predictions.csv"
    table = pd.read_csv(old)
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.02, len(table))
    table["confidence"] = (table["confidence"] + noise).clip(0, 1)
    table["preds"] = (table["confidence"] >= 0.5).astype(int)
    table["field"] = table["image_name"].str.extract(r"-(\d{6}-\d-\d{4})")[0]
    new = tmp_path / "new.csv"
    table.to_csv(new, index=False)
    found = compare(old, new, group="field")
    assert found.headline.cutouts == len(table)
    assert found.groups.total == table["field"].nunique()
    assert run(old, new, "--group", "field") == 0
    assert "no interval" in capsys.readouterr().out.splitlines()[0]


def test_an_error_of_python_is_a_review_error(models):
    with pytest.raises(ReviewError, match="no export"):
        compare(models.old, models.new, test=models.old.parent)


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--json", "c.json"),
        ("--report", "c.html"),
        ("--to-review", "c.csv"),
        ("--to-review", "c.parquet"),
    ],
)
def test_a_file_of_another_kind_is_kept_as_a_backup(
    models, tmp_path, capsys, option, name
):
    path = tmp_path / name
    for mine in (b"notes\n", b'{"format": 1, "mine": 2}', b"image_name,label\na,1\n"):
        path.write_bytes(mine)
        assert run(models.old, models.new, option, path) == 0
        [backup] = tmp_path.glob("c.*.backup.*")
        assert backup.read_bytes() == mine
        told = f"{path}: the earlier file is kept as {backup}."
        assert told in capsys.readouterr().out.splitlines()
        backup.unlink()
    # A file that such a comparison wrote is replaced.
    assert run(models.new, models.old, option, path) == 0
    assert not list(tmp_path.glob("c.*.backup.*"))


def test_a_reviewed_table_of_differing_cutouts_is_kept_as_a_backup(models, tmp_path):
    path = tmp_path / "c.csv"
    assert run(models.old, models.new, "--to-review", path) == 0
    reviewed = pd.read_csv(path).assign(decision="artifact")
    reviewed.to_csv(path, index=False)
    assert run(models.old, models.new, "--to-review", path) == 0
    [backup] = tmp_path.glob("c.*.backup.csv")
    assert (pd.read_csv(backup)["decision"] == "artifact").all()


def test_cutouts_of_different_sizes_are_one_error(models, capsys):
    table = pd.read_csv(models.new)
    models.rewrite("new", grid_x=table["grid_x"] * 2, grid_y=table["grid_y"] * 2)
    assert run(models.old, models.new) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{models.new}: its cutouts are 400 px wide, and those in ")
    assert f"{models.old} 200 px" in line
    # Cutouts of one size may be scored at different distances.
    assert run(models.old, models.new, "--cutout-size", "200") == 0


def test_a_table_of_labels_of_other_cutouts_is_one_error(models, tmp_path, capsys):
    labels = tmp_path / "labels.csv"
    models.truth.assign(image_name="other", preds=0).head(1).to_csv(labels, index=False)
    assert run(models.old, models.new, "--labels", labels) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{labels}: it has no label for any of the cutouts. ")


@pytest.mark.parametrize("options", [[], ["--report", "c.html"]])
def test_images_that_are_not_found_are_one_line(
    models, tmp_path, monkeypatch, capsys, options
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong").mkdir()
    fits.writeto(tmp_path / "wrong" / "image000.fits", np.ones((800, 1000)))
    (tmp_path / "wrong" / "image001.fits").write_bytes(b"damaged")
    assert run(models.old, models.new, "--images", "wrong", *options) == 0
    out = capsys.readouterr().out.splitlines()
    told = [line for line in out if "not found" in line]
    assert told == [
        "No brightness and no pictures: 10 images were not found in "
        f"{tmp_path / 'wrong'}."
    ]
    assert len([line for line in out if line.startswith("No brightness: ")]) == 1


def test_verdicts_on_differing_cutouts_reach_the_next_export(survey, tmp_path):
    other, differ = tmp_path / "other.csv", tmp_path / "differ.csv"
    table = pd.read_csv(survey)
    table.assign(preds=1 - table["preds"]).to_csv(other, index=False)
    with ReviewSession.open(survey) as session:
        session.save()
    assert run(survey, other, "--to-review", differ) == 0
    key = tuple(table.iloc[5][KEY])
    reviewed = review(differ, tmp_path / "differ_reviewed.csv", {key: "artifact"})
    with ReviewSession.open(survey, previous=reviewed) as session:
        assert session.round_summary.carried == 1
    found = export(survey, to=tmp_path / "training").table
    assert found.loc[found["decision"] == "artifact", KEY].to_numpy().tolist() == [
        list(key)
    ]


@pytest.mark.parametrize(
    "folder", ["images/", "/data/run1/", "run1/", "../../survey/images/"]
)
def test_folders_in_image_names_make_no_other_images(models, tmp_path, folder):
    few = {("image001", 200, 0): "artifact", ("image002", 0, 0): "no artifact"}
    output = review(models.old, tmp_path / "reviewed.csv", few)
    reviewed = pd.read_csv(output)
    named = folder + reviewed["image_name"] + ".fits"
    export_folder = write_export(
        tmp_path / "export",
        models.truth.assign(image_name=folder + models.truth["image_name"]),
        [f"{folder}image{i:03}" for i in range(8)],
    )
    images = [
        {"image_name": f"{folder}image{i:03}", "group": f"field {i % 4}"}
        for i in range(12)
    ]
    facts = {"options": {"group": "field"}, "images": images}
    (export_folder / "export.json").write_text(json.dumps(facts))
    labels = tmp_path / "labels.csv"
    reviewed.assign(image_name=named).to_csv(labels, index=False)
    with_folder = pd.read_csv(models.old)["image_name"].map(f"{folder}{{}}.fits".format)
    models.rewrite("old", image_name=with_folder)
    found = compare(models.old, models.new, labels)
    assert found.overlap.common == 240
    assert [(one["source"], one["cutouts"]) for one in found.labels.sources] == [
        ("labels", 240)
    ]
    assert found.rows["image_name"].iloc[0] == "image000"
    found = compare(models.old, models.new, labels, test=export_folder)
    assert (found.overlap.test, found.overlap.test_missing) == (160, 0)
    assert (found.groups.total, found.groups.by) == (
        4,
        "group of the export (field)",
    )


def test_different_labels_of_the_models_are_told(models, tmp_path, capsys):
    new = pd.read_csv(models.new)
    new.loc[:2, "label"] = 1 - new.loc[:2, "label"]
    new.to_csv(models.new, index=False)
    assert run(models.old, models.new, "--json", tmp_path / "c.json") == 0
    line = (
        "The labels of the two models' tables differ for 3 cutouts; the labels that "
        "count: 3 from the new model's table."
    )
    assert line in capsys.readouterr().out.splitlines()
    found = compare(models.old, models.new, models.old)
    assert not any("labels that count" in notice for notice in found.notices)


def test_a_verdict_of_the_old_table_counts_before_a_label_of_the_new_one(
    models, tmp_path
):
    first = tuple(models.truth.loc[0, KEY])
    verdict = ("artifact", "no artifact")[int(models.truth.loc[0, "label"])]
    old = review(models.old, tmp_path / "reviewed.csv", {first: verdict})
    [notice] = compare(old, models.new).notices
    assert "differ for 1 cutout" in notice
    assert notice.endswith("count: 1 from the old model's table.")


def test_models_that_agree_leave_nothing_to_review(models, tmp_path, capsys):
    differ = tmp_path / "differ.csv"
    assert run(models.old, models.old, "--to-review", differ) == 0
    out = capsys.readouterr().out
    line = "No table to review written: the models agree on every cutout"
    assert line in out.splitlines()
    assert not differ.exists()
