"""Small files that a user writes, such as lists, read without risk of a hang."""

from __future__ import annotations

import stat
from pathlib import Path


def read_small_file(path: Path, most: int) -> bytes:
    """Read a regular file that has at most a given size.

    Parameters
    ----------
    path : Path
        The file; it may be a link to a regular file.
    most : int
        Maximum size in bytes.

    Raises
    ------
    OSError
        If the file cannot be read, is not a regular file, or is larger.
    """
    # Opening a pipe would wait for a writer.
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is not a regular file")
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(f"it is larger than {most:,} bytes")
    return content
