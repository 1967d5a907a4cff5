"""Image names of another file find their images in the table."""

from __future__ import annotations

import pytest

from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.learning.image_matching import match_images
from napari_artifact_review.core.tables.reading import read_predictions


def table_of(folder, *names, find_aliases=lambda _: {}):
    path = folder / "table.csv"
    rows = [f"{name},{at},0,0,1" for at, name in enumerate(names)]
    path.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *rows]) + "\n")
    return read_predictions(path, find_aliases=find_aliases)


def matched(table, *names, find_files=lambda _: {}):
    found = match_images(names, table, find_files)
    return {name: table.image_names[at] for name, at in found.items()}


@pytest.mark.parametrize(
    ("known", "name"),
    [
        ("a", "a"),
        ("a", "a.fits.fz"),
        ("a.fits", "a"),
        ("night/a", "./night/a.fits"),
        ("night/a", r"night\a.fits"),
        ("night/a", "/data/night/a.fits"),
        ("/scratch/a.fits", "a"),
        ("n\N{LATIN SMALL LETTER O WITH DIAERESIS}", "no\N{COMBINING DIAERESIS}.fits"),
    ],
)
def test_another_spelling_is_the_same_image(tmp_path, known, name):
    assert matched(table_of(tmp_path, known, "other"), name) == {name: known}


def test_a_name_with_a_backslash_is_first_that_of_a_file(tmp_path):
    table = table_of(tmp_path, "sub/a", r"sub\a")
    assert matched(table, r"sub\a.fits") == {r"sub\a.fits": r"sub\a"}


def test_an_exact_name_comes_first(tmp_path):
    table = table_of(tmp_path, "a", "a.fits")
    assert matched(table, "a.fits", "a") == {"a.fits": "a.fits", "a": "a"}


@pytest.mark.parametrize(
    ("known", "names"),
    [
        (("a", "night/a"), ("/data/x/a.fits",)),
        (("a",), ("x/a", "y/a")),
        (("x/a",), ("x/a", "y/a")),
        (("a", "a.fits"), ("a.fits.fz",)),
        (("a",), ("b", "", "..", "a\0")),
    ],
)
def test_what_is_ambiguous_or_no_name_is_no_image(tmp_path, known, names):
    table = table_of(tmp_path, *known)
    exact = {name: name for name in names if name in known}
    assert matched(table, *names) == exact


def test_another_name_of_a_file_is_that_image(tmp_path):
    (tmp_path / "real.fits").touch()
    (tmp_path / "link.fits").symlink_to(tmp_path / "real.fits")

    def find_aliases(names):
        return ImageFolder(tmp_path, names).aliases()

    def find_files(names):
        return ImageFolder(tmp_path, names).files()

    table = table_of(tmp_path, "link", "link.fits", find_aliases=find_aliases)
    assert table.image_names == ("link",)
    found = matched(table, "link.fits", "real", find_files=find_files)
    assert found == {"link.fits": "link", "real": "link"}
