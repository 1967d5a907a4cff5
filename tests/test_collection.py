"""Which tests run in a clone that has no real inputs beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.promised import to_leave_out

_TESTS = """
def test_of_a_real_file(shared_data):
    assert shared_data.is_dir()


def test_of_a_made_file(tmp_path):
    assert tmp_path.is_dir()
"""


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("has_inputs", "processes", "passed"),
    [(False, ("-n", "1"), "1 passed"), (True, (), "2 passed")],
)
def test_tests_of_real_files_are_left_out_where_there_are_none(
    tmp_path, has_inputs, processes, passed
):
    tests = tmp_path / "clone" / "tests"
    tests.mkdir(parents=True)
    for name in (
        "conftest",
        "meeting_places",
        "nightly",
        "postgres",
        "promised",
        "slow_disk",
    ):
        shutil.copy(Path(__file__).with_name(f"{name}.py"), tests)
    (tests / "test_two.py").write_text(_TESTS)
    if has_inputs:
        (tmp_path / "shared" / "data").mkdir(parents=True)
    # Other plugins, napari's among them, take longer to import than the tests to run.
    plugins = ("-p", "xdist.plugin") if processes else ()
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", *plugins, *processes, tests],
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        cwd=tests.parent,
    )
    *_, last = run.stdout.splitlines()
    assert passed in last
    assert "skipped" not in last
    assert run.returncode == 0
    told = [line for line in run.stdout.splitlines() if "../shared/data" in line]
    assert len(told) == (not has_inputs)


def test_tests_of_windows_are_left_out_unless_a_promise_names_them():
    tests = Path(__file__).parent
    pending = "widgets/test_pending.py"
    promised = "test_a_late_answer_moves_nothing"
    items = [
        SimpleNamespace(path=tests / file, name=name, fixturenames=fixtures)
        for file, name, *fixtures in (
            (pending, "test_first[a]", "windows"),
            (pending, "test_second", "windows"),
            (pending, f"{promised}[x]", "viewer", "windows"),
            (pending, "test_without_a_window"),
            ("core/test_grid.py", promised),
            ("widgets/test_dock.py", promised, "windows"),
            ("widgets/test_dock.py", promised, "windows"),
        )
    ]
    left_out = [id(item) for item in to_leave_out(items)]
    assert left_out == [id(items[1]), id(items[6])]
