"""Pictures of cutouts, embedded in the report."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import NamedTuple

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.image_cache import ImageCache
from napari_artifact_review.core.images.thumbnails import CutoutReader

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
    """

    cutout: Cutout
    source: str = ""
    fault: str = ""


def pictures_of(cutouts: Sequence[Cutout], images: ImageFolder) -> list[Picture]:
    """Return a picture of each cutout, with ZScale limits computed from the cutout.

    Each image is read only once, even if its cutouts are not consecutive.
    """
    reader, found = CutoutReader(ImageCache(images)), dict[int, Picture]()
    ordered = sorted(cutouts, key=lambda cutout: cutout.image_name)
    for i, cutout in enumerate(ordered):
        reader.expect(ordered[i:])
        found[cutout.row] = _picture(reader, cutout)
    return [found[cutout.row] for cutout in cutouts]


def data_uri(kind: str, contents: bytes) -> str:
    """Return a data URI of the media type `kind` with the given contents."""
    return f"data:{kind};base64,{base64.b64encode(contents).decode()}"


def _picture(reader: CutoutReader, cutout: Cutout) -> Picture:
    # Import here, because only a report needs this library.
    import imageio.v3 as imageio

    try:
        # The picture is grey, so its three channels are equal.
        grey = reader.picture(cutout)[:, :, 0]
    except ImageError as error:
        return Picture(cutout, fault=str(error))
    step = -(-max(grey.shape) // _SIDE)
    png = imageio.imwrite("<bytes>", grey[::step, ::step], extension=".png")
    return Picture(cutout, data_uri("image/png", png))
