"""A plain model of a review with several reviewers, without the code of the core."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple


class Outcome(NamedTuple):
    """What the reviewers of a cutout come to.

    `votes` has the act, the verdict and the note of each reviewer's latest verdict.
    """

    votes: dict[str, tuple[object, str, str]]
    status: str
    label: int
    adjudicated_by: str


def fold(entries):
    """Apply entries in order; return acts in force, their places, and the rules.

    The place of an act on a cutout is the position of the entry that put it in force.
    """
    parts, state, place, rules = {}, {}, {}, {"majority": 2, "is_blind": True}
    entries = sorted(entries, key=lambda one: (one.clock, one.log_id, one.number))
    for position, entry in enumerate(entries):
        act = tuple(entry.act)
        if entry.action in ("decide", "adjudicate"):
            parts.setdefault(act, []).append(entry)
            if state.get(act) in ("undone", "ended"):
                continue
            for other, its in parts.items():
                is_own = its[0].reviewer == entry.reviewer or other[0] == entry.log_id
                if is_own and state.get(other) == "undone":
                    state[other] = "ended"
            state[act] = "done"
            place[act, entry.cutout] = position
        elif entry.action == "undo" and state.get(act) == "done":
            state[act] = "undone"
        elif entry.action == "redo" and state.get(act) == "undone":
            state[act] = "done"
            place |= {(act, one.cutout): position for one in parts[act]}
        elif entry.action == "set rules":
            rules = entry.context["rules"]
    done = [one for act, its in parts.items() if state[act] == "done" for one in its]
    return done, place, rules


def outcomes(entries, label_before):
    """Return the outcome of each cutout with a vote, by cutout."""
    done, place, rules = fold(entries)
    found = {}
    for cutout in {one.cutout for one in done}:
        here = [one for one in done if one.cutout == cutout]
        here.sort(key=lambda one: place[tuple(one.act), cutout])
        votes = {one.reviewer: one for one in here if one.action == "decide"}
        if not votes:
            continue
        judges = [one for one in here if one.action == "adjudicate"]
        status, label, judge = agreed(
            votes.values(), judges, rules["majority"], label_before[cutout]
        )
        said = {n: (tuple(v.act), v.verdict, v.note) for n, v in votes.items()}
        found[cutout] = Outcome(said, status, label, judge)
    return found


def agreed(votes, judges, majority, before):
    """Return the status, the label and the adjudicator of a cutout."""
    saw = {tuple(j.act): {tuple(one) for one in j.context["saw"]} for j in judges}
    valid = [j for j in judges if {tuple(v.act) for v in votes} <= saw[tuple(j.act)]]
    standing = [
        j for j in valid if not any(tuple(j.act) in saw[tuple(k.act)] for k in valid)
    ]
    if len({j.verdict for j in standing}) == 1:
        last = max(standing, key=lambda one: one.order)
        is_unsure = last.verdict == "unsure"
        label = before if is_unsure else int(last.verdict == "artifact")
        return "adjudicated", label, last.reviewer
    sure = Counter(v.verdict == "artifact" for v in votes if v.verdict != "unsure")
    if standing:
        return "disputed", before, ""
    if not sure:
        return "unsure", before, ""
    [(label, count), *others] = sure.most_common()
    if not others:
        return "unanimous", int(label), ""
    if count > sure.total() / 2 and count >= majority:
        return "majority", int(label), ""
    return "disputed", before, ""
