"""The check of a table and its images lists every fault and writes nothing."""

from __future__ import annotations

import weakref
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review import cli
from napari_artifact_review.core.images import folder
from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.core.review.check import check_review
from napari_artifact_review.core.review.session import ReviewSession

HEADER = "image_name,grid_x,grid_y,label,preds,error_id"


def put(folder, *rows, header=HEADER):
    path = folder / "t.csv"
    path.write_text("".join(f"{line}\n" for line in (header, *rows)))
    return path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def image(folder, name, rows=400, columns=600):
    fits.writeto(folder / f"{name}.fits", np.zeros((rows, columns), np.uint8))


def test_a_sound_survey_has_a_summary_and_nothing_is_written(survey):
    before = sorted(survey.parent.rglob("*"))
    summary, faults = check_review(survey)
    assert faults == []
    assert summary.startswith(str(survey))
    assert "3 images, 36 cutouts of 200 px, 4 errors, 0 of them reviewed" in summary
    assert sorted(survey.parent.rglob("*")) == before


def test_the_summary_counts_what_is_reviewed_and_tells_what_decides(tmp_path):
    image(tmp_path, "a")
    header = "image_name,grid_x,grid_y,label,confidence,reviewed_by,reviewed_at"
    rows = ["a,0,0,0,0.97,ada,", "a,200,0,1,0.9,,2026-01-01", "a,400,0,1,0.9,,"]
    summary, faults = check_review(put(tmp_path, *rows, header=header))
    assert faults == []
    assert "3 errors, 2 of them reviewed; without preds, confidence >= 0.95" in summary


def test_the_summary_counts_the_decisions_that_are_not_saved_yet(survey):
    with ReviewSession.open(survey) as session:
        session.set_label("artifact")
        session.next()
        session.set_label("unsure")
        session.next()
        session.set_label("artifact")
        session.undo()
        # A verdict about a cutout that is no error.
        session.set_queue(["TN"])
        session.set_label("unsure")
        assert "4 errors, 2 of them reviewed" in check_review(survey)[0]
    before = contents(survey.parent)
    summary, faults = check_review(survey)
    assert faults == []
    assert "4 errors, 2 of them reviewed" in summary
    assert before == contents(survey.parent), "a check leaves no trace"


def test_what_is_left_out_of_an_image_is_told_once_for_all_images(tmp_path):
    for name in ("a", "b", "c"):
        cube = fits.ImageHDU(np.zeros((3, 400, 600), np.uint8), name="SCI")
        hdus = [fits.PrimaryHDU(), cube, *([cube] if name == "c" else [])]
        fits.HDUList(hdus).writeto(tmp_path / f"{name}.fits")
    rows = [f"{name},0,0,1,1,{i}" for i, name in enumerate("abc")]
    summary, faults = check_review(put(tmp_path, *rows))
    assert faults == []
    assert summary.splitlines()[1:] == [
        "a and 2 more: first plane of 3",
        "c: HDU 1 (SCI) of 2 images: 1 SCI, 2 SCI",
    ]
    summary, faults = check_review(put(tmp_path, *rows), hdu=2)
    assert len(faults) == 2
    assert summary == ""


def test_decisions_that_cannot_be_read_are_a_fault_beside_the_others(survey):
    with ReviewSession.open(survey) as session:
        session.set_label("artifact")
        log = Path(session.store)
    (survey.parent / "north.fits").unlink()
    log.write_bytes(b"no SQLite file" * 100)
    summary, faults = check_review(survey)
    assert summary == ""
    assert {fault.path for fault in faults} == {survey, log}
    assert len(faults) == 2


def test_faults_of_table_and_images_are_named_in_one_go(survey):
    (survey.parent / "north.fits").unlink()
    (survey.parent / "west.fits").write_bytes(b"not FITS")
    lines = survey.read_text().splitlines()
    lines[5] = lines[5].replace("north", "north,1")
    lines[30] = lines[30].replace("south,200,200,1", "south,200,200,yes")
    lines += ["south,800,0,0,0,0.1,007", "south,x,0,0,0,0.1,007", "gone,0,0,0,0,0.1,"]
    survey.write_text("\n".join(lines))
    summary, faults = check_review(survey)
    assert summary == ""
    assert all(fault.path == survey and fault.remedy for fault in faults)
    assert [(fault.where, fault.what.rpartition(": ")[2][:26]) for fault in faults] == [
        ("line 6", "8 cells where the header h"),
        ("line 39, column grid_x", "'x' is not a whole number "),
        ("line 31, column label", "'yes' is not 0 or 1"),
        ("line 2, column image_name", "image 'north' not found"),
        ("line 14, column image_name", "this is not a FITS file"),
        ("line 38, column grid_x", "the cutout south (800, 0) "),
        ("line 40, column image_name", "image 'gone' not found"),
    ]


def test_images_are_checked_in_a_table_that_lacks_a_column(tmp_path):
    image(tmp_path, "a")
    table = put(tmp_path, "a,0,9", "b,0,0", header="image_name,grid_x,preds")
    assert [fault.where for fault in check_review(table)[1]] == [
        None,
        "line 2, column preds",
        "line 3, column image_name",
    ]


def test_repeated_ids_and_cutouts_are_told_beside_other_faults(tmp_path):
    image(tmp_path, "a")
    table = put(
        tmp_path,
        "a,0,0,0,1,1",
        "a,0,0,0,0,",
        "a,200,0,0,1,1",
        "a,400,0,0,?,1",
        "a,?,0,1,0,2",
    )
    assert [fault.where for fault in check_review(table)[1]] == [
        "line 6, column grid_x",
        "line 3, column image_name",
        "line 5, column preds",
        "line 4, column error_id",
    ]


@pytest.mark.parametrize(
    ("x", "y", "column"),
    [
        (599, 399, None),
        (-199, -199, None),
        (600, 0, "grid_x"),
        (-200, 0, "grid_x"),
        (0, 400, "grid_y"),
        (0, -200, "grid_y"),
        (600, 400, "grid_x and grid_y"),
        (2**63 - 1, 0, "grid_x"),
        (-(2**63) + 1, 2**63 - 1, "grid_x and grid_y"),
    ],
)
def test_a_cutout_wholly_outside_its_image_is_named_with_its_column(
    tmp_path, x, y, column
):
    image(tmp_path, "a")
    faults = check_review(put(tmp_path, "a,0,0,0,1,1", f"a,{x},{y},0,0,"))[1]
    expected = [] if column is None else [f"line 3, column {column}"]
    assert [fault.where for fault in faults] == expected


def test_the_size_of_a_cutout_is_what_the_sound_positions_tell(tmp_path):
    image(tmp_path, "a", rows=64, columns=96)
    grid = [(x, y) for x in (0, 32, 64) for y in (-31, 1, 33)]
    rows = [f"a,{x},{y},0,0," for x, y in grid]
    summary, faults = check_review(put(tmp_path, *rows))
    assert (faults, "cutouts of 32 px" in summary) == ([], True)
    faults = check_review(put(tmp_path, *rows, "a,?,0,0,0,", "a,0,-63,0,0,"))[1]
    assert [fault.where for fault in faults] == [
        "line 11, column grid_x",
        "line 12, column grid_y",
    ]


def test_a_folder_that_is_not_there_is_one_fault_for_all_images(survey):
    summary, faults = check_review(survey, survey.parent / "none")
    assert summary == ""
    assert [str(fault) for fault in faults] == [
        f"{survey.parent / 'none'}: the folder of the images does not exist. "
        "Choose the folder that holds them."
    ]


def test_a_folder_with_none_of_the_images_is_one_fault(survey, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    summary, [fault] = check_review(survey, wrong)
    assert summary == ""
    assert fault.path == wrong
    assert fault.what == (
        "none of the 3 images of predictions.csv is found; the first one is 'north'"
    )


def test_images_beside_the_table_are_found(survey):
    beside = survey.parent / "images"
    beside.mkdir()
    for path in survey.parent.glob("*.fits"):
        path.rename(beside / path.name)
    assert check_review(survey)[1] == []


def test_one_image_at_a_time_is_in_memory(survey, monkeypatch):
    alive, most = weakref.WeakSet(), []

    def read(*place, **how):
        full = read_image(*place, **how)
        alive.add(full)
        most.append(len(alive))
        return full

    monkeypatch.setattr(folder, "read_image", read)
    assert check_review(survey)[1] == []
    assert set(most) == {1}


OPPOSED = [(1, 0.02), (0, 0.98), (1, 0.03), (0, 0.99)]


@pytest.mark.parametrize(
    ("rows", "is_told"),
    [
        (OPPOSED, True),
        ([*OPPOSED, (1, "")], True),
        ([*OPPOSED, (1, 0.98)], False),
        ([(preds, 1 - confidence) for preds, confidence in OPPOSED], False),
        (OPPOSED[:3], False),
        ([(preds, "") for preds, _ in OPPOSED], False),
    ],
)
def test_confidences_that_contradict_the_predictions_are_told(
    tmp_path, rows, is_told, capsys
):
    table = tmp_path / "predictions.csv"
    lines = [f"a,{200 * i},0,0,{p},{c}" for i, (p, c) in enumerate(rows)]
    header = "image_name,grid_x,grid_y,label,preds,confidence"
    table.write_text("\n".join([header, *lines]))
    fits.writeto(tmp_path / "a.fits", np.zeros((200, 1000), np.float32))
    assert cli.main(["check", str(table)]) == 0
    assert ("--confidence-of" in capsys.readouterr().out) == is_told
    with ReviewSession.open(table) as session:
        assert any("--confidence-of" in one for one in session.notices) == is_told
