"""The command line, as a shell sees it."""

from __future__ import annotations

import pytest

from napari_artifact_review.cli import main


def test_check_of_a_sound_survey_says_so(survey, capsys):
    assert main(["check", str(survey)]) == 0
    out, err = capsys.readouterr()
    assert (len(out.splitlines()), err) == (1, "")
    assert out.startswith(f"{survey}: 3 images")


@pytest.mark.parametrize(
    ("contents", "count"),
    [
        ("image_name,grid_x,grid_y,label,preds\na,0,0,2,1\na,x,0,0,1\n", 2),
        ('image_name,"grid\nx",c\n', 1),
        ("# %ECSV 1.0\n# ---\n# datatype: [\na\n", 1),
    ],
)
def test_check_prints_a_line_for_each_fault(tmp_path, capsys, contents, count):
    path = tmp_path / "p.csv"
    path.write_text(contents)
    assert main(["check", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == count
    assert all(line.startswith(str(path)) for line in err.splitlines())


def test_check_of_a_folder_of_images_elsewhere(survey, tmp_path, capsys):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for image in tmp_path.glob("*.fits"):
        image.rename(moved / image.name)
    assert main(["check", str(survey)]) == 2
    assert main(["check", str(survey), "--images", str(moved)]) == 0
    assert "36 cutouts" in capsys.readouterr().out
