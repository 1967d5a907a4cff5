"""The full images of a run, with the names that the table gives them."""

from __future__ import annotations

import codecs
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from napari_artifact_review.core.errors import ImageError, ReviewError
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.image_names import (
    SUPPORTED_SUFFIXES,
    split_suffix,
)
from napari_artifact_review.core.images.name_matching import file_key, match_names
from napari_artifact_review.core.small_files import read_small_file
from napari_artifact_review.core.user_folders import absolute_path

#: Maximum size in bytes of a list of images: about a hundred thousand paths.
_MOST_BYTES = 2**24


class NamedImage(NamedTuple):
    """An image file with its name in the table.

    Attributes
    ----------
    name : str
        Path of the file below the folder of images, without suffix if no other file
        has the same name then.
    path : Path
        The file, or the folder of a Zarr image.
    """

    name: str
    path: Path


@dataclass(frozen=True)
class ImageList:
    """The images of a run, in the order of their names.

    Attributes
    ----------
    images : tuple of NamedImage
        The images.
    root : Path
        The folder that contains all of them.
    notices : tuple of str
        Messages for the user about files that are left out.
    """

    images: tuple[NamedImage, ...]
    root: Path
    notices: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the images."""
        return [image.name for image in self.images]

    def aliases(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return the name of the same image here for each other name of it.

        Parameters
        ----------
        names : sequence of str
            Names in a table, such as absolute paths.
        """
        own = {image.name: image.path for image in self.images}
        found = match_names(
            names,
            self.names,
            lambda other: ImageFolder(self.root, other).files(),
            lambda _: own,
        )
        return {name: same for name, same in found.items() if name != same}


def list_images(
    given: str | Path | Iterable[str | Path],
    root: str | Path | None = None,
    without: Collection[Path] = (),
) -> ImageList:
    """List the images in folders, files and lists of files.

    Parameters
    ----------
    given : path-like or iterable of path-like
        Folders, which are searched with their subfolders; files, which need not exist;
        and texts such as "@files.txt", a file with a path on each line. A line of it
        that begins with "#" is a comment, unless there is such a file.
    root : path-like, optional
        Folder to which the names are relative. By default, it is the given folder, and
        the name of a given file is its base name.
    without : collection of Path
        Files to leave out of a folder, such as the output.

    Raises
    ------
    ReviewError
        If there are no images, two of them have the same name, or a folder or a list
        cannot be read.
    """
    given = [given] if isinstance(given, str | Path) else list(given)
    left_out = {path.absolute() for path in without}
    base = None if root is None else Path(root).absolute()
    found: dict[Path, str] = {}
    for entry in _without_lists(given):
        path = Path(os.path.abspath(entry))  # noqa: PTH100
        if path.is_dir() and not _is_zarr(path):
            for file in _files_in(path, set()):
                if file not in left_out:
                    found.setdefault(file, _relative(file, base or path))
        else:
            found.setdefault(path, _relative(path, base or path.parent))
    if not found:
        raise ReviewError(
            "there are no images",
            path=", ".join(map(str, given)) or None,
            remedy=f"Supported formats: {SUPPORTED_SUFFIXES}",
        )
    images, notices = _without_links(_named(found))
    folders = [str(path.parent) for path in found]
    return ImageList(images, base or Path(os.path.commonpath(folders)), notices)


def _without_lists(given: Iterable[str | Path]) -> Iterator[Path]:
    """Yield the paths that are given, as absolute paths, also those in lists."""
    for entry in given:
        text = os.fspath(entry)
        if text.startswith("@"):
            yield from _listed(Path(text[1:]))
        else:
            yield absolute_path(text)


def _listed(path: Path) -> Iterator[Path]:
    """Yield the paths in a list, without blank lines and comments."""
    try:
        content = read_small_file(path, _MOST_BYTES)
    except OSError as error:
        raise ReviewError(
            f"the list of images cannot be read ({error.strerror or error})",
            path=path,
            remedy="Check the path and your rights to it",
        ) from error
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ReviewError(
            "the list of images is in UTF-16", path=path, remedy="Save it as UTF-8"
        )
    content = content.removeprefix(codecs.BOM_UTF8)
    lines = content.decode("utf-8", "surrogateescape").splitlines()
    for number, line in enumerate(map(str.strip, lines), 1):
        if "\0" in line:
            raise ReviewError(
                "the list of images contains a NUL byte",
                path=path,
                where=f"line {number}",
                remedy="Write a text in UTF-8, with a path on each line",
            )
        if not line or (line.startswith("#") and not _exists(line)):
            continue
        try:
            yield absolute_path(line)
        except ReviewError as error:
            raise ReviewError(
                error.what,
                path=path,
                where=f"line {number}",
                remedy="Write a path on each line",
            ) from error


def _exists(path: str) -> bool:
    """Return whether a path exists; a text that can be no path does not."""
    # Unlike `Path.exists`, this raises no error for a long text.
    return os.path.exists(path)  # noqa: PTH110


def _files_in(folder: Path, seen: set[object]) -> Iterator[Path]:
    """Yield the images in a folder and its subfolders, except hidden ones."""
    key = file_key(folder)
    if key in seen:
        # A link to a folder above would have no end.
        return
    seen.add(key)
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise ImageError(
            f"the folder cannot be listed: {error.strerror}",
            path=folder,
            remedy="Check its name and your rights to it",
        ) from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        is_folder = entry.is_dir()
        if is_folder and not _is_zarr(entry):
            yield from _files_in(entry, seen)
        elif is_folder == _is_zarr(entry) and split_suffix(entry.name)[1]:
            yield entry


def _is_zarr(path: Path) -> bool:
    return path.suffix.lower() == ".zarr"


def _relative(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError as error:
        raise ReviewError(
            f"the image is not in the folder {root}",
            path=path,
            remedy="Choose another --root",
        ) from error


def _named(found: dict[Path, str]) -> list[NamedImage]:
    """Return the images in the order of their names.

    Raises
    ------
    ReviewError
        If two files have the same name.
    """
    stems: dict[str, int] = {}
    for name in found.values():
        stem = split_suffix(name)[0]
        stems[stem] = stems.get(stem, 0) + 1
    named: dict[str, Path] = {}
    for path, name in found.items():
        stem = split_suffix(name)[0]
        name = stem if stems[stem] == 1 else name
        other = named.setdefault(name, path)
        if other != path:
            raise ReviewError(
                f"it has the same name as {other}",
                path=path,
                remedy="Give the folder above both of them with --root",
            )
    return [NamedImage(name, path) for name, path in sorted(named.items())]


def _without_links(
    images: list[NamedImage],
) -> tuple[tuple[NamedImage, ...], tuple[str, ...]]:
    """Return the images without further links to the same file, and messages."""
    first: dict[object, str] = {}
    kept, notices = [], []
    for image in images:
        name = first.setdefault(file_key(image.path), image.name)
        if name == image.name:
            kept.append(image)
        else:
            notices.append(
                f"{image.path}: it is the same file as {name}, and is left out."
            )
    return tuple(kept), tuple(notices)
