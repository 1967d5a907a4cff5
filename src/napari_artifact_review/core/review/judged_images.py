"""Facts about the full images that were judged: file, HDU and identity."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.schema import ImageRecord
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.images.identity import ImageFile, pixel_identity
from napari_artifact_review.core.tables.column_names import find_column
from napari_artifact_review.core.tables.predictions import Predictions

#: Key in an entry's context for the facts about the full image that was judged.
JUDGED_IMAGE = "image"

#: Name of the optional column with the identity of each row's full image.
IDENTITY_COLUMN = "image_id"


class _Source(NamedTuple):
    """File and HDU from which an image was read."""

    file: ImageFile
    hdu: int | None


class JudgedImages:
    """Facts about the full images as they were read, which are stored with decisions.

    The name, size and modification time of a file are known after the image was read.
    The identity is given by the table, or computed later by `identify`.

    Parameters
    ----------
    predictions : Predictions
        The table; its optional column `image_id` contains identities.
    store : Store
        File of the log, in which identities are stored.
    known : sequence of ImageRecord
        Records of the images that earlier sessions identified.
    """

    def __init__(
        self, predictions: Predictions, store: Store, known: Sequence[ImageRecord]
    ) -> None:
        self._store = store
        self._known = [*known]
        self._named = identities_in(predictions)
        # Guards the attributes below, because several threads read images.
        self._lock = threading.Lock()
        self._sources: dict[str, _Source] = {}
        self._identities: dict[tuple[str, _Source], str | None] = {}

    def note(self, name: str, full: FullImage) -> None:
        """Store the file and HDU from which an image was read.

        This method can be called from any thread.
        """
        if full.file is not None:
            with self._lock:
                self._sources[name] = _Source(full.file, full.hdu)

    def facts_of(self, name: str) -> dict[str, Any] | None:
        """Return the facts about an image; None if the image was not read.

        The facts are plain JSON: file name, size in bytes, modification time (UTC), HDU
        and identity.
        """
        with self._lock:
            source = self._sources.get(name)
            if source is None:
                return None
            identity = self._identities.get((name, source))
        file = source.file
        return {
            "file": file.path.name,
            "size": file.size,
            "modified_at": file.modified_at,
            "hdu": source.hdu,
            "identity": self._named.get(name) or identity,
        }

    def facts_of_all(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the facts about images by name, without images that were not read."""
        facts = {name: self.facts_of(name) for name in {*names}}
        return {name: each for name, each in facts.items() if each is not None}

    def identify(self, name: str, full: FullImage) -> str | None:
        """Return the identity of an image; compute the identity if necessary.

        This method can be called from any thread. The computation takes 0.1 s for
        4200 x 2000 pixels. Unless the table gives an identity, return None if all
        pixels have the same value, or if the image is read tile by tile.
        """
        if full.file is None:
            return self._named.get(name)
        source = _Source(full.file, full.hdu)
        with self._lock:
            is_known = (name, source) in self._identities
            identity = self._identities.get((name, source))
        if is_known:
            return identity
        identity = self._named.get(name)
        if identity is None and isinstance(full.pixels, np.ndarray):
            identity = pixel_identity(full.pixels)
        with self._lock:
            self._identities[name, source] = identity
        if identity is not None:
            file = full.file
            record = ImageRecord(identity, name, file.size, file.modified_at)
            self._known.append(record)
            self._store.add_image(record)
        return identity

    def identity_of_file(self, name: str, file: ImageFile) -> str | None:
        """Return the identity that earlier sessions found for a file, or None.

        The file must have the same size and modification time. This method can be
        called from any thread.
        """
        wanted = (name, file.size, file.modified_at)
        # An identity from the table says nothing about the pixels.
        return next(
            (
                one.identity
                for one in [*self._known]
                if (one.image_name, one.size, one.modified_at) == wanted
                and one.identity != self._named.get(name)
            ),
            None,
        )

    def note_identity(self, name: str, file: ImageFile, identity: str) -> None:
        """Store the identity that was computed from the pixels of a file.

        This method can be called from any thread.
        """
        if self.identity_of_file(name, file) is None:
            record = ImageRecord(identity, name, file.size, file.modified_at)
            self._known.append(record)
            self._store.add_image(record)

    def is_new_version(
        self, name: str, full: FullImage, entries: Sequence[Entry]
    ) -> bool:
        """Return whether all earlier decisions on an image are about other versions.

        Versions are compared by identity; see `identify`. Decisions about another HDU
        or without a known identity are ignored. If no decision remains, return False.

        Parameters
        ----------
        name : str
            Name of the image.
        full : FullImage
            The current version of the image.
        entries : sequence of Entry
            The entries of the log.
        """
        identity = self.identify(name, full)
        judged = (e.context.get(JUDGED_IMAGE) for e in entries if _is_about(e, name))
        earlier = set[str]()
        for facts in judged:
            if isinstance(facts, dict) and facts.get("hdu") == full.hdu:
                earlier |= self._identities_of(name, facts)
        return identity is not None and bool(earlier) and identity not in earlier

    def _identities_of(self, name: str, facts: Mapping[str, Any]) -> set[str]:
        """Return the identity in the facts, or else the file's known identities."""
        if isinstance(facts.get("identity"), str):
            return {facts["identity"]}
        file = (name, facts.get("size"), facts.get("modified_at"))
        return {
            one.identity
            for one in [*self._known]
            if (one.image_name, one.size, one.modified_at) == file
        }


def facts_about(
    name: str, facts: Mapping[str, Mapping[str, Any]] | None
) -> dict[str, Any]:
    """Return the part of a decision's context that describes the judged image.

    `facts` are by image name. If they lack the image, the result is empty.
    """
    return {JUDGED_IMAGE: dict(facts[name])} if facts and name in facts else {}


def _is_about(entry: Entry, name: str) -> bool:
    return entry.cutout.image_name == name and entry.action == "decide"


def identities_in(predictions: Predictions) -> dict[str, str]:
    """Return the identities in the column `image_id`, by image name.

    An image is omitted if its rows contain different identities.
    """
    columns = [str(name) for name in predictions.file.values.columns]
    column = find_column(IDENTITY_COLUMN, columns)
    if column is None or columns.count(column) > 1:
        return {}
    values = predictions.file.values[column]
    texts = values.astype("str").where(values.notna(), "").str.strip()
    found: dict[str, set[str]] = {}
    for index, text in zip(predictions.image_index.tolist(), texts, strict=True):
        if text:
            found.setdefault(predictions.image_names[index], set()).add(text)
    return {name: texts.pop() for name, texts in found.items() if len(texts) == 1}
