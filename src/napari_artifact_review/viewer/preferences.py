"""The user's defaults for reviews, from napari's preferences."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from napari_artifact_review.viewer.napari_compat import plugin_settings

if TYPE_CHECKING:
    from napari_artifact_review.core.review.queue import Order

#: Names of the plugin and of the defaults in napari's preferences.
PLUGIN, CATEGORY = "napari-artifact-review", "review"

AdvanceTo = Literal["next unreviewed", "next in queue"]


@dataclass(frozen=True)
class Preferences:
    """The user's defaults for reviews, one for each setting in napari's preferences.

    Attributes
    ----------
    advance_to : str
        Cutout to go to after a verdict: "next unreviewed", or "next in queue", which
        may be reviewed already.
    auto_advance : bool
        Whether a new review goes to another cutout after a verdict.
    y_up : bool
        Whether a new review draws row 0 at the bottom.
    display_preset : str
        Name of the display preset of a new review.
    order : str
        Order of the queue of a new review; see `QueueRule`.
    save_at_end : bool
        Whether to save the reviewed table after the last verdict of the queue, and when
        the review closes.
    spreadsheet_copy : bool
        Whether each save also writes a copy for spreadsheet programs.
    """

    advance_to: AdvanceTo = "next unreviewed"
    auto_advance: bool = True
    y_up: bool = False
    display_preset: str = "ZScale"
    order: Order = "image"
    save_at_end: bool = True
    spreadsheet_copy: bool = False

    @classmethod
    def in_force(cls) -> Preferences:
        """Return the current preferences; a missing value has its default."""
        # There are no settings if the plugin is disabled, or if npe2 is too old.
        stored = getattr(plugin_settings().get(PLUGIN), CATEGORY, None)
        names = [field.name for field in fields(cls)]
        return cls(**{n: getattr(stored, n) for n in names if hasattr(stored, n)})
