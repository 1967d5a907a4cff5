"""Parquet and FITS tables: types, nulls, units and other HDUs stay."""

from __future__ import annotations

import gzip
import io
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table

from napari_artifact_review.core.errors import SaveError, TableError
from napari_artifact_review.core.review.check import check_review
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.ecsv import EcsvFile
from napari_artifact_review.core.tables.fits_tables import FitsTableFile
from napari_artifact_review.core.tables.parquet_tables import ParquetFile
from napari_artifact_review.core.tables.reading import read_predictions
from napari_artifact_review.core.tables.table_formats import read_table_file
from napari_artifact_review.report.page import make_page

ADDED = ["error_id", "label_new", "reviewed_by", "reviewed_at"]
ADDED += ["decision", "kind", "note"]


def saved(path, name, reviewer="me"):
    output = path.with_name(name)
    session = ReviewSession.open(path, output=output, reviewer=reviewer)
    session.set_label("artifact")
    session.save()
    return output


def arrow_table() -> pa.Table:
    columns = {
        "image_name": pa.array(["a", "a", "b"]).dictionary_encode(),
        "grid_x": pa.array([0, 200, 0], pa.int16()),
        "grid_y": pa.array([0, 0, 0], pa.uint8()),
        "label": pa.array([0.0, 1.0, 0.0], pa.float32()),
        "preds": pa.array([True, True, True]),
        "confidence": pa.array([0.97, None, float("nan")]),
        "seen": pa.array([1, None, 3], pa.timestamp("ns", tz="UTC")),
        "bits": pa.array([[1], None, []], pa.list_(pa.int8())),
    }
    schema = pa.schema(
        [
            pa.field(name, array.type, metadata={"unit": name})
            for name, array in columns.items()
        ],
        metadata={"survey": "north"},
    )
    return pa.table(list(columns.values()), schema=schema)


def test_parquet_keeps_types_nulls_and_metadata(tmp_path):
    path = tmp_path / "in.parquet"
    pq.write_table(arrow_table(), path)
    before, after = pq.read_table(path), pq.read_table(saved(path, "out.parquet"))
    assert after.column_names == [*before.column_names, *ADDED]
    assert after.schema.metadata[b"survey"] == b"north"
    for i, field in enumerate(before.schema):
        assert after.schema.field(i).equals(field, check_metadata=True)
        assert str(after.column(i).to_pylist()) == str(before.column(i).to_pylist())
    assert after["label_new"].type == pa.float32()
    assert after["label_new"].to_pylist() == [1.0, 1.0, 0.0]
    assert after["error_id"].to_pylist() == [1, None, 2]


def test_pandas_reads_a_saved_parquet_table(tmp_path):
    path = tmp_path / "in.parquet"
    frame = pd.DataFrame(
        {"image_name": ["a"], "grid_x": [0], "grid_y": [0], "label": [0], "preds": [1]},
        index=pd.Index([7], name="key"),
    )
    frame.to_parquet(path)
    after = pd.read_parquet(saved(path, "out.parquet"))
    pd.testing.assert_frame_equal(after[frame.columns], frame)
    assert after["label_new"].tolist() == [1]


def fits_table(path) -> None:
    columns = [
        fits.Column("image_name", "6A", array=["a", "a", "b"]),
        fits.Column("grid_x", "J", unit="pix", array=[0, 200, 0]),
        fits.Column("grid_y", "I", array=[0, 0, 0]),
        fits.Column("label", "L", array=[False, True, False]),
        fits.Column("preds", "B", array=[1, 1, 1]),
        fits.Column("confidence", "E", disp="F8.4", array=[0.97, 0.99, np.nan]),
        fits.Column("night", "J", null=-99, array=[1, -99, 3]),
        fits.Column("vector", "3E", array=np.arange(9).reshape(3, 3)),
        fits.Column("unsigned", "J", bzero=2**31, array=np.array([1, 2, 2**31 + 5])),
        fits.Column("listed", "PJ()", array=np.array([[1], [1, 2], []], dtype=object)),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="PREDICTIONS")
    table.header["SURVEY"] = ("north", "which one")
    image = fits.ImageHDU(np.arange(4.0).reshape(2, 2), name="OTHER")
    fits.HDUList([fits.PrimaryHDU(), image, table]).writeto(path)


@pytest.mark.parametrize("name", ["out.fits", "out.fits.gz"])
def test_fits_keeps_columns_cards_and_other_hdus(tmp_path, name):
    path = tmp_path / "in.fits"
    fits_table(path)
    output = saved(path, name)
    assert output.read_bytes().startswith(b"\x1f\x8b") == name.endswith("gz")
    with fits.open(path) as before, fits.open(output) as after:
        assert [hdu.name for hdu in after] == [hdu.name for hdu in before]
        np.testing.assert_array_equal(after["OTHER"].data, before["OTHER"].data)
        old, new = before["PREDICTIONS"], after["PREDICTIONS"]
        assert new.columns.names == [*old.columns.names, *ADDED]
        assert new.header["SURVEY"] == "north"
        for column in old.columns:
            same = new.columns[column.name]
            for attribute in ("format", "unit", "null", "disp", "bzero"):
                assert getattr(same, attribute) == getattr(column, attribute)
            for cell, kept in zip(
                old.data[column.name], new.data[column.name], strict=True
            ):
                np.testing.assert_array_equal(kept, cell)
        assert new.data["label_new"].tolist() == [True, True, False]
    assert Table.read(output, hdu="PREDICTIONS")["error_id"].tolist() == [1, None, 2]
    resumed = ReviewSession.open(output)
    assert resumed.progress == (1, 2)
    assert resumed.catalog.cutout(2).confidence is None


def test_saving_a_resumed_fits_table_replaces_its_columns(tmp_path):
    path = tmp_path / "in.fits"
    fits_table(path)
    session = ReviewSession.open(saved(path, "one.fits"), output=tmp_path / "two.fits")
    session.next()
    session.set_label("artifact")
    with fits.open(session.save()) as hdus:
        data = hdus["PREDICTIONS"].data
        assert data.names[-7:] == ADDED
        assert data["label_new"].tolist() == [True, True, True]
        assert [bool(text) for text in data["reviewed_at"]] == [True, False, True]


@pytest.mark.parametrize("source", ["in.csv", "in.parquet", "in.fits", "in.ecsv"])
@pytest.mark.parametrize(
    "target",
    ["o.csv", "o.csv.gz", "o.tsv", "o.parquet", "o.fits", "o.fits.gz", "o.ecsv"],
)
def test_every_format_can_be_saved_as_every_other_and_resumed(tmp_path, source, target):
    path = tmp_path / source
    frame = pd.DataFrame(
        {
            "image_name": ["a", "b"],
            "grid_x": [0, 200],
            "grid_y": [0, 0],
            "label": [0, 1],
            "preds": [1, 0],
            "confidence": [0.97, 0.2],
            "remark": ["x y", "z"],
        }
    )
    if source.endswith("csv") and "e" not in source:
        frame.to_csv(path, index=False)
    elif source.endswith("parquet"):
        frame.to_parquet(path)
    else:
        Table.from_pandas(frame).write(path)
    session = ReviewSession.open(saved(path, target))
    assert session.progress == (1, 2)
    table = session.table
    assert table["remark"].tolist() == ["x y", "z"]
    assert table["confidence"].astype(float).tolist() == [0.97, 0.2]
    assert table["label_new"].tolist() == [1, 1]


def test_a_masked_image_name_is_a_fault_with_its_row(tmp_path):
    path = tmp_path / "in.parquet"
    pq.write_table(
        pa.table(
            {"image_name": ["a", None], "grid_x": [0, 0], "grid_y": [0, 0],
             "label": [0, 0], "preds": [0, 0]}
        ),
        path,
    )  # fmt: skip
    with pytest.raises(TableError, match="row 2, column image_name"):
        read_predictions(path)


def damaged() -> dict[str, bytes]:
    buffer = io.BytesIO()
    pq.write_table(arrow_table(), buffer)
    other = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((2, 2)))]).writeto(other)
    return {
        "cut.parquet": buffer.getvalue()[:-9],
        "no-table.fits": other.getvalue(),
        "cut.fits": other.getvalue()[:100],
        "cut.fits.gz": gzip.compress(other.getvalue())[:-9],
    }


@pytest.mark.parametrize("name", damaged())
def test_a_damaged_file_is_a_fault(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(damaged()[name])
    with pytest.raises(TableError, match=name):
        read_predictions(path)


@pytest.mark.parametrize(
    "kind",
    [
        *(pa.string_view(), pa.binary_view(), pa.large_string()),
        *(pa.binary(), pa.large_binary(), pa.binary(3)),
    ],
    ids=str,
)
def test_texts_of_every_arrow_type_are_read_and_written_back(tmp_path, kind):
    def texts(*values):
        width = kind.byte_width if pa.types.is_fixed_size_binary(kind) else 0
        is_bytes = "binary" in str(kind)
        encoded = [value.encode().ljust(width, b"\0") for value in values]
        return pa.array(encoded if is_bytes else list(values), kind)

    columns = {
        "image_name": texts("a", "a", "é"),
        "grid_x": pa.array([0, 200, 0]),
        "grid_y": pa.array([0, 0, 0]),
        "label": texts("0", "1", "0"),
        "preds": pa.array([1, 1, 1]),
        "thumbnail": pa.array([b"\xff\0", None, b"x"]),
    }
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table(columns), path)
    found = read_predictions(path)
    assert found.image_names == ("a", "é")
    assert found.label.tolist() == [0, 1, 0]
    first = saved(path, "out.parquet")
    # A resumed review replaces its columns.
    with ReviewSession.open(path, output=first, reviewer="me") as session:
        session.select("a", 0, 0)
        session.set_label("no artifact")
        session.save()
    before, after = pq.read_table(path), pq.read_table(first)
    assert after.column_names == [*before.column_names, *ADDED]
    for name in columns:
        assert after[name].equals(before[name])
    label_new = after["label_new"].cast(pa.large_binary()).to_pylist()
    assert [int(value) for value in label_new] == [0, 1, 0]


def test_a_replaced_column_of_bytes_stays_one(tmp_path):
    path = tmp_path / "in.parquet"
    table = arrow_table().append_column(
        "label_new", pa.array([b"0", b"1", b"0"], pa.binary_view())
    )
    pq.write_table(table, path)
    after = pq.read_table(saved(path, "out.parquet"))
    assert after["label_new"].type == pa.binary_view()
    assert after["label_new"].to_pylist() == [b"1", b"1", b"0"]


def test_parquet_with_a_column_twice_is_a_fault(tmp_path):
    path = tmp_path / "in.parquet"
    table = arrow_table()
    pq.write_table(table.append_column("label", table["label"]), path)
    with pytest.raises(TableError, match="label"):
        read_predictions(path)


def test_what_fits_cannot_spell_is_refused_and_nothing_is_left(tmp_path):
    path = tmp_path / "in.fits"
    fits_table(path)
    with pytest.raises(SaveError, match="has no 'é'"):
        saved(path, "out.fits", reviewer="René")
    log = "out.fits.review.sqlite"
    left = {p.name for p in tmp_path.iterdir()} - {log, f"{log}.lock"}
    assert left == {"in.fits"}


def rewritten(path, **edits) -> io.BytesIO:
    stream = io.BytesIO()
    columns = {name: pd.Series(cells) for name, cells in edits.items()}
    read_table_file(path).write(stream, columns)
    stream.seek(0)
    return stream


def test_parquet_keeps_columns_of_one_name_and_without_a_name(tmp_path):
    path = tmp_path / "in.parquet"
    arrays = [pa.array(cells) for cells in ([1], ["a"], [True], [0.5], [7])]
    table = pa.table(arrays, names=["x", "x", "", "", "label"])
    pq.write_table(table, path)
    assert read_table_file(path).values.iloc[0].tolist() == [1, "a", True, 0.5, 7]
    assert pq.ParquetFile(rewritten(path)).read().equals(table)
    repeated = pq.ParquetFile(rewritten(path, x=[3])).read()
    assert repeated.column_names == [*table.column_names, "x"]
    changed = pq.ParquetFile(rewritten(path, label=[8], new=[9])).read()
    assert changed.column_names == [*table.column_names, "new"]
    assert [column.to_pylist() for column in changed.columns] == [
        *([each.to_pylist()[0]] for each in arrays[:4]),
        [8],
        [9],
    ]


def repeated_fits(path) -> bytes:
    """Write a table in which two columns have one name and two have no name."""
    names = ["x1", "x2", "none1", "none2", "label"]
    columns = [fits.Column(name, "J", array=[i]) for i, name in enumerate(names)]
    fits.BinTableHDU.from_columns(columns).writeto(path)
    data = path.read_bytes()
    for number in (1, 2):
        data = data.replace(b"'x%d      '" % number, b"'x       '")
    data = data.replace(b"'none1   '", b"'        '")
    data = data.replace(b"TTYPE4  =", b"SURVEY  =")
    path.write_bytes(data)
    return data


def test_fits_keeps_columns_of_one_name_and_without_a_name(tmp_path):
    path = tmp_path / "in.fits"
    data = repeated_fits(path)
    values = read_table_file(path).values
    assert list(values.columns) == ["x", "x", "", "", "label"]
    assert values.iloc[0].tolist() == [0, 1, 2, 3, 4]
    assert rewritten(path).read() == data
    with fits.open(rewritten(path, x=[3])) as hdus:
        assert hdus[1].columns.names == ["x", "x", None, None, "label", "x"]
    changed = rewritten(path, label=[8], new=[9]).read()
    with fits.open(io.BytesIO(changed)) as hdus:
        assert hdus[1].columns.names == ["x", "x", None, None, "label", "new"]
        assert hdus[1].header["SURVEY"] == "none2"
        begin = hdus[1].fileinfo()["datLoc"]
    row = np.frombuffer(changed, np.uint8, 32, begin).tobytes()
    cells = [*zip(range(4), [4] * 4, strict=True), (8, 8), (9, 8)]
    assert row == b"".join(value.to_bytes(size, "big") for value, size in cells)


def test_a_fits_column_without_a_name_is_kept(tmp_path):
    path = tmp_path / "in.fits"
    fits_of_tables(path, ["label", "none"])
    path.write_bytes(path.read_bytes().replace(b"'none    '", b"'        '"))
    assert list(read_table_file(path).values.columns) == ["label", ""]
    assert rewritten(path).read() == path.read_bytes()


@pytest.mark.parametrize(
    ("names", "form", "what"),
    [
        (["x", "x"], ParquetFile, "more than one column is named 'x'"),
        (["x", "x"], FitsTableFile, "more than one column is named 'x'"),
        (["x", "x"], EcsvFile, "more than one column is named 'x'"),
        (["x", ""], FitsTableFile, "a column has no name"),
        (["x", ""], EcsvFile, "a column has no name"),
    ],
)
def test_names_that_a_format_cannot_hold_are_refused(names, form, what):
    with pytest.raises(SaveError, match=what) as caught:
        form.from_values(pd.DataFrame([[1, 2]], columns=names))
    assert ".csv" in caught.value.remedy


def fits_of_tables(path, *tables: list[str], ascii_table: bool = False) -> None:
    hdus = [
        fits.TableHDU.from_columns(
            [fits.Column(name, "I4", array=[number], ascii=True) for name in names]
        )
        if ascii_table
        else fits.BinTableHDU.from_columns(
            [fits.Column(name, "J", array=[number] * bool(names)) for name in names]
        )
        for number, names in enumerate(tables)
    ]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)


def test_the_fits_table_is_the_first_with_most_wanted_columns(tmp_path):
    path = tmp_path / "in.fits"
    fits_of_tables(path, ["a", "label"], ["GRID_X", "Label"], ["grid_x", "label"])
    assert list(read_table_file(path).values.columns) == ["GRID_X", "Label"]
    assert list(read_table_file(path, ["a"]).values.columns) == ["a", "label"]


@pytest.mark.parametrize("ascii_table", [False, True])
def test_a_fits_table_without_wanted_columns_is_read(tmp_path, ascii_table):
    path = tmp_path / "in.fits"
    fits_of_tables(path, ["img", "x"], ["y"], ascii_table=ascii_table)
    assert list(read_table_file(path).values.columns) == ["img", "x"]


def test_a_fits_table_with_rows_comes_before_one_without(tmp_path):
    path = tmp_path / "in.fits"
    empty = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[])])
    full = fits.BinTableHDU.from_columns([fits.Column("b", "J", array=[1])])
    fits.HDUList([fits.PrimaryHDU(), empty, full]).writeto(path)
    assert list(read_table_file(path).values.columns) == ["b"]
    assert list(read_table_file(path, ["A"]).values.columns) == ["a"]


def test_a_notice_says_which_of_several_fits_tables_was_read(tmp_path):
    path = tmp_path / "in.fits"
    columns = [
        fits.Column("image_name", "1A", array=["a"]),
        *(fits.Column(name, "J", array=[0]) for name in ("grid_x", "grid_y", "label")),
        fits.Column("preds", "J", array=[1]),
    ]
    other = fits.BinTableHDU.from_columns([fits.Column("b", "J", array=[1])])
    found = fits.BinTableHDU.from_columns(columns, name="PREDS")
    np.save(tmp_path / "a.npy", np.zeros((4, 4)))
    for before, after in (([], []), ([other], [other.copy()]), ([], [other])):
        hdus = [fits.PrimaryHDU(), *before, found, *after]
        fits.HDUList(hdus).writeto(path, overwrite=True)
        others = len(before + after)
        expected = (
            f"The table that was read is HDU {1 + len(before)} (PREDS); the file has "
            f"{others} other table{'s'[: others - 1]}, which a save keeps."
        )
        summary, faults = check_review(path, cutout_size=4)
        assert not faults
        assert summary.splitlines()[1:] == [expected] * (others > 0)
        with ReviewSession.open(path, cutout_size=4, read_only=True) as session:
            assert (expected in session.notices) == (others > 0)
            facts = make_page(session, date(2026, 1, 1))
            assert (expected in facts) == (others > 0)
