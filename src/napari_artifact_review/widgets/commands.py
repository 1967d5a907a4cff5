"""The commands of a review, which keys and panels call."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.viewer.input.key_choice import KeyChoice
from napari_artifact_review.viewer.status import all_reviewed, end_of_queue
from napari_artifact_review.widgets.adjudication_commands import AdjudicationCommands
from napari_artifact_review.widgets.audit_commands import AuditCommands
from napari_artifact_review.widgets.notifications import show_error
from napari_artifact_review.widgets.panels.neighbours import copy_position
from napari_artifact_review.widgets.parts.background import Connections
from napari_artifact_review.widgets.parts.focus import give_keys_to_viewer
from napari_artifact_review.widgets.presets import PresetCommands
from napari_artifact_review.widgets.similar import SimilarPage
from napari_artifact_review.widgets.surface import STAYS_AT_CUTOUT
from napari_artifact_review.widgets.verdict_commands import VerdictCommands

if TYPE_CHECKING:
    from napari_artifact_review.core.cutout import CutoutKey
    from napari_artifact_review.core.images.display import Display
    from napari_artifact_review.core.review.output import OutputChoice
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController
    from napari_artifact_review.viewer.preferences import Preferences
    from napari_artifact_review.widgets.parts.background import MainThread
    from napari_artifact_review.widgets.reporter import Reporter
    from napari_artifact_review.widgets.saver import Saver
    from napari_artifact_review.widgets.surface import Surfaces
    from napari_artifact_review.widgets.workspace import Workspace


class ReviewCommands:
    """The functions that the reviewer's keys, panels and windows call.

    Parameters
    ----------
    workspace : Workspace
        The panels and windows.
    session : ReviewSession
        The review.
    controller : ReviewController
        Draws the review.
    surfaces : Surfaces
        The canvas and the gallery.
    saver : Saver
        Saves the review.
    reporter : Reporter
        Writes the report.
    main_thread : MainThread
        Runs functions in the main thread.
    """

    def __init__(
        self,
        workspace: Workspace,
        session: ReviewSession,
        controller: ReviewController,
        surfaces: Surfaces,
        saver: Saver,
        reporter: Reporter,
        main_thread: MainThread,
    ) -> None:
        self._dock, self._panel = workspace.dock, workspace.panel
        self._help, self._examples = workspace.help, workspace.examples
        self._stretches = workspace.stretches
        self._session = session
        self._controller = controller
        self._surfaces = surfaces
        self._saver, self._reporter = saver, reporter
        self._connections = Connections()
        self._presets = PresetCommands(
            self._dock,
            self._panel,
            self._connections,
            lambda: controller.image.display,
            self._set_display,
        )
        controller.verdicts.auto_advance = session.view_settings.get(
            "auto_advance", True
        )
        self._verdicts = VerdictCommands(
            self._dock, self._panel, session, controller, self._connections
        )
        self._audits = AuditCommands(
            self._dock, self._panel, session, self._connections, main_thread
        )
        self._adjudication = AdjudicationCommands(
            self._panel, session, controller, self._connections
        )
        self._similar = SimilarPage(session, controller, surfaces, self._panel.say)
        self._examples.show_session(session, controller.loader.cache)
        self._connect_display()
        self._connect_the_rest()

    def close(self) -> None:
        """Disconnect the functions from the keys, panels and windows."""
        self._connections.close()

    def _connect_display(self) -> None:
        connect, controller = self._connections.connect, self._controller
        image, pixels = controller.image, self._panel.display
        around, stretches = self._panel.full_image, self._stretches
        connect(image.display_changed, self._panel.show_display)
        connect(image.display_changed, lambda _: self._surfaces.front.show_display())
        connect(image.repainted, self._show_limits)
        connect(image.drawn, self._show_stretches)
        connect(controller.view_changed, self._show_stretches)
        connect(pixels.display_requested, self._set_display)
        connect(pixels.stretches_requested, stretches.toggle)
        for panel in (pixels, self._panel.queue.threshold):
            connect(panel.said, self._panel.say)
            connect(panel.left, lambda: give_keys_to_viewer(self._dock))
        connect(stretches.adopted, self._set_display)
        connect(stretches.pixels_wanted, self._show_stretches)
        connect(around.view_requested, self._toggle_view)
        connect(around.gallery_requested, self._surfaces.toggle_gallery)
        connect(around.grid_requested, controller.show_grid)
        connect(around.y_up_requested, self._set_y_up)
        connect(around.hdu_requested, controller.choose_hdu)
        connect(around.hdu_for_all_requested, self._session.set_hdu)

    def _connect_the_rest(self) -> None:
        connect, panel = self._connections.connect, self._panel
        progress, go_to, context = panel.progress, panel.go_to, panel.context
        connect(progress.next_requested, self._go_next)
        connect(progress.previous_requested, self._go_previous)
        connect(progress.auto_advance_requested, self._set_auto_advance)
        connect(go_to.image_requested, self._session.select_image)
        connect(go_to.cutout_requested, self._go_to_row)
        connect(go_to.sliders.position_requested, self._go_to_position)
        connect(panel.verdict.last.cutout_requested, self._go_to_cutout)
        connect(panel.kind_and_note.examples_requested, self._examples.toggle)
        connect(
            panel.disagreements.row_requested,
            lambda row: self._go_to_cutout(panel.disagreements.cutout(row)),
        )
        connect(context.row_requested, self._go_to_row)
        connect(context.copy_requested, self._copy_position)
        connect(context.similar_requested, self._similar.toggle)
        connect(context.other_images_requested, self._similar.leave_out_images)
        connect(
            panel.folds["context"].unfolded,
            lambda: panel.show_around(self._controller),
        )
        connect(self._examples.row_requested, self._go_to_row)
        connect(panel.queue.queue_requested, self._set_queue)
        connect(panel.queue.hiding.hiding_requested, self._hide_predictions)
        connect(panel.queue.hiding.share_requested, self._hide_share)
        connect(panel.queue.budget.budget_requested, self._session.set_budget)
        for field in (panel.queue.hiding, panel.queue.budget):
            connect(field.said, self._panel.say)
            connect(field.left, lambda: give_keys_to_viewer(self._dock))
        connect(panel.queue.conditions.left, lambda: give_keys_to_viewer(self._dock))
        connect(panel.own_columns.columns_requested, self._show_columns)
        connect(panel.own_columns.find_requested, self._find)
        connect(panel.own_columns.left, lambda: give_keys_to_viewer(self._dock))
        connect(panel.queue.threshold.threshold_requested, self._session.set_threshold)
        connect(panel.saving.save_requested, self._save)
        connect(panel.saving.report_requested, self._reporter.ask)
        connect(panel.encoding.utf8_requested, self._save_as_utf8)
        for changed in (panel.changed_output, panel.changed_table):
            connect(changed.chosen, lambda keep, _: self._save(keep))
        connect(panel.changed_file.read_requested, self._read_again)
        connect(panel.help.changed, self._help.toggle)

    def _read_again(self) -> None:
        """Read the changed file of the image on the screen, and drop its thumbnails."""
        self._surfaces.drop_gallery()
        self._controller.read_again()

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current keys in the panels, the help and the gallery."""
        self._panel.show_keys(keys)
        self._help.show_keys(keys)
        self._surfaces.show_keys(keys)
        self._similar.key = keys["similar"].label
        self._adjudication.key = keys["adjudicate"].label

    def apply(self, preferences: Preferences) -> None:
        """Apply the user's preference for the cutout after a verdict."""
        self._controller.verdicts.advance_to = preferences.advance_to
        self._panel.progress.show_advance(preferences.advance_to)

    def key_actions(self) -> dict[str, Callable[[], object]]:
        """Return the functions for the actions of the key table, by name."""
        return self._verdicts.key_actions() | {
            "next": self._go_next,
            "previous": self._go_previous,
            "next_unreviewed": self._go_to_unreviewed,
            "first": self._session.first,
            "last": self._session.last,
            "back": self._go_back,
            "left": partial(self._step, -1, 0),
            "right": partial(self._step, 1, 0),
            "up": partial(self._step_down, -1),
            "down": partial(self._step_down, 1),
            "hide": self._controller.toggle_overlays,
            "let_go": self._controller.selection.clear,
            "copy_place": self._copy_position,
            "toggle_view": self._toggle_view,
            "gallery": self._surfaces.toggle_gallery,
            "similar": self._similar.toggle,
            "adjudicate": self._adjudication.toggle,
            "examples": self._examples.toggle,
            "stretches": self._stretches.toggle,
            "next_preset": self._presets.apply_next,
            "presets": self._presets.show_menu,
            "save": self._save,
            "help": self._help.toggle,
        }

    def run(self, action: str) -> None:
        """Run an action of the key table, or "report" or "open_another"."""
        saving = self._panel.saving
        others: dict[str, Callable[[], object]] = {
            "report": saving.report_requested.emit,
            "open_another": saving.open_requested.emit,
        }
        (self.key_actions() | others)[action]()

    # Moving

    def _go_next(self) -> None:
        self._surfaces.front.go_next()

    def _go_previous(self) -> None:
        self._surfaces.front.go_previous()

    def _go_to_unreviewed(self) -> None:
        # Do not skip a cutout whose verdict was refused because it is not drawn yet.
        if self._controller.waits_for_image:
            self._controller.said.emit(STAYS_AT_CUTOUT)
        elif self._session.is_adjudicating:
            if not self._session.next_disputed():
                self._panel.say(end_of_queue(self._session, "last"))
        elif not self._session.next_unreviewed():
            self._panel.say(all_reviewed(self._session))

    def _go_back(self) -> None:
        if not self._session.back():
            self._panel.say("There is no earlier position to go back to.")

    def _step_down(self, down: int) -> None:
        """Go to the cutout below on the screen, or to the cutout above.

        `down` is 1 for the cutout below and -1 for the cutout above.
        """
        self._step(0, -down if self._controller.overlay.y_up else down)

    def _step(self, across: int, down: int) -> None:
        if not self._session.step(across, down):
            self._panel.say("There is no further cutout in this direction.")

    def _go_to_row(self, row: int) -> None:
        self._session.select(*self._session.cutout_index.key_of(row))

    def _go_to_cutout(self, key: CutoutKey) -> None:
        self._session.select(*key)

    def _go_to_position(self, x: int, y: int) -> None:
        session = self._session
        session.select(session.current_cutout.image_name, x, y)
        # If the grid has a gap here, move the sliders to the selected cutout.
        self._panel.go_to.sliders.show_position(session)

    def _set_queue(self, wanted: dict[str, Any]) -> None:
        self._panel.say("")
        try:
            self._session.set_queue(**wanted)
        except ReviewError as error:
            show_error(str(error))
            self._panel.show_queue(self._session)

    def _show_columns(self, names: tuple[str, ...]) -> None:
        self._session.show_columns(*names)

    def _find(self, text: str) -> None:
        """Go to the next cutout in the queue that contains a text."""
        if not text:
            return
        row = self._session.current_cutout.row
        if not self._session.find(text):
            self._panel.say(
                "No match in the queue: image_name, note and the columns shown here "
                "were searched."
            )
        elif self._session.current_cutout.row == row:
            self._panel.say("No other match in the queue.")
        else:
            self._panel.say("")

    def _copy_position(self) -> None:
        copy_position(self._session.current_cutout, self._controller.full)
        self._panel.say("Copied the position to the clipboard.")

    # The display of cutouts

    def _toggle_view(self) -> None:
        self._surfaces.front.toggle_view()

    def _set_y_up(self, up: bool) -> None:
        self._controller.set_y_up(up)
        self._surfaces.front.show_display()
        self._panel.show_around(self._controller)
        self._show_stretches()

    def _set_display(self, display: Display) -> None:
        self._controller.set_display(display)
        self._panel.show_display(self._controller.image.display)
        self._show_stretches()
        self._surfaces.front.show_display()

    def _show_limits(self) -> None:
        self._panel.display.show_limits(self._controller.image.limits)

    def _show_stretches(self) -> None:
        """Show the current cutout at several stretches, if their window is open."""
        if self._stretches.isVisible():
            control = self._controller
            self._stretches.show_pixels(
                control.cutout_pixels(), control.image.display, control.overlay.y_up
            )

    # Settings and files

    def _set_auto_advance(self, on: bool) -> None:
        self._controller.verdicts.auto_advance = on
        view = self._session.view_settings | {"auto_advance": on}
        self._session.view_settings = view

    def _hide_predictions(self, on: bool) -> None:
        self._session.hide_predictions = on

    def _hide_share(self, share: float) -> None:
        self._session.hidden_share = share

    def _save(self, keep: OutputChoice | None = None) -> None:
        self._saver.save(keep)

    def _save_as_utf8(self) -> None:
        self._saver.save(encoding="utf-8")
