"""The column with all panels of a review."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from magicgui.widgets import Container, Label
from magicgui.widgets.bases import Widget
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFrame,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_artifact_review.core.decisions.decision import LabelState
from napari_artifact_review.core.errors import HeldError
from napari_artifact_review.core.review.queue_summary import queue_summary
from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.notifications import show_info
from napari_artifact_review.widgets.panels.adjudication import AdjudicationPanel
from napari_artifact_review.widgets.panels.banner import (
    Banner,
    ChangedFileBanner,
    ImageBanner,
)
from napari_artifact_review.widgets.panels.choices import (
    ChangedOutputPanel,
    ChangedTablePanel,
    DisagreementPanel,
)
from napari_artifact_review.widgets.panels.cutout_table import CutoutTable
from napari_artifact_review.widgets.panels.display import DisplayPanel
from napari_artifact_review.widgets.panels.encoding import EncodingPanel
from napari_artifact_review.widgets.panels.full_image import FullImagePanel
from napari_artifact_review.widgets.panels.go_to import GoToPanel
from napari_artifact_review.widgets.panels.kind_and_note import KindAndNotePanel
from napari_artifact_review.widgets.panels.neighbours import ContextPanel
from napari_artifact_review.widgets.panels.others import OthersLine
from napari_artifact_review.widgets.panels.own_columns import OwnColumnsPanel
from napari_artifact_review.widgets.panels.pending import PendingPanel
from napari_artifact_review.widgets.panels.progress import ProgressPanel
from napari_artifact_review.widgets.panels.queue import QueuePanel
from napari_artifact_review.widgets.panels.results import ResultsPanel
from napari_artifact_review.widgets.panels.save import SavePanel
from napari_artifact_review.widgets.panels.team import TeamPanel
from napari_artifact_review.widgets.panels.verdict import VerdictPanel
from napari_artifact_review.widgets.parts.focus import (
    leave_keys_to_viewer,
    main_window_of,
)
from napari_artifact_review.widgets.parts.fold import Fold
from napari_artifact_review.widgets.parts.font import fit_to_font
from napari_artifact_review.widgets.parts.message import Message
from napari_artifact_review.widgets.parts.plain_text import show_as_plain

if TYPE_CHECKING:
    from napari_artifact_review.core.images.display import Display
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController
    from napari_artifact_review.viewer.input.key_choice import KeyChoice


class ReviewPanel(Container[Widget]):
    """The column of panels that show a session and emit signals to change the session.

    Attributes
    ----------
    folds : dict of str to Fold
        The collapsible panels, by name.
    unseen : ImageBanner
        The banner that is visible while the current cutout cannot be shown.
    changed_file : ChangedFileBanner
        The banner that is visible while the file on disk differs from the image on the
        screen.
    notices, note : Label
        Messages about the table and the output, and messages about the image.
    """

    def __init__(self) -> None:
        self.banner, self.pending = Banner(), PendingPanel()
        self.team, self.adjudication = TeamPanel(), AdjudicationPanel()
        self.others = OthersLine()
        self.disagreements = DisagreementPanel()
        self.changed_output = ChangedOutputPanel()
        self.changed_table = ChangedTablePanel()
        self.encoding, self.verdict = EncodingPanel(), VerdictPanel()
        self.facts, self.own_columns = CutoutTable(), OwnColumnsPanel()
        self.kind_and_note = KindAndNotePanel()
        self.progress, self.full_image = ProgressPanel(), FullImagePanel()
        self.saving = SavePanel()
        self.unseen, self.changed_file = ImageBanner(), ChangedFileBanner()
        self.message = Message()
        self.notices, self.note = _wrapping_label(), _wrapping_label()
        self.help = self.saving.help
        super().__init__(
            widgets=[
                self.banner,
                self.pending,
                self.disagreements,
                self.adjudication,
                self.verdict,
                self.facts,
                self.own_columns,
                self.kind_and_note,
                self.progress,
                self.full_image,
                self.saving,
                self.team,
                self.changed_output,
                self.changed_table,
                self.encoding,
                self.unseen,
                self.changed_file,
                self.note,
                self.notices,
            ],
            labels=False,
        )
        self.margins = (0, 0, 0, 0)
        self._add_other_widgets()
        self.message.lie_over(self.native)
        self.pending.recording_changed.connect(self.verdict.show_recording)
        self._leave_keys_to_viewer()

    def _add_other_widgets(self) -> None:
        """Add the widgets that are not from magicgui."""
        layout = self.native.layout()
        layout.insertWidget(layout.indexOf(self.verdict.native) + 1, self.others)
        layout.addWidget(self._make_folds(), 1)

    def _leave_keys_to_viewer(self) -> None:
        leave_keys_to_viewer(self.native)
        # In this list, each arrow key would give a verdict. A key opens a menu instead.
        self.kind_and_note.kind.native.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def _make_folds(self) -> QScrollArea:
        """Return the collapsible panels in a scroll area, which limits their height."""
        self.go_to = GoToPanel()
        self.queue = QueuePanel()
        self.display = DisplayPanel()
        self.context = ContextPanel()
        self.results = ResultsPanel()
        self.folds = {
            "go_to": Fold("Go to", self.go_to.native),
            "queue": Fold("Queue", self.queue.native),
            "pixels": Fold("Display", self.display.native),
            "context": Fold("Neighbours and position", self.context.native),
            "changes": Fold("Results", self.results.native),
        }
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for fold in self.folds.values():
            layout.addWidget(fold)
        self.folds["go_to"].header.setChecked(True)
        layout.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        # A click between the folds must not take the keys from the review.
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        header = self.folds["queue"].header
        lines = len(self.folds)
        fit_to_font(
            header,
            lambda: area.setMinimumHeight(lines * (header.sizeHint().height() + 2)),
        )
        for fold in self.folds.values():
            fold.unfolded.connect(partial(_bring_into_view, area, fold))
        return area

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current keys in the tooltips."""
        self.verdict.show_keys(keys)
        self.kind_and_note.show_keys(keys)
        self.progress.show_keys(keys)
        self.full_image.show_keys(keys)
        self.display.show_keys(keys)
        self.context.show_keys(keys)
        self.saving.show_keys(keys)
        self.pending.show_keys(keys)
        self.team.show_keys(keys)
        self.adjudication.show_keys(keys)
        self.help.tooltip = keys["help"].hint

    def show_session(self, session: ReviewSession) -> None:
        """Show a session in all panels."""
        self.go_to.show_session(session)
        self.progress.show_session(session)
        self.kind_and_note.show_session(session)
        self.full_image.show_session(session)
        self.queue.show_session(session)
        self.own_columns.show_columns(session)
        self.show_queue(session)
        self.banner.show_problem(session)
        self.pending.show_session(session)
        self.team.show_team(session)
        self.disagreements.show_disagreements(session.disagreements)
        self.hide_changes()
        self.show_current(session)

    def show_current(self, session: ReviewSession) -> None:
        """Show the current cutout and its verdict."""
        cutout = session.current_cutout
        self._show_verdict(session)
        self.verdict.last.show_last(session)
        self.adjudication.show_adjudication(session)
        self.others.show_others(session)
        self.facts.show_cutout(cutout)
        self.own_columns.show_cutout(session)
        if self.folds["queue"].is_open:
            self.queue.show_learning(session)
            self.queue.budget.show_budget(session)
        self.progress.show_progress(session)
        self.go_to.show_position(session)
        self.saving.show_state(session)

    def _show_verdict(self, session: ReviewSession) -> None:
        """Show the verdict on the current cutout, or its adjudication."""
        cutout = session.current_cutout
        if session.is_adjudicating:
            settled = session.adjudication_of(cutout.key)
            draft = session.adjudication_drafts.get(cutout.key)
            self.verdict.show_adjudication(settled)
            self.kind_and_note.show_cutout(
                cutout, settled or LabelState(-1), draft, is_adjudication=True
            )
        else:
            self.verdict.show_cutout(cutout)
            given = session.shown_state(cutout.key)
            draft = session.drafts.get(cutout.key)
            self.kind_and_note.show_cutout(cutout, given, draft)

    def show_team(self, session: ReviewSession) -> None:
        """Show what other reviewers have done, as far as the reviewer may see it."""
        self.team.show_team(session)
        if session.is_adjudicating:
            self._show_verdict(session)
            self.progress.show_progress(session)
        self.adjudication.show_adjudication(session)
        self.others.show_others(session)

    def hide_changes(self) -> None:
        """Hide the panels in which a save offers a choice."""
        self.encoding.hide()
        self.changed_output.hide()
        self.changed_table.hide()

    def show_hidden(self, session: ReviewSession) -> None:
        """Show the current cutout and the lists after cutouts were hidden or shown."""
        self.queue.show_queue(session)
        self.go_to.list_again(session)
        self.show_current(session)

    def show_queue(self, session: ReviewSession) -> None:
        """Show the queue, the threshold and the progress of a session."""
        self.queue.show_queue(session)
        threshold = session.threshold
        at = "" if threshold is None else f", threshold {threshold:.3f}"
        rule = queue_summary(session.review_queue.rule)
        which = "similar cutouts" if session.shows_similar else rule
        which = "disputed cutouts" if session.is_adjudicating else which
        self.folds["queue"].say(f"{which}{at}")
        self.go_to.show_queue(session)
        self.progress.show_progress(session)

    def show_display(self, display: Display) -> None:
        """Show display settings, and a summary in the title of their panel."""
        self.display.show_display(display)
        self.folds["pixels"].say(self.display.title())

    def show_around(self, controller: ReviewController) -> None:
        """Show the neighbours of the current cutout, if their panel is open."""
        self.queue.note_image(controller.session)
        if self.folds["context"].is_open:
            self.context.show_position(
                controller.session, controller.full, controller.overlay.y_up
            )

    def show_notices(self, session: ReviewSession) -> None:
        """Show the messages about the table and the output."""
        self.notices.value = printable(" ".join(session.notices))
        self.notices.visible = bool(session.notices)

    def show_view(self, controller: ReviewController) -> None:
        """Show the state of the image, and enable or disable verdicts.

        Verdicts are disabled while the image is being read, if the cutout cannot be
        shown, and if the log is read-only or open for editing in another process.
        """
        is_shown = controller.view in ("shown", "covered")
        is_held = isinstance(controller.session.problem, HeldError)
        can_decide = is_shown and controller.problem is None and not is_held
        self.verdict.enabled = self.kind_and_note.enabled = can_decide
        self.show_around(controller)
        self.full_image.show_image(controller.full)
        self.show_notes(controller)
        is_loading = controller.view == "loading"
        name = controller.session.current_cutout.image_name
        self.message.say_in_passing(f"Reading {name}..." if is_loading else "")
        problem = None if is_loading else controller.problem
        self.unseen.show_problem(problem, controller.view == "shown")

    def show_notes(self, controller: ReviewController) -> None:
        """Show messages about the image on the screen, and any change of its file."""
        notes = printable("; ".join(controller.notes))
        if notes != self.note.value:
            self.note.value = notes
            self.note.visible = bool(notes)
        self.changed_file.show_file(controller.watch.changed_file)

    def say(self, text: str, *, in_passing: bool = False) -> None:
        """Show a message to the reviewer; an empty string hides the last message.

        While the panels are hidden, napari shows the message as a notification, unless
        the whole window is closed. A message in passing is shown instead of the last
        message until the image is read.
        """
        if in_passing:
            self.message.say_in_passing(text)
        else:
            self.message.say(text)
        window = main_window_of(self.native)
        is_window_open = window is not None and window.isVisible()
        if text and is_window_open and not self.native.isVisible():
            show_info(text)


def _bring_into_view(area: QScrollArea, fold: Fold) -> None:
    """Scroll an opened panel into view, or only the panel's top if it is too tall."""
    area.widget().layout().activate()
    area.widget().adjustSize()
    bar, page = area.verticalScrollBar(), area.viewport().height()
    top, bottom = fold.y(), fold.y() + fold.height()
    if bottom > bar.value() + page:
        bar.setValue(min(top, bottom - page))


def _wrapping_label() -> Label:
    """Create a hidden label that wraps its text."""
    label = Label()
    native: QLabel = label.native
    show_as_plain(native)
    native.setWordWrap(True)
    native.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
    native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    label.hide()
    return label
