"""Write a file whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from napari_artifact_review.core.errors import SaveError


def replace_file(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file beside `path` and put it in its place once it is complete.

    A link stays a link, and the mode of a file that is replaced is kept. If
    anything fails, what was at `path` is untouched and nothing is left beside it.

    Parameters
    ----------
    path : Path
        The file to write.
    write : callable
        Writes the contents to the binary stream that it is given.

    Raises
    ------
    SaveError
        If the disk or the folder refuses, or the encoding lacks a character.
    """
    target = path.resolve()
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=".part", dir=target.parent
        )
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                write(stream)
                stream.flush()
                os.fsync(stream.fileno())
            part.chmod(_mode_for(target))
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
    except UnicodeEncodeError as error:
        text = error.object[error.start : error.end]
        raise SaveError(
            f"the file's encoding, {error.encoding.upper()}, has no {text!r}",
            path=path,
            remedy="Nothing was overwritten; choose another output, as UTF-8 text",
        ) from error
    except OSError as error:
        raise SaveError(
            f"cannot be written ({error.strerror or error})",
            path=path,
            remedy="Nothing was overwritten; choose another output, or free the "
            "disk and save again",
        ) from error


def keep_backup(path: Path) -> Path | None:
    """Copy `path` to a dated name beside it, and return that name.

    Returns None, and does nothing, if there is no file at `path`.

    Raises
    ------
    SaveError
        If the copy cannot be made.
    """
    if not path.exists():
        return None
    # To the microsecond: a second backup never takes the name of a first.
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    backup = path.with_name(f"{path.stem}.{stamp}.backup{path.suffix}")
    try:
        shutil.copy2(path, backup)
    except OSError as error:
        backup.unlink(missing_ok=True)
        raise SaveError(
            f"the backup of {path.name} cannot be made ({error.strerror or error})",
            path=backup,
            remedy="Nothing was overwritten; choose another output",
        ) from error
    return backup


def _mode_for(target: Path) -> int:
    """Mode of the file that is replaced; for a new one, what the umask leaves."""
    if target.exists():
        return target.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Make the new name durable; Windows needs no such step and cannot open it."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
