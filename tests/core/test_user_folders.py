"""Each kind of file has one folder on a system, and its name is there once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix
from platformdirs.windows import Windows

from napari_artifact_review.core import user_folders
from napari_artifact_review.core.decisions.log_paths import log_path_in_user_data
from napari_artifact_review.core.errors import ReviewError

NAME = "napari-artifact-review"
FOLDERS = ("cache_folder", "settings_folder", "data_folder")


def on_system(monkeypatch, system):
    """Let the folders be those of a system."""
    for kind in ("cache", "config", "data"):

        def path(name, appauthor=None, kind=kind):
            return Path(getattr(system(name, appauthor), f"user_{kind}_dir"))

        monkeypatch.setattr(user_folders, f"user_{kind}_path", path)


def test_a_home_folder_that_is_not_known_stays_as_it_was_written(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert user_folders.expanded_path("~/a") == Path.home() / "a"
    assert user_folders.expanded_path("~no such user/a") == Path("~no such user/a")
    assert user_folders.absolute_path("~no such user/a") == tmp_path / "~no such user/a"


def test_a_name_that_no_file_system_allows_is_an_error(tmp_path):
    longest = tmp_path / ("é" * 127)
    assert user_folders.absolute_path(longest) == longest
    with pytest.raises(
        ReviewError, match="file name is too long \\(256 bytes, at most"
    ):
        user_folders.absolute_path(tmp_path / ("é" * 128) / "a.csv")


@pytest.mark.parametrize("system", [Unix, MacOS, Windows])
def test_no_folder_has_the_name_twice(monkeypatch, system):
    monkeypatch.setattr(
        "platformdirs.windows.get_win_folder", lambda _: "C:/Users/ada/AppData/Local"
    )
    on_system(monkeypatch, system)
    for folder in FOLDERS:
        assert str(getattr(user_folders, folder)()).count(NAME) == 1
    if system is Windows:
        [home] = {
            str(path).partition(NAME)[0]
            for path in (getattr(user_folders, folder)() for folder in FOLDERS)
        }
        assert home.startswith("C:")


def test_a_log_where_an_earlier_version_kept_it_is_found(monkeypatch, tmp_path):
    now, former = tmp_path / NAME, tmp_path / NAME / NAME
    monkeypatch.setattr(
        user_folders,
        "user_data_path",
        lambda _, appauthor=None: now if appauthor is False else former,
    )
    output = Path("/data/out.csv").absolute()
    path = log_path_in_user_data(output)
    assert path.is_relative_to(now)
    assert not path.is_relative_to(former)
    old = former / path.relative_to(now)
    old.parent.mkdir(parents=True)
    old.touch()
    assert log_path_in_user_data(output) == old
    path.parent.mkdir(parents=True)
    path.touch()
    assert log_path_in_user_data(output) == path


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG folders")
def test_the_folders_follow_the_user_s_environment(monkeypatch, tmp_path):
    for kind in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))
    found = [getattr(user_folders, folder)() for folder in FOLDERS]
    assert found == [tmp_path / kind / NAME for kind in ("CACHE", "CONFIG", "DATA")]
