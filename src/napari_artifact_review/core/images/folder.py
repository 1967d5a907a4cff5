"""Find and read the image file for an ``image_name`` of the table."""

from __future__ import annotations

import os
import stat
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from napari_artifact_review.core.decoders import decoding, one_error
from napari_artifact_review.core.errors import (
    ImageError,
    ImageNotFoundError,
    MissingHduError,
)
from napari_artifact_review.core.images.common_formats import read_common_format
from napari_artifact_review.core.images.fits import choose_hdu, read_fits, read_hdus
from napari_artifact_review.core.images.full_image import FullImage, ImageHdu
from napari_artifact_review.core.images.identity import ImageFile
from napari_artifact_review.core.images.image_names import (
    BYTES_REMEDY,
    SUPPORTED_NAME,
    SUPPORTED_SUFFIXES,
    BaseNames,
    Location,
    NamePath,
    folder_parts,
    is_bytes_literal,
    split_hdu,
)
from napari_artifact_review.core.images.listings import Listings
from napari_artifact_review.core.images.zarr import read_zarr

__all__ = ["FullImage", "ImageFolder", "ImageHdu", "read_image"]


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
    supported = SUPPORTED_NAME.fullmatch(path.name)
    if supported is None:
        raise ImageError(
            "its suffix is not that of a supported image format",
            path=path,
            remedy=f"Supported formats: {SUPPORTED_SUFFIXES}",
        )
    _check_regular(path)
    if not supported["fits"] and hdu is not None:
        raise MissingHduError(
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
    names : iterable of str
        All distinct image names of the table, in order of appearance. A name with a
        path that does not exist in the folder finds its image by its base name only if
        no other of these names ends in that base name. `a.fits[SCI]` names an HDU.
    hdu : int or str, optional
        Index or name of the HDU to read in FITS files, unless the name of the image has
        one.

    Attributes
    ----------
    folder : Path
        The folder.
    names : tuple of str
        The image names of the table.
    hdu : int, str or None
        HDU to read by default; None for the first image of each file.
    hdus : dict of str to int or str
        HDUs that the user chose for single images, by image name.
    """

    def __init__(
        self,
        folder: str | Path,
        names: Iterable[str] = (),
        hdu: int | str | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.hdu = hdu
        self.hdus: dict[str, int | str] = {}
        self.names = tuple(dict.fromkeys(names))
        self._listings = Listings(self.folder)

    def read(self, image_name: str, *, sky: bool = True) -> FullImage:
        """Read an image of the table; see `read_image`.

        Parameters
        ----------
        image_name : str
            Name of the image, as for `find`.
        sky : bool
            Whether to read sky coordinates too.

        Raises
        ------
        ImageError
            If the image cannot be found or read.
        """
        return read_image(*self.place_of(image_name), sky=sky)

    def place_of(
        self, image_name: str, chosen: Mapping[str, int | str] | None = None
    ) -> tuple[Path, int | str | None]:
        """Return the file of an image, and the HDU to read.

        The HDU for all images is for those images that have HDUs. The arguments are
        those of `hdu_of`, and the errors those of `find`.
        """
        path, hdu = self.find(image_name), self.hdu_of(image_name, chosen)
        supported = SUPPORTED_NAME.fullmatch(path.name)
        has_none = supported is not None and not supported["fits"]
        return path, None if has_none and hdu == self.hdu else hdu

    def hdu_of(
        self, image_name: str, chosen: Mapping[str, int | str] | None = None
    ) -> int | str | None:
        """Return the HDU to read for an image.

        Parameters
        ----------
        image_name : str
            Name of the image.
        chosen : mapping of str to int or str, optional
            HDUs to use instead of `hdus`.

        Returns
        -------
        int, str or None
            The chosen HDU, or else that of the name, or else that of the folder; None
            for the first image of the file.
        """
        chosen = self.hdus if chosen is None else chosen
        if image_name in chosen:
            return chosen[image_name]
        own = split_hdu(image_name)[1]
        return self.hdu if own is None else own

    def find(self, image_name: str) -> Path:
        r"""Find the file of an image.

        Parameters
        ----------
        image_name : str
            A path, with or without suffix, perhaps with an HDU. A relative path, and an
            absolute one inside the folder, is looked up in the folder. If no image is
            there, the base name is looked up in the folder itself, as for a path
            outside the folder. A `\` separates parts of the path only if no file has
            it in its name.

            An exact match of the file name has precedence. Otherwise, differences in
            Unicode normalization and in the case of the suffix are ignored. If still no
            file matches, `a.fits` finds `a.fits.gz`, `a.fits.bz2` or `a.fits.fz`, and
            each of these finds `a.fits`.

        Returns
        -------
        Path
            Path of a regular file in the folder, or of a folder for a Zarr image. The
            path may be a link.

        Raises
        ------
        ImageError
            If no file or more than one file matches, or if the base name would have to
            decide but several names of the table end in it.
        """
        newer = Listings(self.folder)
        for listings in (self._listings, newer):
            try:
                match = self._match(image_name, listings)
            except ImageError:
                # The error may be out of date.
                if listings is newer:
                    raise
                continue
            finally:
                self._listings.update(newer)
            if match.is_one:
                path = self.folder.joinpath(*match.parent, *match.names)
                if os.path.lexists(path):
                    # A link may point outside the folder, because the user created it.
                    # A name in the table may not.
                    _check_regular(path)
                    return path
        if len(match.names) > 1:
            raise ImageError(
                f"{image_name!r} matches several files: {', '.join(match.names)}",
                path=self.folder.joinpath(*match.parent),
                remedy="Move all but one away, or write the suffix in image_name",
            )
        raise self._not_found(image_name)

    def aliases(self) -> dict[str, str]:
        """Return the names of the table that mean the same file as an earlier name.

        The files need not exist, and no error is raised. Names without exactly one file
        are aliases if they are the same path apart from separators and `.`.

        Each subfolder is listed at most once. Apart from that, only symbolic links,
        names that are hard links to one file, and FITS files with an HDU that two names
        may mean in different words, such as `a.fits` and `a.fits[SCI]`, cost access to
        the disk.

        Returns
        -------
        dict of str to str
            The first name with the same file and HDU, for each later name.
        """
        files, listings = self._files()
        identities = listings.identities(filter(None, files.values()))
        same_file: dict[Hashable, list[str]] = {}
        for name, file in files.items():
            # The last reading of a name has the separators of Windows.
            place = identities[file] if file else self._paths_of(name)[-1:] or name
            same_file.setdefault((bool(file), place), []).append(name)
        found = {}
        for names in same_file.values():
            first: dict[Hashable, str] = {}
            for name, hdu in self._hdus_of(names, files[names[0]]).items():
                if first.setdefault(hdu, name) != name:
                    found[name] = first[hdu]
        return found

    def files(self) -> dict[str, Path]:
        """Return the path of the file of each name that has exactly one.

        Each subfolder is listed at most once. No error is raised.
        """
        files, _ = self._files()
        return {name: self.folder.joinpath(*at) for name, at in files.items() if at}

    def check(self) -> None:
        """Check that the folder exists and can be listed.

        Raises
        ------
        ImageError
            If the folder does not exist or cannot be listed.
        """
        newer = Listings(self.folder)
        try:
            newer[()]
        finally:
            self._listings.update(newer)

    @cached_property
    def _base_names(self) -> BaseNames:
        folders = (self.folder.absolute(), Path(os.path.realpath(self.folder)))
        names = dict.fromkeys(split_hdu(name)[0] for name in self.names)
        return BaseNames(names, map(folder_parts, folders))

    def _paths_of(self, image_name: str) -> tuple[NamePath, ...]:
        return self._base_names.paths_of(split_hdu(image_name)[0])

    def _match(self, image_name: str, listings: Listings) -> _Match:
        """Look up the files that match a name.

        Raises
        ------
        ImageError
            If the name is not a file name, a folder cannot be listed, or several names
            of the table end in the base name that would have to decide.
        """
        paths = self._paths_of(image_name)
        if not paths:
            raise ImageError(
                f"{image_name!r} is not a file name",
                path=self.folder,
                remedy="Name an image in this folder",
            )
        root = listings[()]
        for path in paths:
            if path.location is None:
                continue
            parent = listings.on_disk(path.location[:-1])
            names = [] if parent is None else listings[parent].matches(path.base_name)
            if parent is not None and names:
                return _Match(parent, names)
        for path in paths:
            names = root.matches(path.base_name)
            if names:
                self._check_base_name(image_name, path.base_name)
                return _Match((), names)
        return _Match((), [])

    def _check_base_name(self, image_name: str, base_name: str) -> None:
        """Check that no other name of the table has another path to a base name."""
        sharing = self._base_names.sharing(split_hdu(image_name)[0], base_name)
        if sharing:
            named = ", ".join(map(repr, islice(sharing, 3)))
            more = f" and {len(sharing) - 3:,} more" if len(sharing) > 3 else ""
            raise ImageError(
                f"{image_name!r} is not in the images folder, and several names of the "
                f"table end in {base_name!r}: {named}{more}",
                path=self.folder,
                remedy="Keep the subfolders in the images folder, or choose the folder "
                "above it",
            )

    def _files(self) -> tuple[dict[str, Location | None], Listings]:
        """Return the file of each name of the table, and the listings of the folder."""
        # Another thread may update the listings meanwhile.
        listings = Listings(self.folder)
        listings.update(self._listings)
        files = {name: self._file_of(name, listings) for name in self.names}
        self._listings.update(listings)
        return files, listings

    def _file_of(self, image_name: str, listings: Listings) -> Location | None:
        """Return the file that matches a name; None if there is not exactly one."""
        try:
            match = self._match(image_name, listings)
        except ImageError:
            return None
        return (*match.parent, *match.names) if match.is_one else None

    def _hdus_of(
        self, names: Sequence[str], file: Location | None
    ) -> Mapping[str, Hashable]:
        """Return a value for each name of one file that is equal for the same HDU."""
        keys: dict[str, Hashable] = {n: str(split_hdu(n)[1]).casefold() for n in names}
        wanted = {name: self.hdu_of(name, {}) for name in names}
        if file is None or not _may_mean_one(wanted.values()):
            return keys
        # The reader of the image says what is wrong with a file or an HDU.
        with suppress(ImageError):
            images = read_hdus(self.folder.joinpath(*file))
            for name, hdu in wanted.items():
                with suppress(MissingHduError):
                    keys[name] = choose_hdu(images, hdu).index
        return keys

    def _not_found(self, image_name: str) -> ImageNotFoundError:
        path = self._paths_of(image_name)[-1]
        written = (path.location or ())[:-1]
        parent = self._listings.on_disk(written)
        near = self._listings[parent or ()].nearest(path.base_name)
        if is_bytes_literal(image_name):
            remedy = BYTES_REMEDY
        elif near:
            remedy = f"Similar files: {', '.join(near)}"
        else:
            remedy = f"Supported formats: {SUPPORTED_SUFFIXES}"
        return ImageNotFoundError(
            f"image {image_name!r} not found",
            path=self.folder.joinpath(*(written if parent is None else parent)),
            remedy=remedy,
        )


class _Match(NamedTuple):
    """The files that match a name, and their subfolder."""

    parent: Location
    names: list[str]

    @property
    def is_one(self) -> bool:
        """Whether exactly one file matches."""
        return len(self.names) == 1


def _may_mean_one(hdus: Iterable[int | str | None]) -> bool:
    """Return whether different words for HDUs may mean the same HDU of a file."""
    different = {h.casefold() if isinstance(h, str) else h for h in hdus}
    names = {h.partition(",")[0].strip() for h in different if isinstance(h, str)}
    indices = {hdu for hdu in different if isinstance(hdu, int)}
    is_clear = len(indices) == len(different) or len(names) == len(different)
    return len(different) > 1 and not is_clear


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
