"""A model in an ONNX file, run by onnxruntime."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_artifact_review.core.errors import ModelError
from napari_artifact_review.core.training.scoring.onnx_options import (
    METADATA,
    OnnxOptions,
    parse_scaling,
)

#: Axes of the rows, and the axis of the channels, by layout.
_AXES = {"nhw": (1, None), "nchw": (2, 1), "nhwc": (1, 3)}


class OnnxModel:
    """A function that gives cutouts to an ONNX model, and returns its first output.

    Parameters
    ----------
    path : Path
        The file.
    options : OnnxOptions
        Options that take precedence over the file's metadata.
    size : int
        Side length of the cutouts in pixels.

    Raises
    ------
    ModelError
        If the model takes other inputs than cutouts of this size.
    """

    def __init__(self, path: Path, options: OnnxOptions, size: int) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise ModelError(
                "an ONNX file needs onnxruntime",
                path=path,
                remedy='pip install "napari-artifact-review[onnx]" installs it',
            ) from error
        self._path = path
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS") or 0)
        # Warnings are about the model's optimization, not about a fault.
        settings.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(path), settings, providers=onnxruntime.get_available_providers()
        )
        self._metadata = self._session.get_modelmeta().custom_metadata_map
        self._check_metadata()
        given = OnnxOptions(
            options.input or self._metadata.get(f"{METADATA}input"),
            options.layout or self._from_metadata("layout"),
            options.scaling or self._from_metadata("scaling"),
        )
        taken = self._find_input(given.input)
        self._input = taken.name
        self._layout = given.layout or self._infer_layout(taken)
        self._scaling = parse_scaling(given.scaling)
        self._check(taken, size)
        # A fixed number of cutouts at once; 0 for any number.
        self._batch = taken.shape[0] if isinstance(taken.shape[0], int) else 0
        self._type = np.float64 if taken.type == "tensor(double)" else np.float32

    def __call__(self, cutouts: NDArray[np.float32]) -> Any:
        """Return the model's first output, with a row for each cutout."""
        pixels = self._scaled(cutouts)
        count = len(pixels)
        step = self._batch or count
        found = []
        for begin in range(0, count, step):
            part = pixels[begin : begin + step]
            missing = step - len(part)
            if missing:
                part = np.concatenate([part, np.repeat(part[-1:], missing, axis=0)])
            output = np.asarray(self._session.run(None, {self._input: part})[0])
            found.append(output[: step - missing] if missing else output)
        return np.concatenate(found)

    def _scaled(self, cutouts: NDArray[np.float32]) -> NDArray[Any]:
        offset, factor, nan = self._scaling
        pixels: NDArray[Any] = cutouts
        if (offset, factor) != (0, 1):
            pixels = (pixels - np.float32(offset)) * np.float32(factor)
        if nan is not None:
            pixels = np.where(np.isnan(pixels), np.float32(nan), pixels)
        channel = _AXES[self._layout][1]
        if channel is not None:
            pixels = np.expand_dims(pixels, channel)
        return pixels.astype(self._type, copy=False)

    def _check_metadata(self) -> None:
        """Check that each key of the metadata that is for this program is known."""
        known = [f"{METADATA}{each.name}" for each in fields(OnnxOptions)]
        for key in self._metadata:
            if key.startswith(METADATA) and key not in known:
                raise ModelError(
                    f"the metadata key {key!r} is unknown",
                    path=self._path,
                    remedy=f"The keys are {', '.join(known)}",
                )

    def _from_metadata(self, name: str) -> str | None:
        """Return the value of a key of the file's metadata, which must be an option."""
        value: str | None = self._metadata.get(f"{METADATA}{name}")
        try:
            OnnxOptions(**{name: value})
        except ModelError as error:
            raise ModelError(
                error.what,
                path=self._path,
                where=f"metadata {METADATA}{name}",
                remedy=f"{error.remedy}, or give --onnx-{name}",
            ) from error
        return value

    def _find_input(self, name: str | None) -> Any:
        inputs = {each.name: each for each in self._session.get_inputs()}
        if name is None and len(inputs) == 1:
            return next(iter(inputs.values()))
        if name in inputs and len(inputs) == 1:
            return inputs[name]
        names = ", ".join(inputs)
        if name is not None and name not in inputs:
            raise self._wrong(
                f"it has no input {name}; its inputs are {names}",
                "Choose one of them with --onnx-input",
            )
        raise self._wrong(
            f"it has {len(inputs)} inputs ({names}), and scoring gives only the pixels",
            "Export the model with the pixels as its only input",
        )

    def _infer_layout(self, taken: Any) -> str:
        shape = taken.shape
        if len(shape) == 3:
            return "nhw"
        if len(shape) == 4 and shape[1] == 1:
            return "nchw"
        if len(shape) == 4 and shape[3] == 1:
            return "nhwc"
        if len(shape) == 4 and not (
            isinstance(shape[1], int) or isinstance(shape[3], int)
        ):
            raise self._wrong(
                f"its input {taken.name} of shape {shape} does not say where the "
                "channel is",
                "Choose --onnx-layout nchw or nhwc",
            )
        raise self._other_input(taken)

    def _check(self, taken: Any, size: int) -> None:
        """Check that the input takes float cutouts of a size and with one channel."""
        rows, channel = _AXES[self._layout]
        shape = taken.shape
        if len(shape) != len(self._layout):
            raise self._wrong(
                f"its input {taken.name} of shape {shape} does not have the layout "
                f"{self._layout}",
                "Choose another --onnx-layout, or leave it out if the file's metadata "
                "have none",
            )
        if taken.type not in (
            "tensor(float)",
            "tensor(double)",
        ):
            raise self._other_input(taken)
        if (
            channel is not None
            and isinstance(shape[channel], int)
            and shape[channel] != 1
        ):
            raise self._other_input(taken)
        sides = [side for side in shape[rows : rows + 2] if isinstance(side, int)]
        if any(side != size for side in sides):
            raise self._wrong(
                f"its input {taken.name} takes cutouts of "
                f"{' x '.join(map(str, sides))} pixels, not {size} x {size}",
                "Choose --cutout-size, or another model",
            )

    def _other_input(self, taken: Any) -> ModelError:
        return self._wrong(
            f"its input {taken.name} is a {taken.type} of shape {taken.shape}, not "
            "float cutouts of shape (n, size, size) with at most one channel",
            "Export the model with such an input, or write a function that calls it",
        )

    def _wrong(self, what: str, remedy: str) -> ModelError:
        return ModelError(what, path=self._path, remedy=remedy)
