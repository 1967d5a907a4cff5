"""What an export holds: pixels, labels, weights, positions on the sky."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from napari_artifact_review import ReviewSession, export
from napari_artifact_review.cli import main
from napari_artifact_review.core import decoders
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.images.identity import cutout_id, pixel_identity
from tests.core.training.small import (
    NAMES,
    SIZE,
    contents,
    export_small,
    load,
    pixels_of,
)

COLUMNS = [
    "id", "image_name", "grid_x", "grid_y", "label", "label_old", "decision", "kind",
    "note", "reviewed_by", "reviewed_at", "weight", "split", "ra", "dec",
]  # fmt: skip


def at(table, name, x, y):
    """Return the row of a cutout, or None."""
    rows = table[
        (table["image_name"] == name) & (table["grid_x"] == x) & (table["grid_y"] == y)
    ]
    return None if rows.empty else rows.iloc[0]


def test_pixels_are_the_raw_pixels_of_the_session_row_by_row(survey, tmp_path):
    # Not sorted by image: the export is image by image.
    pd.read_csv(survey).sort_values(["grid_y", "image_name"]).to_csv(
        survey, index=False
    )
    export(survey, to=tmp_path / "out")
    cutouts, table, told = load(tmp_path / "out")
    assert cutouts.dtype == np.dtype("<f4")
    assert cutouts.shape == (36, 200, 200)
    assert list(table.columns) == COLUMNS
    with ReviewSession.open(survey, read_only=True) as session:
        for pixels, row in zip(cutouts, table.itertuples(), strict=True):
            full = fits.getdata(session.images.find(row.image_name))
            y, x = row.grid_y, row.grid_x
            np.testing.assert_array_equal(pixels, full[y : y + 200, x : x + 200])
            identity = pixel_identity(full)
            assert (
                row.id == cutout_id(identity, x, y, 200) == f"{identity}_x{x}_y{y}_s200"
            )
    assert told["cutouts"] == {"count": 36, "size": 200, "side": 200}
    names = table["image_name"].tolist()
    assert names == sorted(names, key=names.index)


def test_where_there_is_no_pixel_is_nan(small, tmp_path):
    export_small(small, tmp_path / "out", context=5)
    cutouts, table, _ = load(tmp_path / "out")
    assert cutouts.shape == (36, 30, 30)
    for pixels, row in zip(cutouts, table.itertuples(), strict=True):
        padded = np.pad(
            pixels_of(NAMES.index(row.image_name)), 5, constant_values=np.nan
        )
        y, x = row.grid_y, row.grid_x
        np.testing.assert_array_equal(pixels, padded[y : y + 30, x : x + 30])
    # The context changes no id.
    export_small(small, tmp_path / "narrow")
    assert load(tmp_path / "narrow")[1]["id"].tolist() == table["id"].tolist()


def test_labels_are_what_the_reviewer_decided(reviewed, tmp_path):
    done = export_small(reviewed, tmp_path / "out")
    _, table, told = load(tmp_path / "out")
    assert len(table) == 35
    first = at(table, "c0", 20, 0)
    assert (first["label"], first["label_old"], first["kind"]) == (1, 0, "trail")
    assert first["note"] == "bright “long”\r=1+1"
    assert (first["decision"], first["reviewed_by"]) == ("artifact", "ada")
    assert first["reviewed_at"].endswith("Z")
    # An unsure verdict leaves its cutout out, and an undone one does not count.
    assert at(table, "c1", 0, 20) is None
    assert at(table, "c2", 0, 0)[["label", "label_old"]].tolist() == [0, 1]
    undone = at(table, "c3", 40, 20)
    assert undone[["label", "decision", "kind"]].tolist() == [0, "", ""]
    assert at(table, "c4", 40, 0)[["label", "kind"]].tolist() == [1, "ghost"]
    assert (table["weight"] == 1).all()
    assert told["reviewers"] == {"ada": 3}
    assert told["counts"]["kind"] == {"ghost": 1, "trail": 1}
    assert told["counts"]["decision"] == {
        "artifact": 2, "no artifact": 1, "unsure": 0,
    }  # fmt: skip
    assert done.counts == told["counts"]
    assert sum(told["counts"]["outcome"].values()) == 35


@pytest.mark.parametrize(("unsure", "weight"), [("keep", 1.0), ("0.5", 0.5)])
def test_an_unsure_label_can_be_kept_with_a_weight(reviewed, tmp_path, unsure, weight):
    export_small(reviewed, tmp_path / "out", unsure=unsure)
    _, table, _ = load(tmp_path / "out")
    row = at(table, "c1", 0, 20)
    assert row[["label", "label_old", "decision", "weight"]].tolist() == [
        0, 0, "unsure", weight,
    ]  # fmt: skip
    assert (table["weight"] == 1).sum() == 35 + (weight == 1)


def test_only_reviewed_cutouts(reviewed, tmp_path):
    export_small(reviewed, tmp_path / "out", only="reviewed")
    table = load(tmp_path / "out")[1]
    assert table["image_name"].tolist() == ["c0", "c2", "c4"]
    export_small(reviewed, tmp_path / "out", only="reviewed", unsure="keep")
    assert load(tmp_path / "out")[1]["image_name"].tolist() == ["c0", "c1", "c2", "c4"]


def test_a_reviewed_table_exports_the_same_with_and_without_its_log(reviewed, tmp_path):
    export_small(reviewed, tmp_path / "log")
    with ReviewSession.open(reviewed, cutout_size=SIZE) as session:
        saved = session.save()
        log = session.store
    export_small(saved, tmp_path / "saved")
    tables = [load(tmp_path / name)[1] for name in ("log", "saved")]
    pd.testing.assert_frame_equal(*tables)
    (tmp_path / log).unlink()
    export_small(saved, tmp_path / "alone")
    pd.testing.assert_frame_equal(load(tmp_path / "alone")[1], tables[0])


def test_the_review_is_left_alone(reviewed, tmp_path):
    before = contents(tmp_path)
    export_small(reviewed, tmp_path / "out")
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert all(name in before or name.startswith("out/") for name in after)
    with ReviewSession.open(reviewed, cutout_size=SIZE) as session:
        # Another process may have the review open, and go on with it.
        export_small(reviewed, tmp_path / "out")
        session.set_label("artifact")


def test_labels_that_contradict_the_log_are_not_exported(reviewed, tmp_path):
    with ReviewSession.open(reviewed, cutout_size=SIZE) as session:
        saved = session.save()
    table = pd.read_csv(saved, dtype=str, keep_default_na=False)
    which = (table["image_name"] == "c0") & (table["grid_x"] == "20")
    table.loc[which & (table["grid_y"] == "0"), "label_new"] = "0"
    table.to_csv(saved, index=False, quoting=csv.QUOTE_ALL)
    with pytest.raises(ReviewError, match=r"verdicts disagree about 1 label\."):
        export_small(saved, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_positions_are_those_of_the_cutout_s_centre(small, tmp_path):
    export_small(small, tmp_path / "out", context=3)
    table = load(tmp_path / "out")[1]
    first = at(table, "c0", 0, 0)
    # The reference pixel 10.5 of FITS is 9.5 here, the centre of a cutout of 20.
    assert first[["ra", "dec"]].tolist() == pytest.approx([150, 2], abs=1e-12)
    assert at(table, "c0", 20, 0)["ra"] == pytest.approx(150 - 0.002, abs=1e-5)
    assert table[table["image_name"] == "c5"][["ra", "dec"]].isna().all(axis=None)
    lines = (tmp_path / "out" / "cutouts.csv").read_text().splitlines()
    assert lines[-1].endswith(',"",""')


def test_wild_pixels_are_exported_as_they_are(nan_image, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("image_name,grid_x,grid_y,label,preds\nwild,0,0,0,1\n")
    export_small(table, tmp_path / "out")
    [cutout], _, _ = load(tmp_path / "out")
    assert np.isnan(cutout[3, 4])
    assert cutout[5, 6] == cutout[7, 8] == np.inf
    assert np.isfinite(cutout).sum() == 397


def test_integers_of_each_kind_and_gzip(tmp_path):
    raw = np.arange(1600, dtype=np.uint16).reshape(40, 40) + 40_000
    fits.writeto(tmp_path / "u.fits", raw)
    with gzip.open(tmp_path / "v.fits.gz", "wb") as packed:
        packed.write((tmp_path / "u.fits").read_bytes())
    np.save(tmp_path / "w.npy", raw.astype(np.int64) + 1)
    lines = [f"{name},20,20,0,1" for name in "uvw"]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *lines]))
    done = export_small(table, tmp_path / "out")
    cutouts, loaded, _ = load(tmp_path / "out")
    expected = raw[20:, 20:].astype(np.float32)
    np.testing.assert_array_equal(cutouts, [expected, expected, expected + 1])
    assert loaded["id"].nunique() == 2
    assert any("u, v: these images are equal" in notice for notice in done.notices)
    assert loaded["split"].nunique() == 2


def test_the_hdu_of_the_review_or_another(tmp_path):
    images = [np.full((20, 20), value, dtype=np.float32) for value in (1, 2, 3)]
    for image in images:
        image[0, 0] = 0
    hdus = [fits.PrimaryHDU(images[0]), *map(fits.ImageHDU, images[1:])]
    hdus[2].name = "SCI"
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    table = tmp_path / "t.csv"
    table.write_text("image_name,grid_x,grid_y,label,preds\na,0,0,0,1\n")
    with ReviewSession.open(table, cutout_size=SIZE) as session:
        session.view_settings["hdus"] = {"a": 1}
        session.set_label("artifact")
    for options, value in (({}, 2), ({"hdu": 0}, 1), ({"hdu": "sci"}, 3)):
        export_small(table, tmp_path / "out", **options)
        [cutout], _, told = load(tmp_path / "out")
        assert cutout[1, 1] == value
        assert told["images"][0]["hdu"] == value - 1


def test_identity_by_column_by_keys_by_pixels_or_else_by_name(small, tmp_path):
    np.save(tmp_path / "flat.npy", np.ones((40, 60), dtype=np.float32))
    with small.open("a") as table:
        table.write("flat.npy,0,0,0,0,0.5,f9\n")
    done = export_small(small, tmp_path / "out")
    ids = load(tmp_path / "out")[1]["id"]
    digest = hashlib.sha256(b"flat.npy").hexdigest()[:16]
    assert ids.iloc[-1] == f"name-{digest}_x0_y0_s20"
    assert any(notice.startswith("flat.npy: its identity") for notice in done.notices)
    text = small.read_text().replace("flat.npy,0,0,0,0,0.5,f9\n", "")
    small.write_text(text)
    export_small(small, tmp_path / "two", image_key=("EXPNUM", "CCDNUM"))
    ids = load(tmp_path / "two")[1]["id"]
    assert ids.iloc[0] == "EXPNUM=100,CCDNUM=0_x0_y0_s20"
    frame = pd.read_csv(small)
    frame["image_id"] = "id " + frame["image_name"]
    frame.to_csv(small, index=False)
    export_small(small, tmp_path / "three", image_key=("EXPNUM",))
    assert load(tmp_path / "three")[1]["id"].iloc[0] == "id c0_x0_y0_s20"


def test_the_command_writes_the_same_as_python(reviewed, tmp_path, capsys):
    command = ["export", str(reviewed), "--to", str(tmp_path / "out")]
    command += ["--cutout-size", "20", "--context", "2", "--group", "field"]
    command += ["--split", "0.5,0.25,0.25", "--unsure", "0.5", "--seed", "3"]
    assert main(command) == 0
    out, _ = capsys.readouterr()
    assert out.startswith(f"36 cutouts written to {tmp_path / 'out'}: train ")
    export_small(
        reviewed,
        tmp_path / "same",
        context=2,
        group="field",
        split=(0.5, 0.25, 0.25),
        unsure="0.5",
        seed=3,
    )
    for file in (tmp_path / "out").iterdir():
        assert file.read_bytes() == (tmp_path / "same" / file.name).read_bytes()
    told = json.loads((tmp_path / "out/export.json").read_text())
    assert told["options"]["split"] == [0.5, 0.25, 0.25]
    assert told["table"]["name"] == "predictions.csv"


def test_an_export_says_with_what_it_was_made(reviewed, tmp_path):
    export_small(reviewed, tmp_path / "out")
    told = load(tmp_path / "out")[2]
    assert told["versions"]["napari-artifact-review"]
    assert told["versions"]["numpy"] == np.__version__
    assert told["threshold"] is None
    assert len(told["images"]) == 6
    assert {image["split"] for image in told["images"]} == {
        "train", "validation", "test",
    }  # fmt: skip
    assert str(tmp_path) not in json.dumps(told)


@pytest.mark.parametrize("context", [pytest.param(0, marks=pytest.mark.exhaustive), 7])
@pytest.mark.parametrize("packed", [False, True])
def test_an_image_that_is_read_tile_by_tile(
    small, tmp_path, monkeypatch, context, packed
):
    frame = pd.read_csv(small)
    # Cutouts that begin before the image, also in a row with others.
    more = [{**frame.iloc[0], "grid_x": x, "grid_y": y} for x, y in ((-7, 0), (50, -9))]
    pd.concat([pd.DataFrame(more), frame]).to_csv(small, index=False)
    export_small(small, tmp_path / "whole", context=context)
    if packed:
        for name in NAMES:
            pixels, header = fits.getdata(tmp_path / f"{name}.fits", header=True)
            hdu = fits.CompImageHDU(pixels.astype(np.int16), header)
            hdu.writeto(tmp_path / f"{name}.fits.fz")
            (tmp_path / f"{name}.fits").unlink()
    monkeypatch.setattr(decoders, "MOST_PIXELS_AT_ONCE", 1000)
    done = export_small(small, tmp_path / "tiles", context=context)
    if not packed:
        np.testing.assert_array_equal(
            load(tmp_path / "tiles")[0], load(tmp_path / "whole")[0]
        )
    assert len(load(tmp_path / "tiles")[0]) == 38
    assert all(one.startswith("name-") for one in done.table["id"])
    assert sum("read tile by tile" in notice for notice in done.notices) == 6


def test_a_review_of_another_cutout_size_is_not_exported(small, tmp_path, capsys):
    with ReviewSession.open(small, cutout_size=SIZE) as session:
        session.set_label("artifact")
        session.save()
    for reviewed in (small, session.output):
        command = ["export", str(reviewed), "--to", str(tmp_path / "out")]
        assert main([*command, "--cutout-size", "10"]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert f"{session.output}" in line
        assert "the review has cutouts of 20 px" in line
        assert not (tmp_path / "out").exists()
    assert main([*command, "--cutout-size", str(SIZE)]) == 0


def test_a_table_without_a_review_is_exported_in_any_size(small, tmp_path):
    export(small, to=tmp_path / "out", cutout_size=10)
    assert load(tmp_path / "out")[0].shape[1:] == (10, 10)
