"""Kinds of artifact to choose from: the team's own list, or the default list."""

from __future__ import annotations

from pathlib import Path

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.small_files import read_small_file

#: Name of the file with a team's own kinds, in the folder of the predictions table.
KINDS_NAME = "artifact_kinds.txt"

DEFAULT_KINDS: tuple[str, ...] = (
    "satellite trail",
    "airplane",
    "ghost",
    "scattered light",
    "cosmic ray",
    "bad column",
    "bleed",
    "halo",
    "fringing",
    "crosstalk",
    "other",
)

#: Maximum number of kinds, and size of their file in bytes; a file with more is not a
#: list of kinds.
_MAX_KINDS, _MOST_BYTES = 100, 2**16


def kinds_beside(predictions: Path) -> tuple[str, ...]:
    """Return the kinds of artifact that reviewers can choose.

    Parameters
    ----------
    predictions : Path
        The predictions table. Its folder may contain a UTF-8 file `KINDS_NAME` with one
        kind per line; text after a ``#`` is a comment.

    Returns
    -------
    tuple of str
        The team's kinds, or `DEFAULT_KINDS` if there is no file.

    Raises
    ------
    ReviewError
        If the file is not a regular file of at most 64 kB, cannot be read as text, or
        does not contain 1 to 100 kinds.
    """
    path = predictions.with_name(KINDS_NAME)
    remedy = "Write one kind of artifact a line, or remove the file"
    try:
        text = read_small_file(path, _MOST_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        return DEFAULT_KINDS
    except (OSError, UnicodeDecodeError) as error:
        raise ReviewError(
            f"cannot be read ({error})", path=path, remedy=remedy
        ) from error
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    kinds = tuple(dict.fromkeys(line for line in lines if line))
    if not 0 < len(kinds) <= _MAX_KINDS:
        raise ReviewError(
            f"names {len(kinds)} kinds of artifact", path=path, remedy=remedy
        )
    return kinds
