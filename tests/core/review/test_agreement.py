"""The agreement of reviewers, measured from the log of their review."""

from __future__ import annotations

import numpy as np
import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.team.agreement_texts import as_json, sentences
from napari_artifact_review.core.team.merge import merge_logs

IMAGES = "abcdefgh"
HEADER = "image_name,grid_x,grid_y,label,preds\n"
ROWS = "".join(f"{name},{x},0,0,1\n" for name in IMAGES for x in range(0, 2000, 200))
CUTOUTS = [CutoutKey(name, x, 0) for name in IMAGES for x in range(0, 2000, 200)]


@pytest.fixture
def path(tmp_path):
    table = tmp_path / "predictions.csv"
    table.write_text(HEADER + ROWS)
    return table


def give(path, name, labels):
    with ReviewSession.open(path, reviewer=name) as session:
        for cutout, label in zip(CUTOUTS, labels, strict=False):
            verdict = ("no artifact", "artifact", "unsure")[label]
            session.set_label(verdict, cutouts=[cutout])


def test_votes_of_the_log_are_what_is_measured(path):
    draw = np.random.default_rng(1)
    truth = draw.integers(0, 2, len(CUTOUTS))
    labels = {
        name: np.where(draw.random(len(truth)) < 0.1, 1 - truth, truth)
        for name in ("Ana", "Ben", "Eva")
    }
    labels["Eva"][:5] = 2
    for name, given in labels.items():
        give(path, name, given)
    with ReviewSession.open(path, reviewer="Ana") as session:
        found = session.agreement()
    [pair] = [one for one in found.pairs if (one.first, one.second) == ("Ana", "Ben")]
    assert pair.cutouts == 80
    assert pair.raw_agreement.value == np.mean(labels["Ana"] == labels["Ben"])
    assert found.groups == len(IMAGES)
    eva = found.reviewers[2]
    assert (eva.name, eva.votes, eva.unsure) == ("Eva", 75, 5)
    assert eva.against_others is not None
    assert as_json(found)["all"]["votes"] == 235
    assert any("80 cutouts" in one for one in sentences(found))


def test_only_first_blind_verdicts_count(path):
    give(path, "Ana", [1, 1, 0])
    give(path, "Ben", [0, 1, 0])
    with ReviewSession.open(path, reviewer="Ben") as ben:
        ben.set_label("artifact", cutouts=[CUTOUTS[0]])
        ben.adjudicate("artifact", cutout=CUTOUTS[0])
        ben.set_team_rules(is_blind=False)
        ana = CUTOUTS[3]
    give(path, "Ana", [1, 1, 0, 1])
    with ReviewSession.open(path, reviewer="Ben") as ben:
        ben.set_label("artifact", cutouts=[ana])
        [pair] = ben.agreement().pairs
    assert (pair.cutouts, pair.both, pair.only_first) == (3, 1, 1)


def test_without_a_second_reviewer_there_is_nothing_to_agree_on(path):
    give(path, "Ana", [1, 1, 0])
    with ReviewSession.open(path, reviewer="Ana") as ana:
        found = ana.agreement()
    assert found.pairs == ()
    assert found.overall.cutouts == 0
    assert isinstance(as_json(found), dict)


def test_verdicts_of_logs_that_never_met_are_blind(path, tmp_path):
    logs = []
    for name, labels in (("Ana", [1, 1, 0]), ("Ben", [1, 0, 0])):
        folder = tmp_path / name
        folder.mkdir()
        table = folder / "predictions.csv"
        table.write_text(HEADER + ROWS)
        give(table, name, labels)
        logs.append(folder / "test_outputs.csv.review.sqlite")
    merge_logs(logs, tmp_path / "team.sqlite")
    with ReviewSession.open(path, store=tmp_path / "team.sqlite") as session:
        [pair] = session.agreement().pairs
    assert (pair.cutouts, pair.both, pair.only_first, pair.neither) == (3, 1, 1, 1)
