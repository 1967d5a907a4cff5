"""Scores of whole images, from the files to the table."""

from __future__ import annotations

import os
import re

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from napari_artifact_review import ReviewSession, score
from napari_artifact_review.cli import main
from napari_artifact_review.core.errors import ReviewError, SaveError
from tests.core.training.conftest import calls_of, scored_by_numpy


def run(model, images, output, *options, function="predict"):
    """Run the command in this process, and return its exit status."""
    given = [*map(str, images)] if isinstance(images, list) else [str(images)]
    arguments = [f"{model}:{function}", *given, "--output", str(output)]
    return main(["score", *arguments, "--jobs", "1", *map(str, options)])


@pytest.mark.parametrize(
    ("size", "stride", "threshold"), [(200, 200, 0.5), (150, 100, 0.3), (600, 50, 0.95)]
)
def test_the_table_equals_that_of_a_loop_with_numpy(
    model, images, output, size, stride, threshold
):
    result = score(
        f"{model}:predict",
        images,
        output,
        cutout_size=size,
        stride=stride,
        threshold=threshold,
        jobs=1,
    )
    expected = scored_by_numpy(images, size, stride, threshold)
    found = pd.read_csv(output)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-6)
    assert (result.scored, result.rows) == (3, len(expected))
    assert calls_of(model) == 3


@pytest.mark.parametrize("name", ["s.csv.gz", "s.tsv", "s.parquet", "s.ecsv", "s.fits"])
def test_every_table_format_has_the_same_and_can_be_reviewed(
    model, images, survey, tmp_path, name
):
    output = tmp_path / name
    assert run(model, images, output, "--labels", survey, "--threshold", "0.5") == 0
    csv = tmp_path / "s.csv"
    run(model, images, csv, "--labels", survey, "--threshold", "0.5")
    with (
        ReviewSession.open(output, images, read_only=True) as found,
        ReviewSession.open(csv, images, read_only=True) as expected,
    ):
        columns = ["image_name", "grid_x", "grid_y", "label", "preds", "confidence"]
        pd.testing.assert_frame_equal(
            found.table[columns], expected.table[columns], check_dtype=False
        )


def test_processes_give_the_same_bytes_as_one(model, images, output, tmp_path):
    score(f"{model}:predict", images, output, jobs=1)
    other = tmp_path / "other.csv"
    score(f"{model}:predict", images, other, jobs=2)
    assert other.read_bytes() == output.read_bytes()


def test_a_module_that_is_found_by_its_name(images, output, tmp_path, monkeypatch):
    package = tmp_path / "my_models"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "mean.py").write_text(
        "def predict(cutouts):\n    return cutouts.mean(axis=(1, 2)) / 1e7\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*os.sys.path])
    result = score("my_models.mean:predict", images, output, jobs=1)
    assert result.rows == 36


def test_blank_pixels_are_nan_and_pixels_are_raw(tmp_path, output):
    pixels = np.arange(40_000, dtype=np.int16).reshape(200, 200) % 1000
    pixels[0, 0] = -1
    hdu = fits.PrimaryHDU(pixels)
    hdu.header["BLANK"], hdu.header["BSCALE"], hdu.header["BZERO"] = -1, 2.0, 5.0
    hdu.writeto(tmp_path / "a.fits")
    model = tmp_path / "model.py"
    model.write_text(
        "import numpy as np\n"
        "def predict(cutouts):\n"
        "    assert cutouts.dtype == np.float32\n"
        f"    np.save({str(tmp_path / 'seen.npy')!r}, cutouts)\n"
        "    return [0.5]\n"
    )
    run(model, tmp_path / "a.fits", output)
    seen = np.load(tmp_path / "seen.npy")
    expected = pixels * 2.0 + 5.0
    expected[0, 0] = np.nan
    np.testing.assert_array_equal(seen, expected[None].astype(np.float32))


def test_an_hdu_is_chosen_by_name(model, tmp_path, output):
    images = [fits.ImageHDU(np.full((200, 200), v), name=n) for n, v in
              (("SCI", 100.0), ("ERR", 700.0))]  # fmt: skip
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(tmp_path / "a.fits")
    run(model, tmp_path / "a.fits", output, "--hdu", "err")
    assert pd.read_csv(output).confidence.tolist() == pytest.approx([0.7])


def test_a_bad_image_is_a_line_and_the_others_go_on(
    model, images, survey, output, capsys
):
    (images / "west.fits").write_bytes(b"SIMPLE")
    fits.PrimaryHDU(np.zeros((100, 300))).writeto(images / "small.fits")
    missing = images / "missing.fits"
    assert run(model, [images, missing], output) == 1
    told = capsys.readouterr()
    lines = [line for line in told.err.splitlines() if ".fits: " in line]
    assert [re.search(r"(\w+)\.fits", line)[1] for line in lines] == [
        "missing",
        "small",
        "west",
    ]
    assert set(pd.read_csv(output).image_name) == {"north", "south"}
    assert "3 failed" in told.out


def test_without_any_image_that_can_be_scored_the_old_table_stays(
    model, images, output, capsys
):
    run(model, images, output)
    before = output.read_bytes()
    for image in images.iterdir():
        image.write_bytes(b"")
    assert run(model, images, output) == 2
    assert output.read_bytes() == before
    assert len(capsys.readouterr().err.splitlines()) >= 4


def test_images_in_subfolders_links_and_equal_stems(model, images, output, capsys):
    (images / "night").mkdir()
    (images / "south.fits").rename(images / "night/south.fits")
    (images / "north.fits.fz").write_bytes((images / "north.fits").read_bytes())
    (images / "again.fits").symlink_to(images / "west.fits")
    (images / ".hidden.fits").touch()
    (images / "loop").symlink_to(images)
    assert run(model, images, output) == 0
    names = list(pd.read_csv(output).image_name.unique())
    assert names == ["again", "night/south", "north.fits", "north.fits.fz"]
    assert "west.fits: it is the same file as again" in capsys.readouterr().err
    with pytest.raises(ReviewError, match="--root"):
        score(
            f"{model}:predict",
            [images / "north.fits", images / "night/south.fits", images.parent],
            output,
            root=images / "night",
        )


def test_files_of_the_same_name_need_the_folder_above(model, images, output, capsys):
    (images / "a").mkdir()
    (images / "b").mkdir()
    files = [images / "a/x.fits", images / "b/x.fits"]
    for image, file in zip(("north", "south"), files, strict=True):
        (images / f"{image}.fits").rename(file)
    assert run(model, files, output) == 2
    assert "--root" in capsys.readouterr().err
    assert run(model, files, output, "--root", images) == 0
    assert set(pd.read_csv(output).image_name) == {"a/x", "b/x"}


def test_the_output_in_the_folder_of_images_is_no_image(model, images):
    output = images / "scored.fits"
    assert run(model, images, output) == 0
    assert run(model, images, output) == 0


def test_a_table_of_another_program_is_kept_as_a_backup(model, images, output, capsys):
    output.write_text("mine\n")
    run(model, images, output)
    run(model, images, output, "--threshold", "0.3")
    run(model, images, output)
    [backup] = output.parent.glob("scored.*.backup.csv")
    assert backup.read_text() == "mine\n"
    assert capsys.readouterr().err.count("kept as") == 1


def test_a_folder_that_is_not_of_score_is_refused(model, images, output, capsys):
    parts = output.with_name("scored.csv.parts")
    parts.mkdir()
    (parts / "mine.txt").write_text("mine")
    assert run(model, images, output) == 2
    assert str(parts) in capsys.readouterr().err
    assert [file.name for file in parts.iterdir()] == ["mine.txt"]
    assert calls_of(model) == 0
    assert not output.exists()


def test_a_file_that_is_no_part_is_left_alone_and_told(model, images, output, capsys):
    run(model, images / "north.fits", output)
    parts = output.with_name("scored.csv.parts")
    (parts / "mine.txt").write_text("mine")
    capsys.readouterr()
    run(model, images / "south.fits", output)
    told = capsys.readouterr().err
    assert "mine.txt" in told
    assert "1 part belongs to images that are not scored now" in told
    assert (parts / "mine.txt").read_text() == "mine"
    assert set(pd.read_csv(output).image_name) == {"south"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--threshold", "2"), "threshold"),
        (("--cutout-size", "0"), "cutout size"),
        (("--stride", "0"), "stride"),
        (("--labels", "nothing.csv"), "nothing.csv"),
        (("--onnx-scaling", "double"), "scaling"),
    ],
)
def test_a_wrong_option_is_a_line_before_any_image(
    model, images, output, capsys, options, told
):
    assert run(model, images, output, *options) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1
    assert told in err[0]
    assert calls_of(model) == 0


@pytest.mark.parametrize("name", ["scored.xlsx", "folder.csv", "no/folder/s.csv"])
def test_an_output_that_cannot_be_written_is_told_first(
    model, images, tmp_path, capsys, name
):
    (tmp_path / "folder.csv").mkdir()
    assert run(model, images, tmp_path / name) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert calls_of(model) == 0


def test_a_full_disk_is_one_error_and_the_parts_stay(
    model, images, output, monkeypatch, capsys
):
    run(model, images / "north.fits", output)
    before = output.read_bytes()

    def no_space(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", no_space)
        assert run(model, images, output) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "No space left on device" in error
    assert output.read_bytes() == before
    assert run(model, images, output) == 0
    assert len(pd.read_csv(output)) == 36
    # All parts are current, and the table itself cannot be written.
    before = output.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", no_space)
        assert run(model, images, output, "--threshold", "0.2") == 2
    assert output.read_bytes() == before
    assert not list(output.parent.glob(".*.part"))


def test_no_images_is_an_error(model, output, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReviewError, match="no images"):
        score(f"{model}:predict", tmp_path / "empty", output)


def test_a_fits_table_cannot_hold_every_name(model, images, tmp_path):
    (images / "north.fits").rename(images / "nörd.fits")
    with pytest.raises(SaveError, match="nörd"):
        score(f"{model}:predict", images, tmp_path / "s.fits", jobs=1)
    assert calls_of(model) == 0


def test_frames_of_the_sdss_can_be_scored_and_reviewed(shared_data, tmp_path, capsys):
    model = tmp_path / "spread.py"
    model.write_text(
        "import numpy as np\n"
        "\n"
        "def predict(cutouts):\n"
        '    """Return the spread of the block means beside the noise."""\n'
        "    n, size, _ = cutouts.shape\n"
        "    blocks = cutouts.reshape(n, 10, size // 10, 10, size // 10)\n"
        "    means = np.nanmedian(blocks, axis=(2, 4)).reshape(n, -1)\n"
        "    noise = np.nanmedian(np.abs(np.diff(cutouts, axis=2)), axis=(1, 2))\n"
        "    spread = np.ptp(means, axis=1)\n"
        "    return spread / (spread + noise + 1e-9)\n"
    )
    sdss = shared_data / "sdss"
    [image, *_] = sorted((sdss / "images").glob("frame-z-*"))
    output = tmp_path / "scored.csv"
    options = ["--labels", sdss / "predictions.csv", "--threshold", "0.7"]
    assert run(model, image, output, *options) == 0
    assert "labels belong to no cutout that was scored" in capsys.readouterr().err
    table = pd.read_csv(output)
    given = pd.read_csv(sdss / "predictions.csv")
    given = given[given.image_name == table.image_name[0]]
    assert table.label.tolist() == given.label.tolist()
    with ReviewSession.open(output, sdss / "images", read_only=True) as session:
        assert len(session.table) == 70


@pytest.mark.parametrize("is_lazy", [False, True])
def test_a_model_gets_large_images_in_several_batches(
    model, images, output, monkeypatch, is_lazy
):
    package = "napari_artifact_review.core"
    if is_lazy:
        monkeypatch.setattr(f"{package}.decoders.MOST_PIXELS_AT_ONCE", 1000)
    # Five cutouts of 200 x 200 pixels.
    monkeypatch.setattr(f"{package}.training.scoring.cutting.MOST_BYTES", 5 * 160_000)
    score(f"{model}:predict", images, output, stride=100, threshold=0.5, jobs=1)
    found = pd.read_csv(output)
    expected = scored_by_numpy(images, 200, 100, 0.5)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-6)
    notes = model.with_name("calls.txt").read_text().split()[1::2]
    assert notes == 3 * 7 * ["5"]


def test_an_output_in_a_folder_that_is_not_there_is_told_before_the_work(
    model, images, tmp_path
):
    with pytest.raises(SaveError, match="the folder does not exist"):
        score(f"{model}:predict", images, tmp_path / "none" / "scored.csv", jobs=1)
    assert calls_of(model) == 0


def backups_of(output):
    return list(output.parent.glob("scored.*.backup.csv"))


def test_the_table_of_another_model_is_kept_as_a_backup(model, images, output, capsys):
    run(model, images, output)
    before = output.read_bytes()
    for options in (("--threshold", "0.2"), ()):
        assert run(model, images, output, *options) == 0
        assert backups_of(output) == []
    model.write_text(model.read_text().replace("/ 1000", "/ 2000"))
    capsys.readouterr()
    assert run(model, images, output) == 0
    [backup] = backups_of(output)
    assert backup.read_bytes() == before
    assert f"the earlier file is kept as {backup}." in capsys.readouterr().err


def test_the_table_of_more_images_is_kept_as_a_backup(model, images, output):
    run(model, images / "north.fits", output)
    run(model, images, output)
    # All images of the earlier table are in the new one.
    assert backups_of(output) == []
    before = output.read_bytes()
    run(model, images / "west.fits", output)
    [backup] = backups_of(output)
    assert backup.read_bytes() == before
    run(model, images, output)
    backup.unlink()
    (images / "south.fits").write_bytes(b"damaged")
    assert run(model, images, output) == 1
    [backup] = backups_of(output)
    assert backup.read_bytes() == before


@pytest.mark.parametrize("is_there", [False, True])
def test_labels_that_do_not_exist_are_one_line(
    model, images, output, tmp_path, capsys, is_there
):
    if is_there:
        run(model, images, output)
    capsys.readouterr()
    assert run(model, images, output, "--labels", tmp_path / "missing.csv") == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{tmp_path / 'missing.csv'}: cannot be read")


def test_one_image_and_one_label_are_singular(model, images, output, tmp_path, capsys):
    labels = tmp_path / "labels.csv"
    labels.write_text("image_name,grid_x,grid_y,label\nnorth,0,0,1\nother,0,0,1\n")
    for _ in range(2):
        assert run(model, images / "north.fits", output, "--labels", labels) == 0
    out, err = capsys.readouterr()
    first, second = out.splitlines()
    assert first == f"1 cutout written to {output}: 1 image scored, 0 were current"
    assert second == f"1 cutout written to {output}: 0 images scored, 1 was current"
    assert f"{labels}: 1 label belongs to no cutout that was scored." in err
    assert "1 of 1 image is scored already." in err
