"""Heavy libraries are imported only when they are needed."""

from __future__ import annotations

import os
import subprocess
import sys

NAME = "napari_artifact_review"
# Libraries that napari has not imported when it shows its window; together they take
# more than a second.
HEAVY = {
    "astropy",
    "dask.array",
    "imageio",
    "jinja2",
    "matplotlib",
    "pandas",
    "pyarrow",
    "scipy.ndimage",
    "sklearn",
    "sqlalchemy",
    "tifffile",
    "zarr",
}


def imported_after(code: str) -> set[str]:
    """Return the heavy libraries that a fresh process has imported after `code`."""
    code = f"import sys\n{code}\nprint(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=True,
    )
    return HEAVY & set(run.stdout.split())


def test_the_dock_opens_at_once_because_it_imports_nothing_heavy():
    napari = (
        "from napari._qt.qt_main_window import Window\n"
        "from napari.components import ViewerModel\n"
        "from qtpy.QtWidgets import QApplication\n"
        "application, viewer = QApplication([]), ViewerModel()\n"
    )
    dock = f"from {NAME}.widgets import ReviewWidget; ReviewWidget(viewer).prepare()"
    # A library that napari imports itself costs the dock nothing.
    assert imported_after(napari + dock) - imported_after(napari) == set()


def test_opening_a_review_imports_all_it_needs_in_its_thread():
    # The main thread then shows the review, and must not wait for an import.
    code = f"from {NAME}.widgets.opener import import_review; import_review()"
    assert {"astropy", "pandas", "sqlalchemy"} <= imported_after(code)


def test_the_numbers_of_a_review_need_no_plots(survey):
    code = (
        f"from {NAME}.core.review.session import ReviewSession\n"
        f"from {NAME}.widgets.measurer import measure_changes\n"
        f"with ReviewSession.open({str(survey)!r}, read_only=True) as session:\n"
        "    left = session.remaining_snapshot().remaining\n"
        "    found = measure_changes(session.catalog.snapshot(), left)\n"
        "    assert (found.open_count, found.left.queue_size) == (4, 4)"
    )
    assert not {"matplotlib", "sklearn"} & imported_after(code)
