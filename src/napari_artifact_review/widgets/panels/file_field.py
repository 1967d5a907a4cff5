"""A field for a file or a folder, whose dialog opens in the last used folder."""

from __future__ import annotations

from pathlib import Path

from magicgui.types import FileDialogMode
from magicgui.widgets import FileEdit
from psygnal import Signal
from qtpy.QtWidgets import QLineEdit

from napari_artifact_review.core.user_folders import expanded_path
from napari_artifact_review.widgets.panels.recent import LAST_FOLDER, settings
from napari_artifact_review.widgets.parts.font import fit_width
from napari_artifact_review.widgets.parts.plain_text import tooltip_text


class RememberingFileEdit(FileEdit):
    """A field for a file or folder, whose dialog opens in the last used folder.

    Parameters
    ----------
    mode : str
        A value of magicgui's `FileDialogMode`.
    label, hint, tooltip : str
        The texts beside the field, in the empty field and in the field's tooltip.
    caption : str
        The title of the dialog.

    Attributes
    ----------
    dialog_closed : Signal
        Emitted after the dialog of the button "..." has closed.
    """

    dialog_closed = Signal()

    def __init__(
        self, mode: str, label: str, hint: str, tooltip: str, caption: str
    ) -> None:
        super().__init__(
            mode=FileDialogMode(mode),
            label=label,
            nullable=True,
            tooltip=tooltip,
        )
        self.choose_btn.text = "..."
        fit_width(self.choose_btn.native, "0000")
        self._caption = caption
        self.choose_btn.tooltip = f"{caption}..."
        field: QLineEdit = self.line_edit.native
        field.setPlaceholderText(hint)
        self.changed.connect(
            lambda _: field.setToolTip(tooltip_text(field.text()) or tooltip)
        )

    @property
    def path(self) -> Path | None:
        """The path in the field, with `~` expanded; None if the field is empty."""
        text = self.line_edit.value.strip()
        return expanded_path(text) if text else None

    def ask(self) -> Path | None:
        """Open the dialog; return the chosen path, or None if the path is unchanged."""
        before = self.path
        self._choose()
        return None if self.path == before else self.path

    def _on_choose_clicked(self) -> None:
        self._choose()
        self.dialog_closed.emit()

    def _choose(self) -> None:
        last = settings().value(LAST_FOLDER, Path.home())
        start = self.value or Path(str(last))
        chosen = self._show_file_dialog(
            self.mode,
            caption=self._caption,
            start_path=str(start),
            filter=None if self.mode.value == "d" else _table_filter(),
        )
        if chosen:
            self.value = chosen
            folder = Path(chosen) if self.mode.value == "d" else Path(chosen).parent
            settings().setValue(LAST_FOLDER, str(folder))


def _table_filter() -> str:
    """Return the filter of a dialog for tables, in Qt's format."""
    # Import the formats only here, because this imports the readers of tables.
    from napari_artifact_review.core.tables.table_formats import SUFFIXES

    return f"Tables ({' '.join('*' + suffix for suffix in SUFFIXES)})"
