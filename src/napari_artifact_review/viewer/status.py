"""What is said of pixel and cutout under the mouse, and at the end of the queue."""

from __future__ import annotations

from threading import current_thread, main_thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_artifact_review.core.cutout import Cutout
    from napari_artifact_review.core.images.full_image import FullImage
    from napari_artifact_review.core.review.session import ReviewSession


def describe_pixel(full: FullImage, x: int, y: int) -> str:
    """Return position, raw value and sky position of a pixel of a full image.

    On the main thread without the value, if that would have to be read.
    """
    rows, columns = full.pixels.shape
    text = f"x {x}  y {y}"
    waits = full.tiles is not None and current_thread() is main_thread()
    if 0 <= x < columns and 0 <= y < rows and not waits:
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
    said = f"reviewed: {cutout.decision}" if cutout.reviewed else "not reviewed"
    parts.append(f"{said}, {cutout.kind}" if cutout.kind else said)
    return ", ".join(parts)


def tag_of(cutout: Cutout) -> str:
    """Return its outcome, and in a sign what was decided about it, if anything was."""
    mark = "?" if cutout.decision == "unsure" else "✓"
    if cutout.changed:
        mark = f"→ {cutout.label_new}"
    return f"{cutout.outcome} {mark}" if cutout.reviewed else cutout.outcome


def end_of_queue(session: ReviewSession, which: str) -> str:
    """Say that there is no next, or previous, cutout, and what is still to be done."""
    queue = session.review_queue
    if not len(queue):
        return "The queue is empty; choose another one."
    left = queue.left
    rest = f"{left:,} left" if left else "all are reviewed"
    return f"This is the {which} of {len(queue):,} in the queue; {rest}."
