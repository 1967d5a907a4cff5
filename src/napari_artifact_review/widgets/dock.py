"""The dock widget, which shows the open review or the form to open a review."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QEvent, QRect
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout

from napari_artifact_review.core.errors import MappingNeededError, ReviewError
from napari_artifact_review.viewer.input.key_choice import KeyChoice, keys_in_force
from napari_artifact_review.widgets import dock_notices
from napari_artifact_review.widgets.dock_title import DockTitle
from napari_artifact_review.widgets.known_reviewers import KnownReviewers
from napari_artifact_review.widgets.mapping_questions import MappingQuestions
from napari_artifact_review.widgets.notifications import show_error, show_warning
from napari_artifact_review.widgets.opener import Opener, import_ahead
from napari_artifact_review.widgets.panels.files_button import FilesButton
from napari_artifact_review.widgets.panels.open_form import OpenPanel
from napari_artifact_review.widgets.parts.background import MainThread
from napari_artifact_review.widgets.parts.focus import (
    give_keys_to_viewer,
    main_window_of,
    take_free_focus,
)
from napari_artifact_review.widgets.parts.font import (
    fit_minimum_width,
    follow_font_size,
)
from napari_artifact_review.widgets.parts.steady import SteadyBox
from napari_artifact_review.widgets.parts.tool_window import rectangle_on_screen
from napari_artifact_review.widgets.script_attributes import ScriptAttributes
from napari_artifact_review.widgets.workspace import Workspace

if TYPE_CHECKING:
    import napari

    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController
    from napari_artifact_review.widgets.gallery import GalleryPanel
    from napari_artifact_review.widgets.review import OpenReview

#: Minimum width of the dock, in digits of its font.
_WIDTH = 43

#: Seconds from the creation of a dock until it prepares a review. After this time, the
#: dock is on the screen, even on a slow machine.
_DELAY_OF_PREPARATION = 0.5


class ReviewWidget(ScriptAttributes, SteadyBox):
    """The dock of Artifact Review.

    Scripts can use the magicgui widgets as attributes. Files: `predictions`, `images`,
    `output`, `cutout_size`, `open`. Navigation: `image_name`, `error_id`, `previous`,
    `next`, `grid_x`, `grid_y`, `find`. Verdicts: `label_new`, `kind`, `note`,
    `auto_advance`, `history` with the current verdict, and `last_verdict`. View:
    `y_up`, `grid`. Saving: `save`. `message` shows the last message for the reviewer.
    `banner` shows the reason why verdicts cannot be recorded.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer that the dock belongs to.

    Attributes
    ----------
    review : OpenReview or None
        The open review.
    opening : OpenPanel
        The form with the files of a review.
    files : FilesButton
        A button with the name of the open table. A click shows the form or the review.
    workspace : Workspace
        The panels and windows of a review. Scripts can also use `panel`, `help`,
        `examples`, `stretches`, `columns` and `plots`.
    settled : Signal
        Emitted at the end of an opening, with the error or with None. An opening ends
        when it fails or is cancelled, or when the first image is on the screen or
        cannot be read.
    """

    settled = Signal(object)

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.review: OpenReview | None = None
        self.opening = OpenPanel()
        self.files = FilesButton()
        self.workspace = Workspace(self, viewer, self.kept_free)
        self._is_moving = False
        self._key_faults: tuple[str, ...] = ()
        self._title = DockTitle(self)
        main_thread = MainThread(self)
        self._opener = Opener(self.opening, main_thread)
        KnownReviewers(self.opening, main_thread)
        self._questions = MappingQuestions(self.opening, self.workspace, main_thread)
        #: Whether the form's own buttons began the opening, so that a window may ask.
        self._may_ask = False
        follow_font_size(self)
        self._lay_out()
        self._connect_opening()
        # Prepare later, so that the dock appears on the screen immediately.
        self.workspace.run_later(_DELAY_OF_PREPARATION, self.prepare)

    # Parts

    @property
    def gallery(self) -> GalleryPanel | None:
        """The gallery of the open review, or None before its first use."""
        return None if self.review is None else self.review.surfaces.gallery

    @property
    def session(self) -> ReviewSession | None:
        """The session of the open review, or None."""
        return None if self.review is None else self.review.session

    @property
    def controller(self) -> ReviewController | None:
        """The controller of the open review, or None."""
        return None if self.review is None else self.review.controller

    @property
    def pending(self) -> int:
        """Number of commands that have not been recorded yet."""
        return 0 if self.session is None else len(self.session.pending)

    @property
    def is_shown(self) -> bool:
        """Whether the pixels of the current cutout are on the screen."""
        return self.review is not None and self.review.is_shown

    def prepare(self) -> None:
        """Create the widgets and import the modules that a review will need."""
        self.workspace.make_all()
        # Start the thread last, because it would delay the imports of the workspace.
        import_ahead()

    def kept_free(self) -> list[QRect]:
        """Return the rectangles to keep uncovered: cutout, menu bar and dock."""
        found = [rectangle_on_screen(self)]
        if (window := main_window_of(self)) is not None:
            found.insert(0, rectangle_on_screen(window.menuBar()))
        review = self.review
        if review and (cutout := review.surfaces.front.current_rectangle()):
            found.insert(0, cutout)
        return found

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self.content)
        layout.setContentsMargins(6, 6, 6, 6)
        for widget in (self.files, self.opening):
            layout.addWidget(widget.native)
        # The panel takes the remaining space.
        layout.addStretch(0)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        fit_minimum_width(self, _WIDTH)

    def _connect_opening(self) -> None:
        opening = self.opening
        opening.predictions.changed.connect(self._clear_output)
        self._opener.opened.connect(self._opened)
        self._opener.failed.connect(self._not_opened)
        self._opener.asking.connect(lambda: self._show_files(True))
        self._opener.dropped.connect(self.cancel_opening)
        opening.open_requested.connect(self._open_from_form)
        opening.columns_requested.connect(
            lambda: self._questions.ask(shown=self.session)
        )
        self._questions.answered.connect(self._open_from_form)
        self._questions.dropped.connect(self._drop_questions)
        opening.cancel_requested.connect(self.cancel_opening)
        opening.demo_requested.connect(self.start_demo)
        opening.output.line_edit.native.editingFinished.connect(self._change_output)
        self.files.changed.connect(self._toggle_files)

    # Opening

    def start_opening(self, ask_reviewer: bool = False, **options: Any) -> None:
        """Open the table that is named in the form; a thread reads the files.

        The signal `settled` reports the end of the opening.

        Parameters
        ----------
        ask_reviewer : bool
            Whether the form asks for the name of the reviewer if none is given and the
            log has verdicts of others.
        **options
            `reviewer`, `store`, `team`, `read_only`, `previous`, `embeddings` and
            `hdu`, as for `ReviewSession.open`. By default, those in the form.
        """
        self._questions.close()
        self._begin_opening(may_ask=False, ask_reviewer=ask_reviewer, **options)

    def _open_from_form(self) -> None:
        """Open the table in the form; it may ask about columns and the reviewer."""
        self._begin_opening(may_ask=True, ask_reviewer=True)

    def _begin_opening(self, may_ask: bool, ask_reviewer: bool, **options: Any) -> None:
        self._may_ask = may_ask
        if self.review is not None:
            self.review.position.save()
            if self._opener.names_open_review(options.get("store")):
                # A verdict given now would be missing from the new session.
                self.review.suspend()
        self._opener.open(ask_reviewer, **options)

    def _reopen(self, images: Path | None = None) -> None:
        if self.review is not None:
            self.review.suspend()
            self._opener.reopen(self.review.session, images)

    def _choose_images(self) -> None:
        """Ask for another folder of images, and reopen the review with its images."""
        folder = self.images.ask()
        if folder is not None:
            self._reopen(images=folder)

    def start_demo(
        self, images: int = 3, seed: int = 0, folder: Path | None = None
    ) -> None:
        """Open a demo survey, after creating the survey if it does not exist.

        `images` is the number of images. `seed` is for the random numbers. `folder` is
        the folder of the survey; the default is in the user's cache.
        """
        self._opener.open_demo(images, seed, folder)

    def show_session(self, session: ReviewSession) -> None:
        """Show an open session in place of the open review."""
        self.opening.fill(
            session.predictions.path,
            session.images.folder,
            session.output,
            session.cutout_size,
            session.position.mapping,
        )
        if session is self.session:
            self.settled.emit(None)
            return
        if self.review is not None:
            self.review.position.save()
        self._opener.adopt(session)

    def cancel_opening(self) -> None:
        """Cancel the opening in progress, and continue with the open review."""
        self._questions.close()
        self._opener.cancel()
        self._is_moving = False
        self._resume()
        self.settled.emit(None)

    def _drop_questions(self) -> None:
        """Cancel the opening with the mapping of the window, which was closed."""
        if self._opener.is_opening:
            self.cancel_opening()

    def _resume(self) -> None:
        """Enable verdicts in the open review again."""
        if self.review is not None:
            self.review.resume(self._keys_in_force())

    def _keys_in_force(self) -> KeyChoice:
        """Return the keys from napari's preferences; warn once about invalid keys."""
        keys = keys_in_force()
        if keys.faults and keys.faults != self._key_faults:
            text = ". ".join(keys.faults)
            show_warning(f"Invalid keys in napari's preferences: {text}.")
        self._key_faults = keys.faults
        return keys

    def _opened(self, session: ReviewSession) -> None:
        # The thread that opened the review has already imported this module.
        from napari_artifact_review.widgets.review import OpenReview

        former = self.session
        same = former is not None and former.store == session.store
        self._end_review(continues=self._is_moving or same)
        if self.workspace.panel.native.parent() is None:
            self._add_panel()
        self.review = OpenReview(self.workspace, session, self._is_moving)
        self.review.settled.connect(self._review_settled)
        self._opener.shown = session
        self._questions.close()
        self.opening.show_given(session)
        self.files.show_session(session)
        self._title.show_reviewer(session.reviewer)
        self.opening.recent.remember(session)
        self._show_files(False)
        self._resume()
        # The next key press is meant for the review, not for a field of the form.
        give_keys_to_viewer(self)
        self.review.start()

    def _add_panel(self) -> None:
        """Add the panels of a review to the dock, once."""
        panel = self.workspace.panel
        # Add the panels before they are filled, because magicgui empties lists when
        # they get a new parent.
        layout: Any = self.content.layout()
        layout.insertWidget(layout.count() - 1, panel.native, 1)
        # Because of Qt's style sheets, a widget does not get the font of its new
        # parent.
        follow_font_size(panel.native)
        panel.banner.open_requested.connect(self._reopen)
        panel.changed_table.reopen_requested.connect(self._reopen)
        panel.unseen.folder_requested.connect(self._choose_images)
        panel.saving.open_requested.connect(self._open_another)

    def _review_settled(self) -> None:
        self._is_moving = False
        self.settled.emit(None)

    def _not_opened(self, error: Exception) -> None:
        self._is_moving = False
        self._resume()
        is_asked = self._questions.show_failure(error)
        if self._may_ask and not is_asked and isinstance(error, MappingNeededError):
            self._questions.ask(self.session, error)
            is_asked = True
        # A script that waits for `settled` gets the error as an exception.
        if isinstance(error, ReviewError) and not (is_asked or len(self.settled)):
            show_error(str(error))
        self.settled.emit(error)
        if not isinstance(error, ReviewError):
            raise error

    def _change_output(self) -> None:
        """Reopen the review with the output in the form, if the output has changed."""
        path = self.output.path
        if self.review is None or path is None:
            return
        session = self.review.session
        if path == session.output or self.opening.names_other_files(session):
            # The output belongs to other files in the form, which are not open yet.
            return
        # A verdict given now would be missing from the session with the new output.
        self.review.suspend()
        self._is_moving = True
        self._opener.move(session, path)

    def _clear_output(self) -> None:
        """Clear the output of the open review after the choice of another table."""
        if self.session is not None and self.output.path == self.session.output:
            self.output.value = None

    def _toggle_files(self) -> None:
        self.opening.recent.show_reviews()
        self._show_files(not self.opening.visible)

    def _open_another(self) -> None:
        """Show the form, so that the user can choose another table."""
        self.opening.recent.show_reviews()
        self._show_files(True)
        self.opening.predictions.choose_btn.native.setFocus()

    def _show_files(self, shown: bool) -> None:
        """Show the form instead of the review, or the review instead of the form."""
        is_open = self.review is not None
        # Hide before showing, because both panels together would make the window too
        # tall.
        visible = {self.opening: shown, self.workspace.panel: is_open and not shown}
        for panel in sorted(visible, key=lambda panel: visible[panel]):
            panel.visible = visible[panel]
        if not shown:
            self._questions.close()
        self.files.visible = is_open

    # Closing

    def close_review(self) -> None:
        """Close the open review, restore the viewer, and show the form.

        Also cancel an opening in progress.
        """
        if self._opener.is_opening or self._questions.is_reading:
            self.cancel_opening()
        if self.review is not None:
            self._end_review()
            self.workspace.hide_windows()
            self._show_files(True)

    def _end_review(self, continues: bool = False) -> None:
        """Close the open review; see `OpenReview.close`."""
        if self.review is not None:
            review, self.review = self.review, None
            self._opener.shown = None
            self._title.show_reviewer(None)
            review.close(continues)

    def event(self, event: QEvent | None) -> bool:
        """Handle activation and deactivation of the window, and closing of the dock."""
        # Qt sends events before `review` is set, but none of the types handled here.
        kind = None if event is None else event.type()
        if kind == QEvent.Type.WindowActivate:
            take_free_focus(self)
            if self.review is not None and self.review.keys.are_bound:
                # The user may have changed napari's preferences.
                self.review.apply_preferences(self._keys_in_force())
        elif kind == QEvent.Type.WindowDeactivate and self.review is not None:
            self.review.keys.release()
        if kind == QEvent.Type.ParentChange and self.parent() is None:
            if self.session is not None:
                dock_notices.tell_closed(self.session)
                self.workspace.hide_windows()
            self._end_review()
            if self._opener.is_opening:
                self.cancel_opening()
        return super().event(event)

    def hideEvent(self, event: Any) -> None:  # noqa: N802
        """Notify the user that the review continues while the dock is hidden."""
        super().hideEvent(event)
        if not event.spontaneous():
            # A minimized window comes back with its questions.
            self._questions.close()
        if self.session is not None:
            dock_notices.tell_if_hidden(self, self.session)
