"""The command line, as a shell runs it."""

from __future__ import annotations

import os

import pytest

from napari_artifact_review import ReviewSession
from napari_artifact_review.cli import main


def test_check_of_a_sound_survey_says_so_and_writes_nothing(survey, capsys):
    before = sorted(survey.parent.rglob("*"))
    assert main(["check", str(survey)]) == 0
    out, err = capsys.readouterr()
    assert (len(out.splitlines()), err) == (1, "")
    assert out.startswith(f"{survey}: 3 images")
    assert sorted(survey.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("contents", "places"),
    [
        (
            "image_name,grid_x,grid_y,label,preds\na,0,0,2,1\na,x,0,0,1\n",
            [", line 3, column grid_x", ", line 2, column label",
             ", line 2, column image_name"],
        ),
        ('image_name,"grid\nx",c\n', [""]),
        ('image_name,"grid\nx",c\n"a\nb",0,1\n', ["", ", line 3, column image_name"]),
        ("# %ECSV 1.0\n# ---\n# datatype: [\na\n", [""]),
    ],
)  # fmt: skip
def test_check_prints_a_line_for_each_fault(tmp_path, capsys, contents, places):
    path = tmp_path / "p.csv"
    path.write_text(contents)
    assert main(["check", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == len(places)
    for line, place in zip(err.splitlines(), places, strict=True):
        assert line.startswith(f"{path}{place}: ")


def test_check_names_faults_of_table_and_images_together(survey, capsys):
    (survey.parent / "west.fits").unlink()
    (survey.parent / "south.fits").write_bytes(b"")
    with survey.open("a") as table:
        table.write("north,0,900,0,maybe,0.1,007\n")
    assert main(["check", str(survey)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.removeprefix(f"{survey}, ").split(": ")[0] for line in lines] == [
        "line 38, column preds",
        "line 38, column grid_y",
        "line 14, column image_name",
        "line 26, column image_name",
    ]


def test_check_of_a_folder_of_images_elsewhere(survey, tmp_path, capsys):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for image in tmp_path.glob("*.fits"):
        image.rename(moved / image.name)
    assert main(["check", str(survey)]) == 2
    assert main(["check", str(survey), "--images", str(moved)]) == 0
    assert "36 cutouts" in capsys.readouterr().out


def test_check_counts_the_decisions_beside_another_output(survey, tmp_path, capsys):
    output = tmp_path / "mine.csv"
    with ReviewSession.open(survey, output=output) as session:
        session.set_label("artifact")
    assert main(["check", str(survey)]) == 0
    assert "0 of them reviewed" in capsys.readouterr().out
    assert main(["check", str(survey), "--reviewed", str(output)]) == 0
    assert "1 of them reviewed" in capsys.readouterr().out


def test_check_of_a_table_that_is_not_there(tmp_path, capsys):
    assert main(["check", str(tmp_path / "none.csv")]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(f"{tmp_path / 'none.csv'}: cannot be read")


def test_check_prints_a_path_that_is_no_text(survey, capsys):
    folder = survey.parent / os.fsdecode(b"n\xffght")
    folder.mkdir()
    for path in (survey, *survey.parent.glob("*.fits")):
        path.rename(folder / path.name)
    assert main(["check", str(folder / survey.name)]) == 0
    assert "n\\udcffght" in capsys.readouterr().out
