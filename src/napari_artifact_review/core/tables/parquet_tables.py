"""Read and write Parquet tables, preserving their types and metadata."""

from __future__ import annotations

import io
import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import Any, BinaryIO, Self

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.tables.column_names import IDENTIFYING
from napari_artifact_review.core.tables.table_file import (
    MOST_BYTES,
    TypedFile,
    check_names,
    check_size,
)


class ParquetFile(TypedFile):
    """An Apache Parquet table, in which unedited columns keep their Arrow types."""

    suffixes = (".parquet", ".pq")
    description = "Parquet"

    def __init__(self, values: pd.DataFrame, table: pa.Table) -> None:
        super().__init__(values)
        self._table = table

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        wanted: Collection[str] = IDENTIFYING,  # noqa: ARG003
    ) -> Self:
        """Read a Parquet table; see `TableFile.from_bytes`."""
        try:
            _check_parquet(data)
            # Unlike `read_table`, this reads columns of the same name.
            table = pq.ParquetFile(io.BytesIO(data)).read()
        except (pa.ArrowException, OSError) as error:
            raise TableError(
                f"not a valid Parquet file ({error})", remedy="Write it again"
            ) from error
        # Arrow takes the type of a column in pandas from its name.
        numbered = [str(number) for number in range(table.num_columns)]
        readable = pa.table(list(map(_as_strings, table.columns)), names=numbered)
        values = readable.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
        values.columns = pd.Index(table.column_names, dtype="str")
        return cls(values, table)

    @classmethod
    def from_values(cls, values: pd.DataFrame) -> Self:
        """Create a Parquet table with Arrow's default types."""
        check_names(map(str, values.columns), "Parquet")
        return cls(values, pa.Table.from_pandas(values, preserve_index=False))

    def write(self, stream: BinaryIO, edits: Mapping[str, pd.Series[Any]]) -> None:
        """Write the table; see `TableFile.write`."""
        table = self._table
        for name, cells in edits.items():
            column = pa.Array.from_pandas(cells)
            at = self.position_of(name)
            if at is None:
                table = table.append_column(name, column)
            else:
                kind = table.schema.field(at).type
                column = column.cast(kind) if _is_text(kind) else column
                table = table.set_column(at, name, column)
        pq.write_table(table, stream)


def _is_text(kind: pa.DataType) -> bool:
    """Return whether an Arrow type holds texts that pandas does not read as such."""
    # Other programs write the names of images as bytes, such as astropy those of FITS.
    is_view = pa.types.is_string_view(kind) or pa.types.is_binary_view(kind)
    return bool(is_view or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _as_strings(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as strings if it holds texts; other bytes stay as they are."""
    kind = column.type
    if pa.types.is_binary_view(kind):
        column = column.cast(pa.large_binary())
    try:
        if pa.types.is_fixed_size_binary(kind):
            # Shorter texts are filled up with NUL.
            texts = column.cast(pa.binary()).cast(pa.large_string())
            return pc.utf8_rtrim(texts, characters="\0")
        return column.cast(pa.large_string()) if _is_text(kind) else column
    except pa.ArrowInvalid:
        # These bytes are not UTF-8.
        return column


def _check_parquet(data: bytes) -> None:
    """Check that the values of a Parquet table fit into memory, before it is read.

    A few bytes can declare any number of equal values, and one long text can stand for
    the texts of all rows, in a dictionary or as their common beginning.

    Raises
    ------
    TableError
        If the values need more than `MOST_BYTES`.
    """
    file = pq.ParquetFile(io.BytesIO(data))
    metadata = file.metadata
    chunks = [
        (group, metadata.row_group(group).column(column))
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    ]
    widths = [
        max(file.schema.column(column).length, 8)
        for column in range(metadata.num_columns)
    ]
    size = sum(max(chunk.total_uncompressed_size, 0) for _, chunk in chunks)
    size += sum(
        width * chunk.num_values
        for width, (_, chunk) in zip(itertools.cycle(widths), chunks, strict=False)
    )
    check_size(size)
    for group, chunk in chunks:
        if chunk.physical_type == "BYTE_ARRAY":
            for part in _sizes_of_texts(data, group, chunk):
                size += part
                check_size(size)


def _sizes_of_texts(data: bytes, group: int, chunk: Any) -> Iterator[int]:
    """Yield the sizes in bytes of the texts of a column, part by part."""
    name, declared = chunk.path_in_schema, max(chunk.total_uncompressed_size, 1)
    if "DELTA_BYTE_ARRAY" in chunk.encodings:
        # So many texts fit into memory, however long their common beginning is.
        rows = max(MOST_BYTES // declared, 1)
        file = pq.ParquetFile(io.BytesIO(data))
        for batch in file.iter_batches(rows, row_groups=[group], columns=[name]):
            yield batch.nbytes
    elif any("DICTIONARY" in encoding for encoding in chunk.encodings):
        # As dictionaries, texts take no more memory than the file declares.
        file = pq.ParquetFile(io.BytesIO(data), read_dictionary=[name])
        for column in file.read_row_group(group, [name]).columns:
            yield from map(_size_of_texts, column.chunks)


def _size_of_texts(part: pa.Array) -> int:
    """Return the size in bytes of the texts that a dictionary array stands for."""
    if not isinstance(part, pa.DictionaryArray) or not len(part.dictionary):
        return int(part.nbytes)
    lengths = pc.binary_length(part.dictionary)
    total = pc.sum(pc.take(pc.cast(lengths, pa.int64()), part.indices)).as_py()
    return int(total or 0)
