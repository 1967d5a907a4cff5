"""The panel with the current verdict, the verdict buttons and the last verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from magicgui.widgets import Container, PushButton, RadioButtons
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QButtonGroup

from napari_artifact_review.core.outcomes import LABEL_NAMES, OUTCOME_DISPLAY_ORDER
from napari_artifact_review.viewer.input.key_choice import KeyChoice
from napari_artifact_review.viewer.style import ATTENTION_COLOR
from napari_artifact_review.widgets.panels.last_verdict import LastVerdictLine
from napari_artifact_review.widgets.parts.font import keep_compact
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.plain_text import tooltip_text
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_artifact_review.core.cutout import Cutout
    from napari_artifact_review.core.decisions.decision import LabelState
    from napari_artifact_review.core.review.session import ReviewSession

_BUTTON = """
    border: 2px solid rgba(128, 128, 128, 120); border-radius: 4px;
    padding: 8px 2px; font-weight: bold;
"""
_STYLE = f"""
QGroupBox {{ border: 0; margin: 0; padding: 0 }}
QRadioButton {{ {_BUTTON} }}
QRadioButton::indicator {{ width: 12px; height: 12px; border-radius: 6px }}
QRadioButton::indicator:checked {{ width: 6px; height: 6px; padding: 3px }}
QRadioButton:checked {{ border-color: #ffd60a }}
QGroupBox[reviewed="true"] QRadioButton:checked {{
    background: #ffd60a; color: black;
}}
"""
_UNSURE = f"QPushButton {{ {_BUTTON} }}"
_IS_UNSURE = f"QPushButton {{ {_BUTTON} background: #ffd60a; color: black }}"


class VerdictPanel(Container[Widget]):
    """The panel to view and change the verdict on the current cutout.

    Attributes
    ----------
    label_requested : Signal
        Emitted with "artifact" or "no artifact" when the selected button changes.
    verdict_requested : Signal
        Emitted with a clicked verdict, even if it confirms the label.
    history : Line
        The current verdict on the current cutout, or the number of selected cutouts.
    last : LastVerdictLine
        The last verdict of the reviewer, on any cutout.
    """

    label_requested = Signal(str)
    verdict_requested = Signal(str)

    def __init__(self) -> None:
        self.label_new = RadioButtons(
            choices=["artifact", "no artifact"], orientation="horizontal"
        )
        self.unsure = PushButton(text="unsure")
        self.history = Line()
        self.last = LastVerdictLine()
        buttons = row_of(self.label_new, self.unsure)
        buttons.native.layout().setAlignment(Qt.AlignmentFlag.AlignVCenter)
        super().__init__(widgets=[self.history, buttons, self.last], labels=False)
        self.margins = (0, 0, 0, 0)
        self.label_new.native.setStyleSheet(_STYLE)
        self.label_new.native.layout().setContentsMargins(0, 4, 0, 4)
        self._group = self.label_new.native.findChild(QButtonGroup)
        self._is_unsure = False
        self._recording = 0
        # The verdict in force, as the line shows it and as its tooltip does.
        self._state_text = self._state_hint = ""
        self._selected = ""
        self._keys = KeyChoice()
        self.unsure.native.setStyleSheet(_UNSURE)
        keep_compact(self.unsure.native)
        self.label_new.changed.connect(lambda label: self.label_requested.emit(label))
        # A click on the checked button confirms the label.
        self._group.buttonClicked.connect(
            lambda button: self.verdict_requested.emit(button.text())
        )
        self.unsure.changed.connect(lambda: self.verdict_requested.emit("unsure"))

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current keys in tooltips, and in lines at their next update."""
        self._keys = keys
        self.last.show_keys(keys)
        both = (keys[name].hint for name in ("artifact", "no_artifact"))
        self.label_new.tooltip = "\n".join(both)
        self.unsure.tooltip = keys["unsure"].hint

    def show_cutout(self, cutout: Cutout) -> None:
        """Show the recorded verdict on a cutout, with a filled button if reviewed.

        For a hidden cutout, no button is checked.
        """
        zone = " UTC" if cutout.reviewed_at else ""
        self._state_text = _history(cutout, self._keys)
        self._state_hint = f"{self._state_text}{zone}"
        self._show_verdict(cutout.label_new, cutout.decision, cutout.reviewed)

    def show_adjudication(self, state: LabelState | None) -> None:
        """Show the adjudication of a cutout; without one, no button is checked."""
        self._state_text = _adjudication_text(state, self._keys)
        zone = " UTC" if state is not None and state.reviewed_at else ""
        self._state_hint = f"{self._state_text}{zone}"
        decision = "" if state is None else state.decision
        label = LABEL_NAMES.index(decision) if decision in LABEL_NAMES else None
        self._show_verdict(label, decision, state is not None)

    def _show_verdict(self, label: int | None, decision: str, is_given: bool) -> None:
        is_unsure = decision == "unsure"
        self._check_label(label)
        native, sure = self.label_new.native, is_given and not is_unsure
        if native.property("reviewed") != sure:
            native.setProperty("reviewed", sure)
            # Qt evaluates a property in a style sheet only when the sheet is set.
            native.setStyleSheet(_STYLE)
        if is_unsure != self._is_unsure:
            self._is_unsure = is_unsure
            self.unsure.native.setStyleSheet(_IS_UNSURE if is_unsure else _UNSURE)
        self._show_history()

    def _check_label(self, label: int | None) -> None:
        with self.label_new.changed.blocked():
            if label is not None:
                self.label_new.value = LABEL_NAMES[label]
            elif (checked := self._group.checkedButton()) is not None:
                # Qt unchecks no button of an exclusive group.
                self._group.setExclusive(False)
                checked.setChecked(False)
                self._group.setExclusive(True)

    def show_selection(self, session: ReviewSession, rows: Sequence[int]) -> None:
        """Show the number and outcomes of the selected cutouts, if there are any."""
        self._selected = _selection_text(session, rows) if rows else ""
        self._show_history()

    def show_recording(self, count: int) -> None:
        """Show the number of verdicts that have not been recorded yet."""
        self._recording = count
        self.last.show_recording(count)
        self._show_history()

    def _show_history(self) -> None:
        """Show the selection, the pending verdicts, or the current verdict."""
        count = self._recording
        self.history.emphasize(ATTENTION_COLOR if self._selected else None)
        if self._selected:
            self.history.show_text(self._selected)
            self.history.tooltip = _selection_hint(self._keys)
        elif count:
            what = "1 verdict" if count == 1 else f"{count} verdicts"
            self.history.show_text(f"Recording {what}...")
        else:
            self.history.show_text(self._state_text)
            self.history.tooltip = tooltip_text(self._state_hint)


def _selection_text(session: ReviewSession, rows: Sequence[int]) -> str:
    """Return a text such as "3 selected: 2 FP, 1 FN, 1 reviewed"."""
    catalog, index = session.catalog, np.asarray(rows)
    hidden = catalog.hidden.mask
    masks = {str(name): catalog.are(name) for name in OUTCOME_DISPLAY_ORDER}
    masks["reviewed"] = catalog.seem_reviewed()
    shown = index[~hidden[index]]
    counts = {name: np.count_nonzero(mask[shown]) for name, mask in masks.items()}
    counts["hidden"] = np.count_nonzero(hidden[index])
    parts = [f"{count:,} {name}" for name, count in counts.items() if count]
    return f"{len(rows):,} selected: {', '.join(parts)}"


def _selection_hint(keys: KeyChoice) -> str:
    names = ("artifact", "no_artifact", "unsure", "let_go")
    text = "{}, {} or {} marks all selected cutouts; {} clears the selection"
    return text.format(*(keys[name].label for name in names))


def _verdict_keys(keys: KeyChoice) -> str:
    labels = (keys[name].label for name in ("artifact", "no_artifact", "unsure"))
    return "{} artifact, {} no artifact, {} unsure".format(*labels)


def _adjudication_text(state: LabelState | None, keys: KeyChoice) -> str:
    if state is None:
        return f"Not settled: {_verdict_keys(keys)}"
    kind = f" ({state.kind})" if state.kind else ""
    when = state.reviewed_at.replace("T", " ")[:16]
    text = f"Adjudicated as {state.decision}{kind}"
    return f"{text}, {when}" if when else text


def _history(cutout: Cutout, keys: KeyChoice) -> str:
    if not cutout.reviewed:
        return f"Not reviewed: {_verdict_keys(keys)}"
    what = "Changed" if cutout.changed else "Confirmed"
    if cutout.decision == "unsure":
        what = "Marked unsure"
    when = cutout.reviewed_at.replace("T", " ")[:16]
    if cutout.is_carried:
        by = f" by {cutout.reviewed_by}" if cutout.reviewed_by else ""
        what = f"Carried: {cutout.decision}{by}"
        return f"{what}, {when}" if when else what
    return f"{what} by {cutout.reviewed_by}, {when}" if when else f"{what} earlier"
