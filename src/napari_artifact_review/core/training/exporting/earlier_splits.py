"""Splits of an earlier export, which stay as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.training.exporting.export_folder import (
    MANIFEST,
    read_manifest,
)
from napari_artifact_review.core.training.exporting.export_options import (
    SPLITS,
    ExportOptions,
)


@dataclass(frozen=True)
class GroupedImage:
    """An image of an export with its group.

    Attributes
    ----------
    name, identity : str
        Name in the table, and identity.
    pixels : str or None
        Identity by pixels.
    group : str
        Group of the image, before groups are joined.
    """

    name: str
    identity: str
    pixels: str | None
    group: str


@dataclass(frozen=True)
class EarlierSplits:
    """Splits of the images in an earlier export, and in those before it.

    Attributes
    ----------
    folder : Path
        Folder of the export.
    origin : dict or None
        What a new export records as `split_from`.
    options : dict
        Its options, as in `export.json`.
    images : list of dict
        The images, as in `export.json`.
    by_identity, by_name, by_group : dict of str to str
        Splits by identity (also by pixels), by image name, and by group.
    """

    folder: Path
    origin: dict[str, Any] | None
    options: dict[str, Any]
    images: list[dict[str, Any]]
    by_identity: dict[str, str] = field(default_factory=dict)
    by_name: dict[str, str] = field(default_factory=dict)
    by_group: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path, group: str | None) -> Self:
        """Read the splits of an export.

        Parameters
        ----------
        folder : Path
            Folder of the export.
        group : str or None
            Option of the new export, if it is given. Groups are only compared if the
            earlier export had the same option.

        Raises
        ------
        ReviewError
            If the folder is not an export, or its `export.json` is damaged.
        """
        data = read_manifest(folder)
        digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
        return cls._of(
            folder,
            data,
            {"name": folder.name, "sha256": digest},
            lambda options: group in (None, options["group"]),
        )

    @classmethod
    def of_replaced(cls, folder: Path, options: ExportOptions) -> Self:
        """Read the splits of an export that a new one with equal options replaces.

        Raises
        ------
        ReviewError
            If an option on which splits depend differs, or `export.json` is damaged.
        """
        data = read_manifest(folder)
        found = cls._of(folder, data, data.get("split_from"), lambda _: True)
        new = options.as_json()
        differ = [
            f"{name.replace('_', '-')} {_text(old)}, now {_text(new[name])}"
            for name in ("split", "group", "seed", "image_key")
            if (old := found.options.get(name)) != new[name]
        ]
        if differ:
            raise ReviewError(
                "the export in this folder has splits that were made with other "
                f"options ({'; '.join(differ)})",
                path=folder,
                remedy=f"Give --split-from {folder} to keep its splits, or choose "
                "another folder for new ones",
            )
        return found

    @property
    def group(self) -> str | None:
        """Option `group` of the export."""
        group = self.options["group"]
        return None if group is None else str(group)

    def split_of(self, image: GroupedImage) -> str | None:
        """Return the split of an image that was in the export, or None.

        Pixels decide before names. An image with other pixels under a name of the
        earlier export is a new version, and keeps the split.
        """
        for identity in (image.identity, image.pixels):
            if identity in self.by_identity:
                return self.by_identity[identity]
        return self.by_name.get(image.name)

    def is_new_version(self, image: GroupedImage) -> bool:
        """Return whether the export has an image of this name with other pixels."""
        known = self.by_identity
        is_known = image.identity in known or image.pixels in known
        return image.name in self.by_name and not is_known

    def frozen(
        self, images: Sequence[GroupedImage], joined: Mapping[str, str]
    ) -> dict[str, str]:
        """Return the splits of groups that were in the export, by joined group.

        Parameters
        ----------
        images : sequence of GroupedImage
            The images of the new export.
        joined : mapping of str to str
            Joined group of each group; see `joined_groups`.

        Raises
        ------
        ReviewError
            If a group would be in two splits, or no image was in the export.
        """
        found: dict[str, tuple[str, str]] = {}
        for image in images:
            for split, why in (
                (self.split_of(image), f"image {image.name!r}"),
                (self.by_group.get(image.group), f"group {image.group!r}"),
            ):
                if split is None:
                    continue
                group = joined[image.group]
                before, because = found.setdefault(group, (split, why))
                if before != split:
                    raise ReviewError(
                        f"the group {group!r} would be in two splits: the earlier "
                        f"export has {because} in {before} and {why} in {split}",
                        path=self.folder,
                        remedy="Choose the group of the earlier export, or make new "
                        "splits without it",
                    )
        if not found:
            raise ReviewError(
                "the table has none of the images of the earlier export",
                path=self.folder,
                remedy="Name an export of this survey to keep splits, and export a "
                "new survey into another folder",
            )
        return {group: split for group, (split, _) in found.items()}

    def others(self, images: Sequence[GroupedImage]) -> list[dict[str, Any]]:
        """Return the images of the export that are not among the given images."""
        known = {image.identity for image in images}
        return [one for one in self.images if one["identity"] not in known]

    @classmethod
    def _of(
        cls,
        folder: Path,
        data: dict[str, Any],
        origin: dict[str, Any] | None,
        has_same_groups: Callable[[dict[str, Any]], bool],
    ) -> Self:
        try:
            images = [*data["images"], *data["earlier_images"]]
            found = cls(folder, origin, data["options"], images)
            with_group = has_same_groups(found.options)
            for image in images:
                found._add(image, with_group)
        except (KeyError, TypeError) as error:
            raise ReviewError(
                f"the file is damaged ({type(error).__name__}: {error})",
                path=folder / MANIFEST,
                remedy="Restore it from a backup, or export without an earlier split",
            ) from error
        return found

    def _add(self, image: dict[str, Any], with_group: bool) -> None:
        split = image["split"]
        if split not in SPLITS:
            raise KeyError(split)
        for identity in (image["identity"], image["pixels"]):
            if identity is not None:
                self.by_identity[identity] = split
        self.by_name[image["image_name"]] = split
        if with_group:
            self.by_group[image["group"]] = split


def _text(value: object) -> str:
    """Return the value of an option as the command line takes it."""
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
