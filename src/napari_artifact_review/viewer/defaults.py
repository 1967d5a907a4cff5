"""Default view settings of a new review, from the user's preferences."""

from __future__ import annotations

from collections.abc import Sequence

from napari_artifact_review.core.images.display import Display
from napari_artifact_review.core.images.presets import BUILT_IN, clean_name
from napari_artifact_review.core.images.stretch import Preset
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.preferences import Preferences


def apply_defaults(
    session: ReviewSession, preferences: Preferences, presets: Sequence[Preset]
) -> None:
    """Apply the user's default view settings to a new review.

    A resumed review already has view settings, which remain unchanged, except that a
    missing `auto_advance` is added. The order of the queue is set elsewhere, by
    `ReviewSession.open`.

    Parameters
    ----------
    session : ReviewSession
        The review, before it is drawn.
    preferences : Preferences
        The user's defaults.
    presets : sequence of Preset
        The presets that `preferences` may name.
    """
    view = session.view_settings
    if not view:
        if preferences.y_up:
            view["y_up"] = True
        display = _display_of(session, preferences.display_preset, presets)
        if display != Display():
            view["display"] = display.as_json()
    # Reviews of earlier versions have no value for `auto_advance`.
    view.setdefault("auto_advance", preferences.auto_advance)


def _display_of(
    session: ReviewSession, name: str, presets: Sequence[Preset]
) -> Display:
    """Return the display of a preset, or the default display if there is none.

    If a preset is named but does not exist, add a notice to the session.
    """
    wanted = clean_name(name).casefold()
    for preset in presets:
        if preset.name.casefold() == wanted:
            return preset.display
    if wanted:
        known = ", ".join(preset.name for preset in presets)
        session.add_notice(
            f"napari's preferences name the display preset “{name}”, which does not "
            f"exist; {BUILT_IN[0].name} is used. Known presets: {known}."
        )
    return Display()
