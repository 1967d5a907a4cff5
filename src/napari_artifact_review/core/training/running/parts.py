"""The folder with one part for each image, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from napari_artifact_review.core.atomic_files import replace_file
from napari_artifact_review.core.errors import ReviewError, SaveError
from napari_artifact_review.core.training.running.run_kind import RunKind

#: What the part of an image depends on, as JSON.
PartKey: TypeAlias = Mapping[str, Any]

_MARKER = "about.json"
_PART = re.compile(r"[0-9a-f]{32}\.parquet")
_UNFINISHED = re.compile(r"\..*\.part", re.DOTALL)


class PartsFolder:
    """A folder with one Parquet file for each image, and a description in JSON.

    Parameters
    ----------
    path : Path
        The folder.
    kind : RunKind
        The run that writes the parts.

    Attributes
    ----------
    path : Path
        The folder.
    kind : RunKind
        The run that writes the parts.
    """

    def __init__(self, path: Path, kind: RunKind) -> None:
        self.path = path
        self.kind = kind

    def prepare(self) -> None:
        """Make the folder, unless it is there, and check that a file can be written.

        Raises
        ------
        SaveError
            If the folder is not one of these, or cannot be written.
        """
        try:
            self.path.mkdir(exist_ok=True)
            names = [entry.name for entry in self.path.iterdir()]
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise SaveError(
                f"the parts cannot be written ({error.strerror or error})",
                path=self.path,
                remedy="Choose another output",
            ) from error
        if _MARKER in names and self.description.get("about") == self.kind.about:
            return
        if any(not _UNFINISHED.fullmatch(name) for name in names):
            raise SaveError(
                f"the folder exists, and does not hold the parts of {self.kind.noun}",
                path=self.path,
                remedy="Move it away, or choose another output",
            )
        self.write_description({})

    def path_of(self, image_name: str) -> Path:
        """Return the path of the part of an image."""
        name = hashlib.sha256(image_name.encode("utf-8", "surrogatepass")).hexdigest()
        return self.path / f"{name[:32]}.parquet"

    def is_current(self, image_name: str, key: PartKey) -> bool:
        """Return whether an image has a part, and the part has this key."""
        try:
            metadata = pq.read_schema(self.path_of(image_name)).metadata
        except (OSError, pa.ArrowException):
            return False
        return bool((metadata or {}).get(self.kind.metadata_key) == _as_bytes(key))

    def read(self, image_name: str) -> pa.Table:
        """Read the part of an image.

        Raises
        ------
        ReviewError
            If the part cannot be read.
        """
        path = self.path_of(image_name)
        with _reading(image_name, path), pq.ParquetFile(path) as file:
            return file.read()

    def count_rows(self, image_name: str) -> int:
        """Return the number of rows in the part of an image.

        Raises
        ------
        ReviewError
            If the part cannot be read.
        """
        path = self.path_of(image_name)
        with _reading(image_name, path):
            return int(pq.read_metadata(path).num_rows)

    def others(self, image_names: Collection[str]) -> tuple[int, list[str]]:
        """Return what else is in the folder.

        Returns
        -------
        count : int
            The number of parts of other images.
        foreign : list of str
            The names of files that are no parts.
        """
        own = {self.path_of(name).name for name in image_names}
        others, foreign = 0, []
        for entry in sorted(self.path.iterdir()):
            if entry.name in own or entry.name == _MARKER:
                continue
            if _PART.fullmatch(entry.name):
                others += 1
            elif not _UNFINISHED.fullmatch(entry.name):
                foreign.append(entry.name)
        return others, foreign

    def is_output(self, digest: str | None, settings: PartKey) -> bool:
        """Return whether a table is the last one that was joined from the parts.

        Parameters
        ----------
        digest : str or None
            SHA-256 of the table in hexadecimal; None if it does not exist.
        settings : mapping
            What is the same for all parts, as JSON.
        """
        about = self.description
        remembered = about.get("output_sha256"), about.get("settings")
        return remembered == (digest, dict(settings))

    def remember_output(self, digest: str, settings: PartKey) -> None:
        """Remember the table that was joined from the parts; see `is_output`."""
        self.write_description({"output_sha256": digest, "settings": settings})

    @property
    def description(self) -> dict[str, Any]:
        """The description of the folder; empty if there is none."""
        try:
            found = json.loads((self.path / _MARKER).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_description(self, facts: Mapping[str, Any]) -> None:
        """Write the description of the folder atomically.

        Parameters
        ----------
        facts : mapping
            Facts about the run, as JSON, beside the text that names its kind.

        Raises
        ------
        SaveError
            If the description cannot be written.
        """
        text = json.dumps({"about": self.kind.about, **facts}, indent=1) + "\n"
        replace_file(self.path / _MARKER, lambda stream: stream.write(text.encode()))


def write_part(
    path: Path,
    kind: RunKind,
    key: PartKey,
    columns: Mapping[str, Any],
    dictionaries: bool | list[str] = True,
) -> None:
    """Write the part of an image atomically.

    Parameters
    ----------
    path : Path
        The part.
    kind : RunKind
        The run that writes the part.
    key : mapping
        What the part depends on, with the name of the image as "image_name".
    columns : mapping of str to array-like
        Numpy or Arrow arrays of the same length n, beginning with `grid_x`.
    dictionaries : bool or list of str
        Whether to store distinct values once, or for which columns; this makes numbers
        that hardly repeat larger.

    Raises
    ------
    SaveError
        If the part cannot be written.
    """
    names = pa.array([key["image_name"]] * len(columns["grid_x"]), pa.string())
    table = pa.table({"image_name": names, **columns}).replace_schema_metadata(
        {kind.metadata_key: _as_bytes(key)}
    )
    replace_file(
        path,
        lambda stream: pq.write_table(
            table, stream, compression="zstd", use_dictionary=dictionaries
        ),
    )


@contextmanager
def _reading(image_name: str, path: Path) -> Iterator[None]:
    """Convert errors from reading a part to a ReviewError."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise ReviewError(
            f"the part of {image_name} cannot be read ({error})",
            path=path,
            remedy="Delete the part, and run the same command again",
        ) from error


def _as_bytes(key: PartKey) -> bytes:
    return json.dumps(key, sort_keys=True).encode()
