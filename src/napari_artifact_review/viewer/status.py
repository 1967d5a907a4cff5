"""Texts about pixels, cutouts and the ends of the queue."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import current_thread, main_thread
from typing import TYPE_CHECKING

from napari_artifact_review.core.texts import not_html, plain_number
from napari_artifact_review.viewer.napari_compat import (
    add_to_status,
    update_status,
    update_status_in_thread,
)

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_artifact_review.core.cutout import Cutout
    from napari_artifact_review.core.images.full_image import FullImage
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.drawing import ReviewDrawing


class MouseStatus:
    """The text in the status bar about the pixel and the cutout under the mouse.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    session : ReviewSession
        The review.
    drawing : ReviewDrawing
        Draws the image under the mouse.
    run_later : callable
        Schedules a function after a delay in seconds; called in the main thread.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: ReviewSession,
        drawing: ReviewDrawing,
        run_later: Callable[[float, Callable[[], object]], None],
    ) -> None:
        self._viewer = viewer
        self._session = session
        self._drawing = drawing
        self._run_later = run_later
        self._restore: dict[Layer, Callable[[], None]] = {}

    def connect(self) -> None:
        """Start adding the text to the status of the user's selected layers."""
        self._viewer.layers.selection.events.changed.connect(self._follow_selection)
        self._session.hidden_changed.connect(self.update)
        self._follow_selection()

    def disconnect(self) -> None:
        """Restore the status of the user's layers."""
        self._viewer.layers.selection.events.changed.disconnect(self._follow_selection)
        self._session.hidden_changed.disconnect(self.update)
        while self._restore:
            self._restore.popitem()[1]()

    def _follow_selection(self) -> None:
        own = self._drawing.layers.owns
        selected = [x for x in self._viewer.layers.selection if not own(x)]
        for layer in [x for x in self._restore if x not in selected]:
            self._restore.pop(layer)()
        for layer in selected:
            if layer not in self._restore:
                self._restore[layer] = add_to_status(layer, self.describe)

    def describe(self, row: float, column: float) -> str:
        """Return the text for a position on the image; empty without an image.

        This method can be called in any thread.
        """
        full, name = self._drawing.full, self._drawing.name
        if full is None:
            return ""
        x, y = round(column), round(row)
        cutout = self._session.catalog.cutout_at(name, x, y)
        text = describe_pixel(full, x, y)
        if cutout:
            text = f"{text}  |  {describe_cutout(cutout)}"
        return not_html(text)

    def update(self) -> None:
        """Update the status bar after the image under the mouse has changed."""
        full, layers = self._drawing.full, self._drawing.layers
        # Reading pixels of a tiled image or of a user's layer could take long.
        if full is not None and full.tiles is None and layers.are_active:
            update_status(self._viewer)
        self._run_later(0, partial(update_status_in_thread, self._viewer))


def describe_pixel(full: FullImage, x: int, y: int) -> str:
    """Return a text with a pixel's position, raw value and sky coordinates.

    In the main thread, omit the value of a tiled image, because reading the value could
    take long.
    """
    rows, columns = full.pixels.shape
    text = f"x {x}  y {y}"
    would_wait = full.tiles is not None and current_thread() is main_thread()
    if 0 <= x < columns and 0 <= y < rows and not would_wait:
        value = plain_number(full.pixels[y, x].item(), 6)
        text += f"  {value} {full.unit}".rstrip()
    if full.sky is not None:
        text += f"  {full.sky.text(x, y)}"
    return text


def describe_reason(session: ReviewSession) -> str:
    """Return why the current cutout has its place in the learned order.

    The text is empty while nothing is known. It tells nothing about a cutout whose
    prediction is hidden.
    """
    cutout = session.current_cutout
    if cutout.is_hidden:
        return "Why this cutout: shown after the verdict"
    reason = session.learned_queue.reason(cutout.row)
    if reason is None:
        return ""
    parts = []
    if reason.probability is not None and not cutout.reviewed:
        parts.append(f"mislabelled with probability {reason.probability:.2f}")
    if reason.nearest is not None:
        name = session.cutout_index.key_of(reason.nearest).title
        parts.append(f"most like one {_given_label(session, reason.nearest)}, {name}")
    return f"Why: {'; '.join(parts)}" if parts else ""


def _given_label(session: ReviewSession, row: int) -> str:
    """Return what a verdict did, such as "changed to artifact"."""
    label_new = session.catalog.labels.label_new[row]
    did = "kept as" if label_new == session.predictions.label[row] else "changed to"
    return f"{did} {'artifact' if label_new == 1 else 'no artifact'}"


def describe_cutout(cutout: Cutout) -> str:
    """Return one line of text about a cutout and its review."""
    if cutout.is_hidden:
        return f"({cutout.grid_x}, {cutout.grid_y}), predictions hidden"
    parts = [
        f"{cutout.outcome} at ({cutout.grid_x}, {cutout.grid_y})",
        f"label {cutout.label}",
        f"preds {cutout.preds}",
    ]
    if cutout.confidence is not None:
        parts.append(f"confidence {cutout.confidence:.2f}")
    if cutout.changed:
        parts.append(f"label_new {cutout.label_new}")
    review = f"reviewed: {cutout.decision}" if cutout.reviewed else "not reviewed"
    if cutout.is_carried:
        review = f"carried from the previous round: {cutout.decision}"
    parts.append(f"{review}, {cutout.kind}" if cutout.kind else review)
    return ", ".join(parts)


def tag_of(cutout: Cutout) -> str:
    """Return the outcome of a cutout, with a mark for its verdict.

    The tag of a hidden cutout is empty.
    """
    return f"{cutout.outcome} {mark_of(cutout)}".rstrip()


def mark_of(cutout: Cutout) -> str:
    """Return the mark for the verdict on a cutout; empty without a verdict."""
    if not cutout.reviewed:
        return ""
    return verdict_mark(
        cutout.label_new if cutout.changed else None,
        is_unsure=cutout.decision == "unsure",
        is_carried=cutout.is_carried,
    )


def verdict_mark(new_label: int | None, *, is_unsure: bool, is_carried: bool) -> str:
    """Return the mark for a verdict, in parentheses if the verdict was carried.

    `new_label` is the label after review if it differs from the original label.
    """
    mark = "?" if is_unsure else "✓"
    if new_label is not None:
        mark = f"→ {new_label}"
    return f"({mark})" if is_carried else mark


def end_of_queue(session: ReviewSession, which: str) -> str:
    """Return a message for the first or last cutout of the queue.

    The message contains the number of unreviewed cutouts. `which` is "first" or "last".
    """
    queue = session.review_queue
    if session.is_adjudicating:
        return _end_of_adjudication(session, which)
    if not len(queue):
        return "The queue is empty. Change the filters under Queue."
    left = queue.left
    if not left:
        return all_reviewed(session)
    end = "end" if which == "last" else "beginning"
    return f"This is the {end} of the queue; {left:,} of {len(queue):,} are unreviewed."


def _end_of_adjudication(session: ReviewSession, which: str) -> str:
    left, count = session.still_disputed, len(session.review_queue)
    if not left:
        return (
            "Every cutout of the adjudication is settled. “Back from adjudication” "
            "returns to your queue."
        )
    end = "end" if which == "last" else "beginning"
    return f"This is the {end} of the adjudication; {left:,} of {count:,} are disputed."


def all_reviewed(session: ReviewSession) -> str:
    """Return a sentence that the queue is reviewed, and how many errors are not."""
    others = session.review_queue.errors_elsewhere
    text = "Every cutout in the queue has been reviewed"
    if not others:
        return f"{text}."
    errors = "error is" if others == 1 else "errors are"
    return f"{text}, but {others:,} other {errors} not. Change the filters under Queue."
