"""Which of the tables to compare the given mapping is for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from napari_artifact_review.core.errors import (
    MappingNeededError,
    ReviewError,
    TableError,
)
from napari_artifact_review.core.review.stored_answers import mapping_text
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.training.comparing.model_tables import CutoutTable

#: The tables that a mapping may be for.
MAPPED_TABLES = ("old", "new", "labels")


@dataclass(frozen=True)
class GivenMapping:
    """A mapping that the user gives for one or several tables.

    Attributes
    ----------
    mapping : TableMapping or None
        The mapping; None if none is given.
    tables : collection of str
        Tables that it is for, of `MAPPED_TABLES`; empty if the user does not say.

    Raises
    ------
    ReviewError
        If a table is unknown, or tables are named without a mapping.
    """

    mapping: TableMapping | None
    tables: Collection[str] = ()

    def __post_init__(self) -> None:
        for title in self.tables:
            if title not in MAPPED_TABLES:
                raise ReviewError(
                    f"a mapping cannot be for {title!r}",
                    remedy=f"Choose of {', '.join(MAPPED_TABLES)}",
                )
        if self.tables and self.mapping is None:
            raise ReviewError(
                f"no mapping is given for the table {sorted(self.tables)[0]}",
                remedy="Give its columns or values too, such as --columns",
            )

    def read(
        self, title: str, read: Callable[[TableMapping | None], CutoutTable]
    ) -> CutoutTable:
        """Read a table with the given mapping if it is for this table.

        If the user does not say which tables it is for, these are the tables that
        cannot be read without it.

        Parameters
        ----------
        title : str
            The table, of `MAPPED_TABLES`.
        read : callable
            Reads the table with a mapping, or with None as its review or as named.

        Raises
        ------
        ReviewError
            If the table cannot be read, or if it is not clear whether the mapping is
            for it, because the two readings differ.
        """
        if self.mapping is None:
            return read(None)
        if title in self.tables:
            return read(self.mapping)
        try:
            own = read(None)
        except MappingNeededError:
            # The errors of the given mapping are about what the user wrote.
            return read(self.mapping)
        if not self.tables and self._changes(title, own, read):
            raise TableError(
                "it can be read with and without the mapping that is given, and says "
                "different things",
                path=own.path,
                remedy="Name each table that the mapping is for (--mapping-for old, "
                "new or labels), or open the table once as a review with its mapping",
            )
        return own

    def _changes(
        self,
        title: str,
        own: CutoutTable,
        read: Callable[[TableMapping | None], CutoutTable],
    ) -> bool:
        """Return whether the given mapping gives a table other contents."""
        if own.mapping not in (None, TableMapping()):
            # The review of the table says how to read it.
            return False
        try:
            mapped = read(self.mapping)
        except TableError:
            return False
        return not _contents(own, title).equals(_contents(mapped, title))


def mapping_notices(
    tables: Mapping[str, CutoutTable], given: TableMapping | None
) -> tuple[str, ...]:
    """Return one line that says which table was read with which mapping.

    There is no line if all tables have the usual names and values.
    """
    parts = []
    for title in MAPPED_TABLES:
        if title not in tables:
            continue
        mapping = tables[title].mapping
        text = mapping_text(mapping)
        how = "without a mapping"
        if text:
            source = "the given mapping" if mapping == given else "that of its review"
            how = f"with {source} ({text})"
        parts.append((bool(text), f"{tables[title].path.name} {how}"))
    is_usual = not mapping_text(given)
    if is_usual and not any(is_mapped for is_mapped, _ in parts):
        return ()
    return (f"Tables read: {'; '.join(text for _, text in parts)}.",)


def _contents(table: CutoutTable, title: str) -> pd.DataFrame:
    """Return what a comparison uses of a table."""
    columns = ["image_name", "grid_x", "grid_y", "decision"]
    if table.has_labels:
        columns.append("label")
    if title != "labels":
        columns += ["preds", "confidence"]
    return table.cutouts[columns]
