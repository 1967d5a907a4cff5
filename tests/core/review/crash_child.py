"""A reviewer that never stops, to be killed by `test_crash`.

Reads a seed from each line of its input, and forks a reviewer for it, so that what
takes long to import is imported once. Both write one line for each thing that is done.

Usage: python crash_child.py TABLE [URL], with the URL of a meeting place.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from napari_artifact_review.core.review.session import ReviewSession


def say(*words: object) -> None:
    # One write, so that a kill leaves no half of a line.
    os.write(1, f"{' '.join(map(str, words))}\n".encode())


def review(table: Path, seed: int, team: str | None) -> None:
    chance = random.Random(seed)
    say("began", os.getpid())
    session = ReviewSession.open(table, reviewer="me", team=team)
    say("opened", session.problem)
    rows = len(session.table)
    while True:
        known = len(session.log)
        match chance.choices(
            ["decide", "move", "undo", "redo", "save", "hurry", "reopen"],
            [8, 4, 3, 2, 2, 3, 1],
        )[0]:
            case "decide":
                session.set_label(chance.choice(["artifact", "no artifact"]))
            case "move":
                key = session.cutout_index.key_of(chance.randrange(rows))
                session.select(*key)
                session.save_position()
            case "undo":
                session.undo()
            case "redo":
                session.redo()
            case "hurry":
                # Several at once: none is acknowledged before all are recorded.
                say("hurrying")
                for _ in range(5):
                    key = session.cutout_index.key_of(chance.randrange(rows))
                    session.set_label("artifact", cutouts=[key], wait=False)
                session.wait_until_recorded()
            case "reopen":
                key = session.cutout_index.key_of(chance.randrange(rows))
                session.set_label("no artifact", cutouts=[key], wait=False)
                say("closing")
                session.close()
                session = ReviewSession.open(table, reviewer="me", team=team)
            case "save":
                say("saving", known)
                session.save()
                say("saved", known)
        for entry in session.log[known:]:
            say("kept", entry.number, entry.action, *entry.cutout, entry.label_new)


def main(table: Path, team: str | None = None) -> None:
    for seed in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                review(table, int(seed), team)
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        say("ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
