"""The folder of an export: never another's, never half an export."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from napari_artifact_review.cli import main
from napari_artifact_review.core.errors import (
    MissingKeyError,
    ReviewError,
    SaveError,
)
from napari_artifact_review.core.training.exporting.array_parts import BadImagesError
from tests.core.training.small import contents, export_small, load, pixels_of

#: Sizes that give three shards of two images: an image has 6 cutouts of 1,600 bytes.
SHARDS = {"largest_array": 10_000, "largest_shard": 20_000}


def test_shards_equal_the_single_array(reviewed, tmp_path):
    export_small(reviewed, tmp_path / "one")
    export_small(reviewed, tmp_path / "many", **SHARDS)
    whole, table, _ = load(tmp_path / "one")
    joined, sharded, told = load(tmp_path / "many")
    np.testing.assert_array_equal(joined, whole)
    pd.testing.assert_frame_equal(sharded.drop(columns=["shard", "row"]), table)
    files = [f"cutouts-{number:04d}.npy" for number in range(3)]
    assert [part["file"] for part in told["parts"]] == files
    assert list(sharded.columns[-2:]) == ["shard", "row"]
    for name, rows in sharded.groupby("shard"):
        shard = np.load(tmp_path / "many" / name, mmap_mode="r")
        assert rows["row"].tolist() == list(range(len(shard)))
        np.testing.assert_array_equal(shard, joined[rows.index])
    # Each image is in a single shard.
    assert (sharded.groupby("image_name")["shard"].nunique() == 1).all()


def test_one_array_replaces_shards_and_the_reverse(small, tmp_path):
    out = tmp_path / "out"
    (tmp_path / "out").mkdir()
    for options in (SHARDS, {}, SHARDS):
        export_small(small, out, **options)
        names = {path.name for path in out.iterdir()}
        arrays = {name for name in names if name.endswith(".npy")}
        assert len(arrays) == (3 if options else 1)
        assert len(names) == (9 if options else 4)
        load(out)


def test_shards_that_are_current_are_not_written_again(small, tmp_path):
    out = tmp_path / "out"
    export_small(small, out, **SHARDS)
    before = {path.name: path.stat() for path in out.iterdir()}
    # One image changes, so one of the shards does.
    fits.writeto(tmp_path / "c2.fits", pixels_of(9), overwrite=True)
    export_small(small, out, unsure="keep", **SHARDS)
    after = {path.name: path.stat() for path in out.iterdir()}
    written = {name for name in after if after[name].st_ino != before[name].st_ino}
    assert {name for name in written if name.endswith(".npy")} == {"cutouts-0001.npy"}
    cutouts, table, _ = load(out)
    changed = cutouts[table.index[table["image_name"] == "c2"][0]]
    np.testing.assert_array_equal(changed, pixels_of(9)[:20, :20])


def test_a_part_of_another_size_or_damaged_is_written_again(small, tmp_path):
    out = tmp_path / "out"
    export_small(small, out, **SHARDS)
    before = contents(out)
    (out / "cutouts-0000.npy").write_bytes(b"")
    (out / "cutouts-0001.json").write_text("{")
    (out / "cutouts-0002.json").unlink()
    export_small(small, out, **SHARDS)
    assert contents(out) == before
    export_small(small, out, context=1, **SHARDS)
    assert load(out)[0].shape == (36, 22, 22)


CHILD = """
    import os, signal, sys
    from pathlib import Path
    from tests.core.training.small import export_small
    moment, count, table, out, options = sys.argv[1:]
    left = int(count)
    def kill(*_):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
    if moment == "move":
        replace = Path.replace
        def dying(self, target):
            if Path(target).parent == Path(out):
                kill()
            return replace(self, target)
        Path.replace = dying
    export_small(Path(table), Path(out), **eval(options),
                 on_image=kill if moment == "image" else lambda *_: None)
"""


def kill_an_export(moment, count, table, out, **options):
    """Export in another process that is killed at a moment."""
    command = [sys.executable, "-c", textwrap.dedent(CHILD), moment, str(count)]
    command += [str(table), str(out), repr(options)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("options", [{}, SHARDS], ids=["one array", "shards"])
@pytest.mark.parametrize("count", [1, pytest.param(5, marks=pytest.mark.exhaustive)])
def test_a_killed_run_leaves_the_earlier_export_and_goes_on(
    reviewed, tmp_path, options, count
):
    out = tmp_path / "out"
    export_small(reviewed, out, context=1)
    before = contents(out)
    kill_an_export("image", count, reviewed, out, **options)
    now = contents(out)
    assert {name: now[name] for name in before} == before
    done = [*(out / ".unfinished").glob("cutouts-*.npy")]
    assert len(done) == (2 if count == 5 and options else 0)
    inodes = {path.name: path.stat().st_ino for path in done}
    export_small(reviewed, out, **options)
    export_small(reviewed, tmp_path / "other", **options)
    assert contents(out) == contents(tmp_path / "other")
    # The shards that were complete have not been written again.
    assert all((out / name).stat().st_ino == inodes[name] for name in inodes)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(
    "count",
    [2, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in (1, 4))],
)
def test_a_run_that_is_killed_while_it_moves_files_is_finished_by_the_next(
    small, tmp_path, count
):
    out = tmp_path / "out"
    export_small(small, out, **SHARDS)
    kill_an_export("move", count, small, out, context=2, **SHARDS)
    # The folder does not claim to be an export until it is one.
    assert not (out / "export.json").exists()
    with pytest.raises(ReviewError, match="an export into it was interrupted"):
        export_small(small, tmp_path / "other", split_from=out)
    export_small(small, out, context=2, split_from=out, **SHARDS)
    assert load(out)[0].shape == (36, 24, 24)
    assert not (out / ".unfinished").exists()


def test_a_full_disk_leaves_the_earlier_export_whole(small, tmp_path, monkeypatch):
    out = tmp_path / "out"
    export_small(small, out)
    before = contents(out)
    write = os.write
    for most in (10_000, 60_000, 62_000):
        left = most

        def full(handle, data):
            nonlocal left
            left -= len(data)
            if left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(handle, data)

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(SaveError, match="No space left on device"):
            export_small(small, out, unsure="keep")
        monkeypatch.undo()
        now = contents(out)
        assert {name: now[name] for name in before} == before
    export_small(small, out, unsure="keep")
    load(out)


def test_a_disk_that_is_too_small_is_told_before_anything_is_read(
    small, tmp_path, monkeypatch
):
    usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(SaveError, match=r"needs 0\.1 MB, and the disk has 0\.0 MB"):
        export_small(small, tmp_path / "out")


def test_a_folder_that_is_not_ours_is_refused_and_untouched(small, tmp_path):
    for name, text in (("notes.txt", "mine"), ("export.json", '{"format": "x"}')):
        out = tmp_path / f"with {name}"
        out.mkdir()
        (out / name).write_text(text)
        with pytest.raises(SaveError) as found:
            export_small(small, out)
        assert str(out) in str(found.value)
        assert contents(out) == {name: text.encode()}
    with pytest.raises(SaveError, match="cannot be listed"):
        export_small(small, small)
    with pytest.raises(SaveError, match="not empty, and is not an export"):
        export_small(small, tmp_path)


def test_files_that_others_put_into_an_export_stay(small, tmp_path):
    out = tmp_path / "out"
    export_small(small, out)
    (out / "model.pt").write_text("weights")
    export_small(small, out, context=1)
    assert (out / "model.pt").read_text() == "weights"
    assert load(out)[0].shape == (36, 22, 22)


def test_bad_images_are_all_listed_and_nothing_is_exported(small, tmp_path, capsys):
    out = tmp_path / "out"
    (tmp_path / "c1.fits").write_bytes(b"")
    (tmp_path / "c3.fits").write_bytes((tmp_path / "c3.fits").read_bytes()[:3000])
    np.save(tmp_path / "c4.npy", pixels_of(4)[:10])
    (tmp_path / "c4.fits").unlink()
    command = ["export", str(small), "--to", str(out), "--cutout-size", "20"]
    assert main(command) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0].split("/")[-1].split(",")[0] for line in lines[:-1]] == [
        "c1.fits", "c3.fits", "c4.npy",
    ]  # fmt: skip
    assert "the file is empty" in lines[0]
    assert "wholly outside the image of 60 x 10 pixels" in lines[2]
    assert lines[-1] == "Nothing was exported; see --skip-bad-images."
    assert not (out / "export.json").exists()
    assert main([*command, "--skip-bad-images"]) == 0
    out_text, err = capsys.readouterr()
    assert out_text.startswith("18 cutouts written")
    assert err.count("Left out: ") == 3
    _, table, told = load(out)
    assert sorted(set(table["image_name"])) == ["c0", "c2", "c5"]
    assert len(told["skipped"]) == 3


def test_missing_images_are_told_with_damaged_ones(small, tmp_path):
    for name in ("c1", "c2"):
        (tmp_path / f"{name}.fits").unlink()
    whole = (tmp_path / "c4.fits").read_bytes()
    (tmp_path / "c4.fits").write_bytes(b"")
    with pytest.raises(BadImagesError) as found:
        export_small(small, tmp_path / "out")
    assert len(found.value.faults) == 3
    assert not (tmp_path / "out").exists()
    (tmp_path / "c4.fits").write_bytes(whole)
    export_small(small, tmp_path / "out", skip_bad_images=True, **SHARDS)
    assert len(load(tmp_path / "out")[1]) == 24


def test_an_export_of_bad_images_alone_fails(small, tmp_path):
    for number in range(6):
        (tmp_path / f"c{number}.fits").write_bytes(b"")
    with pytest.raises(BadImagesError):
        export_small(small, tmp_path / "out", skip_bad_images=True)
    for number in range(6):
        (tmp_path / f"c{number}.fits").unlink()
    with pytest.raises(BadImagesError):
        export_small(small, tmp_path / "out", skip_bad_images=True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--split", "0.8,0.1"], "split cannot be '0.8,0.1'"),
        (["--split", "a,b,c"], "split cannot be 'a,b,c'"),
        (["--split", "0,0,0"], "split cannot be '0,0,0'"),
        (["--split", "8,1,1"], "Choose three shares with the sum 1, such as"),
        (["--split", "0.5,0.2,0.2"], "split cannot be '0.5,0.2,0.2'"),
        (["--split", "1,-1,1"], "split cannot be '1,-1,1'"),
        (["--split", "nan,1,1"], "split cannot be 'nan,1,1'"),
        (["--group", ","], "group cannot be ','"),
        (["--context", "-1"], "context cannot be -1"),
        (["--group", "CAMERA"], "no value for the key CAMERA"),
        (["--image-key", "EXPOSURE"], "no value for the key EXPOSURE"),
        (["--hdu", "SCI"], "it has no image HDU SCI"),
        (["--hdu", "7"], "it has no image HDU 7"),
        (["--only", "reviewed"], "no cutout is left to export"),
        (["--images", "elsewhere"], "elsewhere: "),
        (["--split-from", "elsewhere"], "elsewhere: it is no export"),
        (["--reviewed", "elsewhere"], "there is no log of verdicts beside it"),
    ],
)
def test_each_bad_input_is_one_clear_line(small, tmp_path, capsys, arguments, told):
    out = tmp_path / "out"
    frame = pd.read_csv(small)
    frame[frame["image_name"] == "c0"].to_csv(small, index=False)
    command = ["export", str(small), "--to", str(out), "--cutout-size", "20"]
    assert main([*command, *arguments]) == 2
    text, err = capsys.readouterr()
    assert text == ""
    first, *rest = err.splitlines()
    assert told in first
    assert rest in ([], ["Nothing was exported; see --skip-bad-images."])
    assert not (out / "export.json").exists()


def test_an_image_without_a_header_has_no_keys(tmp_path):
    np.save(tmp_path / "a.npy", pixels_of(0))
    table = tmp_path / "t.csv"
    table.write_text("image_name,grid_x,grid_y,label,preds\na,0,0,0,1\n")
    with pytest.raises(MissingKeyError, match="only FITS files have them"):
        export_small(table, tmp_path / "out", group="EXPNUM")


def test_progress_counts_all_images(small, tmp_path):
    seen = []
    export_small(small, tmp_path / "out", on_image=lambda *counts: seen.append(counts))
    assert seen == [(done, 6) for done in range(1, 7)]


def test_a_scheduler_without_its_package_or_its_address(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ReviewError, match="a scheduler needs the package distributed"):
        export_small(small, tmp_path / "out", scheduler="tcp://localhost:1", **SHARDS)
    done = export_small(small, tmp_path / "out", scheduler="tcp://localhost:1")
    assert "The scheduler was not used, because one array is enough." in done.notices
    assert json.loads((tmp_path / "out/export.json").read_text())["notices"]


def test_one_process_at_a_time_exports_into_a_folder(small, tmp_path):
    out = tmp_path / "out"
    refused = []

    def export_too(done: int, _: int) -> None:
        if done == 1:
            with pytest.raises(SaveError, match="another process exports into it"):
                export_small(small, out)
            refused.append(done)

    export_small(small, out, on_image=export_too)
    assert refused == [1]
    assert len(load(out)[1]) == 36
    assert sorted(path.name for path in out.iterdir()) == [
        "cutouts.csv", "cutouts.npy", "cutouts.parquet", "export.json",
    ]  # fmt: skip
    export_small(small, out)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--group", "nosuch"], "no value for the key nosuch"),
        (["--group", "field,nosuch"], "no value for the key field"),
        (["--image-key", "nosuch"], "no value for the key nosuch"),
        (["--hdu", "SCI"], "it has no image HDU SCI"),
    ],
)
def test_an_option_that_no_image_knows_is_one_line(
    small, tmp_path, capsys, options, told
):
    command = ["export", str(small), "--to", str(tmp_path / "out")]
    assert main([*command, "--cutout-size", "20", *options]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{tmp_path / 'c0.fits'}: ")
    assert told in line
    columns = "image_name, grid_x, grid_y, label, preds, confidence, field"
    assert (columns in line) is ("key" in told)
    # An image that is damaged is listed with all others.
    (tmp_path / "c0.fits").write_bytes(b"")
    assert main([*command, "--cutout-size", "20", *options]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 7
