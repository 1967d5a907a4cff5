"""The display of an image layer, and which setting determines it."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.colormaps import AVAILABLE_COLORMAPS
from psygnal import Signal

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images import drawable as drawing
from napari_artifact_review.core.images import image_cache
from napari_artifact_review.core.images.display import Brightness, Display
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.images.stretch import smoothed
from napari_artifact_review.core.limits import zscale_limits
from napari_artifact_review.core.tiled.pyramid_folder import PyramidFolder
from napari_artifact_review.core.tiled.tiles import open_tiled
from napari_artifact_review.viewer.image import smooth_tiles
from napari_artifact_review.viewer.image.image_layer import ImageLayer
from napari_artifact_review.viewer.image.loader import ImageLoader
from napari_artifact_review.viewer.image.smooth_tiles import SmoothLevel
from napari_artifact_review.viewer.layers import ReviewLayers
from tests.core.tiled.large import SHAPE, ArraySource, noise, until

STRETCHES = ("asinh", "log", "sqrt", "power", "histogram")


def _sky(seed=1, shape=(300, 400)):
    random = np.random.default_rng(seed)
    return random.normal(100 * seed, 5 * seed, shape).astype(np.float32)


def _loaded(pixels, sigma=0.0):
    full = FullImage(Path("a.fits"), pixels, zscale_limits(pixels))
    drawable = smoothed(pixels, sigma) if sigma else pixels
    return LoadedImage(full, drawable, Brightness.of(drawable), sigma)


class Shown:
    """An image layer of a viewer without a window, with a cutout to look at."""

    def __init__(self):
        self.cutout: Cutout | None = None
        self.viewer = ViewerModel()
        self.layers = ReviewLayers(self.viewer, lambda *_: "", lambda: None)
        self.image = ImageLayer(self.layers, lambda: self.cutout)
        self.told: list[Display] = []
        self.image.display_changed.connect(self.told.append)

    def show(self, loaded):
        self.image.show(loaded, "name")
        return self

    def go_to(self, x, y, size=100):
        self.cutout = _Cutout(x, y, size)
        self.image.follow()

    def wish(self, **wished):
        self.image.set_display(replace(self.image.display, **wished))

    @property
    def layer(self) -> Image:
        return self.image.layer

    @property
    def limits(self):
        return tuple(self.layer.contrast_limits)

    @property
    def ramp(self):
        """Return the grey levels from the lower to the upper limit."""
        return self.layer.colormap.map(np.linspace(0, 1, 50))[:, 0]


class _Cutout:
    """A place on an image: all that a layer knows of a cutout."""

    def __init__(self, x, y, size):
        self.grid_x, self.grid_y, self.size = x, y, size


class _Level:
    """An array in the place of a level of an image in tiles."""

    chunks = (64, 64)

    def __init__(self, pixels):
        self.pixels, self.shape, self.size = pixels, pixels.shape, pixels.size

    def __getitem__(self, key):
        return self.pixels[key].copy()


@pytest.fixture
def shown():
    return Shown().show(_loaded(_sky()))


# Limits


@pytest.mark.parametrize("interval", ["zscale", "percentile", "min-max"])
def test_limits_are_those_of_the_interval_in_each_image(shown, interval):
    shown.wish(interval=interval, percent=90)
    for seed in (1, 2):
        shown.show(_loaded(_sky(seed)))
        expected = Brightness.of(_sky(seed)).limits(shown.image.display)
        assert shown.limits == expected


def test_limits_of_the_cutout_follow_it(shown):
    pixels = shown.layer.data
    pixels[100:200, 200:300] += 1000
    shown.wish(scope="cutout")
    shown.go_to(200, 100)
    assert shown.limits == zscale_limits(pixels[100:200, 200:300])
    assert shown.limits[0] > 1000
    shown.go_to(0, 0)
    assert shown.limits == zscale_limits(pixels[:100, :100])
    shown.go_to(350, 250)
    assert shown.limits == zscale_limits(pixels[250:, 350:]), "as far as it is there"


@pytest.mark.parametrize("place", [(500, 0), (-100, 0), (0, -250), (100, 100)])
def test_a_cutout_without_a_pixel_has_the_limits_of_its_image(shown, place):
    pixels = _sky()
    pixels[100:200, 100:200] = np.nan
    shown.show(_loaded(pixels))
    shown.wish(scope="cutout")
    shown.go_to(*place)
    assert shown.limits == zscale_limits(pixels)


@pytest.mark.parametrize("value", [np.nan, 0, 7])
def test_an_even_image_can_be_looked_at_in_any_way(shown, value):
    shown.show(_loaded(np.full((30, 30), value, np.float32)))
    for stretch in STRETCHES:
        for scope in ("image", "cutout"):
            shown.wish(stretch=stretch, scope=scope, interval="percentile")
            shown.go_to(0, 0, 20)
            low, high = shown.limits
            assert low < high
            assert np.isfinite(shown.ramp).all()


def test_limits_dragged_in_the_layer_s_controls_stay_until_an_interval_is_chosen(shown):
    shown.layer.contrast_limits = (5, 500)
    assert [display.manual for display in shown.told] == [(5, 500)]
    shown.wish(stretch="asinh")
    shown.show(_loaded(_sky(2)))
    assert shown.limits == (5, 500)
    shown.wish(interval="zscale", manual=None)
    assert shown.limits == zscale_limits(_sky(2))
    assert len(shown.told) == 1, "only what the user does there is told"


# Stretch and colours


@pytest.mark.parametrize("stretch", STRETCHES)
def test_a_stretch_changes_the_colours_and_leaves_the_pixels(shown, stretch):
    pixels = shown.layer.data
    shown.wish(stretch=stretch)
    brightness = Brightness.of(pixels)
    curve = brightness.stretch(shown.image.display, shown.limits)
    expected = curve(np.linspace(0, 1, 50))
    # Between two of 1,024 levels the screen draws a straight line.
    assert shown.ramp == pytest.approx(expected, abs=0.02)
    assert shown.ramp != pytest.approx(np.linspace(0, 1, 50), abs=0.05)
    assert shown.layer.data is pixels
    shown.wish(stretch="linear")
    assert shown.layer.colormap.name == "gray"


@pytest.mark.parametrize("stretch", ["linear", *STRETCHES])
def test_inverted_the_colours_run_back(shown, stretch):
    shown.wish(stretch=stretch)
    before = shown.ramp
    shown.wish(inverted=True)
    assert shown.ramp == pytest.approx(1 - before, abs=1e-5)


def test_colours_chosen_in_the_layer_s_controls_keep_the_stretch(shown):
    shown.wish(stretch="sqrt", inverted=True)
    shown.layer.colormap = "viridis"
    (told,) = shown.told
    assert (told.colormap, told.stretch, told.inverted) == ("viridis", "sqrt", True)
    viridis = AVAILABLE_COLORMAPS["viridis"]
    middle = shown.layer.colormap.map([0.25])[0]
    assert middle == pytest.approx(viridis.map([0.5])[0], abs=0.01)
    shown.layer.colormap = "viridis"
    assert shown.layer.colormap.map([0.25])[0] == pytest.approx(middle)


def test_a_stretch_that_is_chosen_in_napari_s_list_is_taken(shown):
    shown.wish(stretch="asinh")
    name = shown.layer.colormap.name
    shown.wish(stretch="linear")
    shown.layer.colormap = name
    assert shown.told == [Display(stretch="asinh")]


def test_a_histogram_is_that_of_each_image_and_napari_lists_it_once(shown):
    before = set(AVAILABLE_COLORMAPS)
    ramps = []
    shown.wish(stretch="histogram", interval="min-max")
    for seed in (1, 2, 3):
        pixels = _sky(seed)
        pixels[:150] += 100 * seed
        shown.show(_loaded(pixels))
        ramps.append(shown.ramp)
    assert ramps[0] != pytest.approx(ramps[1], abs=0.001)
    assert set(AVAILABLE_COLORMAPS) - before <= {"gray (histogram)"}


def test_a_histogram_follows_limits_that_are_dragged(shown):
    shown.wish(stretch="histogram")
    before = shown.ramp
    shown.layer.contrast_limits = (100, 200)
    assert shown.ramp != pytest.approx(before, abs=0.1)


def test_unknown_colours_become_grey(shown):
    shown.wish(colormap="of a plugin that is gone")
    assert shown.image.display.colormap == "gray"


def test_a_step_changes_nothing_that_stays_as_it_is(shown):
    changes = []
    shown.wish(stretch="asinh")
    shown.layer.events.colormap.connect(lambda: changes.append("colours"))
    shown.layer.events.contrast_limits.connect(lambda: changes.append("limits"))
    shown.go_to(0, 0)
    shown.go_to(100, 100)
    shown.wish(stretch="asinh")
    assert changes == []


# Smoothing


def test_smoothed_pixels_are_drawn_with_their_own_limits(shown):
    raw = _loaded(_sky())
    smooth = _loaded(raw.full.pixels, 2)
    shown.wish(sigma=2)
    shown.show(smooth)
    assert np.array_equal(shown.layer.data, smoothed(_sky(), 2))
    assert shown.limits == zscale_limits(smoothed(_sky(), 2))
    assert np.array_equal(smooth.full.pixels, _sky()), "the status reads these"


def test_what_is_shown_stays_until_pixels_are_smoothed(shown):
    limits = shown.limits
    display = Display("min-max", stretch="log", inverted=True, sigma=2)
    shown.image.set_display(display)
    assert shown.limits == limits
    assert shown.layer.colormap.name == "gray"
    shown.show(_loaded(_sky(), 2))
    assert shown.limits == Brightness.of(smoothed(_sky(), 2)).extent
    assert shown.ramp[0] == 1


@pytest.fixture
def images(tmp_path, main_loop):
    for seed in (1, 2, 3):
        np.save(tmp_path / f"{seed}.npy", _sky(seed))
    loader = ImageLoader(ImageFolder(tmp_path), main_loop.post)
    yield loader
    loader.close()


def _sigma(images, name):
    """Return how much an image at hand is smoothed; None without one."""
    loaded = images.at_hand(name)
    return None if loaded is None else loaded.sigma


def test_images_are_smoothed_also_ahead_and_not_read_again(images, monkeypatch):
    read = []
    monkeypatch.setattr(
        image_cache,
        "read_image",
        lambda path, hdu, *, of=image_cache.read_image, **how: (
            read.append(path.stem) or of(path, hdu, **how)
        ),
    )
    raw = images.load("1").result(20)
    images.read_ahead([("2", None)])
    until(lambda: images.at_hand("2") is not None)
    images.smooth(1.5)
    images.read_ahead([("2", None), ("3", None)])
    for seed in (2, 3):
        until(lambda name=str(seed): _sigma(images, name) == 1.5)
        loaded = images.at_hand(str(seed))
        assert np.array_equal(loaded.drawable, smoothed(_sky(seed), 1.5))
        assert np.array_equal(loaded.full.pixels, _sky(seed))
    again = images.load("1").result(20)
    assert again.full is raw.full
    assert again.sigma == 1.5
    assert images.load("1").result(20) is again
    images.smooth(0)
    assert images.load("1").result(20).drawable is raw.full.pixels
    assert read == ["1", "2", "3"]


def test_an_image_that_cannot_be_smoothed_says_so(images, monkeypatch):
    def fail(*_):
        raise MemoryError

    images.load("1").result(20)
    monkeypatch.setattr(drawing, "smoothed", fail)
    images.smooth(2)
    with pytest.raises(ImageError, match=r"1\.npy.*cannot be smoothed"):
        images.load("1").result(20)


# Large images


@pytest.fixture
def source():
    return ArraySource(noise())


@pytest.fixture
def tiled(source, tmp_path):
    pixels, limits, tiles = open_tiled(source, PyramidFolder(tmp_path))
    full = FullImage(Path("large"), pixels, limits, tiles=tiles)
    yield full
    source.gate.set()
    tiles.close()
    assert tiles.join(20)


@pytest.mark.parametrize(("shape", "part"), [(SHAPE, 4), ((2000, 6000), 50)])
def test_limits_of_a_large_image_come_from_a_sample(tmp_path, shape, part):
    source = ArraySource(noise(shape=shape))
    pixels, limits, tiles = open_tiled(source, PyramidFolder(tmp_path))
    full = FullImage(Path("large"), pixels, limits, tiles=tiles)
    brightness = LoadedImage.of(full, 0.0).brightness
    assert brightness.zscale == limits
    assert limits == pytest.approx(zscale_limits(source.array), abs=30)
    low, high = brightness.limits(Display("percentile", 98))
    expected = np.percentile(source.array, [1, 99])
    assert [low, high] == pytest.approx(expected, abs=8)
    read = sum((r.stop - r.start) * (c.stop - c.start) for r, c in source.reads)
    assert read < source.array.size / part


def test_limits_of_a_cutout_wait_for_its_tiles_and_not_for_the_disk(
    tiled, tmp_path, source
):
    loaded = LoadedImage.of(tiled, 0.0)
    source.gate.clear()
    shown = Shown().show(loaded)
    shown.wish(scope="cutout")
    shown.go_to(700, 800)
    assert shown.limits == tiled.limits
    source.gate.set()
    window = (0, slice(800, 900), slice(700, 800))
    until(lambda: tiled.tiles.has(*window))
    shown.image.refresh()
    assert shown.limits == zscale_limits(source.array[800:900, 700:800])


def test_tiles_are_smoothed_once_they_are_there_off_the_main_thread(
    tiled, tmp_path, source
):
    shown = Shown()
    shown.wish(sigma=2)
    shown.show(LoadedImage.of(tiled, 2.0))
    level = shown.layer.data[0]
    assert isinstance(level, SmoothLevel)
    assert isinstance(shown.layer.data[1], SmoothLevel)
    part, window = source.array[800:1000, 700:900], (slice(800, 1000), slice(700, 900))
    tiled.tiles.prefetch(0, *window)
    until(lambda: tiled.tiles.has(0, *window))
    until(lambda: level[window] == pytest.approx(smoothed(part, 2)))
    shown.wish(sigma=0)
    shown.show(LoadedImage.of(tiled, 0.0))
    assert shown.layer.data[0] is tiled.tiles.levels[0]


def test_drawing_does_not_wait_and_is_notified_of_a_smoothed_part(monkeypatch):
    class Tiles:
        changed = Signal()

    pixels = _sky()
    pixels[3, 4] = np.nan
    tiles, gate, changed = Tiles(), threading.Event(), []
    monkeypatch.setattr(
        smooth_tiles, "smoothed", lambda *a: gate.wait(20) and smoothed(*a)
    )
    tiles.changed.connect(lambda: changed.append(threading.current_thread()))
    level = SmoothLevel(tiles, _Level(pixels), 2)
    assert np.array_equal(level[:100, :100], pixels[:100, :100], equal_nan=True)
    assert np.array_equal(level[50:90, 50:90], pixels[50:90, 50:90])
    assert changed == []
    gate.set()
    until(lambda: len(changed) == 2)
    assert threading.current_thread() not in changed
    assert np.array_equal(level[50:90, 50:90], smoothed(pixels[50:90, 50:90], 2))
    pixels[60, 60] = 1e4
    found = level[50:90, 50:90]
    assert found[10, 10] == 1e4, "what has been read since is not kept back"
    until(lambda: len(changed) == 3)


def test_limits_of_a_cutout_in_tiles_are_those_of_its_smoothed_pixels(
    tiled, tmp_path, source
):
    shown = Shown()
    shown.wish(scope="cutout", sigma=2)
    shown.show(LoadedImage.of(tiled, 2.0))
    shown.go_to(700, 800)
    expected = zscale_limits(smoothed(source.array[800:900, 700:800], 2))

    def is_there():
        shown.image.refresh()
        return shown.limits == expected

    until(is_there)


def test_for_another_smoothing_nothing_of_a_large_image_is_read(
    tiled, tmp_path, source, monkeypatch
):
    np.save(tmp_path / "1.npy", np.zeros((2, 2)))
    monkeypatch.setattr(image_cache, "read_image", lambda *_, **__: tiled)
    loader = ImageLoader(ImageFolder(tmp_path), lambda function: function())
    loaded = loader.load("1").result(20)
    read = len(source.reads)
    loader.smooth(1.0)
    again = loader.load("1").result(20)
    loader.close()
    assert again == replace(loaded, sigma=1.0)
    assert len(source.reads) == read


def test_what_is_done_to_the_layer_that_is_not_seen_is_no_wish(tiled, tmp_path):
    shown = Shown().show(_loaded(_sky()))
    hidden = shown.layer
    shown.show(LoadedImage.of(tiled, 0.0))
    assert shown.layer is not hidden
    hidden.contrast_limits = (1, 2)
    hidden.colormap = "magma"
    assert shown.told == []
    shown.show(_loaded(_sky()))
    assert shown.limits == zscale_limits(_sky())
    assert hidden.colormap.name == "gray"


def test_other_drawings_of_the_cutout_are_notified_of_another_one(shown):
    told = []
    shown.image.drawn.connect(lambda: told.append(shown.cutout))
    shown.go_to(100, 100)
    shown.show(_loaded(_sky(2)))
    assert len(told) == 2


# As it is kept


def test_how_pixels_look_comes_back(shown):
    shown.image.set_display(Display("percentile", 98, stretch="log", inverted=True))
    shown.layer.gamma = 0.5
    kept = json.loads(json.dumps(shown.image.settings()))
    again = Shown()
    again.image.restore(kept)
    again.show(_loaded(_sky()))
    assert again.image.display == shown.image.display
    assert again.limits == shown.limits
    assert again.ramp == pytest.approx(shown.ramp)
    assert again.layer.gamma == 0.5


@pytest.mark.parametrize(
    ("kept", "display"),
    [
        ({}, Display()),
        (
            {"contrast_limits": [1, 2], "limits_chosen": False, "colormap": "magma"},
            Display(colormap="magma"),
        ),
        (
            {"contrast_limits": [1, 2], "limits_chosen": True, "colormap": "gray"},
            Display(manual=(1, 2)),
        ),
        ({"display": "of another version"}, Display()),
    ],
)
def test_reviews_from_before_there_were_stretches_go_on_as_they_were(
    shown, kept, display
):
    shown.image.restore(kept)
    assert shown.image.display == display
