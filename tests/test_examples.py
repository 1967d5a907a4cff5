"""The examples run, in their short form, and do what they say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

PATH = Path(__file__).parents[1] / "examples/retrain.py"
CUTOUT = ["image_name", "grid_x", "grid_y"]
REVIEWED = [
    "errors reviewed",
    "10 % reviewed, mislabelled first",
    "10 % reviewed, learned order",
]
NAMES = ["noisy labels", *REVIEWED, "true labels"]


class Rounds:
    """The files of one run of the example, what it printed, and what it trained on."""

    def __init__(self, folder, printed, trained):
        self.folder = folder / "rounds-0"
        self.printed = printed
        self.trained = trained
        survey = folder / "survey-0"
        labels = pd.read_csv(self.folder / "labels.csv")
        self.noisy = labels.set_index(CUTOUT)["label"]
        truth = pd.read_csv(survey / "truth.csv").set_index(CUTOUT)
        self.truth = truth["true_label"]
        splits = self.exported("noisy labels", "train", "test")["split"]
        names = splits.index.get_level_values("image_name")
        self.held_out = set(names[splits == "test"])
        self.training_images = set(names[splits == "train"])

    def exported(self, name, *splits):
        """Return the rows of an export in the order in which the example reads them."""
        table = pd.read_csv(self.folder / name / "cutouts.csv", keep_default_na=False)
        table = table[table["split"].isin(splits or ("train",))]
        order = ["image_name", "grid_y", "grid_x"]
        return table.sort_values(order).set_index(CUTOUT)

    def rows(self):
        """Return the cells of the printed table, without its two lines of heading."""
        lines = [line for line in self.printed.splitlines() if line.startswith("| ")]
        return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[1:]]


@pytest.fixture(scope="module")
def retrain():
    spec = importlib.util.spec_from_file_location("retrain", PATH)
    module = sys.modules["retrain"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["retrain"]


@pytest.fixture(scope="module")
def rounds(retrain, tmp_path_factory):
    folder = tmp_path_factory.mktemp("retrain")
    trained, printed = [], []
    fit = retrain.fit

    def fit_and_remember(numbers, label, weight, seed):
        trained.append((numbers, label))
        return fit(numbers, label, weight, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(retrain.MODEL, "")
        patch.setattr(retrain, "fit", fit_and_remember)
        patch.setattr(retrain, "print", lambda text, **_: printed.append(text), False)
        # More mistakes than by default, so that a few verdicts have some.
        retrain.main(["--short", "--mistakes", "0.1", "--folder", str(folder)])
    return Rounds(folder, "\n".join(printed), trained)


@pytest.mark.exhaustive
def test_the_short_form_of_a_round(rounds, retrain):
    # One test, because each process of pytest would play the rounds again.
    check_that_the_table_has_a_row_for_each_set_of_labels(rounds)
    check_that_the_export_has_the_labels_that_the_reviewer_decided(rounds, retrain)
    check_that_each_model_learns_the_labels_of_its_export(rounds)
    check_that_held_out_images_are_never_trained_on_or_reviewed(rounds)
    check_that_no_training_image_is_scored_by_a_model_that_has_seen_it(rounds)


def check_that_the_table_has_a_row_for_each_set_of_labels(rounds):
    rows = rounds.rows()
    assert [row[0] for row in rows] == NAMES
    training = len(rounds.training_images) * 210
    looks = [int(row[1]) for row in rows]
    assert looks[0] == 0
    assert looks[2:] == [round(0.1 * training)] * 2 + [training]
    for name, row in zip(NAMES, rows, strict=True):
        table = rounds.exported(name)
        wrong = table["label"] != rounds.truth[table.index]
        assert int(row[2]) == wrong.sum()
        # By the true labels, not by those that the export of the held-out images has.
        scored = pd.read_csv(rounds.folder / f"{name}.csv").set_index(CUTOUT)
        true = rounds.truth[scored.index]
        assert (true != scored["label"]).any()
        expected = average_precision_score(true, scored["confidence"])
        assert float(row[3]) == pytest.approx(expected, abs=6e-4)
    assert rows[0][5] in ("0 %", "-")
    assert int(rows[0][2]) > int(rows[-1][2]) == 0


def check_that_the_export_has_the_labels_that_the_reviewer_decided(rounds, retrain):
    truth = rounds.truth.rename("label").reset_index()
    expert = pd.Series(retrain.Expert(truth, 0.1, 0).labels)
    for name, row in zip(NAMES, rounds.rows(), strict=True):
        if name not in REVIEWED:
            continue
        table = rounds.exported(name)
        is_reviewed = table["decision"] != ""
        assert is_reviewed.sum() == int(row[1]) > 0
        assert set(table["reviewed_by"][is_reviewed]) == {"expert"}
        reviewed = table["label"][is_reviewed]
        assert (reviewed == expert[[*reviewed.index]].to_numpy()).all()
        others = table["label"][~is_reviewed]
        assert (others == rounds.noisy[others.index]).all()


def check_that_each_model_learns_the_labels_of_its_export(rounds):
    # The noisy labels first; then the folds, whose models find errors; then the others.
    whole = [rounds.trained[0], *rounds.trained[5:]]
    for name, (numbers, label) in zip(NAMES, whole, strict=True):
        assert label.tolist() == rounds.exported(name)["label"].tolist()
        # The same cutouts each time, whatever their labels.
        assert np.array_equal(numbers, whole[0][0])


def check_that_held_out_images_are_never_trained_on_or_reviewed(rounds):
    assert rounds.held_out
    assert not rounds.held_out & rounds.training_images
    for name in NAMES:
        images = rounds.exported(name).index.get_level_values("image_name")
        assert set(images) == rounds.training_images
        scored = pd.read_csv(rounds.folder / f"{name}.csv")
        assert set(scored["image_name"]) == rounds.held_out
    reviewed = pd.read_csv(rounds.folder / "predictions.csv")
    assert set(reviewed["image_name"]) == rounds.training_images


def check_that_no_training_image_is_scored_by_a_model_that_has_seen_it(rounds):
    table = rounds.exported("noisy labels")
    names = table.index.get_level_values("image_name")
    for fold, (numbers, label) in enumerate(rounds.trained[1:5]):
        scored = set(pd.read_csv(rounds.folder / f"fold_{fold}.csv")["image_name"])
        which = ~names.isin(scored)
        assert label.tolist() == table["label"][which].tolist()
        assert np.array_equal(numbers, rounds.trained[0][0][which])


def test_the_reviewer_is_wrong_at_the_rate_of_mistakes(retrain):
    truth = pd.DataFrame({"image_name": "a", "grid_x": range(5000), "grid_y": 0})
    truth["label"] = truth["grid_x"] % 2
    for rate, low, high in ((0, 0, 0), (1, 5000, 5000), (0.02, 60, 140)):
        expert = retrain.Expert(truth, rate, seed=1)
        said = np.array([*expert.labels.values()])
        assert low <= (said != truth["label"]).sum() <= high


def test_more_labels_are_wrong_at_the_given_rate(retrain, demo, tmp_path):
    spoiled = retrain.spoil_labels(demo, tmp_path / "labels.csv", 0.5, seed=3)
    true = pd.read_csv(demo.truth)["true_label"]
    before = pd.read_csv(demo.predictions)["label"]
    after = pd.read_csv(spoiled.predictions)["label"]
    assert ((after == before) | (after != true)).all()
    is_wrong = after != true
    assert 0.4 < is_wrong[true == 1].mean() < 0.75
    assert 0.02 < is_wrong[true == 0].mean() < 0.1
    assert demo.predictions.read_bytes() != spoiled.predictions.read_bytes()


def test_the_spread_and_the_gap_are_those_of_the_surveys(retrain):
    names = ["noisy labels", "errors reviewed", "true labels"]
    tables = [
        pd.DataFrame(
            {"looks": 10, "wrong labels": 5, "average precision": found}, index=names
        )
        for found in ([0.8, 0.85, 0.9], [0.7, 0.73, 0.8])
    ]
    lines = retrain.summarise(tables).splitlines()
    assert lines[2:] == [
        "| noisy labels | 10 | 5 | 0.750 ± 0.071 | 0.000 ± 0.000 | 0 % |",
        "| errors reviewed | 10 | 5 | 0.790 ± 0.085 | 0.040 ± 0.014 | 40 % |",
        "| true labels | 10 | 5 | 0.850 ± 0.071 | 0.100 ± 0.000 | 100 % |",
    ]
    tables = [table.assign(**{"average precision": 0.8}) for table in tables]
    assert retrain.summarise(tables).splitlines()[3].endswith("| - |")
