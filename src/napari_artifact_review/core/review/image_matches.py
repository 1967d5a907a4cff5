"""The images of a table that are the images of a previous round."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from napari_artifact_review.core.decisions.schema import StoreContents
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.name_matching import (
    have_same_end,
    match_names,
)
from napari_artifact_review.core.images.sky_overlap import SkyImage
from napari_artifact_review.core.review.previous_round import (
    PreviousRound,
    identities_of,
)
from napari_artifact_review.core.tables.predictions import Predictions

_Names: TypeAlias = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class ImageMatches:
    """The images of a table that match images of a previous round.

    Attributes
    ----------
    same : mapping of str to tuple of str
        Names of the same image in the table, by previous name. Several files of the
        table may have the same pixels.
    on_sky : mapping of str to tuple of (str, SkyImage, SkyImage)
        Other images of the table that may overlap on the sky: name, position of the
        previous image, and position of the image.
    new_versions : tuple of str
        Names of images that had other pixels, or another `image_id`, before.
    """

    same: _Names
    on_sky: Mapping[str, tuple[tuple[str, SkyImage, SkyImage], ...]]
    new_versions: tuple[str, ...]

    def has(self, previous_name: str) -> bool:
        """Return whether an image of the previous round is in the table."""
        return bool(self.same.get(previous_name) or self.on_sky.get(previous_name))


def match_images(
    previous: PreviousRound,
    table: Predictions,
    images: ImageFolder,
    contents: StoreContents,
) -> ImageMatches:
    """Find the images of a previous round in a table.

    An image matches by its name, an alias, or as `match_names` says, or else by an
    identity that is known without reading the image. If known identities differ, two
    names match only if one of them is the end of the other. The headers of the other
    images are read: images with a WCS may overlap on the sky.

    Parameters
    ----------
    previous : PreviousRound
        The previous round.
    table : Predictions
        The table of this round.
    images : ImageFolder
        Folder of the table's images.
    contents : StoreContents
        Log of this round, which may know identities of images.
    """
    wanted = dict.fromkeys(one.cutout.image_name for one in previous.verdicts)
    every = dict.fromkeys([*previous.image_names, *wanted])
    names = _by_name(every, previous, table, images)
    identities = identities_of(table, contents)
    same: dict[str, tuple[str, ...]] = {}
    versions = []
    for old in every:
        known = previous.identities.get(old, set())
        name = names.get(old)
        if name is not None and not have_same_end(old, name):
            # Only a file of the same base name says that they are one image.
            name = None if _differ(known, identities.get(name)) else name
        equal = [new for new, ids in identities.items() if ids & known] if known else []
        equal = [new for new in equal if new in table.image_names]
        is_other = name is not None and name not in equal and name in identities
        if equal and (name is None or is_other):
            # Where names were exchanged, the known identity decides.
            same[old] = tuple(equal)
        elif name is not None:
            same[old] = (name,)
            if known and name in identities and name not in equal and old in wanted:
                versions.append(name)
    matched = {name for names in same.values() for name in names}
    wrong = (cutout.image_name for cutout in previous.wrong or ())
    left = [old for old in dict.fromkeys([*wanted, *wrong]) if old not in same]
    others = [name for name in table.image_names if name not in matched]
    on_sky = _on_sky(left, others, previous, images)
    return ImageMatches(same, on_sky, tuple(versions))


def _differ(one: set[str], other: set[str] | None) -> bool:
    """Return whether the identities of two images are known and differ."""
    return bool(one and other) and one.isdisjoint(other or ())


def _by_name(
    every: Collection[str],
    previous: PreviousRound,
    table: Predictions,
    images: ImageFolder,
) -> dict[str, str]:
    """Return the name in the table of each image that is found by a name."""
    known = {name: name for name in table.image_names} | dict(table.aliases)
    other_names: dict[str, list[str]] = {}
    for alias, name in previous.aliases.items():
        other_names.setdefault(name, []).append(alias)
    found = {}
    for old in every:
        for name in (old, *other_names.get(old, ())):
            if name in known:
                found[old] = known[name]
                break
    if any(old not in found for old in every):
        same = match_names(
            list(every),
            table.image_names,
            lambda some: ImageFolder(images.folder, some).files(),
        )
        found = same | found
    return found


def _on_sky(
    left: list[str],
    others: list[str],
    previous: PreviousRound,
    images: ImageFolder,
) -> dict[str, tuple[tuple[str, SkyImage, SkyImage], ...]]:
    """Return the images that may overlap on the sky; read headers only if needed."""
    folders = [previous.images or images, images]
    read = lru_cache(maxsize=None)(_sky_image)
    found = {}
    for old in left if others else ():
        before = next(filter(None, (read(folder, old) for folder in folders)), None)
        if before is None:
            continue
        pairs = [(name, before, read(images, name)) for name in others]
        found[old] = tuple(
            (name, one, other)
            for name, one, other in pairs
            if other is not None and one.may_overlap(other)
        )
    return found


def _sky_image(folder: ImageFolder, name: str) -> SkyImage | None:
    try:
        return SkyImage.at(*folder.place_of(name))
    except ImageError:
        return None
