"""Run the rows of one module in a separate process, without effects on other rows."""

from __future__ import annotations

import faulthandler
import json
import sys
import traceback
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from .machine import opengl
from .measures import Line, Point
from .plan import Plan
from .stopwatch import raise_slot_errors


def main(name: str, rows: list[int], plan: Plan, answers: Path) -> int:
    """Run some rows of a module, and write each line as soon as it is measured."""
    faulthandler.enable()
    raise_slot_errors()
    failed = False

    def write(kind: str, data: dict[str, object]) -> None:
        with answers.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, **data}) + "\n")

    module = import_module(f"benchmarks.rows.{name}")
    with module.prepare(plan) as prepared:
        for row in rows:
            try:
                if "vispy" in sys.modules:
                    write("opengl", {"name": _renderer()})
                for answer in module.ROWS[row](prepared):
                    if isinstance(answer, Line):
                        write("line", answer.as_json())
                    elif isinstance(answer, Point):
                        write("point", asdict(answer))
            except Exception as error:  # noqa: BLE001
                failed = True
                traceback.print_exc()
                message = f"{type(error).__name__}: {error}"
                write(
                    "line",
                    Line(row, module.ROWS[row].__doc__ or "", error=message).as_json(),
                )
    return int(failed)


def _renderer() -> str:
    try:
        return opengl()
    except Exception:  # noqa: BLE001
        # Without a canvas there is no renderer.
        return ""


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    sys.exit(
        main(
            given["module"],
            given["rows"],
            Plan.from_json(given["plan"]),
            Path(given["answers"]),
        )
    )
