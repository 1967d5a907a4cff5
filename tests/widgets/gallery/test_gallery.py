"""The gallery in a real window, with real keys and a real mouse."""

from __future__ import annotations

import threading

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QApplication, QMenu

from napari_artifact_review.core.images.display import Display
from napari_artifact_review.core.images.thumbnails import CutoutReader
from napari_artifact_review.core.outcomes import OUTCOMES
from napari_artifact_review.viewer.style import STYLE
from napari_artifact_review.widgets.gallery import GalleryPanel
from napari_artifact_review.widgets.gallery.delegate import GAP, LARGEST

SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
NONE = Qt.KeyboardModifier.NoModifier


class Page:
    """The gallery as a user sees it: its cutouts, and the points to click."""

    def __init__(self, dock, qtbot):
        self.dock, self.session, self._qtbot = dock, dock.session, qtbot

    @property
    def panel(self) -> GalleryPanel:
        [panel] = self.dock.window().findChildren(GalleryPanel)
        return panel

    @property
    def view(self):
        return self.panel.view

    @property
    def is_shown(self) -> bool:
        panels = self.dock.window().findChildren(GalleryPanel)
        return any(panel.isVisible() for panel in panels)

    @property
    def keys(self) -> list:
        """The keys of the cutouts on the page, in their order."""
        model = self.view.model()
        return [model.cutout(at).key for at in range(model.rowCount())]

    @property
    def selected(self) -> list[int]:
        return self.view.selected_positions().tolist()

    @property
    def current(self) -> int:
        return self.view.currentIndex().row()

    def wait_for_pictures(self) -> None:
        def are_seen():
            rows = self.view.model().rows(list(self.view.positions_in_view()))
            return set(rows.tolist()) <= self.view.itemDelegate().seen

        self._qtbot.waitUntil(are_seen)

    def has_been_seen(self, position: int) -> bool:
        [row] = self.view.model().rows([position]).tolist()
        return row in self.view.itemDelegate().seen

    def open(self) -> Page:
        self._qtbot.keyClick(self.dock.window(), Qt.Key.Key_F5)
        assert self.is_shown
        self.wait_for_pictures()
        return self

    def press(self, key, modifier=NONE) -> None:
        """Press a key in the widget with the keyboard."""
        self._qtbot.keyClick(QApplication.focusWidget(), key, modifier)

    def place_of(self, position: int) -> QPoint:
        return self.view.visualRect(self.view.model().index(position, 0)).center()

    def click(self, position: int, modifier=NONE) -> None:
        self._qtbot.mouseClick(
            self.view.viewport(),
            Qt.MouseButton.LeftButton,
            modifier,
            self.place_of(position),
        )

    def double_click(self, position: int) -> None:
        for click in (self._qtbot.mouseClick, self._qtbot.mouseDClick):
            click(
                self.view.viewport(),
                Qt.MouseButton.LeftButton,
                NONE,
                self.place_of(position),
            )

    def color_at(self, position: int, across: int, down: int) -> QColor:
        """Return the colour at a point from the upper left corner of a picture."""
        rect = self.view.visualRect(self.view.model().index(position, 0))
        image = self.view.viewport().grab(rect).toImage()
        return image.pixelColor(GAP + across, GAP + down)


@pytest.fixture
def page(dock, qtbot, settle) -> Page:
    """Open with every cutout in the queue: three images of twelve."""
    settle(dock)
    dock.session.set_queue(outcomes=OUTCOMES, order="image")
    return Page(dock, qtbot)


@pytest.fixture
def gate() -> threading.Event:
    """Let pictures be made, unless a test blocks them."""
    gate = threading.Event()
    gate.set()
    return gate


@pytest.fixture
def asked(monkeypatch, gate) -> list:
    """Record the cutouts whose pictures are made, in their order."""
    keys = []
    real = CutoutReader.picture

    def picture(self, cutout, look):
        assert gate.wait(20)
        keys.append(cutout.key)
        return real(self, cutout, look)

    monkeypatch.setattr(CutoutReader, "picture", picture)
    return keys


def test_the_queue_is_a_page_of_pictures_and_one_key_leads_there_and_back(
    page, dock, settle
):
    canvas = dock.window().centralWidget()
    page.open()
    queue = dock.session.queue
    assert page.keys == [
        (row.image_name, row.grid_x, row.grid_y) for row in queue.itertuples()
    ]
    assert page.panel.geometry() == canvas.rect()
    assert page.panel.status.text() == "1 of 36 selected"
    assert page.keys[page.current] == dock.session.current_cutout.key
    page.press(Qt.Key.Key_F5)
    assert not page.is_shown
    settle(dock)
    assert dock.controller.view == "shown"
    page.press(Qt.Key.Key_F5)
    assert page.is_shown


def test_the_button_in_the_dock_opens_it_and_the_one_above_it_closes_it(
    page, dock, qtbot, settle
):
    button = dock.panel.full_image.gallery.native
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert page.is_shown
    qtbot.mouseClick(page.panel.back, Qt.MouseButton.LeftButton)
    assert not page.is_shown
    settle(dock)


def test_one_key_is_a_verdict_about_all_that_are_selected(page, dock, press):
    page.open()
    page.press(Qt.Key.Key_Home)
    page.press(Qt.Key.Key_Right)
    page.press(Qt.Key.Key_Right, SHIFT)
    page.press(Qt.Key.Key_Right, SHIFT)
    page.click(5, CONTROL)
    assert page.selected == [1, 2, 3, 5]
    assert page.panel.status.text() == (
        "4 of 36 selected: J artifact, K no artifact, H unsure"
    )
    page.press(Qt.Key.Key_J)
    session = dock.session
    decided = [page.keys[at] for at in (1, 2, 3, 5)]
    said = session.table[session.table.decision == "artifact"]
    assert [
        (row.image_name, row.grid_x, row.grid_y) for row in said.itertuples()
    ] == decided
    assert len({entry.act for entry in session.log}) == 1
    assert session.progress == (4, 36)
    assert "4 of 36" in dock.panel.progress.progress.native.text()
    assert dock.panel.saving.state.value == "● 4 verdicts stored, 4 not yet exported"
    page.press(Qt.Key.Key_U)
    assert session.progress == (0, 36)
    assert page.selected == [1, 2, 3, 5], "the right verdict is one key away"
    page.press(Qt.Key.Key_U, SHIFT)
    assert session.progress == (4, 36)


def test_a_verdict_goes_on_to_what_comes_after_the_selection(page, dock):
    dock.auto_advance.value = True
    page.open()
    page.click(0)
    page.click(4, SHIFT)
    page.press(Qt.Key.Key_K)
    assert dock.session.progress == (5, 36)
    assert (page.selected, page.current) == ([5], 5)
    page.press(Qt.Key.Key_K)
    assert dock.session.progress == (6, 36)
    assert (page.selected, page.current) == ([6], 6)


def test_selecting_is_as_anywhere_else(page, qtbot):
    page.open()
    columns = page.view.columns
    page.click(2)
    page.press(Qt.Key.Key_Down, SHIFT)
    assert page.selected == list(range(2, 2 + columns + 1))
    page.press(Qt.Key.Key_Up, SHIFT)
    assert page.selected == [2]
    page.click(0, CONTROL)
    assert page.selected == [0, 2]
    page.press(Qt.Key.Key_Right, CONTROL)
    assert (page.selected, page.current) == ([0, 2], 1)
    page.press(Qt.Key.Key_Space)
    assert page.selected == [0, 1, 2]
    page.press(Qt.Key.Key_Escape)
    assert page.selected == [1]
    viewport, left = page.view.viewport(), Qt.MouseButton.LeftButton
    qtbot.mousePress(viewport, left, NONE, page.place_of(1))
    qtbot.mouseMove(viewport, page.place_of(4))
    qtbot.mouseRelease(viewport, left, NONE, page.place_of(4))
    assert page.selected == [1, 2, 3, 4]
    page.press(Qt.Key.Key_A, CONTROL)
    assert page.selected == list(range(36))
    page.press(Qt.Key.Key_End)
    assert (page.selected, page.current) == ([35], 35)
    page.press(Qt.Key.Key_PageUp)
    page.press(Qt.Key.Key_Home)
    assert (page.selected, page.current) == ([0], 0)


def test_double_click_leads_to_the_full_image_and_back_all_is_as_it_was(
    page, dock, settle
):
    page.open()
    page.panel.size_slider.setValue(250)
    page.press(Qt.Key.Key_End)
    page.click(35)
    page.click(33, SHIFT)
    page.click(34, CONTROL)
    page.wait_for_pictures()
    selected, offset = page.selected, page.view.verticalOffset()
    assert offset > 0
    page.press(Qt.Key.Key_Return)
    settle(dock)
    assert not page.is_shown
    assert dock.controller.view == "shown"
    assert dock.session.current_cutout.key == page.keys[33]
    assert len(dock.controller.selection) == 0, "what is not seen is not judged"
    page.press(Qt.Key.Key_F5)
    assert (page.selected, page.view.verticalOffset()) == (selected, offset)
    page.double_click(33)
    settle(dock)
    assert not page.is_shown
    assert dock.session.current_cutout.key == page.keys[33]
    page.press(Qt.Key.Key_J)
    assert [entry.cutout for entry in dock.session.log] == [page.keys[33]]


def test_what_was_never_in_view_is_not_judged(page, dock, qtbot):
    page.open()
    page.panel.size_slider.setValue(256)
    page.press(Qt.Key.Key_A, CONTROL)
    unseen = 36 - len(page.view.itemDelegate().seen)
    assert unseen > 0
    page.press(Qt.Key.Key_K)
    assert dock.session.log == ()
    assert f"{unseen} selected cutouts have not been on the screen" in (
        dock.message.value
    )
    page.wait_for_pictures()
    assert len(page.view.itemDelegate().seen) > 36 - unseen, "it leads there"
    bar = page.view.verticalScrollBar()
    while bar.value() < bar.maximum():
        bar.setValue(bar.value() + bar.pageStep() // 2)
        page.wait_for_pictures()
    page.press(Qt.Key.Key_K)
    assert dock.session.progress == (36, 36)


def test_where_one_rests_the_stretches_show_it_and_leave_it_free(page, dock, qtbot):
    page.open()
    page.press(Qt.Key.Key_End)
    assert dock.session.current_cutout.image_name == "south"
    stretches = dock.stretches
    page.press(Qt.Key.Key_F4)
    qtbot.waitUntil(lambda: not stretches.buttons[0].icon().isNull())
    corner = page.view.viewport().mapToGlobal(page.place_of(page.current))
    assert not stretches.frameGeometry().contains(corner)
    stretches.hide()
    page.press(Qt.Key.Key_Return)
    assert dock.controller.view == "shown", "the full image is there at once"


@pytest.fixture
def without_west(survey):
    """Delete an image before it could be read for the screen."""
    (survey.parent / "west.fits").unlink()


def test_what_cannot_be_shown_is_not_judged_and_its_reason_is_told(
    without_west, page, dock, qtbot
):
    qtbot.keyClick(dock.window(), Qt.Key.Key_F5)
    pictures = page.panel.pictures
    west = dock.session.catalog.cutouts_of("west").rows.tolist()
    qtbot.waitUntil(lambda: all(pictures.has(row) for row in west))
    page.click(11)
    page.click(12, SHIFT)
    page.press(Qt.Key.Key_J)
    assert dock.session.log == ()
    told = dock.message.value
    assert "1 selected cutout cannot be shown" in told
    assert "image 'west' not found" in told
    tip = page.view.model().index(12, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "image 'west' not found" in tip
    page.click(11)
    qtbot.waitUntil(lambda: page.has_been_seen(11))
    page.press(Qt.Key.Key_J)
    assert dock.session.progress == (1, 36)


def test_what_is_decided_leaves_a_queue_of_the_unreviewed_at_once(page, dock):
    dock.auto_advance.value = True
    dock.session.set_queue(outcomes=OUTCOMES, state="unreviewed", order="image")
    page.open()
    page.click(0)
    page.click(9, SHIFT)
    left = page.keys[10:]
    page.press(Qt.Key.Key_K)
    assert page.keys == left
    assert (page.selected, page.current) == ([0], 0)
    page.press(Qt.Key.Key_U)
    assert len(page.keys) == 36
    assert page.selected == list(range(10))


def test_another_queue_is_another_page_with_its_first_cutout_selected(page, dock):
    page.open()
    page.click(2)
    dock.session.set_queue(order="mislabelled")
    assert [k.image_name for k in page.keys] == dock.session.queue.image_name.tolist()
    assert (page.selected, page.current) == ([0], 0)


def test_the_dock_says_how_many_are_selected_in_the_gallery(page, dock):
    page.open()
    page.click(0)
    page.click(2, SHIFT)
    assert dock.history.value.startswith("3 selected: ")
    page.press(Qt.Key.Key_J)
    page.press(Qt.Key.Key_U)
    page.press(Qt.Key.Key_Escape)
    assert "selected" not in dock.history.value


def test_another_threshold_keeps_what_is_selected(page, dock):
    page.open()
    page.click(1)
    [selected] = [page.keys[at] for at in page.selected]
    dock.session.set_threshold(0.9)
    assert [page.keys[at] for at in page.selected] == [selected]


def test_an_empty_queue_is_an_empty_page(page, dock):
    page.open()
    dock.session.set_queue(state="changed")
    assert page.keys == []
    assert (
        page.panel.status.text()
        == "The queue is empty. Change the filters under Queue."
    )
    page.press(Qt.Key.Key_J)
    assert dock.session.log == ()
    assert "No cutout is selected" in dock.message.value


def test_keys_of_the_review_work_on_the_page(page, dock):
    page.open()
    page.click(3)
    page.press(Qt.Key.Key_N)
    assert (page.selected, page.current) == ([4], 4)
    page.press(Qt.Key.Key_Comma)
    page.press(Qt.Key.Key_Comma)
    assert page.current == 2
    assert dock.session.current_cutout.key == page.keys[2]
    assert dock.grid_x.value == page.keys[2].grid_x, "the dock follows"
    dock.label_new.value = "artifact"
    assert dock.session.current_cutout.decision == "artifact"


def test_a_verdict_goes_on_along_the_page_also_in_groups(page, dock):
    dock.auto_advance.value = True
    page.open()
    page.panel.grouping.setCurrentIndex(page.panel.grouping.findData("outcome"))
    page.press(Qt.Key.Key_Home)
    page.press(Qt.Key.Key_K)
    assert (page.selected, page.current) == ([1], 1)
    page.press(Qt.Key.Key_N)
    page.press(Qt.Key.Key_N)
    assert page.current == 3
    page.press(Qt.Key.Key_Comma)
    assert page.current == 2
    page.press(Qt.Key.Key_End)
    page.press(Qt.Key.Key_N)
    assert page.current == 35, "after the last there is none"


def test_what_was_decided_meanwhile_is_not_judged_by_an_old_selection(
    page, dock, settle
):
    dock.auto_advance.value = True
    page.open()
    page.click(0)
    page.click(2, SHIFT)
    page.press(Qt.Key.Key_F5)
    settle(dock)
    page.press(Qt.Key.Key_J)
    settle(dock)
    page.press(Qt.Key.Key_Comma)
    settle(dock)
    page.press(Qt.Key.Key_F5)
    assert (page.selected, page.current) == ([2], 2)
    page.press(Qt.Key.Key_F5)
    settle(dock)
    page.press(Qt.Key.Key_F5)
    page.click(0, SHIFT)
    assert len(page.selected) == 3
    page.press(Qt.Key.Key_F5)
    settle(dock)
    dock.session.select(*page.keys[20])
    settle(dock)
    page.press(Qt.Key.Key_F5)
    assert (page.selected, page.current) == ([20], 20), "what is seen is judged"


def test_the_current_cutout_is_always_among_those_that_are_judged(page, dock):
    page.open()
    page.click(0)
    page.click(3, SHIFT)
    page.click(3, CONTROL)
    assert (page.selected, page.current) == ([0, 1, 2], 2)
    page.click(0, CONTROL)
    assert (page.selected, page.current) == ([1, 2], 2)
    page.press(Qt.Key.Key_Right, CONTROL)
    assert (page.selected, page.current) == ([1, 2], 3)
    page.press(Qt.Key.Key_J)
    assert dock.session.log == ()
    assert "The current cutout is not selected" in dock.message.value
    page.click(1)
    page.click(1, CONTROL)
    assert page.selected == [1], "one is always selected"


def test_after_another_threshold_the_current_cutout_is_judged_all_the_same(page, dock):
    dock.session.set_queue()
    page.open()
    page.click(0)
    page.click(3, SHIFT)
    dock.session.set_threshold(0.99)
    rows = page.view.model().rows(page.selected).tolist()
    assert dock.session.current_cutout.row in rows


def test_pixels_of_what_is_selected_stay_as_they_are(page, dock):
    page.open()
    page.click(5)
    before = page.color_at(1, 60, 110)
    page.click(1)
    assert page.color_at(1, 60, 110) == before


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_what_is_selected_is_seen_in_each_theme(page, dock, viewer, qtbot, theme):
    viewer.theme = theme
    page.open()
    page.click(0)
    page.click(2, SHIFT)

    def is_seen():
        frame, ground = page.color_at(1, -6, 60), page.color_at(4, -6, 60)
        assert abs(frame.lightness() - ground.lightness()) > 90

    qtbot.waitUntil(is_seen)


def test_groups_have_headers_and_the_arrows_cross_them(page, dock):
    page.open()
    page.panel.grouping.setCurrentIndex(page.panel.grouping.findData("outcome"))
    groups = [(group.name, group.size) for group in page.view.model().groups]
    assert groups == [("FP", 2), ("FN", 2), ("TP", 2), ("TN", 30)]
    page.press(Qt.Key.Key_Home)
    page.press(Qt.Key.Key_Down)
    assert page.current == 2
    page.press(Qt.Key.Key_Up)
    assert page.current == 0
    below_a_header = page.place_of(0).y()
    page.panel.grouping.setCurrentIndex(0)
    assert page.place_of(0).y() < below_a_header, "no header is left"


@pytest.mark.parametrize(
    ("outcome", "color"),
    [
        ("FP", STYLE.false_positive),
        ("FN", STYLE.false_negative),
        ("TP", STYLE.label_box),
        ("TN", STYLE.true_negative),
    ],
)
def test_pictures_are_framed_in_the_colour_of_their_outcome(page, dock, outcome, color):
    page.open()
    outcomes = dock.session.queue.outcome.tolist()
    at = outcomes.index(outcome)
    page.click(outcomes.index("TN", at + 1))
    assert page.color_at(at, 0, 60) == QColor(color)
    page.click(at)
    assert page.color_at(at, -2, 60) == QColor(STYLE.current)


def test_pictures_look_as_the_full_image_does(page, dock, qtbot):
    page.open()
    before = page.color_at(0, 60, 110)
    dock.panel.display.display_requested.emit(Display(inverted=True))
    page.wait_for_pictures()
    qtbot.waitUntil(lambda: page.color_at(0, 60, 110) != before)
    after = page.color_at(0, 60, 110)
    assert after.red() == pytest.approx(255 - before.red(), abs=3)
    gray = page.color_at(0, 60, 60)
    dock.panel.display.display_requested.emit(Display(colormap="viridis"))
    qtbot.waitUntil(lambda: page.color_at(0, 60, 60) != gray)
    color = page.color_at(0, 60, 60)
    assert len({color.red(), color.green(), color.blue()}) > 1


def test_the_page_is_as_large_as_the_canvas_and_the_pictures_as_one_likes(
    page, dock, qtbot
):
    page.open()
    columns = page.view.columns
    page.panel.size_slider.setValue(64)
    assert page.view.columns > columns
    dock.window().resize(1200, 700)
    canvas = dock.window().centralWidget()
    qtbot.waitUntil(lambda: page.panel.geometry() == canvas.rect())


@pytest.fixture
def large(monkeypatch) -> None:
    """Begin with pictures so large that not all are in view."""
    monkeypatch.setattr(GalleryPanel, "first_side", LARGEST)


@pytest.mark.usefixtures("large")
def test_those_below_are_made_once_all_in_view_are_there(
    page, dock, qtbot, asked, gate
):
    gate.clear()
    qtbot.keyClick(dock.window(), Qt.Key.Key_F5)
    qtbot.wait(300)
    gate.set()
    in_view = len(page.view.positions_in_view())
    assert in_view < len(page.keys), "some are below"
    qtbot.waitUntil(lambda: len(set(asked)) == len(page.keys))
    assert set(asked[:in_view]) == set(page.keys[:in_view])


@pytest.mark.usefixtures("large")
def test_no_more_are_made_ahead_than_leave_room_for_those_in_view(
    page, dock, qtbot, asked, monkeypatch
):
    page.open()
    qtbot.waitUntil(lambda: len(set(asked)) == len(page.keys))
    in_view = len(page.view.positions_in_view())
    page.panel.pictures.most_bytes = 2 * in_view * 200 * 200 * 4
    asked.clear()
    dock.panel.display.display_requested.emit(Display(inverted=True))
    qtbot.waitUntil(lambda: set(asked) >= set(page.keys[:in_view]))
    qtbot.wait(400)
    rows = page.view.model().rows(list(page.view.positions_in_view())).tolist()
    assert all(page.panel.pictures.has(row) for row in rows)


def test_it_goes_with_its_review(page, dock, viewer, survey, qtbot):
    page.open()
    dock.close_review()
    qtbot.waitUntil(lambda: not dock.window().findChildren(GalleryPanel))
    central = dock.window().centralWidget()
    assert central.focusProxy() is None


def test_closing_the_window_with_the_page_open_ends_all(page, viewer, qtbot):
    page.open()
    name = "artifact-review-pictures"
    assert any(name in thread.name for thread in threading.enumerate())
    viewer.close()
    qtbot.waitUntil(
        lambda: not any(name in thread.name for thread in threading.enumerate())
    )


def _write(page, dock, qtbot, text):
    page.press(Qt.Key.Key_F2)
    qtbot.keyClicks(dock.note.native, text)
    qtbot.keyClick(dock.note.native, Qt.Key.Key_Return)


def test_a_note_that_is_written_about_several_goes_to_all_of_them(page, dock, qtbot):
    page.open()
    page.click(0)
    page.click(2, SHIFT)
    _write(page, dock, qtbot, "two trails")
    page.press(Qt.Key.Key_J)
    said = dock.session.table.query("decision != ''")
    assert said.note.tolist() == ["two trails"] * 3
    assert dock.session.drafts == {}
    page.press(Qt.Key.Key_U)
    assert "two trails" not in dock.session.table.note.tolist()


def test_a_kind_goes_to_all_that_are_selected_a_note_on_another_waits(
    page, dock, qtbot
):
    page.open()
    page.click(0)
    _write(page, dock, qtbot, "about the first")
    page.click(2, SHIFT)
    page.press(Qt.Key.Key_K, SHIFT)
    [menu] = dock.findChildren(QMenu)
    qtbot.keyClick(menu, "3")
    kinds = dock.session.catalog.labels.kinds
    assert set(kinds.values()) == {dock.session.kinds[2]}
    assert len(kinds) == 3
    assert not any(entry.note for entry in dock.session.log)
    assert dock.session.drafts == {page.keys[0]: "about the first"}
    page.click(0)
    assert dock.note.value == "about the first"
