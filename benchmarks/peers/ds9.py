"""SAOImage DS9, controlled by a script in its own language.

The times then include no messages between programs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.surveys import CUTOUT

from . import PeerImages

#: RealizeDS9 draws everything pending. The X server answers the question about the
#: mouse only after it has drawn everything.
_PRELUDE = r"""
set answers [open "{answers}" w]
proc timed {{row script}} {{
    global answers
    set begin [clock microseconds]
    uplevel #0 $script
    RealizeDS9
    winfo pointerxy .
    set end [clock microseconds]
    if {{$row}} {{ puts $answers "$row [expr {{($end - $begin) / 1e6}}]" }}
}}
proc box {{x y how}} {{
    global current
    return [$current(frame) marker command ds9 \
        "{{image; box($x,$y,{size},{size},0) # $how}}"]
}}
proc look {{x y}} {{
    global current box_of
    catch {{ $current(frame) marker $box_of($current(frame)) delete }}
    set box_of($current(frame)) [box $x $y "color=yellow width=3"]
    PanToFrame $current(frame) $x $y image fk5
}}
if {{[catch {{
"""
_END = """
} message]} { puts $answers "failed: $message" }
close $answers
exit
"""


def main(predictions: Path, steps: int, switches: int) -> None:
    """Time steps and switches."""
    if shutil.which("ds9") is None:
        sys.exit("DS9 is not installed")
    survey = PeerImages(predictions)
    with tempfile.TemporaryDirectory() as folder:
        script, answers = Path(folder, "steps.tcl"), Path(folder, "answers.txt")
        prelude = _PRELUDE.format(answers=answers, size=CUTOUT)
        lines = _commands(survey, steps, switches)
        script.write_text(prelude + "\n".join(lines) + _END)
        subprocess.run(
            ["ds9", "-geometry", "1400x900", "-source", str(script)],
            timeout=50 + steps,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        output = answers.read_text() if answers.exists() else ""
    print(output)
    if "failed" in output or not output:
        sys.exit(output.strip().splitlines()[-1] if output else "DS9 printed nothing")


def _commands(survey: PeerImages, steps: int, switches: int) -> Iterator[str]:
    # For row 2, each image is in its own frame and has been drawn before.
    for i, (file, marked) in enumerate(survey.images):
        yield "" if i == 0 else "CreateFrame"
        yield f"timed 0 {{\n{_load(file, marked)}\n}}"
        yield f"set frame_of({i}) $current(frame)"
    first = survey.images[0][1]
    errors = first[first.error]
    yield "timed 0 { GotoFrame $frame_of(0); UpdateDS9 }"
    for i in range(steps + 2):
        yield f"timed {int(i > 1)} {{ {_look(errors.iloc[i % len(errors)])} }}"
    for i in range(1, switches + 2):
        which = i % len(survey.images)
        marked = survey.images[which][1]
        go = f"GotoFrame $frame_of({which}); UpdateDS9"
        look = _look(marked[marked.error].iloc[0])
        yield f"timed {2 * (i > 1)} {{ {go}; {look} }}"
    for i in range(switches + 1):
        file, marked = survey.images[i % len(survey.images)]
        yield f"timed {3 * (i > 0)} {{\n{_load(file, marked)}\n}}"


def _load(file: Path, marked: Any) -> str:
    """Return the commands that load a file, with boxes and texts."""
    lines = [f'LoadFitsFile "{file}" {{}} {{}}', "FinishLoad", "MarkerDeleteAll"]
    lines.append("set current(zoom) {2 2}; ChangeZoom")
    for cutout in marked.itertuples():
        x, y = _center_of(cutout)
        color = "purple" if cutout.preds else "blue"
        how = f"color={color} text='{cutout.confidence:.2f}'"
        lines.append(f'box {x} {y} "{how}"')
    lines.append(_look(marked[marked.error].iloc[0]))
    return "\n".join(lines)


def _look(error: Any) -> str:
    return "look {} {}".format(*_center_of(error))


def _center_of(cutout: Any) -> tuple[float, float]:
    """Return the centre of a cutout for DS9, where the first pixel is 1."""
    half = CUTOUT / 2 + 0.5
    return float(cutout.grid_x + half), float(cutout.grid_y + half)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
