"""A whole review through the real dock, from the predictions to the saved table."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits
from qtpy.QtCore import Qt

from napari_artifact_review import open_review
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.viewer.layers import OWNER

ADDED = [
    "error_id", "label_new", "reviewed_by", "reviewed_at", "decision", "kind", "note",
]  # fmt: skip


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _assert_only_changed(saved: Path, original: Path, changes: dict[int, str]) -> None:
    """Check cell by cell that only some labels differ from the table that was read."""
    after, before = _read(saved), _read(original)
    assert list(after.columns) == [*before.columns, *ADDED]
    pd.testing.assert_frame_equal(after[before.columns], before)
    expected = before.label.copy()
    for row, value in changes.items():
        expected[row] = value
    assert after.label_new.tolist() == expected.tolist()


def _image_on_screen(viewer):
    return next(x for x in viewer.layers if x.metadata.get(OWNER) == "image")


def test_the_demo_is_reviewed_with_keys_alone(
    viewer, demo, tmp_path, press, settle, qtbot
):
    output = tmp_path / "reviewed.csv"
    dock = open_review(viewer, demo.predictions, demo.images, output)
    errors = dock.session.errors
    truth = _read(demo.truth).true_label.astype(int)
    changes = {}
    for error in errors.itertuples():
        settle(dock)
        assert dock.error_id.value == error.error_id
        assert _image_on_screen(viewer).name == f"Review: {error.image_name}"
        press(dock, Qt.Key.Key_J if truth[error.Index] else Qt.Key.Key_K)
        if truth[error.Index] != error.label:
            changes[error.Index] = str(truth[error.Index])
    assert "has been reviewed" in dock.message.value
    press(dock, Qt.Key.Key_W)
    qtbot.waitUntil(lambda: not dock.session.unsaved)
    assert changes, "some of the demo's labels are wrong"
    _assert_only_changed(output, demo.predictions, changes)
    assert (_read(output).reviewed_at != "").sum() == len(errors)

    resumed = open_review(viewer, output, demo.images)
    assert resumed.session.progress == (len(errors), len(errors))


def test_the_sdss_review(viewer, shared_data, tmp_path, press, settle, qtbot):
    table = shutil.copy(shared_data / "sdss/predictions.csv", tmp_path)
    dock = open_review(viewer, table, shared_data / "sdss/images")
    dock.auto_advance.value = False
    session = dock.session
    assert len(session.errors) == 41
    assert len(session.image_names) == 12
    walk, images = [], set()
    while True:
        settle(dock)
        cutout = session.current_cutout
        layer = _image_on_screen(viewer)
        assert layer.name == f"Review: {cutout.image_name}"
        assert layer.data.shape == (1489, 2048)
        walk.append(cutout.error_id)
        images.add(cutout.image_name)
        press(dock, Qt.Key.Key_N)
        if session.current_cutout.row == cutout.row:
            break
    assert sorted(walk) == list(range(1, 42))
    back = []
    for _ in walk:
        settle(dock)
        back.append(dock.error_id.value)
        press(dock, Qt.Key.Key_Comma)
    assert back == walk[::-1]

    changes = {}
    for error_id, key in ((walk[0], Qt.Key.Key_K), (walk[20], Qt.Key.Key_K)):
        dock.image_name.value = session.table.set_index("error_id").image_name[error_id]
        dock.error_id.value = error_id
        settle(dock)
        cutout = session.current_cutout
        press(dock, key if cutout.label else Qt.Key.Key_J)
        changes[cutout.row] = str(1 - cutout.label)
    dock.image_name.value = "frame-g-002188-2-0037"
    settle(dock)
    dock.grid_x.value, dock.grid_y.value = 1000, 600
    assert session.current_cutout.outcome == "TN"
    press(dock, Qt.Key.Key_J)
    changes[session.current_cutout.row] = "1"
    dock.save.native.click()
    qtbot.waitUntil(lambda: not session.unsaved)
    _assert_only_changed(tmp_path / "test_outputs.csv", Path(table), changes)


def test_every_hard_file_is_shown_or_named(viewer, shared_data, tmp_path, settle):
    files = sorted((shared_data / "fits").iterdir())
    lines = ["image_name,grid_x,grid_y,label,preds", "good,0,0,1,0"]
    lines += [f"{file.name},0,0,0,1" for file in files]
    folder = tmp_path / "images"
    folder.mkdir()
    for file in files:
        shutil.copy(file, folder)
    good = np.arange(10_000, dtype=np.float32).reshape(100, 100)
    fits.PrimaryHDU(good).writeto(folder / "good.fits")
    table = tmp_path / "predictions.csv"
    table.write_text("\n".join(lines) + "\n")

    dock = open_review(viewer, table)
    shown = 0
    for file in files:
        dock.image_name.value = file.name
        settle(dock)
        control = dock.controller
        if control.view == "shown":
            shown += 1
            drawn, pixels = _image_on_screen(viewer).data, control.full.pixels
            assert np.array_equal(drawn, pixels.astype(drawn.dtype), equal_nan=True)
        else:
            assert isinstance(control.problem, ImageError)
            assert file.name in dock.panel.unseen.text.tooltip
        dock.image_name.value = "good"
        settle(dock)
        assert np.array_equal(_image_on_screen(viewer).data, good)
    assert 0 < shown < len(files)
