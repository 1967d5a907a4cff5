"""The folder with the scores of each image, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from napari_artifact_review.core.atomic_files import replace_file
from napari_artifact_review.core.errors import ReviewError, SaveError

#: What the scores of an image depend on, as JSON.
PartKey: TypeAlias = Mapping[str, Any]

_METADATA = b"napari-artifact-review.score"
_MARKER = "about.json"
_ABOUT = "napari-artifact-review score: one part an image; see docs/rounds.md"
_PART = re.compile(r"[0-9a-f]{32}\.parquet")
_UNFINISHED = re.compile(r"\..*\.part", re.DOTALL)


class PartsFolder:
    """The folder OUTPUT.parts, with one Parquet file for each image.

    Parameters
    ----------
    output : Path
        The table that is joined from the parts.

    Attributes
    ----------
    path : Path
        The folder.
    """

    def __init__(self, output: Path) -> None:
        self.path = output.with_name(f"{output.name}.parts")

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
        if _MARKER in names and self._about().get("about") == _ABOUT:
            return
        if any(not _UNFINISHED.fullmatch(name) for name in names):
            raise SaveError(
                "the folder exists, and does not hold the parts of a score",
                path=self.path,
                remedy="Move it away, or choose another output",
            )
        self._write_about({"about": _ABOUT})

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
        return bool((metadata or {}).get(_METADATA) == _as_bytes(key))

    def read(self, image_name: str) -> pa.Table:
        """Read the part of an image.

        Raises
        ------
        ReviewError
            If the part cannot be read.
        """
        path = self.path_of(image_name)
        try:
            with pq.ParquetFile(path) as file:
                return file.read()
        except (OSError, pa.ArrowException) as error:
            raise ReviewError(
                f"the part of {image_name} cannot be read ({error})",
                path=path,
                remedy="Delete the part, and run the same command again",
            ) from error

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
        about = self._about()
        remembered = about.get("output_sha256"), about.get("settings")
        return remembered == (digest, dict(settings))

    def remember_output(self, digest: str, settings: PartKey) -> None:
        """Remember the table that was joined from the parts; see `is_output`."""
        about = {"about": _ABOUT, "output_sha256": digest, "settings": settings}
        self._write_about(about)

    def _about(self) -> dict[str, Any]:
        try:
            found = json.loads((self.path / _MARKER).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write_about(self, about: Mapping[str, Any]) -> None:
        text = json.dumps(about, indent=1) + "\n"
        replace_file(self.path / _MARKER, lambda stream: stream.write(text.encode()))


def write_part(
    path: Path,
    key: PartKey,
    grid_x: NDArray[np.int64],
    grid_y: NDArray[np.int64],
    confidence: NDArray[np.float64],
) -> None:
    """Write the scores of an image atomically.

    Parameters
    ----------
    path : Path
        The part.
    key : mapping
        What the scores depend on, with the name of the image as "image_name".
    grid_x, grid_y, confidence : ndarray, shape (n,)
        The cutouts and their probabilities.

    Raises
    ------
    SaveError
        If the part cannot be written.
    """
    names = pa.array([key["image_name"]] * len(grid_x), pa.string())
    table = pa.table(
        {
            "image_name": names,
            "grid_x": grid_x,
            "grid_y": grid_y,
            "confidence": confidence,
        }
    ).replace_schema_metadata({_METADATA: _as_bytes(key)})
    replace_file(path, lambda stream: pq.write_table(table, stream, compression="zstd"))


def _as_bytes(key: PartKey) -> bytes:
    return json.dumps(key, sort_keys=True).encode()
