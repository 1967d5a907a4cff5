"""Profile a step or a switch."""

from __future__ import annotations

import ast
import cProfile
import pstats
from functools import cache
from pathlib import Path

from qtpy.QtCore import Qt

from . import surveys
from .measures import Timings
from .plan import Plan
from .review import Review

#: Packages that the profile lists, and parts that only forward events, which it omits.
_LISTED = ("napari_artifact_review", "napari", "vispy", "magicgui")
_OMITTED = ("utils/events", "vispy/util/event", "psygnal", "benchmarks", "/_qtpy")
_OMITTED += ("app/canvas.py", "scene/events.py", "util/theme", "magicgui/signature")


def profile(plan: Plan, work: str) -> str:
    """Return the costs of "step" or "switch" as text, the highest first."""
    count = plan.pick(2, 40, 150) if work == "step" else plan.pick(1, 15, 50)
    review = Review(plan, surveys.ccds(plan))
    profiler = cProfile.Profile()
    times, plain = Timings(), Timings()
    names = [n for n in review.session.image_names if len(review.errors_of(n)) > 2]
    for i, name in enumerate(names):
        errors = review.errors_of(name)
        if len(times.values) >= count:
            break
        if work == "switch":
            review.go_to(errors[-1].error_id)
            presses = 1
        else:
            review.go_to(errors[0].error_id)
            presses = len(errors) - 1
        for _ in range(presses):
            # The profiler slows Python down, so every other image is timed without it.
            if i % 2:
                profiler.enable()
            seconds = review.window.press(Qt.Key.Key_N, review.is_shown)
            profiler.disable()
            if i > 1:
                (times if i % 2 else plain).add(seconds)
            elif i % 2:
                profiler = cProfile.Profile()
    review.close()
    head = (
        f"a {work}: {plain.median:.0f} ms, under the profiler {times.median:.0f} ms "
        f"(medians of {len(times.values)}); milliseconds with everything called, calls"
    )
    return "\n".join([head, *_lines(profiler, len(times.values))])


def _lines(profiler: cProfile.Profile, count: int) -> list[str]:
    ours: list[tuple[float, str]] = []
    others: list[tuple[float, str]] = []
    for (file, line, name), (_, calls, _, total, _) in pstats.Stats(
        profiler
    ).stats.items():
        if any(part in file for part in _OMITTED) or name in ("<genexpr>", "<lambda>"):
            continue
        package = next((p for p in _LISTED if f"/{p}/" in file), None)
        if package is None:
            continue
        short = file.rpartition(f"/{package}/")[2].removesuffix(".py")
        summary = _summary_of(file, line)
        text = f"{total / count * 1e3:7.1f}  {calls / count:7.1f}  "
        text += f"{package}/{short}.{name}" + (f": {summary}" if summary else "")
        (ours if package == _LISTED[0] else others).append((total, text))
    return [
        "this project:",
        *(text for _, text in sorted(ours, reverse=True)[:22]),
        "napari, vispy and magicgui:",
        *(text for _, text in sorted(others, reverse=True)[:40]),
    ]


@cache
def _summary_of(file: str, line: int) -> str:
    """Return the first line of the docstring of the function at a line."""
    try:
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = (
                node.decorator_list[0].lineno if node.decorator_list else node.lineno
            )
            if line in (first, node.lineno):
                return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""
