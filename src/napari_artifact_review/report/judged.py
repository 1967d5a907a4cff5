"""Display settings with which each cutout was judged, read from the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.cutout import Cutout, CutoutKey
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.images.display import LEVELS, Display
from napari_artifact_review.core.images.presets import display_summary
from napari_artifact_review.core.images.thumbnails import Look
from napari_artifact_review.core.limits import Limits
from napari_artifact_review.core.review.position import checked_hdu

#: Display of a cutout whose decision has no view settings.
_DEFAULT = Display(scope="cutout")


@dataclass(frozen=True)
class JudgedView:
    """The display of a cutout at the time of its decision.

    Attributes
    ----------
    display : Display
        The display settings; by default ZScale with limits computed from the cutout.
    limits : tuple of float or None
        The contrast limits that were shown, in the unit of the pixel values; None if
        they are not stored.
    gamma : float
        Gamma of the napari layer.
    y_up : bool
        Whether row 0 was at the bottom.
    hdu : int, str or None
        HDU that the reviewer chose; None for that of the review, or else for the first
        image of the file.
    is_stored : bool
        Whether the log contains the settings; otherwise, all of them are defaults.
    """

    display: Display = _DEFAULT
    limits: Limits | None = None
    gamma: float = 1.0
    y_up: bool = False
    hdu: int | str | None = None
    is_stored: bool = True

    @classmethod
    def from_view(cls, view: Any, image_name: str) -> JudgedView:
        """Create the view from settings that any version stored with a decision.

        If there are no settings, as in a decision by a script, return the default view.
        """
        if not isinstance(view, Mapping) or not view.keys() & _SHOWN_KEYS:
            return cls(is_stored=False)
        hdus = view.get("hdus")
        hdu = hdus.get(image_name) if isinstance(hdus, Mapping) else None
        hdu = checked_hdu(view.get("hdu")) if hdu is None else checked_hdu(hdu)
        gamma: Any = view.get("gamma")
        # `Display.from_json` also checks limits on the screen.
        limits = Display.from_json({"by_hand": view.get("contrast_limits")})
        low, high = limits.manual or (None, None)
        return cls(
            Display.from_view(view),
            None if low is None or high is None else (low, high),
            float(gamma) if type(gamma) in (int, float) and 0 < gamma < 100 else 1.0,
            view.get("y_up") is True,
            hdu,
        )

    def look(self) -> Look:
        """Return the thumbnail settings that reproduce this display."""
        display = self.display
        if self.limits is not None:
            display = display.with_limits(*self.limits)
        return Look(display, colors_of(display.colormap), self.y_up, gamma=self.gamma)

    def caption(self) -> str:
        """Return a caption that describes the display."""
        if not self.is_stored:
            return f"Display not recorded; shown here: {display_summary(self.display)}"
        display = self.display
        parts = [display_summary(display)]
        is_named = display.has_fixed_limits and not display.has_contrast
        if self.limits is not None and not is_named:
            low, high = self.limits
            parts.append(f"limits {low:.5g} to {high:.5g}")
        if display.colormap != Display.colormap:
            is_known = colors_of(display.colormap) is not None
            shown = "" if is_known else " (here in grey)"
            parts.append(f"colormap {display.colormap}{shown}")
        if self.gamma != 1:
            parts.append(f"gamma {self.gamma:g}")
        if self.hdu is not None:
            parts.append(f"HDU {self.hdu}")
        parts.append("y up" if self.y_up else "row 0 at the top")
        return f"Displayed as judged: {', '.join(parts)}"


#: Keys of the view settings that affect the display of an image.
_SHOWN_KEYS = {"display", "contrast_limits", "colormap", "y_up", "hdus", "hdu"}


def judged_views(
    cutouts: Iterable[Cutout], entries: Iterable[Entry]
) -> dict[CutoutKey, JudgedView]:
    """Return the display of each cutout at the time of the decision in force.

    Parameters
    ----------
    cutouts : iterable of Cutout
        The cutouts, with the reviewer and time of the decision.
    entries : iterable of Entry
        Entries of the log.
    """
    wanted = {
        (cutout.key, cutout.reviewed_by, cutout.reviewed_at): cutout
        for cutout in cutouts
    }
    views = {cutout.key: JudgedView(is_stored=False) for cutout in wanted.values()}
    for entry in entries:
        cutout = wanted.get((entry.cutout, entry.reviewer, entry.decided_at))
        if cutout is not None and entry.action == "decide":
            view = entry.context.get("view")
            views[cutout.key] = JudgedView.from_view(view, cutout.image_name)
    return views


def colors_of(colormap: str) -> npt.NDArray[np.float64] | None:
    """Return the colours of a colormap, shape (`LEVELS`, 3), or None for grey.

    The result is also None if matplotlib does not have the colormap.
    """
    # Import here, because only a report needs this library.
    import matplotlib

    if colormap == Display.colormap or colormap not in matplotlib.colormaps:
        return None
    levels = np.linspace(0, 1, LEVELS)
    return np.asarray(matplotlib.colormaps[colormap](levels)[:, :3], np.float64)
