"""A reviewer who never stops, to be killed by `test_crash`.

Reads a seed from each line of its input, and forks a reviewer for it, so that what
takes long to import is imported once. Both write one line for each thing that is done.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from napari_artifact_review.core.session import ReviewSession


def say(*words: object) -> None:
    # In one piece, whenever the end comes.
    os.write(1, f"{' '.join(map(str, words))}\n".encode())


def review(table: Path, seed: int) -> None:
    chance = random.Random(seed)
    say("began", os.getpid())
    session = ReviewSession.open(table, reviewer="me")
    say("opened", session.problem)
    rows = len(session.table)
    while True:
        known = len(session.log)
        match chance.choices(
            ["decide", "hurry", "move", "undo", "redo", "save", "reopen"],
            [8, 4, 4, 3, 2, 2, 2],
        )[0]:
            case "decide":
                session.set_label(chance.choice(["artifact", "no artifact"]))
            case "hurry":
                hurry(session, chance)
                say("pending", len(session.pending))
                session.wait_until_recorded()
            case "reopen":
                hurry(session, chance)
                say("closing", len(session.pending))
                session.close()
                session = ReviewSession.open(table, reviewer="me")
                say("opened", session.problem)
            case "move":
                key = session.walk.key_of(chance.randrange(rows))
                session.select(*key)
                session.save_position()
            case "undo":
                session.undo()
            case "redo":
                session.redo()
            case "save":
                say("saving", known)
                session.save()
                say("saved", known)
        for entry in session.log[known:]:
            say("kept", entry.number, entry.action, *entry.cutout, entry.label_new)


def hurry(session: ReviewSession, chance: random.Random) -> None:
    """Give three verdicts without waiting for the disk."""
    for _ in range(3):
        cutouts = [session.walk.key_of(chance.randrange(len(session.table)))]
        value = chance.choice(["artifact", "no artifact"])
        session.set_label(value, cutouts=cutouts, wait=False)


def main(table: Path) -> None:
    for seed in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                review(table, int(seed))
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        say("ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
