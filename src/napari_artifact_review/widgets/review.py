"""An open review: session, controller, commands and other parts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from napari_artifact_review.core.errors import ImageError, ImageNotFoundError
from napari_artifact_review.viewer.controller import ReviewController
from napari_artifact_review.viewer.defaults import apply_defaults
from napari_artifact_review.viewer.input.key_choice import KeyChoice
from napari_artifact_review.viewer.input.keys import KeyBindings
from napari_artifact_review.viewer.preferences import Preferences
from napari_artifact_review.widgets.closing import SessionCloser
from napari_artifact_review.widgets.commands import ReviewCommands
from napari_artifact_review.widgets.comparer import Comparer
from napari_artifact_review.widgets.coordinator import Coordinator
from napari_artifact_review.widgets.frames import Frames
from napari_artifact_review.widgets.measurer import Measurer
from napari_artifact_review.widgets.napari_compat import (
    make_context_current_at_removals,
)
from napari_artifact_review.widgets.notifications import show_error
from napari_artifact_review.widgets.parts.background import Connections, MainThread
from napari_artifact_review.widgets.parts.focus import main_window_of, text_is_typed
from napari_artifact_review.widgets.position_keeper import PositionKeeper
from napari_artifact_review.widgets.presets import all_presets
from napari_artifact_review.widgets.reporter import Reporter
from napari_artifact_review.widgets.saver import Saver
from napari_artifact_review.widgets.surface import Surfaces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.widgets.workspace import Workspace


class OpenReview(QObject):
    """A review in a dock, from opening to closing.

    Parameters
    ----------
    workspace : Workspace
        The panels and windows that show the review.
    session : ReviewSession
        The session of the review.
    has_moved : bool
        Whether the user has just chosen another output for the review.

    Attributes
    ----------
    session : ReviewSession
        The session of the review.
    controller : ReviewController
        Draws the review in the viewer.
    surfaces : Surfaces
        The canvas and the gallery.
    commands : ReviewCommands
        The functions that keys and panels call.
    keys : KeyBindings
        The key bindings of the review.
    saver : Saver
        Saves the reviewed table.
    reporter : Reporter
        Writes the report.
    comparer : Comparer
        Compares the model of the review with another one.
    coordinator : Coordinator
        Shows the work, the rules and the agreement of the team.
    measurer : Measurer
        Updates the results and the plots.
    position : PositionKeeper
        Saves the reviewer's position.
    settled : Signal
        Emitted once, when the first image is on the screen or cannot be read.
    """

    settled = Signal()

    def __init__(
        self, workspace: Workspace, session: ReviewSession, has_moved: bool = False
    ) -> None:
        dock, viewer = workspace.dock, workspace.viewer
        super().__init__(dock)
        apply_defaults(session, Preferences.in_force(), all_presets())
        self._dock, self._panel, self._plots = dock, workspace.panel, workspace.plots
        self._examples = workspace.examples
        self._has_moved, self._left = has_moved, session.review_queue.left
        self._is_settled = self._is_closed = self._has_missed = False
        self._chosen_keys = KeyChoice()
        # At the end, do not use widgets here, because Qt deletes them with the window.
        self._connections = Connections()
        self.session = session
        self.controller = ReviewController(
            viewer, session, workspace.run_if_open, workspace.run_later
        )
        self.surfaces = Surfaces(
            dock, session, self.controller, self._panel.say, self._show_selection
        )
        self._make_writers(workspace)
        self.commands = ReviewCommands(
            workspace,
            session,
            self.controller,
            self.surfaces,
            self.saver,
            self.reporter,
            MainThread(self),
        )
        self.keys = KeyBindings(
            viewer,
            self.commands.key_actions(),
            lambda: not text_is_typed(),
            self._has_been_seen,
            workspace.run_later,
        )
        self.position = PositionKeeper(self, session, self.controller)
        self._frames = Frames(self)
        self._watch_windows(workspace)
        self._connect()
        self._panel.show_session(session)
        self._measure_results()

    def _make_writers(self, workspace: Workspace) -> None:
        session, panel = self.session, self._panel
        self.saver = Saver(session, panel, MainThread(self))
        self.reporter = Reporter(session, self._dock, panel.say, MainThread(self))
        self.comparer = Comparer(
            session, panel.results, workspace.compare, MainThread(self)
        )
        self._connections.connect(session.decided, self.comparer.show_outdated)
        panels = panel.team, panel.results
        self.coordinator = Coordinator(self, session, panels, workspace.team)
        # When the whole window is closed, a comparison ends at its next step.
        self._connections.at_end(self.comparer.give_up)

    def _measure_results(self) -> None:
        panel, session = self._panel, self.session
        fold = panel.folds["changes"]
        self.measurer = Measurer(self, session, panel.results, fold, self._plots)
        for signal in (session.decided, session.queue_changed):
            self._connections.connect(signal, self.measurer.update)

    def _watch_windows(self, workspace: Workspace) -> None:
        window = main_window_of(self._dock)
        self._frames.watch(window)
        self._connections.at_end(
            make_context_current_at_removals(workspace.viewer, window)
        )
        for left in (*(w.left for w in workspace.windows), self._plots.left):
            self._connections.connect(left, self.keys.release)

    def _connect(self) -> None:
        session, controller = self.session, self.controller
        # The session closes last, in a thread, after all signals are disconnected.
        self._closer = SessionCloser(session)
        self._connections.at_end(self._closer.close)
        for signal, slot in (
            (session.decided, self._on_decided),
            (session.queue_changed, self._on_queue_changed),
            (session.hidden_changed, self._on_hidden_changed),
            (session.learning_changed, self._on_learning_changed),
            (session.budget_changed, self._on_budget_changed),
            (session.hdu_changed, self._on_hdu_changed),
            (session.shown_columns_changed, self._on_columns_changed),
            (session.saved, self._on_saved),
            (session.problem_changed, self._on_problem_changed),
            (session.disagreements_changed, self._on_disagreements_changed),
            (session.pending_changed, self._on_pending_changed),
            (session.refused_changed, self._on_pending_changed),
        ):
            self._connections.connect(signal, slot)
        self._watch_team()
        controller.view_changed.connect(self._on_view_changed)
        controller.image.repainted.connect(self.position.save_soon)
        controller.said.connect(self._on_said)
        controller.watch.changed.connect(self._on_image_noticed)
        controller.selection.changed.connect(self._on_selection_changed)
        self._connections.at_end(controller.abandon)
        # When the whole window is closed, the dock emits only this signal.
        self._dock.destroyed.connect(partial(Connections.close, self._connections))

    def _watch_team(self) -> None:
        """Follow what other reviewers do; draw several changes at once only once."""
        self._team_timer = QTimer(self, singleShot=True, interval=0)
        self._team_timer.timeout.connect(self._show_team)
        changes = [self.session.reviewers_changed]
        if self.session.team is not None:
            changes.append(self.session.team.changed)
        for changed in changes:
            self._connections.connect(changed, self._on_team_changed)

    def start(self) -> None:
        """Draw the review; the dock must already show the panels."""
        self._panel.show_notices(self.session)
        self.controller.connect()
        self._panel.show_display(self.controller.image.display)
        # Connect after the controller, which must first decide whether to read an
        # image.
        self._connections.connect(self.session.current_changed, self._on_moved)
        self.position.try_again_later()

    def suspend(self) -> None:
        """Disable keys and panels while a new session of this review is opened."""
        self.keys.disconnect()
        self._panel.enabled = False

    def resume(self, keys: KeyChoice) -> None:
        """Enable keys and panels again."""
        self._panel.enabled = True
        self.apply_preferences(keys)

    def apply_preferences(self, keys: KeyChoice) -> None:
        """Apply the keys, and the defaults from napari's preferences."""
        self.commands.apply(Preferences.in_force())
        self._bind_keys(keys)

    def _bind_keys(self, keys: KeyChoice) -> None:
        """Bind keys, and show them in the panels and the help."""
        if keys.actions != self._chosen_keys.actions:
            self.keys.disconnect()
        self._chosen_keys = keys
        self.keys.connect(keys.actions)
        self.commands.show_keys(keys)
        self._panel.show_current(self.session)

    def close(self, continues: bool = False) -> None:
        """Restore the viewer, and close the session, which unlocks the session's log.

        Parameters
        ----------
        continues : bool
            Whether the review continues in a new session. Otherwise the reviewed
            table is saved, unless the user has turned this off.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._team_timer.stop()
        self._closer.continues = continues
        self.keys.disconnect()
        self.position.stop()
        self.controller.note_view()
        self.saver.give_up()
        self.reporter.give_up()
        self.comparer.close()
        self.coordinator.close()
        self.commands.close()
        self.surfaces.drop_gallery()
        self.measurer.close()
        self._plots.close()
        self.controller.disconnect()
        self._panel.native.setUpdatesEnabled(True)
        self._panel.pending.show_session(None)
        self._panel.verdict.last.show_last(None)
        self._connections.close()
        self.deleteLater()

    # The current cutout on the screen

    @property
    def is_shown(self) -> bool:
        """Whether the pixels of the current cutout are on the screen."""
        controller = self.controller
        drawn = controller.view == "shown" and controller.is_drawn
        return drawn and controller.problem is None and self._frames.are_shown

    def _has_been_seen(self) -> bool:
        """Return whether the current cutout is drawn, so that a held key may repeat."""
        view = self.controller.view
        return view == "covered" or (view != "loading" and self._frames.are_shown)

    # Responses to the session

    def _on_moved(self) -> None:
        """Show the current cutout in the panels while its image is being read."""
        self._panel.say("")
        if self.controller.view == "loading":
            panel, is_frozen = self._panel.native, not self.controller.says_loading
            if is_frozen and panel.updatesEnabled() and not self._frames.are_shown:
                # The panels may not have been painted yet for the image on the screen.
                panel.repaint()
            # Freeze the panels, so that panels and image change on the screen together.
            panel.setUpdatesEnabled(not is_frozen)
            self._panel.show_current(self.session)

    def _on_said(self, text: str) -> None:
        """Show a message of the viewer; while an image is read, until it is read."""
        self._panel.say(text, in_passing=self.controller.view == "loading")

    def _on_decided(self, rows: list[int]) -> None:
        self._panel.say("")
        self._panel.go_to.show_label(self.session, rows)
        self._panel.show_current(self.session)
        self._panel.show_around(self.controller)
        self._save_at_end()

    def _save_at_end(self) -> None:
        """Save the table without asking, after the last verdict of the queue."""
        left, self._left = self._left, self.session.review_queue.left
        if left and not self._left and Preferences.in_force().save_at_end:
            self.saver.export()

    def _on_learning_changed(self) -> None:
        self._panel.queue.show_learning(self.session)

    def _on_hdu_changed(self) -> None:
        self.surfaces.drop_gallery()
        self.position.save_soon()

    def _on_budget_changed(self) -> None:
        self._panel.queue.budget.show_budget(self.session)
        self.position.save_soon()

    def _on_queue_changed(self) -> None:
        self._left = self.session.review_queue.left
        self._panel.show_queue(self.session)
        self._panel.team.show_team(self.session)
        self._panel.show_current(self.session)
        self._panel.show_around(self.controller)
        self.position.save_soon()

    def _on_hidden_changed(self) -> None:
        self._panel.show_hidden(self.session)
        self._show_selection(self.controller.selection.rows)
        self._panel.show_around(self.controller)
        self._examples.show_session(self.session, self.controller.loader.cache)
        self.position.save_soon()

    def _on_columns_changed(self) -> None:
        self._panel.own_columns.show_columns(self.session)
        self.position.save_soon()

    def _on_selection_changed(self) -> None:
        self._show_selection(self.controller.selection.rows)

    def _show_selection(self, rows: Sequence[int]) -> None:
        self._panel.verdict.show_selection(self.session, rows)

    def _on_saved(self) -> None:
        self._panel.show_current(self.session)
        self._panel.show_notices(self.session)

    def _on_problem_changed(self) -> None:
        self._panel.banner.show_problem(self.session)
        self._panel.pending.show_session(self.session)
        self._panel.show_view(self.controller)
        if self.session.problem is None:
            self._panel.say("Verdicts are recorded again.")
        self.position.try_again_later()

    def _on_pending_changed(self) -> None:
        self._panel.pending.show_session(self.session)
        self._panel.verdict.last.show_last(self.session)

    def _on_team_changed(self) -> None:
        self._team_timer.start()

    def _show_team(self) -> None:
        self._panel.show_team(self.session)

    def _on_disagreements_changed(self) -> None:
        self._panel.disagreements.show_disagreements(self.session.disagreements)

    def _on_image_noticed(self) -> None:
        self._panel.show_notes(self.controller)

    def _on_view_changed(self) -> None:
        controller = self.controller
        if controller.view != "loading":
            self._frames.expect()
        self.position.save_soon()
        self._panel.native.setUpdatesEnabled(True)
        self._panel.show_current(self.session)
        self._panel.show_view(controller)
        if controller.view == "failed" and controller.problem is not None:
            self._report(controller.problem)
        if not self._is_settled and controller.view != "loading":
            self._is_settled = True
            if controller.view == "shown":
                self._say_resumed()
            self.settled.emit()

    def _report(self, problem: ImageError) -> None:
        """Show why an image cannot be shown; of missing images, only the first."""
        is_missing = isinstance(problem, ImageNotFoundError)
        if not (is_missing and self._has_missed):
            show_error(str(problem))
        # The banner in the dock still names each missing image.
        self._has_missed = self._has_missed or is_missing

    def _say_resumed(self) -> None:
        session = self.session
        if self._has_moved:
            self._panel.say(
                f"The output is now {session.output}; its log has all verdicts so far."
            )
        elif last := session.last_decided_at:
            told = last[:16].replace("T", " ")
            self._panel.say(f"Resumed; last decision {told} UTC.")
