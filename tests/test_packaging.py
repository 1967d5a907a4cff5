"""The wheel has the manifest and no tests; the sdist has all that the tests need."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest
from npe2 import PluginManifest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder]
    subprocess.run([*command, ROOT], check=True, capture_output=True)
    return folder


def test_the_wheel_has_the_manifest_and_no_tests(built):
    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    assert "napari_artifact_review/napari.yaml" in names
    assert "napari_artifact_review/core/review/session.py" in names
    assert "napari_artifact_review/report/page.html.jinja" in names
    assert "napari_artifact_review/report/reviewers.html.jinja" in names
    assert not [name for name in names if "test" in name]


def test_the_sdist_has_what_it_takes_to_test(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"README.md", "LICENSE", "script/test", "tests/conftest.py"} <= names


@pytest.mark.exhaustive
def test_the_tests_run_from_the_sdist(built, tmp_path):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    [folder] = tmp_path.iterdir()
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    # Finding the other tests imports all that they need.
    whole = ["tests/test_docs.py", "tests/test_benchmarks.py"]
    manifest = "tests/test_packaging.py::test_the_manifest_is_valid"
    for arguments in (["--collect-only"], [*whole, manifest]):
        done = subprocess.run(
            [*command, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_manifest_is_valid():
    manifest = PluginManifest.from_distribution("napari-artifact-review")
    manifest.validate_imports()
    assert (ROOT / "napari.yaml").resolve() == ROOT.joinpath(
        "src/napari_artifact_review/napari.yaml"
    )


def test_no_qt_binding_is_forced_on_the_user():
    needed = [r for r in requires("napari-artifact-review") or [] if "extra" not in r]
    assert not [r for r in needed if r.lower().startswith(("pyqt", "pyside"))]
    assert "napari[all]" not in " ".join(needed)


def test_napari_starts_without_the_heavy_parts():
    code = (
        "import sys, napari_artifact_review;"
        "print([m for m in ('napari', 'pandas', 'astropy', 'sklearn', 'qtpy',"
        " 'matplotlib', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
