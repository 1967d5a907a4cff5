"""Panels to choose between two labels of a cutout, or two versions of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from magicgui.widgets import Container, Label, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
)

from napari_artifact_review.core.decisions.decision import LabelState
from napari_artifact_review.core.outcomes import LABEL_NAMES
from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.parts.font import fit_to_font
from napari_artifact_review.widgets.parts.plain_text import (
    html_text,
    tooltip_text,
)
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from napari_artifact_review.core.cutout import CutoutKey
    from napari_artifact_review.core.review.output import (
        OutputChangedError,
        TableChangedError,
    )
    from napari_artifact_review.core.review.resume import Disagreement
    from napari_artifact_review.core.review.table_differences import Difference

#: Maximum number of rows in a list. Any further rows are counted, but not shown.
_ROWS_SHOWN = 1000


class ChoicePanel(Container[Widget]):
    """A panel that lists differences, in which the user chooses the version to keep.

    Parameters
    ----------
    headers : sequence of str
        The names of the three columns.
    choices : mapping of str to (str, str)
        The text and tooltip of the button for each version.

    Attributes
    ----------
    chosen : Signal
        Emitted with the version to keep, and the numbers of the selected rows; an empty
        list means all rows.
    row_requested : Signal
        Emitted with the number of a clicked row.
    """

    chosen = Signal(str, list)
    row_requested = Signal(int)

    def __init__(
        self, headers: Sequence[str], choices: Mapping[str, tuple[str, str]]
    ) -> None:
        self.text = Label()
        # Use a Qt table, which can be filled cell by cell.
        self.table = QTableWidget(0, len(headers))
        self.buttons = {
            keep: PushButton(text=text, tooltip=tooltip)
            for keep, (text, tooltip) in choices.items()
        }
        self._titles = {keep: text for keep, (text, _) in choices.items()}
        row = row_of(*self.buttons.values())
        super().__init__(widgets=[self.text, row], labels=False)
        self.margins = (0, 0, 0, 0)
        native: QLabel = self.text.native
        native.setTextFormat(Qt.TextFormat.RichText)
        native.setWordWrap(True)
        native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._lay_out_table(headers)
        for keep, button in self.buttons.items():
            button.changed.connect(lambda _, keep=keep: self._choose(keep))
        self.hide()

    def _lay_out_table(self, headers: Sequence[str]) -> None:
        table = self.table
        table.setHorizontalHeaderLabels(list(headers))
        table.verticalHeader().hide()
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        fit_to_font(table, self._fit_to_font)
        table.cellClicked.connect(lambda row, _: self.row_requested.emit(row))
        table.itemSelectionChanged.connect(self._name_buttons)
        self.native.layout().insertWidget(1, table)

    def show_rows(
        self,
        text: str,
        rows: Sequence[Sequence[str]],
        details: Sequence[str] | None = None,
    ) -> None:
        """Show a text above rows of differences; hide the panel if there are no rows.

        Parameters
        ----------
        text : str
            HTML.
        rows : sequence of sequence of str
            The cells of each row.
        details : sequence of str, optional
            The tooltip of each row; by default the tooltip repeats the cells.
        """
        more = f" The first {_ROWS_SHOWN} are listed." * (len(rows) > _ROWS_SHOWN)
        self.text.value = text + more
        table, shown = self.table, rows[:_ROWS_SHOWN]
        table.clearSelection()
        table.setRowCount(len(shown))
        for i, row in enumerate(shown):
            for j, cell in enumerate(row):
                item = QTableWidgetItem(printable(cell))
                tip = details[i] if details else "\n".join(row)
                item.setToolTip(tooltip_text(tip))
                table.setItem(i, j, item)
        self._fit_to_font()
        self._name_buttons()
        self.visible = bool(rows)

    def _fit_to_font(self) -> None:
        """Fit the height to at most five rows, and limit columns to ten letters."""
        table = self.table
        header = table.horizontalHeader()
        header.setMaximumSectionSize(table.fontMetrics().horizontalAdvance("0" * 11))
        table.resizeRowsToContents()
        heights = [table.rowHeight(row) for row in range(min(table.rowCount(), 5))]
        table.setFixedHeight(header.sizeHint().height() + sum(heights) + 4)

    def show_differences(self, text: str, differences: Sequence[Difference]) -> None:
        """Show the number and the list of differences between a file and the review.

        `text` is HTML.
        """
        count = len(differences)
        self.show_rows(
            f"{text} {count} {'difference' if count == 1 else 'differences'}:",
            [(one.where, one.theirs, one.ours) for one in differences],
        )

    def _selected(self) -> list[int]:
        return [index.row() for index in self.table.selectionModel().selectedRows()]

    def _name_buttons(self) -> None:
        """Update the buttons after the selection has changed; by default do nothing."""

    def _choose(self, keep: str) -> None:
        self.chosen.emit(keep, self._selected())


class DisagreementPanel(ChoicePanel):
    """The panel of cutouts whose label in the table differs from the verdict."""

    def __init__(self) -> None:
        super().__init__(
            ("Cutout", "Table", "Verdict"),
            {
                "table": ("Keep table labels", "Keep the labels of the table"),
                "decision": (
                    "Keep verdicts",
                    "Keep the labels of the recorded verdicts",
                ),
            },
        )
        self._cutouts: list[CutoutKey] = []

    def show_disagreements(self, disagreements: Sequence[Disagreement]) -> None:
        """Show disagreements, or hide the panel if there are none."""
        self._cutouts = [one.cutout for one in disagreements]
        count = len(disagreements)
        labels = "label differs" if count == 1 else "labels differ"
        self.show_rows(
            f"<b>{count} {labels}</b> between the table and the recorded verdicts. "
            "Click a row to show its cutout. Choose which labels to keep, for the "
            "selected rows or for all:",
            [
                (
                    one.cutout.title,
                    _words(one.table),
                    _words(LabelState.after(one.decision)),
                )
                for one in disagreements
            ],
            [_details(one) for one in disagreements],
        )

    def cutout(self, row: int) -> CutoutKey:
        """Return the key of the cutout in a row of the panel."""
        return self._cutouts[row]

    def cutouts(self, rows: Sequence[int]) -> list[CutoutKey] | None:
        """Return the keys of the cutouts in rows of the panel, or None for no rows."""
        return [self._cutouts[row] for row in rows] or None

    def _name_buttons(self) -> None:
        count = len(self._selected())
        which = f" ({count})" if count else " (all)"
        for keep, button in self.buttons.items():
            button.text = self._titles[keep] + which


class ChangedOutputPanel(ChoicePanel):
    """The panel of changes that another program has made in the output."""

    def __init__(self) -> None:
        super().__init__(
            ("Location", "File", "This review"),
            {
                "theirs": (
                    "Keep file labels",
                    "Use the labels of the file, and write nothing",
                ),
                "ours": (
                    "Overwrite file",
                    "Write the labels of this review; keep the file as a dated backup",
                ),
                "beside": (
                    "Save a copy",
                    "Write the labels of this review to a dated file in that folder",
                ),
            },
        )

    def show_changes(self, error: OutputChangedError) -> None:
        """Show the changes that `error` contains."""
        path = error.path.name if error.path else "The output"
        self.show_differences(
            f"<b>Another program changed {html_text(path)}</b> after this review read "
            "it. Nothing was overwritten.",
            error.changes.differences,
        )


class ChangedTablePanel(ChoicePanel):
    """The panel of changes that another program has made in the predictions table.

    Attributes
    ----------
    reopen_requested : Signal
        Emitted to reopen the review with the changed table.
    """

    reopen_requested = Signal()

    def __init__(self) -> None:
        super().__init__(
            ("Location", "On disk", "When opened"),
            {
                "reopen": (
                    "Reopen",
                    "Reopen the review with the table as it is now; verdicts are kept",
                ),
                "read": (
                    "Save earlier cells",
                    "Save the cells as they were when the review opened",
                ),
            },
        )

    def show_changes(self, error: TableChangedError) -> None:
        """Show the changes that `error` contains."""
        path = error.path.name if error.path else "The table"
        self.show_differences(
            f"<b>{html_text(path)} changed on disk</b> after this review read it. "
            "Nothing was written.",
            error.differences,
        )

    def _choose(self, keep: str) -> None:
        if keep == "reopen":
            self.reopen_requested.emit()
        else:
            super()._choose(keep)


def _details(one: Disagreement) -> str:
    return (
        f"{one.cutout.title}\nTable: {_with_reviewer(one.table)}\n"
        f"Verdict: {_with_reviewer(LabelState.after(one.decision))}"
    )


def _with_reviewer(state: LabelState) -> str:
    by, at = state.reviewed_by, state.reviewed_at[:16].replace("T", " ")
    reviewer = f" ({by}, {at})" if by or at else ""
    return f"{_words(state)}{reviewer}"


def _words(state: LabelState) -> str:
    """Return label, "unsure", kind and note as one text, without empty parts."""
    unsure = "unsure" if state.decision == "unsure" else ""
    words = (LABEL_NAMES[state.label_new], unsure, state.kind, state.note)
    return ", ".join(filter(None, words))
