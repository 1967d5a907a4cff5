"""Find the file of an image_name, and read it."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.folder import ImageFolder, read_image

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = [
    *(f + c for f in (".fits", ".fit", ".fts") for c in ("", ".gz", ".bz2", ".fz")),
    *(".tif", ".tiff", ".png", ".jpg", ".jpeg", ".npy"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "images"
    inside.mkdir()
    return inside


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("change", [str, str.upper, str.title])
def test_a_stem_finds_its_file_whatever_the_suffix(folder, suffix, change):
    put(folder, f"frame.v2{change(suffix)}", "frame.fits", "frame.v2.txt")
    for name in ("frame.v2", f"frame.v2{suffix}", f"frame.v2{change(suffix)}"):
        assert ImageFolder(folder).find(name) == folder / f"frame.v2{change(suffix)}"


def test_names_lead_into_folders(folder):
    put(folder, "night1/ccd2/a.fits.fz", "night2/a.png", "two\nlines.fits")
    images = ImageFolder(folder)
    assert images.find("two\nlines") == folder / "two\nlines.fits"
    assert images.find("night1/ccd2/a") == folder / "night1/ccd2/a.fits.fz"
    assert images.find("./night2/a.png") == folder / "night2/a.png"
    with pytest.raises(ImageError, match="image 'a' not found"):
        images.find("a")


@pytest.mark.parametrize("other", ["a.fits.gz", "a.png", "a.FITS"])
def test_several_candidates_are_named_and_an_exact_path_decides(folder, other):
    put(folder, "a.fits", other)
    images = ImageFolder(folder)
    with pytest.raises(ImageError, match="matches several files") as caught:
        images.find("a")
    assert "a.fits" in caught.value.what
    assert other in caught.value.what
    assert images.find("a.fits") == folder / "a.fits"
    assert images.find(other) == folder / other
    (folder / other).unlink()
    assert images.find("a") == folder / "a.fits"


def test_a_missing_name_is_told_with_the_folder_and_what_comes_near(folder):
    put(folder, "frame-g-001035.fits.bz2", "other.png")
    with pytest.raises(ImageError, match="image 'frame-g-001036' not found") as caught:
        ImageFolder(folder).find("frame-g-001036")
    assert caught.value.path == folder
    assert "frame-g-001035.fits.bz2" in (caught.value.remedy or "")
    with pytest.raises(ImageError, match=r"night/.*not found") as caught:
        ImageFolder(folder).find("night/frame/x")
    assert caught.value.path == folder / "night/frame"
    with pytest.raises(ImageError, match="not found"):
        ImageFolder(folder).find("other.png/x")


@pytest.mark.parametrize(
    ("missing", "same", "other"),
    [
        ("frame-g-001036", "frame-g-001035.fits", "frame-r-001036.fits"),
        ("c4d_170101_ooi_z_v2", "c4d_170101_ooi_z_v1.fits", "c4d_170101_ooi_g_v2.fits"),
        ("m31_F814W_2", "m31_F814W_1.fits", "m31_F606W_2.fits"),
    ],
)
def test_only_files_of_the_same_band_are_called_similar(folder, missing, same, other):
    put(folder, same, other)
    with pytest.raises(ImageError, match="not found") as caught:
        ImageFolder(folder).find(missing)
    assert same in (caught.value.remedy or "")
    assert other not in (caught.value.remedy or "")


def test_unsupported_suffixes_are_not_images(folder):
    put(folder, "a.txt", "b.fits.xz", ".fits", "c")
    for name in ("a", "a.txt", "b", "b.fits.xz", ".fits", "c"):
        with pytest.raises(ImageError, match="not found"):
            ImageFolder(folder).find(name)


def test_files_that_come_later_are_found_and_gone_ones_are_not(folder):
    put(folder, "a.fits")
    images = ImageFolder(folder)
    assert images.find("a").name == "a.fits"
    put(folder, "b.fits")
    assert images.find("b").name == "b.fits"
    (folder / "a.fits").rename(folder / "a.fits.gz")
    assert images.find("a").name == "a.fits.gz"


def test_a_folder_is_listed_once_for_many_names(folder, monkeypatch):
    put(folder, *(f"{n}.fits" for n in range(50)))
    listed = []
    scandir = os.scandir
    monkeypatch.setattr(
        os, "scandir", lambda path: listed.append(path) or scandir(path)
    )
    images = ImageFolder(folder)
    for n in range(50):
        images.find(str(n))
    assert listed == [folder]
    with pytest.raises(ImageError):
        images.find("50")
    assert listed == [folder, folder]


def test_what_is_no_regular_file_is_refused(folder):
    (folder / "dir.fits").mkdir()
    os.mkfifo(folder / "pipe.fits")
    (folder / "null.fits").symlink_to("/dev/null")
    for name in ("dir", "pipe", "null"):
        with pytest.raises(ImageError, match="not a regular file"):
            ImageFolder(folder).find(name)
    for name in ("dir", "pipe", "null"):
        with pytest.raises(ImageError, match="not a regular file"):
            read_image(folder / f"{name}.fits")
    (folder / "loop.fits").symlink_to("loop.fits")
    (folder / "gone.fits").symlink_to("nowhere.fits")
    for name in ("loop", "gone"):
        with pytest.raises(ImageError):
            ImageFolder(folder).find(name)


@pytest.mark.parametrize("name", ["", ".", "a\0b", "a\0/b"])
def test_what_is_no_name_is_refused(folder, name):
    with pytest.raises(ImageError, match="not a file name"):
        ImageFolder(folder).find(name)


def test_a_missing_folder_is_told(folder):
    with pytest.raises(ImageError, match="folder of the images does not exist"):
        ImageFolder(folder / "nowhere").find("a")
    with pytest.raises(ImageError, match="folder of the images does not exist"):
        ImageFolder(folder / "nowhere").check()
    ImageFolder(folder).check()


def test_a_locked_folder_or_file_is_told(folder, monkeypatch):
    """Deny access by a stand-in for the system, which denies root nothing."""
    put(folder, "night/a.fits")

    def locked(path, *_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr("builtins.open", locked)
        patched.setattr("io.open", locked)
        with pytest.raises(ImageError, match="permission"):
            read_image(folder / "night/a.fits")
    monkeypatch.setattr("os.scandir", locked)
    with pytest.raises(ImageError, match="cannot be listed"):
        ImageFolder(folder).find("night/a")


def test_a_folder_that_cannot_be_listed_is_told(folder, monkeypatch):
    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ImageError, match="cannot be listed: Permission denied"):
        ImageFolder(folder).find("a")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text())
def test_any_name_is_found_or_refused(folder, name):
    put(folder, "a.fits", "é.fits.gz", "b/c.png")
    images = ImageFolder(folder)
    try:
        found = images.find(name)
    except ImageError as error:
        assert str(error)  # noqa: PT017 - either may happen
    else:
        assert found.is_file()


names = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="/"
    ),
    min_size=1,
    max_size=40,
).filter(lambda name: name not in (".", ".."))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stem=names, suffix=st.sampled_from(SUFFIXES))
def test_every_stem_finds_its_own_file(folder, stem, suffix):
    # A stem that is itself named like an image would be found as that image too.
    path = folder / (stem + suffix)
    path.touch()
    try:
        assert ImageFolder(folder).find(stem + suffix) == path
        assert ImageFolder(folder).find(stem) == path
    finally:
        path.unlink()


def test_the_suffix_says_the_format(folder):
    pixels = np.arange(12, dtype=np.int16).reshape(3, 4)
    fits.writeto(folder / "a.FIT", pixels)
    np.save(folder / "b.npy", pixels)
    assert read_image(str(folder / "a.FIT")).hdu == 0
    assert read_image(folder / "b.npy").hdu is None
    put(folder, "c.txt", "d")
    for name in ("c.txt", "d"):
        with pytest.raises(ImageError, match="suffix"):
            read_image(folder / name)
    with pytest.raises(ImageError, match="only FITS files have HDUs"):
        read_image(folder / "b.npy", hdu=1)
    with pytest.raises(ImageError, match="no such file"):
        read_image(folder / "nowhere.fits")
