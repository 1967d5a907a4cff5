"""A file is written whole or not at all."""

from __future__ import annotations

import os
import stat

import pytest

from napari_artifact_review.core import saving
from napari_artifact_review.core.errors import SaveError
from napari_artifact_review.core.saving import keep_backup, replace_file

posix = pytest.mark.skipif(
    os.name == "nt", reason="Windows has no such modes and links"
)


def write(data):
    return lambda stream: stream.write(data)


def failing(error):
    def fail(stream):
        stream.write(b"half")
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(28, "No space left on device"), SaveError),
        (UnicodeEncodeError("latin-1", "漢", 0, 1, "no"), SaveError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_what_was_there_stays_if_writing_fails(tmp_path, error, raised):
    path = tmp_path / "out.csv"
    path.write_bytes(b"before")
    with pytest.raises(raised):
        replace_file(path, failing(error))
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"before"]


def test_a_folder_that_is_not_there_is_a_fault(tmp_path):
    with pytest.raises(SaveError, match="Nothing was overwritten"):
        replace_file(tmp_path / "none" / "out.csv", write(b""))


def test_a_folder_in_place_of_the_file_is_a_fault(tmp_path):
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(SaveError):
        replace_file(tmp_path / "out.csv", write(b""))
    with pytest.raises(SaveError):
        keep_backup(tmp_path / "out.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


@posix
def test_mode_and_link_are_kept(tmp_path):
    target, link = tmp_path / "target.csv", tmp_path / "out.csv"
    target.write_bytes(b"before")
    target.chmod(0o640)
    link.symlink_to(target)
    replace_file(link, write(b"after"))
    assert link.is_symlink()
    assert target.read_bytes() == b"after"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@posix
def test_a_new_file_has_the_mode_that_any_new_file_has(tmp_path):
    replace_file(tmp_path / "ours", write(b""))
    (tmp_path / "other").touch()
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_every_backup_has_a_name_of_its_own(tmp_path):
    path = tmp_path / "out.csv"
    assert keep_backup(path) is None
    backups = []
    for text in ("one", "two"):
        path.write_text(text)
        backups.append(keep_backup(path))
    assert [backup.read_text() for backup in backups] == ["one", "two"]
    assert all(backup.match("out.*.backup.csv") for backup in backups)


def test_a_backup_that_fails_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "out.csv"
    path.write_text("one")

    def full(_source, target):
        target.write_text("o")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saving.shutil, "copy2", full)
    with pytest.raises(SaveError, match=r"backup of out\.csv cannot be made"):
        keep_backup(path)
    assert list(tmp_path.iterdir()) == [path]
