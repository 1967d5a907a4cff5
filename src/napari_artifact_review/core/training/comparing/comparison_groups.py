"""The groups of images that are left out together in a comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.errors import ReviewError, TableError
from napari_artifact_review.core.images.fits import read_header_values
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.small_files import read_small_file
from napari_artifact_review.core.training.comparing.true_labels import LabelSource
from napari_artifact_review.core.training.exporting.export_options import (
    check_group,
    parse_keys,
)

#: Name of the description in the folder of an export.
EXPORT_FACTS = "export.json"

# Maximum size of this description in bytes.
_MOST_BYTES = 2**28


class ImageGroups(NamedTuple):
    """The group of each cutout.

    Attributes
    ----------
    codes : ndarray of int64, shape (n,)
        Group of each cutout, from 0 without a gap, in the order of the groups' names.
    total : int
        Number of groups.
    by : str
        What the cutouts of a group have in common, as a noun phrase.
    """

    codes: npt.NDArray[np.int64]
    total: int
    by: str


def group_images(
    names: pd.Series[Any],
    sources: Sequence[LabelSource],
    group: str | None,
    images: ImageFolder | None = None,
) -> ImageGroups:
    """Return the group of each cutout.

    Parameters
    ----------
    names : Series of str, shape (n,)
        Image name of each cutout.
    sources : sequence of LabelSource
        The tables, with the positions of the cutouts in them.
    group : str or None
        Names of columns or header keys, separated by commas. By default, the groups of
        the export, or else the images.
    images : ImageFolder, optional
        Folder of the images. Their headers are read if no table has these columns.

    Raises
    ------
    ReviewError
        If no table has these columns and no header these keys, an image has several
        groups, or the description of the export is damaged.
    """
    check_group(group)
    test = next((s.table for s in sources if s.title == "test"), None)
    facts = {} if test is None else _facts(test.path)
    options = facts.get("options")
    known = options.get("group") if isinstance(options, dict) else None
    found: Mapping[str, str] = {}
    by = "image"
    if test is not None and facts and group in (None, known):
        found = _exported_groups(facts, names, test.image_names)
        by = f"group of the export ({known})" if known else "image"
    elif group is not None:
        columns = _column_groups(names, sources, group)
        if columns is not None:
            found, by = columns, f"column {group}"
        elif images is not None:
            found, by = _header_groups(names, images, group), f"header keys {group}"
        else:
            raise ReviewError(
                f"no table has the column {group}",
                path=sources[0].table.path,
                remedy="Choose a column of one of the tables, or give the folder of "
                "the images (--images) if it is a header key",
            )
    # An image without a group of its own is a group; the prefix keeps them apart.
    texts = names.map(lambda name: f"group {found[name]}" if name in found else name)
    codes, groups = pd.factorize(texts, sort=True)
    return ImageGroups(codes.astype(np.int64), len(groups), by)


def _facts(table: Path) -> dict[str, Any]:
    """Return the description beside the table of an export; empty if there is none."""
    path = table.with_name(EXPORT_FACTS)
    try:
        found = json.loads(read_small_file(path, _MOST_BYTES))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise TableError(
            f"cannot be read ({error})", path=path, remedy="Export again"
        ) from error
    return found if isinstance(found, dict) else {}


def _exported_groups(
    facts: dict[str, Any], names: pd.Series[Any], other_names: Mapping[str, str]
) -> dict[str, str]:
    """Return the group of each image of an export; copies of an image share theirs.

    Parameters
    ----------
    facts : dict
        Description of the export.
    names : Series of str
        The images whose groups are returned.
    other_names : mapping of str to str
        Name in `names` of each image that the export names otherwise.
    """
    wanted = set(names.unique())
    group_of_copy: dict[str, str] = {}
    found: dict[str, str] = {}
    images = facts.get("images")
    for image in images if isinstance(images, list) else []:
        if not isinstance(image, dict) or not isinstance(image.get("image_name"), str):
            continue
        name = other_names.get(image["image_name"], image["image_name"])
        if name not in wanted:
            continue
        group = str(image.get("group"))
        for key in ("pixels", "identity"):
            if isinstance(image.get(key), str):
                group = group_of_copy.setdefault(image[key], group)
        found[name] = group
    return found


def _column_groups(
    names: pd.Series[Any], sources: Sequence[LabelSource], group: str
) -> dict[str, str] | None:
    """Return the group of each image by columns of the first table that has them.

    None if no table has all of them.
    """
    columns = parse_keys(group)
    for source in sources:
        texts = [source.table.own_column(name) for name in columns]
        there = source.row >= 0
        if any(one is None for one in texts):
            continue
        parts = [one.to_numpy(object)[source.row] for one in texts if one is not None]
        frame = pd.DataFrame(
            {
                "image": names.to_numpy(object),
                "group": [",".join(p) for p in zip(*parts, strict=True)],
            }
        )[there]
        frame = frame[frame["group"].str.strip(",") != ""].drop_duplicates()
        again = frame["image"].duplicated()
        if again.any():
            name = frame["image"][again].iloc[0]
            several = frame["group"][frame["image"] == name].iloc[:2].tolist()
            raise ReviewError(
                f"the image {name!r} has several groups: {' and '.join(several)}",
                path=source.table.path,
                where=f"column {group}",
                remedy="Choose columns in which all cutouts of an image are equal",
            )
        return dict(zip(frame["image"], frame["group"], strict=True))
    return None


def _header_groups(
    names: pd.Series[Any], images: ImageFolder, group: str
) -> dict[str, str]:
    """Return the group of each image by the values of header keys."""
    keys = parse_keys(group)
    found = {}
    for name in map(str, names.unique()):
        path, hdu = images.place_of(name)
        found[name] = ",".join(read_header_values(path, keys, hdu))
    return found
