"""The tab with the rules of a team."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.team.overview_texts import (
    rules_origin,
    rules_sentences,
)
from napari_artifact_review.core.team.rules import TeamRules
from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.parts.font import keep_compact, set_bold
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import plain_label
from napari_artifact_review.widgets.parts.scrolled import scrolled
from napari_artifact_review.widgets.windows.team_members import MembersField

if TYPE_CHECKING:
    from napari_artifact_review.core.team.overview import TeamOverview

#: Largest number of equal verdicts, and of reviewers of a cutout, in the fields.
_MOST = 999

_BLIND = (
    "A blind reviewer sees the verdicts of others on a cutout only after giving a "
    "verdict. The log records each change of the rules. Verdicts that are not blind do "
    "not count for the agreement."
)


class RulesTab(QWidget):
    """The tab with the rules of a team; a change is recorded by "Apply".

    Rules of other computers appear in all fields that the user has not edited.

    Attributes
    ----------
    requested : Signal
        Emitted with the changed rules, by the names of attributes of `TeamRules`.
    blind : QCheckBox
        Whether reviewers are blind.
    members : MembersField
        The members of the team.
    per_cutout : QSpinBox
        Number of reviewers of each cutout; 0 for all members.
    common, repeats : QDoubleSpinBox
        Shares of common cutouts and of repeats, in percent.
    majority : QSpinBox
        Number of equal verdicts that decide.
    seed : QLineEdit
        The seed of all draws.
    meaning, fault, origin : QLabel
        What the rules in the fields mean, why they are not valid, and the origin of the
        rules in force.
    apply, revert : QPushButton
        The buttons.
    """

    requested = Signal(dict)

    def __init__(self) -> None:
        super().__init__()
        self._rules = TeamRules()
        self._is_filling = False
        self._make_fields()
        self._filled = self._values()
        self._lay_out()
        self._show_state()

    def _make_fields(self) -> None:
        self.blind = QCheckBox("Reviewers are blind")
        self.members = MembersField()
        self.per_cutout, self.majority = QSpinBox(), QSpinBox()
        self.per_cutout.setRange(0, _MOST)
        self.per_cutout.setSpecialValueText("all members")
        self.majority.setRange(1, _MOST)
        self.common, self.repeats = QDoubleSpinBox(), QDoubleSpinBox()
        for field, most in ((self.common, 100), (self.repeats, 50)):
            field.setRange(0, most)
            field.setDecimals(1)
            field.setSuffix(" %")
        self.seed = QLineEdit()
        self.meaning, self.fault = plain_label(), plain_label()
        self.origin = plain_label()
        set_bold(self.fault)
        self.apply, self.revert = QPushButton("Apply"), QPushButton("Revert")
        self.apply.setToolTip("Record these rules in the log, for all reviewers")
        self.revert.setToolTip("Show the rules in force")
        for button in (self.apply, self.revert):
            button.setAutoDefault(False)
        self.apply.clicked.connect(lambda: self.requested.emit(self.changes))
        self.revert.clicked.connect(lambda: self._fill(self._rules))
        for signal in (
            self.blind.toggled,
            self.members.changed,
            self.per_cutout.valueChanged,
            self.common.valueChanged,
            self.repeats.valueChanged,
            self.majority.valueChanged,
            self.seed.textChanged,
        ):
            signal.connect(lambda *_: self._show_state())

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.FieldsStayAtSizeHint)
        form.addRow("Members", self.members)
        for title, field, tip in (
            ("Each cutout by", self.per_cutout, "How many members review each cutout"),
            ("Common share", self.common, "Cutouts that all members review"),
            (
                "Repeats",
                self.repeats,
                "Share of looks at cutouts that the reviewer has judged before",
            ),
            ("Majority", self.majority, "Equal verdicts that settle a cutout"),
            ("Seed", self.seed, "The same seed draws the same cutouts"),
        ):
            field.setToolTip(tip)
            keep_compact(field)
            form.addRow(title, field)
        buttons = QHBoxLayout()
        for button in (self.apply, self.revert):
            buttons.addWidget(button)
        buttons.addStretch(1)
        inside = QWidget()
        lines = QVBoxLayout(inside)
        lines.setSpacing(8)
        lines.addWidget(self.blind)
        lines.addWidget(plain_label(_BLIND))
        lines.addLayout(form)
        for label in (self.meaning, self.fault):
            lines.addWidget(label)
        lines.addLayout(buttons)
        lines.addWidget(self.origin)
        lines.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(inside))

    @property
    def changes(self) -> dict[str, Any]:
        """The rules that the user has edited, by the names of attributes."""
        values = self._values()
        # A field rounds its value, so compare it with what it showed at first.
        return {
            name: value for name, value in values.items() if value != self._filled[name]
        }

    def show_overview(self, overview: TeamOverview | None) -> None:
        """Show the rules in force; keep what the user has edited.

        None removes all edits, for another review.
        """
        self.setEnabled(overview is not None)
        if overview is None:
            self.members.show_known(())
            self.origin.setText("")
            self._fill(TeamRules())
            return
        self.members.show_known([one.name for one in overview.reviewers])
        self.origin.setText(breakable(printable(rules_origin(overview))))
        if overview.rules != self._rules:
            self._fill(overview.rules, self.changes)

    def _fill(self, rules: TeamRules, edited: dict[str, Any] | None = None) -> None:
        """Show rules in the fields, and over them those that the user has edited."""
        self._is_filling = True
        self._rules = rules
        self._show_values(
            {
                "is_blind": rules.is_blind,
                "members": rules.members,
                "reviewers_per_cutout": rules.reviewers_per_cutout,
                "common_share": rules.common_share,
                "repeat_share": rules.repeat_share,
                "majority": rules.majority,
                "seed": rules.seed,
            }
        )
        self._filled = self._values()
        self._show_values(self._filled | (edited or {}))
        self._is_filling = False
        self._show_state()

    def _show_values(self, values: dict[str, Any]) -> None:
        self.blind.setChecked(values["is_blind"])
        self.members.show_names(values["members"])
        self.per_cutout.setValue(values["reviewers_per_cutout"] or 0)
        self.common.setValue(100 * values["common_share"])
        self.repeats.setValue(100 * values["repeat_share"])
        self.majority.setValue(values["majority"])
        self.seed.setText(str(values["seed"]))

    def _values(self) -> dict[str, Any]:
        """Return the values of the fields; a seed that is no number is a text."""
        seed = self.seed.text().strip()
        return {
            "is_blind": self.blind.isChecked(),
            "members": self.members.names,
            "reviewers_per_cutout": self.per_cutout.value() or None,
            "common_share": round(self.common.value() / 100, 4),
            "repeat_share": round(self.repeats.value() / 100, 4),
            "majority": self.majority.value(),
            "seed": int(seed) if seed.isdecimal() else seed,
        }

    def _show_state(self) -> None:
        """Show what the rules mean or why they are not valid; enable the buttons."""
        if self._is_filling:
            return
        fault, meaning, changes = "", "", self.changes
        try:
            if isinstance(changes.get("seed", 0), str):
                raise ReviewError("The seed is not a whole number from 0")
            meaning = " ".join(rules_sentences(replace(self._rules, **changes)))
        except ReviewError as error:
            fault = str(error)
        self.meaning.setText(breakable(printable(meaning)))
        self.fault.setText(breakable(printable(fault)))
        self.fault.setVisible(bool(fault))
        self.meaning.setVisible(not fault)
        self.apply.setEnabled(bool(changes) and not fault)
        self.revert.setEnabled(bool(changes))
