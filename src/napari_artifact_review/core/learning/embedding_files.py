"""Files of embeddings: Parquet, a folder of it, or a NumPy array with a CSV table."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.tables.column_names import find_column, fold_name
from napari_artifact_review.core.tables.column_reader import ColumnReader
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.tables.table_formats import read_table_file

#: Columns that identify a cutout.
_CUTOUT = ("image_name", "grid_x", "grid_y")

#: Columns of predictions: a model that learns from them would learn what it predicts.
_ANSWERS = {"label", "preds", "confidence", "error_id", "label_new"}

#: Name of the metadata in the parts of `describe`.
_DESCRIBED = b"napari-artifact-review.describe"

#: Size of the embeddings to convert at once, in bytes.
_BATCH_BYTES = 2**24

_FORMATS = "Name a .parquet file, a folder of them, or an .npy file beside its .csv"

Numbers: TypeAlias = NDArray[Any]


class EmbeddingBatch(NamedTuple):
    """Some rows of a file of embeddings.

    Attributes
    ----------
    image_name : ndarray of object, shape (n,)
        Names of the full images.
    grid_x, grid_y : ndarray of int64, shape (n,)
        Column and row of the top left pixel of each cutout.
    vectors : ndarray, shape (n, d)
        Embeddings in the type of the file, or in float64 if some are missing.
    """

    image_name: NDArray[np.object_]
    grid_x: NDArray[np.int64]
    grid_y: NDArray[np.int64]
    vectors: Numbers


class EmbeddingFile(ABC):
    """A file of embeddings, which is read in batches.

    Attributes
    ----------
    path : Path
        The file.
    width : int or None
        Number of embeddings of a cutout; None if only the rows have it.
    is_half : bool
        Whether the file has embeddings of 16 bits.
    method : mapping
        What `describe` wrote about its descriptors; empty for other files.
    """

    path: Path
    width: int | None
    is_half: bool
    method: dict[str, Any]

    @abstractmethod
    def image_names(self) -> list[str]:
        """Return the distinct image names."""

    @abstractmethod
    def batches(self) -> Iterator[EmbeddingBatch]:
        """Read the rows in batches."""


def open_embeddings(place: Path) -> list[EmbeddingFile]:
    """Open a file of embeddings, or the files of a folder.

    Parameters
    ----------
    place : Path
        A Parquet file, a folder of Parquet files, or an ``.npy`` file beside a ``.csv``
        file with the same stem.

    Raises
    ------
    ReviewError
        If there is no such file, or a file has no embeddings.
    """
    if place.is_dir():
        paths = sorted(place.glob("[!.]*.parquet"))
        if not paths:
            raise ReviewError(
                "the folder has no Parquet files", path=place, remedy=_FORMATS
            )
        return [ParquetEmbeddings(_regular(path)) for path in paths]
    if not place.exists():
        raise ReviewError("there are no embeddings here", path=place, remedy=_FORMATS)
    _regular(place)
    if place.suffix.lower() == ".npy":
        return [NumpyEmbeddings(place)]
    if place.suffix.lower() in (".parquet", ".pq"):
        return [ParquetEmbeddings(place)]
    raise ReviewError(
        f"the suffix {place.suffix!r} is not that of embeddings",
        path=place,
        remedy=_FORMATS,
    )


def _regular(path: Path) -> Path:
    """Return a path; raise an error if it is a pipe or a device."""
    if not path.is_file():
        raise ReviewError("this is not a regular file", path=path, remedy=_FORMATS)
    return path


class ParquetEmbeddings(EmbeddingFile):
    """A Parquet file with a list column, or a numeric column for each embedding.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ReviewError
        If the file cannot be read, or has no embeddings.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _reading(path):
            schema = pq.read_schema(path)
        self._keys = _cutout_columns(schema.names, path)
        lists = [field.name for field in schema if _is_list(field.type)]
        if len(lists) > 1:
            raise ReviewError(
                f"more than one column has lists: {', '.join(lists)}",
                path=path,
                remedy="Leave one of them in the file",
            )
        self._list = lists[0] if lists else None
        others = [name for name in schema.names if name not in self._keys]
        self._columns = lists or others
        types = [schema.field(name).type for name in self._columns]
        if lists:
            _check_numeric(lists, [types[0].value_type], path)
            is_fixed = pa.types.is_fixed_size_list(types[0])
            self.width = types[0].list_size if is_fixed else None
            types = [types[0].value_type]
        else:
            _check_columns(others, types, path)
            self.width = len(others)
        self.is_half = all(map(pa.types.is_float16, types))
        told = (schema.metadata or {}).get(_DESCRIBED)
        self.method = {} if told is None else _method(told)

    def image_names(self) -> list[str]:
        """Return the distinct image names."""
        with _reading(self.path):
            with pq.ParquetFile(self.path) as file:
                column = file.read(columns=self._keys[:1]).column(0)
            return [str(name) for name in column.unique().to_pylist() if name]

    def batches(self) -> Iterator[EmbeddingBatch]:
        """Read the rows in batches.

        Raises
        ------
        ReviewError
            If the file is damaged, or a cell is not what it should be.
        """
        rows = max(1, _BATCH_BYTES // (8 * (self.width or 1024)))
        columns = [*self._keys, *self._columns]
        first = 0
        # Without these options, a row group is in memory as a whole.
        options = {"pre_buffer": False, "buffer_size": 2**16}
        with _reading(self.path), pq.ParquetFile(self.path, **options) as file:
            for batch in file.iter_batches(rows, columns=columns):
                names, x, y = (batch.column(key) for key in self._keys)
                yield EmbeddingBatch(
                    _texts(names, self._keys[0], first, self.path),
                    _whole_numbers(x, self._keys[1], first, self.path),
                    _whole_numbers(y, self._keys[2], first, self.path),
                    self._vectors(batch, first),
                )
                first += batch.num_rows

    def _vectors(self, batch: pa.RecordBatch, first: int) -> Numbers:
        if self._list is None:
            columns = [_numbers(batch.column(name)) for name in self._columns]
            return np.stack(columns, axis=1)
        lists = batch.column(self._list)
        is_there = np.asarray(lists.is_valid())
        lengths = _numbers(pc.list_value_length(lists.drop_null()))
        if self.width is None and lengths.size:
            # The first list that is there decides for all.
            self.width = int(lengths[0])
        wrong = np.flatnonzero(lengths != self.width)
        if wrong.size:
            row = first + int(np.flatnonzero(is_there)[wrong[0]])
            raise ReviewError(
                f"the list has {lengths[wrong[0]]:,} numbers, and an earlier one "
                f"{self.width:,}",
                path=self.path,
                where=f"row {row}, column {self._list}",
                remedy="Give each cutout the same number of embeddings",
            )
        found = _numbers(lists.flatten()).reshape(-1, self.width or 0)
        if is_there.all():
            return found
        vectors = np.full((len(lists), self.width or 0), np.nan)
        vectors[is_there] = found
        return vectors


class NumpyEmbeddings(EmbeddingFile):
    """An array of shape (n, d) in an ``.npy`` file, with a CSV table of n rows.

    Parameters
    ----------
    path : Path
        The array. The table has the same stem, and the suffix ``.csv``.

    Raises
    ------
    ReviewError
        If a file cannot be read, or the array has another shape than the table.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _reading(path):
            self._vectors = np.load(path, mmap_mode="r", allow_pickle=False)
        if self._vectors.ndim != 2 or not self._vectors.shape[1]:
            raise ReviewError(
                f"the array has the shape {self._vectors.shape}",
                path=path,
                remedy="Give it the shape (cutouts, embeddings)",
            )
        if self._vectors.dtype.kind not in "fiu":
            raise ReviewError(
                f"the array is not numeric: {self._vectors.dtype}",
                path=path,
                remedy="Store floating point numbers",
            )
        self.width = self._vectors.shape[1]
        self.is_half = self._vectors.dtype == np.float16
        self.method = {}
        self._names, self._index, self._x, self._y = _read_cutouts(
            path.with_suffix(".csv"), len(self._vectors), path
        )

    def image_names(self) -> list[str]:
        """Return the distinct image names."""
        return self._names

    def batches(self) -> Iterator[EmbeddingBatch]:
        """Read the rows in batches."""
        assert self.width is not None, "the array has it"
        names = np.array(self._names, dtype=object)
        step = max(1, _BATCH_BYTES // (8 * self.width))
        for first in range(0, len(self._x), step):
            part = slice(first, first + step)
            yield EmbeddingBatch(
                names[self._index[part]],
                self._x[part],
                self._y[part],
                np.asarray(self._vectors[part]),
            )


def _read_cutouts(
    path: Path, count: int, array: Path
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Read the cutouts of the rows of an array: names, index of the name, x and y."""
    if not path.exists():
        raise ReviewError(
            f"there is no table {path.name} beside it",
            path=array,
            remedy="Write a CSV table with image_name, grid_x and grid_y, one row for "
            "each row of the array",
        )
    file = read_table_file(path, _CUTOUT)
    columns = _cutout_columns(list(file.values.columns), path)
    reader = ColumnReader(
        path, file, dict(zip(_CUTOUT, columns, strict=True)), TableMapping()
    )
    index, names = reader.names("image_name")
    what, remedy = "a whole number of pixels", "Correct that cell"
    grid_x = reader.whole_numbers("grid_x", what, remedy)
    grid_y = reader.whole_numbers("grid_y", what, remedy)
    if reader.faults:
        raise reader.faults[0]
    if len(index) != count:
        raise ReviewError(
            f"the array has {count:,} rows, and {path.name} has {len(index):,}",
            path=array,
            remedy="Write both again from the same cutouts",
        )
    return list(names), index, grid_x, grid_y


def _cutout_columns(names: Sequence[str], path: Path) -> list[str]:
    found = [find_column(name, names) for name in _CUTOUT]
    missing = [n for n, column in zip(_CUTOUT, found, strict=True) if column is None]
    if missing:
        raise ReviewError(
            f"no column {', '.join(missing)}; the columns are "
            f"{', '.join(map(repr, names[:20]))}",
            path=path,
            remedy="Name the image and the top left pixel of each cutout",
        )
    return [column for column in found if column is not None]


def _check_columns(names: Sequence[str], types: Sequence[Any], path: Path) -> None:
    """Check that columns can be embeddings."""
    if not names:
        raise ReviewError(
            "no column has embeddings",
            path=path,
            remedy="Add a list column, or a numeric column for each embedding",
        )
    answers = [name for name in names if fold_name(name) in _ANSWERS]
    if answers:
        raise ReviewError(
            f"the column {answers[0]} is about labels or predictions, and no embedding",
            path=path,
            remedy="Leave such columns out, or write the embeddings as a list column",
        )
    _check_numeric(names, types, path)


def _check_numeric(names: Sequence[str], types: Sequence[Any], path: Path) -> None:
    for name, kind in zip(names, types, strict=True):
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            raise ReviewError(
                f"the column {name} is not numeric: {kind}",
                path=path,
                remedy="Leave the column out, or write the embeddings as a list column",
            )


def _is_list(kind: Any) -> bool:
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
    )


def _method(told: bytes) -> dict[str, Any]:
    """Return what `describe` wrote about the descriptors of a part."""
    try:
        key = json.loads(told)
    except ValueError:
        return {}
    names = ("descriptors", "cutout_size", "hdu")
    return {name: key.get(name) for name in names} if isinstance(key, dict) else {}


def _numbers(column: Any) -> Numbers:
    """Return an Arrow column of numbers; missing ones become NaN."""
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _texts(column: Any, name: str, first: int, path: Path) -> NDArray[np.object_]:
    texts = column.cast(pa.string()).to_numpy(zero_copy_only=False)
    empty = np.flatnonzero(np.array([not text for text in texts], dtype=bool))
    if empty.size:
        raise ReviewError(
            "the image name is empty",
            path=path,
            where=f"row {first + int(empty[0])}, column {name}",
            remedy="Name the image",
        )
    return np.asarray(texts, dtype=object)


def _whole_numbers(column: Any, name: str, first: int, path: Path) -> NDArray[np.int64]:
    try:
        return np.asarray(column.cast(pa.int64()).to_numpy(), dtype=np.int64)
    except pa.ArrowException as error:
        # A missing number, a fraction, or a text.
        last = first + len(column) - 1
        raise ReviewError(
            "a cell is not a whole number of pixels",
            path=path,
            where=f"rows {first} to {last}, column {name}",
            remedy="Write the top left pixel of each cutout",
        ) from error


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Convert errors from reading a file to a ReviewError."""
    try:
        yield
    except (OSError, ValueError, EOFError, pa.ArrowException) as error:
        raise ReviewError(
            f"the embeddings cannot be read ({error})",
            path=path,
            remedy="Check the file, or write it again",
        ) from error
