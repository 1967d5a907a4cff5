"""Large images: what is shown at once, and when tiles have been read."""

from __future__ import annotations

import gc
import itertools
import threading
import time
import weakref
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.tiled import tile_reader
from napari_artifact_review.core.tiled.pyramid import TILE
from napari_artifact_review.core.tiled.tiles import TiledImage, window
from tests.core.tiled.large import (
    SHAPE,
    ArraySource,
    means,
    noise,
    opened,
    shows,
    threads,
    until,
)

MIDDLE = (slice(600, 900), slice(600, 900))


@pytest.fixture
def source():
    return ArraySource(noise())


@pytest.fixture
def tiles(source, tmp_path):
    image = opened(source, tmp_path, medians=7)
    yield image
    source.gate.set()
    image.close()
    assert image.join(20)


def rows_read(source: ArraySource) -> list[tuple[int, int]]:
    """Return the first row and column of each tile that was read."""
    return [(rows.start, columns.start) for rows, columns in source.reads]


def test_levels_are_halves_down_to_an_overview(tiles):
    assert [level.shape for level in tiles.levels] == [
        SHAPE,
        (901, 1153),
        (451, 577),
    ]
    assert {level.dtype for level in tiles.levels} == {np.dtype(np.uint16)}
    assert tiles.levels[0].size == SHAPE[0] * SHAPE[1]


def test_nothing_is_read_before_it_is_in_view(source, tiles):
    assert not threads()
    assert source.reads == []


def test_a_look_returns_while_the_disk_hangs(source, tiles):
    source.gate.clear()
    first = tiles.levels[0][MIDDLE]
    until(lambda: source.reads)
    assert (first == 7).all()
    for level in tiles.levels:
        assert (level[:300, :400] == 7).all()
        assert level[3, -1] == 7
    assert (np.asarray(tiles.levels[-1]) == 7).all()
    tiles.prefetch(0, slice(0, 100), slice(0, 100))
    tiles.close()


def test_what_was_asked_for_comes_with_a_signal_from_the_thread(source, tiles):
    heard = []
    tiles.changed.connect(lambda: heard.append(threading.current_thread().name))
    source.gate.clear()
    tiles.levels[0][MIDDLE]
    until(lambda: source.reads)
    assert heard == []
    source.gate.set()
    until(lambda: heard)
    assert set(heard) == {"large image"}
    assert shows(tiles.levels[0], source.array, *MIDDLE)


def test_a_part_is_read_once_changed_was_emitted(source, tiles, monkeypatch):
    source.gate.clear()
    told = []
    tiles.changed.connect(lambda: told.append("changed"))
    assert tiles.levels[0][MIDDLE].shape == (300, 300)
    assert not tiles.has(0, *MIDDLE)
    assert tiles.has(2, slice(0, 100), slice(0, 100)), "all that is known is drawn"
    source.gate.set()
    until(lambda: tiles.has(0, *MIDDLE))
    monkeypatch.setattr(tile_reader, "SIGNAL_INTERVAL", 1000)
    corner, other = (slice(0, 100),) * 2, (slice(900, 1000),) * 2
    held = tiles.held
    assert tiles.levels[0][corner].shape == (100, 100)
    until(lambda: tiles.held > held)
    assert not tiles.has(0, *corner), "until the signal, it is not drawn"
    told.clear()
    monkeypatch.setattr(tile_reader, "SIGNAL_INTERVAL", 0)
    assert tiles.levels[0][other].shape == (100, 100)
    until(lambda: told)
    until(lambda: tiles.has(0, *corner))


def test_signals_are_few(source, tiles, monkeypatch):
    monkeypatch.setattr(tile_reader, "SIGNAL_INTERVAL", 1000)
    monkeypatch.setattr(tile_reader, "OVERVIEW_SIGNAL_INTERVAL", 1000)
    heard = []
    tiles.changed.connect(lambda: heard.append(1))
    assert shows(tiles.levels[0], source.array, slice(0, 1800), slice(0, 2300))
    assert len(heard) <= 1


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_window_of_any_level_becomes_the_mean_of_its_pixels(source, tiles, data):
    number = data.draw(st.integers(0, 2))
    window = []
    for side in tiles.levels[number].shape:
        start = data.draw(st.integers(0, side))
        window.append(slice(start, data.draw(st.integers(start, side))))
    expected = means(source.array, 3)
    assert shows(tiles.levels[number], expected[number], *window)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "u8", "f2", "f4", "f8"])
def test_levels_are_of_the_images_own_type(tmp_path, dtype):
    array = noise(dtype, (700, 1100))
    if np.dtype(dtype).kind == "f":
        array[100:130, 200:231] = np.nan
        array[::7, ::5] = np.nan
    image = opened(ArraySource(array), tmp_path)
    for level, expected in zip(image.levels, means(array, 2), strict=True):
        assert level[:].dtype == array.dtype
        assert shows(level, expected, slice(None), slice(None))
    image.close()
    assert image.join(20)


def test_indices_are_numpys(source, tiles):
    level, array = tiles.levels[0], source.array
    assert shows(level, array, *MIDDLE)
    assert level[650, 700] == array[650, 700]
    assert level[650, 700].shape == ()
    np.testing.assert_array_equal(level[650, 600:900], array[650, 600:900])
    np.testing.assert_array_equal(level[600:900:7, 650], array[600:900:7, 650])
    assert level[5:5, :].shape == (0, SHAPE[1])
    assert level[..., 3].shape == (SHAPE[0],)
    for wrong in (SHAPE[0], (0, 0, 0), slice(None, None, -1), 1.5, (0, -SHAPE[1] - 1)):
        with pytest.raises(IndexError):
            level[wrong]


def test_the_newest_wish_is_read_first_and_stale_ones_never(source, tiles):
    source.gate.clear()
    for n in range(8):
        row, column = divmod(n, 4)
        tiles.levels[0][
            row * TILE + 9 : row * TILE + 19, column * TILE + 9 : column * TILE + 19
        ]
        until(lambda: source.reads)
    source.gate.set()
    until(lambda: len(source.reads) > 5)
    newest = [(TILE, column * TILE) for column in (3, 2, 1, 0)]
    # The first one was being read when the others came.
    assert rows_read(source)[:5] == [(0, 0), *newest]
    assert shows(tiles.levels[0], source.array, slice(522, 530), slice(9, 19))
    until(lambda: tiles.is_whole)
    tile = (slice(0, TILE), slice(TILE, 2 * TILE))
    assert tile not in source.reads


def test_reading_ahead_comes_after_what_is_looked_at_and_before_the_pyramid(
    source, tiles
):
    source.gate.clear()
    tiles.levels[0][:9, :9]
    until(lambda: source.reads)
    tiles.prefetch(0, slice(600, 700), slice(0, 10))
    tiles.levels[0][1100:1200, :9]
    source.gate.set()
    until(lambda: len(source.reads) > 3)
    assert rows_read(source)[:3] == [(0, 0), (2 * TILE, 0), (TILE, 0)]
    # Here by now: no look is needed.
    array = source.array[600:700, :10]
    assert (tiles.levels[0][600:700, :10] == array).all()


def test_memory_is_bounded_and_a_view_larger_than_it_comes_to_rest(tmp_path):
    source = ArraySource(noise())
    most = 3 * TILE * TILE * 2
    image = opened(source, tmp_path, most_cached=most)
    until(lambda: image.levels[-1][0, 0] and image.is_whole)
    source.reads.clear()
    for _ in range(20):
        image.levels[0][:]
        time.sleep(0.01)
        assert image.held <= most
    assert len(source.reads) == 3
    assert shows(image.levels[0], source.array, slice(0, 9), slice(0, 9))
    assert image.held <= most
    image.close()
    assert image.join(20)


def test_what_is_missing_is_drawn_from_the_best_coarser_level(tmp_path):
    source = ArraySource(noise(shape=(2400, 4200)))
    image = opened(source, tmp_path)
    levels = means(source.array, len(image.levels))
    until(lambda: image.levels[-1][0, 0] and image.is_whole)
    coarse = image.levels[0][700:720, 700:740]
    np.testing.assert_array_equal(
        coarse, levels[-1][87:90, 87:93].repeat(8, 0).repeat(8, 1)[4:24, 4:44]
    )
    assert shows(image.levels[1], levels[1], slice(1000, 1200), slice(1000, 1200))
    source.gate.clear()
    better = image.levels[0][2100:2120, 2100:2120]
    expected = levels[1][1050:1060, 1050:1060].repeat(2, 0).repeat(2, 1)
    np.testing.assert_array_equal(better, expected)
    source.gate.set()
    image.close()
    assert image.join(20)


def test_the_last_level_is_an_array_that_changes(source, tiles):
    source.gate.clear()
    kept = np.asarray(tiles.levels[-1])
    assert (kept == 7).all()
    source.gate.set()
    until(lambda: np.array_equal(kept, means(source.array, 3)[2]))
    with pytest.raises(ValueError, match="read-only"):
        kept[0, 0] = 1
    own = np.array(tiles.levels[-1])
    own[0, 0] = 1


def test_what_cannot_be_read_is_told_once_and_not_tried_again(source, tiles):
    heard = []
    tiles.changed.connect(lambda: heard.append(tiles.problem))
    source.error = OSError("the disk is gone")
    tiles.levels[0][MIDDLE]
    until(lambda: tiles.problem)
    until(lambda: heard and heard[-1])
    assert "the disk is gone" in tiles.problem.what
    assert tiles.problem.path == source.path
    until(lambda: tiles.is_idle)
    count = len(source.reads)
    for _ in range(5):
        assert (tiles.levels[0][MIDDLE] == 7).all()
        time.sleep(0.01)
    assert len(source.reads) <= count + 1
    source.error = None
    assert shows(tiles.levels[0], source.array, slice(1100, 1110), slice(0, 9))


def test_closing_ends_the_thread_and_what_is_known_stays(source, tiles):
    assert shows(tiles.levels[0], source.array, *MIDDLE)
    until(lambda: tiles.is_whole)
    assert source.is_open
    tiles.close()
    tiles.close()
    assert tiles.join(20)
    assert not threads()
    assert not source.is_open
    assert (tiles.levels[0][MIDDLE] == source.array[MIDDLE]).all()
    tiles.levels[0][:9, 2000:2009]
    tiles.prefetch(0, slice(0, 9), slice(2000, 2009))
    assert not threads()


def test_closing_does_not_wait_for_the_disk(source, tiles):
    source.gate.clear()
    tiles.levels[0][MIDDLE]
    until(lambda: source.reads)
    tiles.close()
    assert not tiles.join(0.01)
    source.gate.set()
    assert tiles.join(20)
    assert len(source.reads) == 1


def test_an_image_without_references_ends_its_thread(tmp_path):
    source = ArraySource(noise())
    image = opened(source, tmp_path)
    level, gone = image.levels[0], weakref.ref(image)
    del image
    # A level that is shown keeps its image.
    assert shows(level, source.array, slice(0, 9), slice(0, 9))
    del level
    gc.collect()
    assert gone() is None
    until(lambda: not threads())
    assert not source.is_open


def test_closing_what_was_never_looked_at(source, tiles):
    tiles.close()
    assert tiles.join()
    tiles.levels[0][:9, :9]
    assert source.reads == []


@pytest.mark.parametrize("block", [(512, 512), (1, SHAPE[1]), (300, 700)])
def test_blocks_are_decoded_with_few_reads(tmp_path, block):
    source = ArraySource(noise(), block)
    image = opened(source, tmp_path)
    expected = means(source.array, 3)
    source.gate.clear()
    for level in image.levels:
        level[:]
    until(lambda: source.reads)
    source.gate.set()
    for level, pixels in zip(image.levels, expected, strict=True):
        assert shows(level, pixels, slice(None), slice(None))
    if block[0] == 1:
        # All tiles of a row at once, and once for the pyramid.
        tiled = [rows for rows, _ in source.reads if rows.stop - rows.start == TILE]
        assert len(tiled) <= 2 * 4
    image.close()
    assert image.join(20)


def test_a_window_larger_than_memory_is_refused(tmp_path, monkeypatch):
    image = opened(ArraySource(noise()), tmp_path)
    monkeypatch.setattr("napari_artifact_review.core.decoders.MOST_BYTES", 10**6)
    with pytest.raises(ImageError, match="of memory"):
        image.levels[0][:]
    with pytest.raises(ImageError, match="of memory"):
        np.asarray(image.levels[0])
    image.close()


class Watched:
    """A level that records which parts are requested."""

    def __init__(self, level, number, asked):
        self._level = level
        self._note = partial(self._note_in, asked, number)

    def _note_in(self, asked, number, key):
        *parts, _ = window(key, self._level.shape)
        asked.append((number, tuple(parts)))

    def __getattr__(self, name):
        return getattr(self._level, name)

    def __getitem__(self, key):
        self._note(key)
        return self._level[key]

    def __array__(self, dtype=None, copy=None):
        self._note(...)
        return self._level.__array__(dtype, copy)


def test_napari_shows_it_and_asks_for_no_whole_level(source, tiles: TiledImage):
    from napari.components import ViewerModel
    from napari.layers import Image

    asked = []
    levels = [
        Watched(level, number, asked) for number, level in enumerate(tiles.levels)
    ]
    layer = Image(levels, multiscale=True, rgb=False, contrast_limits=(0, 250))
    viewer = ViewerModel()
    viewer.add_layer(layer)
    assert layer.data_level == 2
    until(lambda: tiles.is_whole)
    layer.refresh()
    expected = means(source.array, 3)
    # What napari kept of the last level is up to date.
    rows, columns = (range(0, length, 7) for length in expected[2].shape)
    for row, column in itertools.product(rows, columns):
        shown = layer.get_value(layer.downsample_factors[2] * (row, column))
        assert shown == (2, expected[2][row, column])
    corners = np.array([[700, 800], [900, 1000]])
    layer._update_draw(1, corners, (600, 800))
    assert layer.data_level == 0

    def value() -> tuple[int, int]:
        layer.refresh()
        return layer.get_value((850, 900))

    until(lambda: value() == (0, source.array[850, 900]))
    assert layer.thumbnail.max() > 0
    # Whole tiles, so that not each step of the camera asks anew.
    assert (0, (slice(512, 1024, 1), slice(512, 1024, 1))) in asked
    assert all(level for level, window in asked if window[0].stop == SHAPE[0])
