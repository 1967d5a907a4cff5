"""The folder of an export: whose it is, and its replacement by a new export."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from napari_artifact_review.core.atomic_files import replace_file
from napari_artifact_review.core.decisions.lock import (
    LocksUnsupportedError,
    WriterLock,
)
from napari_artifact_review.core.errors import ReviewError, SaveError
from napari_artifact_review.core.small_files import read_small_file

#: Name of the file that describes an export.
MANIFEST = "export.json"

#: Value of the key "format" in that file, and the version of the format.
FORMAT, VERSION = "napari-artifact-review export", 1

# Maximum size of this file in bytes.
_MOST_BYTES = 2**28

#: Subfolder for the files of an export that is not complete.
_UNFINISHED = ".unfinished"

#: Lock file in that subfolder.
_LOCK = "lock"

#: Names of the files of an export, except `MANIFEST`.
_OUR_FILES = re.compile(r"cutouts(-\d{4,})?\.(npy|json)|cutouts\.(csv|parquet)")


class ExportFolder:
    """The folder of an export, which has either the earlier export or the new one.

    The files of a new export are written to a subfolder, `.unfinished`. When all are
    complete, its `export.json` is written, and the files are moved. If a process is
    killed before, the earlier export is unchanged. If it is killed while files are
    moved, the folder has no `export.json`, and the next export moves the other files.

    Parameters
    ----------
    path : Path
        Absolute path of the folder, which need not exist.

    Attributes
    ----------
    path : Path
        The folder.
    unfinished : Path
        The subfolder for files that are not complete.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unfinished = path / _UNFINISHED

    def check(self) -> None:
        """Check that the folder is new, empty or has an export; write nothing.

        Raises
        ------
        SaveError
            If the folder has other files, or cannot be listed.
        """
        try:
            names = {entry.name for entry in self.path.iterdir()} - {_UNFINISHED}
        except FileNotFoundError:
            return
        except OSError as error:
            raise SaveError(
                f"cannot be listed ({error.strerror})",
                path=self.path,
                remedy="Choose another folder",
            ) from error
        if not names or self._is_being_moved:
            return
        if MANIFEST not in names:
            raise SaveError(
                "the folder is not empty, and is not an export",
                path=self.path,
                remedy="Nothing was changed; choose a new or empty folder",
            )
        read_manifest(self.path)

    @property
    def has_export(self) -> bool:
        """Whether the folder has a complete export."""
        return (self.path / MANIFEST).exists()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Create the folders, and keep other processes from exporting into them.

        The lock ends with the process. If nothing was written, the folders are removed.

        Raises
        ------
        SaveError
            If another process exports into the folder, or it cannot be written.
        """
        is_new = not self.path.exists()
        lock = WriterLock(self.unfinished / _LOCK)
        with self._as_save_errors():
            self.unfinished.mkdir(parents=True, exist_ok=True)
            # Without locks on this file system, the user has to take care.
            with suppress(LocksUnsupportedError):
                holder = lock.acquire()
                if holder is not None:
                    raise SaveError(
                        f"another process exports into it: {holder}",
                        path=self.path,
                        remedy="Wait until it has ended, or choose another folder",
                    )
        try:
            yield
        finally:
            # Delete the file first: afterwards, another process may have locked it.
            with suppress(OSError):
                lock.path.unlink(missing_ok=True)
            lock.release()
            # A folder with files stays.
            with suppress(OSError):
                self.unfinished.rmdir()
                if is_new:
                    self.path.rmdir()

    def recover(self) -> None:
        """Move the files of a complete export whose process was killed meanwhile.

        Raises
        ------
        SaveError
            If a file cannot be moved.
        """
        if self._is_being_moved:
            with self._as_save_errors():
                self._move()

    def begin(self, keep: Iterable[str] = ()) -> None:
        """Remove unfinished files of earlier runs that are not to be kept.

        Raises
        ------
        SaveError
            If a file cannot be removed.
        """
        with self._as_save_errors():
            for path in [*self.unfinished.iterdir()]:
                if path.name not in {*keep, _LOCK}:
                    path.unlink()

    def check_space(self, needed: int) -> None:
        """Check that the disk has space for a number of bytes.

        Raises
        ------
        SaveError
            If it has not.
        """
        with self._as_save_errors():
            free = shutil.disk_usage(self.unfinished).free
        if free < needed:
            raise SaveError(
                f"the export needs {_size(needed)}, and the disk has {_size(free)}",
                path=self.path,
                remedy="Free space, or choose a folder on another disk",
            )

    def finish(self, manifest: dict[str, Any]) -> None:
        """Replace the earlier export by the files in the subfolder.

        Parameters
        ----------
        manifest : dict
            Contents of `export.json`, as plain JSON. Its key "files" has the names of
            all files of the export. Files that are not in the subfolder stay.

        Raises
        ------
        SaveError
            If a file cannot be written or moved.
        """
        text = json.dumps(manifest, indent=1).encode()
        replace_file(self.unfinished / MANIFEST, lambda stream: stream.write(text))
        with self._as_save_errors():
            self._move()

    @property
    def _is_being_moved(self) -> bool:
        return (self.unfinished / MANIFEST).exists()

    def _move(self) -> None:
        """Move the files of a complete export, and remove those of the earlier one."""
        text = (self.unfinished / MANIFEST).read_bytes()
        files = json.loads(text)["files"]
        (self.path / MANIFEST).unlink(missing_ok=True)
        for name in files:
            if (self.unfinished / name).exists():
                (self.unfinished / name).replace(self.path / name)
        for path in [*self.path.iterdir()]:
            if _OUR_FILES.fullmatch(path.name) and path.name not in files:
                path.unlink()
        replace_file(self.path / MANIFEST, lambda stream: stream.write(text))
        for path in [*self.unfinished.iterdir()]:
            if path.name != _LOCK:
                path.unlink()

    @contextmanager
    def _as_save_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SaveError(
                f"cannot be written ({error.strerror or error})",
                path=self.path,
                remedy="Close programs that use its files, or choose another folder; "
                "then export again",
            ) from error


def _size(count: int) -> str:
    """Return a number of bytes as text."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read `export.json` of an export.

    Raises
    ------
    SaveError
        If the folder is not an export, or is one of a newer version, or the file is
        damaged.
    """
    data = _manifest_in(folder)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        unfinished = (folder / _UNFINISHED / MANIFEST).exists()
        raise SaveError(
            "an export into it was interrupted" if unfinished else "it is no export",
            path=folder,
            remedy="Run that export again"
            if unfinished
            else "Name a folder that the command export has written",
        )
    if data.get("version") != VERSION:
        raise ReviewError(
            f"it is an export of version {data.get('version')}, not {VERSION}",
            path=folder,
            remedy="Update napari-artifact-review, or choose another folder",
        )
    return data


def _manifest_in(folder: Path) -> object:
    """Return the content of `export.json`; None if the folder is not an export.

    Raises
    ------
    SaveError
        If the file describes nothing, although the folder has files of an export.
    """
    path, reason = folder / MANIFEST, "it describes no export"
    try:
        data = json.loads(read_small_file(path, _MOST_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        data, reason = None, str(error)
    is_other = isinstance(data, dict) and "format" in data
    if is_other or not any(_OUR_FILES.fullmatch(one.name) for one in folder.iterdir()):
        return data
    raise SaveError(
        f"the file is damaged ({reason}), and the splits of this export cannot be kept "
        "without it",
        path=path,
        remedy="Restore it from a backup, or name another folder",
    )
