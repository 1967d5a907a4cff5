"""What goes wrong in a team: each fault is told in a line, and nothing is lost."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from napari_artifact_review.cli import main
from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.errors import FaultyFileError, ReviewError
from napari_artifact_review.core.review.session import ReviewSession
from tests.meeting_places import on_folder

TIMEOUT = 20
HEADER = "image_name,grid_x,grid_y,label,preds\n"
CUTOUTS = [CutoutKey("a", x, 0) for x in range(0, 1000, 200)]
FIRST, SECOND, THIRD, *_ = CUTOUTS


@pytest.fixture
def folder(meeting_place) -> Path:
    return Path(meeting_place)


@pytest.fixture
def open_on(tmp_path, meeting_place):
    """Return a function that opens the review on a computer with its own folder."""
    with ExitStack() as stack:

        def open_it(computer, reviewer, image="a", **named):
            table = tmp_path / computer / "predictions.csv"
            if not table.exists():
                table.parent.mkdir()
                rows = (f"{image},{x},0,0,1\n" for _, x, _ in CUTOUTS)
                table.write_text(HEADER + "".join(rows))
            named = {"team": meeting_place} | named
            session = ReviewSession.open(table, reviewer=reviewer, **named)
            return stack.enter_context(session)

        yield open_it


def give(session, *verdicts):
    for cutout, verdict in zip(CUTOUTS, verdicts, strict=False):
        if verdict:
            session.set_label(verdict, cutouts=[cutout])


def meet(*sessions):
    """Exchange until each session has everything."""
    for session in (*sessions, *sessions):
        assert session.team.synchronize(TIMEOUT)


def until(condition):
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def votes_of(session):
    table = pd.read_csv(session.save_consensus().votes, dtype=str, na_filter=False)
    return table[["grid_x", "reviewer", "verdict", "log_id"]]


def is_one_line(error):
    return "\n" not in str(error)


# One name on two computers


def test_two_persons_under_one_name_are_told_and_both_verdicts_are_there(open_on):
    # Neither has received what the other one said.
    with open_on("here", "Ana", team=None) as here:
        give(here, "artifact", "artifact", "artifact")
    with open_on("there", "Ana", team=None) as there:
        give(there, "no artifact", "artifact")
    here, there = open_on("here", "Ana"), open_on("there", "Ana")
    meet(here, there)
    assert here.log == there.log
    for session in (here, there):
        assert session.reviewers.votes.counts == {"Ana": 3}
        votes = votes_of(session)
        assert votes.log_id.nunique() == 2
        both = votes[votes.grid_x == "0"]
        assert sorted(both.verdict) == ["artifact", "no artifact"]
        session.close()
    for computer in ("here", "there"):
        with open_on(computer, "Ana") as session:
            [told] = [one for one in session.notices if "Several logs of Ana" in one]
            assert "1 cutout, first on a (0, 0)" in told
            assert is_one_line(told)


# Another survey


def test_another_survey_at_the_same_place_stays_apart(open_on):
    here, other = open_on("here", "Ana"), open_on("other", "Ben", image="b")
    give(here, "artifact")
    other.set_label("artifact")
    meet(here, other)
    for session, name in ((here, "Ana"), (other, "Ben")):
        assert {entry.reviewer for entry in session.log} == {name}
        assert session.team.problem is None
        assert not session.reviewers.has_several


@on_folder
def test_files_of_another_survey_in_the_wrong_folder_change_no_label(open_on, folder):
    other, here = open_on("other", "Ben", image="b"), open_on("here", "Ana")
    other.set_label("artifact")
    give(here, "artifact")
    meet(other, here)
    [entry] = other.log
    [own] = folder.glob(f"*-{here.log[0].log_id}")
    [file] = folder.glob(f"*/{entry.log_id}.1.jsonl")
    shutil.copy(file, own)
    there = open_on("there", "Eva")
    meet(here, there)
    assert entry in there.log, "no entry is lost"
    assert there.reviewers.votes.counts == {"Ana": 1}
    assert here.table.label_new.tolist() == [1, 0, 0, 0, 0]


@on_folder
@pytest.mark.parametrize("is_first", [True, False])
def test_the_log_of_another_survey_is_not_merged(open_on, tmp_path, capsys, is_first):
    stores = []
    for computer, name, image in (("here", "Ana", "a"), ("other", "Ben", "b")):
        with open_on(computer, name, image, team=None) as session:
            session.set_label("artifact")
        stores.append(session.store)
    into = tmp_path / "team.sqlite"
    logs = stores if is_first else stores[::-1]
    assert main(["merge", *logs, "--into", str(into)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert logs[1] in line
    assert "none of them is about a cutout of" in line
    assert not into.exists()


# Files and folders that cannot be used


@on_folder
@pytest.mark.parametrize("damage", ["half", "zeros", "text"])
def test_a_bad_file_is_told_and_all_else_is_exchanged(open_on, folder, damage):
    here = open_on("here", "Ana")
    give(here, "artifact")
    meet(here)
    here.close()
    # A last exchange would write the file again.
    until(lambda: not any("exchange" in one.name for one in threading.enumerate()))
    [file] = folder.glob(f"*/{here.log[0].log_id}.1.jsonl")
    whole = file.read_bytes()
    bad = {"half": whole[: len(whole) // 2], "zeros": bytes(len(whole)), "text": b"x"}
    file.write_bytes(bad[damage])
    # A computer that had received the entries would send them again.
    there = open_on("there", "Ben")
    give(there, None, "artifact")
    with open_on("third", "Eva") as third:
        meet(there, third)
        problem = third.team.problem
        assert isinstance(problem, FaultyFileError)
        assert str(file) in str(problem)
        assert is_one_line(problem)
        assert third.reviewers.votes.counts == {"Ben": 1}
        give(third, "artifact")
        # The computer with the log writes the file again.
        meet(open_on("here", "Ana"), third)
        assert third.team.problem is None
        assert third.reviewers.votes.counts == {"Ana": 1, "Ben": 1, "Eva": 1}
    assert file.read_bytes() == whole


@on_folder
def test_a_full_folder_is_told_and_the_review_goes_on(open_on, folder, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    here = open_on("here", "Ana")
    meet(here)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        give(here, "artifact", "unsure")
        until(lambda: here.team.problem is not None)
        assert os.strerror(errno.ENOSPC) in str(here.team.problem)
        assert "sent again" in str(here.team.problem)
        assert is_one_line(here.team.problem)
        assert here.team.unsent == 2
        assert here.problem is None
    there = open_on("there", "Ben")
    meet(here, there)
    assert here.team.problem is None
    assert there.reviewers.votes.counts == {"Ana": 2}


@on_folder
def test_a_folder_that_disappears_comes_back_with_everything(open_on, folder, tmp_path):
    here, there = open_on("here", "Ana"), open_on("there", "Ben")
    give(here, "artifact")
    meet(here, there)
    folder.rename(tmp_path / "away")
    give(here, None, "artifact")
    give(there, "no artifact")
    until(lambda: here.team.problem is not None and there.team.problem is not None)
    assert "does not exist" in str(here.team.problem)
    assert is_one_line(here.team.problem)
    for session in (here, there):
        assert session.team.unsent == 1
        session.save()
    (tmp_path / "away").rename(folder)
    meet(here, there)
    assert here.team.problem is None
    for session in (here, there):
        assert session.reviewers.votes.counts == {"Ana": 2, "Ben": 1}


@on_folder
def test_an_empty_folder_in_its_place_gets_all_logs_again(open_on, folder):
    here, there = open_on("here", "Ana"), open_on("there", "Ben")
    give(here, "artifact")
    give(there, "no artifact")
    meet(here, there)
    here.close()
    shutil.rmtree(folder)
    until(lambda: there.team.problem is not None)
    folder.mkdir()
    meet(there)
    with open_on("third", "Eva") as third:
        meet(third)
        assert third.reviewers.votes.counts == {"Ana": 1, "Ben": 1}


# Clocks


def test_clocks_that_differ_by_an_hour_are_told_as_they_are(open_on, monkeypatch):
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def set_clock(minutes):
        now = f"{noon + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S.000Z}"
        monkeypatch.setattr(JOURNAL_CLOCK, lambda: now)
        return now

    here, there = open_on("here", "Ana"), open_on("there", "Ben")
    there.set_team_rules(is_blind=False)
    ahead = set_clock(60)
    give(here, "artifact", "artifact")
    meet(here, there)
    # Ben's clock is right, and five minutes have passed.
    right = set_clock(5)
    give(there, "no artifact")
    meet(there, here)
    for session in (here, there):
        first, second = (session.table.iloc[row] for row in (0, 1))
        # The verdict that knew the other one is the later one, whatever the clocks say.
        assert (first.decision, first.reviewed_at) == ("no artifact", right)
        assert (second.decision, second.reviewed_at) == ("artifact", ahead)
        times = pd.read_csv(session.save_consensus().votes).decided_at.tolist()
        assert times == [ahead, ahead, right]


JOURNAL_CLOCK = "napari_artifact_review.core.review.journal.utc_now"


# Names

NAMES = (
    'O\'Hara "Bob" <b@x.org>',
    "李雷 / ../.. \\ %s %00",
    "=1+1, NA",
    "Ana\u202e\u0301 \N{GRINNING FACE}",
    "x" * 500,
)


def test_names_have_any_characters(open_on, tmp_path, capsys):
    sessions = [open_on(f"{i}", name) for i, name in enumerate(NAMES)]
    for session in sessions:
        give(session, "artifact")
    meet(*sessions)
    for session in sessions:
        assert session.reviewers.votes.counts == dict.fromkeys(sorted(NAMES), 1)
        assert set(votes_of(session).reviewer) == set(NAMES)
        assert session.table.reviewed_by[0] == session.reviewer
        session.close()
    table = tmp_path / "0" / "predictions.csv"
    assert main(["save", str(table), "--consensus"]) == 0
    consensus = pd.read_csv(
        table.with_name("test_outputs_consensus.csv"), dtype=str, na_filter=False
    )
    assert sorted(consensus.reviewed_by[0].split(";")) == sorted(NAMES)
    for name in NAMES:
        assert main(["save", str(table), "--reviewer", name, "--keep", "ours"]) == 0
        saved = pd.read_csv(table.with_name("test_outputs.csv"), dtype=str)
        assert saved.reviewed_by[0] == name
    capsys.readouterr()


@on_folder
@pytest.mark.parametrize("name", ["", " \t", "Ana;Ben", "a\nb", "\0", "\x1b[31m"])
def test_names_that_tables_cannot_have_are_refused(open_on, tmp_path, name, capsys):
    with pytest.raises(ReviewError, match="is not a name for a reviewer") as caught:
        open_on("here", name)
    assert is_one_line(caught.value)
    table = tmp_path / "here" / "predictions.csv"
    assert main(["save", str(table), "--reviewer", name]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "is not a name for a reviewer" in line
    assert "\x1b" not in line
