"""The kinds of artifact that reviewers tell apart: a short list, the team's own."""

from __future__ import annotations

from pathlib import Path

from napari_artifact_review.core.errors import ReviewError

#: The file beside a predictions table in which a team lists its own kinds.
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

#: More than these are no short list but some other file.
_MOST = 100


def kinds_beside(predictions: Path) -> tuple[str, ...]:
    """Return the kinds of artifact to choose from.

    Parameters
    ----------
    predictions : Path
        The predictions table. Beside it may be a file `KINDS_NAME` in UTF-8 with one
        kind a line; what follows a ``#`` is a comment.

    Returns
    -------
    tuple of str
        The team's kinds; without such a file `DEFAULT_KINDS`.

    Raises
    ------
    ReviewError
        If the file is there and is no such list.
    """
    path = predictions.with_name(KINDS_NAME)
    remedy = "Write one kind of artifact a line, or remove the file"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return DEFAULT_KINDS
    except (OSError, UnicodeDecodeError) as error:
        raise ReviewError(
            f"cannot be read ({error})", path=path, remedy=remedy
        ) from error
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    kinds = tuple(dict.fromkeys(line for line in lines if line))
    if not 0 < len(kinds) <= _MOST:
        raise ReviewError(
            f"names {len(kinds)} kinds of artifact", path=path, remedy=remedy
        )
    return kinds
