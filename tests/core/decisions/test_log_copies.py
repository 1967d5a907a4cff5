"""Logs as whole files: read as they were written, and not changed by reading."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.decisions.log_copies import read_log, write_log
from napari_artifact_review.core.decisions.schema import (
    CARRIED_VERSION,
    SCHEMA_VERSION,
    Binding,
    ImageRecord,
    SaveRecord,
    StoreContents,
)
from napari_artifact_review.core.errors import StoreError

LOG = "1" * 32


def contents(origin="decided"):
    log = DecisionLog(log_id=LOG)
    cutout = CutoutKey("é\n'; --", -5, 2**40)
    decision = Decision(cutout, 1, "Ana", "2026-01-01T00:00:00.000Z", "artifact")
    log.add(log.decide([decision], {cutout: {"threshold": 0.5}}, origin))
    return StoreContents(
        Binding("/survey/p.csv", "fingerprint"),
        list(log.entries),
        [SaveRecord("digest", "/out.csv", {LOG: 1}, "Ana", "2026-01-02T00:00:00.000Z")],
        {"queue": "as it was"},
        "2" * 32,
        LOG,
        images=[ImageRecord("px1-0", "a", 10, "2026-01-03T00:00:00Z")],
    )


def version(path):
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT schema_version FROM review").fetchone()[0]


@pytest.mark.parametrize(
    ("origin", "expected"), [("decided", SCHEMA_VERSION), ("carried", CARRIED_VERSION)]
)
def test_a_log_is_read_as_it_was_written(tmp_path, origin, expected):
    path = tmp_path / "log.sqlite"
    for _ in range(2):
        write_log(path, contents(origin))
        bytes_before = path.read_bytes()
        found = read_log(path)
        assert found == contents(origin)
        assert found.saves[0].saved_at == contents().saves[0].saved_at
        assert (version(path), path.read_bytes()) == (expected, bytes_before)
    assert list(tmp_path.iterdir()) == [path]


def test_a_copy_of_a_log_has_a_log_of_its_own(tmp_path):
    path = tmp_path / "log.sqlite"
    write_log(path, contents())
    shutil.copy(path, tmp_path / "copy.sqlite")
    copy = read_log(tmp_path / "copy.sqlite")
    assert copy.log_id != LOG
    assert copy.entries == contents().entries


def test_a_damaged_page_is_found_although_no_entry_is_on_it(tmp_path):
    path = tmp_path / "log.sqlite"
    write_log(path, contents())
    with closing(sqlite3.connect(path)) as db:
        query = "SELECT rootpage FROM sqlite_master WHERE name LIKE '%decisions%_1'"
        [page] = db.execute(query).fetchone()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = bytes(4096)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged") as caught:
        read_log(path)
    assert caught.value.path == path


def test_an_error_names_the_file_to_be_written(tmp_path, slow_disk):
    slow_disk.fault = sqlite3.OperationalError("disk I/O error")
    path = tmp_path / "log.sqlite"
    with pytest.raises(StoreError, match="disk I/O error") as caught:
        write_log(path, contents())
    assert caught.value.path == path
    assert list(tmp_path.iterdir()) == []
