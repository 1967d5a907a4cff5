"""Options for the pixels that an ONNX model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from napari_artifact_review.core.errors import ModelError

#: Axes of the model's input: n cutouts, c channels, h rows and w columns.
LAYOUTS = ("nhw", "nchw", "nhwc")

#: Prefix of the keys in the metadata of an ONNX file.
METADATA = "artifact_review."


@dataclass(frozen=True)
class OnnxOptions:
    """Options of an ONNX file; None means its metadata, or the default.

    Attributes
    ----------
    input : str or None
        Name of the input; by default the only one.
    layout : str or None
        One of `LAYOUTS`; by default that of the input's shape.
    scaling : str or None
        For example "offset=100,factor=0.01,nan=0": NaN pixels are replaced by `nan`
        after the offset is subtracted and the difference multiplied by the factor.
    """

    input: str | None = None
    layout: str | None = None
    scaling: str | None = None

    def __post_init__(self) -> None:
        if self.layout is not None and self.layout not in LAYOUTS:
            raise ModelError(
                f"the layout {self.layout!r} is unknown",
                remedy=f"Choose one of {', '.join(LAYOUTS)}",
            )
        parse_scaling(self.scaling)

    @property
    def text(self) -> str:
        """The options as a text, empty by default."""
        given = (self.input, self.layout, self.scaling)
        return "" if given == (None, None, None) else repr(given)


class Scaling(NamedTuple):
    """How the pixels are scaled for the model.

    Attributes
    ----------
    offset, factor : float
        A pixel becomes (pixel - offset) * factor.
    nan : float or None
        The value of a pixel that is NaN; None to keep NaN.
    """

    offset: float = 0.0
    factor: float = 1.0
    nan: float | None = None


def parse_scaling(text: str | None) -> Scaling:
    """Parse a scaling such as "offset=100,factor=0.01,nan=0".

    Raises
    ------
    ModelError
        If the text has another form, a number is not finite, or the factor is 0.
    """
    values: dict[str, float] = {}
    is_clear = True
    for part in filter(None, map(str.strip, (text or "").split(","))):
        name, _, value = map(str.strip, part.partition("="))
        is_clear &= name in Scaling._fields and name not in values
        try:
            values[name] = float(value)
        except ValueError:
            is_clear = False
    if not is_clear:
        raise ModelError(
            f"the scaling {text!r} is not understood",
            remedy="Write, for example, offset=100,factor=0.01,nan=0",
        )
    # The pixels are computed with this precision.
    with np.errstate(over="ignore"):
        numbers = {name: np.float32(value) for name, value in values.items()}
    for name, number in numbers.items():
        what = "" if np.isfinite(number) else "is not finite"
        if name == "factor" and number == 0:
            what = "is 0, so that all pixels would be equal"
        if what:
            raise ModelError(
                f"the {name} of the scaling {text!r} {what}",
                remedy=f"Choose another {name}",
            )
    return Scaling(**values)
