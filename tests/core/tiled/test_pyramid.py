"""Levels of detail: built once, stored for the next time, never used unfinished."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.tiled import pyramid as pyramid_module
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels, pieces, sample
from napari_artifact_review.core.tiled.pyramid import Pyramid, halved, level_shapes
from napari_artifact_review.core.tiled.pyramid_folder import PyramidFolder
from tests.core.tiled.large import SHAPE, ArraySource, mean, means, noise

WHOLE = (slice(None), slice(None))


def built(source: ArraySource, folder: Path, **options: int) -> Pyramid:
    """Return a pyramid that was found in the folder, or built."""
    pixels = LazyPixels(source)
    pyramid = Pyramid(pixels, np.zeros((2, 2)), PyramidFolder(folder, **options))
    for _ in pyramid.build():
        pass
    return pyramid


def is_right(pyramid: Pyramid, array: np.ndarray) -> bool:
    """Return whether every level of a pyramid has the expected pixels."""
    expected = means(array, len(pyramid.shapes))
    for level, shape in enumerate(pyramid.shapes):
        rows, columns = (slice(0, side) for side in shape)
        assert pyramid.can_read(level, rows, columns)
        np.testing.assert_array_equal(
            pyramid.read(level, rows, columns), expected[level]
        )
    np.testing.assert_array_equal(pyramid.overview, expected[-1])
    return pyramid.is_whole


def kept(folder: Path) -> list[Path]:
    """Return the pyramids in a folder, finished or not."""
    return sorted(folder.iterdir())


def levels_in_memory(pyramid: Pyramid, source: ArraySource) -> set[int]:
    """Return the levels that are read without pixels of the source."""
    levels = set()
    for level, shape in enumerate(pyramid.shapes[:-1]):
        source.reads.clear()
        pyramid.read(level, *(slice(0, side) for side in shape))
        if not source.reads:
            levels.add(level)
    return levels


def pixels_read(source: ArraySource) -> int:
    return sum(
        (rows.stop - rows.start) * (columns.stop - columns.start)
        for rows, columns in source.reads
    )


@pytest.mark.parametrize(
    ("shape", "shapes"),
    [
        ((3000, 5000), ((3000, 5000), (1500, 2500), (750, 1250), (375, 625))),
        ((20_001, 3), ((20_001, 3), (10_001, 2), (5001, 1), (2501, 1), (1251, 1))),
        ((5, 5), ((5, 5), (3, 3))),
    ],
)
def test_each_level_is_half_of_the_one_before(shape, shapes):
    assert level_shapes(shape)[: len(shapes)] == shapes
    assert max(level_shapes(shape)[-1]) <= 1024


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"])
def test_means_of_whole_numbers_are_exact_at_the_ends_of_their_type(dtype):
    info = np.iinfo(dtype)
    ends = [info.min, info.min + 1, 0, 1, 2, 3, info.max - 1, info.max]
    pixels = np.random.default_rng(3).choice(np.array(ends, dtype), (40, 60))
    four = [[int(v) for v in pixels[i::2, j::2].flat] for i in (0, 1) for j in (0, 1)]
    expected = [(sum(values) + 2) // 4 for values in zip(*four, strict=True)]
    assert halved(pixels).dtype == pixels.dtype
    assert [int(v) for v in halved(pixels).flat] == expected


def test_means_leave_nan_out_and_do_not_overflow():
    nan = np.nan
    pixels = np.array(
        [[1, 2, nan, 5, nan], [3, 6, 7, nan, nan], [3e38, 3e38, 1, nan, 4]], np.float32
    )
    expected = [[3, 6, nan], [3e38, 1, 4]]
    np.testing.assert_array_equal(halved(pixels), np.array(expected, np.float32))
    assert halved(pixels).dtype == np.float32
    everything = np.full((4, 4), np.inf)
    assert np.isinf(halved(everything)).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (5, 6), (6, 5), (5, 5)])
def test_odd_sides_lose_nothing(shape):
    pixels = noise(np.float32, shape)
    np.testing.assert_array_equal(halved(pixels), mean(pixels))


@pytest.mark.parametrize(
    "block", [(1, 1), (1, 2305), (3, 700), (512, 512), (1801, 2305), (7, 9)]
)
def test_pieces_cover_an_image_once(monkeypatch, block):
    monkeypatch.setattr("napari_artifact_review.core.tiled.lazy_pixels.PIECE", 2**16)
    seen = np.zeros(SHAPE, int)
    pixels = LazyPixels(ArraySource(seen, block))
    for rows, columns in pieces(pixels):
        seen[rows, columns] += 1
        assert rows.start % 2 == columns.start % 2 == 0
        assert rows.stop - rows.start <= 1024
    assert (seen == 1).all()


def test_a_pyramid_is_built_with_one_look_and_found_the_next_time(tmp_path):
    source = ArraySource(noise())
    first = built(source, tmp_path)
    assert is_right(first, source.array)
    again = ArraySource(noise())
    second = built(again, tmp_path)
    assert again.reads == []
    levels = means(source.array, 3)
    np.testing.assert_array_equal(second.overview, levels[2])
    assert is_right(second, source.array)
    first.close()
    second.close()
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize("dtype", ["i1", "u8", "f2", "f4", "f8"])
def test_pyramids_of_every_type_are_kept(tmp_path, dtype):
    array = noise(dtype, (700, 1100))
    for _ in range(2):
        pyramid = built(ArraySource(array), tmp_path)
        assert is_right(pyramid, array)
        assert len(kept(tmp_path)) == 1
        pyramid.close()


def test_another_image_gets_another_pyramid(tmp_path):
    for name in ("one", "two"):
        source = ArraySource(noise() + len(kept(tmp_path)), name=name)
        pyramid = built(source, tmp_path)
        assert is_right(pyramid, source.array)
        pyramid.close()
    assert len(kept(tmp_path)) == 2


def test_bands_that_are_done_appear_while_the_rest_is_built(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_artifact_review.core.tiled.lazy_pixels.PIECE", 2**17)
    monkeypatch.setattr(pyramid_module, "_MOST_FOR_A_TILE", 0)
    source = ArraySource(noise(shape=(3000, 3000)))
    pyramid = Pyramid(LazyPixels(source), np.zeros((2, 2)), PyramidFolder(tmp_path))
    expected = means(source.array, len(pyramid.shapes))
    tile = (slice(0, 512), slice(0, 512))
    assert not pyramid.can_read(1, *tile)
    seen = list[float]()
    for _ in pyramid.build():
        if pyramid.can_read(1, *tile):
            np.testing.assert_array_equal(
                pyramid.read(1, *tile), expected[1][:512, :512]
            )
        seen.append(float(np.mean(pyramid.overview == expected[-1])))
    # Single pixels at first, and more and more means.
    assert 0.01 < seen[len(pyramid.overview)] < seen[-20] < seen[-1] == 1
    assert abs(pyramid.overview.astype(float) - expected[-1]).max() < 60
    pyramid.close()


def test_an_overview_comes_before_the_pyramid(tmp_path):
    source = ArraySource(noise(shape=(2100, 4100)))
    pyramid = Pyramid(LazyPixels(source), np.zeros((2, 2)), PyramidFolder(tmp_path))
    steps = pyramid.build()
    for _ in range(len(pyramid.overview)):
        next(steps)
    assert abs(pyramid.overview.astype(float) - means(source.array, 4)[3]).max() < 60
    steps.close()
    pyramid.close()


def test_a_build_that_was_ended_leaves_nothing(tmp_path):
    source = ArraySource(noise())
    pyramid = Pyramid(LazyPixels(source), np.zeros((2, 2)), PyramidFolder(tmp_path))
    steps = pyramid.build()
    for _ in range(len(pyramid.overview) + 2):
        next(steps)
    assert [path.suffix for path in kept(tmp_path)] == [".part"]
    steps.close()
    pyramid.close()
    assert kept(tmp_path) == []


def test_what_a_killed_build_left_is_not_taken_for_whole(tmp_path):
    source = ArraySource(noise())
    pyramid = Pyramid(LazyPixels(source), np.zeros((2, 2)), PyramidFolder(tmp_path))
    steps = pyramid.build()
    for _ in range(len(pyramid.overview) + 3):
        next(steps)
    [part] = kept(tmp_path)
    second = built(ArraySource(noise()), tmp_path)
    assert is_right(second, source.array)
    second.close()
    # It may still be built by another process; a day later it is not.
    assert part.is_dir()
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(part, (long_ago, long_ago))
    PyramidFolder(tmp_path).tidy()
    assert not part.exists()
    assert len(kept(tmp_path)) == 1
    steps.close()


def test_two_may_build_the_same_at_once(tmp_path):
    sources = [ArraySource(noise()) for _ in range(2)]
    pyramids = [
        Pyramid(LazyPixels(source), np.zeros((2, 2)), PyramidFolder(tmp_path))
        for source in sources
    ]
    running = [pyramid.build() for pyramid in pyramids]
    while running:
        running = [steps for steps in running if next(steps, running) is not running]
    for pyramid in pyramids:
        assert is_right(pyramid, sources[0].array)
        pyramid.close()
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize("damage", ["lost", "cut", "wrong"])
def test_a_damaged_pyramid_is_built_again(tmp_path, damage):
    source = ArraySource(noise())
    built(source, tmp_path).close()
    pyramid = built(source, tmp_path)
    [folder] = kept(tmp_path)
    for chunk in (folder / "1" / "c").rglob("*"):
        if chunk.is_file():
            content = chunk.read_bytes()
            chunk.unlink()
            if damage != "lost":
                chunk.write_bytes(
                    content[:40] if damage == "cut" else b"x" * len(content)
                )
    tile = (slice(0, 512), slice(0, 512))
    assert pyramid.read(1, *tile) is None
    assert not pyramid.is_whole
    for _ in pyramid.build():
        pass
    assert is_right(pyramid, source.array)
    pyramid.close()


@pytest.mark.parametrize("damage", ["overview", "metadata", "shape"])
def test_what_is_no_pyramid_any_more_is_built_again(tmp_path, damage):
    source = ArraySource(noise())
    built(source, tmp_path).close()
    [folder] = kept(tmp_path)
    if damage == "overview":
        shutil.rmtree(folder / "2" / "c")
    elif damage == "metadata":
        (folder / "1" / "zarr.json").write_text("{")
    else:
        shutil.rmtree(folder / "1")
        shutil.copytree(folder / "2", folder / "1")
    pyramid = built(source, tmp_path)
    assert is_right(pyramid, source.array)
    pyramid.close()
    assert len(kept(tmp_path)) == 1


def test_the_folder_is_limited_and_forgets_what_was_not_used_for_longest(tmp_path):
    folders = {}
    for number in range(3):
        built(ArraySource(noise(), name=f"{number}"), tmp_path).close()
        [new] = {path.name for path in kept(tmp_path)} - folders.keys()
        folders[new] = number
    for name, number in folders.items():
        when = time.time() - (3 - number) * 1000
        os.utime(tmp_path / name, (when, when))
    # The oldest is used again.
    built(ArraySource(noise(), name="0"), tmp_path).close()
    size = sum(f.stat().st_size for f in kept(tmp_path)[0].rglob("*"))
    built(ArraySource(noise(), name="3"), tmp_path, most=int(4.5 * size)).close()
    left = {folders.get(path.name, 3) for path in kept(tmp_path)}
    assert left == {0, 2, 3}


def test_a_pyramid_in_use_is_never_removed(tmp_path):
    pyramid = built(ArraySource(noise(), name="used"), tmp_path)
    used = kept(tmp_path)
    built(ArraySource(noise(), name="other"), tmp_path).close()
    PyramidFolder(tmp_path, most=0).tidy()
    assert kept(tmp_path) == used
    pyramid.close()
    PyramidFolder(tmp_path, most=0).tidy()
    assert kept(tmp_path) == []


def test_a_process_that_died_uses_nothing(tmp_path):
    built(ArraySource(noise()), tmp_path).close()
    [folder] = kept(tmp_path)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    built(ArraySource(noise()), tmp_path)
    [mark] = folder.glob("in-use-*")
    mark.rename(folder / mark.name.replace(str(os.getpid()), str(dead.pid), 1))
    PyramidFolder(tmp_path, most=0).tidy()
    assert kept(tmp_path) == []


@pytest.mark.parametrize("most", [0, 1000])
def test_a_pyramid_beyond_the_limit_is_not_kept_and_all_is_shown(tmp_path, most):
    source = ArraySource(noise())
    pyramid = built(source, tmp_path, most=most)
    assert is_right(pyramid, source.array)
    assert kept(tmp_path) == []


def test_without_a_folder_all_is_shown(tmp_path):
    # A file with the name of the folder: even root cannot create the folder then.
    (tmp_path / "file").touch()
    source = ArraySource(noise())
    pyramid = built(source, tmp_path / "file" / "pyramids")
    assert is_right(pyramid, source.array)


def test_a_disk_that_fills_up_costs_the_kept_pyramid_only(tmp_path, monkeypatch):
    source = ArraySource(noise())
    touched = []

    def touch(part):
        touched.append(part)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        "napari_artifact_review.core.tiled.pyramid_folder.UnfinishedPyramid.touch",
        touch,
    )
    pyramid = built(source, tmp_path)
    assert touched
    assert is_right(pyramid, source.array)
    assert kept(tmp_path) == []


def test_little_of_an_image_is_held_where_nothing_can_be_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(pyramid_module, "_MOST_IN_MEMORY", 451 * 577 * 2)
    source = ArraySource(noise(shape=(3602, 4610)))
    pyramid = built(source, tmp_path, most=0)
    assert levels_in_memory(pyramid, source) == set()
    assert is_right(pyramid, source.array)
    monkeypatch.setattr(pyramid_module, "_MOST_IN_MEMORY", 901 * 1153 * 2)
    pyramid = built(source, tmp_path, most=0)
    assert levels_in_memory(pyramid, source) == {2}


def test_a_source_that_fails_is_an_error_and_leaves_nothing(tmp_path):
    source = ArraySource(noise())
    source.error = OSError("gone")
    with pytest.raises(ImageError, match="gone"):
        built(source, tmp_path)
    assert not tmp_path.exists() or kept(tmp_path) == []


def test_limits_and_a_first_look_come_from_few_pixels(tmp_path):
    source = ArraySource(noise(np.float32, (3000, 4500)))
    source.array[:, 2000:] += 100
    source.array[0:1000, 0:1000] = np.nan
    pixels, limits, medians = sample(LazyPixels(source))
    assert pixels.size == pixels_read(source)
    assert np.isnan(pixels[0]).all()
    assert pixels_read(source) < 150_000
    assert 0 <= limits[0] < limits[1] < 900
    assert medians.shape == (20, 20)
    assert medians[0, 0] == limits[0]
    assert medians[10, 3] < medians[10, 15]
    assert not source.is_open


def test_few_blocks_are_decoded_for_limits(monkeypatch):
    monkeypatch.setattr(
        "napari_artifact_review.core.tiled.lazy_pixels._MOST_DECODED", 2**24
    )
    source = ArraySource(noise(np.float32, (3000, 4500)), block=(1500, 1500))
    _, limits, medians = sample(LazyPixels(source))
    assert medians.shape == (3, 3)
    assert len(source.reads) == 9
    assert pixels_read(source) < 150_000
    assert limits[0] < limits[1]


@pytest.mark.parametrize("shape", [(5000, 3), (1, 5000), (5000, 21)])
def test_windows_of_a_narrow_image_lie_inside_of_it(shape):
    source = ArraySource(noise(np.float32, shape))
    first = sample(LazyPixels(source))
    assert first.medians.shape == (20, 20)
    for rows, columns in source.reads:
        assert 0 <= rows.start < rows.stop <= shape[0]
        assert 0 <= columns.start < columns.stop <= shape[1]


def test_an_image_of_nan_has_limits():
    source = ArraySource(np.full((2000, 1500), np.nan))
    assert sample(LazyPixels(source)).limits == (0, 1)
