"""Facts about the full images that verdicts are about: file, HDU and identity."""

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
from napari_artifact_review.core.tables.predictions import Predictions

#: Key in an entry's context for the facts about the full image that was judged.
JUDGED_IMAGE = "image"

#: The optional column with the identity of each row's full image.
IDENTITY_COLUMN = "image_id"


class _Source(NamedTuple):
    """File and HDU that an image was read from."""

    file: ImageFile
    hdu: int | None


class JudgedImages:
    """The full images of a review as they were read, to be stored with decisions.

    File name, size and modification time are known when an image has been read. The
    identity is known from the table, or later, when it has been computed.

    Parameters
    ----------
    predictions : Predictions
        The table; its optional column `image_id` has the identities.
    store : Store
        File of the log, which gets the identities of the images.
    known : sequence of ImageRecord
        Images that earlier sessions identified.
    """

    def __init__(
        self, predictions: Predictions, store: Store, known: Sequence[ImageRecord]
    ) -> None:
        self._store = store
        self._known = [*known]
        self._named = _identities_in(predictions)
        # Guards the attributes below, because several threads read images.
        self._lock = threading.Lock()
        self._sources: dict[str, _Source] = {}
        self._identities: dict[tuple[str, _Source], str | None] = {}

    def note(self, name: str, full: FullImage) -> None:
        """Note an image that was read or is shown; can be called from any thread."""
        if full.file is not None:
            with self._lock:
                self._sources[name] = _Source(full.file, full.hdu)

    def facts_of(self, name: str) -> dict[str, Any] | None:
        """Return the facts about an image as plain JSON; None if it was not read."""
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
        """Return the facts about those of the images that were read, by name."""
        facts = {name: self.facts_of(name) for name in {*names}}
        return {name: each for name, each in facts.items() if each is not None}

    def identify(self, name: str, full: FullImage) -> str | None:
        """Return the identity of an image; compute it unless it is known.

        This takes a tenth of a second for 4200 x 2000 pixels, and can be called from
        any thread. Images of one value, and images that are read tile by tile, have no
        identity unless the table names one.
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
            self._store.note_image(record)
        return identity

    def is_new_version(
        self, name: str, full: FullImage, entries: Sequence[Entry]
    ) -> bool:
        """Return whether all earlier decisions on an image were about other pixels.

        The identity is computed unless it is known. Decisions whose image has no known
        identity, and decisions about another HDU, do not count.

        Parameters
        ----------
        name : str
            The image.
        full : FullImage
            The image as it was read now.
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
        """Return the identity that a decision names, or those that its file had."""
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
    """Return the part of a decision's context about an image, from facts by name."""
    return {JUDGED_IMAGE: dict(facts[name])} if facts and name in facts else {}


def _is_about(entry: Entry, name: str) -> bool:
    return entry.cutout.image_name == name and entry.action == "decide"


def _identities_in(predictions: Predictions) -> dict[str, str]:
    """Return the identities of the table, by image name.

    An image with several identities has none, because rows contradict each other.
    """
    if IDENTITY_COLUMN not in predictions.file.values:
        return {}
    values = predictions.file.values[IDENTITY_COLUMN]
    texts = values.astype("str").where(values.notna(), "").str.strip()
    found: dict[str, set[str]] = {}
    for index, text in zip(predictions.image_index.tolist(), texts, strict=True):
        if text:
            found.setdefault(predictions.image_names[index], set()).add(text)
    return {name: texts.pop() for name, texts in found.items() if len(texts) == 1}
