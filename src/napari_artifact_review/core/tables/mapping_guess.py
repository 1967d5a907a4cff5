"""Guess the meanings of columns from their names, and of labels from their words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from napari_artifact_review.core.tables.column_names import find_column, fold_name
from napari_artifact_review.core.tables.mapping import MEANINGS, LabelValues, label_of

#: Usual names of columns by meaning, the most specific first.
_USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "image_name": (
        "filename", "file_name", "image", "image_file", "file", "path", "filepath",
        "file_path", "fits", "fits_file", "frame", "exposure", "candid", "objectid",
        "subject_id", "subject", "transientid", "img", "name", "id",
    ),
    "grid_x": ("x", "x0", "xmin", "x_min", "tile_x", "x_tile", "left", "col", "column"),
    "grid_y": ("y", "y0", "ymin", "y_min", "tile_y", "y_tile", "top", "row"),
    "label": (
        "y_true", "true_label", "truth", "ground_truth", "gt", "target", "class",
        "is_artifact", "artifact", "consensus", "majority", "is_real", "real", "true",
    ),
    "preds": (
        "y_pred", "pred", "prediction", "predicted", "predicted_label", "pred_label",
        "pred_class", "model",
    ),
    "confidence": (
        "prob", "proba", "probability", "p_artifact", "prob_artifact", "y_prob",
        "prob_1", "p1", "y_score", "score", "artifact_score", "fraction", "p_bogus",
        "prob_bogus", "drb", "rb", "rb_score", "real_bogus", "p_real", "prob_real",
        "logit", "logits",
    ),
    "error_id": (),
}  # fmt: skip

#: Usual words for the two classes.
_USUAL_VALUES = {
    1: {"artifact", "artefact", "bogus", "bad", "yes", "y", "t", "true", "1"},
    0: {"no artifact", "no artefact", "none", "real", "good", "clean", "clear", "no",
        "n", "f", "false", "0", "-1"},
}  # fmt: skip


def guess_columns(names: Sequence[str]) -> dict[str, str]:
    """Guess the column of each meaning from the usual names of such columns.

    A column with the name of a meaning is not a guess, but is part of the result.

    Parameters
    ----------
    names : sequence of str
        Names of the columns in a table.

    Returns
    -------
    dict of str to str
        Names of columns, by meaning. A meaning without a column is missing.
    """
    found = named_columns(names, {})
    plain = [_plain(name) for name in names]
    for meaning in MEANINGS:
        if meaning in found:
            continue
        for usual in (meaning, *_USUAL_NAMES[meaning]):
            # Of several columns with the same usual name, none is a better guess.
            column = names[plain.index(usual)] if plain.count(usual) == 1 else None
            if column is not None and column not in found.values():
                found[meaning] = column
                break
    return found


def named_columns(names: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the chosen columns, and others that have the name of a meaning.

    Parameters
    ----------
    names : sequence of str
        Names of the columns in a table.
    chosen : mapping of str to str
        Names of columns, by meaning.
    """
    found = dict(chosen)
    for meaning in MEANINGS:
        column = find_column(meaning, names)
        if column is not None and column not in found.values():
            found.setdefault(meaning, column)
    return found


def _plain(name: str) -> str:
    """Return a column name without signs, such as confidence for "Confidence (%)"."""
    return fold_name(re.sub(r"[\W_]+", " ", name))


def guess_label_values(texts: Sequence[str]) -> LabelValues | None:
    """Guess the classes of words; None for 0 and 1, and for unknown words.

    Unknown words among others are left out, so a class may have no value.
    """
    if all(label_of(text, None) is not None for text in texts):
        return None
    artifact, none = (
        tuple(text for text in texts if text.casefold() in _USUAL_VALUES[label])
        for label in (1, 0)
    )
    return LabelValues(artifact, none) if artifact or none else None
