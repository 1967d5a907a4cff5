"""The dock widget: it opens a review, connects panels to it, saves, and lets go."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import PushButton
from napari.utils.notifications import show_error, show_warning
from psygnal import Signal
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.places import store_beside
from napari_artifact_review.viewer.key_choice import KeyChoice, keys_in_force
from napari_artifact_review.viewer.keys import KeyBindings
from napari_artifact_review.widgets.background import MainThread, run_and_forget
from napari_artifact_review.widgets.focus import (
    give_keys_to_viewer,
    main_window_of,
    text_is_typed,
)
from napari_artifact_review.widgets.frames import Frames
from napari_artifact_review.widgets.opener import Opener, import_ahead
from napari_artifact_review.widgets.opening import OpenPanel
from napari_artifact_review.widgets.place_keeper import PlaceKeeper
from napari_artifact_review.widgets.plots import Plots
from napari_artifact_review.widgets.recent import RecentReview
from napari_artifact_review.widgets.steady import SteadyBox

if TYPE_CHECKING:
    import napari

    from napari_artifact_review.core.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController
    from napari_artifact_review.widgets.commands import ReviewCommands
    from napari_artifact_review.widgets.measurer import Measurer
    from napari_artifact_review.widgets.review_panel import ReviewPanel
    from napari_artifact_review.widgets.saver import Saver

#: Seconds after which a dock is on the screen, also on a slow machine.
_SHOWN = 0.5


class _Field:
    """A widget that scripts rely on; with it, what it is in is made if it is not yet.

    Parameters
    ----------
    path : str
        Where it is, from the dock on.
    """

    def __init__(self, path: str) -> None:
        self._get = attrgetter(path)

    def __get__(self, dock: ReviewWidget, _: type[ReviewWidget]) -> Any:
        return self._get(dock)


class ReviewWidget(SteadyBox):
    """Artifact Review's dock.

    The magicgui widgets that scripts rely on are its attributes: `predictions`,
    `images`, `output`, `open`, `image_name`, `error_id`, `previous`, `next`,
    `grid_x`, `grid_y`, `label_new` and `save`.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer that the dock belongs to.

    Attributes
    ----------
    session : ReviewSession or None
        The review, once one is open.
    settled : Signal
        Emitted when an opening has come to its end: with None once the first image
        is on the screen (or is known to be unreadable), else with the error; also
        with None if it was cancelled.
    """

    settled = Signal(object)

    predictions = _Field("_open_panel.predictions")
    images = _Field("_open_panel.images")
    output = _Field("_open_panel.output")
    cutout_size = _Field("_open_panel.cutout_size")
    open = _Field("_open_panel.open")
    image_name = _Field("_panel.navigation.image_name")
    error_id = _Field("_panel.navigation.error_id")
    previous = _Field("_panel.navigation.previous")
    next = _Field("_panel.navigation.next")
    label_new = _Field("_panel.verdict.label_new")
    goes_on = _Field("_panel.verdict.goes_on")
    grid_x = _Field("_panel.surroundings.grid_x")
    grid_y = _Field("_panel.surroundings.grid_y")
    save = _Field("_panel.saving.save")

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.session: ReviewSession | None = None
        self.controller: ReviewController | None = None
        self._endings: list[Callable[[], object]] = []
        self._is_first_view = False
        self._moves = False
        self._wanted = KeyChoice()
        self._main_thread = MainThread(self)
        self._frames = Frames(self)
        self._files = PushButton(text="", tooltip="Open another table")
        self._open_panel = OpenPanel()
        self._opener = Opener(self._open_panel, self._main_thread)
        self._place = PlaceKeeper(self)
        self._plots = Plots(viewer)
        self._lay_out()
        self._connect_opening()
        # napari tells a dock of no end but this one, when the window is gone.
        self.destroyed.connect(partial(run_and_forget, self._endings))
        # Once this dock is on the screen: it would wait for both.
        self._run_later(_SHOWN, self._get_ready)

    # What it is made of

    @cached_property
    def _panel(self) -> ReviewPanel:
        """What shows a review: three hundred widgets, for which no dock is to wait."""
        from napari_artifact_review.widgets.review_panel import ReviewPanel

        panel = ReviewPanel()
        panel.hide()
        panel.banner.open_requested.connect(self._open_again)
        panel.changed_table.reopen_requested.connect(partial(self._open_again, False))
        panel.unseen.folder_requested.connect(self._choose_images)
        # It comes into the window with the first review.
        self.destroyed.connect(panel.native.deleteLater)
        return panel

    @cached_property
    def _saver(self) -> Saver:
        from napari_artifact_review.widgets.saver import Saver

        return Saver(self._panel, self._main_thread)

    @cached_property
    def _commands(self) -> ReviewCommands:
        from napari_artifact_review.widgets.commands import ReviewCommands

        return ReviewCommands(self, self._panel, self._saver)

    @cached_property
    def _measurer(self) -> Measurer:
        from napari_artifact_review.widgets.measurer import Measurer

        changes, fold = self._panel.changes, self._panel.folds["changes"]
        changes.plots_requested.connect(self._plots.toggle)
        return Measurer(self, changes, fold, self._plots)

    @cached_property
    def _keys(self) -> KeyBindings:
        return KeyBindings(
            self.viewer,
            self._commands.key_actions(),
            lambda: not text_is_typed(),
            self._is_on_screen,
            self._run_later,
        )

    def _get_ready(self) -> None:
        """Make what a review will need, before it is opened."""
        # With the keys come the commands, and the panel.
        _ = self._keys
        # Not before: the thread would hold up what is imported for these.
        import_ahead()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self.content)
        layout.setContentsMargins(6, 6, 6, 6)
        for widget in (self._files, self._open_panel):
            layout.addWidget(widget.native)
        # What is left over is the panel's, for what unfolds there; or nobody's.
        layout.addStretch(0)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._files.native.setFlat(True)
        self._files.native.setStyleSheet("text-align: left; padding: 4px")
        self._files.native.setMinimumWidth(1)
        self._files.hide()
        self.setMinimumWidth(320)

    def _connect_opening(self) -> None:
        opening = self._open_panel
        opening.predictions.changed.connect(self._part_from_output)
        self._opener.opened.connect(self._opened)
        self._opener.failed.connect(self._not_opened)
        opening.open_requested.connect(self.start_opening)
        opening.cancel_requested.connect(self.cancel_opening)
        opening.demo_requested.connect(self.start_demo)
        opening.output.line_edit.native.editingFinished.connect(self._change_output)
        self._files.changed.connect(self._toggle_files)

    def _review(self) -> ReviewSession:
        assert self.session is not None, "the panel is shown with a session only"
        return self.session

    def _control(self) -> ReviewController:
        assert self.controller is not None, "the panel is shown with a session only"
        return self.controller

    # Opening

    def start_opening(self, store: str | None = None, take_over: bool = False) -> None:
        """Open the table that the fields name; the window stays alive meanwhile.

        Parameters
        ----------
        store, take_over
            As for `ReviewSession.open`.
        """
        self._place.keep()
        self._opener.open(store, take_over)

    def _open_again(self, take_over: bool) -> None:
        self._opener.open_again(self._review(), take_over)

    def _choose_images(self) -> None:
        """Open the review again with the images of another folder."""
        folder = self.images.ask()
        if folder is not None:
            self._opener.open_again(self._review(), images=folder)

    def start_demo(
        self, images: int = 3, seed: int = 0, folder: Path | None = None
    ) -> None:
        """Make a demo survey, or find the one made before, and open it."""
        self._opener.open_demo(images, seed, folder)

    def cancel_opening(self) -> None:
        """Give up what is being opened; what was open before stays open."""
        self._opener.cancel()
        self._moves = False
        self._show_live()
        self.settled.emit(None)

    def _show_live(self) -> None:
        """Let the review that is open be gone on with, if there is one."""
        if self.controller is not None:
            self._panel.enabled = True
            self._bind_keys()

    def _bind_keys(self) -> None:
        """Bind the keys as the user wants them by now, and tell which they are."""
        wanted = keys_in_force()
        if wanted.faults and wanted.faults != self._wanted.faults:
            text = ". ".join(wanted.faults)
            show_warning(f"Keys in napari's preferences: {text}.")
        if wanted.actions != self._wanted.actions:
            self._keys.disconnect()
        self._wanted = wanted
        self._keys.connect(wanted.actions)
        self._commands.show_keys(wanted)
        self._panel.show_current(self._review())

    def _opened(self, session: ReviewSession) -> None:
        # By now the thread that opened the review has it imported.
        from napari_artifact_review.viewer.controller import ReviewController

        self._let_go()
        if self._panel.native.parent() is None:
            # Before it is filled: magicgui empties lists that get another parent.
            layout: Any = self.content.layout()
            layout.insertWidget(layout.count() - 1, self._panel.native, 1)
        self.session = self._opener.shown = session
        self._is_first_view = True
        self.controller = ReviewController(
            self.viewer, session, self._run_if_open, self._run_later
        )
        controller = self.controller
        for signal, slot in (
            (session.decided, self._on_decided),
            (session.queue_changed, self._on_queue_changed),
            (session.saved, self._on_saved),
            (session.problem_changed, self._on_problem_changed),
            (session.disagreements_changed, self._on_disagreements_changed),
        ):
            signal.connect(slot)
            self._endings.append(partial(signal.disconnect, slot))
        self._endings.append(partial(session.close, wait=False))
        self._endings.append(controller.abandon)
        self._place.follow(session, controller)
        self._frames.watch(main_window_of(self))
        controller.view_changed.connect(self._on_view_changed)
        controller.said.connect(self._panel.say)
        controller.picks.changed.connect(self._on_picked)
        self._commands.take(session, controller)
        self._panel.show_session(session)
        self._endings.append(self._measurer.follow(session))
        self._describe_files(session)
        self._remember(session)
        self._show_files(False)
        self._show_live()
        # The fields have done their work; the next key is meant for the review.
        give_keys_to_viewer(self)
        self._panel.show_remarks(session)
        controller.connect()
        self._panel.show_display(controller.image.display)
        session.current_changed.connect(self._on_moved)
        self._endings.append(
            partial(session.current_changed.disconnect, self._on_moved)
        )
        self._place.look_after(session)

    def _not_opened(self, error: Exception) -> None:
        self._moves = False
        self._show_live()
        # A script that waits gets the error itself.
        if isinstance(error, ReviewError) and not len(self.settled):
            show_error(str(error))
        self.settled.emit(error)
        if not isinstance(error, ReviewError):
            raise error

    def _describe_files(self, session: ReviewSession) -> None:
        table = session.predictions
        images, cutouts = len(session.image_names), len(table.label)
        name = table.path.name
        short = name if len(name) < 25 else f"…{name[-24:]}"
        self._files.text = f"{short}, cutouts of {session.cutout_size} px"
        self._files.tooltip = (
            f"{table.path}\n{table.file.description}\n"
            f"{images} images, {cutouts:,} cutouts\nImages: {session.images.folder}\n"
            f"Output: {session.output}\nClick to open another table"
        )

    def _remember(self, session: ReviewSession) -> None:
        """Offer the review among the recent ones; one in a database needs its URL."""
        if session.store == str(store_beside(session.output)):
            paths = (session.predictions.path, session.images.folder, session.output)
            RecentReview(*map(str, paths)).remember()
            self._open_panel.recent.show_reviews()

    def _change_output(self) -> None:
        """Go on with the review that is open in another place."""
        path = self.output.path
        if self.session is None or path is None or path == self.session.output:
            return
        if self._names_other_files(self.session):
            # The output is meant for them, once they are opened.
            return
        # What was decided meanwhile would stay behind.
        self._keys.disconnect()
        self._panel.enabled = False
        self._moves = True
        self._opener.move(self.session, path)

    def _names_other_files(self, session: ReviewSession) -> bool:
        named = (self.predictions.path, session.predictions.path)
        folders = (self.images.path, session.images.folder)
        return any(
            field is not None and field.absolute() != shown
            for field, shown in (named, folders)
        )

    def _part_from_output(self) -> None:
        """Do not let another table inherit the output of the review that is open."""
        if self.session is not None and self.output.path == self.session.output:
            self.output.value = None

    def _toggle_files(self) -> None:
        self._open_panel.recent.show_reviews()
        self._show_files(not self._open_panel.visible)

    def _show_files(self, shown: bool) -> None:
        """Show the form in the place of the review, or not at all."""
        is_open = self.session is not None
        # Both at once, if only for a moment, make the window grow beyond a screen.
        visible = {self._open_panel: shown, self._panel: is_open and not shown}
        for panel in sorted(visible, key=lambda panel: visible[panel]):
            panel.visible = visible[panel]
        self._files.visible = is_open

    # What follows the session

    def _on_moved(self) -> None:
        """Know where the review is, also while its image is still read."""
        if self._control().view == "loading":
            panel, kept = self._panel.native, not self._control().says_loading
            if kept and panel.updatesEnabled() and not self._frames.are_shown:
                # What belongs to the picture may not be painted yet.
                panel.repaint()
            # Dock and picture change on the screen together.
            panel.setUpdatesEnabled(not kept)
            self._panel.show_current(self._review())

    def _is_on_screen(self) -> bool:
        """Tell whether the current cutout has been seen: who holds a key skips none."""
        view = self._control().view
        return view == "covered" or (view != "loading" and self._frames.are_shown)

    def _on_decided(self, rows: list[int]) -> None:
        self._panel.say("")
        self._panel.navigation.show_label(self._review(), rows)
        self._panel.show_current(self._review())

    def _on_queue_changed(self) -> None:
        self._panel.say("")
        self._panel.show_queue(self._review())
        self._panel.show_current(self._review())
        self._panel.show_around(self._control())
        self._place.keep_soon()

    def _on_picked(self) -> None:
        count = len(self._control().picks)
        names = ("artifact", "no_artifact", "unsure", "let_go")
        keys = (self._wanted[name].label for name in names)
        self._panel.say(
            "{} picked: {}, {} or {} decides about all of them, {} lets go.".format(
                "1 cutout is" if count == 1 else f"{count} cutouts are", *keys
            )
            if count
            else ""
        )

    def _on_saved(self) -> None:
        self._panel.show_current(self._review())
        self._panel.show_remarks(self._review())

    def _on_problem_changed(self) -> None:
        session = self._review()
        self._panel.banner.show_problem(session)
        self._panel.show_view(self._control())
        if session.problem is None:
            self._panel.say("Decisions are kept again. What was pressed before is not.")
        self._place.look_after(session)

    def _on_disagreements_changed(self) -> None:
        self._panel.disagreements.show_disagreements(self._review().disagreements)

    def _on_view_changed(self) -> None:
        control = self._control()
        if control.view != "loading":
            self._frames.expect()
        self._place.keep_soon()
        self._panel.native.setUpdatesEnabled(True)
        self._panel.show_current(self._review())
        self._panel.show_view(control)
        if control.view == "failed" and control.problem is not None:
            show_error(str(control.problem))
        if self._is_first_view and control.view != "loading":
            self._is_first_view = False
            if control.view == "shown":
                self._say_resumed()
            self._moves = False
            self.settled.emit(None)

    def _say_resumed(self) -> None:
        session = self._review()
        if self._moves:
            self._panel.say(
                f"From now on this review is kept and saved in {session.output}; what "
                "was decided went with it."
            )
        elif session.log:
            last = session.log[-1].decided_at[:16].replace("T", " ")
            self._panel.say(f"This review goes on: last decision {last} UTC.")

    # Life

    def _run_if_open(self, function: Callable[[], object]) -> None:
        """Run a function in the main thread unless the window has been closed."""
        self._main_thread.run(lambda: function() if self._is_in_window() else None)

    def _run_later(self, seconds: float, function: Callable[[], object]) -> None:
        QTimer.singleShot(round(1000 * seconds), partial(self._run_if_open, function))

    def _is_in_window(self) -> bool:
        window = main_window_of(self)
        return window is not None and window.isVisible()

    def _let_go(self) -> None:
        """Leave the viewer as it was before the review, and the review to others."""
        if self.controller is None:
            return
        self._keys.disconnect()
        self._place.stop()
        self._saver.give_up()
        self._commands.let_go()
        self._measurer.stop()
        self._plots.close()
        self.controller.disconnect()
        self.controller = None
        run_and_forget(self._endings)

    def event(self, event: QEvent | None) -> bool:
        """Let go when the dock is closed: napari takes its parent away, no more."""
        kind = None if event is None else event.type()
        if kind == QEvent.Type.WindowDeactivate and self.controller is not None:
            self._keys.let_go()
        elif (
            kind == QEvent.Type.WindowActivate
            and self.controller is not None
            and self._keys.are_bound
        ):
            # Who comes back from napari's preferences may want other keys.
            self._bind_keys()
        if kind == QEvent.Type.ParentChange and self.parent() is None:
            self._opener.cancel()
            self._let_go()
        return super().event(event)
