"""What the reviewers of a team have done, and their rules, as texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.team.rules import TeamRules
from napari_artifact_review.core.team.texts_table import TextsTable
from napari_artifact_review.core.texts import counted, on_one_line

if TYPE_CHECKING:
    from napari_artifact_review.core.team.overview import ReviewerWork, TeamOverview

#: What to do about several logs of one name.
SEVERAL_PERSONS = "If they are of two persons, give each a name."

#: Largest number of cutouts that a sentence names.
_MOST_NAMED = 5


def work_table(overview: TeamOverview) -> TextsTable:
    """Return what each reviewer has done, a row each.

    Parameters
    ----------
    overview : TeamOverview
        What the reviewers have done.
    """
    return TextsTable(
        "Reviewers",
        (
            "",
            "Verdicts",
            "Of assigned",
            "Unsure",
            "Repeats",
            "Adjudications",
            "Last verdict (UTC)",
            "Logs",
        ),
        tuple(map(_row, overview.reviewers)),
        tuple(_about_logs(overview.reviewers)),
    )


def state_lines(overview: TeamOverview) -> list[tuple[str, str]]:
    """Return the names and the numbers of what is voted on, disputed and open.

    Parameters
    ----------
    overview : TeamOverview
        What the reviewers have done.
    """
    votes = [
        f"{count:,} " + (f"with {counted(n, 'vote')}" if n else "without a vote")
        for n, count in enumerate(overview.by_votes)
        if count
    ]
    return [
        ("Cutouts under review", f"{overview.cutouts:,}: {', '.join(votes) or 'none'}"),
        ("Open", f"{overview.open:,} that need the verdict of a reviewer"),
        ("Disputed", f"{overview.disputed:,}"),
        ("Adjudicated", f"{overview.adjudicated:,}"),
    ]


def rules_sentences(rules: TeamRules) -> list[str]:
    """Return the rules of a team as sentences.

    Parameters
    ----------
    rules : TeamRules
        The rules in force.
    """
    return [
        "Reviewers are blind: they see no verdict of another reviewer before their own."
        if rules.is_blind
        else "Reviewers are not blind: they may see verdicts of others before their "
        "own.",
        _about_members(rules),
        _about_repeats(rules.repeat_share),
        "Where reviewers differ, a majority of at least "
        f"{counted(rules.majority, 'equal verdict')} decides.",
    ]


def rules_origin(overview: TeamOverview) -> str:
    """Return a sentence with the reviewer and the time of the rules in force.

    Parameters
    ----------
    overview : TeamOverview
        What the reviewers have done, with the rules in force.
    """
    if not overview.rules_set_at:
        return "These are the default rules, which were never changed."
    name, time = on_one_line(overview.rules_set_by), time_text(overview.rules_set_at)
    return f"Set by {name}, {time} UTC."


def time_text(time: str) -> str:
    """Return a time of the log, such as "2026-03-01 14:02:11"; an empty one as it is.

    Parameters
    ----------
    time : str
        Time in UTC (ISO 8601).
    """
    return on_one_line(time[:19].replace("T", " "))


def _row(one: ReviewerWork) -> tuple[str, ...]:
    return (
        on_one_line(one.name),
        f"{one.verdicts:,}",
        f"{one.done:,} of {one.assigned:,}" if one.assigned else "none assigned",
        f"{one.unsure:,}",
        f"{one.repeats:,}",
        f"{one.adjudications:,}",
        time_text(one.last_verdict) or "none",
        f"{one.logs:,}",
    )


def _about_logs(reviewers: Sequence[ReviewerWork]) -> Iterator[str]:
    """Yield which names have several logs, and where these differ."""
    for one in reviewers:
        if one.logs < 2:
            continue
        name, count = on_one_line(one.name), len(one.differing)
        differ = f" They differ on {_named(one.differing)}." if count else ""
        yield (
            f"{name} has {one.logs} logs, one for each computer.{differ} "
            f"{SEVERAL_PERSONS}"
        )


def _named(cutouts: Sequence[CutoutKey]) -> str:
    """Return a number of cutouts with the first of them."""
    first = [on_one_line(one.title) for one in cutouts[:_MOST_NAMED]]
    more = ["..."] if len(cutouts) > _MOST_NAMED else []
    return f"{counted(len(cutouts), 'cutout')}: {', '.join(first + more)}"


def _about_members(rules: TeamRules) -> str:
    names = ", ".join(map(on_one_line, rules.members))
    if rules.reviewers_per_cutout is None:
        return (
            f"Every cutout is for {f'all members: {names}' if names else 'everyone'}."
        )
    share = (
        f", and {_percent(rules.common_share)} of the cutouts are for all of them"
        if rules.common_share
        else ""
    )
    number = min(rules.reviewers_per_cutout, len(rules.members))
    members = f"{number:,} of the members ({names})"
    return f"Each cutout is for {members}, drawn with seed {rules.seed}{share}."


def _about_repeats(share: float) -> str:
    if not share:
        return "No cutout is repeated."
    return f"{_percent(share)} of the looks repeat a cutout of an earlier verdict."


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
