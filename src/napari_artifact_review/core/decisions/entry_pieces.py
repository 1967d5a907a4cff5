"""Files with a piece of a log, in a folder that computers share."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

VERSION = 1

#: Maximum number of entries in a piece, so that a new entry rewrites little.
PIECE_SIZE = 1000

#: A number has at most 18 digits, so that it is less than 2**63.
_NAME = re.compile(r"([0-9a-f]{32})\.([1-9][0-9]{0,17})\.jsonl")


class PieceName(NamedTuple):
    """Name of a file with consecutive entries of a log.

    Attributes
    ----------
    log_id : str
        Id of the log, a UUID in hexadecimal.
    first : int
        Number of the first entry.
    """

    log_id: str
    first: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse a file name; return None for the name of any other file."""
        match = _NAME.fullmatch(text)
        return None if match is None else cls(match[1], int(match[2]))

    def __str__(self) -> str:
        return f"{self.log_id}.{self.first}.jsonl"


def encode_piece(name: PieceName, bodies: Sequence[str]) -> bytes:
    """Return the contents of a file: a header, and one line for each entry.

    Parameters
    ----------
    name : PieceName
        Name of the file.
    bodies : sequence of str
        Body of each entry, one line of ASCII; see `RawEntry`.
    """
    lines = "".join(f"{body}\n" for body in bodies).encode("ascii")
    header = {**_identity(name), "digest": hashlib.sha256(lines).hexdigest()}
    return f"{json.dumps(header)}\n".encode() + lines


def decode_piece(name: PieceName, content: bytes) -> list[str]:
    """Return the body of each entry in a file.

    Parameters
    ----------
    name : PieceName
        Name of the file.
    content : bytes
        Contents of the file.

    Raises
    ------
    ValueError
        If the file is incomplete or damaged, contains other entries than its name says,
        or was written by another version.
    """
    first_line, _, lines = content.partition(b"\n")
    header = decode_header(first_line)
    if {key: header.get(key) for key in _identity(name)} != _identity(name):
        raise ValueError("it contains other entries than its name says")
    if header.get("digest") != hashlib.sha256(lines).hexdigest():
        raise ValueError("it is damaged, or not completely copied yet")
    return lines.decode("ascii").split("\n")[:-1]


def decode_header(line: bytes) -> dict[str, Any]:
    """Return a JSON object with the version of this program.

    Raises
    ------
    ValueError
        If the line is no such object, or another version wrote it.
    """
    try:
        header = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is damaged, or not completely copied yet") from error
    if not isinstance(header, dict) or "version" not in header:
        raise ValueError("it is no file of this program")
    if header["version"] != VERSION:
        raise ValueError(
            f"another version of this program wrote it (format {header['version']}; "
            f"this one knows {VERSION})"
        )
    return header


def _identity(name: PieceName) -> dict[str, Any]:
    return {"version": VERSION, "log_id": name.log_id, "first": name.first}
