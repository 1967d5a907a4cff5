"""Cache of full images, shared by the viewer and the thumbnails."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple, TypeAlias, TypeVar

from cachetools import LRUCache

from napari_artifact_review.core.decoders import one_error
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.fits import add_sky
from napari_artifact_review.core.images.folder import ImageFolder, read_image
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.images.identity import ImageFile

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: Maximum size in bytes of recent images that stay in memory: about four images of
#: 4200 x 2000 pixels in float32.
MOST_BYTES = 144 * 2**20

_Key: TypeAlias = tuple[str, int | str | None]


class ImageSource(NamedTuple):
    """Name, HDU and smoothing that identify an image.

    Attributes
    ----------
    name : str
        Name of the image.
    hdu : int, str or None
        Index or name of the HDU; None for that of the folder (`ImageFolder.hdu_of`).
    sigma : float
        Sigma of the Gaussian that smooths the pixels, in pixels; 0 for none.
    """

    name: str
    hdu: int | str | None
    sigma: float

    @property
    def key(self) -> _Key:
        """Name and HDU of the image, without its smoothing."""
        return self.name, self.hdu


class BytesCache(LRUCache[K, V]):
    """A least-recently-used cache, limited by the size of its values in bytes.

    A value that exceeds the maximum size is not stored.

    Parameters
    ----------
    maxsize : int
        Maximum total size of the values, in bytes.
    getsizeof : callable
        Function that returns the size of a value in bytes.
    """

    def __setitem__(self, key: K, value: V) -> None:
        self.pop(key, None)
        # cachetools raises a ValueError if a value is too large.
        with suppress(ValueError):
            super().__setitem__(key, value)


class _Known(NamedTuple):
    """A weak reference to an image that was read, with the state of its file."""

    image: weakref.ref[LoadedImage]
    file: ImageFile
    has_sky: bool


class ImageCache:
    """A thread-safe cache of full images, which also reads them.

    An image stays in memory as long as any caller refers to it. The most recent images
    also stay in memory, up to `most_bytes`. Tiled images are never cached, because the
    caller that opens a tiled image also closes it.

    Parameters
    ----------
    folder : ImageFolder
        Folder of the images.
    most_bytes : int
        Maximum size of the recent images that stay in memory, in bytes.
    on_read : callable, optional
        Called with the name and the image after an image was read from its file, in
        the thread that read the image.

    Attributes
    ----------
    folder : ImageFolder
        Folder of the images.
    """

    def __init__(
        self,
        folder: ImageFolder,
        most_bytes: int = 0,
        on_read: Callable[[str, FullImage], object] | None = None,
    ) -> None:
        self.folder = folder
        self._on_read = on_read
        # Protects the attributes below; never locked while a file is read.
        self._changed = threading.Condition()
        self._latest = BytesCache[_Key, LoadedImage](most_bytes, lambda one: one.size)
        self._known: dict[_Key, _Known] = {}
        self._being_read: set[_Key] = set()

    def find(self, source: ImageSource) -> LoadedImage | None:
        """Return an image if it is in memory with this smoothing, else None."""
        with self._changed:
            known = self._known.get(source.key)
            loaded = known and known.image()
            if loaded is None or loaded.sigma != source.sigma:
                return None
            self._latest[source.key] = loaded
            return loaded

    def read(self, source: ImageSource, *, sky: bool = True) -> LoadedImage:
        """Return an image from memory, or read it from its file.

        The file is read if the image is not in memory, or if the file has changed. If
        another thread is reading the same image, wait for that thread.

        Parameters
        ----------
        source : ImageSource
            The image and its smoothing.
        sky : bool
            Whether to read sky coordinates too, which takes a third of the total time.

        Raises
        ------
        ImageError
            If the image cannot be read.
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
        """Return a loaded image with another smoothing, without reading the file again.

        Parameters
        ----------
        source : ImageSource
            The image and its new smoothing.
        loaded : LoadedImage
            The image, as returned by `read`.

        Raises
        ------
        ImageError
            If the image cannot be smoothed.
        """
        smoothed = loaded.smoothed_by(source.sigma)
        known = self._known.get(source.key)
        if known is not None:
            self._store(source, smoothed, *known[1:])
        return smoothed

    def clear(self) -> None:
        """Release the images that no caller uses."""
        with self._changed:
            self._latest.clear()

    def _read(self, source: ImageSource, sky: bool) -> LoadedImage:
        chosen = None if source.hdu is None else {source.name: source.hdu}
        path, hdu = self.folder.place_of(source.name, chosen)
        with one_error(path):
            file = ImageFile.at(path)
        known = self._known.get(source.key)
        loaded = known.image() if known and known.file == file else None
        if known is None or loaded is None:
            full = read_image(path, hdu, sky=sky)
            loaded = LoadedImage.of(full, source.sigma)
            if self._on_read is not None:
                self._on_read(source.name, full)
        else:
            # Only FITS files have HDUs and sky coordinates.
            if sky and not known.has_sky and loaded.full.hdu is not None:
                loaded = replace(loaded, full=add_sky(loaded.full))
            loaded = loaded.smoothed_by(source.sigma)
            sky |= known.has_sky
        self._store(source, loaded, file, sky)
        return loaded

    def _store(
        self, source: ImageSource, loaded: LoadedImage, file: ImageFile, has_sky: bool
    ) -> None:
        if loaded.full.tiles is None:
            with self._changed:
                known = _Known(weakref.ref(loaded), file, has_sky)
                self._known[source.key] = known
                self._latest[source.key] = loaded
