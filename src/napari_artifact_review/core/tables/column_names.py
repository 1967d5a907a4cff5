"""Compare the names of columns, ignoring differences in notation."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: Columns that any predictions table has, under these or other names.
IDENTIFYING = ("image_name", "grid_x", "grid_y", "label")

_BETWEEN = re.compile(r"[\s\-]+")


def fold_name(name: str) -> str:
    """Return a column name in lower case, with underscores for blanks and hyphens.

    Names with the same result are the same column name in different notation, such as
    "Image Name", " image_name" and "IMAGE-NAME".
    """
    return _BETWEEN.sub("_", name.strip()).casefold()


def find_column(name: str, columns: Sequence[str]) -> str | None:
    """Find a column by its name, exactly or else in different notation.

    Returns
    -------
    str or None
        The name as in `columns`; None if no column has the name, or if only several
        columns have the name in different notation.
    """
    if name in columns:
        return name
    wanted = fold_name(name)
    found = [column for column in columns if fold_name(column) == wanted]
    return found[0] if len(found) == 1 else None


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names of columns, numbered where a name is repeated or empty.

    The second column "score" becomes "score (2)", and a third column without a name
    becomes "column 3".
    """
    unique: list[str] = []
    for position, name in enumerate(names, 1):
        base = candidate = name if name.strip() else f"column {position}"
        number = 1
        while candidate in unique or (number > 1 and candidate in names):
            number += 1
            candidate = f"{base} ({number})"
        unique.append(candidate)
    return unique
