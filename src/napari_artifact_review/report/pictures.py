"""Pictures of cutouts, embedded in the report."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from napari_artifact_review.core.cutout import Cutout, CutoutKey
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.image_cache import ImageCache
from napari_artifact_review.core.images.thumbnails import CutoutReader
from napari_artifact_review.report.judged import JudgedView

#: Maximum side length of a picture in pixels, which is sufficient for print.
_SIDE = 320


class Picture(NamedTuple):
    """A cutout and its picture.

    Attributes
    ----------
    cutout : Cutout
        The cutout.
    source : str
        The picture as a data URI; empty if the picture is missing.
    fault : str
        The reason why the picture is missing; otherwise empty.
    display : str
        Caption that describes the display; empty if the picture is missing.
    """

    cutout: Cutout
    source: str = ""
    fault: str = ""
    display: str = ""


def pictures_of(
    cutouts: Sequence[Cutout],
    images: ImageFolder,
    views: Mapping[CutoutKey, JudgedView],
) -> list[Picture]:
    """Return a picture of each cutout, with the display at the time of its decision.

    Each image is read once for each HDU and smoothing, in any order of the cutouts.

    Parameters
    ----------
    cutouts : sequence of Cutout
        The cutouts.
    images : ImageFolder
        Folder of the full images.
    views : mapping of CutoutKey to JudgedView
        The display of each cutout.
    """
    cache, found = ImageCache(images), dict[int, Picture]()
    groups = defaultdict[tuple[int | str | None, float], list[Cutout]](list)
    for cutout in sorted(cutouts, key=lambda cutout: cutout.image_name):
        view = views[cutout.key]
        groups[view.hdu, view.display.sigma].append(cutout)
    for (hdu, sigma), group in groups.items():
        names = {cutout.image_name for cutout in group}
        hdus = None if hdu is None else dict.fromkeys(names, hdu)
        reader = CutoutReader(cache, hdus)
        for i, cutout in enumerate(group):
            reader.expect(group[i:], sigma)
            found[cutout.row] = _picture(reader, cutout, views[cutout.key])
        reader.close()
    return [found[cutout.row] for cutout in cutouts]


def data_uri(kind: str, contents: bytes) -> str:
    """Encode contents as a data URI of the media type `kind`."""
    return f"data:{kind};base64,{base64.b64encode(contents).decode()}"


def _picture(reader: CutoutReader, cutout: Cutout, view: JudgedView) -> Picture:
    # Import here, because only a report needs this library.
    import imageio.v3 as imageio

    try:
        picture = reader.picture(cutout, view.look())
    except ImageError as error:
        return Picture(cutout, fault=str(error))
    if (picture == picture[:, :, :1]).all():
        # One channel makes a smaller file.
        picture = picture[:, :, 0]
    step = -(-max(picture.shape[:2]) // _SIDE)
    png = imageio.imwrite("<bytes>", picture[::step, ::step], extension=".png")
    return Picture(cutout, data_uri("image/png", png), display=view.caption())
