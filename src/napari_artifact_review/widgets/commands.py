"""What the reviewer asks for, with keys or in the dock, and what is done then."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from napari.utils.notifications import show_error
from qtpy.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from qtpy.QtWidgets import QMainWindow, QMenu, QWidget

from napari_artifact_review.core.decisions import PATIENCE
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.viewer.key_choice import KeyChoice
from napari_artifact_review.viewer.status import end_of_queue
from napari_artifact_review.widgets.examples import ExamplesPanel
from napari_artifact_review.widgets.focus import (
    give_keys_to_viewer,
    main_window_of,
)
from napari_artifact_review.widgets.help import HelpPanel
from napari_artifact_review.widgets.neighbours import copy_place
from napari_artifact_review.widgets.review_panel import ReviewPanel
from napari_artifact_review.widgets.saver import Saver
from napari_artifact_review.widgets.stretches import StretchesPanel

if TYPE_CHECKING:
    from napari_artifact_review.core.cutout import CutoutKey
    from napari_artifact_review.core.display import Display
    from napari_artifact_review.core.outcomes import Verdict
    from napari_artifact_review.core.output import OutputChoice
    from napari_artifact_review.core.resume import LabelChoice
    from napari_artifact_review.core.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController
    from napari_artifact_review.widgets.gallery import GalleryPanel

#: Keys of a menu's lines, in their order.
_MENU_KEYS = "1234567890abcdefghijklmnopqrstuvwxyz"


class ReviewCommands:
    """Carries out what panels and keys ask for, in the review that is open.

    Parameters
    ----------
    dock : QWidget
        The dock; windows that come up belong to it.
    panel : ReviewPanel
        The panels, which ask.
    saver : Saver
        Saves.

    Attributes
    ----------
    session, controller : ReviewSession, ReviewController, or None
        The review that is open, if one is.
    """

    def __init__(self, dock: QWidget, panel: ReviewPanel, saver: Saver) -> None:
        self.session: ReviewSession | None = None
        self.controller: ReviewController | None = None
        self._dock = dock
        self._panel = panel
        self._saver = saver
        self._help = HelpPanel(dock, self._kept_free)
        self._examples = ExamplesPanel(dock, self._kept_free)
        self._stretches = StretchesPanel(dock, self._kept_free)
        self._gallery: GalleryPanel | None = None
        self._keys = KeyChoice()
        self._connect()

    def take(self, session: ReviewSession, controller: ReviewController) -> None:
        """Carry out everything in this review from now on."""
        self.session, self.controller = session, controller
        controller.judge.goes_on = self._panel.verdict.goes_on.value
        self._examples.show_session(session)
        controller.image.display_changed.connect(self._panel.show_display)
        controller.image.display_changed.connect(self._show_in_gallery)
        controller.image.drawn.connect(self._show_stretches)
        controller.view_changed.connect(self._show_stretches)

    def let_go(self) -> None:
        """Take the gallery away, and forget the image: they belong to what is left."""
        self.drop_gallery()
        # It has the image: a dock that is closed may stay for a while.
        self.controller = None

    def drop_gallery(self) -> None:
        """Take the gallery away with its pictures; the next one makes them anew."""
        if self._gallery is not None:
            self._gallery.let_go()
            self._gallery = None

    def _connect(self) -> None:
        navigation = self._panel.navigation
        navigation.next_requested.connect(self._go_next)
        navigation.previous_requested.connect(self._go_previous)
        navigation.image_requested.connect(
            lambda name: self._review().select_image(name)
        )
        navigation.cutout_requested.connect(self._go_to_row)
        verdict = self._panel.verdict
        verdict.label_requested.connect(partial(self._decide, go_on=False))
        verdict.verdict_requested.connect(self._decide)
        verdict.kind_requested.connect(self._decide_kind)
        verdict.note_requested.connect(self._take_note)
        verdict.left.connect(lambda: give_keys_to_viewer(self._dock))
        verdict.going_on_requested.connect(self._set_going_on)
        verdict.examples_requested.connect(self._examples.toggle)
        self._examples.row_requested.connect(self._go_to_row)
        self._panel.queue.queue_requested.connect(self._set_queue)
        self._panel.queue.threshold.threshold_requested.connect(
            lambda value: self._review().set_threshold(value)
        )
        self._panel.pixels.display_requested.connect(self._set_display)
        self._panel.pixels.stretches_requested.connect(self._stretches.toggle)
        self._stretches.adopted.connect(self._set_display)
        self._stretches.pixels_wanted.connect(self._show_stretches)
        self._panel.context.row_requested.connect(self._go_to_row)
        self._panel.context.copy_requested.connect(self._copy_place)
        self._panel.folds["context"].unfolded.connect(
            lambda: self._panel.show_around(self._control())
        )
        around = self._panel.surroundings
        around.position_requested.connect(self._go_to_position)
        around.view_requested.connect(self._toggle_view)
        around.gallery_requested.connect(self._toggle_gallery)
        around.grid_requested.connect(lambda on: self._control().show_grid(on))
        around.up_requested.connect(self._set_y_up)
        around.hdu_requested.connect(lambda hdu: self._control().choose_hdu(hdu))
        self._panel.saving.save_requested.connect(self._save)
        for panel in (self._panel.changed_output, self._panel.changed_table):
            panel.chosen.connect(lambda keep, _: self._save(keep))
        disagreements = self._panel.disagreements
        disagreements.row_requested.connect(
            lambda row: self._review().select(*disagreements.cutout(row))
        )
        disagreements.chosen.connect(self._settle)
        self._panel.help.changed.connect(self._help.toggle)

    def show_keys(self, keys: KeyChoice) -> None:
        """Tell which keys are in force."""
        self._keys = keys
        self._panel.show_keys(keys)
        self._help.show_keys(keys)
        if self._gallery is not None:
            self._gallery.show_keys(keys)

    def key_actions(self) -> dict[str, Callable[[], object]]:
        """Return what to call for each action of the key table."""
        return {
            "next": self._go_next,
            "previous": self._go_previous,
            "next_unreviewed": self._go_to_unreviewed,
            "back": self._go_back,
            "left": lambda: self._control().step(-1, 0),
            "right": lambda: self._control().step(1, 0),
            "up": partial(self._step_down, -1),
            "down": partial(self._step_down, 1),
            "artifact": lambda: self._decide("artifact"),
            "no_artifact": lambda: self._decide("no artifact"),
            "unsure": lambda: self._decide("unsure"),
            "kind": self._choose_kind,
            "note": lambda: self._panel.verdict.note.native.setFocus(),
            "repeat": lambda: self._control().judge.repeat(),
            "hide": lambda: self._control().toggle_overlays(),
            "let_go": lambda: self._control().picks.clear(),
            "copy_place": self._copy_place,
            "undo": self._undo,
            "redo": self._redo,
            "toggle_view": self._toggle_view,
            "gallery": self._toggle_gallery,
            "examples": self._examples.toggle,
            "stretches": self._stretches.toggle,
            "save": self._save,
            "help": self._help.toggle,
        }

    def _kept_free(self) -> list[QRect]:
        """Return what no window is to cover: the current cutout, and the dock."""
        dock, window = self._dock, self._dock.window()
        rectangles = [QRect(dock.mapToGlobal(QPoint(0, 0)), dock.size())]
        if self.controller is not None and self._is_covered():
            rectangles.insert(0, self._gallery_page().place_of_current())
        # A dock that floats is a window of its own.
        elif self.controller is not None and isinstance(window, QMainWindow):
            canvas = window.centralWidget()
            left, top, right, bottom = self.controller.place_on_canvas()
            middle = canvas.mapToGlobal(canvas.rect().center())
            cutout = QRectF(QPointF(left, top), QPointF(right, bottom)).toRect()
            rectangles.insert(0, cutout.translated(middle))
        return rectangles

    def _review(self) -> ReviewSession:
        assert self.session is not None, "the panel is shown with a session only"
        return self.session

    def _control(self) -> ReviewController:
        assert self.controller is not None, "the panel is shown with a session only"
        return self.controller

    # Walking and deciding

    def _go_next(self) -> None:
        if self._is_covered():
            self._gallery_page().walk(1)
        elif self._may_walk_on() and not self._review().next():
            self._panel.say(end_of_queue(self._review(), "last"))

    def _go_previous(self) -> None:
        if self._is_covered():
            self._gallery_page().walk(-1)
        elif self._may_walk_on() and not self._review().previous():
            self._panel.say(end_of_queue(self._review(), "first"))

    def _go_to_unreviewed(self) -> None:
        if self._may_walk_on() and not self._review().next_unreviewed():
            self._panel.say("All that is in the queue has been looked at.")

    def _go_back(self) -> None:
        if not self._review().back():
            self._panel.say("There is no place yet to go back to.")

    def _step_down(self, down: int) -> None:
        """Go to the cutout above or below, as it is on the screen."""
        self._control().step(0, -down if self._control().overlay.y_up else down)

    def _is_covered(self) -> bool:
        """Tell whether the gallery is in the canvas' place."""
        return self._control().view == "covered"

    def _gallery_page(self) -> GalleryPanel:
        assert self._gallery is not None, "it covers the canvas"
        return self._gallery

    def _toggle_view(self) -> None:
        if self._is_covered():
            self._toggle_gallery()
        else:
            self._control().toggle_view()

    def _toggle_gallery(self) -> None:
        """Show the queue as small pictures in the canvas' place, or the canvas."""
        control = self._control()
        if self._is_covered():
            self._gallery_page().close_page()
            control.uncover()
            give_keys_to_viewer(self._dock)
            return
        if self._gallery is None:
            # With it come the readers of images; by now a review has them.
            from napari_artifact_review.widgets.gallery import GalleryPanel

            window = main_window_of(self._dock)
            assert window is not None, "keys come from a window"
            self._gallery = GalleryPanel(
                window.centralWidget(), self._review(), control
            )
            self._gallery.show_keys(self._keys)
            self._gallery.left.connect(self._toggle_gallery)
        control.cover(self._gallery.subject)
        self._gallery.open()

    def _show_in_gallery(self) -> None:
        """Have the pictures look as the full image does, if anybody looks there."""
        if self._gallery is not None and self._gallery.isVisible():
            self._gallery.show_display()

    def _set_y_up(self, up: bool) -> None:
        self._control().set_y_up(up)
        self._show_in_gallery()
        self._panel.show_around(self._control())
        self._show_stretches()

    def _set_display(self, display: Display) -> None:
        self._control().set_display(display)
        self._panel.show_display(self._control().image.display)
        self._show_stretches()
        self._show_in_gallery()

    def _show_stretches(self) -> None:
        """Show the current cutout side by side, if anybody looks there."""
        if self._stretches.isVisible() and self.controller is not None:
            control = self.controller
            self._stretches.show_pixels(
                control.cutout_pixels(), control.image.display, control.overlay.y_up
            )

    def _copy_place(self) -> None:
        copy_place(self._review().current_cutout, self._control().full)
        self._panel.say("The position is copied.")

    def _go_to_row(self, row: int) -> None:
        self._review().select(*self._review().walk.key_of(row))

    def _may_walk_on(self) -> bool:
        """Stay where a verdict came too early: it would be taken for given."""
        return not self._control().waits_for_image

    def _set_queue(self, wanted: dict[str, Any]) -> None:
        try:
            self._review().set_queue(**wanted)
        except ReviewError as error:
            show_error(str(error))
            self._panel.show_queue(self._review())

    def _go_to_position(self, x: int, y: int) -> None:
        session = self._review()
        session.select(session.current_cutout.image_name, x, y)
        # Where the grid has a hole the slider stands beside the cutout it led to.
        self._panel.surroundings.show_place(session)

    def _decide(self, value: Verdict, go_on: bool = True) -> None:
        kind, note = self._stated()
        if value == "no artifact":
            kind = ""
        self._control().judge.decide(value, kind, note, go_on=go_on)
        self._panel.show_current(self._review())

    def _decide_kind(self, kind: str) -> None:
        """Take a kind that is chosen for the verdict that it is an artifact."""
        _, note = self._stated()
        self._control().judge.decide("artifact", kind, note, go_on=bool(kind))
        self._panel.show_current(self._review())

    def _stated(self) -> tuple[str, str]:
        """Return the kind of artifact and the note that go with a verdict now.

        What the fields show is about the current cutout. About several, only a note
        counts that was just written: it is about all of them.
        """
        current, rows = self._review().current_cutout, self._control().subject().rows
        if rows == (current.row,):
            return self._panel.verdict.stated()
        note = self._review().drafts.get(current.key, "") if current.row in rows else ""
        return "", note

    def _choose_kind(self) -> None:
        """Offer the kinds in a menu, where a digit or a letter chooses one."""
        menu = QMenu(self._dock)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for kind, key in zip(self._review().kinds, _MENU_KEYS, strict=False):
            action = menu.addAction(f"&{key}  {kind}")
            action.triggered.connect(partial(self._take_kind, kind))
        menu.popup(self._panel.verdict.kind.native.mapToGlobal(QPoint(0, 0)))

    def _take_kind(self, kind: str, _: bool = False) -> None:
        self._decide_kind(kind)

    def _take_note(self, key: CutoutKey, note: str) -> None:
        """Keep a note: with the decision if there is one, or else until there is."""
        session = self._review()
        cutout = session.catalog.cutout(session.walk.row_of(key))
        if cutout.decision:
            if note != cutout.note:
                session.set_label(
                    cast("Verdict", cutout.decision),
                    cutout.kind,
                    note,
                    cutouts=[key],
                    wait=PATIENCE,
                )
            return
        if note:
            session.drafts[key] = note
        else:
            session.drafts.pop(key, None)
        session.keep_place()

    def _set_going_on(self, goes_on: bool) -> None:
        self._control().judge.goes_on = goes_on

    def _undo(self) -> None:
        if not self._review().undo(wait=PATIENCE):
            self._panel.say("There is no decision to take back.")

    def _redo(self) -> None:
        if not self._review().redo(wait=PATIENCE):
            self._panel.say("There is no decision to make again.")

    def _save(self, keep: OutputChoice | None = None) -> None:
        self._saver.save(self._review(), keep)

    def _settle(self, keep: LabelChoice, rows: list[int]) -> None:
        cutouts = self._panel.disagreements.cutouts(rows)
        self._review().settle(keep, cutouts, wait=PATIENCE)
