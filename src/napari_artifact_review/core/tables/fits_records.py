"""Raw records of a FITS table, in which columns can be replaced or added.

Cells are not decoded, so that unedited columns keep their bytes and header cards. The
FITS Standard 4.0 describes the format in sections 4, 7.2 and 7.3.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from napari_artifact_review.core.errors import TableError

_CARD, _BLOCK = 80, 2880
#: Type codes of a binary table, by the size of an element in bytes. X, a single bit, is
#: not included.
_CODES = {1: "LBA", 2: "I", 4: "JE", 8: "KDCP", 16: "MQ"}
_SIZES = {code: size for size, codes in _CODES.items() for code in codes}
#: Keywords that describe the encoding or the range of the cells in a column.
_ENCODING = ("TNULL", "TSCAL", "TZERO", "TDIM", "TDISP", "TDMIN", "TDMAX")
_COLUMN_CARD = re.compile(r"T[A-Z]+[0-9]+ *=")


@dataclass(frozen=True)
class FitsRecords:
    """Header, rows and heap of a FITS table.

    Attributes
    ----------
    cards : tuple of str
        Header cards of 80 characters each, without the END card.
    fields : tuple of (int, int)
        First byte and width of each column in a row.
    rows : ndarray of uint8, shape (rows, bytes)
        Bytes of the rows, as in the file.
    heap : bytes
        Bytes after the rows: an optional gap, and the arrays of variable length.
    """

    cards: tuple[str, ...]
    fields: tuple[tuple[int, int], ...]
    rows: npt.NDArray[np.uint8]
    heap: bytes

    @classmethod
    def from_bytes(cls, header: bytes, data: bytes) -> FitsRecords:
        """Parse the header and the data of a table.

        Raises
        ------
        TableError
            If a column format is invalid, or the columns do not fill the rows.
        """
        entries = fits.Header.fromstring(header)
        text = header.decode("latin-1")
        cards = [text[at : at + _CARD] for at in range(0, len(text), _CARD)]
        end = next(i for i, card in enumerate(cards) if card.rstrip() == "END")
        width, count = entries["NAXIS1"], entries["NAXIS2"]
        if width < 0 or count < 0:
            raise _unsound(f"it declares {count:,} rows of {width:,} bytes")
        columns = range(1, entries["TFIELDS"] + 1)
        is_text = entries["XTENSION"].strip() == "TABLE"
        widths = [_width(entries[f"TFORM{n}"], is_text) for n in columns]
        if is_text:
            starts = [entries[f"TBCOL{n}"] - 1 for n in columns]
        else:
            starts = [sum(widths[: n - 1]) for n in columns]
            if sum(widths) != width:
                raise _unsound(
                    f"the columns take {sum(widths)} bytes and a row has {width}"
                )
        size = width * count
        rows = np.frombuffer(data, np.uint8, size).reshape(count, width)
        heap = data[size : size + entries.get("PCOUNT", 0)]
        fields = tuple(zip(starts, widths, strict=True))
        return cls(tuple(cards[:end]), fields, rows, heap)

    @property
    def is_text(self) -> bool:
        """Whether the table is an ASCII table, not a binary table."""
        return str(self.value("XTENSION")).strip() == "TABLE"

    @property
    def names(self) -> list[str]:
        """Names of the columns; empty strings for unnamed columns."""
        entries = fits.Header.fromstring("".join(self.cards))
        return [entries.get(f"TTYPE{n + 1}", "") for n in range(len(self.fields))]

    def with_column(self, column: FitsRecords) -> FitsRecords:
        """Return the table with a column replaced, or added.

        A column is replaced if it is the only one with the name.

        Parameters
        ----------
        column : FitsRecords
            A table of the same kind, ASCII or binary, with only this column.
        """
        name, names = column.names[0], self.names
        if names.count(name) == 1:
            return self._replaced(names.index(name), column)
        return self._added(column)

    def to_bytes(self) -> bytes:
        """Return the header and the data as in a file, padded to full blocks.

        Existing checksums in the header are updated.
        """
        header = "".join(self.cards).encode("latin-1") + b"END".ljust(_CARD)
        data = self.rows.tobytes() + self.heap
        header = _filled(header, b" ")
        data = _filled(data, b" " if self.is_text else b"\0")
        if {"CHECKSUM", "DATASUM"} & set(map(_keyword, self.cards)):
            kind = fits.TableHDU if self.is_text else fits.BinTableHDU
            hdu = kind.fromstring(header + data)
            hdu.add_checksum()
            header = hdu.header.tostring().encode("latin-1")
        return header + data

    def column_cards(self) -> list[str]:
        """Return the cards that describe columns."""
        return [card for card in self.cards if _COLUMN_CARD.match(card)]

    def value(self, keyword: str) -> str | int | float:
        """Return the value of the first card with a keyword."""
        card = next(card for card in self.cards if _keyword(card) == keyword)
        value: str | int | float = fits.Card.fromstring(card).value
        return value

    def _replaced(self, at: int, column: FitsRecords) -> FitsRecords:
        number, (start, old) = at + 1, self.fields[at]
        cells = column.rows
        grown = cells.shape[1] - old
        rows = np.hstack([self.rows[:, :start], cells, self.rows[:, start + old :]])
        fields = [
            # An empty column begins at the same byte as the next column.
            (begin + grown if (begin, i) > (start, at) else begin, width)
            for i, (begin, width) in enumerate(self.fields)
        ]
        fields[at] = (start, cells.shape[1])
        gone = {f"{keyword}{number}" for keyword in _ENCODING}
        cards = [card for card in self.cards if _keyword(card) not in gone]
        form = next(i for i, c in enumerate(cards) if _keyword(c) == f"TFORM{number}")
        named = {"TTYPE1", "TBCOL1", "TFORM1"}
        more = [card for card in column.column_cards() if _keyword(card) not in named]
        cards[form] = _with_value(cards[form], column.value("TFORM1"))
        cards[form + 1 : form + 1] = [_renumbered(card, number) for card in more]
        return replace(self, cards=tuple(cards))._resized(fields, rows)

    def _added(self, column: FitsRecords) -> FitsRecords:
        number, width = len(self.fields) + 1, self.rows.shape[1]
        # A blank separates the columns of an ASCII table.
        gap = np.full((len(self.rows), int(self.is_text)), ord(" "), np.uint8)
        rows = np.hstack([self.rows, gap, column.rows])
        fields = [*self.fields, (width + gap.shape[1], column.rows.shape[1])]
        cards = list(self.cards)
        last = max(
            i
            for i, card in enumerate(cards)
            if _COLUMN_CARD.match(card) or _keyword(card) == "TFIELDS"
        )
        while last + 1 < len(cards) and _keyword(cards[last + 1]) == "CONTINUE":
            last += 1
        added = [_renumbered(card, number) for card in column.column_cards()]
        cards[last + 1 : last + 1] = added
        return replace(self, cards=tuple(cards))._resized(fields, rows)

    def _resized(
        self, fields: list[tuple[int, int]], rows: npt.NDArray[np.uint8]
    ) -> FitsRecords:
        """Return the table with new fields and rows, and with updated size cards."""
        values = {"NAXIS1": rows.shape[1], "TFIELDS": len(fields)}
        if self.is_text:
            values |= {f"TBCOL{n}": at + 1 for n, (at, _) in enumerate(fields, 1)}
        cards = []
        for card in self.cards:
            keyword = _keyword(card)
            if keyword == "THEAP":
                # The offset of the heap is measured from the start of the first row.
                moved = rows.size - self.rows.size
                card = _with_value(card, int(self.value("THEAP")) + moved)
            elif keyword in values:
                card = _with_value(card, values[keyword])
            cards.append(card)
        return FitsRecords(tuple(cards), tuple(fields), rows, self.heap)


def _width(form: str, is_text: bool) -> int:
    """Return the width in bytes of a format such as 3E, 12X, 1PJ(7) or F8.3."""
    pattern = r"[AIFED](?P<count>\d+)" if is_text else r"(?P<count>\d*)(?P<type>[A-Z])"
    found = re.match(pattern, form.strip())
    if found is None or not (is_text or found["type"] in {*_SIZES, "X"}):
        raise _unsound(f"{form!r} is no format of a column")
    count = int(found["count"] or 1)
    if is_text:
        return count
    return -(-count // 8) if found["type"] == "X" else count * _SIZES[found["type"]]


def _keyword(card: str) -> str:
    return card[:8].rstrip()


def _with_value(card: str, value: str | int | float) -> str:
    """Return a card with a new value; the same card if the value is unchanged."""
    old = fits.Card.fromstring(card)
    if old.value == value:
        return card
    with warnings.catch_warnings():
        # astropy warns if it truncates a comment.
        warnings.simplefilter("ignore")
        return str(fits.Card(old.keyword, value, old.comment))


def _renumbered(card: str, number: int) -> str:
    keyword = re.sub(r"[0-9]+", str(number), _keyword(card))
    return keyword.ljust(8) + card[8:]


def _filled(part: bytes, filler: bytes) -> bytes:
    return part.ljust(-(-len(part) // _BLOCK) * _BLOCK, filler)


def _unsound(what: str) -> TableError:
    return TableError(f"not a valid FITS table: {what}", remedy="Write it again")
