"""Listings of the images folder and its subfolders, each read once."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Hashable, Iterable
from pathlib import Path

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.image_names import (
    Location,
    compression_variants,
    nfc,
    split_suffix,
)

#: A letter between separators, as in SDSS and DECam names, or an HST or JWST filter.
_BAND = re.compile(r"(?<![^\W_])(?:[A-Za-z]|[Ff]\d{3,4}[A-Za-z]{1,2})(?![^\W_])")
#: Inode numbers with which a file system says that it knows none, such as FUSE.
_UNKNOWN_INODES = (0, 2**32 - 1, 2**64 - 1)


class Listing:
    """The entries of one folder, with an index of the images by name and by stem.

    Parameters
    ----------
    entries : iterable of os.DirEntry
        The entries.

    Attributes
    ----------
    entries : dict of str to os.DirEntry
        The entries by name.
    """

    def __init__(self, entries: Iterable[os.DirEntry[str]] = ()) -> None:
        self.entries = {entry.name: entry for entry in entries}
        self._known: dict[str, list[str]] = {}
        self._names = set[str]()
        self._folded: dict[str, list[str]] | None = None
        for name in sorted(self.entries):
            stem, suffix = split_suffix(name)
            if not suffix:
                continue
            self._names.add(name)
            stem = nfc(stem)
            for key in (stem, stem + suffix):
                self._known.setdefault(key, []).append(name)

    def matches(self, name: str) -> list[str]:
        """Return the names of the image files that match a name.

        Parameters
        ----------
        name : str
            Name of a file, with or without suffix.

        Returns
        -------
        list of str
            The file name that equals `name`; or else all that equal it without regard
            to Unicode normalization and to the suffix or its case; or else all that
            equal it before or after compression.
        """
        if name in self._names:
            return [name]
        known = self._known.get(_key(name))
        if known is not None:
            return known
        variants = (self._known.get(nfc(key), []) for key in compression_variants(name))
        return sorted(found for names in variants for found in names)

    def spellings(self, name: str) -> list[str]:
        """Return the entries that equal a name without regard to case, NFC first."""
        if name in self.entries:
            return [name]
        if self._folded is None:
            folded: dict[str, list[str]] = {}
            for known in self.entries:
                folded.setdefault(nfc(known).casefold(), []).append(known)
            self._folded = folded
        found = self._folded.get(nfc(name).casefold(), [])
        return sorted(found, key=lambda known: nfc(known) != nfc(name))

    def nearest(self, name: str) -> list[str]:
        """Return up to three files that resemble a missing name and have its band."""
        key = _key(name)
        same_band = [known for known in self._known if _bands(known) == _bands(key)]
        keys = difflib.get_close_matches(key, same_band, n=3)
        found = dict.fromkeys(name for key in keys for name in self._known[key])
        return list(found)[:3]


class Listings:
    """The listings of a folder and its subfolders, read at the first request.

    Parameters
    ----------
    folder : Path
        The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Location, Listing | ImageError] = {}

    def __getitem__(self, parent: Location) -> Listing:
        """Return the listing of a subfolder, empty if the subfolder does not exist.

        Parameters
        ----------
        parent : tuple of str
            Path of the subfolder as spelled on disk.

        Raises
        ------
        ImageError
            If the subfolder cannot be listed, or if the folder does not exist.
        """
        found = self._known.get(parent)
        if found is None:
            found = self._known[parent] = self._scan(parent)
        if isinstance(found, ImageError):
            raise found.without_traceback()
        return found

    def update(self, newer: Listings) -> None:
        """Replace listings by newer ones."""
        self._known.update(newer._known)

    def on_disk(self, parent: Location) -> Location | None:
        """Return the path of a subfolder as spelled on disk; None if it is not there.

        Unicode normalization is ignored. Case is ignored if the file system ignores it.

        Parameters
        ----------
        parent : tuple of str
            Path of the subfolder in an image name.

        Raises
        ------
        ImageError
            If a folder on the way cannot be listed.
        """
        spelled: Location = ()
        for part in parent:
            found = self[spelled].spellings(part)
            if not found:
                return None
            if nfc(found[0]) != nfc(part) and not os.path.lexists(
                self._folder.joinpath(*spelled, part)
            ):
                return None
            spelled = (*spelled, found[0])
        return spelled

    def identities(self, files: Iterable[Location]) -> dict[Location, Hashable]:
        """Return a value for each file that is equal for links to the same file.

        Only symbolic links, and files that share an inode number, are examined one by
        one. Hard links are unknown on file systems without inode numbers.

        Parameters
        ----------
        files : iterable of tuple of str
            Paths of files, or of folders of Zarr images, in these listings.
        """
        found: dict[Location, Hashable] = {}
        sharing: dict[Hashable, list[Location]] = {}
        devices: dict[Location, int | None] = {}
        for file in dict.fromkeys(files):
            parent, entry = file[:-1], self[file[:-1]].entries[file[-1]]
            if parent not in devices:
                state = self._state(parent)
                devices[parent] = state[0] if state else None
            found[file], inode = self._identity(file, entry, devices[parent])
            if inode is not None:
                sharing.setdefault(inode, []).append(file)
        for same in sharing.values():
            if len(same) > 1:
                found.update((file, self._state(file) or file) for file in same)
        return found

    def _identity(
        self, file: Location, entry: os.DirEntry[str], device: int | None
    ) -> tuple[Hashable, Hashable]:
        """Return the identity of a file, and the device and inode number if known."""
        try:
            if entry.is_symlink():
                state = self._state(file)
                return (state, state[:2]) if state else (file, None)
            inode = entry.inode()
        except OSError:
            return file, None
        return file, None if inode in _UNKNOWN_INODES else (device, inode)

    def _state(self, file: Location) -> tuple[int, int, int, int] | None:
        """Return device, inode number, size and time; None if they cannot be read.

        Files with the same state are one file. Size and time are compared because some
        network disks give several files the same inode number.
        """
        try:
            found = self._folder.joinpath(*file).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _scan(self, parent: Location) -> Listing | ImageError:
        folder = self._folder.joinpath(*parent)
        try:
            with os.scandir(folder) as entries:
                return Listing(entries)
        except (FileNotFoundError, NotADirectoryError):
            if parent:
                return Listing()
            what = "the folder of the images does not exist"
            remedy = "Choose the folder that holds them"
        except OSError as error:
            what = f"the folder cannot be listed: {error.strerror}"
            remedy = "Check its name and your rights to it"
        return ImageError(what, path=folder, remedy=remedy)


def _key(name: str) -> str:
    """Return the key of a name in the index: in NFC, with a lower-case suffix."""
    return "".join(split_suffix(nfc(name)))


def _bands(name: str) -> list[str]:
    """Return the parts of a name that may be a band, such as "g" or "F814W"."""
    return _BAND.findall(name)
