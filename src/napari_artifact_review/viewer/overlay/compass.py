"""The compass: lines towards north and east, each with its letter."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: Unit vectors (columns, rows) towards north and towards east.
Directions = tuple[tuple[float, float], tuple[float, float]]

#: Length of a line, and height of a letter, in screen pixels.
_ARM, _LETTER = 24.0, 12.0

#: Strokes of the letters as (x0, y0, x1, y1), in letter heights, with y downwards.
_STROKES = {
    "N": [(-0.35, 0.5, -0.35, -0.5), (-0.35, -0.5, 0.35, 0.5), (0.35, 0.5, 0.35, -0.5)],
    "E": [
        (-0.3, -0.5, -0.3, 0.5),
        (-0.3, -0.5, 0.3, -0.5),
        (-0.3, 0.0, 0.2, 0.0),
        (-0.3, 0.5, 0.3, 0.5),
    ],
}

#: Radius of the compass, in screen pixels.
REACH = _ARM + 2 * _LETTER


def compass(directions: Directions, y_up: bool) -> Array:
    """Return the lines of a compass around (0, 0).

    Parameters
    ----------
    directions : tuple
        Unit vectors towards north and east; see `Directions`.
    y_up : bool
        Whether row 0 is at the bottom of the screen. Letters are always upright.

    Returns
    -------
    ndarray, shape (n, 2, 2)
        Start and step of each line as (row, column), in screen pixels.
    """
    up = -1.0 if y_up else 1.0
    lines = []
    for letter, (columns, rows) in zip("NE", directions, strict=True):
        # Round to whole degrees, so that invisible changes do not change a layer's
        # data.
        angle = math.radians(round(math.degrees(math.atan2(rows, columns))))
        x, y = math.cos(angle), math.sin(angle)
        lines.append([[0.0, 0.0], [_ARM * y, _ARM * x]])
        far = _ARM + _LETTER
        for x0, y0, x1, y1 in _STROKES[letter]:
            start = [far * y + up * _LETTER * y0, far * x + _LETTER * x0]
            lines.append([start, [up * _LETTER * (y1 - y0), _LETTER * (x1 - x0)]])
    return np.array(lines)
