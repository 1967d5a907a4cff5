"""Models in ONNX files, which the tests make."""

from __future__ import annotations

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper

from napari_artifact_review import score
from napari_artifact_review.cli import main
from napari_artifact_review.core.errors import ModelError
from napari_artifact_review.core.training.scoring.onnx_options import OnnxOptions
from tests.core.training.conftest import scored_by_numpy

#: The pixels of the small survey are image * 1e6 + row * 1000 + column.
SCALING = "offset=0,factor=1e-7"


def write_model(
    path, shape=("n", 1, 200, 200), kind=TensorProto.FLOAT, keep=0, **metadata
):
    """Write a model whose probability is the mean of the scaled pixels."""
    axes = [axis for axis in range(1, len(shape)) if axis != keep]
    weights = numpy_helper.from_array(np.array(axes, np.int64), "axes")
    nodes = [helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0)]
    rank = len(shape) - len(axes)
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("pixels", kind, shape)],
        [helper.make_tensor_value_info("mean", kind, ["m"] * rank)],
        [weights],
    )
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    entries = {f"artifact_review.{key}": text for key, text in metadata.items()}
    helper.set_model_props(model, entries)
    onnx.save(model, path)
    return path


def expected_of(images):
    table = scored_by_numpy(images)
    means = []
    for row in table.itertuples():
        number = ["north", "west", "south"].index(row.image_name)
        mean = number * 1e6 + (row.grid_y + 99.5) * 1000 + row.grid_x + 99.5
        means.append(mean * 1e-7)
    return means


@pytest.mark.parametrize(
    "shape",
    [
        ("n", 1, 200, 200),
        ("n", 200, 200, 1),
        ("n", "rows", "columns"),
        (1, 1, 200, 200),
        (5, 200, 200),
    ],
)
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.DOUBLE])
def test_shape_type_and_scaling_are_those_of_the_file(
    images, output, tmp_path, shape, kind
):
    path = write_model(tmp_path / "m.onnx", shape, kind, scaling=SCALING)
    score(path, images, output, jobs=1)
    found = pd.read_csv(output)
    assert found.confidence.tolist() == pytest.approx(expected_of(images), rel=1e-4)


def test_options_come_before_the_metadata(images, output, tmp_path):
    shape = ("n", "a", "b", "c")
    path = write_model(tmp_path / "m.onnx", shape, scaling="factor=1")
    with pytest.raises(ModelError, match="--onnx-layout"):
        score(path, images, output, jobs=1)
    arguments = ["score", str(path), str(images), "--output", str(output), "--jobs"]
    arguments += ["1", "--onnx-layout", "nhwc", "--onnx-input", "pixels"]
    assert main([*arguments, "--onnx-scaling", SCALING]) == 0
    found = pd.read_csv(output)
    assert found.confidence.tolist() == pytest.approx(expected_of(images), rel=1e-4)


def test_nan_is_replaced_after_scaling(tmp_path, output):
    np.save(tmp_path / "a.npy", np.full((200, 400), np.nan))
    path = write_model(tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="NaN for 2 of 2"):
        score(path, tmp_path / "a.npy", output, jobs=1)
    options = OnnxOptions(scaling="offset=7,factor=3,nan=0.25")
    score(path, tmp_path / "a.npy", output, onnx=options, jobs=1)
    assert pd.read_csv(output).confidence.tolist() == [0.25, 0.25]


@pytest.mark.parametrize(
    ("shape", "kind", "told"),
    [
        (("n", 1, 128, 128), TensorProto.FLOAT, "takes cutouts of 128 x 128 pixels"),
        (("n", 3, 200, 200), TensorProto.FLOAT, "at most one channel"),
        (("n", 15), TensorProto.FLOAT, r"of shape \['n', 15\]"),
        (("n", 200, 200), TensorProto.FLOAT16, "float16"),
    ],
)
def test_another_input_is_one_error_before_any_image(
    images, output, tmp_path, shape, kind, told
):
    path = write_model(tmp_path / "m.onnx", shape, kind)
    with pytest.raises(ModelError, match=told):
        score(path, images, output, jobs=1)
    assert not list(output.with_name("scored.csv.parts").glob("*.parquet"))


def test_an_unknown_input_and_a_damaged_file_are_one_error(images, output, tmp_path):
    path = write_model(tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="its inputs are pixels"):
        score(path, images, output, onnx=OnnxOptions(input="image"), jobs=1)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ModelError, match="cannot be loaded"):
        score(path, images, output, jobs=1)


def test_more_than_one_probability_is_an_error(images, output, tmp_path):
    path = write_model(tmp_path / "m.onnx", ("n", 200, 200), keep=1, scaling=SCALING)
    with pytest.raises(ModelError, match=r"shape \(12, 200\)"):
        score(path, images, output, jobs=1)


def test_other_weights_beside_the_file_score_again(images, output, tmp_path):
    path = write_model(tmp_path / "m.onnx", scaling=SCALING)
    weights = tmp_path / "m.onnx.data"
    weights.write_bytes(b"1")
    assert score(path, images, output, jobs=1).scored == 3
    assert score(path, images, output, jobs=1).scored == 0
    weights.write_bytes(b"2")
    assert score(path, images, output, jobs=1).scored == 3
    options = OnnxOptions(scaling="factor=1e-8")
    assert score(path, images, output, onnx=options, jobs=1).scored == 3


def test_without_onnxruntime_it_says_what_to_install(
    images, output, tmp_path, monkeypatch
):
    path = write_model(tmp_path / "m.onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r"napari-artifact-review\[onnx\]"):
        score(path, images, output, jobs=1)


@pytest.mark.parametrize(
    ("name", "value"), [("scaling", "offset=dark"), ("layout", "whn")]
)
def test_metadata_that_are_not_understood_name_file_and_key(
    images, output, tmp_path, name, value
):
    path = write_model(tmp_path / "m.onnx", **{name: value})
    with pytest.raises(ModelError) as found:
        score(path, images, output, jobs=1)
    told = str(found.value)
    assert told.startswith(f"{path}, metadata artifact_review.{name}: the {name} ")
    assert f"or give --onnx-{name}." in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("factor=0", "the factor of the scaling 'factor=0' is 0, so that all"),
        ("factor=1e-60", "is 0, so that all pixels would be equal. Choose another"),
        ("offset=inf", "the offset of the scaling 'offset=inf' is not finite."),
        ("offset=nan", "is not finite. Choose another offset."),
        ("nan=1e300", "is not finite. Choose another nan."),
        ("factor=1,factor=2", "is not understood."),
        ("facto=2", "is not understood."),
    ],
)
def test_a_scaling_that_cannot_be_meant_is_an_error(text, told):
    with pytest.raises(ModelError) as found:
        OnnxOptions(scaling=text)
    assert told in str(found.value)
    assert repr(text) in str(found.value)


def test_a_misspelt_key_of_the_metadata_is_an_error(images, output, tmp_path):
    path = write_model(tmp_path / "m.onnx", scalling="factor=0.01")
    with pytest.raises(ModelError) as found:
        score(path, images, output, jobs=1)
    assert str(found.value).startswith(
        f"{path}: the metadata key 'artifact_review.scalling' is unknown. The keys are "
        "artifact_review.input, artifact_review.layout, artifact_review.scaling."
    )


def test_a_layout_of_other_axes_names_the_option(images, output, tmp_path):
    path = write_model(tmp_path / "m.onnx", ("n", 200, 200))
    with pytest.raises(ModelError, match="does not have the layout nchw") as found:
        score(path, images, output, onnx=OnnxOptions(layout="nchw"), jobs=1)
    assert "another --onnx-layout" in str(found.value)
