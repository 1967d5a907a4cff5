"""What the status bar says about the pixel and the cutout under the mouse."""

from __future__ import annotations

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.full_image import FullImage


def describe_pixel(full: FullImage, x: int, y: int) -> str:
    """Return position, raw value and sky position of a pixel of a full image."""
    rows, columns = full.pixels.shape
    text = f"x {x}  y {y}"
    if 0 <= x < columns and 0 <= y < rows:
        text += f"  {float(full.pixels[y, x]):.6g} {full.unit}".rstrip()
    if full.sky is not None:
        text += f"  {full.sky.text(x, y)}"
    return text


def describe_cutout(cutout: Cutout) -> str:
    """Return in one line what a cutout is and whether it was reviewed."""
    parts = [
        f"{cutout.outcome} at ({cutout.grid_x}, {cutout.grid_y})",
        f"label {cutout.label}",
        f"preds {cutout.preds}",
    ]
    if cutout.confidence is not None:
        parts.append(f"confidence {cutout.confidence:.2f}")
    if cutout.changed:
        parts.append(f"label_new {cutout.label_new}")
    parts.append("reviewed" if cutout.reviewed else "not reviewed")
    return ", ".join(parts)
