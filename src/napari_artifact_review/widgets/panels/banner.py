"""Banners about problems of a session, a cutout or an image file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container, Label, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy

from napari_artifact_review.core.errors import HeldError, ImageError
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import html_text, tooltip_text

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession

_STYLE = "background: #8f1d1d; color: white; padding: 6px; border-radius: 4px"


class Banner(Container[Widget]):
    """A banner that is visible while a session cannot record verdicts.

    Attributes
    ----------
    open_requested : Signal
        Emitted to reopen the review, for example after another window has closed it.
    """

    open_requested = Signal()

    def __init__(self) -> None:
        self.text = alarm()
        self.open_again = PushButton(
            text="Reopen for editing", tooltip="Reopen the review to give verdicts here"
        )
        super().__init__(widgets=[self.text, self.open_again], labels=False)
        self.margins = (0, 0, 0, 0)
        self.open_again.changed.connect(lambda: self.open_requested.emit())
        self.hide()

    def show_problem(self, session: ReviewSession) -> None:
        """Show why a session cannot record verdicts; hide the banner if it can."""
        problem = session.problem
        is_held = isinstance(problem, HeldError)
        if problem is not None and is_held:
            text = html_text(f"{problem.what}. {problem.remedy}.")
            self.text.value = f"<b>Read-only:</b> {text}"
        elif problem is not None:
            file = problem.path.name if problem.path else problem.where
            text = html_text(f"{file} {problem.what}. {problem.remedy}.")
            self.text.value = (
                f"<b>Verdicts cannot be recorded:</b> {text} Earlier verdicts are "
                "safe. Recording is retried every two seconds."
            )
        self.text.tooltip = tooltip_text(str(problem or ""))
        self.open_again.visible = is_held
        self.visible = problem is not None


class ImageBanner(Container[Widget]):
    """A banner with the reason why the current cutout cannot be shown.

    Attributes
    ----------
    folder_requested : Signal
        Emitted to choose another folder of images.
    """

    folder_requested = Signal()

    def __init__(self) -> None:
        self.text = alarm()
        self.folder = PushButton(
            text="Choose images folder...",
            tooltip="Look for the images of this review in another folder",
        )
        super().__init__(widgets=[self.text, self.folder], labels=False)
        self.margins = (0, 0, 0, 0)
        self._problem = ""
        self.folder.changed.connect(lambda: self.folder_requested.emit())
        self.hide()

    def show_problem(self, problem: ImageError | None, is_found: bool) -> None:
        """Show the reason why a cutout cannot be shown, or hide the banner.

        Parameters
        ----------
        problem : ImageError or None
            The reason, or None to hide the banner.
        is_found : bool
            Whether the image has been read. If not, the banner offers to choose another
            folder.
        """
        text = "" if problem is None else str(problem)
        if text != self._problem:
            self._problem = text
            self.text.value = (
                f"<b>This cutout cannot be shown.</b> {breakable(html_text(text))}"
            )
            self.text.tooltip = tooltip_text(text)
        self.folder.visible = not is_found
        self.visible = problem is not None


class ChangedFileBanner(Container[Widget]):
    """A banner that is visible if an image file differs from the image on the screen.

    Attributes
    ----------
    read_requested : Signal
        Emitted to read the file again.
    """

    read_requested = Signal()

    def __init__(self) -> None:
        self.text = alarm()
        self.read = PushButton(
            text="Read the file again",
            tooltip="Show the current image of the file; verdicts are kept",
        )
        super().__init__(widgets=[self.text, self.read], labels=False)
        self.margins = (0, 0, 0, 0)
        self.read.changed.connect(lambda: self.read_requested.emit())
        self.hide()

    def show_file(self, image_name: str) -> None:
        """Show that an image's file has changed; an empty name hides the banner."""
        text = (
            f"The file of {image_name} has changed since it was read. A verdict given "
            "now is recorded about the image on the screen."
        )
        if image_name:
            self.text.value = breakable(html_text(text))
            self.text.tooltip = tooltip_text(text)
        self.visible = bool(image_name)


def alarm() -> Label:
    """Create a label with white text on red, for HTML with line breaks."""
    label = Label()
    native: QLabel = label.native
    native.setTextFormat(Qt.TextFormat.RichText)
    native.setWordWrap(True)
    native.setStyleSheet(_STYLE)
    native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    native.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    native.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return label
