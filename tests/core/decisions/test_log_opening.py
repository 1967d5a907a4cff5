"""Where the log is: beside the output, or where that folder has no locks, apart."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from napari_artifact_review.core import user_folders
from napari_artifact_review.core.decisions.log_opening import stored_reviewers
from napari_artifact_review.core.decisions.log_paths import (
    log_path_beside,
    log_path_in_user_data,
)
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.review.session import ReviewSession
from tests.core.decisions import test_migration as migration

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="the system tells no handle's file"
)


@pytest.fixture(autouse=True)
def data_folder(tmp_path_factory, monkeypatch):
    """Let the user's data folder be a new one."""
    folder = tmp_path_factory.mktemp("data")
    monkeypatch.setattr(user_folders, "user_data_path", lambda *_, **__: folder)
    return folder


class NetworkFolder:
    """A folder for whose files a call of the system can fail."""

    def __init__(self, patch, call, code):
        self._patch = patch
        self._call = call
        self._code = code

    def lose_locks(self, folder=None):
        """Let the call fail for files in a folder; by default in every one."""
        *_, module, name = self._call.split(".")
        real = getattr(sys.modules[module], name)

        def call(handle, *args):
            where = Path(f"/proc/self/fd/{handle}").readlink().parent
            if folder in (None, where):
                raise OSError(self._code, os.strerror(self._code))
            return real(handle, *args)

        self._patch.setattr(self._call, call)

    def regain_locks(self):
        self._patch.undo()


@pytest.fixture(params=[("fcntl.flock", errno.ENOLCK), ("os.fsync", errno.EINVAL)])
def network(request):
    """Return a network folder that has locks at first."""
    with pytest.MonkeyPatch.context() as patch:
        yield NetworkFolder(patch, *request.param)


def test_where_the_folder_has_no_locks_it_is_in_the_users_folder(
    survey, network, data_folder
):
    network.lose_locks(survey.parent)
    for count in range(1, 3):
        with ReviewSession.open(survey, reviewer="me") as session:
            assert session.problem is None
            assert session.store == str(log_path_in_user_data(session.output))
            assert log_path_in_user_data(session.output).is_relative_to(data_folder)
            [notice] = session.notices
            assert f"decisions are kept in {session.store}" in notice
            session.set_label("artifact" if count == 1 else "no artifact")
            assert len(session.log) == count
    assert not log_path_beside(session.output).exists()


def test_what_was_beside_the_output_comes_along(survey, network):
    with ReviewSession.open(survey, reviewer="me") as session:
        session.set_label("artifact")
        session.next()
        session.save()
        at = session.current_cutout.key
    beside = log_path_beside(session.output)
    before = beside.read_bytes()
    network.lose_locks(survey.parent)
    with ReviewSession.open(survey, reviewer="me") as again:
        assert again.log == session.log
        assert (again.current_cutout.key, again.unsaved) == (at, 0)
        assert again.undo()
        assert len(Store(log_path_in_user_data(again.output)).read().entries) == 2
    assert beside.read_bytes() == before
    with ReviewSession.open(survey, read_only=True) as looker:
        assert looker.log == again.log


def test_a_log_of_an_older_version_comes_along_too(tmp_path, network):
    table, output = tmp_path / "predictions.csv", tmp_path / "out.csv"
    table.write_text(migration.TABLE)
    output.write_text(migration.SAVED)
    beside = migration.make(table, output, migration.STORE)
    before = beside.read_bytes()
    network.lose_locks(tmp_path)
    with ReviewSession.open(table, output=output, reviewer="ada") as session:
        assert session.problem is None
        assert migration.labels_of(session) == migration.AFTER
    assert beside.read_bytes() == before


def test_it_stays_apart_when_the_folder_has_locks_again(survey, network):
    network.lose_locks(survey.parent)
    with ReviewSession.open(survey, reviewer="me") as session:
        session.set_label("artifact")
    network.regain_locks()
    with ReviewSession.open(survey, reviewer="me") as again:
        assert again.log == session.log
        assert again.store == session.store


def test_a_review_moves_to_an_output_in_a_folder_network(survey, tmp_path, network):
    folder = tmp_path / "network"
    folder.mkdir()
    network.lose_locks(folder)
    with ReviewSession.open(survey, reviewer="me") as session:
        session.set_label("artifact")
        moved = session.with_output(folder / "out.csv")
    with moved:
        assert moved.problem is None
        assert moved.log == session.log
        assert moved.store == str(log_path_in_user_data(folder / "out.csv"))
        moved.set_label("no artifact")
        back = moved.with_output(tmp_path / "back.csv")
    with back:
        assert back.log == moved.log
        assert back.store == str(log_path_beside(tmp_path / "back.csv"))


def test_a_named_log_network_is_refused(survey, network, tmp_path):
    network.lose_locks(survey.parent)
    with pytest.raises(StoreError, match=r"cannot lock files .*local disk"):
        ReviewSession.open(survey, store=tmp_path / "named.sqlite")


def test_where_no_folder_has_locks_that_is_one_error(survey, network):
    network.lose_locks()
    with pytest.raises(StoreError, match=r"cannot lock files .*local disk"):
        ReviewSession.open(survey)


def test_a_user_without_a_data_folder_gets_one_error(survey, network, data_folder):
    (data_folder / "reviews").write_text("not a folder")
    network.lose_locks(survey.parent)
    with pytest.raises(StoreError, match=r"folder cannot be made"):
        ReviewSession.open(survey)


def reviewers(output):
    return stored_reviewers(log_path_beside(output), output)


def test_the_names_in_a_log_are_read_while_it_is_open(survey):
    output = survey.with_name("test_outputs.csv")
    assert reviewers(output) == ()
    assert not log_path_beside(output).exists()
    for name in ("Ana", "Ben", "Ana", "Cem"):
        with ReviewSession.open(survey, reviewer=name) as session:
            for _ in range(2):
                session.set_label("artifact", note=f"after {len(session.log)}")
            if name == "Cem":
                session.undo()
                session.undo()
                assert reviewers(output) == ("Cem", "Ana", "Ben")


def test_a_log_without_verdicts_has_no_names(survey):
    with ReviewSession.open(survey, reviewer="Ana") as session:
        assert reviewers(session.output) == ()


def test_the_names_are_read_where_the_folder_has_no_locks(survey, network):
    network.lose_locks(survey.parent)
    with ReviewSession.open(survey, reviewer="Ana") as session:
        session.set_label("artifact")
    assert not log_path_beside(session.output).exists()
    assert reviewers(session.output) == ("Ana",)


def test_the_names_in_a_log_of_an_older_version_are_read(tmp_path):
    table, output = tmp_path / "predictions.csv", tmp_path / "out.csv"
    store = migration.STORE.replace("'b',200,0,1,'ada'", "'b',200,0,1,'eve'")
    migration.make(table, output, store)
    before = log_path_beside(output).read_bytes()
    assert reviewers(output) == ("ada", "eve")
    assert log_path_beside(output).read_bytes() == before


def test_a_damaged_log_is_told(survey):
    output = survey.with_name("test_outputs.csv")
    log_path_beside(output).write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="cannot be read"):
        reviewers(output)
