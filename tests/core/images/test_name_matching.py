"""Image names of one table find the same images in another table."""

from __future__ import annotations

import pytest

from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.name_matching import match_names


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("images/a.fits", "a"),
        ("a", "images/a.fits"),
        ("/data/run1/a.fits", "a"),
        ("/data/run1/a.fits", "run1/a"),
        ("run1/a", "a"),
        ("../../survey/images/a.fits", "a"),
        (r"C:\data\a.fits", "a"),
        ("run1/a.fits[SCI]", "a.fits[sci]"),
    ],
)
def test_leading_folders_make_no_other_image(name, known):
    assert match_names([name, "b"], [known, "c"]) == {name: known}


@pytest.mark.parametrize(
    ("names", "known"),
    [
        (["run1/a"], ["run2/a"]),
        (["/data/run1/a"], ["/scratch/a"]),
        (["run1/a", "run2/a"], ["a"]),
        (["a"], ["run1/a", "run2/a"]),
        (["xa"], ["a"]),
        (["run1/a.fits[1]"], ["a.fits[2]"]),
    ],
)
def test_what_is_ambiguous_or_contradicts_is_another_image(names, known):
    assert match_names(names, known) == {}


def test_a_base_name_that_finds_one_file_for_both_is_one_image(tmp_path):
    (tmp_path / "a.fits").touch()

    def find_files(names):
        return ImageFolder(tmp_path, names).files()

    assert match_names(["/x/a.fits"], ["/y/a.fits"], find_files) == {
        "/x/a.fits": "/y/a.fits"
    }


def test_two_files_are_two_images(tmp_path):
    (tmp_path / "run1").mkdir()
    for name in ("a.fits", "run1/a.fits"):
        (tmp_path / name).touch()

    def find_files(names):
        return ImageFolder(tmp_path, names).files()

    assert match_names(["run1/a"], ["a"], find_files) == {}


def test_equal_names_need_no_files():
    def find_files(names):
        raise AssertionError(names)

    assert match_names(["a"], ["a", "b"], find_files) == {"a": "a"}
