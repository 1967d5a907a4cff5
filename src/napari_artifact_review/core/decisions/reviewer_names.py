"""Names of reviewers, as verdicts and tables have them."""

from __future__ import annotations

import getpass
import os
import unicodedata

from napari_artifact_review.core.errors import ReviewError

#: Separator between the names of several reviewers in one cell of a table.
NAME_SEPARATOR = ";"


def check_reviewer(name: str) -> str:
    """Return the name of a reviewer without surrounding blanks.

    Raises
    ------
    ReviewError
        If the name is empty, or contains a semicolon, which separates names in tables,
        a control character, or a character that UTF-8 cannot encode.
    """
    stripped = name.strip()
    if not stripped:
        fault = "it is empty"
    elif NAME_SEPARATOR in stripped:
        fault = "a semicolon separates the names of several reviewers in tables"
    elif any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in name):
        fault = "it contains a control character"
    else:
        return stripped
    raise ReviewError(
        f"{name!r} is not a name for a reviewer: {fault}",
        remedy="Choose another name",
    )


def login_name() -> str:
    """Return the user's login name, or the user id if there is no login name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
