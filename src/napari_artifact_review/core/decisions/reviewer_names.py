"""Names of reviewers, as verdicts and tables have them."""

from __future__ import annotations

import getpass
import os
import unicodedata

from napari_artifact_review.core.errors import ReviewError

#: Separator between the names of several reviewers in one cell of a table.
NAME_SEPARATOR = ";"

#: Unicode categories of control characters, surrogates, and separators of lines and
#: paragraphs.
_CONTROL = ("Cc", "Cs", "Zl", "Zp")


def check_reviewer(name: str) -> str:
    """Return the name of a reviewer in Unicode NFC, without surrounding blanks.

    In NFC, a letter with an accent is the same character on each computer, however it
    was typed (Unicode Standard Annex 15). Names are then compared as they are: "Ana"
    and "ana" are two reviewers.

    Raises
    ------
    ReviewError
        If the name is empty, or contains a semicolon, which separates names in tables,
        a control character, or a character that UTF-8 cannot encode.
    """
    # Normalize first: in NFC, the Greek question mark is a semicolon.
    normal = unicodedata.normalize("NFC", name)
    stripped = normal.strip()
    if not stripped:
        fault = "it is empty"
    elif NAME_SEPARATOR in stripped:
        fault = "a semicolon separates the names of several reviewers in tables"
    elif any(map(_is_control, normal)):
        fault = "it contains a control character"
    else:
        return stripped
    raise ReviewError(
        f"{name!r} is not a name for a reviewer: {fault}",
        remedy="Choose another name",
    )


def login_name() -> str:
    """Return the user's login name; else the user id, or "unknown" if there is none."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def default_reviewer(login: str) -> str:
    """Return the name of a reviewer that has given no name: the login name, made valid.

    Each semicolon and control character becomes ``_``, and an empty name "unknown". The
    result is a name that `check_reviewer` returns unchanged.
    """
    normal = unicodedata.normalize("NFC", login)
    valid = "".join(
        "_" if char == NAME_SEPARATOR or _is_control(char) else char for char in normal
    )
    return valid.strip() or "unknown"


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in _CONTROL
