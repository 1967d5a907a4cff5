"""Identities, groups and splits of the images of an export."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from napari_artifact_review.core.review.judged_images import identities_in
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.training.exporting.earlier_splits import (
    EarlierSplits,
    GroupedImage,
)
from napari_artifact_review.core.training.exporting.export_options import (
    FEWEST_TEST_GROUPS,
    SPLITS,
    ExportOptions,
    parse_keys,
)
from napari_artifact_review.core.training.exporting.export_rows import (
    column_groups,
    group_columns,
)
from napari_artifact_review.core.training.exporting.image_reading import ImageFacts
from napari_artifact_review.core.training.exporting.splits import (
    Group,
    assign_splits,
    joined_groups,
)


@dataclass(frozen=True)
class ImageSplits:
    """Images with their groups and splits.

    Attributes
    ----------
    images : dict of str to GroupedImage
        The images by name.
    joined : dict of str to str
        Joined group of each group.
    splits : dict of str to str
        Split of each joined group.
    """

    images: dict[str, GroupedImage]
    joined: dict[str, str]
    splits: dict[str, str]

    def group_of(self, name: str) -> str:
        """Return the joined group of an image."""
        return self.joined[self.images[name].group]

    def split_of(self, name: str) -> str:
        """Return the split of an image."""
        return self.splits[self.group_of(name)]


class GroupRule:
    """The rule by which images have an identity and a group.

    Parameters
    ----------
    session : ReviewSession
        The review.
    options : ExportOptions
        Options of the export.

    Attributes
    ----------
    keys : tuple of str
        Header keys whose values the rule needs.

    Raises
    ------
    ReviewError
        If an image has several groups in the table.
    """

    def __init__(self, session: ReviewSession, options: ExportOptions) -> None:
        columns = group_columns(session, options.group)
        self._identities = identities_in(session.predictions)
        self._groups = column_groups(session, columns) if columns else {}
        self._image_key = options.image_key
        self._group_keys = () if columns else parse_keys(options.group or "")
        self.keys = tuple(dict.fromkeys((*self._image_key, *self._group_keys)))

    def apply(self, facts: ImageFacts) -> GroupedImage:
        """Return an image with its identity and its group."""
        values = dict(zip(self.keys, facts.values, strict=True))
        identity = self._identities.get(facts.name)
        if identity is None and self._image_key:
            identity = ",".join(f"{key}={values[key]}" for key in self._image_key)
        identity = identity or facts.pixels or identity_by_name(facts.name)
        group = self._groups.get(facts.name, identity)
        if self._group_keys:
            group = ",".join(values[key] for key in self._group_keys)
        return GroupedImage(facts.name, identity, facts.pixels, group)


def identity_by_name(name: str) -> str:
    """Return the identity of an image whose pixels cannot identify it.

    It is "name-" and the first 16 hexadecimal digits of the SHA-256 of the name in
    UTF-8, and does not survive renaming.
    """
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    return f"name-{digest[:16]}"


def split_images(
    images: Sequence[GroupedImage],
    rows: pd.DataFrame,
    options: ExportOptions,
    earlier: EarlierSplits | None,
) -> ImageSplits:
    """Join the groups of images with equal identities, and assign them to splits.

    Parameters
    ----------
    images : sequence of GroupedImage
        The images.
    rows : DataFrame
        The cutouts of these images, with the columns `image_name` and `label`.
    options : ExportOptions
        Options of the export.
    earlier : EarlierSplits or None
        The splits to keep.

    Raises
    ------
    ReviewError
        If a group would be in two splits of the earlier export.
    """
    # Copies of an image have equal pixels, whatever the table calls them.
    links = [(one.group, one.identity) for one in images]
    links += [(one.group, one.pixels) for one in images if one.pixels is not None]
    joined = joined_groups(links)
    by_name = {one.name: one for one in images}
    labels = rows.groupby("image_name")["label"].agg(["sum", "size"])
    counts: dict[str, list[int]] = {joined[one.group]: [0, 0] for one in images}
    for name, artifacts, size in labels.itertuples():
        count = counts[joined[by_name[name].group]]
        count[0] += artifacts
        count[1] += size - artifacts
    groups = [Group(name, *map(int, count)) for name, count in counts.items()]
    frozen = None if earlier is None else earlier.frozen(images, joined)
    splits = assign_splits(groups, options.shares, options.seed, frozen)
    return ImageSplits(by_name, joined, splits)


def notices_on_images(
    found: ImageSplits,
    table: pd.DataFrame,
    options: ExportOptions,
    earlier: EarlierSplits | None,
) -> Iterator[str]:
    """Yield notices on copies, new versions, unknown identities and poor splits.

    Parameters
    ----------
    found : ImageSplits
        The images.
    table : DataFrame
        The exported table.
    options : ExportOptions
        Options of the export.
    earlier : EarlierSplits or None
        The splits of an earlier export.
    """
    copies: dict[str, list[str]] = {}
    for image in found.images.values():
        copies.setdefault(image.pixels or image.identity, []).append(image.name)
        if image.identity == identity_by_name(image.name):
            yield (
                f"{image.name}: its identity is its name, because its pixels are all "
                "equal or it is read tile by tile; give header keys with --image-key."
            )
        if earlier is not None and earlier.is_new_version(image):
            yield f"{image.name}: a new version of an image in the earlier export."
    if earlier is not None:
        yield from _notices_on_earlier(found, options, earlier)
    for names in copies.values():
        if len(names) > 1:
            yield f"{', '.join(names)}: these images are equal, and share a split."
    yield from _notices_on_splits(found, table, options)


def _notices_on_earlier(
    found: ImageSplits, options: ExportOptions, earlier: EarlierSplits
) -> Iterator[str]:
    """Yield notices on images and groups that the earlier export does not have."""
    frozen = earlier.frozen([*found.images.values()], found.joined)
    new = [name for name in found.images if found.group_of(name) not in frozen]
    if new:
        images = "1 image is" if len(new) == 1 else f"{len(new):,} images are"
        yield (
            f"{images} not in the earlier export, whose test split stays: new images "
            "get train or validation."
        )
    if earlier.group != options.group:
        yield (
            f"The earlier export has other groups ({earlier.group or 'images'}), so "
            "only its images keep their splits."
        )


def _notices_on_splits(
    found: ImageSplits, table: pd.DataFrame, options: ExportOptions
) -> Iterator[str]:
    """Yield notices on splits that are too small."""
    for split, share in zip(SPLITS, options.shares, strict=True):
        labels = table["label"][table["split"] == split]
        if share and not len(labels):
            yield f"{split}: no group of images was left for this split."
        elif share and labels.nunique() < 2:
            yield f"{split}: all cutouts of this split have the same label."
    is_test = table["split"] == "test"
    groups = len({*map(found.group_of, table["image_name"][is_test].unique())})
    if 0 < groups < FEWEST_TEST_GROUPS:
        yield (
            f"compare gives no interval with fewer than {FEWEST_TEST_GROUPS} groups in "
            f"the test split; it has {groups}."
        )
