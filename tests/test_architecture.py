"""Forbidden imports of parts of other packages, and imports without a window."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import napari_artifact_review

PACKAGE = Path(napari_artifact_review.__file__).parent
NAME = "napari_artifact_review"
QT = ("qtpy", "PyQt5", "PyQt6", "PySide2", "PySide6", "magicgui", "superqt")
#: Parts of other packages that a contract in pyproject.toml cannot forbid, because
#: import-linter sees other packages as a whole.
FORBIDDEN = {
    "viewer": ("napari._qt", "napari.qt"),
    "report": ("matplotlib.pyplot",),
}


def imported(source: str, package: str) -> set[str]:
    """Return the full names of all imports in a module of `package`."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_no_module_imports_a_forbidden_part(folder):
    modules = sorted((PACKAGE / folder).rglob("*.py"))
    assert modules
    wrong = [
        f"{path.name} imports {name}"
        for path in modules
        for name in imported(path.read_text(encoding="utf-8"), f"{NAME}.{folder}")
        if any(name == bad or name.startswith(f"{bad}.") for bad in FORBIDDEN[folder])
    ]
    assert wrong == []


#: The most lines of a module and of a function, without docstrings.
MODULE_LINES, FUNCTION_LINES = 350, 45

Node = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def code_lines(node: Node, lines: int) -> int:
    """Return a number of lines without those of the docstrings in a node."""
    documented = [
        inner.body[0]
        for inner in ast.walk(node)
        if isinstance(inner, Node) and ast.get_docstring(inner) is not None
    ]
    return lines - sum(doc.end_lineno - doc.lineno + 1 for doc in documented)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.relative_to(PACKAGE).as_posix())
        for path in sorted(PACKAGE.rglob("*.py"))
    ],
)
def test_a_module_and_its_functions_are_short_or_say_why_not(path):
    text = path.read_text(encoding="utf-8")
    module = ast.parse(text)
    lines = code_lines(module, len(text.splitlines()))
    assert lines <= MODULE_LINES or "# Over 350 lines: " in text
    for node in ast.walk(module):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = code_lines(node, node.end_lineno - node.lineno + 1)
            assert lines <= FUNCTION_LINES, node.name


def test_relative_imports_are_seen_too():
    found = imported("from ..widgets import dock\nfrom . import a", f"{NAME}.core")
    assert found == {f"{NAME}.widgets.dock", f"{NAME}.core.a"}


def test_a_session_and_a_report_need_neither_napari_nor_qt():
    code = (
        f"import sys, {NAME}.core.review.session, {NAME}.core.review.check;"
        f"import {NAME}.report.page;"
        "loaded = {name.split('.')[0] for name in sys.modules};"
        f"print(sorted({{'napari', *{QT!r}}} & loaded))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
