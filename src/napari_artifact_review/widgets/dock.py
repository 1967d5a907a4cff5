"""The dock widget: it opens reviews, and shows the one that is open, or the form."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import PushButton
from napari.utils.notifications import show_error, show_warning
from psygnal import Signal
from qtpy.QtCore import QEvent, QPoint, QRect, QTimer
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout

from napari_artifact_review.core.decisions.log_paths import log_path_beside
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.viewer.input.key_choice import KeyChoice, keys_in_force
from napari_artifact_review.widgets.focus import give_keys_to_viewer, main_window_of
from napari_artifact_review.widgets.opener import Opener, import_ahead
from napari_artifact_review.widgets.panels.opening import OpenPanel
from napari_artifact_review.widgets.parts.background import MainThread
from napari_artifact_review.widgets.parts.steady import SteadyBox
from napari_artifact_review.widgets.recent import RecentReview
from napari_artifact_review.widgets.windows.plots import Plots

if TYPE_CHECKING:
    import napari

    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController
    from napari_artifact_review.widgets.gallery import GalleryPanel
    from napari_artifact_review.widgets.panels.review_panel import ReviewPanel
    from napari_artifact_review.widgets.review import OpenReview
    from napari_artifact_review.widgets.windows.examples import ExamplesPanel
    from napari_artifact_review.widgets.windows.help import HelpPanel
    from napari_artifact_review.widgets.windows.stretches import StretchesPanel

#: Seconds after which a dock is on the screen, also on a slow machine.
_SHOWN = 0.5


class _Field:
    """A widget that scripts rely on; its panel is made if it is not there yet.

    Parameters
    ----------
    path : str
        The path of its attribute, from the dock on.
    """

    def __init__(self, path: str) -> None:
        self._get = attrgetter(path)

    def __get__(self, dock: ReviewWidget, _: type[ReviewWidget]) -> Any:
        return self._get(dock)


class ReviewWidget(SteadyBox):
    """Artifact Review's dock.

    Scripts find the magicgui widgets as its attributes. To choose files:
    `predictions`, `images`, `output`, `cutout_size`, `open`. To move: `image_name`,
    `error_id`, `previous`, `next`, `grid_x`, `grid_y`. To decide: `label_new`, `kind`,
    `note`, `auto_advance`, with what is decided in `history`. To view: `y_up`, `grid`.
    To save: `save`. What the reviewer is told is in `message`, and in `banner` for as
    long as nothing can be decided.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer that the dock belongs to.

    Attributes
    ----------
    review : OpenReview or None
        The review that is open, if one is.
    opening : OpenPanel
        The form with the files of a review.
    files : PushButton
        Names the table that is open; a click shows the form, or the review again.
    plots : Plots
        The plots of what has changed.
    settled : Signal
        Emitted when an opening has come to its end: with None once the first image
        is on the screen (or is known to be unreadable), else with the error; also
        with None if it was cancelled.
    """

    settled = Signal(object)

    predictions = _Field("opening.predictions")
    images = _Field("opening.images")
    output = _Field("opening.output")
    cutout_size = _Field("opening.cutout_size")
    open = _Field("opening.open")
    image_name = _Field("panel.navigation.image_name")
    error_id = _Field("panel.navigation.error_id")
    previous = _Field("panel.navigation.previous")
    next = _Field("panel.navigation.next")
    label_new = _Field("panel.verdict.label_new")
    kind = _Field("panel.verdict.kind")
    note = _Field("panel.verdict.note")
    history = _Field("panel.verdict.history")
    auto_advance = _Field("panel.navigation.auto_advance")
    grid_x = _Field("panel.surroundings.grid_x")
    grid_y = _Field("panel.surroundings.grid_y")
    grid = _Field("panel.surroundings.grid")
    y_up = _Field("panel.surroundings.y_up")
    save = _Field("panel.saving.save")
    banner = _Field("panel.banner")
    message = _Field("panel.message")

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.review: OpenReview | None = None
        self.opening = OpenPanel()
        self.files = PushButton(text="", tooltip="Open another table")
        self.plots = Plots(viewer)
        self._is_moving = False
        self._key_faults: tuple[str, ...] = ()
        self._main_thread = MainThread(self)
        self._opener = Opener(self.opening, self._main_thread)
        self._lay_out()
        self._connect_opening()
        # Once this dock is on the screen: it would wait for both.
        self.run_later(_SHOWN, self.prepare)

    # What it is made of

    @cached_property
    def panel(self) -> ReviewPanel:
        """The panels of a review: three hundred widgets, made when first wanted."""
        from napari_artifact_review.widgets.panels.review_panel import ReviewPanel

        panel = ReviewPanel()
        panel.hide()
        panel.banner.open_requested.connect(self._open_again)
        panel.changed_table.reopen_requested.connect(self._open_again)
        panel.unseen.folder_requested.connect(self._choose_images)
        panel.changes.plots_requested.connect(self.plots.toggle)
        # It comes into the window with the first review.
        self.destroyed.connect(panel.native.deleteLater)
        return panel

    @cached_property
    def help(self) -> HelpPanel:
        """The window with keys and colours."""
        from napari_artifact_review.widgets.windows.help import HelpPanel

        return HelpPanel(self, self.kept_free)

    @cached_property
    def examples(self) -> ExamplesPanel:
        """The window with examples of each kind."""
        from napari_artifact_review.widgets.windows.examples import ExamplesPanel

        return ExamplesPanel(self, self.kept_free)

    @cached_property
    def stretches(self) -> StretchesPanel:
        """The window with the current cutout at several stretches."""
        from napari_artifact_review.widgets.windows.stretches import StretchesPanel

        return StretchesPanel(self, self.kept_free)

    @property
    def gallery(self) -> GalleryPanel | None:
        """The gallery of the review that is open, once it was opened."""
        return None if self.review is None else self.review.commands.gallery

    @property
    def session(self) -> ReviewSession | None:
        """The session of the review that is open, if one is."""
        return None if self.review is None else self.review.session

    @property
    def controller(self) -> ReviewController | None:
        """The controller of the review that is open, if one is."""
        return None if self.review is None else self.review.controller

    @property
    def pending(self) -> int:
        """How many verdicts are not recorded yet."""
        return 0 if self.session is None else len(self.session.pending)

    @property
    def is_shown(self) -> bool:
        """Whether the pixels of the current cutout are on the screen."""
        return self.review is not None and self.review.is_shown

    def prepare(self) -> None:
        """Make what a review will need, before it is opened."""
        _ = self.panel, self.help, self.examples, self.stretches
        # Not before: the thread would hold up what is imported for these.
        import_ahead()

    def kept_free(self) -> list[QRect]:
        """Return what no window is to cover: the current cutout, and the dock."""
        place = None
        if self.review is not None:
            place = self.review.commands.place_of_current()
        docked = QRect(self.mapToGlobal(QPoint(0, 0)), self.size())
        return [docked] if place is None else [place, docked]

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self.content)
        layout.setContentsMargins(6, 6, 6, 6)
        for widget in (self.files, self.opening):
            layout.addWidget(widget.native)
        # What is left over is the panel's, for what unfolds there; or nobody's.
        layout.addStretch(0)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.files.native.setFlat(True)
        self.files.native.setStyleSheet("text-align: left; padding: 4px")
        self.files.native.setMinimumWidth(1)
        self.files.hide()
        self.setMinimumWidth(320)

    def _connect_opening(self) -> None:
        opening = self.opening
        opening.predictions.changed.connect(self._part_from_output)
        self._opener.opened.connect(self._opened)
        self._opener.failed.connect(self._not_opened)
        opening.open_requested.connect(self.start_opening)
        opening.cancel_requested.connect(self.cancel_opening)
        opening.demo_requested.connect(self.start_demo)
        opening.output.line_edit.native.editingFinished.connect(self._change_output)
        self.files.changed.connect(self._toggle_files)

    # Opening

    def start_opening(self, **options: Any) -> None:
        """Open the table that the fields name; the window stays alive meanwhile.

        Parameters
        ----------
        **options
            `store` and `team`, as for `ReviewSession.open`.
        """
        if self.review is not None:
            self.review.position.save()
            if self._opener.names_open_review(options.get("store")):
                # A verdict that is given now would not be in the review that is read.
                self.review.suspend()
        self._opener.open(**options)

    def _open_again(self, images: Path | None = None) -> None:
        if self.review is not None:
            self.review.suspend()
            self._opener.open_again(self.review.session, images)

    def _choose_images(self) -> None:
        """Open the review again with the images of another folder."""
        folder = self.images.ask()
        if folder is not None:
            self._open_again(images=folder)

    def start_demo(
        self, images: int = 3, seed: int = 0, folder: Path | None = None
    ) -> None:
        """Make a demo survey, or find the one made before, and open it."""
        self._opener.open_demo(images, seed, folder)

    def cancel_opening(self) -> None:
        """Give up what is being opened; what was open before stays open."""
        self._opener.cancel()
        self._is_moving = False
        self._resume()
        self.settled.emit(None)

    def _resume(self) -> None:
        """Go on with the review that is open, if there is one."""
        if self.review is not None:
            self.review.resume(self._keys_in_force())

    def _keys_in_force(self) -> KeyChoice:
        """Return the keys that are chosen by now; say once what is wrong with them."""
        keys = keys_in_force()
        if keys.faults and keys.faults != self._key_faults:
            text = ". ".join(keys.faults)
            show_warning(f"Keys in napari's preferences: {text}.")
        self._key_faults = keys.faults
        return keys

    def _opened(self, session: ReviewSession) -> None:
        # By now the thread that opened the review has it imported.
        from napari_artifact_review.widgets.review import OpenReview

        self._end_review()
        if self.panel.native.parent() is None:
            # Before it is filled: magicgui empties lists that get another parent.
            layout: Any = self.content.layout()
            layout.insertWidget(layout.count() - 1, self.panel.native, 1)
        self.review = OpenReview(self, session, self._is_moving)
        self.review.settled.connect(self._review_settled)
        self._opener.shown = session
        self._describe_files(session)
        self._remember(session)
        self._show_files(False)
        self._resume()
        # The fields have done their work; the next key is meant for the review.
        give_keys_to_viewer(self)
        self.review.start()

    def _review_settled(self) -> None:
        self._is_moving = False
        self.settled.emit(None)

    def _not_opened(self, error: Exception) -> None:
        self._is_moving = False
        self._resume()
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
        self.files.text = f"{short}, {session.cutout_size} px cutouts"
        self.files.tooltip = (
            f"{table.path}\n{table.file.description}\n"
            f"{images} images, {cutouts:,} cutouts\nImages: {session.images.folder}\n"
            f"Output: {session.output}\nClick to open another table"
        )

    def _remember(self, session: ReviewSession) -> None:
        """Offer the review among the recent ones; one in a database needs its URL."""
        if session.store == str(log_path_beside(session.output)):
            paths = (session.predictions.path, session.images.folder, session.output)
            RecentReview(*map(str, paths)).remember()
            self.opening.recent.show_reviews()

    def _change_output(self) -> None:
        """Go on with the review that is open in another place."""
        path = self.output.path
        if self.review is None or path is None:
            return
        session = self.review.session
        if path == session.output or self._names_other_files(session):
            # The output is meant for them, once they are opened.
            return
        # What was decided meanwhile would stay behind.
        self.review.suspend()
        self._is_moving = True
        self._opener.move(session, path)

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
        self.opening.recent.show_reviews()
        self._show_files(not self.opening.visible)

    def _show_files(self, shown: bool) -> None:
        """Show the form in the place of the review, or not at all."""
        is_open = self.review is not None
        # Both at once, if only for a moment, make the window grow beyond a screen.
        visible = {self.opening: shown, self.panel: is_open and not shown}
        for panel in sorted(visible, key=lambda panel: visible[panel]):
            panel.visible = visible[panel]
        self.files.visible = is_open

    # Life

    def run_if_open(self, function: Callable[[], object]) -> None:
        """Run a function in the main thread unless the window has been closed."""
        self._main_thread.run(lambda: function() if self._is_in_window() else None)

    def run_later(self, seconds: float, function: Callable[[], object]) -> None:
        """Run a function after some seconds unless the window has been closed."""
        QTimer.singleShot(round(1000 * seconds), partial(self.run_if_open, function))

    def _is_in_window(self) -> bool:
        window = main_window_of(self)
        return window is not None and window.isVisible()

    def close_review(self) -> None:
        """Close the review that is open, leave the viewer as before; show the form.

        An opening that is under way is cancelled.
        """
        if self._opener.is_opening:
            self.cancel_opening()
        if self.review is not None:
            self._end_review()
            self.examples.show_session(None)
            for window in (self.help, self.examples, self.stretches):
                window.hide()
            self._show_files(True)

    def _end_review(self) -> None:
        if self.review is not None:
            review, self.review = self.review, None
            self._opener.shown = None
            review.close()

    def event(self, event: QEvent | None) -> bool:
        """Close the review with the dock: napari takes its parent away, no more."""
        kind = None if event is None else event.type()
        if kind == QEvent.Type.WindowDeactivate and self.review is not None:
            self.review.keys.release()
        elif (
            kind == QEvent.Type.WindowActivate
            and self.review is not None
            and self.review.keys.are_bound
        ):
            # Who comes back from napari's preferences may want other keys.
            self.review.bind_keys(self._keys_in_force())
        if kind == QEvent.Type.ParentChange and self.parent() is None:
            self._opener.cancel()
            self._end_review()
        return super().event(event)
