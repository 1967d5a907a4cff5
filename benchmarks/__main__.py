"""Measure how long a review takes, and print it beside what it may take.

    python -m benchmarks                             the short form: four minutes
    python -m benchmarks --long                      everything, at full size
    python -m benchmarks --only 1,2,3,4,5 --short    some rows
    python -m benchmarks --profile step              where the time of a step goes

`script/bench` does the same from a fresh clone, with a display of its own if there is
none. docs/speed.md says what the rows are. A time that is missed is no failure.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from . import docs, machine, peers, plot, report
from .measures import Line, Point, Timings
from .plan import Plan
from .rows import MODULES, ONLY_LONG

_RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run what the command line asks for; return 1 if something raised."""
    options = _options()
    form = "tiny" if options.tiny else "long" if options.long else "short"
    cache = options.cache or Plan().cache
    plan = Plan(form, options.full_size or options.long, cache)
    if options.profile:
        from .costs import profile

        print(profile(plan, options.profile))
        return 0
    wanted = {int(n) for n in options.only.split(",")} if options.only else None
    began = time.monotonic()
    about = machine.describe() | {"form": form, "full_size": plan.full_size}
    lines, points, renderer = _measure(plan, wanted)
    about["opengl"] = renderer
    others: dict[str, peers.Answers] = {}
    if not options.no_peers and (wanted is None or wanted & set(peers.ROWS)):
        _say("peers")
        others = peers.measure(plan)
        lines = _beside_peers(lines, others)
    about["minutes"] = round((time.monotonic() - began) / 60, 1)
    table = report.as_text(lines, others)
    print(f"{machine.in_a_sentence(about)}\n")
    print(table)
    _keep(options.output, about, lines, points, others)
    if options.docs:
        docs.update(machine.in_a_sentence(about), lines, others)
        if plan.form == "long":
            # The short form has one point where a slope should be.
            docs.draw(points)
    return int(any(line.error for line in lines))


def run(
    module: str, rows: list[int], plan: Plan
) -> tuple[list[Line], list[Point], str]:
    """Run some rows of a module in a process of their own."""
    limit = plan.pick(60, 150, 1200)
    with tempfile.TemporaryDirectory() as folder:
        answers = Path(folder, "answers.jsonl")
        errors = Path(folder, "errors.txt")
        task = {"module": module, "rows": rows, "plan": plan.as_json()}
        task["answers"] = str(answers)
        said = ""
        with errors.open("w") as file:
            try:
                ended = subprocess.run(
                    [sys.executable, "-m", "benchmarks.child", json.dumps(task)],
                    stdout=file,
                    stderr=file,
                    timeout=limit,
                    check=False,
                    cwd=Path(__file__).parents[1],
                )
                if ended.returncode:
                    said = f"its process ended with {ended.returncode}"
            except subprocess.TimeoutExpired:
                said = f"it took more than {limit} s"
        if said:
            print(errors.read_text()[-4000:], file=sys.stderr)
        lines, points, renderer = _read(answers)
    if said and not any(line.error for line in lines):
        known = {line.row for line in lines}
        unknown = [row for row in rows if row not in known]
        # Where each row has lines, the last one was not finished.
        lines += [Line(row, module, error=said) for row in unknown or rows[-1:]]
    return lines, points, renderer


def _measure(
    plan: Plan, wanted: set[int] | None
) -> tuple[list[Line], list[Point], str]:
    lines: list[Line] = []
    points: list[Point] = []
    renderer = ""
    for module, rows in MODULES.items():
        chosen = [row for row in rows if wanted is None or row in wanted]
        if not chosen or (module in ONLY_LONG and plan.form != "long"):
            continue
        _say(module)
        new, more, seen = run(module, chosen, plan)
        lines += new
        points += more
        renderer = renderer or seen
    return lines, points, renderer


def _beside_peers(lines: list[Line], others: dict[str, peers.Answers]) -> list[Line]:
    """Add, after each row, how it does beside those that it must be faster than."""
    known = list(lines)
    for row in peers.ROWS:
        own = next((x for x in lines if x.row == row and x.ours), None)
        if own is None or own.ours is None:
            continue
        for name, answers in others.items():
            times = answers[row]
            if isinstance(times, Timings):
                value = own.ours.median / times.median
                limit = None if name == "DS9" else 1.0
                line = Line(row, f"the same, beside {name}", None, times, value, limit)
                last = max(i for i, x in enumerate(known) if x.row == row)
                known.insert(last + 1, line)
    return known


def _read(answers: Path) -> tuple[list[Line], list[Point], str]:
    lines, points, renderer = [], [], ""
    for text in answers.read_text().splitlines() if answers.exists() else []:
        data = json.loads(text)
        match data.pop("kind"):
            case "line":
                lines.append(Line.from_json(data))
            case "point":
                points.append(Point(**data))
            case "opengl":
                renderer = data["name"]
    return lines, points, renderer


def _keep(
    folder: Path,
    about: dict[str, Any],
    lines: list[Line],
    points: list[Point],
    others: dict[str, peers.Answers],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    data = report.as_json(about, lines, points, others)
    stem = about["date"].replace(":", "").replace("+0000", "")
    file = folder / f"{stem}.json"
    file.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    try:
        plot.draw(points, file.with_suffix(".png"))
    except ImportError:
        _say("no plot, since matplotlib is not installed")
    print(f"\nWritten: {file}")


def _say(what: str) -> None:
    print(f"{what} ...", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.partition("\n")[0]
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--short", action="store_true", help="four minutes (the default)")
    form.add_argument("--long", action="store_true", help="everything, at full size")
    form.add_argument("--tiny", action="store_true", help="only shows that it works")
    parser.add_argument("--only", help="numbers of rows, with commas between")
    parser.add_argument("--no-peers", action="store_true", help="this project alone")
    parser.add_argument(
        "--full-size", action="store_true", help="big images of 200 pixels a cutout"
    )
    parser.add_argument(
        "--profile", choices=("step", "switch"), help="where its time goes"
    )
    parser.add_argument("--docs", action="store_true", help="write docs/speed.md anew")
    parser.add_argument(
        "--output", type=Path, default=_RESULTS, help="for JSON and plot"
    )
    parser.add_argument("--cache", type=Path, help="where generated inputs are kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
