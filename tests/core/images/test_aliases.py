"""Names of a table that mean the same image file."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.folder import ImageFolder

HDUS = (" 1 ", "sci", "SCI,1", "SCI,2", "2", "ERR")


def put(folder: Path, *names: str) -> None:
    """Make files of different sizes."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def aliases(folder: Path, *names: str) -> dict[str, str]:
    return ImageFolder(folder, names).aliases()


def test_names_of_one_file_are_aliases_of_the_first_name(tmp_path):
    put(tmp_path, "a.fits", "b.fits", "sub/a.fits", "sub/c.fits.fz")
    assert aliases(tmp_path, "a.fits", "b", "a", "./a", "b.fits", ".\\a.fits") == {
        "a": "a.fits",
        "./a": "a.fits",
        "b.fits": "b",
        ".\\a.fits": "a.fits",
    }
    assert aliases(tmp_path, "sub\\a", "a", "sub//a.fits", f"{tmp_path}/sub/a") == {
        "sub//a.fits": "sub\\a",
        f"{tmp_path}/sub/a": "sub\\a",
    }
    assert aliases(
        tmp_path, "sub/c", "sub/c.fits", "sub/c.fits.fz", "/data/b", "b"
    ) == {
        "sub/c.fits": "sub/c",
        "sub/c.fits.fz": "sub/c",
    }
    assert aliases(tmp_path, "/data/b.fits", "\\data\\b") == {
        "\\data\\b": "/data/b.fits"
    }
    assert aliases(tmp_path, "a", "a", "sub/a") == {}
    assert aliases(tmp_path) == {}


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_names_of_one_hdu_are_aliases_whatever_words_they_use(tmp_path, suffix):
    pixels = np.zeros((20, 20), np.float32)
    hdus = [fits.ImageHDU(pixels, name="SCI", ver=version) for version in (1, 2)]
    hdus.append(fits.ImageHDU(pixels, name="ERR"))
    file = f"a.fits{suffix}"
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / file)
    whole, *others = [file, *(f"{file}[{hdu}]" for hdu in HDUS)]
    first, sci, sci1, sci2, second, err = others
    assert aliases(tmp_path, whole, *others) == {
        first: whole,
        sci: whole,
        sci1: whole,
        second: sci2,
    }
    assert ImageFolder(tmp_path, [whole, *others], hdu="ERR").aliases() == {
        sci: first,
        sci1: first,
        second: sci2,
        err: whole,
    }
    # An HDU that does not exist is that of no other name.
    gone = f"{file}[9]", f"{file}[DQ]", f"{file}[dq]"
    assert aliases(tmp_path, whole, *gone) == {gone[2]: gone[1]}


def test_files_of_which_each_name_means_another_hdu_are_not_read(tmp_path):
    put(tmp_path, "a.fits", "b.fits")
    names = [f"a.fits[{hdu}]" for hdu in ("1", "2", " 1 ")]
    names += [f"b.fits[{hdu}]" for hdu in ("ccd1", "CCD2,1", "CCD1")]
    assert aliases(tmp_path, *names) == {names[2]: names[0], names[5]: names[3]}


def test_names_of_a_damaged_file_are_aliases_if_they_are_equal_as_written(tmp_path):
    put(tmp_path, "a.fits")
    names = "a", "a.fits[1]", "a.fits[SCI]", "./a.fits[sci]"
    assert aliases(tmp_path, *names) == {names[3]: names[2]}


def test_names_that_differ_in_unicode_normalization_are_aliases(tmp_path):
    composed, decomposed = (
        unicodedata.normalize(form, "é/é") for form in ("NFC", "NFD")
    )
    put(tmp_path, f"{composed}.fits")
    assert aliases(tmp_path, decomposed, composed) == {composed: decomposed}
    # Without the file, the two names may be those of two files.
    assert aliases(tmp_path / "nowhere", decomposed, composed) == {}


def test_the_order_of_the_table_decides_which_name_stays(tmp_path):
    put(tmp_path, "a.fits")
    assert aliases(tmp_path, "./a", "a.fits", "a") == {"a.fits": "./a", "a": "./a"}
    assert aliases(tmp_path, "a", "a.fits", "./a") == {"a.fits": "a", "./a": "a"}


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_a_link_and_its_file_are_one_image(tmp_path, kind):
    put(tmp_path, "a.fits", "b.fits", "outside/c.fits")
    images = tmp_path / "images"
    images.mkdir()
    link = Path.symlink_to if kind == "symbolic" else Path.hardlink_to
    put(images, "night1/a.fits", "b.fits")
    link(images / "a.fits", images / "night1/a.fits")
    link(images / "first.fits", tmp_path / "outside/c.fits")
    link(images / "second.fits", tmp_path / "outside/c.fits")
    names = ("a", "b", "night1/a", "second", "first.fits")
    assert aliases(images, *names) == {"night1/a": "a", "first.fits": "second"}
    assert aliases(images, *reversed(names)) == {
        "a": "night1/a",
        "second": "first.fits",
    }


def test_a_linked_subfolder_holds_the_same_images(tmp_path):
    put(tmp_path, "run1/a.fits", "run1/b.fits")
    (tmp_path / "latest").symlink_to("run1")
    (tmp_path / "b.fits").symlink_to("latest/b.fits")
    assert aliases(tmp_path, "latest/a", "run1/a", "run1/b", "b", "latest/b") == {
        "run1/a": "latest/a",
        "b": "run1/b",
        "latest/b": "run1/b",
    }


def test_a_linked_zarr_image_is_the_same_image(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "b.zarr").symlink_to("a.zarr")
    assert aliases(tmp_path, "b", "a", "a.zarr") == {"a": "b", "a.zarr": "b"}


def test_files_that_are_equal_but_no_links_are_not_aliases(tmp_path):
    put(tmp_path, "a.fits")
    (tmp_path / "b.fits").write_bytes((tmp_path / "a.fits").read_bytes())
    state = (tmp_path / "a.fits").stat()
    os.utime(tmp_path / "b.fits", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert aliases(tmp_path, "a", "b") == {}


SAME = ("a", "./a", ".\\a", "b//c", "b/c", "b\\c", ".\\b\\.\\c", "x/../a")
OTHER = (
    "a.fits",
    "b/a",
    "../a",
    "..\\..\\a",
    "/b/c",
    "C:\\b\\c",
    "c",
    "A",
    "b\\c.fits",
)


@pytest.mark.parametrize("fault", ["missing", "no folder", "a file", "ambiguous"])
def test_names_without_a_file_are_aliases_if_they_are_equal_as_written(tmp_path, fault):
    folder = tmp_path / "images"
    if fault == "a file":
        folder.touch()
    elif fault != "no folder":
        folder.mkdir()
    if fault == "ambiguous":
        put(folder, "a.npy", "a.png", "b/c.npy", "b/c.png")
    found = aliases(folder, *SAME, *OTHER)
    assert found == {
        **dict.fromkeys(("./a", ".\\a", "x/../a"), "a"),
        **dict.fromkeys(("b/c", "b\\c", ".\\b\\.\\c"), "b//c"),
    }


def test_names_that_are_no_file_names_are_no_aliases(tmp_path):
    assert aliases(tmp_path, "", ".", "/", "..", "a\0", "./a\0", "\0") == {}


def test_ambiguous_base_names_are_no_aliases(tmp_path):
    put(tmp_path, "a.fits")
    names = ("/data/run1/a.fits", "/data/run2/a.fits")
    assert aliases(tmp_path, *names) == {}
    assert aliases(tmp_path, *names, "a", "./a", "/data//run1/a.fits") == {
        "./a": "a",
        "/data//run1/a.fits": "/data/run1/a.fits",
    }


def test_a_file_with_a_backslash_in_its_name_is_another_image(tmp_path):
    put(tmp_path, "b\\c.fits")
    assert aliases(tmp_path, "b\\c", "b/c", "b//c") == {"b//c": "b/c"}


def test_links_without_a_target_are_images_of_their_own(tmp_path):
    for name in ("a", "b", "loop"):
        (tmp_path / f"{name}.fits").symlink_to("nowhere.fits")
    (tmp_path / "c.fits").symlink_to("c.fits")
    assert aliases(tmp_path, "a", "b", "c", "a.fits") == {"a.fits": "a"}


def test_a_folder_that_cannot_be_listed_raises_no_error(tmp_path, monkeypatch):
    put(tmp_path, "sub/a.fits", "b.fits")
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    names = ("b", "sub/a", "sub/a.fits", "b.fits", "sub\\a", "sub/b")
    images = ImageFolder(tmp_path, names)
    assert images.aliases() == {"b.fits": "b", "sub\\a": "sub/a"}
    with pytest.raises(ImageError, match="cannot be listed"):
        images.find("sub/a")
    monkeypatch.undo()
    assert images.find("sub/a") == tmp_path / "sub/a.fits"


def test_a_file_that_vanishes_meanwhile_raises_no_error(tmp_path, monkeypatch):
    """Another thread looks for an image while the links are examined."""
    put(tmp_path, "a.fits", "c.fits")
    (tmp_path / "b.fits").symlink_to("a.fits")
    images = ImageFolder(tmp_path, ["b", "a", "c"])
    stat = os.stat

    def vanish(path: Path, **options: bool) -> os.stat_result:
        if not gone:
            gone.append(True)
            (tmp_path / "c.fits").unlink()
            with pytest.raises(ImageError):
                images.find("d")
        return stat(path, **options)

    gone: list[bool] = []
    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", vanish)
        assert images.aliases() == {"a": "b"}
    assert gone


# The cost


class Disk:
    """A disk that counts accesses, and may number its files in its own way.

    Attributes
    ----------
    scanned, examined : list of str
        The folders that were listed, and the files that were examined one by one.
    inode : callable, optional
        Gives the inode number of a name in a listing, or raises an error.
    state : callable, optional
        Gives device and inode number of an examined path.
    """

    def __init__(self) -> None:
        self.scanned: list[str] = []
        self.examined: list[str] = []
        self.inode: Callable[[str], int] | None = None
        self.state: Callable[[str], tuple[int, int]] | None = None


class Entry:
    """An entry of a listing with another inode number."""

    def __init__(self, entry: os.DirEntry[str], inode: Callable[[str], int]) -> None:
        self.name, self.path = entry.name, entry.path
        self.is_symlink = entry.is_symlink
        self.inode = lambda: inode(entry.name)


@pytest.fixture
def disk(monkeypatch) -> Disk:
    disk = Disk()
    scandir, stat, lstat = os.scandir, os.stat, os.lstat

    @contextmanager
    def count_scans(path: Path) -> Iterator[Iterator[os.DirEntry[str] | Entry]]:
        disk.scanned.append(str(path))
        with scandir(path) as entries:
            if disk.inode is None:
                yield entries
            else:
                yield (Entry(entry, disk.inode) for entry in entries)

    def count_stats(path: str | Path, **options: bool) -> os.stat_result:
        disk.examined.append(str(path))
        found = stat(path, **options)
        if disk.state is None:
            return found
        device, inode = disk.state(str(path))
        times = {"st_mtime_ns": found.st_mtime_ns}
        return os.stat_result((found[0], inode, device, *found[3:]), times)

    def count_lstats(path: str | Path, **options: bool) -> os.stat_result:
        disk.examined.append(str(path))
        return lstat(path, **options)

    monkeypatch.setattr(os, "scandir", count_scans)
    monkeypatch.setattr(os, "stat", count_stats)
    monkeypatch.setattr(os, "lstat", count_lstats)
    return disk


def test_ten_thousand_names_cost_one_listing_of_each_subfolder(tmp_path, disk):
    files = [f"run{n % 3}/{n}.fits" for n in range(5000)]
    for n in range(3):
        (tmp_path / f"run{n}").mkdir()
    for file in files:
        (tmp_path / file).touch()
    names = [*files, *(f".\\{file}" for file in files[:2500])]
    names += [f"nowhere{n}/{n}" for n in range(1000)]
    names += [f"/data/run1/{n}" for n in range(1500)]
    disk.examined.clear()
    images = ImageFolder(tmp_path, names)
    assert images.aliases() == {f".\\{file}": file for file in files[:2500]}
    folders = [str(tmp_path), *(f"{tmp_path}/run{n}" for n in range(3))]
    assert sorted(disk.scanned) == folders
    # The folders' devices, and the parts of the folder's own path.
    assert len(disk.examined) < 50
    assert not [path for path in disk.examined if path.endswith(".fits")]
    # What was listed is used again.
    assert images.find("run1/1") == tmp_path / "run1/1.fits"
    assert len(images.aliases()) == 2500
    assert len(disk.scanned) == 4


@pytest.mark.parametrize("is_missing", [True, False])
def test_ten_thousand_names_of_one_base_name_cost_one_listing(
    tmp_path, disk, is_missing
):
    put(tmp_path, "image.fits")
    folder = tmp_path / "nowhere" if is_missing else tmp_path
    names = [f"/data/run{n}/image.fits" for n in range(10_000)]
    assert aliases(folder, *names, "\\data\\run7\\image.fits") == {
        "\\data\\run7\\image.fits": names[7]
    }
    assert disk.scanned == [str(folder)]
    assert len(disk.examined) < 50


def test_a_folder_that_cannot_be_listed_is_tried_once(tmp_path, disk):
    put(tmp_path, "a.fits")
    names = [f"a.fits/{n}" for n in range(100)]
    assert aliases(tmp_path, *names) == {}
    assert len(disk.scanned) == 2


def test_only_links_are_examined(tmp_path, disk):
    put(tmp_path, *(f"{n}.fits" for n in range(50)))
    for n in range(5):
        (tmp_path / f"soft{n}.fits").symlink_to(f"{n}.fits")
        (tmp_path / f"hard{n}.fits").hardlink_to(tmp_path / f"{n + 10}.fits")
    names = [file.name for file in tmp_path.iterdir()]
    disk.examined.clear()
    assert len(aliases(tmp_path, *sorted(names))) == 10
    examined = {Path(path).name for path in disk.examined if path.endswith(".fits")}
    expected = {f"{kind}{n}.fits" for kind in ("soft", "hard") for n in range(5)}
    assert examined == expected | {f"{n}.fits" for n in (*range(5), *range(10, 15))}


@pytest.mark.parametrize("unknown", [0, 2**32 - 1, 2**64 - 1])
def test_a_disk_without_inode_numbers_costs_no_more(tmp_path, disk, unknown):
    """Some network disks give each file of a listing the same number."""
    put(tmp_path, *(f"{n}.fits" for n in range(100)))
    disk.inode = lambda _: unknown
    disk.examined.clear()
    assert aliases(tmp_path, *map(str, range(100)), "./7") == {"./7": "7"}
    assert not [path for path in disk.examined if path.endswith(".fits")]


def test_files_that_share_a_number_of_a_listing_are_examined(tmp_path, disk):
    put(tmp_path, "a.fits", "b.fits")
    (tmp_path / "c.fits").hardlink_to(tmp_path / "a.fits")
    disk.inode = lambda _: 7
    assert aliases(tmp_path, "a", "b", "c") == {"c": "a"}


def test_files_of_other_size_or_time_are_no_links(tmp_path, disk):
    """Some network disks give the same inode number to two files."""
    put(tmp_path, "a.fits", "long.fits")
    (tmp_path / "late.fits").write_bytes((tmp_path / "a.fits").read_bytes())
    for name, time in (("a", 0), ("long", 0), ("late", 1)):
        os.utime(tmp_path / f"{name}.fits", ns=(time, time))
    disk.inode, disk.state = (lambda _: 7), (lambda _: (1, 7))
    assert aliases(tmp_path, "a", "long", "late") == {}


def test_equal_inode_numbers_on_two_disks_cost_nothing(tmp_path, disk):
    put(tmp_path, *(f"run{run}/{n}.fits" for run in (1, 2) for n in range(1, 50)))
    disk.inode = lambda name: int(name.removesuffix(".fits").removeprefix("run"))
    disk.state = lambda path: (int("run2" in path), 0)
    names = [f"run{run}/{n}" for run in (1, 2) for n in range(1, 50)]
    disk.examined.clear()
    assert aliases(tmp_path, *names) == {}
    assert not [path for path in disk.examined if path.endswith(".fits")]


def test_a_file_whose_inode_number_cannot_be_read_raises_no_error(tmp_path, disk):
    """Windows opens a file to read its number."""

    def refuse(_: str) -> int:
        raise PermissionError(13, "Permission denied")

    put(tmp_path, "a.fits", "b.fits")
    disk.inode = refuse
    assert aliases(tmp_path, "a", "b", "a.fits") == {"a.fits": "a"}


def test_a_folder_that_vanishes_raises_no_error(tmp_path, disk):
    put(tmp_path, "sub/a.fits", "sub/b.fits")

    def refuse(_: str) -> tuple[int, int]:
        raise FileNotFoundError(2, "No such file or directory")

    disk.state = refuse
    assert aliases(tmp_path, "sub/a", "sub/b", "sub\\a") == {"sub\\a": "sub/a"}


def test_files_that_vanish_after_the_listing_are_no_links(tmp_path, disk):
    def refuse(path: str) -> tuple[int, int]:
        if path.endswith(".fits"):
            raise FileNotFoundError(2, "No such file or directory")
        return 1, 1

    put(tmp_path, "a.fits", "b.fits")
    disk.inode, disk.state = (lambda _: 7), refuse
    assert aliases(tmp_path, "a", "b") == {}


# Aliases and find


NAMES = st.builds(
    "".join,
    st.lists(
        st.sampled_from(
            [*("a", "b", ".fits", ".fz", ".png", "/", "\\", "."), "sub", ".."]
        ),
        min_size=1,
        max_size=6,
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, max_size=8, unique=True))
def test_found_names_are_aliases_exactly_if_their_files_are_one(tmp_path, names):
    if not (tmp_path / "sub").exists():
        put(tmp_path, "a.fits", "b.fits.fz", "sub/a.png", "sub/b.fits", "sub\\a.fits")
        (tmp_path / "aa.fits").symlink_to("sub/b.fits")
        (tmp_path / "sub/bb.fits").hardlink_to(tmp_path / "a.fits")
        (tmp_path / "sub/sub").symlink_to(tmp_path)
    images = ImageFolder(tmp_path, names)
    found: dict[str, Path] = {}
    for name in names:
        try:
            found[name] = images.find(name)
        except ImageError:
            continue
    same = images.aliases()
    for name, path in found.items():
        first = next(other for other in found if found[other].samefile(path))
        assert same.get(name, name) == first
    assert not [name for name in same if (name in found) != (same[name] in found)]
