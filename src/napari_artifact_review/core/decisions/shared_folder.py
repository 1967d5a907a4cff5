"""Files of a folder that computers share: listing, reading and writing."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from napari_artifact_review.core.atomic_files import replace_file

#: Number of bytes that are read or written in one step.
_CHUNK = 2**16

#: Maximum size of a file in bytes; a piece of a log usually has 1 MB.
LARGEST_FILE = 2**28

_WRITER = re.compile(r"([0-9a-f]{32})-([0-9a-f]{32})")


class WriterFolder(NamedTuple):
    """Folder with the files that one computer writes for one review.

    Attributes
    ----------
    review : str
        Id of the review at the meeting place.
    writer : str
        Id of the log of the computer.
    """

    review: str
    writer: str

    def __str__(self) -> str:
        return f"{self.review}-{self.writer}"


class Signature(NamedTuple):
    """Properties of a file that change whenever its contents change."""

    inode: int
    size: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> Signature:
        """Return the signature of a file from its status."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


def list_writers(folder: Path) -> list[WriterFolder]:
    """Return the folders of all reviews and computers, sorted; skip other names.

    Raises
    ------
    OSError
        If the folder cannot be read.
    """
    with os.scandir(folder) as entries:
        names = [_WRITER.fullmatch(entry.name) for entry in entries]
    return sorted(WriterFolder(*name.groups()) for name in names if name is not None)


def read_shared_file(
    path: Path, known: Signature | None, step: Callable[[], object]
) -> tuple[Signature, bytes | None]:
    """Read a file, unless it is unchanged.

    Parameters
    ----------
    path : Path
        The file.
    known : Signature or None
        Signature of the contents that the caller knows.
    step : callable
        Function that is called after each chunk.

    Returns
    -------
    tuple of Signature and bytes or None
        Signature of the file, and its contents; None if they are unchanged.

    Raises
    ------
    OSError
        If the file cannot be read, is not a regular file, or is too large.
    """
    try:
        return _read_file(path, known, step)
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
        # Another computer has just replaced the file, and NFS dropped the old one.
        return _read_file(path, known, step)


def _read_file(
    path: Path, known: Signature | None, step: Callable[[], object]
) -> tuple[Signature, bytes | None]:
    # Opening a pipe would wait for a writer.
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is not a regular file")
    # Open the file before its status is read: only then does NFS ask the server.
    with path.open("rb", buffering=0) as file:
        signature = Signature.of(os.fstat(file.fileno()))
        if signature == known:
            return signature, None
        content = bytearray()
        while chunk := file.read(_CHUNK):
            content += chunk
            if len(content) > LARGEST_FILE:
                raise OSError(f"it is larger than {LARGEST_FILE:,} bytes")
            step()
    return signature, bytes(content)


def write_shared_file(path: Path, content: bytes, step: Callable[[], object]) -> None:
    """Write a file atomically.

    Parameters
    ----------
    path : Path
        The file; its folder exists.
    content : bytes
        Its contents.
    step : callable
        Function that is called after each chunk.

    Raises
    ------
    SaveError
        If the file cannot be written.
    OSError
        If another program has the file open, which prevents its replacement.
    """

    def write(stream: BinaryIO) -> None:
        for start in range(0, len(content), _CHUNK):
            stream.write(content[start : start + _CHUNK])
            step()

    written = replace_file(path, write)
    if written.path != path:
        written.path.unlink()
        raise OSError(f"another program has {path.name} open")
    step()


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of a writer that was killed.

    Raises
    ------
    OSError
        If the folder cannot be read, or a file cannot be removed.
    """
    for path in folder.glob(".*.part"):
        path.unlink(missing_ok=True)
