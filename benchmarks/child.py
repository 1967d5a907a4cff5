"""One module's rows in a process of their own: they leave nothing behind for others."""

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
from .stopwatch import catch_slots


def main(name: str, rows: list[int], plan: Plan, answers: Path) -> int:
    """Run some rows of a module, and write each line as soon as it is known."""
    faulthandler.enable()
    catch_slots()
    failed = False

    def tell(kind: str, data: dict[str, object]) -> None:
        with answers.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, **data}) + "\n")

    module = import_module(f"benchmarks.rows.{name}")
    with module.stage(plan) as stage:
        for row in rows:
            try:
                if "vispy" in sys.modules:
                    tell("opengl", {"name": _renderer()})
                for answer in module.ROWS[row](stage):
                    if isinstance(answer, Line):
                        tell("line", answer.as_json())
                    elif isinstance(answer, Point):
                        tell("point", asdict(answer))
            except Exception as error:  # noqa: BLE001
                failed = True
                traceback.print_exc()
                said = f"{type(error).__name__}: {error}"
                tell(
                    "line",
                    Line(row, module.ROWS[row].__doc__ or "", error=said).as_json(),
                )
    return int(failed)


def _renderer() -> str:
    try:
        return opengl()
    except Exception:  # noqa: BLE001
        # Without a canvas there is none.
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
