"""An export is loaded as docs/rounds.md says."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from napari_artifact_review.cli import main
from tests.core.training.small import load

PAGE = (Path(__file__).parents[4] / "docs/rounds.md").read_text(encoding="utf-8")
LOADING = PAGE.split("### Load it")[1].split("\n## ")[0]
SNIPPETS = dict(
    zip(
        ("torch", "keras"),
        re.findall(r"```python\n(.*?)```", LOADING, flags=re.DOTALL),
        strict=True,
    )
)
[COMMAND, LATER] = [
    shlex.split(command)
    for command in re.findall(r"```sh\nnapari-artifact-review (export .*?)\n```", PAGE)
]


@pytest.fixture
def exported(survey, monkeypatch):
    """Export the survey as the page says, in its own folder."""
    folder = survey.parent
    (folder / "images").mkdir()
    for image in folder.glob("*.fits"):
        image.rename(folder / "images" / image.name)
    monkeypatch.chdir(folder)
    assert main(["save", "predictions.csv"]) == 0
    assert main(COMMAND) == 0
    return folder / "training"


def test_the_next_round_keeps_the_splits(exported):
    assert main(LATER) == 0
    before = load(exported)[1]
    assert load(exported.with_name("round2"))[1].equals(before)


def test_six_lines_load_it_with_keras(exported):
    assert len(SNIPPETS["keras"].replace("\n\n", "\n").splitlines()) == 6

    class Model:
        def fit(self, *given, **options):
            self.given, self.options = given, options

    model = Model()
    exec(compile(SNIPPETS["keras"], "rounds.md", "exec"), {"model": model})
    cutouts, table, _ = load(exported)
    train = table["split"] == "train"
    pixels, label = model.given
    weight = model.options["sample_weight"]
    np.testing.assert_array_equal(pixels, cutouts[train][..., None])
    np.testing.assert_array_equal(label, table["label"][train])
    np.testing.assert_array_equal(weight, table["weight"][train])
    assert {pixels.dtype, label.dtype, weight.dtype} == {np.dtype(np.float32)}


def test_six_lines_load_it_with_pytorch(exported, monkeypatch):
    assert len(SNIPPETS["torch"].replace("\n\n", "\n").splitlines()) == 6
    # Stand-ins with the parts of PyTorch's interface that the page uses.
    data = SimpleNamespace(
        TensorDataset=lambda *tensors: list(zip(*tensors, strict=True)),
        Subset=lambda dataset, indices: [dataset[index] for index in indices],
    )
    torch = ModuleType("torch")
    torch.tensor, torch.from_numpy = np.array, lambda array: array
    torch.utils = SimpleNamespace(data=data)
    monkeypatch.setitem(sys.modules, "torch", torch)
    names = {}
    exec(compile(SNIPPETS["torch"], "rounds.md", "exec"), names)
    cutouts, table, _ = load(exported)
    # The array is mapped, and PyTorch warns of arrays that cannot be written to.
    assert isinstance(names["cutouts"], np.memmap)
    assert names["cutouts"].flags.writeable
    rows = np.flatnonzero(table["split"] == "train")
    assert len(names["train"]) == len(rows) > 0
    for (pixels, label, weight), row in zip(names["train"], rows, strict=True):
        np.testing.assert_array_equal(pixels, cutouts[row])
        assert (label, weight) == (table["label"][row], table["weight"][row])
