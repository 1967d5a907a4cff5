"""Simulate the five kinds of artifacts in the images of the demo."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from .camera import SHAPE, Floats, Frame, empty_frame
from .sky import window_around

Painter: TypeAlias = Callable[[Frame, np.random.Generator, float], None]


@dataclass(frozen=True)
class Kind:
    """A kind of artifact.

    Attributes
    ----------
    paint : callable
        Function that adds one artifact to a frame, such as `paint_trail`.
    per_image : tuple of int
        Possible numbers of artifacts per image. A number that occurs twice is twice as
        probable.
    visible_from : float
        Lowest signal-to-noise ratio in a cutout at which an expert sees the artifact.
        It is higher for smooth light, which resembles the sky.
    """

    paint: Painter
    per_image: tuple[int, ...]
    visible_from: float


def paint_trail(frame: Frame, rng: np.random.Generator, noise: float) -> None:
    """Add a satellite trail; about one trail in three ends inside the image.

    Parameters
    ----------
    frame : numpy.ndarray
        Frame to which the trail is added in place, in electrons, shape `SHAPE`.
    rng : numpy.random.Generator
        Random number generator.
    noise : float
        Standard deviation of the sky, in electrons.
    """
    peak = noise * _log_uniform(rng, 0.8, 12)
    width = rng.uniform(1.6, 3.6)
    angle = rng.normal(0, 0.7)
    window, dx, dy = window_around(
        rng.uniform(0, SHAPE[1]), rng.uniform(0, SHAPE[0]), SHAPE[1]
    )
    cos, sin = math.cos(angle), math.sin(angle)
    across = (dy * cos - dx * sin) / width
    near = np.nonzero(np.abs(across) < 4)
    along = dx[0, near[1]] * cos + dy[near[0], 0] * sin
    # A tumbling satellite varies in brightness; most satellites do not tumble.
    depth = rng.uniform(0.3, 0.8) if rng.random() < 0.25 else 0.0
    glint = 1 - depth * np.sin(along / rng.uniform(60, 300)) ** 2
    end = rng.uniform(-600, 600) if rng.random() < 1 / 3 else -np.inf
    seen = _step((along - end) / 3)
    frame[window][near] += peak * np.exp(-(across[near] ** 2) / 2) * glint * seen


def paint_ghost(frame: Frame, rng: np.random.Generator, noise: float) -> None:
    """Add a ghost, an image of the pupil with shadows of secondary mirror and spider.

    Parameters
    ----------
    frame : numpy.ndarray
        Frame to which the ghost is added in place, in electrons, shape `SHAPE`.
    rng : numpy.random.Generator
        Random number generator.
    noise : float
        Standard deviation of the sky, in electrons.
    """
    level = noise * _log_uniform(rng, 0.25, 1.2)
    radius = rng.uniform(60, 210)
    x, y = rng.uniform(0, SHAPE[1]), rng.uniform(0, SHAPE[0])
    window, dx, dy = window_around(x, y, 1.4 * radius)
    tilt, stretch = rng.uniform(0, np.pi), rng.uniform(1.0, 1.15)
    major = dx * math.cos(tilt) + dy * math.sin(tilt)
    minor = (dy * math.cos(tilt) - dx * math.sin(tilt)) * stretch
    edge = rng.uniform(0.012, 0.04)
    shift = rng.uniform(-0.12, 0.12)
    pupil = _step((1 - np.hypot(major, minor) / radius) / edge)
    hole = _step((0.36 - np.hypot(major / radius - shift, minor / radius)) / edge)
    spider = np.minimum(np.abs(major + minor), np.abs(major - minor)) / radius
    vanes = 1 - 0.5 * np.exp(-((spider / 0.03) ** 2))
    slope = 1 + rng.uniform(-0.4, 0.4) * major / radius
    frame[window] += level * (pupil - 0.85 * hole) * vanes * slope


def paint_scattered_light(frame: Frame, rng: np.random.Generator, noise: float) -> None:
    """Add a broad arc of scattered light, centred on a point outside the frame.

    The outer edge of the arc is sharp, and its brightness decreases inwards.

    Parameters
    ----------
    frame : numpy.ndarray
        Frame to which the arc is added in place, in electrons, shape `SHAPE`.
    rng : numpy.random.Generator
        Random number generator.
    noise : float
        Standard deviation of the sky, in electrons.
    """
    level = noise * _log_uniform(rng, 0.5, 2.5)
    below = rng.random() < 0.5
    beyond, depth = rng.uniform(200, 900), rng.uniform(150, 700)
    x, y = rng.uniform(0, SHAPE[1]), SHAPE[0] + beyond if below else -beyond
    radius = beyond + depth
    window, dx, dy = window_around(x, y, radius + 60)
    inside = (radius - np.hypot(dx, dy)) / rng.uniform(60, 200)
    rise = _step(inside * rng.uniform(8, 20))
    arc = rise * np.exp(-np.maximum(inside, 0))
    # Baffles block part of the light, so that the rest has the shape of a fan.
    bearing = np.arctan2(dx, np.abs(dy))
    spread = rng.uniform(0.2, 0.5)
    fan = np.exp(-(((bearing - rng.normal(0, 0.2)) / spread) ** 2) / 2)
    rays = 1 + 0.15 * np.sin(bearing * rng.uniform(15, 40))
    frame[window] += level * arc * fan * rays


def paint_cosmic_ray(frame: Frame, rng: np.random.Generator, noise: float) -> None:
    """Add a cosmic ray: a short track, usually straight and sometimes curved.

    Parameters
    ----------
    frame : numpy.ndarray
        Frame to which the track is added in place, in electrons, shape `SHAPE`.
    rng : numpy.random.Generator
        Random number generator.
    noise : float
        Standard deviation of the sky, in electrons.
    """
    length = min(2 + rng.exponential(10), 70)
    charge = noise * _log_uniform(rng, 8, 120)
    steps = np.arange(0, length, 0.25)
    wander = rng.normal(0, 0.06 if rng.random() < 0.3 else 0.0, steps.size)
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(wander)
    x = rng.uniform(5, SHAPE[1] - 5) + np.cumsum(np.cos(heading)) * 0.25
    y = rng.uniform(5, SHAPE[0] - 5) + np.cumsum(np.sin(heading)) * 0.25
    loss = charge * 0.25 * rng.lognormal(0, 0.35, steps.size)
    hit = (x >= 0) & (x < SHAPE[1] - 1) & (y >= 0) & (y < SHAPE[0] - 1)
    pixels = y[hit].astype(int), x[hit].astype(int)
    np.add.at(frame, pixels, loss[hit].astype(np.float32))


def paint_bad_column(frame: Frame, rng: np.random.Generator, noise: float) -> None:
    """Add a hot or dark column, from a random row to the last row.

    Parameters
    ----------
    frame : numpy.ndarray
        Frame to which the column is added in place, in electrons, shape `SHAPE`.
    rng : numpy.random.Generator
        Random number generator.
    noise : float
        Standard deviation of the sky, in electrons.
    """
    column, width = int(rng.integers(0, SHAPE[1] - 2)), int(rng.integers(1, 3))
    start = int(rng.uniform(0, 0.9) * SHAPE[0])
    depth = noise * _log_uniform(rng, 1.5, 12)
    sign = 1 if rng.random() < 0.6 else -1
    frame[start:, column : column + width] += sign * depth


KINDS: dict[str, Kind] = {
    "satellite trail": Kind(paint_trail, (1, 1, 1, 2), 10.0),
    "ghost": Kind(paint_ghost, (0, 1, 1, 2), 35.0),
    "scattered light": Kind(paint_scattered_light, (0, 0, 1), 70.0),
    "cosmic ray": Kind(paint_cosmic_ray, (4, 5, 6, 7, 8), 25.0),
    "bad column": Kind(paint_bad_column, (0, 0, 1), 15.0),
}


def paint_artifacts(
    rng: np.random.Generator, noise: float, richness: int = 1
) -> dict[str, Frame]:
    """Simulate the artifacts of one exposure.

    Parameters
    ----------
    rng : numpy.random.Generator
        Random number generator.
    noise : float
        Standard deviation of the sky, in electrons.
    richness : int, optional
        Number of exposures whose artifacts are combined in this exposure.

    Returns
    -------
    dict of str to numpy.ndarray
        Frame with all artifacts of a kind, without noise, in electrons, shape `SHAPE`;
        by kind. Kinds that do not occur are omitted.
    """
    layers = {}
    for name, kind in KINDS.items():
        count = rng.choice(kind.per_image, richness).sum()
        if count:
            layers[name] = empty_frame()
        for _ in range(count):
            kind.paint(layers[name], rng, noise)
    return layers


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a positive number from a log-uniform distribution."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _step(t: Floats) -> Floats:
    """Return the logistic function, a smooth step from 0 to 1."""
    return 1 / (1 + np.exp(-np.clip(t, -50, 50)))
