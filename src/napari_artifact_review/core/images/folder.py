"""Find and read the image file for an ``image_name`` of the table."""

from __future__ import annotations

import difflib
import os
import re
import stat
import unicodedata
from dataclasses import replace
from pathlib import Path

from napari_artifact_review.core.decoders import decoding, one_error
from napari_artifact_review.core.errors import ImageError, ImageNotFoundError
from napari_artifact_review.core.images.common_formats import read_common_format
from napari_artifact_review.core.images.fits import read_fits
from napari_artifact_review.core.images.full_image import FullImage, ImageHdu
from napari_artifact_review.core.images.identity import ImageFile
from napari_artifact_review.core.images.zarr import read_zarr

__all__ = ["FullImage", "ImageFolder", "ImageHdu", "read_image"]

_SUPPORTED = re.compile(
    r"(?P<stem>.+)(?P<suffix>"
    r"(?P<fits>\.(?:fits|fit|fts)(?:\.(?:gz|bz2|fz))?)|(?P<zarr>\.zarr)|"
    r"\.(?:tiff?|png|jpe?g|npy))",
    re.IGNORECASE | re.DOTALL,
)
#: A letter between separators, as in SDSS and DECam names, or an HST or JWST filter.
_BAND = re.compile(r"(?<![^\W_])(?:[A-Za-z]|[Ff]\d{3,4}[A-Za-z]{1,2})(?![^\W_])")
_SUFFIXES = (
    ".fits .fit .fts (also .gz .bz2 .fz), .zarr, .tif .tiff .png .jpg .jpeg .npy"
)


def read_image(
    path: str | Path, hdu: int | str | None = None, *, sky: bool = True
) -> FullImage:
    """Read a full image.

    Parameters
    ----------
    path : path-like
        A FITS, TIFF, PNG, JPEG or NPY file, or the folder of a Zarr image.
    hdu : int or str, optional
        Index or name of the HDU of a FITS file; by default the first image.
    sky : bool
        Whether to read sky coordinates too, which takes a third of the total time.

    Returns
    -------
    FullImage
        The image with its metadata.

    Raises
    ------
    ImageError
        If the file cannot be read as an image.
    """
    path = Path(path)
    supported = _SUPPORTED.fullmatch(path.name)
    if supported is None:
        raise ImageError(
            "its suffix is not that of a supported image format",
            path=path,
            remedy=f"Supported formats: {_SUFFIXES}",
        )
    _check_regular(path)
    if not supported["fits"] and hdu is not None:
        raise ImageError(
            f"it has no HDU {hdu}: only FITS files have HDUs",
            path=path,
            remedy="Open it without an HDU",
        )
    # Look up the file before reading, so that later changes can be detected.
    with one_error(path):
        file = ImageFile.at(path)
    if supported["fits"]:
        full = read_fits(path, hdu, sky=sky)
    else:
        full = read_zarr(path) if supported["zarr"] else read_common_format(path)
    return replace(full, file=file)


class ImageFolder:
    """The folder with the full images of a table.

    The list of files is cached, and updated if a name is not found.

    Parameters
    ----------
    folder : path-like
        The folder; image names may contain subfolders.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._listings: dict[Path, _Listing] = {}

    def aliases(self) -> dict[str, str]:
        """Interim."""
        return {}

    def find(self, image_name: str) -> Path:
        """Find the file of an image.

        Parameters
        ----------
        image_name : str
            A path relative to the folder, with or without suffix. An exact match has
            precedence. Otherwise, differences in Unicode normalization and in the case
            of the suffix are ignored.

        Returns
        -------
        Path
            Path of a regular file in the folder, or of a folder for a Zarr image. The
            path may be a link.

        Raises
        ------
        ImageError
            If no file or more than one file matches, or the name is a path outside the
            folder.
        """
        relative = self._checked(image_name)
        parent = self._on_disk(relative.parent)
        for again in (False, True):
            if again or parent not in self._listings:
                self._listings[parent] = _Listing(self._scan(parent))
            names = self._listings[parent].matches(relative.name)
            paths = [self.folder / parent / name for name in names]
            if len(paths) == 1 and os.path.lexists(paths[0]):
                # A link may point outside the folder, because the user created it. A
                # name in the table may not.
                _check_regular(paths[0])
                return paths[0]
        if paths:
            raise ImageError(
                f"{image_name!r} matches several files: {', '.join(names)}",
                path=self.folder / parent,
                remedy="Move all but one away, or write the suffix in image_name",
            )
        raise self._not_found(image_name, parent, relative.name)

    def check(self) -> None:
        """Check that the folder exists and can be listed.

        Raises
        ------
        ImageError
            If the folder does not exist or cannot be listed.
        """
        self._scan(Path())

    def _checked(self, image_name: str) -> Path:
        """Convert a name to a path; raise an error if it is outside the folder."""
        relative = Path(image_name)
        if relative.anchor or ".." in relative.parts:
            raise ImageError(
                f"{image_name!r} is outside the images folder",
                path=self.folder,
                remedy="Name images by their path inside this folder",
            )
        if not relative.name or "\0" in image_name:
            raise ImageError(
                f"{image_name!r} is not a file name",
                path=self.folder,
                remedy="Name an image in this folder",
            )
        return relative

    def _scan(self, parent: Path) -> list[str]:
        """Return the names in a subfolder; an empty list if it does not exist."""
        folder = self.folder / parent
        try:
            return os.listdir(folder)  # noqa: PTH208 - Path objects for 10,000 names
        except (FileNotFoundError, NotADirectoryError) as error:
            if parent.parts:
                return []
            raise ImageError(
                "the folder of the images does not exist",
                path=folder,
                remedy="Choose the folder that holds them",
            ) from error
        except OSError as error:
            raise ImageError(
                f"the folder cannot be listed: {error.strerror}",
                path=folder,
                remedy="Check its name and your rights to it",
            ) from error

    def _on_disk(self, parent: Path) -> Path:
        """Return a subfolder's path in the Unicode normalization used on disk."""
        spelled = Path()
        for part in parent.parts:
            known = [part]
            if not os.path.lexists(self.folder / spelled / part):
                known = [
                    name for name in self._scan(spelled) if _nfc(name) == _nfc(part)
                ]
            spelled /= next(iter(known), part)
        return spelled

    def _not_found(
        self, image_name: str, parent: Path, name: str
    ) -> ImageNotFoundError:
        near = self._listings[parent].nearest(name)
        if near:
            remedy = f"Similar files: {', '.join(near)}"
        else:
            remedy = f"Supported formats: {_SUFFIXES}"
        return ImageNotFoundError(
            f"image {image_name!r} not found",
            path=self.folder / parent,
            remedy=remedy,
        )


class _Listing:
    """An index of the image files in one folder, by name and by stem."""

    def __init__(self, names: list[str]) -> None:
        self._names = set[str]()
        self._known: dict[str, list[str]] = {}
        for name in sorted(names):
            supported = _SUPPORTED.fullmatch(name)
            if supported is None:
                continue
            self._names.add(name)
            stem = _nfc(supported["stem"])
            for key in (stem, stem + supported["suffix"].lower()):
                self._known.setdefault(key, []).append(name)

    def matches(self, name: str) -> list[str]:
        """Return the file name that equals `name`, or else all names that match."""
        if name in self._names:
            return [name]
        return self._known.get(self._key(name), [])

    def nearest(self, name: str) -> list[str]:
        """Return up to three files that resemble a missing name and have its band."""
        key = self._key(name)
        same_band = [known for known in self._known if _bands(known) == _bands(key)]
        keys = difflib.get_close_matches(key, same_band, n=3)
        found = dict.fromkeys(name for key in keys for name in self._known[key])
        return list(found)[:3]

    @staticmethod
    def _key(name: str) -> str:
        """Return the key of a name in the index: in NFC, with a lower-case suffix."""
        name = _nfc(name)
        supported = _SUPPORTED.fullmatch(name)
        return supported["stem"] + supported["suffix"].lower() if supported else name


def _bands(name: str) -> list[str]:
    """Return the parts of a name that may be a band, such as "g" or "F814W"."""
    return _BAND.findall(name)


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _check_regular(path: Path) -> None:
    """Check that a path is a regular file, or a folder if it is a Zarr image.

    Reading from a pipe or device might never end.
    """
    with decoding(path):
        mode = path.stat().st_mode
    is_zarr = path.suffix.lower() == ".zarr"
    if not (stat.S_ISDIR(mode) if is_zarr else stat.S_ISREG(mode)):
        kind = "folder" if is_zarr else "regular file"
        raise ImageError(
            f"this is not a {kind}", path=path, remedy="Put the image in its place"
        )
