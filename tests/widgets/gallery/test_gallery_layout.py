"""The positions of thumbnails on the gallery's page."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.widgets.gallery.layout import GalleryLayout

layouts = st.builds(
    GalleryLayout,
    st.lists(st.integers(1, 12), max_size=5),
    st.integers(1, 90),
    st.sampled_from([10, 17]),
    st.sampled_from([0, 7]),
)


@given(layouts, st.integers(-5, 400), st.integers(0, 120))
def test_what_is_seen_is_all_that_reaches_into_the_window(layout, top, height):
    places = [layout.corner_of(position) for position in range(layout.count)]
    seen = [
        position
        for position, (_, y) in enumerate(places)
        if y < top + height and y + layout.cell > max(top, 0)
    ]
    found = layout.positions_between(top, top + height)
    assert set(seen) <= set(found), "nothing in view is left out"
    lines = {places[position][1] for position in found}
    assert len(found) <= len(seen) + 2 * layout.columns, "and little besides"
    assert all(y < top + height + layout.cell for y in lines)


@given(layouts)
def test_each_picture_is_found_where_it_stands_and_none_stand_on_another(layout):
    taken = set()
    for position in range(layout.count):
        x, y = layout.corner_of(position)
        assert layout.position_at(x, y) == position
        assert layout.position_at(x + layout.cell - 1, y + layout.cell - 1) == position
        taken.add((x, y))
    assert len(taken) == layout.count
    assert layout.position_at(-1, 0) is None
    assert layout.position_at(0, layout.height) is None


@given(layouts)
def test_the_page_ends_with_its_last_line(layout):
    if layout.count:
        _, y = layout.corner_of(layout.count - 1)
        assert layout.height == y + layout.cell
    else:
        assert layout.height == 0


@given(layouts, st.data())
def test_up_and_down_go_from_line_to_line_in_a_column(layout, data):
    if not layout.count:
        return
    position = data.draw(st.integers(0, layout.count - 1))
    step = data.draw(st.sampled_from([1, -1]))
    x, y = layout.corner_of(position)
    lines = sorted({layout.corner_of(other)[1] for other in range(layout.count)})
    wanted = lines.index(y) + step
    moved = layout.moved(position, step)
    if not 0 <= wanted < len(lines):
        assert layout.corner_of(moved)[1] == y
        return
    columns = [
        layout.corner_of(other)[0]
        for other in range(layout.count)
        if layout.corner_of(other)[1] == lines[wanted]
    ]
    assert layout.corner_of(moved) == (min(x, max(columns)), lines[wanted])


@given(layouts, st.integers(-20, 400), st.integers(0, 100))
def test_headers_in_view_are_told(layout, top, height):
    found = layout.headers_between(top, top + height)
    for _, y in found:
        assert y < top + height
        assert y + layout.header > top
    assert (found == []) or layout.header
