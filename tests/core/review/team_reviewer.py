"""A reviewer of a team that acts at random, to be killed by `test_team_soak`."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.outcomes import VERDICTS
from napari_artifact_review.core.review.session import ReviewSession

#: What a reviewer does, and how often.
ACTS = {
    "decide": 20,
    "decide on several": 4,
    "undo": 6,
    "redo": 4,
    "adjudicate": 4,
    "change rules": 1,
    "save": 1,
    "save the consensus": 0.5,
    "reopen": 0.5,
}

#: Acts in a second, if the disk is fast.
PACE = 100


def review(table: Path, name: str, team: str, told: Path, seed: int) -> None:
    """Review until the process is killed, and tell what was acknowledged.

    Parameters
    ----------
    table : Path
        Predictions in the folder of this reviewer.
    name : str
        Name of the reviewer.
    team : str
        Meeting place.
    told : Path
        File to which the digest of each acknowledged entry is appended.
    seed : int
        Seed of the random acts.
    """
    chance = random.Random(seed)
    session = ReviewSession.open(table, reviewer=name, team=team)
    with told.open("ab", buffering=0) as file:
        while True:
            [act] = chance.choices([*ACTS], [*ACTS.values()])
            if act == "reopen":
                again = session.reopen()
                session.close()
                session = again
            for entry in do(act, session, chance):
                # One write, so that a kill leaves at most one incomplete line.
                file.write(f"{entry.digest}\n".encode())
            time.sleep(chance.expovariate(PACE))


def do(act: str, session: ReviewSession, chance: random.Random) -> Sequence[Entry]:
    """Act once, and return the entries that are on disk since."""
    index = session.cutout_index
    key = index.key_of(chance.randrange(len(session.table)))
    # No two verdicts are equal, so each of them is recorded.
    note = f"{chance.random()}"
    match act:
        case "decide" | "decide on several":
            count = 1 if act == "decide" else 3
            rows = chance.sample(range(len(session.table)), count)
            verdict = chance.choices(VERDICTS, [6, 5, 1])[0]
            cutouts = [index.key_of(row) for row in rows]
            assert session.set_label(verdict, note=note, cutouts=cutouts)
            return session.last_command.entries
        case "undo" | "redo":
            if session.undo() if act == "undo" else session.redo():
                return session.last_command.entries
        case "adjudicate":
            disputed = [*session.disputed.index]
            if disputed:
                key = index.key_of(chance.choice(disputed))
            if session.reviewers.votes.on(key):
                verdict = chance.choices(VERDICTS, [6, 5, 1])[0]
                return session.adjudicate(verdict, note=note, cutout=key).entries
        case "change rules":
            majority, is_blind = chance.choice([1, 2, 3]), chance.random() < 0.8
            return session.set_team_rules(majority=majority, is_blind=is_blind).entries
        case "save":
            session.save(keep="ours")
        case "save the consensus":
            session.save_consensus()
    return ()
