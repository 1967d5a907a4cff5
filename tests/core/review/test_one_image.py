"""One file is one image, however the table spells its name."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.review.check import check_review
from napari_artifact_review.core.review.session import ReviewSession

#: Spellings of the image a: two cutouts for each.
SPELLINGS = ("a", "a.fits", "./a", "link", "link.fits")


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a", "b"):
        fits.writeto(folder / f"{name}.fits", np.zeros((400, 1000), dtype=np.float32))
    (folder / "link.fits").symlink_to("a.fits")
    os.link(folder / "b.fits", folder / "copy.fits")
    return folder


def put(folder, names, extra=()):
    rows = [
        f"{name},{200 * (i // 2)},{200 * (i % 2)},{i % 2},{i // 2 % 2}"
        for i, name in enumerate(names)
    ]
    path = folder / "t.csv"
    lines = ["image_name,grid_x,grid_y,label,preds", *rows, *extra]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_spellings_of_a_file_are_one_image(tmp_path, images):
    names = [name for name in SPELLINGS for _ in range(2)]
    path = put(tmp_path, names)
    with ReviewSession.open(path, images) as session:
        assert session.image_names == ("a",)
        session.set_label("artifact")
        session.select("link", 600, 0)
        assert session.current_cutout.key == CutoutKey("a", 600, 0)
        saved = pd.read_csv(session.save())
        assert {entry.cutout.image_name for entry in session.log} == {"a"}
        session.set_label("no artifact")
    assert saved["image_name"].tolist() == names
    assert "1 image, 10 cutouts" in check_review(path, images)[0]
    with ReviewSession.open(tmp_path / "test_outputs.csv", images) as session:
        assert session.image_names == ("a",)


def test_a_hard_link_is_the_same_image_and_an_equal_file_is_not(tmp_path, images):
    (images / "twin.fits").write_bytes((images / "b.fits").read_bytes())
    path = put(tmp_path, ["b", "copy", "b.fits", "copy.fits", "twin", "twin", "a", "a"])
    with ReviewSession.open(path, images) as session:
        assert session.image_names == ("b", "twin", "a")


@pytest.mark.parametrize("spelling", SPELLINGS[1:])
def test_a_cutout_under_another_spelling_is_a_fault(tmp_path, images, spelling):
    path = put(tmp_path, ["a"] * 4 + ["b"] * 4, extra=[f"{spelling},0,200,1,1"])
    with pytest.raises(TableError, match="is already in line 3") as caught:
        ReviewSession.open(path, images)
    assert f"the cutout {spelling} (0, 200)" in caught.value.what
    assert "which is the same file as a" in caught.value.what
    assert "line 10, column image_name" in caught.value.where
    _, faults = check_review(path, images)
    assert caught.value.what in [fault.what for fault in faults]


def test_another_folder_of_images_may_tell_the_names_apart(tmp_path, images):
    path = put(tmp_path, ["a"] * 4 + ["link"] * 4)
    other = tmp_path / "other"
    other.mkdir()
    for name in ("a", "link"):
        (other / f"{name}.fits").write_bytes((images / "a.fits").read_bytes())
    with ReviewSession.open(path, images) as session:
        assert session.image_names == ("a",)
    with ReviewSession.open(path, other, tmp_path / "out.csv") as session:
        assert session.image_names == ("a", "link")


def test_a_path_is_another_image_if_its_base_name_is_not_unique(tmp_path, images):
    names = ["/data/run1/a.fits"] * 2 + ["/data/run1/b.fits"] * 2
    with ReviewSession.open(put(tmp_path, names), images) as session:
        assert session.image_names == ("/data/run1/a.fits", "/data/run1/b.fits")
        found = [session.images.find(name).name for name in session.image_names]
        assert found == ["a.fits", "b.fits"]
    path = put(tmp_path, ["a", "a", *names[:2], "/data/run2/b.fits", *names[2:]])
    _, faults = check_review(path, images)
    told = [str(fault) for fault in faults]
    assert len(told) == 3
    assert all("several names of the table end in" in text for text in told)


def test_without_a_folder_only_names_that_are_certain_are_one_image(tmp_path):
    path = put(tmp_path, ["a", "./a", "a", "./a", "b", "b.fits"])
    with ReviewSession.open(path, tmp_path / "not there") as session:
        assert session.image_names == ("a", "b", "b.fits")
