"""The labels of a table, joined to the scores."""

from __future__ import annotations

import pandas as pd
import pytest

from napari_artifact_review import ReviewSession, TableMapping, score
from napari_artifact_review.cli import main
from napari_artifact_review.core.errors import (
    MappingNeededError,
    ReviewError,
    TableError,
)


@pytest.fixture
def labelled(model, images, output):
    """Return a function that scores with labels, and returns the table and messages."""

    def run(labels, **options):
        score(f"{model}:predict", images, output, labels=labels, jobs=1, **options)
        return pd.read_csv(output)

    return run


def test_labels_are_those_of_the_cutouts(labelled, survey):
    given = pd.read_csv(survey)
    # The order of the rows has no meaning.
    given.sample(frac=1, random_state=0).to_csv(survey, index=False)
    found = labelled(survey).merge(given, on=["image_name", "grid_x", "grid_y"])
    assert len(found) == 36
    assert found.label_x.tolist() == found.label_y.tolist()


def test_the_label_after_review_comes_first(labelled, survey, images):
    with ReviewSession.open(survey, images, reviewer="ada") as session:
        session.set_label("artifact" if session.current.label == 0 else "no artifact")
        changed = session.current[["image_name", "grid_x", "grid_y"]].tolist()
        session.save()
        reviewed = session.output
    before = labelled(survey).set_index(["image_name", "grid_x", "grid_y"]).label
    after = labelled(reviewed).set_index(["image_name", "grid_x", "grid_y"]).label
    assert list(after.index[after != before]) == [tuple(changed)]


def test_a_table_of_labels_needs_no_predictions(labelled, survey):
    given = pd.read_csv(survey)
    columns = ["image_name", "grid_x", "grid_y", "label"]
    given[columns].to_csv(survey, index=False)
    found = labelled(survey).sort_values(columns[:3])[columns]
    expected = given.sort_values(columns[:3])[columns]
    assert found.to_numpy().tolist() == expected.to_numpy().tolist()


def test_the_table_of_an_exported_training_set_gives_back_each_label(
    labelled, survey, tmp_path
):
    given = pd.read_csv(survey)
    exported = pd.DataFrame(
        {
            "id": [f"px1-0_{row}" for row in range(len(given))],
            **{name: given[name] for name in ("image_name", "grid_x", "grid_y")},
            "label": 1 - given.label,
            "label_old": given.label,
            "decision": ["artifact", "", "unsure"] * 12,
            "kind": "",
            "note": "",
            "reviewed_by": ["ada", "", "ada"] * 12,
            "reviewed_at": "",
            "weight": 0.5,
            "split": "test",
            "ra": 1.5,
            "dec": -3.25,
        }
    )
    exported.to_csv(tmp_path / "cutouts.csv", index=False)
    found = labelled(tmp_path / "cutouts.csv")
    found = found.merge(given, on=["image_name", "grid_x", "grid_y"])
    assert found.label_x.tolist() == (1 - found.label_y).tolist()


@pytest.mark.parametrize(
    "name", ["{}.fits", "/data/elsewhere/{}.fits", "C:\\data\\{}.fits.fz", "./{}"]
)
def test_another_name_of_the_same_file_is_that_image(labelled, survey, name):
    given = pd.read_csv(survey)
    given["image_name"] = [name.format(image) for image in given.image_name]
    given.to_csv(survey, index=False)
    assert len(labelled(survey)) == 36
    assert set(labelled(survey).image_name) == {"north", "south", "west"}


def test_cutouts_without_a_label_are_left_out_and_told(
    model, images, survey, output, capsys
):
    given = pd.read_csv(survey)
    given[given.grid_x < 400].to_csv(survey, index=False)
    arguments = ["score", f"{model}:predict", str(images), "--output", str(output)]
    assert main([*arguments, "--labels", str(survey), "--jobs", "1"]) == 0
    assert len(pd.read_csv(output)) == 18
    assert "18 of 36 cutouts have no label" in capsys.readouterr().err
    with ReviewSession.open(output, images, read_only=True) as session:
        assert len(session.table) == 18


def test_labels_of_another_grid_or_of_other_images_are_an_error(labelled, survey):
    given = pd.read_csv(survey)
    given.assign(grid_x=given.grid_x + 7).to_csv(survey, index=False)
    with pytest.raises(ReviewError, match="no label for any"):
        labelled(survey)
    given.assign(image_name=given.image_name + "_b").to_csv(survey, index=False)
    with pytest.raises(TableError, match="none of its images"):
        labelled(survey)


def test_columns_and_values_may_have_other_names(model, images, survey, output):
    given = pd.read_csv(survey)
    given["class"] = given.label.map({0: "clean", 1: "ghost"})
    given.drop(columns="label").to_csv(survey, index=False)
    arguments = ["score", f"{model}:predict", str(images), "--output", str(output)]
    arguments += ["--labels", str(survey), "--columns", "label=class", "--jobs", "1"]
    arguments += ["--label-values", "artifact=ghost,no artifact=clean"]
    arguments += ["--preds-values", "artifact=1,no artifact=0"]
    assert main(arguments) == 0
    assert pd.read_csv(output).label.sum() == given.label.sum()


def test_a_mapping_without_predictions(labelled, survey):
    given = pd.read_csv(survey).rename(columns={"label": "truth"})
    given[["image_name", "grid_x", "grid_y", "truth"]].to_csv(survey, index=False)
    found = labelled(survey, mapping=TableMapping(columns={"label": "truth"}))
    assert found.label.sum() == given.truth.sum()


def test_labels_with_tile_numbers_need_the_stride(labelled, survey, model):
    given = pd.read_csv(survey)
    tiles = given.assign(grid_x=given.grid_x // 200, grid_y=given.grid_y // 200)
    path = survey.with_name("tiles.csv")
    tiles.to_csv(path, index=False)
    with pytest.raises(MappingNeededError, match="may be tile numbers"):
        labelled(path)
    assert not model.with_name("calls.txt").exists()
    found = labelled(path, stride=200)
    columns = ["image_name", "grid_x", "grid_y", "label"]
    expected = given.sort_values(columns[:3])[columns]
    assert found.sort_values(columns[:3])[columns].to_numpy().tolist() == (
        expected.to_numpy().tolist()
    )
    mapped = labelled(path, mapping=TableMapping(stride=200))
    pd.testing.assert_frame_equal(mapped, found)


@pytest.mark.parametrize("stride", [8, None])
def test_labels_of_small_cutouts_are_in_pixels(labelled, survey, stride):
    rows = [f"north,{x},{y},1" for x in range(0, 80, 8) for y in range(0, 80, 8)]
    path = survey.with_name("small.csv")
    path.write_text("\n".join(["image_name,grid_x,grid_y,label", *rows, ""]))
    found = labelled(path, cutout_size=8, stride=stride)
    assert len(found) == 100


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_faulty_table_is_an_error_before_any_image(labelled, survey, model, suffix):
    path = survey.with_name(f"labels.{suffix}")
    path.write_text("image_name,grid_x,grid_y,label\nnorth,0,0,2\n")
    with pytest.raises(TableError):
        labelled(path)
    assert not model.with_name("calls.txt").exists()


def test_the_output_cannot_be_the_table_of_the_labels(model, images, survey):
    before = survey.read_bytes()
    with pytest.raises(ReviewError, match="would replace"):
        score(f"{model}:predict", images, survey, labels=survey, jobs=1)
    assert survey.read_bytes() == before


def test_a_table_without_labels_lacks_a_label_only(model, images, output, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("image_name,grid_x,grid_y\nnorth,0,0\n")
    with pytest.raises(ReviewError, match="label") as found:
        score(f"{model}:predict", images, output, labels=labels, jobs=1)
    assert "preds" not in str(found.value)


def test_a_table_that_gets_no_labels_is_told(model, images, output, survey, capsys):
    command = ["score", f"{model}:predict", str(images), "--output", str(output)]
    told = f"{output}: it has no labels, which check, open and export need"
    assert main([*command, "--jobs", "1"]) == 0
    assert told in capsys.readouterr().err
    assert main([*command, "--jobs", "1", "--labels", str(survey)]) == 0
    assert told not in capsys.readouterr().err


def test_a_table_of_labels_is_read_as_its_review_was(
    model, images, output, survey, capsys
):
    before = pd.read_csv(survey)
    words = before["label"].map({1: "bad", 0: "good"})
    before.rename(columns={"label": "class"}).assign(**{"class": words}).to_csv(
        survey, index=False
    )
    mapping = TableMapping(
        columns={"label": "class"},
        label_values={"artifact": ["bad"], "no artifact": ["good"]},
        preds_values={"artifact": ["1"], "no artifact": ["0"]},
    )
    with ReviewSession.open(survey, images, mapping=mapping) as session:
        session.set_label("artifact" if session.current.label == 0 else "no artifact")
        session.save()
        reviewed = session.output
    command = ["score", f"{model}:predict", str(images), "--output", str(output)]
    for labels in (survey, reviewed):
        assert main([*command, "--labels", str(labels), "--jobs", "1"]) == 0
        told = f"{labels}: read with the mapping of its review (--columns label=class"
        assert told in capsys.readouterr().err
        assert len(pd.read_csv(output)["label"]) == 36
