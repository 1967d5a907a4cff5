"""Find images by names as training scripts write them."""

from __future__ import annotations

import gc
import os
import unicodedata
import weakref
from pathlib import Path, PureWindowsPath

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.errors import ImageError, ImageNotFoundError
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.full_image import ImageHdu, matching_hdus
from napari_artifact_review.core.images.image_names import (
    folder_parts,
    read_hdu,
    read_name,
    split_hdu,
)
from napari_artifact_review.core.review.check import check_review
from napari_artifact_review.core.review.session import ReviewSession

NFC, NFD = (unicodedata.normalize(form, "Ångström".lower()) for form in ("NFC", "NFD"))
#: Images of the same base name in two folders.
RUNS = ("/data/run1/a.fits", "/data/run2/a.fits")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder of images beside another folder."""
    inside = tmp_path / "images"
    put(inside, "a.fits", "1234.fits", "sub/b.fits", "deep/er/c.fits")
    put(tmp_path, "a.png", "secret.fits", "other/secret.fits")
    return inside


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def refusal(folder: Path, name: str, *names: str) -> ImageError:
    with pytest.raises(ImageError) as caught:
        ImageFolder(folder, names).find(name)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("name", "file"),
    [
        *((name, "a.fits") for name in ("./a", "././a.fits", ".//a.fits", ".\\a")),
        *((name, "sub/b.fits") for name in ("sub//b", "./sub/./b", "sub\\b.fits")),
        *(
            (name, "sub/b.fits")
            for name in ("sub/../sub/b", ".\\sub\\\\b", "x/../sub/b")
        ),
        *((name, "deep/er/c.fits") for name in ("deep\\er/c", "deep/er\\c.fits")),
        pytest.param("1234", "1234.fits", id="an integer"),
    ],
)
def test_separators_and_dots_lead_into_the_folder(folder, name, file):
    assert ImageFolder(folder, [name]).find(name) == folder / file


@pytest.mark.parametrize(
    "name",
    [
        *("/data/run1/a.fits", "/data/run1/a", "//server/data/a.fits"),
        *(
            "C:\\data\\a.fits",
            "C:/data/a.fits",
            "\\\\server\\data\\a",
            "\\data\\a.fits",
        ),
        *("../a.fits", "../../run1/a", "..\\run1\\a.fits", "sub/../../a.fits"),
        *("run1/a.fits", "run1\\a.fits", "sub/a.fits", "a.fits/a", "/data/x/../a"),
    ],
)
def test_a_path_that_is_not_in_the_folder_finds_its_base_name(folder, name):
    assert ImageFolder(folder).find(name) == folder / "a.fits"
    others = ("1234", "sub/b.fits", "/data/run1/aa.fits")
    assert ImageFolder(folder, [name, *others]).find(name) == folder / "a.fits"


def test_each_name_counts_once(folder):
    assert ImageFolder(folder, iter(["b", "a", "b"])).names == ("b", "a")


def test_a_path_in_the_folder_has_precedence_over_the_base_name(folder):
    put(folder, "sub/a.fits")
    for name in ("sub/a", "sub\\a.fits", str(folder / "sub/a.fits")):
        assert ImageFolder(folder, ["a", name]).find(name) == folder / "sub/a.fits"
    assert ImageFolder(folder, ["a", "sub/a"]).find("a") == folder / "a.fits"


def test_an_absolute_path_through_a_linked_relative_folder(folder, monkeypatch):
    put(folder, "b.fits")
    (folder.parent / "link").symlink_to(folder)
    monkeypatch.chdir(folder.parent)
    name = f"{folder.parent}/link/sub/b"
    images = ImageFolder("link", [name, "b"])
    assert images.find(name) == Path("link/sub/b.fits")


def test_an_absolute_path_outside_the_folder_is_not_relative_to_it(folder):
    put(folder, "data/run1/a.fits")
    assert ImageFolder(folder).find("/data/run1/a") == folder / "a.fits"
    assert ImageFolder(folder).find("data/run1/a") == folder / "data/run1/a.fits"


@pytest.mark.parametrize("way", ["absolute", "through a link", "of a relative folder"])
def test_an_absolute_path_inside_the_folder_is_relative_to_it(folder, way, monkeypatch):
    put(folder, "b.fits")
    name = f"/..{folder}/sub/../sub/b.fits"
    if way == "through a link":
        (folder.parent / "link").symlink_to(folder)
        folder = folder.parent / "link"
    elif way == "of a relative folder":
        monkeypatch.chdir(folder.parent)
        folder = Path("images")
    # The base name alone would not do, because another name has it.
    images = ImageFolder(folder, [name, "b", "/data/b"])
    assert images.find(name) == folder / "sub/b.fits"
    with pytest.raises(ImageError, match="not a file name"):
        images.find(str(folder.absolute()))


@pytest.mark.parametrize(
    ("folder", "name", "location"),
    [
        ("C:\\data", "C:\\data\\sub\\a.fits", ("sub", "a.fits")),
        ("C:\\data", "C:/data/sub/a.fits", ("sub", "a.fits")),
        ("\\\\server\\data", "\\\\server\\data\\a", ("a",)),
        ("\\\\server\\data", "//server/data/a", ("a",)),
        ("C:\\data", "C:\\data2\\a", None),
        ("C:\\data", "D:\\data\\a", None),
        ("C:\\data", "C:\\data\\..\\a", None),
        ("C:\\data", "data\\a", ("data", "a")),
        ("C:\\data", "C:a", ("C:a",)),
    ],
)
def test_an_absolute_path_of_windows_inside_the_folder_is_relative_to_it(
    folder, name, location
):
    path = read_name(name)[-1].below(folder_parts(PureWindowsPath(folder)))
    assert path.location == location


def test_the_case_of_an_absolute_path_counts_as_the_system_counts_it(
    folder, monkeypatch
):
    name = f"{str(folder).upper()}/sub/b"
    with pytest.raises(ImageNotFoundError):
        ImageFolder(folder).find(name)
    monkeypatch.setattr(os.path, "normcase", str.lower)
    assert ImageFolder(folder).find(name) == folder / "sub/b.fits"


def test_a_relative_path_is_not_taken_from_the_root(folder):
    put(folder, f"{folder.relative_to('/')}/sub/b.png")
    name = str(folder.relative_to("/") / "sub/b")
    assert ImageFolder(folder).find(name) == folder / f"{name}.png"


def test_a_folder_with_the_first_letters_of_another_is_not_that_folder(folder):
    name = f"{folder}2/sub/b.fits"
    put(folder, "b.fits")
    assert ImageFolder(folder, [name]).find(name) == folder / "b.fits"


@pytest.mark.parametrize("name", ["../a", "/data/run1/a.fits", "C:\\a.fits", "run1/a"])
def test_a_base_name_of_several_names_decides_nothing(folder, name):
    other = "/data/run2/a.fits"
    for names in ((name, other), (other, name), (other,)):
        error = refusal(folder, name, *names)
        assert not isinstance(error, ImageNotFoundError)
        assert f"{name!r} is not in the images folder" in error.what
        assert "several names of the table end in 'a" in error.what
        assert repr(other) in error.what
        assert "subfolders" in (error.remedy or "")
        assert error.path == folder


@pytest.mark.parametrize(
    "other",
    ["a", "a.fits", "x/a.png", "x\\a", "A/a", "/data/a", "../run1/a.fits.fz"],
)
def test_any_other_path_with_the_base_name_counts(folder, other):
    refusal(folder, "/data/run1/a.fits", "/data/run1/a.fits", other)


@pytest.mark.parametrize(
    "same",
    [
        *("/data/run1/a", "/data//run1/./a.fits", "/data/x/../run1/a.fits"),
        *("\\data\\run1\\a.fits", "/data/run1\\a.fits.gz", "/data\\run1/a"),
    ],
)
def test_the_same_path_in_another_form_does_not_count(folder, same):
    images = ImageFolder(folder, ["/data/run1/a.fits", same])
    assert images.find("/data/run1/a.fits") == folder / "a.fits"
    assert images.find(same) == folder / "a.fits"


def test_unicode_normalization_does_not_count(tmp_path):
    folder = tmp_path / NFC
    put(folder, f"{NFC}.fits", f"{NFC}-packed.fits.fz", f"sub/{NFC}.fits")
    refusal(folder, f"/run1/{NFC}", f"/run1/{NFC}", f"/run2/{NFD}.fits")
    images = ImageFolder(folder, [f"/{NFC}/{NFC}", f"/{NFD}/{NFD}"])
    assert images.find(f"/{NFD}/{NFD}") == folder / f"{NFC}.fits"
    assert images.find(f"{NFD}-packed.fits") == folder / f"{NFC}-packed.fits.fz"
    assert refusal(folder.parent, f"{NFD}/none").path == folder
    inside = str(tmp_path / NFD / "sub" / NFD)
    assert images.find(inside) == folder / f"sub/{NFC}.fits"


def test_subfolders_that_differ_in_case_or_normalization_are_two(tmp_path):
    both = [unicodedata.normalize(form, "éa") for form in ("NFC", "NFD")]
    put(tmp_path, *(f"{name}/a.fits" for name in (*both, NFC, NFC.upper())))
    images = ImageFolder(tmp_path)
    for name in both:
        assert images.find(f"{name}/a") == tmp_path / name / "a.fits"
    for change in (str, str.upper):
        assert images.find(f"{change(NFD)}/a") == tmp_path / change(NFC) / "a.fits"


def test_up_to_three_names_with_the_base_name_are_listed(folder):
    names = [f"/data/run{n}/a.fits" for n in range(1, 6)]
    what = refusal(folder, names[4], *names).what
    listed = what.removeprefix(f"{names[4]!r} is not in the images folder, and ")
    assert listed == (
        "several names of the table end in 'a.fits': '/data/run1/a.fits', "
        "'/data/run2/a.fits', '/data/run3/a.fits' and 2 more"
    )
    assert refusal(folder, RUNS[0], *RUNS).what.endswith(", '/data/run2/a.fits'")


def test_a_missing_image_is_named_with_similar_files_whatever_its_path(folder):
    put(folder, "frame-g-001035.fits", "sub/frame-g-001034.fits")
    for path in ("/data/run1/", "../", "../x/", "..\\", "/", ""):
        name = f"{path}frame-g-001036"
        error = refusal(folder, name, name, "/x/frame-g-001036.fits")
        assert isinstance(error, ImageNotFoundError)
        assert (error.what, error.path) == (f"image {name!r} not found", folder)
        assert "frame-g-001035.fits" in (error.remedy or "")
    error = refusal(folder, "nowhere/frame-g-001036")
    assert error.path == folder / "nowhere"
    assert "frame-g-001035.fits" in (error.remedy or "")
    error = refusal(folder, "sub/frame-g-001036")
    assert (error.path, error.remedy) == (
        folder / "sub",
        "Similar files: frame-g-001034.fits",
    )


def test_a_file_with_a_backslash_in_its_name_has_precedence(folder):
    put(folder, "sub\\b.fits", "x\\a.png")
    assert ImageFolder(folder).find("sub\\b") == folder / "sub\\b.fits"
    assert ImageFolder(folder).find("sub/b") == folder / "sub/b.fits"
    assert ImageFolder(folder).find("/data/x\\a") == folder / "x\\a.png"
    assert ImageFolder(folder).find("/data/y\\a") == folder / "a.fits"
    refusal(folder, "/data/x\\a", "/data/x\\a", "/run2/x\\a")


@pytest.mark.parametrize("compression", [".fz", ".gz", ".bz2", ".FZ"])
@pytest.mark.parametrize("suffix", [".fits", ".fit", ".FITS"])
def test_a_fits_file_is_found_after_or_before_compression(
    tmp_path, suffix, compression
):
    put(tmp_path, f"packed{suffix}{compression}", f"plain{suffix}")
    images = ImageFolder(tmp_path)
    for name in (f"packed{suffix}", f"/data/packed{suffix}"):
        assert images.find(name).name == f"packed{suffix}{compression}"
    assert images.find(f"plain{suffix}{compression}").name == f"plain{suffix}"


def test_an_exact_name_has_precedence_over_compression(tmp_path):
    put(tmp_path, "a.fits", "a.fits.fz", "b.FITS", "b.fits.fz", "c.fits.gz")
    images = ImageFolder(tmp_path)
    for name in ("a.fits", "a.fits.fz", "b.FITS", "b.fits.fz"):
        assert images.find(name) == tmp_path / name
    assert images.find("b.fits") == tmp_path / "b.FITS"
    for name in ("c.fits.fz", "c.fit", "c.png", "c.fit.gz"):
        assert isinstance(refusal(tmp_path, name), ImageNotFoundError)


def test_several_compressed_files_are_ambiguous(tmp_path):
    put(tmp_path, "a.fits.fz", "a.fits.gz", "b.fits", "b.FITS")
    for name in ("a.fits", "/data/a.fits", "./a.fits", "x\\a.fits"):
        what = refusal(tmp_path, name).what
        assert what == f"{name!r} matches several files: a.fits.fz, a.fits.gz"
    assert "b.FITS, b.fits" in refusal(tmp_path, "b.fits.gz").what


@pytest.mark.parametrize("name", ["", "/", ".", "..", "./", "../..", "/..", "sub/.."])
def test_a_path_without_a_file_name_is_refused(folder, name):
    assert "not a file name" in refusal(folder, name).what
    for other in ("\\", "..\\", "C:\\"):
        assert isinstance(refusal(folder, other), ImageNotFoundError)


def test_a_subfolder_is_found_whatever_its_case_if_the_disk_ignores_case(
    folder, monkeypatch
):
    assert isinstance(refusal(folder, "SUB/b"), ImageNotFoundError)
    lexists = os.path.lexists
    monkeypatch.setattr(
        os.path, "lexists", lambda path: lexists(str(path).replace("SUB", "sub"))
    )
    assert ImageFolder(folder).find("SUB/b") == folder / "sub/b.fits"


def test_an_error_keeps_no_frame_alive(tmp_path):
    class Pixels:
        """Stand for the pixels of an image in a frame."""

    def fail(images: ImageFolder) -> weakref.ref[Pixels]:
        pixels = Pixels()
        with pytest.raises(ImageError, match="does not exist"):
            images.find("a")
        return weakref.ref(pixels)

    images = ImageFolder(tmp_path / "nowhere")
    pixels = fail(images)
    gc.collect()
    assert pixels() is None


def test_an_image_that_comes_into_a_new_subfolder_is_found(folder, monkeypatch):
    images = ImageFolder(folder)
    for _ in range(2):
        with pytest.raises(ImageNotFoundError):
            images.find("new/d")
    put(folder, "new/d.fits")
    assert images.find("new/d") == folder / "new/d.fits"
    monkeypatch.setattr(os, "scandir", None)
    assert images.find("new/d") == folder / "new/d.fits"


@pytest.mark.parametrize(
    "name",
    [
        *("../secret", "sub/../../secret", "..\\secret", "./../secret.fits"),
        *("../other/secret", "..//secret", "sub\\..\\..\\secret", ".././secret"),
    ],
)
def test_a_name_never_leads_out_of_the_folder(folder, name):
    """The file exists, but outside the folder."""
    assert (folder.parent / "secret.fits").exists()
    assert isinstance(refusal(folder, name), ImageNotFoundError)
    absolute = str(folder.parent / "secret.fits")
    assert isinstance(refusal(folder, absolute), ImageNotFoundError)
    assert isinstance(refusal(folder, f"{folder}/../secret"), ImageNotFoundError)
    # A link in the folder is the user's own.
    (folder / "secret.fits").symlink_to(absolute)
    assert ImageFolder(folder).find(name) == folder / "secret.fits"


@pytest.mark.parametrize("is_named", [True, False])
def test_a_review_knows_all_names_of_its_table(tmp_path, is_named):
    table = tmp_path / "t.csv"
    pixels = np.zeros((8, 8))
    (tmp_path / "images").mkdir()
    for file in ("a.npy", "b.npy"):
        np.save(tmp_path / "images" / file, pixels)
    rows = [f"{name},0,0,0,1" for name in ("b", "/data/run1/a", "/data/run2/a")]
    table.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *rows, ""]))
    images = tmp_path / "images" if is_named else None
    faults = check_review(table, images)[1]
    assert [fault.where for fault in faults] == [
        f"line {line}, column image_name" for line in (3, 4)
    ]
    for fault in faults:
        assert "'/data/run1/a', '/data/run2/a'" in fault.what
    with ReviewSession.open(table, images) as session:
        assert session.images.find("b") == tmp_path / "images" / "b.npy"
        with pytest.raises(ImageError, match="several names of the table"):
            session.images.find("/data/run1/a")


parts = st.sampled_from(
    [
        "..",
        ".",
        "",
        "a",
        "a.fits",
        "sub",
        "b",
        "secret",
        "other",
        "images",
        "C:",
        "a.png",
    ]
)
paths = st.lists(st.tuples(parts, st.sampled_from("/\\")), max_size=7)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=paths, last=parts, is_below=st.booleans())
def test_whatever_is_found_lies_in_the_folder(folder, pieces, last, is_below):
    name = "".join(part + separator for part, separator in pieces) + last
    if is_below:
        name = f"{folder}/{name}"
    try:
        found = ImageFolder(folder).find(name)
    except ImageError:
        return
    assert ".." not in found.parts
    assert found.is_relative_to(folder)
    assert found.resolve().is_relative_to(folder.resolve())
    assert found.is_file()


@pytest.mark.parametrize("rows", [["b'a'"], ["b'a'", 'b"b"']])
def test_names_as_python_displays_bytes_are_said_to_be_such(tmp_path, rows):
    np.save(tmp_path / "a.npy", np.zeros((8, 8)))
    table = tmp_path / "t.csv"
    lines = [f'"{name.replace(chr(34), chr(34) * 2)}",0,0,0,1' for name in rows]
    table.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *lines, ""]))
    [fault] = check_review(table)[1]
    assert "b'a'" in fault.what
    assert "as Python displays bytes" in fault.remedy


def test_a_number_of_thousands_of_digits_is_no_index():
    digits = "9" * 5000
    assert split_hdu(f"a.fits[{digits}]") == ("a.fits", digits)
    assert read_hdu(digits) == digits
    first, second = ImageHdu(1, "SCI", (3, 4)), ImageHdu(2, "SCI", (3, 4), 2)
    assert matching_hdus([first, second], f"SCI,{digits}") == []
    assert matching_hdus([first, second], "SCI, 2") == [second]
