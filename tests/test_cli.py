"""The command line, as a shell runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata

import pytest

from napari_artifact_review import ReviewSession, TableMapping
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


def test_no_control_character_of_a_file_reaches_the_terminal(survey, capsys):
    table = survey.read_text().replace("\nnorth,", "\nno\x1b[31mrth\x9b,", 1)
    survey.write_text(table)
    assert main(["check", str(survey)]) == 2
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "\x9b" not in err
    assert r"no\x1b[31mrth\x9b" in err
    renamed = survey.rename(survey.with_name("p\x1b[31m.csv"))
    renamed.write_text(table.replace("\x1b[31mrth\x9b", "rth"))
    assert main(["check", str(renamed)]) == 0
    assert r"p\x1b[31m.csv" in capsys.readouterr().out


def test_save_writes_the_reviewed_table_of_a_review(survey, capsys):
    with ReviewSession.open(survey) as session:
        session.set_label("artifact", note="=1+1")
    assert main(["save", str(survey)]) == 0
    output = survey.with_name("test_outputs.csv")
    assert capsys.readouterr().out == f"Reviewed table written to {output}\n"
    assert ",=1+1" in output.read_text()
    assert not survey.with_name("test_outputs_spreadsheet.csv").exists()


def test_save_writes_a_copy_for_spreadsheets(survey, capsys):
    with ReviewSession.open(survey) as session:
        session.set_label("artifact", note="=1+1")
        output = session.save()
    assert main(["save", str(output), "--spreadsheet-safe"]) == 0
    copy = survey.with_name("test_outputs_spreadsheet.csv")
    assert str(copy) in capsys.readouterr().out
    assert ",'=1+1" in copy.read_text(encoding="utf-8-sig")
    assert ",=1+1" in output.read_text()


def test_save_offers_utf_8_for_a_note_that_the_encoding_lacks(survey, capsys):
    survey.write_text(survey.read_text().replace("007", "Zoë"), encoding="latin-1")
    with ReviewSession.open(survey) as session:
        session.set_label("artifact", note="→")
    assert main(["save", str(survey)]) == 2
    assert "as UTF-8" in capsys.readouterr().err
    assert main(["save", str(survey), "--encoding", "utf-8"]) == 0
    assert "→" in survey.with_name("test_outputs.csv").read_text(encoding="utf-8")


def test_save_replaces_a_changed_output_only_if_told_to(survey, capsys):
    with ReviewSession.open(survey) as session:
        session.set_label("artifact")
        output = session.save()
        output.write_text(output.read_text().replace("007", "Ada", 1))
        theirs = output.read_bytes()
    assert main(["save", str(survey), "--keep", "beside"]) == 0
    assert output.read_bytes() == theirs
    assert main(["save", str(survey), "--keep", "ours"]) == 0
    assert output.read_bytes() != theirs


def test_save_names_the_window_in_which_the_review_is_open(survey, capsys):
    with ReviewSession.open(survey):
        assert main(["save", str(survey)]) == 2
    assert "open elsewhere" in capsys.readouterr().err


#: Let Python find no Qt.
WITHOUT_QT = """
import sys
for name in ("PyQt5", "PyQt6", "PySide2", "PySide6"):
    sys.modules[name] = None
"""


@pytest.mark.parametrize("command", [["open", "predictions.csv"], ["demo"]])
def test_a_command_with_a_window_says_what_to_install_without_qt(command, tmp_path):
    code = (
        f"{WITHOUT_QT}"
        "from napari_artifact_review.cli import main\n"
        f"sys.exit(main({command!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert 'pip install "napari-artifact-review[all]"' in line


@pytest.fixture
def no_display(monkeypatch):
    """Take the display away, and make napari unusable."""
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("napari.Viewer", None)


@pytest.mark.usefixtures("no_display")
def test_a_command_with_a_window_says_that_there_is_no_display(survey, capsys):
    missing = survey.with_name("none.csv")
    for command, text in (
        (["demo"], "a window needs a display, and there is none"),
        (["open", str(survey)], "a window needs a display, and there is none"),
        (["open", str(missing)], f"{missing}: cannot be read (No such file"),
        (["open", str(missing.parent)], "this is not a regular file"),
        (["open", str(missing), "--columns", "size=a"], "'size=a' is not a meaning"),
    ):
        assert main(command) == 2
        out, err = capsys.readouterr()
        assert (out, len(err.splitlines())) == ("", 1)
        assert text in err


@pytest.mark.usefixtures("no_display")
def test_the_demo_without_a_window_prints_its_folder(tmp_path, capsys):
    folder = tmp_path / "survey"
    command = ["demo", "--no-window", "--images", "1", "--folder", str(folder)]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (f"{folder}\n", "")
    assert main(["check", str(folder / "predictions.csv")]) == 0
    capsys.readouterr()
    assert main(["demo", "--no-window", "--images", "0"]) == 2
    assert capsys.readouterr().err.startswith("a demo needs at least one image")


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    version = metadata.version("napari-artifact-review")
    assert capsys.readouterr().out == f"napari-artifact-review {version}\n"


def test_commands_without_a_window_need_no_qt(survey):
    code = (
        f"{WITHOUT_QT}"
        "from napari_artifact_review.cli import main\n"
        f"sys.exit(main(['check', {str(survey)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# Tables with other columns, values and positions

BAD_OPTIONS = {
    "a meaning that does not exist": (["--columns", "size=a"], "size=a"),
    "columns without names": (["--columns", "image_name"], "image_name"),
    "one class": (["--label-values", "artifact=1"], "artifact and no artifact"),
    "a value of both classes": (
        ["--preds-values", "artifact=1|2,no artifact=2"],
        "both classes",
    ),
    "no stride": (["--stride", "0"], "stride"),
    "no size": (["--cutout-size", "0"], "cutout size"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
@pytest.mark.parametrize("command", ["check", "save", "report"])
def test_an_impossible_mapping_is_one_line(survey, capsys, command, case):
    options, told = BAD_OPTIONS[case]
    more = ["--output", "r.html"] if command == "report" else []
    assert main([command, str(survey), *options, *more]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert told in err


def test_columns_may_be_named_in_several_options(survey, capsys):
    renamed = survey.read_text().replace("image_name,grid_x", "my file, raw,X")
    header, *rows = renamed.splitlines()
    header = header.replace("my file, raw", '"my file, raw"')
    survey.write_text("\n".join([header, *rows, ""]))
    columns = ["--columns", "image_name=my file, raw", "--columns", "grid_x=x"]
    assert main(["check", str(survey)]) == 2
    assert main(["check", str(survey), *columns]) == 0
    assert "3 images" in capsys.readouterr().out


@pytest.fixture
def display(monkeypatch):
    """Let Qt have a display, on which no test here opens a window."""
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")


@pytest.mark.usefixtures("display")
def test_open_gets_the_mapping_and_the_reviewer(survey, monkeypatch):
    opened = {}

    class Viewer:
        """A viewer without a window."""

    def open_review(viewer, predictions, images, output, **options):
        opened.update(options, predictions=predictions)

    monkeypatch.setattr("napari.Viewer", Viewer)
    monkeypatch.setattr("napari.run", lambda: None)
    monkeypatch.setattr("napari_artifact_review.widgets.open_review", open_review)
    values = "artifact=0,no artifact=1"
    arguments = ["--label-values", values, "--stride", "100", "--cutout-size", "200"]
    assert main(["open", str(survey), *arguments, "--reviewer", "me"]) == 0
    assert opened["predictions"] == survey
    assert opened["mapping"] == TableMapping(
        label_values={"artifact": "0", "no artifact": "1"}, stride=100
    )
    assert (opened["cutout_size"], opened["reviewer"]) == (200, "me")
    assert not opened["ask_reviewer"]
    assert main(["open", str(survey)]) == 0
    assert opened["mapping"] is None
    assert opened["ask_reviewer"], "the window asks if it must"


def test_open_refuses_a_name_before_there_is_a_window(survey, monkeypatch, capsys):
    monkeypatch.setattr("napari.Viewer", None)
    assert main(["open", str(survey), "--reviewer", "Ana;Ben"]) == 2
    assert "is not a name for a reviewer" in capsys.readouterr().err
    assert not [*survey.parent.glob("test_outputs*")]


@pytest.fixture
def previous(survey, tmp_path):
    """Review an error of a round before that of the survey; return its table."""
    path = tmp_path / "round 1" / "predictions.csv"
    path.parent.mkdir()
    path.write_text(survey.read_text())
    with ReviewSession.open(path, survey.parent, reviewer="ada") as session:
        session.set_label("no artifact")
    return path


@pytest.mark.usefixtures("display")
def test_open_passes_the_previous_round_and_prints_its_summary(
    survey, previous, monkeypatch, capsys
):
    class Widget:
        def __init__(self, session):
            self.session = session

    def open_review(viewer, predictions, images, output, *, previous, **options):
        return Widget(ReviewSession.open(predictions, images, previous=previous))

    monkeypatch.setattr("napari.Viewer", lambda: None)
    monkeypatch.setattr("napari.run", lambda: None)
    monkeypatch.setattr("napari_artifact_review.widgets.open_review", open_review)
    assert main(["open", str(survey), "--previous", str(previous)]) == 0
    line = (
        "1 verdict carried from the previous round; 0 of them contradicted; errors: "
        "0 new, 1 gone, 3 old\n"
    )
    assert capsys.readouterr().out == line


def test_check_of_a_next_round_prints_the_summary(survey, previous, capsys):
    assert main(["check", str(survey), "--previous", str(previous)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("1 verdict carried from the previous round; ")


def test_a_previous_round_that_cannot_be_read_is_one_line(survey, capsys):
    missing = survey.with_name("missing.csv")
    assert main(["check", str(survey), "--previous", str(missing)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{missing}: the previous round cannot be read: ")


@pytest.mark.parametrize("command", ["report", "save", "export"])
def test_a_store_that_does_not_exist_is_one_line(survey, tmp_path, capsys, command):
    options = {
        "report": ["--output", str(tmp_path / "r.html")],
        "save": [],
        "export": ["--to", str(tmp_path / "out")],
    }[command]
    before = sorted(tmp_path.iterdir())
    missing = tmp_path / "missing.sqlite"
    for store in (str(missing), f"sqlite:///{missing}"):
        assert main([command, str(survey), *options, "--store", store]) == 2
        out, err = capsys.readouterr()
        assert (out, len(err.splitlines())) == ("", 1)
        assert err.startswith(f"{missing}: there is no such file. ")
    assert sorted(tmp_path.iterdir()) == before


def test_check_of_an_output_that_does_not_exist_is_one_line(survey, tmp_path, capsys):
    missing = tmp_path / "nosuch.csv"
    assert main(["check", str(survey), "--reviewed", str(missing)]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(f"{missing}: there is neither such a table nor a log")


@pytest.mark.parametrize(
    "command",
    [["check"], ["save"], ["report", "--output", "r.html"], ["merge", "--into", "m"]],
)
def test_the_home_of_an_unknown_user_is_no_traceback(
    command, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    name, *options = command
    assert main([name, "~no such user/a.csv", *options]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert "~no such user" in err
    assert [*tmp_path.iterdir()] == []


#: A file name that no file system allows.
LONG = "x" * 300


@pytest.mark.parametrize(
    "command",
    [
        ["check", "TABLE", "--reviewed", LONG],
        ["check", "TABLE", "--previous", LONG],
        *(["save", "TABLE", option, LONG] for option in ("--reviewed", "--store")),
        ["save", LONG],
        ["report", "TABLE", "--output", "r.html", "--reviewed", LONG],
        ["report", "TABLE", "--output", "r.html", "--store", LONG],
        *(
            ["export", "TABLE", "--to", "out", option, LONG]
            for option in ("--reviewed", "--store", "--split-from")
        ),
        *(
            ["compare", "TABLE", "TABLE", option, LONG]
            for option in ("--labels", "--test", "--json", "--report")
        ),
        ["merge", "LOG", "--into", LONG],
        ["describe", LONG, "--output", "out"],
        ["score", "m.py:f", ".", "--output", "out.csv", "--labels", LONG],
        ["score", "m.py:f", ".", "--output", LONG],
    ],
)
def test_a_file_name_that_is_too_long_is_one_line(
    command, survey, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text("def f(cutouts): ...")
    with ReviewSession.open(survey) as session:
        session.set_label("artifact")
        log = str(session.store)
    capsys.readouterr()
    files = {"TABLE": str(survey), "LOG": log}
    assert main([files.get(word, word) for word in command]) == 2
    error = capsys.readouterr().err
    assert (len(error.splitlines()), LONG in error) == (1, True)
    assert "too long" in error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(13, "Permission denied", "a\nb"), "a b: Permission denied."),
        (OSError(28, "No space left on device"), "No space left on device."),
        (TimeoutError("the disk did not answer"), "the disk did not answer."),
        (ConnectionResetError(), "ConnectionResetError."),
    ],
)
def test_an_unforeseen_error_of_the_system_is_one_line(
    error, line, survey, monkeypatch, capsys
):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(f"{ReviewSession.__module__}.ReviewSession.open", fail)
    assert main(["save", str(survey)]) == 2
    assert capsys.readouterr().err == f"{line}\n"


#: Run a command that is interrupted, or whose output is closed, at a given import.
AT_AN_IMPORT = """
import builtins, sys
name, *arguments = sys.argv[1:]
found = builtins.__import__
def interrupted(wanted, *rest):
    if wanted.partition(".")[0] == name:
        raise KeyboardInterrupt
    return found(wanted, *rest)
builtins.__import__ = interrupted
from napari_artifact_review.cli import main
sys.exit(main(arguments))
"""


@pytest.mark.parametrize("name", ["numpy", "astropy"])
@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (["check", "predictions.csv"], ""),
        (["compare", "predictions.csv", "predictions.csv"], ""),
        (["export", "predictions.csv", "--to", "out"],
         " Run the same command again to go on."),
    ],
)  # fmt: skip
def test_an_interrupt_is_one_line_also_while_modules_are_imported(
    survey, command, hint, name
):
    run = [sys.executable, "-c", AT_AN_IMPORT, name, *command]
    done = subprocess.run(run, capture_output=True, text=True, cwd=survey.parent)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == f"Stopped.{hint}\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
def test_an_output_that_is_no_longer_read_ends_quietly(survey):
    command = [sys.executable, "-m", "napari_artifact_review", "check", str(survey)]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_previous_round_without_verdicts_is_told(survey, tmp_path, capsys):
    other = tmp_path / "other" / "p.csv"
    other.parent.mkdir()
    other.write_text(survey.read_text())
    for previous in (other, survey):
        assert main(["check", str(survey), "--previous", str(previous)]) == 0
        assert capsys.readouterr().out.splitlines()[1:] == [
            "0 verdicts carried from the previous round, which has no verdicts; "
            "errors: 0 new, 0 gone, 4 old"
        ]


def test_check_of_a_next_round_in_the_same_folder_names_its_own_option(
    survey, tmp_path, capsys
):
    with ReviewSession.open(survey, reviewer="ada") as session:
        session.set_label("no artifact")
        previous = session.save()
    new = tmp_path / "new.csv"
    new.write_text(survey.read_text())
    command = ["check", str(new), "--previous", str(previous)]
    assert main(command) == 2
    assert "check --reviewed" in capsys.readouterr().err
    assert main([*command, "--reviewed", str(tmp_path / "new_reviewed.csv")]) == 0
    assert "1 verdict carried" in capsys.readouterr().out
