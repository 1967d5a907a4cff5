"""Text tables: their dialect is found and stays; test_round_trip saves whole tables."""

from __future__ import annotations

import codecs
import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.tables.delimited import DelimitedFile
from napari_artifact_review.core.tables.splitting import _split_any, _split_regular
from napari_artifact_review.core.tables.text_rows import unquote

ENCODINGS = {
    "utf-8": b"",
    "utf-8-sig": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}


def encoded(text: str, encoding: str) -> bytes:
    return ENCODINGS[encoding] + text.encode(encoding.removesuffix("-sig"))


def rewritten(data: bytes) -> bytes:
    stream = io.BytesIO()
    DelimitedFile.from_bytes(data).write(stream, {})
    return stream.getvalue()


@settings(max_examples=200)
@given(
    st.lists(
        st.lists(st.text(st.sampled_from('ab "é'), max_size=4), min_size=2, max_size=2),
        min_size=2,
        max_size=5,
    ),
    st.sampled_from([",", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_the_fast_way_splits_as_the_careful_one(rows, delimiter, end, ended):
    text = end.join(delimiter.join(row) for row in rows) + end * ended
    fast = _split_regular(text, delimiter, 1)
    if fast is None:
        return
    slow = _split_any(text, delimiter, 1)
    assert fast.names == slow.names
    pd.testing.assert_frame_equal(fast.cells, slow.cells)
    np.testing.assert_array_equal(fast.lines, slow.lines)
    assert (fast.lead, fast.ends, fast.last_end) == ("", slow.ends, slow.last_end)
    assert fast.line_end == slow.line_end


def test_regular_text_goes_the_fast_way_quoted_or_not():
    for text in ("a,b\n1,2\n", 'a,"b"\n"x y","say ""hi"""\n', "a,b\r\n1,2"):
        assert _split_regular(text, ",", 1) is not None
    for text in ("a,b\n1,2\n\n3,4\n", 'a,b\n"1,2",3\n', "a,b\n1\n", "a,b\r\n1,2\n3,4"):
        assert _split_regular(text, ",", 1) is None


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("delimiter", list(",;\t|"))
def test_delimiter_and_encoding_are_found(encoding, delimiter):
    text = f"image_name{delimiter}grid_x\r\nnuit étoilée{delimiter}0"
    file = DelimitedFile.from_bytes(encoded(text, encoding))
    assert file.values.to_dict("list") == {
        "image_name": ["nuit étoilée"],
        "grid_x": ["0"],
    }
    assert rewritten(encoded(text, encoding)) == encoded(text, encoding)


def test_bytes_that_are_no_utf8_are_latin1():
    data = "image_name,grid_x\nétoile,0\n".encode("latin-1")
    file = DelimitedFile.from_bytes(data)
    assert file.values["image_name"].tolist() == ["étoile"]
    assert "LATIN-1" in file.description
    assert rewritten(data) == data


def test_the_delimiter_is_the_one_that_names_the_grid():
    text = "a|b|c|d|e|image_name,grid_x\n1|2,3\n"
    file = DelimitedFile.from_bytes(text.encode())
    assert list(file.values.columns) == ["a|b|c|d|e|image_name", "grid_x"]


def test_a_line_break_in_a_quoted_cell_does_not_change_the_line_ends_of_the_file():
    data = b'image_name,note\na,"one\r\ntwo"\nb,x\n'
    assert rewritten(data) == data


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,2\r\n3,4\n", "\n\na,b\n\n1,2\n  \n3,4\n\n\n", "a,b\r1,2\r", "a,b\n1,2"],
)
def test_uneven_line_ends_and_blank_lines_stay(text):
    assert rewritten(text.encode()) == text.encode()


def test_rows_know_their_lines():
    file = DelimitedFile.from_bytes(b'\na,b\n"1\n1",2\n\n3,4\n5,6\n')
    rows = [file.describe_row(row) for row in range(3)]
    assert rows == ["line 3", "line 6", "line 7"]


@given(st.text(st.sampled_from('ab,"\n\r'), max_size=6))
def test_what_is_spelled_means_the_same(value):
    file = DelimitedFile.from_bytes(b"a,b\n")
    assert unquote(file.spell(value)) == value
    [row] = csv.reader(io.StringIO(f"x,{file.spell(value)}", newline=""))
    assert row == ["x", value]
