"""Four reviewers at once, killed at random: nothing is lost, and all come to the same.

    ARTIFACT_REVIEW_TESTS=all pytest tests/core/review/test_team_soak.py -s

reviews for a minute at each kind of meeting place.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from multiprocessing.process import BaseProcess
from operator import attrgetter
from pathlib import Path

import pandas as pd
import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.review.session import ReviewSession
from tests.core.review.team_model import fold, outcomes
from tests.core.review.team_reviewer import review
from tests.nightly import many
from tests.postgres import PostgresServer

#: Seconds of review.
SECONDS = many(60, 600, few=3)
NAMES = ("Ana", "Ben 'B' O'Hara", "Çağla, Ø", "李雷 -- \\ %")
CUTOUTS = {CutoutKey("a", x * 200, 0): x % 2 for x in range(40)}
TIMEOUT = 60

pytestmark = pytest.mark.skipif(
    "forkserver" not in multiprocessing.get_all_start_methods(),
    reason="no SIGKILL on this system",
)


class Computer:
    """A reviewer's computer, on which the review can be killed and begun again."""

    def __init__(self, folder: Path, name: str, team: str) -> None:
        folder.mkdir()
        self.name, self.team = name, team
        self.table = folder / "predictions.csv"
        self.log_file = folder / "test_outputs.csv.review.sqlite"
        self._told = folder / "acknowledged.txt"
        self._told.touch()
        self._process: BaseProcess | None = None
        rows = (f"{c.image_name},{c.grid_x},0,{y},{1 - y}" for c, y in CUTOUTS.items())
        header = "image_name,grid_x,grid_y,label,preds"
        self.table.write_text("\n".join([header, *rows]) + "\n")

    def begin(self, seed: int) -> None:
        # The processes are forks of one that has imported everything.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.core.review.team_reviewer"])
        what = (self.table, self.name, self.team, self._told, seed)
        self._process = context.Process(target=review, args=what)
        self._process.start()

    def kill(self) -> None:
        if self._process is None:
            return
        assert self._process.exitcode is None, f"{self.name} ended by itself"
        self._process.kill()
        self._process.join(TIMEOUT)
        self._process.close()
        self._process = None

    close = kill

    @property
    def acknowledged(self) -> list[str]:
        """Digests of the entries that this computer acknowledged."""
        # The last line is incomplete if the process was killed while it wrote it.
        return self._told.read_text().split("\n")[:-1]

    def open(self, **named) -> ReviewSession:
        return ReviewSession.open(self.table, reviewer=self.name, **named)


# What happens to the meeting place


def disturb_folder(folder: Path, chance: random.Random) -> str:
    """Take the folder away for a while, or leave a file of it incomplete."""
    files = sorted(folder.glob("*/*.jsonl"))
    if chance.random() < 0.5 or not files:
        away = folder.with_name("away")
        folder.rename(away)
        time.sleep(chance.uniform(0.1, 0.5))
        away.rename(folder)
        return "folder away"
    file = chance.choice(files)
    content = file.read_bytes()
    file.write_bytes(content[: chance.randrange(len(content))])
    return "file incomplete"


def disturb_server(server: PostgresServer, chance: random.Random) -> str:
    """Freeze the server for a while, or end it and start it again."""
    what = chance.choice(["freeze", "stop", "kill"])
    {"freeze": server.freeze, "stop": server.stop, "kill": server.kill}[what]()
    # A frozen server is a problem after three seconds.
    time.sleep(chance.uniform(0.1, min(6, SECONDS / 10)))
    server.thaw()
    server.start()
    return f"server: {what}"


def soak(computers, disturb) -> Counter:
    """Let all computers review, and count the kills and what else happened."""
    chance, happened = random.Random(0), Counter()
    for seed, computer in enumerate(computers):
        computer.begin(seed)
    end = time.monotonic() + SECONDS
    with ThreadPoolExecutor(1) as pool:
        disturbance = pool.submit(disturb, random.Random(0))
        while time.monotonic() < end:
            time.sleep(chance.uniform(0, 0.5))
            if disturbance.done() and chance.random() < 0.4:
                happened[disturbance.result()] += 1
                disturbance = pool.submit(disturb, random.Random(chance.random()))
            computer = chance.choice(computers)
            computer.kill()
            happened["review killed"] += 1
            computer.begin(chance.randrange(10**9))
        happened[disturbance.result()] += 1
    for computer in computers:
        computer.kill()
    return happened


def meet(computers) -> None:
    """Let all computers exchange what they have."""
    # In the first round each sends, and in the second each has received everything.
    for _ in range(2):
        for computer in computers:
            with computer.open(team=computer.team) as session:
                assert session.team.synchronize(TIMEOUT)


# What must be true at the end


def check_logs(computers) -> list:
    """Check the logs of all computers, and return the entries of each."""
    logs = [Store(computer.log_file).read() for computer in computers]
    # A file has the entries in the order of arrival.
    entries = [sorted(one.entries, key=attrgetter("order")) for one in logs]
    assert all(one == entries[0] for one in entries)
    assert len({one.log_id for one in logs}) == len(computers)
    digests = Counter(entry.digest for entry in entries[0])
    told = [digest for computer in computers for digest in computer.acknowledged]
    assert len(set(told)) == len(told) > 0
    assert {digests[digest] for digest in told} == {1}
    for log in logs:
        previous = None
        for entry in (one for one in entries[0] if one.log_id == log.log_id):
            assert entry.follows(previous)
            previous = entry
    return entries[0]


def check_consensus(computers, entries) -> Counter:
    """Compare all computers with the plain model, and return the model's statuses."""
    wanted = outcomes(entries, CUTOUTS)
    counts = Counter(name for one in wanted.values() for name in one.votes)
    _, _, rules = fold(entries)
    tables = set()
    with ExitStack() as stack:
        for computer in computers:
            session = stack.enter_context(computer.open())
            reviewers, votes = session.reviewers, session.reviewers.votes
            assert session.team_rules.majority == rules["majority"]
            assert session.team_rules.is_blind == rules["is_blind"]
            assert votes.counts == counts
            for cutout in CUTOUTS:
                found = votes.consensus_on(cutout)
                assert (found is None) == (cutout not in wanted)
                if found is None:
                    continue
                given = {
                    one.reviewer: (tuple(act), one.verdict, one.note)
                    for act, one in votes.on(cutout).items()
                }
                label, by = found.decision.label_new, found.adjudicated_by
                assert (given, found.status, label, by) == wanted[cutout]
            disputed = {c for c, one in wanted.items() if one.status == "disputed"}
            assert {*votes.disputed} == disputed
            if reviewers.hides_others:
                assert own_verdicts(session) == {
                    cutout: one.votes[computer.name][1]
                    for cutout, one in wanted.items()
                    if computer.name in one.votes
                }
            saved = session.save_consensus()
            tables.add((saved.table.read_bytes(), saved.votes.read_bytes()))
            labels = dict(zip(CUTOUTS, pd.read_csv(saved.table).label_new, strict=True))
            assert labels == CUTOUTS | {c: one.label for c, one in wanted.items()}
    assert len(tables) == 1, "all computers save the same"
    return Counter(one.status for one in wanted.values())


def own_verdicts(session):
    """Return the verdicts that a reviewer sees, by cutout."""
    seen = dict(zip(CUTOUTS, session.table.decision, strict=True))
    return {cutout: verdict for cutout, verdict in seen.items() if verdict}


def test_four_reviewers_lose_nothing_and_come_to_the_same(
    meeting_place, tmp_path, request, record_property
):
    if "://" in meeting_place:
        server = request.getfixturevalue("server")
        disturb = partial(disturb_server, server)
    else:
        disturb = partial(disturb_folder, Path(meeting_place))
    with ExitStack() as stack:
        computers = [
            stack.enter_context(
                closing(Computer(tmp_path / f"{i}", name, meeting_place))
            )
            for i, name in enumerate(NAMES)
        ]
        happened = soak(computers, disturb)
    meet(computers)
    entries = check_logs(computers)
    statuses = check_consensus(computers, entries)
    assert happened["review killed"] > 0
    happened["acknowledged entries"] = sum(len(one.acknowledged) for one in computers)
    happened["entries"] = len(entries)
    for what, count in (happened + Counter(dict(statuses))).items():
        record_property(what, count)
    print(f"{dict(happened)}, cutouts {dict(statuses)}: none lost, all the same")
    shutil.rmtree(tmp_path)
