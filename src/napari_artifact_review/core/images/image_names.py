"""Image names as tables write them: paths, base names and suffixes, without a disk."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

#: The suffixes of supported images, for messages.
SUPPORTED_SUFFIXES = (
    ".fits .fit .fts (also .gz .bz2 .fz), .zarr, .tif .tiff .png .jpg .jpeg .npy"
)
#: A file name with the suffix of a supported image.
SUPPORTED_NAME = re.compile(
    r"(?P<stem>.+)(?P<suffix>"
    r"(?P<fits>(?P<plain>\.(?:fits|fit|fts))(?P<packed>\.(?:gz|bz2|fz))?)|"
    r"(?P<zarr>\.zarr)|\.(?:tiff?|png|jpe?g|npy))",
    re.IGNORECASE | re.DOTALL,
)
_COMPRESSIONS = (".gz", ".bz2", ".fz")
#: A FITS file and one of its HDUs, as astropy and IRAF write it: `a.fits[SCI]`.
_WITH_HDU = re.compile(
    r"(?P<file>.+\.(?:fits|fit|fts)(?:\.(?:gz|bz2|fz))?)\[(?P<hdu>[^\[\]]+)\]",
    re.IGNORECASE | re.DOTALL,
)
#: Advice for names that a program wrote as Python displays bytes.
BYTES_REMEDY = (
    "The table has names as Python displays bytes, such as b'a'; decode them before "
    "you write the table, or remove b' and '"
)
_BYTES = re.compile(r"b(['\"]).*\1", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")

#: Most digits of the index or version of an HDU; a longer number is a name.
LONGEST_NUMBER = 9
#: The path of a file below the images folder, as parts.
Location = tuple[str, ...]


@dataclass(frozen=True)
class NamePath:
    """An image name, read as a path.

    Attributes
    ----------
    parts : tuple of str
        Parts of the path, with the drive as the first one. Empty parts, `.` and each
        `..` that follows another part are resolved.
    is_absolute : bool
        Whether the path begins at a drive or at the root.
    """

    parts: tuple[str, ...]
    is_absolute: bool

    @property
    def base_name(self) -> str:
        """Last part of the path; empty if that is no file name."""
        return self.parts[-1] if self.parts and self.parts[-1] != ".." else ""

    @property
    def without_suffix(self) -> NamePath:
        """The path in NFC, without the suffix of an image."""
        parts = (*self.parts[:-1], split_suffix(self.base_name)[0])
        return NamePath(tuple(map(nfc, parts)), self.is_absolute)

    def below(self, folder: Iterable[str]) -> NamePath:
        """Return an absolute path inside a folder as relative to the folder.

        Parameters
        ----------
        folder : iterable of str
            Parts of the absolute path of the folder.
        """
        if not self.is_absolute:
            return self
        root = [_comparable(part) for part in folder]
        own = [_comparable(part) for part in self.parts[: len(root)]]
        if own != root:
            return self
        return NamePath(self.parts[len(root) :], is_absolute=False)

    @property
    def location(self) -> Location | None:
        """Path below the images folder; None if the path leads out of the folder."""
        return None if self.is_absolute or ".." in self.parts[:1] else self.parts


def is_bytes_literal(image_name: str) -> bool:
    """Return whether a name is written as Python displays bytes, such as b'a'."""
    return _BYTES.fullmatch(image_name) is not None


def read_name(image_name: str) -> tuple[NamePath, ...]:
    r"""Return the paths that an image name may mean, the likelier one first.

    On POSIX, `\` may belong to a file name, so that `sub\a` means the file `sub\a`, or
    else the file `a` in the folder `sub`.

    Parameters
    ----------
    image_name : str
        The name in the table.

    Returns
    -------
    tuple of NamePath
        One or two paths, perhaps without base name; none if the name cannot be a path.
    """
    if "\0" in image_name:
        return ()
    found = [_resolved(image_name.split("/"), is_absolute=image_name[:1] == "/")]
    if "\\" in image_name or _DRIVE.match(image_name):
        starts_at_root = image_name[:1] in ("/", "\\")
        is_absolute = starts_at_root or _DRIVE.match(image_name) is not None
        found.append(_resolved(re.split(r"[\\/]", image_name), is_absolute=is_absolute))
    return tuple(found)


def folder_parts(folder: PurePath) -> tuple[str, ...]:
    """Return the parts of an absolute path, in the form of `NamePath.parts`."""
    return tuple(part for part in folder.as_posix().split("/") if part)


def split_suffix(name: str) -> tuple[str, str]:
    """Split a file name into its stem and the suffix of an image, which may be empty.

    The suffix is in lower case.
    """
    supported = SUPPORTED_NAME.fullmatch(name)
    if supported is None:
        return name, ""
    return supported["stem"], supported["suffix"].lower()


def split_hdu(image_name: str) -> tuple[str, int | str | None]:
    """Split an image name into that of the file and the HDU that it names.

    Parameters
    ----------
    image_name : str
        A name such as `a.fits`, `a.fits[1]`, `a.fits[SCI]` or `a.fits[SCI,2]`.

    Returns
    -------
    file : str
        Name of the file.
    hdu : int, str or None
        Index or name of the HDU; None if the name has none.
    """
    found = _WITH_HDU.fullmatch(image_name)
    if found is None:
        return image_name, None
    return found["file"], read_hdu(found["hdu"])


def read_hdu(text: str) -> int | str:
    """Return the index or the name of an HDU that a user typed."""
    text = text.strip()
    # Python refuses to convert thousands of digits.
    is_index = len(text) <= LONGEST_NUMBER and text.isdecimal()
    return int(text) if is_index else text


def compression_variants(name: str) -> list[str]:
    """Return the names of a FITS file after or before compression.

    Parameters
    ----------
    name : str
        Name of a file. For `a.fits`, the names are those of the compressed files; for
        `a.fits.fz`, the name is `a.fits`. Other names have no variants.

    Returns
    -------
    list of str
        The names, with suffixes in lower case.
    """
    supported = SUPPORTED_NAME.fullmatch(name)
    if supported is None or not supported["fits"]:
        return []
    plain = supported["stem"] + supported["plain"].lower()
    if supported["packed"]:
        return [plain]
    return [plain + compression for compression in _COMPRESSIONS]


def nfc(name: str) -> str:
    """Return a name in the Unicode normalization NFC."""
    return unicodedata.normalize("NFC", name)


class BaseNames:
    """An index of the image names of a table by their base name without suffix.

    Parameters
    ----------
    names : iterable of str
        The distinct image names of the table.
    folders : iterable of tuple of str
        Parts of the absolute paths of the images folder.
    """

    def __init__(
        self, names: Iterable[str], folders: Iterable[tuple[str, ...]]
    ) -> None:
        self._names = tuple(names)
        self._folders = tuple(folders)

    def paths_of(self, image_name: str) -> tuple[NamePath, ...]:
        """Return the paths with a base name that a name may mean.

        Paths inside the images folder are relative to it.
        """
        found = []
        for path in read_name(image_name):
            for folder in self._folders:
                path = path.below(folder)
            if path.base_name:
                found.append(path)
        return tuple(found)

    def sharing(self, image_name: str, base_name: str) -> Collection[str]:
        """Return the names of the table that end in a base name, if paths differ.

        Parameters
        ----------
        image_name : str
            A name that ends in `base_name`; the table need not contain it.
        base_name : str
            A file name; its suffix is ignored.

        Returns
        -------
        collection of str
            One name for each path that ends in `base_name`, in the order of the table;
            empty if no path differs from that of `image_name`.
        """
        key = nfc(split_suffix(base_name)[0])
        known = self._by_base.get(key, {})
        own = self._stems(image_name).get(key)
        return known.values() if len(known) > (own in known) else ()

    @cached_property
    def _by_base(self) -> dict[str, dict[NamePath, str]]:
        found: dict[str, dict[NamePath, str]] = {}
        for name in self._names:
            for base, path in self._stems(name).items():
                found.setdefault(base, {}).setdefault(path, name)
        return found

    def _stems(self, image_name: str) -> dict[str, NamePath]:
        """Return the paths of a name without suffix, by their last part."""
        stems = (path.without_suffix for path in self.paths_of(image_name))
        return {stem.parts[-1]: stem for stem in stems}


def _resolved(parts: Iterable[str], *, is_absolute: bool) -> NamePath:
    """Return a path without empty parts, `.` and resolvable `..`."""
    found: list[str] = []
    for part in parts:
        if part == ".." and found and found[-1] != "..":
            found.pop()
        elif part not in ("", ".") and not (part == ".." and is_absolute):
            found.append(part)
    return NamePath(tuple(found), is_absolute)


def _comparable(part: str) -> str:
    """Return a part of a path, to compare as the operating system compares it."""
    return nfc(os.path.normcase(part))
