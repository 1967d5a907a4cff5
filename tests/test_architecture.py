"""Imports run one way: widgets -> viewer -> core, and widgets -> report -> core."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import napari_artifact_review

PACKAGE = Path(napari_artifact_review.__file__).parent
NAME = "napari_artifact_review"
ROOMS = ("core", "viewer", "widgets", "demo", "report")
QT = ("qtpy", "PyQt5", "PyQt6", "PySide2", "PySide6", "magicgui", "superqt")
FORBIDDEN = {
    "core": ("napari", *QT, *(f"{NAME}.{r}" for r in ROOMS if r != "core")),
    "viewer": (*QT, "napari._qt", "napari.qt", f"{NAME}.widgets", f"{NAME}.report"),
    "demo": ("napari", *QT, *(f"{NAME}.{r}" for r in ("viewer", "widgets", "report"))),
    # The style is colours, and imports nothing.
    "report": (
        "napari",
        *QT,
        "matplotlib.pyplot",
        f"{NAME}.widgets",
        f"{NAME}.demo",
        *(
            f"{NAME}.viewer.{path.stem}"
            for path in PACKAGE.joinpath("viewer").glob("*.py")
            if path.stem != "style"
        ),
    ),
}


def imported(source: str, package: str) -> set[str]:
    """Return the full names that a module of `package` imports, wherever it does."""
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
def test_no_module_imports_what_is_above_it(folder):
    modules = sorted((PACKAGE / folder).rglob("*.py"))
    assert modules
    wrong = [
        f"{path.name} imports {name}"
        for path in modules
        for name in imported(path.read_text(encoding="utf-8"), f"{NAME}.{folder}")
        if any(name == bad or name.startswith(f"{bad}.") for bad in FORBIDDEN[folder])
    ]
    assert wrong == []


def test_relative_imports_are_seen_too():
    found = imported("from ..widgets import dock\nfrom . import a", f"{NAME}.core")
    assert found == {f"{NAME}.widgets.dock", f"{NAME}.core.a"}


def test_a_session_and_a_report_need_neither_napari_nor_qt():
    code = (
        f"import sys, {NAME}.core.session, {NAME}.core.check, {NAME}.report.page;"
        "loaded = {name.split('.')[0] for name in sys.modules};"
        f"print(sorted({{'napari', *{QT!r}}} & loaded))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
