"""Checking a table and its images."""

from __future__ import annotations

from napari_artifact_review.core.check import check_review


def test_a_sound_survey_has_a_summary(survey):
    summary, faults = check_review(survey)
    assert faults == []
    assert "3 images, 36 cutouts of 200 px, 4 errors, 0 of them reviewed" in summary


def test_every_bad_image_and_cutout_is_named(survey):
    (survey.parent / "north.fits").unlink()
    (survey.parent / "west.fits").write_bytes(b"not FITS")
    with survey.open("a") as table:
        table.write("south,800,0,0,0,0.1,007\n")
    summary, faults = check_review(survey)
    assert summary == ""
    assert len(faults) == 3
    assert "north" in str(faults[0])
    assert "west" in str(faults[1])
    assert "line 38: the cutout south (800, 0) lies wholly outside" in str(faults[2])


def test_a_folder_that_is_not_there_is_a_fault(survey):
    summary, faults = check_review(survey, survey.parent / "none")
    assert summary == ""
    assert faults
