"""Embeddings from any of the files are joined to the rows of the table by cutout."""

from __future__ import annotations

import os
import pickle
import re
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.learning import embedding_files
from napari_artifact_review.core.learning.embeddings import read_embeddings
from napari_artifact_review.core.tables.reading import read_predictions

WIDTH = 5
COUNT = 12
#: The cutouts of the table, in its order.
CUTOUTS = [(n, x, y) for n in ("b", "a", "c") for x in (200, 0) for y in (0, 200)]
assert len(CUTOUTS) == COUNT


def table_of(folder, cutouts=CUTOUTS):
    path = Path(folder) / "table.csv"
    rows = [f"{name},{x},{y},0,1" for name, x, y in cutouts]
    path.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *rows]) + "\n")
    return read_predictions(path)


@pytest.fixture
def table(tmp_path):
    return table_of(tmp_path)


def cutouts_frame(cutouts=CUTOUTS):
    return pd.DataFrame(cutouts, columns=["image_name", "grid_x", "grid_y"])


def vectors_of(count=COUNT, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(dtype)


def lists(vectors, kind="list"):
    flat = pa.array(vectors.ravel())
    if kind == "fixed":
        return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    offsets = np.arange(0, vectors.size + 1, vectors.shape[1])
    if kind == "large":
        return pa.LargeListArray.from_arrays(pa.array(offsets), flat)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)


def write(path, form, vectors, cutouts=CUTOUTS):
    """Write embeddings in one of the forms; return what the user names."""
    frame = cutouts_frame(cutouts)
    if form == "npy":
        np.save(path.with_suffix(".npy"), vectors)
        frame.to_csv(path.with_suffix(".csv"), index=False)
        return path.with_suffix(".npy")
    keys = {name: frame[name].to_numpy() for name in frame}
    if form == "columns":
        columns = {f"e{at}": vectors[:, at] for at in range(vectors.shape[1])}
    else:
        kind = "fixed" if form == "folder" else form
        columns = {"embedding": lists(vectors, kind)}
    whole = pa.table({**keys, **columns})
    if form == "folder":
        path.mkdir()
        half = len(frame) // 2
        pq.write_table(whole[:half], path / "one.parquet")
        pq.write_table(whole[half:], path / "two.parquet")
        (path / ".hidden.parquet").touch()
        return path
    pq.write_table(whole, path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


FORMS = ["list", "large", "fixed", "columns", "npy", "folder"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16])
def test_any_form_gives_the_rows_of_the_table(tmp_path, table, form, dtype):
    vectors = (vectors_of() * 100).astype(dtype)
    shuffle = np.random.default_rng(1).permutation(len(CUTOUTS))
    cutouts = [CUTOUTS[at] for at in shuffle]
    place = write(tmp_path / "e", form, vectors[shuffle], cutouts)
    found = read_embeddings(place, table)
    expected = np.float16 if dtype == np.float16 else np.float32
    assert found.vectors.dtype == expected
    np.testing.assert_array_equal(found.vectors, vectors.astype(expected))
    assert (found.missing, found.unknown) == (0, 0)


@given(st.data())
def test_it_is_what_a_dictionary_gives(data):
    cutout = st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([-200, 0, 2, 200, 2**62]),
        st.sampled_from([0, 1, 200]),
    )
    known, given_ = (
        data.draw(st.lists(cutout, min_size=1, max_size=12, unique=True))
        for _ in range(2)
    )
    form = data.draw(st.sampled_from(FORMS))
    vectors = vectors_of(len(given_))
    expected = dict(zip(given_, vectors, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        table = table_of(folder, known)
        place = write(Path(folder) / "e", form, vectors, given_)
        if set(known).isdisjoint(given_):
            with pytest.raises(ReviewError, match="is in the table"):
                read_embeddings(place, table)
            return
        found = read_embeddings(place, table)
    nothing = np.full(WIDTH, np.nan, np.float32)
    rows = [expected.get(each, nothing) for each in known]
    np.testing.assert_array_equal(found.vectors, np.array(rows))
    assert found.missing == len(set(known) - set(given_))
    assert found.unknown == len(set(given_) - set(known))


def test_the_digest_is_of_the_numbers_and_not_of_the_file(tmp_path, table):
    vectors = vectors_of()
    digests = set()
    for form in FORMS:
        place = write(tmp_path / form, form, vectors)
        digests.add(read_embeddings(place, table).digest)
    assert len(digests) == 1
    others = [vectors.astype(np.float16), vectors_of(seed=1), vectors[:, :4]]
    for at, other in enumerate(others):
        place = write(tmp_path / f"other{at}", "list", other)
        digests.add(read_embeddings(place, table).digest)
    assert len(digests) == 4


def test_small_batches_give_the_same(tmp_path, table, monkeypatch):
    monkeypatch.setattr(embedding_files, "_BATCH_BYTES", 1)
    for form in FORMS:
        place = write(tmp_path / form, form, vectors_of())
        found = read_embeddings(place, table)
        np.testing.assert_array_equal(found.vectors, vectors_of())


@pytest.mark.parametrize("form", FORMS)
def test_a_row_with_a_missing_number_has_no_embeddings(tmp_path, table, form):
    vectors = vectors_of()
    vectors[2, 1] = np.nan
    vectors[4] = np.nan
    found = read_embeddings(write(tmp_path / "e", form, vectors), table)
    assert found.missing == 2
    is_missing = np.isnan(found.vectors)
    assert np.flatnonzero(is_missing.any(axis=1)).tolist() == [2, 4]
    assert is_missing[[2, 4]].all()


def test_nulls_are_missing(tmp_path, table):
    frame = cutouts_frame()
    cells = [list(map(float, row)) for row in vectors_of()]
    cells[0], cells[3][1] = None, None
    for at, kind in enumerate((pa.list_(pa.float32()), pa.list_(pa.float32(), WIDTH))):
        column = pa.array(cells, kind)
        path = tmp_path / f"{at}.parquet"
        keys = {name: frame[name].to_numpy() for name in frame}
        pq.write_table(pa.table({**keys, "e": column}), path)
        found = read_embeddings(path, table)
        assert np.flatnonzero(np.isnan(found.vectors[:, 0])).tolist() == [0, 3]
        np.testing.assert_array_equal(found.vectors[1], vectors_of()[1])


def test_columns_in_another_notation_and_others_beside_a_list(tmp_path, table):
    frame = cutouts_frame().rename(columns={"image_name": "Image Name"})
    frame["grid_x"] = frame["grid_x"].astype(float)
    frame["split"], frame["e"] = "train", list(vectors_of())
    frame.to_parquet(tmp_path / "e.parquet")
    found = read_embeddings(tmp_path / "e.parquet", table)
    np.testing.assert_array_equal(found.vectors, vectors_of())


def test_other_names_of_the_images_are_found(tmp_path, table):
    cutouts = [(f"/data/{name}.fits", x, y) for name, x, y in CUTOUTS]
    place = write(tmp_path / "e", "list", vectors_of(), cutouts)
    assert read_embeddings(place, table).missing == 0


def frame_with(**columns):
    return cutouts_frame().assign(**columns)


WRONG = {
    "no column grid_x": lambda: frame_with(e=list(vectors_of())).drop(columns="grid_x"),
    "no column has embeddings": cutouts_frame,
    "the column split is not numeric": lambda: frame_with(e=1.0, split="train"),
    "the column e is not numeric": lambda: frame_with(e=[["x"]] * len(CUTOUTS)),
    "the column Label is about labels": lambda: frame_with(e=1.0, Label=1),
    "more than one column has lists": lambda: frame_with(
        e=list(vectors_of()), f=list(vectors_of())
    ),
    "row 3, column e: the list has 2 numbers, and an earlier one 1": lambda: frame_with(
        e=[[1.0]] * 3 + [[1.0, 2.0]] * (len(CUTOUTS) - 3)
    ),
    "row 1, column image_name: the image name is empty": lambda: frame_with(
        e=1.0, image_name=["a", "", *["b"] * (len(CUTOUTS) - 2)]
    ),
    "column grid_y: a cell is not a whole number": lambda: frame_with(
        e=1.0, grid_y=0.5
    ),
    "column grid_x: a cell is not a whole number": lambda: frame_with(
        e=1.0, grid_x=["0", *["x"] * (len(CUTOUTS) - 1)]
    ),
    r"cutout b \(200, 0\): the cutout has more than one row": lambda: pd.concat(
        [frame_with(e=1.0), frame_with(e=2.0)]
    ),
    r"cutout b \(200, 0\): an embedding is infinite": lambda: frame_with(e=np.inf),
    r"cutout b \(200, 0\): .* too large for 32 bits": lambda: frame_with(e=1e300),
    "none of its 12 cutouts is in the table": lambda: frame_with(e=1.0, image_name="z"),
}


@pytest.mark.parametrize("told", WRONG)
def test_a_wrong_parquet_file_is_one_error(tmp_path, table, told):
    path = tmp_path / "e.parquet"
    WRONG[told]().to_parquet(path, index=False)
    with pytest.raises(ReviewError, match=told) as error:
        read_embeddings(path, table)
    assert error.value.path == path
    assert error.value.remedy


@pytest.mark.parametrize(
    ("array", "cutouts", "told"),
    [
        (np.zeros(12), CUTOUTS, r"the array has the shape \(12,\)"),
        (np.zeros((12, 0)), CUTOUTS, r"the array has the shape \(12, 0\)"),
        (np.zeros((12, 3), "U3"), CUTOUTS, "the array is not numeric"),
        (np.zeros((12, 3), complex), CUTOUTS, "the array is not numeric"),
        (np.full((12, 3), None), CUTOUTS, "cannot be read"),
        (np.zeros((12, 3)), CUTOUTS[:-1], r"12 rows, and e\.csv has 11"),
        (np.zeros((12, 3)), None, r"there is no table e\.csv"),
        (np.zeros((12, 3)), [("a", "x", 0)] * 12, "line 2, column grid_x"),
        (np.zeros((12, 3)), [CUTOUTS[0]] * 12, "more than one row of embeddings"),
    ],
)
def test_a_wrong_array_is_one_error(tmp_path, table, array, cutouts, told):
    np.save(tmp_path / "e.npy", array, allow_pickle=True)
    if cutouts is not None:
        cutouts_frame(cutouts).to_csv(tmp_path / "e.csv", index=False)
    with pytest.raises(ReviewError, match=told):
        read_embeddings(tmp_path / "e.npy", table)


class Touch:
    """An object that makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_what_is_pickled_is_never_run(tmp_path, table):
    path, trace = tmp_path / "e.npy", tmp_path / "trace"
    cutouts_frame().to_csv(tmp_path / "e.csv", index=False)
    path.write_bytes(pickle.dumps(Touch(trace)))
    with pytest.raises(ReviewError, match="cannot be read"):
        read_embeddings(path, table)
    assert not trace.exists()


def test_a_place_without_embeddings_is_one_error(tmp_path, table):
    (tmp_path / "folder").mkdir()
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 and nothing else")
    (tmp_path / "damaged.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "e.h5").touch()
    for name, told in (
        ("none.parquet", "no embeddings here"),
        ("folder", "no Parquet files"),
        ("damaged.parquet", "cannot be read"),
        ("damaged.npy", "cannot be read"),
        ("e.h5", r"suffix '\.h5'"),
    ):
        with pytest.raises(ReviewError, match=re.escape(name)) as error:
            read_embeddings(tmp_path / name, table)
        assert re.search(told, str(error.value))


@pytest.mark.parametrize(
    ("vectors", "told"),
    [
        (vectors_of()[:, :4], "4 embeddings for a cutout, and 5 in e0.parquet"),
        (vectors_of(dtype=np.float16), "another type"),
    ],
)
def test_the_files_of_a_folder_agree(tmp_path, table, vectors, told):
    folder = tmp_path / "e"
    folder.mkdir()
    write(folder / "e0", "list", vectors_of()[:6], CUTOUTS[:6])
    write(folder / "e1", "list", vectors[6:], CUTOUTS[6:])
    with pytest.raises(ReviewError, match=told):
        read_embeddings(folder, table)


def test_a_cutout_in_two_files_is_an_error(tmp_path, table):
    folder = tmp_path / "e"
    folder.mkdir()
    write(folder / "e0", "list", vectors_of()[:6], CUTOUTS[:6])
    write(folder / "e1", "list", vectors_of()[5:], CUTOUTS[5:])
    with pytest.raises(ReviewError, match=r"e1\.parquet, cutout a .*more than one row"):
        read_embeddings(folder, table)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("name", ["e.parquet", "e.npy", "folder/e.parquet"])
def test_a_pipe_instead_of_embeddings_is_refused_at_once(tmp_path, name):
    pipe = tmp_path / name
    pipe.parent.mkdir(exist_ok=True)
    os.mkfifo(pipe)
    place = pipe.parent if pipe.parent != tmp_path else pipe
    with pytest.raises(ReviewError, match="this is not a regular file") as caught:
        embedding_files.open_embeddings(place)
    assert caught.value.path == pipe
