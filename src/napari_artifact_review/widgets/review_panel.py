"""The panels of a review, one under the other, in the order a reviewer's eye goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from magicgui.widgets import Container, Label, PushButton
from magicgui.widgets.bases import Widget
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy

from napari_artifact_review.core.errors import HeldError
from napari_artifact_review.viewer.keys import KEY_OF
from napari_artifact_review.widgets.banner import Banner
from napari_artifact_review.widgets.choices import (
    ChangedOutputPanel,
    DisagreementPanel,
)
from napari_artifact_review.widgets.cutout_table import CutoutTable
from napari_artifact_review.widgets.focus import leave_keys_to_viewer
from napari_artifact_review.widgets.navigation import NavigationPanel
from napari_artifact_review.widgets.saving import SavePanel
from napari_artifact_review.widgets.surroundings import SurroundingsPanel
from napari_artifact_review.widgets.verdict import VerdictPanel

if TYPE_CHECKING:
    from napari_artifact_review.core.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController


class ReviewPanel(Container[Widget]):
    """Draws a session; knows nothing of what is done with what it asks for."""

    def __init__(self) -> None:
        self.banner = Banner()
        self.disagreements = DisagreementPanel()
        self.changed_output = ChangedOutputPanel()
        self.navigation = NavigationPanel()
        self.facts = CutoutTable()
        self.verdict = VerdictPanel()
        self.surroundings = SurroundingsPanel()
        self.saving = SavePanel()
        self.message = _wrapping_label(lines=2)
        self.remarks = _wrapping_label(lines=0)
        self.note = _wrapping_label(lines=0)
        help_key = KEY_OF["help"]
        self.help = PushButton(text="?", tooltip=f"{help_key.title} ({help_key.label})")
        self.help.native.setFixedWidth(28)
        self.saving.append(self.help)
        super().__init__(
            widgets=[
                self.banner,
                self.disagreements,
                self.navigation,
                self.facts,
                self.verdict,
                self.surroundings,
                self.saving,
                self.changed_output,
                self.message,
                self.note,
                self.remarks,
            ],
            labels=False,
        )
        self.margins = (0, 0, 0, 0)
        leave_keys_to_viewer(self.native)

    def show_session(self, session: ReviewSession) -> None:
        """Show another session."""
        self.navigation.show_session(session)
        self.surroundings.show_session(session)
        self.banner.show_problem(session)
        self.disagreements.show_disagreements(session.disagreements)
        self.changed_output.hide()
        self.show_current(session)

    def show_current(self, session: ReviewSession) -> None:
        """Show the current cutout and what is decided about it."""
        cutout = session.current_cutout
        self.navigation.show_place(session)
        self.facts.show_cutout(cutout)
        self.verdict.show_cutout(cutout)
        self.surroundings.show_place(session)
        self.saving.show_state(session)

    def show_remarks(self, session: ReviewSession) -> None:
        """Show what the reviewer should know of the table and the output."""
        self.remarks.value = " ".join(session.remarks)
        self.remarks.visible = bool(session.remarks)

    def show_view(self, controller: ReviewController) -> None:
        """Show whether the image is on the screen, and what is to be known of it."""
        judged = controller.view == "shown" and controller.problem is None
        judged &= not isinstance(controller.session.problem, HeldError)
        self.verdict.enabled = judged
        self.surroundings.show_image(controller.full)
        notes = "; ".join(controller.notes)
        if notes != self.note.value:
            self.note.value = notes
            self.note.visible = bool(notes)
        if controller.view == "loading":
            self.say(f"Reading {controller.session.current_cutout.image_name} …")
        elif controller.problem is not None:
            self.say(f"Cannot be shown. {controller.problem}")
        else:
            self.say("")

    def say(self, text: str) -> None:
        """Tell the reviewer something, until the next step."""
        if text != self.message.tooltip:
            self.message.value = _breakable(text)
            self.message.tooltip = text


def _wrapping_label(lines: int) -> Label:
    """Make a label that wraps and does not push others about when its text changes."""
    label = Label()
    native: QLabel = label.native
    native.setWordWrap(True)
    native.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
    native.setMinimumHeight(lines * native.fontMetrics().lineSpacing())
    native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def _breakable(text: str) -> str:
    """Let what is longer than a line be broken, where Qt would cut it off."""
    text = re.sub(r"/(?=\S{31,})", "/\u200b", text)
    return re.sub(
        r"[^\s/]{41,}", lambda name: re.sub(r"(?<=[._])", "\u200b", name[0]), text
    )
