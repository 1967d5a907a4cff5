"""A comparison of two models as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Collection, Iterator
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.atomic_files import Written, replace_or_back_up
from napari_artifact_review.core.scores.jackknife import (
    FEWEST_GROUPS,
    LEVEL,
    MOST_BLOCKS,
)
from napari_artifact_review.core.scores.ranking import Curve
from napari_artifact_review.core.small_files import read_small_file
from napari_artifact_review.core.training.comparing.comparison import Comparison
from napari_artifact_review.core.training.comparing.comparison_texts import (
    headline,
    slice_sentences,
)
from napari_artifact_review.core.training.comparing.leave_one_out import weighted_curve

#: Version of the JSON's structure.
FORMAT = 1

#: Largest number of points of a curve.
MOST_POINTS = 1000

# Maximum size in bytes of an earlier file of this kind.
_MOST_BYTES = 2**28

_LIBRARIES = ("numpy", "pandas", "scipy")


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return everything in a comparison as plain JSON, without NaN.

    The same inputs and versions give the same JSON.
    """
    verdicts = comparison.verdicts
    return {
        "format": FORMAT,
        "versions": dict(versions()),
        "options": comparison.options,
        **_about_inputs(comparison),
        "intervals": {
            "method": "jackknife-t",
            "level": LEVEL,
            "groups": comparison.groups.total,
            "groups_by": comparison.groups.by,
            "blocks": comparison.headline_blocks,
            "most_blocks": MOST_BLOCKS,
            "fewest_groups": FEWEST_GROUPS,
        },
        "headline": {
            "on": "test set" if comparison.is_test_set else "all common cutouts",
            "sentence": headline(comparison),
            **comparison.headline.as_json(),
        },
        "verdicts": None
        if verdicts is None
        else {**comparison.verdict_choice._asdict(), **verdicts.as_json()},
        "slices": [part.as_json() for part in comparison.slices],
        "lower_slices": slice_sentences(comparison),
        "curves": dict(_curves(comparison)),
        "mended": _cutouts(comparison, comparison.mended),
        "broken": _cutouts(comparison, comparison.broken),
        "notices": list(comparison.notices),
    }


def _about_inputs(comparison: Comparison) -> dict[str, Any]:
    """Return the tables, and the numbers of cutouts and of labels."""
    labels = comparison.labels
    return {
        "inputs": {
            title: {
                "path": str(table.path),
                "sha256": table.file.digest,
                "cutouts": len(table.cutouts),
            }
            for title, table in comparison.tables.items()
        },
        "cutouts": {"compared": len(comparison.rows), **asdict(comparison.overlap)},
        "labels": {
            "sources": list(labels.sources),
            "reviewed": int(np.count_nonzero(labels.reviewed)),
            "unsure": int(np.count_nonzero(labels.decision == "unsure")),
        },
        "thresholds": {
            title: comparison.tables[title].threshold for title in ("old", "new")
        },
    }


def write_json(comparison: Comparison, path: Path) -> Written:
    """Write a comparison as JSON, completely or not at all.

    An earlier file that is not such a JSON gets a dated backup.

    Raises
    ------
    SaveError
        If the file is a table of the comparison, or cannot be written.
    """
    comparison.check_output(path)
    found = as_json(comparison)
    text = json.dumps(found, indent=1, allow_nan=False) + "\n"
    contents = text.encode()
    return replace_or_back_up(
        path,
        lambda stream: stream.write(contents),
        is_own=_keys_of(path) == found.keys(),
    )


def _keys_of(path: Path) -> Collection[str]:
    """Return the keys of a JSON file; none if it has no object or does not exist."""
    try:
        found = json.loads(read_small_file(path, _MOST_BYTES))
    except (OSError, ValueError):
        return ()
    return found.keys() if isinstance(found, dict) else ()


def versions() -> Iterator[tuple[str, str]]:
    """Yield the name and the version of this package, of Python and of libraries."""
    name = "napari-artifact-review"
    yield name, metadata.version(name)
    yield "Python", platform.python_version()
    for library in _LIBRARIES:
        yield library, metadata.version(library)


def model_curves(comparison: Comparison) -> tuple[Curve | None, Curve | None]:
    """Return the precision-recall curves of the old and the new model.

    A curve is None if its table has no confidences, or if no cutout is an artifact.
    """
    sample, curves = comparison.sample, list[Curve | None]()
    for model in comparison.models:
        if model.confidence is None:
            curves.append(None)
            continue
        known = ~np.isnan(model.confidence)
        curves.append(weighted_curve(sample.take(known), model.confidence[known]))
    return curves[0], curves[1]


def _curves(comparison: Comparison) -> Iterator[tuple[str, Any]]:
    for title, curve in zip(("old", "new"), model_curves(comparison), strict=True):
        if curve is None:
            yield title, None
            continue
        count = len(curve.thresholds)
        at = np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).astype(int))
        yield (
            title,
            {
                "thresholds": curve.thresholds[at].tolist(),
                "precision": curve.precision[at].tolist(),
                "recall": curve.recall[at].tolist(),
            },
        )


def _cutouts(
    comparison: Comparison, which: npt.NDArray[np.int64]
) -> list[dict[str, Any]]:
    columns = ["image_name", "grid_x", "grid_y", "label", "decision"]
    found = comparison.rows[columns].iloc[which]
    return [
        {name: _plain(value) for name, value in zip(columns, row, strict=True)}
        for row in found.itertuples(index=False, name=None)
    ]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
