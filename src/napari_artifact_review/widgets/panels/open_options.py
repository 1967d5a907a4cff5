"""The options of the form: output, columns, grid, reviewer and meeting place."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import Container, LineEdit, PushButton
from magicgui.widgets.bases import Widget
from qtpy.QtGui import QIntValidator
from qtpy.QtWidgets import QLineEdit

from napari_artifact_review.core.decisions.reviewer_names import (
    default_reviewer,
    login_name,
)
from napari_artifact_review.core.review.paths import DEFAULT_OUTPUT_NAME
from napari_artifact_review.core.tables.mapping import ORIGIN, TableMapping
from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.panels.file_field import RememberingFileEdit
from napari_artifact_review.widgets.parts.font import fit_height, keep_compact
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.plain_text import tooltip_text

if TYPE_CHECKING:
    from collections.abc import Sequence


class OptionsPanel(Container[Widget]):
    """The fields of the form that few reviews need.

    Attributes
    ----------
    output : RememberingFileEdit
        The reviewed table.
    mapped : Line
        The state of the mapping in words.
    columns : PushButton
        The button that shows the columns of the table.
    cutout_size, stride : LineEdit
        The side of a cutout, and the distance to the next one, in pixels.
    previous : RememberingFileEdit
        The reviewed table or the log of the previous round.
    reviewer, team : LineEdit
        The name of the reviewer, and the folder or URL of the meeting place.
    """

    def __init__(self) -> None:
        self._mapping: TableMapping | None = None
        self._shown_size = ""
        self._make_fields()
        mapped = Container[Widget](
            widgets=[self.mapped, self.columns],
            layout="horizontal",
            labels=False,
            label="",
        )
        mapped.margins = (0, 0, 0, 0)
        super().__init__(
            widgets=[
                self.output,
                mapped,
                self.cutout_size,
                self.stride,
                self.previous,
                self.reviewer,
                self.team,
            ]
        )
        self.margins = (0, 0, 0, 0)
        self._show_state()

    def _make_fields(self) -> None:
        self.output = RememberingFileEdit(
            "w",
            "Output",
            DEFAULT_OUTPUT_NAME,
            "Reviewed table to save, by default in the folder of the predictions",
            "Save reviewed table as",
        )
        self.mapped = Line()
        self.columns = PushButton(
            text="Columns...", tooltip="Show or choose what each column means"
        )
        keep_compact(self.columns.native)
        self.cutout_size = _number_line(
            "Cutout size",
            "Side of a cutout in pixels, by default inferred from the grid spacing",
        )
        self.stride = _number_line(
            "Stride",
            "Distance in pixels from one cutout to the next, for tables that count "
            "tiles",
        )
        self.previous = RememberingFileEdit(
            "r",
            "Previous review",
            "none",
            "Reviewed table or log of the round before; its verdicts are carried over",
            "Choose the previous review",
        )
        self.reviewer = _line(
            "Reviewer",
            printable(default_reviewer(login_name())),
            "Name written with each verdict",
        )
        self.team = _line(
            "Meeting place",
            "none",
            "Shared folder, or URL of a PostgreSQL database, through which computers "
            "exchange verdicts",
        )

    @property
    def mapping(self) -> TableMapping | None:
        """The mapping with the stride; None for the default, or the stored mapping."""
        stride = int(self.stride.value) or None if self.stride.value else None
        mapping = self._mapping
        if stride == (None if mapping is None else mapping.stride):
            return mapping
        return replace(mapping or TableMapping(), stride=stride)

    def show_mapping(self, mapping: TableMapping | None) -> None:
        """Show a mapping; None for the default, or for the one of a stored review."""
        self._mapping = mapping
        stride = None if mapping is None else mapping.stride
        self.stride.value = "" if stride is None else str(stride)
        self._show_state()

    def show_cutout_size(self, size: int | None) -> None:
        """Show a cutout size that belongs to the table."""
        self.cutout_size.value = self._shown_size = "" if size is None else str(size)

    @property
    def of_session(self) -> dict[str, str | Path | None]:
        """Previous review, reviewer and meeting place, as for `ReviewSession.open`."""
        return {
            "previous": self.previous.path,
            "reviewer": self.reviewer.value.strip() or None,
            "team": self.team.value.strip() or None,
        }

    def forget_mapping(self) -> None:
        """Forget the mapping of a table, and the cutout size that belongs to it."""
        self.show_mapping(None)
        if self.cutout_size.value == self._shown_size:
            self.cutout_size.value = ""

    def chosen_cutout_size(self) -> int | None:
        """Return the side of a cutout in pixels, or None to infer it from the grid."""
        return int(self.cutout_size.value) or None if self.cutout_size.value else None

    def filled(self) -> list[str]:
        """Return the names of the fields that differ from their defaults."""
        fields = {
            "output": self.output.value,
            "columns": self._mapping is not None and self._mapping.as_options(),
            "cutout size": self.cutout_size.value,
            "stride": self.stride.value,
            "previous review": self.previous.value,
            "reviewer": self.reviewer.value,
            "meeting place": self.team.value,
        }
        return [name for name, value in fields.items() if value]

    def _show_state(self) -> None:
        text = mapping_text(self._mapping)
        self.mapped.show_text(text)
        options = () if self._mapping is None else self._mapping.as_options()
        self.mapped.tooltip = tooltip_text(f"{text}\n{shlex.join(options)}".strip())


def mapping_text(mapping: TableMapping | None) -> str:
    """Return a mapping in a few words, such as "mapped: 5 columns, labels, percent"."""
    if mapping is None or not replace(mapping, stride=None).as_options():
        return "as named in the table"
    names = [name for name in mapping.columns.values() if name]
    columns = [name for name in names if name != ORIGIN]
    scale, decimal = mapping.confidence_scale, mapping.decimal
    parts: Sequence[str] = (
        f"{len(columns)} {'column' if len(columns) == 1 else 'columns'}"
        * bool(columns),
        "images as cutouts" * (len(columns) < len(names)),
        "labels" * (mapping.label_values is not None),
        "predictions" * (mapping.preds_values is not None),
        scale * (scale != "probability"),
        f"confidence of {mapping.confidence_of}" * (mapping.confidence_of is not None),
        "decimal comma" * (decimal == ","),
    )
    return f"mapped: {', '.join(filter(None, parts))}"


def _line(label: str, default: str, tooltip: str) -> LineEdit:
    line = LineEdit(label=label, tooltip=tooltip)
    field: QLineEdit = line.native
    field.setPlaceholderText(default)
    fit_height(field)
    return line


def _number_line(label: str, tooltip: str) -> LineEdit:
    line = _line(label, "automatic", tooltip)
    line.native.setValidator(QIntValidator(1, 1_000_000))
    return line
