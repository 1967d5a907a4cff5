"""Models that are missing, fail, or return anything but probabilities."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pandas as pd
import pytest

from napari_artifact_review import score
from napari_artifact_review.cli import main
from napari_artifact_review.core.errors import ModelError
from tests.core.training.conftest import calls_of

#: What a function returns, and what the message must say.
WRONG = {
    "short": ("[0.5]", r"shape \(1,\)"),
    "table": ("np.zeros((n, 2))", r"shape \(12, 2\)"),
    "nothing": ("None", "shape"),
    "nan": ("np.where(np.arange(n) == 3, np.nan, 0.5)", "NaN for 1 of 12"),
    "logits": ("np.full(n, -3.0)", "from -3 to -3"),
    "percent": ("np.full(n, 40)", "from 40 to 40"),
    "texts": ("['artifact'] * n", "the model failed: ValueError"),
    "boom": ("1 / 0", "line 5, image north: the model failed: ZeroDivisionError"),
    "masked": (
        "np.ma.masked_array(np.full(n, 0.5), np.arange(n) < 2)",
        "it returned 2 masked values for 12 cutouts",
    ),
    "complex": ("np.full(n, 0.5 + 0j)", "it returned complex numbers"),
    "memory": ("np.zeros((n, 2**50))", "the model failed"),
}


@pytest.fixture
def write(tmp_path):
    def write(text, name="wrong.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_probability_is_one_error(write, images, output, capsys, name):
    returned, told = WRONG[name]
    path = write(
        f"import numpy as np\n\ndef predict(cutouts):\n    n = len(cutouts)\n"
        f"    return {returned}\n"
    )
    with pytest.raises(ModelError, match=told):
        score(f"{path}:predict", images, output, jobs=1)
    arguments = [f"{path}:predict", str(images), "--output", str(output)]
    assert main(["score", *arguments, "--jobs", "1"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not output.exists()


@pytest.mark.parametrize(
    "returned",
    ["np.zeros((n, 1))", "[0.5] * n", "np.ones(n, np.float16)", "np.full(n, 1 + 1e-8)"],
)
def test_forms_that_are_probabilities(write, images, output, returned):
    path = write(
        f"import numpy as np\n\ndef predict(cutouts):\n    n = len(cutouts)\n"
        f"    return {returned}\n"
    )
    assert score(f"{path}:predict", images, output, jobs=1).rows == 36
    assert pd.read_csv(output).confidence.between(0, 1).all()


#: Text of m.py, the model that is named, and what the message must say.
NOT_LOADED = [
    ("def other(c): ...", "m.py:predict", "no function predict; it has other"),
    ("predict = 3", "m.py:predict", "no function predict"),
    ("def predict(c) ...", "m.py:predict", "line 1: cannot be imported"),
    ("import absent_package", "m.py:predict", "No module named 'absent_package'"),
    ("raise ValueError('no weights')", "m.py:predict", "ValueError: no weights"),
    ("import sys; sys.exit(3)", "m.py:predict", "it ends the program"),
    ("", "m.py", "the name of the function is missing"),
    ("", "absent.py:predict", "cannot be read"),
    ("", "absent_package.module:predict", "no module absent_package.module"),
    ("", "json.absent:predict", "no module json.absent"),
    ("", "absent.onnx", "cannot be read"),
    ("\0", "m.py:predict", "m.py:predict: cannot be imported"),
    ("", "m.pkl", "ONNX file; a pickle is never loaded, because it can run any code"),
    ("", "m.joblib", "a pickle is never loaded"),
    ("", "m.pt", "'m.pt' names no function and no ONNX file. "),
    ("", "", "names no function and no ONNX file"),
]


@pytest.mark.parametrize(
    ("text", "name", "told", "jobs"),
    [*((*each, 1) for each in NOT_LOADED), (*NOT_LOADED[0], 2), (*NOT_LOADED[5], 2)],
)
def test_a_model_that_cannot_be_loaded_is_one_error(
    write, images, output, monkeypatch, text, name, told, jobs
):
    write(text, "m.py")
    monkeypatch.chdir(images.parent)
    with pytest.raises(ModelError, match=told):
        score(name, images, output, jobs=jobs)
    assert not list(images.parent.glob("*.parts/*.parquet"))


def test_what_is_pickled_is_never_run(tmp_path, images, output):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(Evil()))
    for name in (str(path), f"{path}:predict"):
        with pytest.raises(ModelError):
            score(name, images, output, jobs=1)
    assert not (tmp_path / "ran").exists()


def test_the_module_beside_the_file_is_found(write, images, output, monkeypatch):
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    write("LEVEL = 0.25", "beside_the_model.py")
    path = write(
        "from beside_the_model import LEVEL\n\n"
        "def predict(cutouts):\n    return [LEVEL] * len(cutouts)\n"
    )
    assert score(f"{path}:predict", images, output, jobs=1).rows == 36


def test_the_model_is_loaded_once_by_a_process(write, images, output, tmp_path):
    path = write(
        "from pathlib import Path\n"
        f"with Path({str(tmp_path / 'loaded.txt')!r}).open('a') as file:\n"
        "    file.write('loaded\\n')\n"
        "def predict(cutouts):\n    return [0.5] * len(cutouts)\n"
    )
    score(f"{path}:predict", images, output, jobs=1)
    assert (tmp_path / "loaded.txt").read_text() == "loaded\n"


def test_a_module_that_changed_in_a_running_process_is_told(
    images, output, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    module = tmp_path / "my_changing_model.py"
    text = "def predict(cutouts):\n    return [0.5] * len(cutouts)\n"
    module.write_text(text)
    assert score("my_changing_model:predict", images, output, jobs=1).rows == 36
    module.write_text(text.replace("0.5", "0.25"))
    with pytest.raises(ModelError, match="has changed since this process"):
        score("my_changing_model:predict", images, output, jobs=1)
    # Another process imports the new one.
    assert score("my_changing_model:predict", images, output, jobs=2).scored == 3


def test_an_error_in_the_middle_keeps_the_parts(model, images, output, write):
    path = write(
        "def predict(cutouts):\n"
        "    if cutouts[0, 0, 0] > 1e6:\n"
        "        raise ValueError('too bright')\n"
        "    return [0.5] * len(cutouts)\n"
    )
    with pytest.raises(ModelError, match="image south: the model failed"):
        score(f"{path}:predict", images, output, jobs=1)
    parts = list(output.with_name("scored.csv.parts").glob("*.parquet"))
    assert len(parts) == 1
    assert calls_of(model) == 0


def test_a_model_that_warns_is_shown_once(write, images, output):
    path = write(
        "import numpy as np\n\ndef predict(cutouts):\n"
        "    np.log(np.zeros(1))\n    return np.full(len(cutouts), 0.5)\n"
    )
    command = [sys.executable, "-m", "napari_artifact_review", "score"]
    command += [f"{path}:predict", str(images), "--output", str(output), "--jobs", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr.count("RuntimeWarning: divide by zero") == 1


def test_options_of_an_onnx_file_need_one(write, images, output, capsys):
    path = write("def predict(cutouts): ...")
    command = ["score", f"{path}:predict", str(images), "--output", str(output)]
    assert main([*command, "--onnx-layout", "nchw"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "is no ONNX file, and the options of --onnx are for one" in line
