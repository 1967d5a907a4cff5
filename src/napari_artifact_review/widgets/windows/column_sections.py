"""The parts of the window of columns below the table: values, confidence and grid."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QIntValidator
from qtpy.QtWidgets import QCheckBox, QGridLayout, QLabel, QLineEdit, QWidget

from napari_artifact_review.core.tables.mapping import LabelName, says_real
from napari_artifact_review.widgets.parts.choice_box import ChoiceBox
from napari_artifact_review.widgets.parts.font import fit_height, set_bold
from napari_artifact_review.widgets.parts.plain_text import (
    shortened,
    show_as_plain,
    tooltip_text,
)

if TYPE_CHECKING:
    from napari_artifact_review.core.tables.mapping_draft import MappingDraft

#: The mark of a guess.
GUESSED = "guessed"

#: The maximum number of values to choose a class for.
MOST_VALUES = 20

#: The maximum number of characters of a name or a value.
_MOST_SHOWN = 40

_CLASSES = (("not chosen", None), ("artifact", 1), ("no artifact", 0))
_NAMES: dict[int | None, LabelName | None] = {
    None: None,
    1: "artifact",
    0: "no artifact",
}
_SCALES = (
    ("probability, 0 to 1", "probability"),
    ("percent, 0 to 100", "percent"),
    ("logit", "logit"),
)
_DECIMALS = (("point: 0.5", "."), ("comma: 0,5", ","))

#: The largest whole number that a field for pixels accepts.
_MOST_PIXELS = 1_000_000


def plain_label(text: str = "", *, wraps: bool = False) -> QLabel:
    """Return a label that shows every text literally."""
    label = QLabel(text)
    show_as_plain(label)
    label.setWordWrap(wraps)
    return label


class Section(QWidget):
    """A titled part of the window, with a line for each choice.

    Attributes
    ----------
    changed : Signal
        Emitted with the new draft after a choice of the user.
    title : QLabel
        The title.
    fields : list of QWidget
        The fields, in the order of the lines.
    """

    changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.draft: MappingDraft | None = None
        self.title = plain_label()
        self.fields: list[QWidget] = []
        set_bold(self.title)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(3, 1)
        self._grid.addWidget(self.title, 0, 0, 1, 4)

    def add_line(self, text: str, field: QWidget) -> tuple[QLabel, QLabel]:
        """Add a line with a field; return the labels for its name and its mark."""
        label, mark = plain_label(shortened(text, 2 * _MOST_SHOWN)), plain_label()
        label.setToolTip(tooltip_text(text[:1000]))
        field.setAccessibleName(label.text())
        self.fields.append(field)
        line = self._grid.rowCount()
        for column, widget in enumerate((label, field, mark)):
            self._grid.addWidget(widget, line, column)
        return label, mark

    def show_title(self, text: str, column: str | None) -> None:
        """Show the title, with the name of a column."""
        name = f" in the column {shortened(column or '', _MOST_SHOWN)}"
        self.title.setText(text + name * (column is not None))


class ValuesSection(Section):
    """What the values of the labels or of the predictions mean.

    Parameters
    ----------
    meaning : "label" or "preds"
        Meaning of the column.

    Attributes
    ----------
    boxes : dict of str to ChoiceBox
        The choice for each value. A column of 0 and 1 has only the choice for 1.
    """

    def __init__(self, meaning: str) -> None:
        super().__init__()
        self._meaning = meaning
        self._key: tuple[str | None, tuple[str, ...]] = (None, ())
        self._lines: list[QWidget] = []
        self._marks: list[QLabel] = []
        self.boxes: dict[str, ChoiceBox] = {}
        self._note = plain_label(wraps=True)
        self._grid.addWidget(self._note, 1, 0, 1, 4)

    @property
    def is_first(self) -> bool:
        """Whether 1 may mean a real source, which must be clear before all else."""
        column = self.draft and self.draft.column_of(self._meaning)
        return bool(column) and says_real(str(column))

    def show_draft(self, draft: MappingDraft) -> None:
        """Show the values of a draft."""
        self.draft = draft
        column, texts = draft.column_of(self._meaning), self._texts()
        self.setVisible(column is not None)
        kind = "Labels" if self._meaning == "label" else "Predictions"
        self.show_title(kind, column)
        if self._key != (column, texts):
            self._key = (column, texts)
            self._make_lines(texts)
        is_guess = f"{self._meaning}_values" in draft.guessed
        for (text, box), mark in zip(self.boxes.items(), self._marks, strict=True):
            label = draft.class_of(self._meaning, text)
            box.show_value(label)
            mark.setText(GUESSED if is_guess and label is not None else "")
        self._note.setText(self._note_text(draft))
        self._note.setVisible(bool(self._note.text()))

    def _texts(self) -> tuple[str, ...]:
        """Return the values to choose a class for."""
        assert self.draft is not None, "a draft is shown"
        texts = self.draft.distinct(self._meaning)
        if self.draft.is_binary(self._meaning):
            ones = [text for text in texts if float(_number(text)) == 1]
            return (ones[0] if ones else "1",)
        return texts if len(texts) <= MOST_VALUES else ()

    def _make_lines(self, texts: Sequence[str]) -> None:
        for widget in self._lines:
            self._grid.removeWidget(widget)
            widget.setParent(None)
            widget.deleteLater()
        self._lines, self._marks, self.fields, self.boxes = [], [], [], {}
        for text in texts:
            box = ChoiceBox(_CLASSES)
            box.chosen.connect(partial(self._choose, text))
            label, mark = self.add_line(f"{text} means", box)
            self._lines += [label, box, mark]
            self._marks.append(mark)
            self.boxes[text] = box

    def _note_text(self, draft: MappingDraft) -> str:
        texts = draft.distinct(self._meaning)
        if not texts or self.boxes:
            return ""
        number = "1,000 or more" if len(texts) >= 1000 else str(len(texts))
        return (
            f"The column has {number} different values, but at most {MOST_VALUES} can "
            "be classes. Choose another column."
        )

    def _choose(self, text: str, label: int | None) -> None:
        assert self.draft is not None, "a draft is shown"
        name = _NAMES[label]
        self.changed.emit(self.draft.with_value(self._meaning, text, name))


def _number(text: str) -> str:
    return {"true": "1", "false": "0"}.get(text.casefold(), text)


class ConfidenceSection(Section):
    """What the numbers of the confidence mean.

    Attributes
    ----------
    scale, probability_of, decimal : ChoiceBox
        The choices.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale = ChoiceBox(_SCALES)
        self.probability_of = ChoiceBox(
            [(text, _NAMES[label]) for text, label in _CLASSES]
        )
        self.decimal = ChoiceBox(_DECIMALS)
        self._marks = {}
        for name, text, box in (
            ("confidence_of", "Probability of", self.probability_of),
            ("confidence_scale", "Scale", self.scale),
            ("decimal", "Decimal separator", self.decimal),
        ):
            box.chosen.connect(partial(self._choose, name))
            _, self._marks[name] = self.add_line(text, box)

    @property
    def is_first(self) -> bool:
        """Whether the confidence may be that of a real source."""
        column = self.draft and self.draft.column_of("confidence")
        return bool(column) and says_real(str(column))

    def show_draft(self, draft: MappingDraft) -> None:
        """Show the scale of a draft."""
        self.draft = draft
        column, mapping = draft.column_of("confidence"), draft.mapping
        self.setVisible(column is not None)
        self.show_title("Confidence", column)
        self.scale.show_value(mapping.confidence_scale)
        self.decimal.show_value(mapping.decimal)
        usual = None if self.is_first else "artifact"
        self.probability_of.show_value(mapping.confidence_of or usual)
        for name, mark in self._marks.items():
            mark.setText(GUESSED if name in draft.guessed else "")

    def _choose(self, name: str, value: str | None) -> None:
        assert self.draft is not None, "a draft is shown"
        if name == "confidence_of" and value == "artifact" and not self.is_first:
            value = None
        self.changed.emit(self.draft.changed(**{name: value}))


class GridSection(Section):
    """Where the cutouts are in their images.

    Attributes
    ----------
    single : QCheckBox
        Whether each image is one cutout.
    cutout_size, stride : QLineEdit
        The side of a cutout, and the distance to the next one, in pixels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.title.setText("Grid of the cutouts")
        self.single = QCheckBox("Each image is one cutout")
        self.single.setToolTip("The table needs no grid_x and grid_y")
        self.cutout_size, self.stride = pixel_field(), pixel_field()
        self._mark = plain_label()
        self.fields.append(self.single)
        self._grid.addWidget(self.single, 1, 0, 1, 2)
        self._grid.addWidget(self._mark, 1, 2)
        self.add_line("Cutout size in px", self.cutout_size)
        self.add_line("Stride in px", self.stride)
        self.cutout_size.setToolTip("Side of a cutout")
        self.stride.setToolTip(
            "Distance from one cutout to the next; the numbers of tiles are multiplied "
            "by it"
        )
        self.single.clicked.connect(self._choose_single)
        self.stride.textEdited.connect(self._change_stride)

    def show_draft(self, draft: MappingDraft) -> None:
        """Show the grid of a draft."""
        self.draft = draft
        self.single.setChecked(draft.has_single_cutouts)
        is_guess = bool({"grid_x", "grid_y"} & draft.guessed)
        self._mark.setText(GUESSED * (is_guess and draft.has_single_cutouts))
        stride = draft.mapping.stride
        if stride != pixels_in(self.stride):
            self.stride.setText("" if stride is None else str(stride))

    def _choose_single(self, is_single: bool) -> None:
        assert self.draft is not None, "a draft is shown"
        self.changed.emit(self.draft.with_single_cutouts(is_single))

    def _change_stride(self) -> None:
        assert self.draft is not None, "a draft is shown"
        self.changed.emit(self.draft.changed(stride=pixels_in(self.stride)))


def pixel_field() -> QLineEdit:
    """Return a field for an optional number of pixels."""
    field = QLineEdit()
    field.setPlaceholderText("automatic")
    field.setValidator(QIntValidator(1, _MOST_PIXELS, field))
    field.setAlignment(Qt.AlignmentFlag.AlignLeft)
    fit_height(field)
    return field


def pixels_in(field: QLineEdit) -> int | None:
    """Return the number in a field for pixels, or None if the field is empty."""
    # A validator accepts 0 as the beginning of a number.
    return int(field.text()) or None if field.text().isdecimal() else None
