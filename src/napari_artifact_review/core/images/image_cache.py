"""Full images in memory: each is read once, for the screen and for thumbnails alike."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

from cachetools import LRUCache

from napari_artifact_review.core.decoders import one_error
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.fits import add_sky
from napari_artifact_review.core.images.folder import ImageFolder, read_image

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: Bytes of images that stay in memory when the screen and the thumbnails need them no
#: more: some four of 4200 x 2000 pixels in float32.
MOST_BYTES = 144 * 2**20

#: Path, size and time of a file: they differ as soon as the file is another one.
_FileState: TypeAlias = tuple[Path, int, int]
_Key: TypeAlias = tuple[str, int | None]


class ImageSource(NamedTuple):
    """An image to be read.

    Attributes
    ----------
    name : str
        Name of the image.
    hdu : int or None
        Index of the HDU; None for the first image of the file.
    sigma : float
        Sigma of the Gaussian that smooths the pixels, in pixels; 0 for none.
    """

    name: str
    hdu: int | None
    sigma: float

    @property
    def key(self) -> _Key:
        """The image, whatever its smoothing."""
        return self.name, self.hdu


class BytesCache(LRUCache[K, V]):
    """The values that were used last, up to a number of bytes.

    A value that is larger than the whole cache is not stored.

    Parameters
    ----------
    maxsize : int
        Maximum size of all values together, in bytes.
    getsizeof : callable
        Returns the size of a value in bytes.
    """

    def __setitem__(self, key: K, value: V) -> None:
        self.pop(key, None)
        # cachetools refuses a value that is too large.
        with suppress(ValueError):
            super().__setitem__(key, value)


class _Known(NamedTuple):
    """An image that was read, as long as it is in memory."""

    image: weakref.ref[LoadedImage]
    state: _FileState
    has_sky: bool


class ImageCache:
    """Read full images, and return those that are in memory; thread-safe.

    An image is in memory as long as any caller holds it, and after that while it is
    among the latest that fit into `most_bytes`. An image in tiles is never shared: the
    caller that opened it closes it.

    Parameters
    ----------
    folder : ImageFolder
        The folder of the images.
    most_bytes : int
        Bytes of the latest images that stay in memory although no caller holds them.

    Attributes
    ----------
    folder : ImageFolder
        As given.
    """

    def __init__(self, folder: ImageFolder, most_bytes: int = 0) -> None:
        self.folder = folder
        # Guards all that follows; never held while a file is read.
        self._changed = threading.Condition()
        self._latest = BytesCache[_Key, LoadedImage](most_bytes, lambda one: one.size)
        self._known: dict[_Key, _Known] = {}
        self._being_read: set[_Key] = set()

    def find(self, source: ImageSource) -> LoadedImage | None:
        """Return an image if it is in memory, smoothed as asked for; never waits."""
        with self._changed:
            known = self._known.get(source.key)
            loaded = known and known.image()
            if loaded is None or loaded.sigma != source.sigma:
                return None
            self._latest[source.key] = loaded
            return loaded

    def read(self, source: ImageSource, *, sky: bool = True) -> LoadedImage:
        """Return an image; read it if it is not in memory or its file has changed.

        If another thread reads the same image, this one waits for it.

        Parameters
        ----------
        source : ImageSource
            The image.
        sky : bool
            Whether the caller needs sky coordinates, which take a third of the time.

        Raises
        ------
        ImageError
            If it cannot be read.
        """
        with self._changed:
            self._changed.wait_for(lambda: source.key not in self._being_read)
            self._being_read.add(source.key)
        try:
            return self._read(source, sky)
        finally:
            with self._changed:
                self._being_read.discard(source.key)
                self._changed.notify_all()

    def smooth(self, source: ImageSource, loaded: LoadedImage) -> LoadedImage:
        """Return an image that was read, smoothed otherwise; its file is not needed.

        Parameters
        ----------
        source : ImageSource
            The image, and how it is smoothed now.
        loaded : LoadedImage
            The image as `read` returned it.

        Raises
        ------
        ImageError
            If it cannot be smoothed.
        """
        smoothed = loaded.smoothed_by(source.sigma)
        known = self._known.get(source.key)
        if known is not None:
            self._store(source, smoothed, *known[1:])
        return smoothed

    def clear(self) -> None:
        """Drop the images that no caller holds."""
        with self._changed:
            self._latest.clear()

    def _read(self, source: ImageSource, sky: bool) -> LoadedImage:
        path = self.folder.find(source.name)
        with one_error(path):
            found = path.stat()
        state = path, found.st_size, found.st_mtime_ns
        known = self._known.get(source.key)
        loaded = known.image() if known and known.state == state else None
        if known is None or loaded is None:
            full = read_image(path, source.hdu, sky=sky)
            loaded = LoadedImage.of(full, source.sigma)
        else:
            # Only FITS files have HDUs and sky coordinates.
            if sky and not known.has_sky and loaded.full.hdu is not None:
                loaded = replace(loaded, full=add_sky(loaded.full))
            loaded = loaded.smoothed_by(source.sigma)
            sky |= known.has_sky
        self._store(source, loaded, state, sky)
        return loaded

    def _store(
        self, source: ImageSource, loaded: LoadedImage, state: _FileState, has_sky: bool
    ) -> None:
        if loaded.full.tiles is None:
            with self._changed:
                known = _Known(weakref.ref(loaded), state, has_sky)
                self._known[source.key] = known
                self._latest[source.key] = loaded
