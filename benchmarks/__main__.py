"""Measure how long a review takes, and print it with its limits.

    python -m benchmarks                             the short form: six minutes
    python -m benchmarks --long                      everything, at full size
    python -m benchmarks --only 1,2,3,4,5 --short    some rows
    python -m benchmarks --profile step              where the time of a step goes

`script/bench` does the same from a fresh clone, on a virtual display if it needs one.
docs/speed.md describes the rows. A missed limit is no failure.
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
    """Run the rows that the command line names; return 1 if an exception was raised."""
    options = _options()
    form = "tiny" if options.tiny else "long" if options.long else "short"
    cache = options.cache or Plan().cache
    plan = Plan(form, options.full_size or options.long, cache, options.learned)
    if options.profile:
        from .costs import profile

        print(profile(plan, options.profile))
        return 0
    wanted = {int(n) for n in options.only.split(",")} if options.only else None
    began = time.monotonic()
    about = machine.describe() | {"form": form, "full_size": plan.full_size}
    about["learned"] = plan.learned
    lines, points, renderer = _measure(plan, wanted)
    about["opengl"] = renderer
    peer_answers: dict[str, peers.Answers] = {}
    if not options.no_peers and (wanted is None or wanted & set(peers.ROWS)):
        _print_progress("peers")
        peer_answers = peers.measure(plan)
        lines = _with_peers(lines, peer_answers)
    about["minutes"] = round((time.monotonic() - began) / 60, 1)
    table = report.as_text(lines, peer_answers)
    print(f"{machine.as_sentence(about)}\n")
    print(table)
    _write(options.output, about, lines, points, peer_answers)
    if options.docs:
        docs.update(machine.as_sentence(about), lines, peer_answers)
        if plan.form == "long":
            # The short form has one point where a slope should be.
            docs.draw(points)
    return int(any(line.error for line in lines))


def run(
    module: str, rows: list[int], plan: Plan
) -> tuple[list[Line], list[Point], str]:
    """Run some rows of a module in a separate process."""
    limit = plan.pick(60, 150, 1200)
    with tempfile.TemporaryDirectory() as folder:
        answers = Path(folder, "answers.jsonl")
        errors = Path(folder, "errors.txt")
        task = {"module": module, "rows": rows, "plan": plan.as_json()}
        task["answers"] = str(answers)
        failure = ""
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
                    failure = f"its process ended with {ended.returncode}"
            except subprocess.TimeoutExpired:
                failure = f"it took more than {limit} s"
        if failure:
            print(errors.read_text()[-4000:], file=sys.stderr)
        lines, points, renderer = _read(answers)
    if failure and not any(line.error for line in lines):
        known = {line.row for line in lines}
        unknown = [row for row in rows if row not in known]
        # If each row has lines, the last row is incomplete.
        lines += [Line(row, module, error=failure) for row in unknown or rows[-1:]]
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
        _print_progress(module)
        new, more, seen = run(module, chosen, plan)
        lines += new
        points += more
        renderer = renderer or seen
    return lines, points, renderer


def _with_peers(
    lines: list[Line], peer_answers: dict[str, peers.Answers]
) -> list[Line]:
    """Add a line for each peer after its row, with the ratio to that peer."""
    known = list(lines)
    for row in peers.ROWS:
        own = next((x for x in lines if x.row == row and x.ours), None)
        if own is None or own.ours is None:
            continue
        for name, answers in peer_answers.items():
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


def _write(
    folder: Path,
    about: dict[str, Any],
    lines: list[Line],
    points: list[Point],
    peer_answers: dict[str, peers.Answers],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    data = report.as_json(about, lines, points, peer_answers)
    stem = about["date"].replace(":", "").replace("+0000", "")
    file = folder / f"{stem}.json"
    file.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    try:
        plot.draw(points, file.with_suffix(".png"))
    except ImportError:
        _print_progress("no plot, because matplotlib is not installed")
    print(f"\nWritten: {file}")


def _print_progress(what: str) -> None:
    print(f"{what} ...", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.partition("\n")[0]
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--short", action="store_true", help="six minutes (the default)")
    form.add_argument("--long", action="store_true", help="everything, at full size")
    form.add_argument(
        "--tiny", action="store_true", help="a minimal run, to show that it works"
    )
    parser.add_argument("--only", help="comma-separated numbers of rows")
    parser.add_argument(
        "--no-peers", action="store_true", help="do not measure the peers"
    )
    parser.add_argument(
        "--full-size",
        action="store_true",
        help="large images with cutouts of 200 pixels",
    )
    parser.add_argument(
        "--learned",
        action="store_true",
        help="queues in the learned order, while descriptors are being computed",
    )
    parser.add_argument(
        "--profile", choices=("step", "switch"), help="profile a step or a switch"
    )
    parser.add_argument("--docs", action="store_true", help="update docs/speed.md")
    parser.add_argument(
        "--output", type=Path, default=_RESULTS, help="folder for JSON and plot"
    )
    parser.add_argument("--cache", type=Path, help="folder for generated inputs")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
