"""Descriptions of whole images, from the files to the parts and back."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from threadpoolctl import threadpool_limits

from napari_artifact_review import ReviewSession, TableMapping, describe
from napari_artifact_review.cli import main
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.learning import descriptors
from napari_artifact_review.core.learning.embeddings import read_embeddings
from napari_artifact_review.core.tables.reading import read_predictions
from tests.core.training.describing.conftest import bytes_of


def run(images, folder, *options):
    """Run the command in this process, and return its exit status."""
    given = [*map(str, images)] if isinstance(images, list) else [str(images)]
    arguments = ["describe", *given, "--output", str(folder), "--jobs", "1"]
    return main([*arguments, *map(str, options)])


def described_by_hand(images, table, size):
    """Return the descriptors of the cutouts of a table, in the order of its rows."""
    rows = pd.Series(index=table.index, dtype=object)
    for name, own in table.sort_values(["grid_y", "grid_x"]).groupby("image_name"):
        pixels = fits.getdata(images / f"{name}.fits")
        corners = (own[axis].to_numpy() for axis in ("grid_x", "grid_y"))
        # Rounding depends on the number of threads.
        with threadpool_limits(1):
            found = descriptors.describe_cutouts(pixels, *corners, size)
        rows[own.index] = list(found)
    return np.stack(rows)


def whole_cutouts(size, stride):
    corners = [
        (name, x, y)
        for name in ("north", "south", "west")
        for y in range(0, 600 - size + 1, stride)
        for x in range(0, 800 - size + 1, stride)
    ]
    return pd.DataFrame(corners, columns=["image_name", "grid_x", "grid_y"])


def read(folder):
    """Return the cutouts and descriptors in a folder, in the order of the images."""
    parts = [pq.read_table(path).to_pandas() for path in folder.glob("*.parquet")]
    parts.sort(key=lambda part: part.image_name[0])
    frame = pd.concat(parts, ignore_index=True)
    return frame[["image_name", "grid_x", "grid_y"]], np.stack(frame.descriptors)


@pytest.mark.parametrize(("size", "stride"), [(200, None), (150, 100), (600, 50)])
def test_all_whole_cutouts_are_described(images, folder, size, stride):
    result = describe(images, folder, cutout_size=size, stride=stride, jobs=1)
    expected = whole_cutouts(size, stride or size)
    cutouts, found = read(folder)
    pd.testing.assert_frame_equal(cutouts, expected)
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, described_by_hand(images, expected, size))
    assert (result.described, result.current, result.failed) == (3, 0, ())
    assert result.cutouts == len(expected)


def test_a_part_is_small_and_its_cutouts_are_lists_of_16_bits(images, folder):
    describe(images, folder, jobs=1)
    for path in folder.glob("*.parquet"):
        kind = pq.read_schema(path).field("descriptors").type
        assert kind.list_size == len(descriptors.NAMES)
        assert str(kind.value_type) == "halffloat"
        metadata = pq.read_metadata(path)
        assert metadata.row_group(0).column(3).compression == "ZSTD"


def test_the_cutouts_are_those_of_a_table(images, survey, folder, capsys):
    table = pd.read_csv(survey).sample(20, random_state=0)
    table = table[table.image_name != "west"]
    table.to_csv(survey, index=False)
    assert run(images, folder, "--predictions", survey, "--cutout-size", "200") == 0
    told = capsys.readouterr()
    assert "1 of 3 images have no cutouts there" in told.err
    assert f"{len(table)} cutouts written to {folder}: 2 images described" in told.out
    columns = ["image_name", "grid_y", "grid_x"]
    expected = table.sort_values(columns).reset_index(drop=True)
    cutouts, found = read(folder)
    pd.testing.assert_frame_equal(cutouts, expected[cutouts.columns])
    np.testing.assert_array_equal(found, described_by_hand(images, expected, 200))


def test_the_review_s_cutout_size_is_inferred_from_the_table(images, survey, folder):
    table = pd.read_csv(survey)
    for name in ("grid_x", "grid_y"):
        table[name] //= 2
    table.to_csv(survey, index=False)
    with pytest.raises(ReviewError, match="larger cutouts may overlap"):
        describe(images, folder, predictions=survey, jobs=1)
    describe(images, folder, predictions=survey, cutout_size=100, jobs=1)
    assert json.loads((folder / "about.json").read_text())["cutout_size"] == 100


def test_tile_numbers_are_multiplied_by_the_stride(images, survey, tmp_path):
    folders = [tmp_path / name for name in ("pixels", "tiles")]
    describe(images, folders[0], predictions=survey, jobs=1)
    table = pd.read_csv(survey).rename(columns={"image_name": "file"})
    for name in ("grid_x", "grid_y"):
        table[name] //= 200
    tiles = survey.with_name("tiles.csv")
    table.to_csv(tiles, index=False)
    options = ("--predictions", tiles, "--stride", 200, "--columns", "image_name=file")
    assert run(images, folders[1], *options) == 0
    for found, expected in zip(*map(read, folders), strict=True):
        np.testing.assert_array_equal(found, expected)
    mapping = TableMapping(columns={"image_name": "file"}, stride=200)
    again = describe(images, folders[1], predictions=tiles, mapping=mapping, jobs=1)
    assert again.current == 3


def test_the_order_and_the_names_of_the_table_do_not_matter(images, survey, folder):
    describe(images, folder, predictions=survey, jobs=1)
    table = pd.read_csv(survey).sample(frac=1, random_state=0)
    table["image_name"] = [f"/data/elsewhere/{name}.fits" for name in table.image_name]
    table.to_csv(survey, index=False)
    result = describe(images, folder, predictions=survey, jobs=1)
    assert (result.described, result.current) == (0, 3)


def test_cutouts_at_the_border_and_outside_are_described(tmp_path, folder):
    pixels = np.arange(40_000, dtype=np.float32).reshape(200, 200)
    pixels[:, :20] = np.nan
    fits.writeto(tmp_path / "a.fits", pixels)
    table = tmp_path / "t.csv"
    corners = [(-50, -50), (0, 0), (150, 100), (400, 0)]
    rows = [f"a,{x},{y},0,1" for x, y in corners]
    table.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *rows]))
    describe(tmp_path / "a.fits", folder, predictions=table, cutout_size=100, jobs=1)
    cutouts, found = read(folder)
    is_there = np.isfinite(found).all(axis=1)
    assert (is_there | np.isnan(found).all(axis=1)).all()
    assert dict(zip(cutouts.grid_x, is_there, strict=True)) == {
        -50: True,
        0: True,
        150: True,
        400: False,
    }


def test_the_folder_says_how_it_was_made(images, survey, folder):
    describe(images, folder, jobs=1, hdu=0)
    told = json.loads((folder / "about.json").read_text())
    assert told["descriptors"] == {
        "version": descriptors.VERSION,
        "names": list(descriptors.NAMES),
    }
    assert {"napari-artifact-review", "numpy", "scipy"} == told["versions"].keys()
    assert (told["cutout_size"], told["stride"], told["hdu"]) == (200, 200, 0)
    assert (told["images"], told["cutouts"], told["failed"]) == (3, 36, 0)
    assert told["predictions_sha256"] is None
    describe(images, folder, jobs=1, predictions=survey)
    told = json.loads((folder / "about.json").read_text())
    assert (told["stride"], len(told["predictions_sha256"])) == (None, 64)


def test_processes_give_the_same_bytes_as_one(images, folder, tmp_path):
    describe(images, folder, jobs=1)
    describe(images, tmp_path / "other", jobs=2)
    assert bytes_of(tmp_path / "other") == bytes_of(folder)


def test_a_bad_image_is_a_line_and_the_others_go_on(images, folder, capsys):
    (images / "west.fits").write_bytes(b"SIMPLE")
    fits.PrimaryHDU(np.zeros((100, 300))).writeto(images / "small.fits")
    assert run([images, images / "missing.fits"], folder) == 1
    told = capsys.readouterr()
    lines = [line for line in told.err.splitlines() if ": " in line]
    assert [re.search(r"(\w+)\.fits", line)[1] for line in lines] == [
        "missing",
        "small",
        "west",
    ]
    assert set(read(folder)[0].image_name) == {"north", "south"}
    assert "2 images described, 0 were current; 3 failed" in told.out
    assert json.loads((folder / "about.json").read_text())["failed"] == 3


def test_an_image_beyond_the_memory_is_described_strip_by_strip(
    images, folder, monkeypatch
):
    decoders = "napari_artifact_review.core.decoders"
    monkeypatch.setattr(f"{decoders}.MOST_PIXELS_AT_ONCE", 1000)
    monkeypatch.setattr(f"{decoders}.MOST_BYTES", 1_000_000)
    assert run(images / "north.fits", folder) == 0
    assert len(read(folder)[0]) == 12


def test_without_any_image_that_can_be_described_it_is_an_error(images, folder, capsys):
    for image in images.iterdir():
        image.write_bytes(b"")
    assert run(images, folder) == 2
    assert "could be described" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--cutout-size", "0"), "cutout size"),
        (("--stride", "0"), "stride"),
        (("--predictions", "nothing.csv"), "nothing.csv"),
    ],
)
def test_a_wrong_option_is_a_line_before_any_image(
    images, folder, capsys, options, told
):
    assert run(images, folder, *options) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1
    assert told in err[0]
    assert not folder.exists()


def test_a_table_of_other_images_is_an_error(images, survey, folder):
    table = pd.read_csv(survey)
    table.assign(image_name=table.image_name + "_b").to_csv(survey, index=False)
    with pytest.raises(ReviewError, match="none of its images"):
        describe(images, folder, predictions=survey, jobs=1)


def test_images_of_the_table_that_are_not_given_are_told(
    images, survey, folder, capsys
):
    assert run(images / "north.fits", folder, "--predictions", survey) == 0
    told = capsys.readouterr().err
    assert "2 of its 3 images are not among the images to describe" in told


@pytest.mark.parametrize("kind", ["own", "of a score"])
def test_a_folder_that_is_not_of_describe_is_refused(images, folder, capsys, kind):
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    if kind == "of a score":
        about = "napari-artifact-review score: one part an image; see docs/rounds.md"
        (folder / "about.json").write_text(json.dumps({"about": about}))
    before = bytes_of(folder)
    assert run(images, folder) == 2
    assert "does not hold the parts of a description" in capsys.readouterr().err
    assert bytes_of(folder) == before


def test_other_parts_and_files_are_left_alone_and_told(images, folder, capsys):
    run(images / "north.fits", folder)
    (folder / "mine.txt").write_text("mine")
    capsys.readouterr()
    run(images / "south.fits", folder)
    told = capsys.readouterr().err
    assert "mine.txt: not written by describe" in told
    assert "1 part belongs to images that are not described now" in told
    assert len(list(folder.glob("*.parquet"))) == 2


def test_a_full_disk_is_one_error_and_the_parts_stay(
    images, folder, monkeypatch, capsys
):
    def no_space(*_):
        raise OSError(28, "No space left on device")

    run(images / "north.fits", folder)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", no_space)
        assert run(images, folder) == 2
    assert "No space left on device" in capsys.readouterr().err.splitlines()[-1]
    assert run(images, folder) == 0
    assert "2 images described, 1 was current" in capsys.readouterr().out


def test_a_review_reads_what_was_described(images, survey, folder, tmp_path):
    describe(images, folder, jobs=1)
    table = pd.read_csv(survey).sample(frac=1, random_state=0)
    table.to_csv(survey, index=False)
    found = read_embeddings(folder, read_predictions(survey), cutout_size=200)
    np.testing.assert_array_equal(found.vectors, described_by_hand(images, table, 200))
    assert found.vectors.dtype == np.float16
    assert (found.missing, found.unknown) == (0, 0)
    with pytest.raises(ReviewError, match="describes cutouts of 200 px"):
        read_embeddings(folder, read_predictions(survey), cutout_size=100)


def test_parts_of_two_versions_are_not_read_as_one(images, survey, folder, monkeypatch):
    describe(images, folder, jobs=1)
    monkeypatch.setattr(descriptors, "VERSION", "another")
    describe(images / "north.fits", folder, jobs=1)
    with pytest.raises(ReviewError, match="another version or other options"):
        read_embeddings(folder, read_predictions(survey))


def test_frames_of_the_sdss_can_be_described(shared_data, folder):
    sdss = shared_data / "sdss"
    [image, *_] = sorted((sdss / "images").glob("frame-z-*"))
    table = sdss / "predictions.csv"
    result = describe(image, folder, predictions=table, jobs=1)
    assert (result.described, result.cutouts) == (1, 70)
    assert read_embeddings(folder, read_predictions(table)).unknown == 0


def test_a_table_is_described_as_its_review_reads_it(images, survey, tmp_path, capsys):
    mapping = TableMapping(columns={"image_name": "file"}, stride=200)
    table = pd.read_csv(survey).rename(columns={"image_name": "file"})
    for name in ("grid_x", "grid_y"):
        table[name] //= 200
    tiles = survey.with_name("tiles.csv")
    table.to_csv(tiles, index=False)
    with ReviewSession.open(tiles, images, mapping=mapping, cutout_size=200):
        pass
    folders = [tmp_path / name for name in ("pixels", "tiles")]
    describe(images, folders[0], predictions=survey, jobs=1)
    assert run(images, folders[1], "--predictions", tiles) == 0
    told = f"{tiles}: read with the mapping of its review (--columns image_name=file"
    assert told in capsys.readouterr().err
    for found, expected in zip(*map(read, folders), strict=True):
        np.testing.assert_array_equal(found, expected)
