"""The button with the name of the open table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import PushButton

from napari_artifact_review.widgets.parts.plain_text import button_text, tooltip_text

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class FilesButton(PushButton):
    """A flat button with the name of the open table; hidden while none is open."""

    def __init__(self) -> None:
        super().__init__(text="", tooltip="Open another table")
        self.native.setFlat(True)
        self.native.setStyleSheet("text-align: left; padding: 4px")
        self.native.setMinimumWidth(1)
        self.hide()

    def show_session(self, session: ReviewSession) -> None:
        """Show the name of a session's table, and all its files in the tooltip."""
        table = session.predictions
        images, cutouts = len(session.image_names), len(table.label)
        name = str(Path(table.path.parent.name, table.path.name))
        short = name if len(name) < 25 else f"…{name[-24:]}"
        self.text = button_text(f"{short}, {session.cutout_size} px cutouts")
        self.tooltip = tooltip_text(
            f"{table.path}\n{table.file.description}\n"
            f"{images} images, {cutouts:,} cutouts\nImages: {session.images.folder}\n"
            f"Output: {session.output}\nClick to open another table"
        )
