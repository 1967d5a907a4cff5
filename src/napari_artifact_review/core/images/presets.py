"""Named display settings, and texts that describe display settings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from napari_artifact_review.core.images.display import Display
from napari_artifact_review.core.images.stretch import Preset

#: Presets of the plugin. A new review starts with the first. The second smooths the
#: image to show ghosts and scattered light below the noise of a pixel; percentiles of
#: the smoothed image show gradients. The third shows the bright cores of artifacts,
#: which ZScale saturates, and their faint wings.
BUILT_IN = (
    Preset("ZScale", Display()),
    Preset("Faint and extended", Display("percentile", 98.0, sigma=3.0)),
    Preset("Point-like", Display("percentile", 99.9, stretch="asinh")),
)

#: Maximum number of characters in a preset's name, so that the name fits into a title.
MOST_LETTERS = 40

_BUILT_IN_NAMES = frozenset(preset.name for preset in BUILT_IN)


def is_built_in(name: str) -> bool:
    """Return whether a name is the name of a preset of the plugin."""
    return name in _BUILT_IN_NAMES


def clean_name(text: str) -> str:
    """Make a preset name of a string: one line of up to `MOST_LETTERS` characters."""
    return " ".join(text.split())[:MOST_LETTERS].strip()


def apply_preset(preset: Preset, display: Display) -> Display:
    """Return the display of a preset.

    For a preset of the plugin, the colormap is that of the current `display`.
    """
    if is_built_in(preset.name):
        return replace(preset.display, colormap=display.colormap)
    return preset.display


def find_preset(display: Display, presets: Iterable[Preset]) -> Preset | None:
    """Return the preset with these settings, or None; prefer the user's own presets."""
    by_own = sorted(presets, key=lambda preset: is_built_in(preset.name))
    same = (one for one in by_own if apply_preset(one, display) == display)
    return next(same, None)


def preset_after(display: Display, presets: Sequence[Preset]) -> Preset:
    """Return the preset after the current one; the first if no preset is current."""
    current = find_preset(display, presets)
    at = -1 if current is None else presets.index(current)
    return presets[(at + 1) % len(presets)]


def presets_as_text(presets: Iterable[Preset]) -> str:
    """Return presets as a string of JSON, which `presets_from_text` reads."""
    return json.dumps(
        [{"name": one.name, "display": one.display.as_json()} for one in presets]
    )


def presets_from_text(text: str) -> list[Preset]:
    """Read presets from a string that any version of `presets_as_text` returned.

    An entry is skipped if its name is invalid, or is the name of a preset of the plugin
    or of an earlier entry. Invalid JSON gives an empty list.
    """
    try:
        stored = json.loads(text)
    except ValueError:
        return []
    found: dict[str, Preset] = {}
    for entry in stored if isinstance(stored, list) else ():
        match entry:
            case {"name": str(written), "display": dict(display)}:
                name = clean_name(written)
                if name and not is_built_in(name):
                    found.setdefault(name, Preset(name, Display.from_json(display)))
    return list(found.values())


def limits_text(display: Display) -> str:
    """Describe how the limits of a display are determined."""
    if display.has_fixed_limits and display.manual is not None:
        low, high = display.manual
        return f"Manual: {low:.4g} to {high:.4g}"
    text = {
        "zscale": "ZScale",
        "percentile": f"{display.percent:g} %",
        "min-max": "Min-max",
    }[display.interval]
    low, high = display.manual or (None, None)
    if low is not None:
        return f"{text} from {low:.4g}"
    if high is not None:
        return f"{text} up to {high:.4g}"
    return text


def display_summary(display: Display) -> str:
    """Describe display settings in a few words, for example "ZScale, inverted"."""
    parts = [limits_text(display)]
    if display.scope == "cutout" and not display.has_fixed_limits:
        parts[0] += " of each cutout"
    if display.stretch != "linear":
        parts.append(display.stretch)
    if display.sigma:
        parts.append(f"smoothing {display.sigma:g} px")
    if display.inverted:
        parts.append("inverted")
    if display.has_contrast:
        parts.append(f"contrast {display.contrast:.2g}, bias {display.bias:.2f}")
    return ", ".join(parts)
