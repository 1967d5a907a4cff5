"""Row 2 for the plot: the cost of a switch by the number of pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from benchmarks import surveys
from benchmarks.baseline import BOXES, BareNapari, box_sides
from benchmarks.measures import Point, Timings, points
from benchmarks.plan import Plan
from benchmarks.review import Review

#: Rows and columns: 1, 33.6 and 134 megapixels. The images of row 2 have 8.4.
_SIZES = ((1000, 1000), (4000, 8400), (8000, 16_800))


@contextmanager
def prepare(plan: Plan) -> Iterator[Plan]:
    """Return the plan; these rows need no more."""
    yield plan


def switches(plan: Plan) -> Iterable[Point]:
    """Row 2: switch between images of a size."""
    for rows, columns in _SIZES:
        review = Review(plan, surveys.images_of_size(plan, rows, columns))
        bare = BareNapari(review.window.canvas_size)
        image = review.image_layer
        bare.show_image(image.data, image.contrast_limits, multiscale=image.multiscale)
        ours, base = Timings(), Timings()
        for i in range(12):
            # The next one of the four images has been read ahead.
            at = review.session.image_names.index(review.cutout.image_name)
            name = review.session.image_names[(at + 1) % 4]
            if at == 3:
                review.session.select_image(name)
                review.settle()
                continue
            review.window.bring_up()
            seconds = review.window.time(
                lambda n=name, r=review: r.session.select_image(n), review.is_shown
            )
            review.settle()
            other = _bare(bare, review, name)
            if i:
                ours.add(seconds)
                base.add(other)
        bare.window.close()
        review.close()
        yield from points("megapixels", rows * columns / 1e6, "switch", ours, base)


ROWS = {2: switches}


def _bare(bare: BareNapari, review: Review, name: str) -> float:
    cutouts = review.marked_of(name)[:BOXES]
    size = cutouts[0].size
    boxes = box_sides([(c.grid_y, c.grid_x) for c in cutouts], size)
    at = review.cutout
    box = box_sides([(at.grid_y, at.grid_x)], size)
    if bare.boxes is None:
        bare.copy_camera(review.viewer.scene.camera)
        bare.show_boxes(boxes, box, 2 / bare.camera.zoom)
    pixels = review.image_layer.data
    bare.window.bring_up()
    center = (at.grid_y + size / 2, at.grid_x + size / 2)
    return bare.window.time(lambda: bare.switch(pixels, boxes, center, box))
