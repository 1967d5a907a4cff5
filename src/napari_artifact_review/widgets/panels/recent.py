"""The list of recent reviews, which the user can open with a click."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from magicgui.widgets import Container, Label, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtCore import QSettings
from qtpy.QtWidgets import QPushButton, QSizePolicy

from napari_artifact_review.core.decisions.log_paths import log_path_beside
from napari_artifact_review.core.user_folders import settings_folder
from napari_artifact_review.widgets.parts.plain_text import button_text, tooltip_text

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession

#: Maximum number of recent reviews.
_MOST = 5

#: Keys of the stored settings.
RECENT, LAST_FOLDER = "recent reviews", "last folder"


def settings() -> QSettings:
    """Return the dock's stored settings, which all reviews share.

    Settings of earlier versions, which Qt stored in the registry on Windows, are copied
    once. Without a writable folder, settings are not stored.
    """
    path = settings_folder() / "settings.ini"
    found = QSettings(str(path), QSettings.Format.IniFormat)
    if not found.allKeys():
        former = QSettings("napari-artifact-review", "napari-artifact-review")
        for key in (RECENT, LAST_FOLDER):
            if former.contains(key):
                found.setValue(key, former.value(key))
    return found


class RecentReview(NamedTuple):
    """The files of a review, as absolute paths.

    Attributes
    ----------
    predictions, images, output : str
        The predictions table, the folder of its images, and the reviewed table.
    """

    predictions: str
    images: str
    output: str

    @classmethod
    def all(cls) -> list[Self]:
        """Return the recent reviews, starting with the latest."""
        try:
            stored = json.loads(str(settings().value(RECENT, "[]")))
            return [cls(*map(str, files)) for files in stored]
        except (TypeError, ValueError):
            # The setting is damaged. The user loses only the list of recent reviews.
            return []

    def remember(self) -> None:
        """Store this review at the beginning of the recent reviews."""
        others = [other for other in self.all() if other != self]
        settings().setValue(RECENT, json.dumps([self, *others][:_MOST]))


class RecentPanel(Container[Widget]):
    """The panel of recent reviews.

    Attributes
    ----------
    review_requested : Signal
        Emitted with the clicked `RecentReview`.
    """

    review_requested = Signal(object)

    def __init__(self) -> None:
        self.title = Label(value="Recent reviews")
        self.buttons = [PushButton(text="") for _ in range(_MOST)]
        super().__init__(widgets=[self.title, *self.buttons], labels=False)
        self.margins = (0, 0, 0, 0)
        self._reviews: list[RecentReview] = []
        for line, button in enumerate(self.buttons):
            native: QPushButton = button.native
            native.setFlat(True)
            native.setStyleSheet("text-align: left; padding: 4px")
            native.setSizePolicy(
                QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
            )
            button.changed.connect(lambda _, line=line: self._request(line))
        self.show_reviews()

    def remember(self, session: ReviewSession) -> None:
        """Add a review to the recent reviews, unless its log has a custom path."""
        if session.store == str(log_path_beside(session.output)):
            paths = (session.predictions.path, session.images.folder, session.output)
            RecentReview(*map(str, paths)).remember()
            self.show_reviews()

    def show_reviews(self) -> None:
        """Show a button for each recent review; hide the panel if there are none."""
        self._reviews = RecentReview.all()
        self.visible = bool(self._reviews)
        texts = _texts_of(self._reviews)
        for line, button in enumerate(self.buttons):
            button.visible = line < len(self._reviews)
            if line < len(self._reviews):
                review = self._reviews[line]
                button.text = button_text(texts[line])
                button.tooltip = tooltip_text(
                    f"Resume {review.predictions}\nImages: {review.images}\n"
                    f"Output: {review.output}"
                )

    def _request(self, line: int) -> None:
        self.review_requested.emit(self._reviews[line])


def _texts_of(reviews: Sequence[RecentReview]) -> list[str]:
    """Return a text for each review: the name of its table, and the table's folders.

    Folders are included until tables of the same name are distinguishable. Reviews of
    the same table also have the name of the output.
    """
    tables = [Path(review.predictions) for review in reviews]
    texts = []
    for review, table in zip(reviews, tables, strict=True):
        others = {other for other in tables if other.name == table.name} - {table}
        depth = 1
        while any(_end(table, depth) == _end(other, depth) for other in others):
            depth += 1
        text = f"{table.name}  —  {_end(table, depth)}"
        same = [other for other in reviews if other.predictions == review.predictions]
        if len({other.output for other in same}) > 1:
            text += f"  →  {Path(review.output).name}"
        if len({other.images for other in same}) > 1:
            text += f"  (images: {Path(review.images).name})"
        texts.append(text)
    return texts


def _end(table: Path, depth: int) -> str:
    """Return the last `depth` folders of a path, or all folders if there are fewer."""
    return str(Path(*table.parent.parts[-depth:]))
