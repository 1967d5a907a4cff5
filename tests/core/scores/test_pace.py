"""The time per verdict, from the log of decisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.scores.pace import PAUSE, Pace, pace_of

START = datetime(2026, 11, 22, 20, tzinfo=UTC)


def log_of(*acts):
    """Return the log of acts: seconds, reviewer, how many cutouts, action."""
    entries = []
    for seconds, reviewer, count, action in acts:
        act = EntryId("log", len(entries) + 1)
        when = (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
        for i in range(count):
            number, cutout = len(entries) + 1, CutoutKey("a", 0, i)
            about = action, act, cutout, 1, reviewer, when
            entries.append(Entry("log", number, number, *about))
    return entries


def test_a_verdict_takes_from_the_act_before_by_the_same_reviewer():
    pace = pace_of(
        log_of(
            (0, "ada", 1, "decide"),
            (1, "bo", 1, "decide"),
            (4, "ada", 1, "decide"),
            (6, "ada", 1, "undo"),
            (7.5, "ada", 1, "decide"),
            (8, "bo", 1, "decide"),
        )
    )
    assert pace.seconds.tolist() == [4, 1.5, 7]
    assert (pace.median, pace.verdicts) == (4, 5)


def test_several_at_once_are_one_verdict():
    log = log_of((0, "ada", 1, "decide"), (9, "ada", 30, "decide"))
    assert pace_of(log).seconds.tolist() == [9]


def test_a_pause_is_no_verdicts_time_and_a_clock_that_was_put_back_neither():
    log = log_of(
        (0, "ada", 1, "decide"),
        (PAUSE, "ada", 1, "decide"),
        (2 * PAUSE + 1, "ada", 1, "decide"),
        (PAUSE, "ada", 1, "decide"),
    )
    assert pace_of(log) == (pytest.approx([PAUSE]), 4)


def test_labels_adopted_from_a_file_are_no_verdicts(session):
    session.set_label("artifact")
    session.save()
    table = session.output.read_text()
    session.output.write_text(table.replace(",artifact,", ",no artifact,"))
    session.save("theirs")
    assert [entry.origin for entry in session.log] == ["decided", "taken over"]
    assert pace_of(session.log).verdicts == 1


def test_before_the_first_verdict():
    pace = pace_of([])
    assert (pace.median, pace.verdicts) == (None, 0)
    assert pace.thinned(5)[0].tolist() == []


@given(st.lists(st.integers(0, 300), min_size=1, max_size=50), st.integers(1, 60))
def test_runs_are_as_few_as_asked_for_and_hold_all(seconds, most):
    medians, run = Pace(np.array(seconds, float), len(seconds)).thinned(most)
    parts = [seconds[i : i + run] for i in range(0, len(seconds), run)]
    assert medians.tolist() == [np.median(part) for part in parts]
    assert len(medians) <= most
    assert run == 1 or len(seconds) > most
