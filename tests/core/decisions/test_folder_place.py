"""A shared folder as a meeting place: bad files, bad disks, and any order of events."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.decisions.entry_pieces import PIECE_SIZE
from napari_artifact_review.core.decisions.exchange import Exchange, find_meeting_place
from napari_artifact_review.core.decisions.folder_place import REVIEW_FILE, FolderPlace
from napari_artifact_review.core.decisions.meeting_place import (
    RawEntry,
    ReviewIdentity,
    Span,
)
from napari_artifact_review.core.errors import FaultyFileError, StoreError
from tests import exchange_thread
from tests.core.decisions import exchange_child
from tests.exchange_thread import has_ended
from tests.nightly import many

FOLDER_PLACE = "napari_artifact_review.core.decisions.folder_place"
SHARED_FOLDER = "napari_artifact_review.core.decisions.shared_folder"
ANA, BEN, CAY = "a" * 32, "b" * 32, "c" * 32


def entries(first, last, log_id=ANA):
    return [RawEntry(log_id, n, json.dumps({"n": n})) for n in range(first, last + 1)]


def identity(log_id):
    return ReviewIdentity(log_id[::-1], "fingerprint", "predictions.csv", log_id)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


class Computer:
    """A computer with its own log, which exchanges when told."""

    def __init__(self, folder, log_id, known=()):
        self.log_id = log_id
        self.entries = list(known)
        self._folder = folder
        self.restart()

    def restart(self):
        """Begin again, as after a kill."""
        self.place = FolderPlace(self._folder)
        review = identity(self.log_id)
        receive = self.entries.extend
        self.exchange = Exchange(self.place, review, self.entries, receive)

    def decide(self, count=1):
        last = sum(entry.log_id == self.log_id for entry in self.entries)
        new = entries(last + 1, last + count, self.log_id)
        self.entries += new
        self.exchange.offer(new)

    def meet(self):
        self.exchange.exchange()

    @property
    def problem(self):
        return self.place.problem


def files_of(folder, writer, log_id=None):
    pieces = f"*-{writer}/{log_id or writer}.*.jsonl"
    return sorted(folder.glob(pieces), key=lambda path: int(path.name.split(".")[1]))


def whole_folder(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# The layout


def test_each_computer_writes_only_its_own_entries_in_its_own_folder(folder):
    ana, ben = Computer(folder, ANA, entries(1, 3)), Computer(folder, BEN)
    ben.decide(2)
    for one in (ana, ben, ana):
        one.meet()
    assert sorted(ana.entries) == sorted(ben.entries)
    for writer in (ANA, BEN):
        [own] = folder.glob(f"*-{writer}")
        assert {path.name for path in own.iterdir()} == {
            REVIEW_FILE,
            f"{writer}.1.jsonl",
        }


def test_joining_without_entries_changes_nothing(folder):
    Computer(folder, ANA).meet()
    assert list(folder.iterdir()) == []


def test_a_verdict_rewrites_at_most_one_file(folder):
    ana = Computer(folder, ANA, entries(1, 2 * PIECE_SIZE + 5))
    ana.meet()
    before = whole_folder(folder)
    ana.decide()
    ana.meet()
    after = whole_folder(folder)
    assert len(files_of(folder, ANA)) == 3
    assert [path for path in after if before.get(path) != after[path]] == [
        files_of(folder, ANA)[-1]
    ]


def test_a_full_file_is_not_written_again(folder):
    ana = Computer(folder, ANA, entries(1, PIECE_SIZE))
    ana.meet()
    [full] = files_of(folder, ANA)
    before = full.stat().st_ino, full.stat().st_mtime_ns
    ana.decide()
    ana.meet()
    assert (full.stat().st_ino, full.stat().st_mtime_ns) == before
    assert len(files_of(folder, ANA)) == 2


def test_entries_of_a_third_computer_are_forwarded_only_if_the_folder_lacks_them(
    folder,
):
    ben = Computer(folder, BEN, entries(1, 4, ANA))
    Computer(folder, ANA, entries(1, 2)).meet()
    ben.meet()
    [forwarded] = files_of(folder, BEN, ANA)
    assert forwarded.name == f"{ANA}.3.jsonl"
    cay = Computer(folder, CAY, entries(1, 4, ANA))
    cay.meet()
    assert files_of(folder, CAY, ANA) == []


def test_files_that_did_not_change_are_not_read_again(folder, monkeypatch):
    Computer(folder, ANA, entries(1, PIECE_SIZE + 5)).meet()
    ben = Computer(folder, BEN)
    ben.meet()
    opened = []
    read = Path.open

    def open_and_note(path, *args, **options):
        opened.append(path.name)
        return read(path, *args, **options)

    def no_digest(*_):
        raise AssertionError("a file was read again")

    monkeypatch.setattr(Path, "open", open_and_note)
    monkeypatch.setattr(f"{FOLDER_PLACE}.decode_piece", no_digest)
    ben.meet()
    # NFS asks the server about a file only if it is opened; a full one never changes.
    assert opened == [f"{ANA}.{PIECE_SIZE + 1}.jsonl"]
    # Nor after a failure, when the exchange joins again.
    folder.rename(folder.with_name("away"))
    with pytest.raises(StoreError):
        ben.meet()
    folder.with_name("away").rename(folder)
    ben.meet()
    assert len(opened) == 2 + len(["review.json"])


def test_a_full_file_that_changes_all_the_same_is_read_again(folder):
    Computer(folder, ANA, entries(1, PIECE_SIZE)).meet()
    ben = Computer(folder, BEN)
    ben.meet()
    files_of(folder, ANA)[0].write_bytes(b"")
    ben.meet()
    assert "damaged" in str(ben.problem)


def test_temporary_files_of_a_killed_writer_are_removed_by_itself(folder):
    ana, ben = Computer(folder, ANA, entries(1, 1)), Computer(folder, BEN)
    ben.decide()
    for one in (ana, ben):
        one.meet()
    pieces = sorted(folder.glob("*/*.1.jsonl"))
    parts = [path.with_name(f".{path.name}.0f.part") for path in pieces]
    for part in parts:
        part.write_text("half")
    ana.restart()
    ana.meet()
    assert all(part.exists() for part in parts), "nothing is written yet"
    ana.decide()
    ana.meet()
    assert [part.parent.name[-32:] for part in parts if part.exists()] == [BEN]
    assert ana.problem is None
    # A session of the same computer that is closing may still write.
    late = folder / parts[0].parent.name / ".late.part"
    late.write_text("half")
    ana.decide()
    ana.meet()
    assert parts[0].parent.name.endswith(ANA)
    assert late.exists()


def test_the_owner_of_a_log_is_right_if_files_disagree(folder, tmp_path):
    Computer(folder, ANA, entries(1, 2)).meet()
    forger = FolderPlace(tmp_path)
    forger.join(identity("0" * 32))
    forger.send([RawEntry(ANA, n, "forged") for n in (1, 2, 3)])
    [forged] = tmp_path.glob("*-" + "0" * 32)
    forged.rename(folder / forged.name)
    ben = Computer(folder, BEN)
    ben.meet()
    assert ben.entries == [*entries(1, 2), RawEntry(ANA, 3, "forged")]


# Files that cannot be used


def damaged(content):
    return content[:-30] + b"x" * 30


DAMAGES = {
    "truncated": (lambda content: content[: len(content) // 2], "not completely"),
    "empty": (lambda _: b"", "not completely"),
    "changed": (damaged, "damaged"),
    "zeros": (lambda content: b"\0" * len(content), "damaged"),
    "longer": (lambda content: content + b"more\n", "damaged"),
    "list": (lambda _: b"[1]\n", "no file of this program"),
    "deep": (lambda _: b"[" * 100_000, "damaged"),
    "other json": (lambda _: b'{"a": 1}\n', "no file of this program"),
    "other log": (
        lambda content: content.replace(BEN.encode(), CAY.encode()),
        "other entries than its name",
    ),
    "newer": (
        lambda content: content.replace(b'"version": 1', b'"version": 2'),
        "another version",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bad_file_is_told_and_left_out_until_it_is_whole(folder, damage):
    change, reason = DAMAGES[damage]
    ana, ben, cay = (Computer(folder, log_id) for log_id in (ANA, BEN, CAY))
    for one in (ana, ben):
        one.decide(3)
        one.meet()
    [bad] = files_of(folder, BEN)
    whole = bad.read_bytes()
    bad.write_bytes(change(whole))
    cay.meet()
    assert cay.entries == entries(1, 3)
    assert isinstance(cay.problem, FaultyFileError)
    assert cay.problem.path == bad
    assert reason in cay.problem.what
    bad.write_bytes(whole)
    cay.meet()
    assert cay.problem is None
    assert sorted(cay.entries) == [*entries(1, 3), *entries(1, 3, BEN)]


@pytest.mark.parametrize("bad", ["pipe", "folder", "link", "large", "file as folder"])
def test_what_is_no_file_of_entries_is_told_and_holds_nothing_up(
    folder, bad, monkeypatch
):
    ana, cay = Computer(folder, ANA, entries(1, 3)), Computer(folder, CAY)
    ana.meet()
    [good] = files_of(folder, ANA)
    path = good.with_name(f"{BEN}.1.jsonl")
    if bad == "pipe":
        os.mkfifo(path)
    elif bad == "folder":
        path.mkdir()
    elif bad == "link":
        path.symlink_to(path)
    elif bad == "large":
        monkeypatch.setattr(f"{SHARED_FOLDER}.LARGEST_FILE", good.stat().st_size)
        path.write_bytes(good.read_bytes() + b"1")
    else:
        path = folder / good.parent.name.replace(ANA, BEN)
        path.write_text("a file")
    cay.meet()
    assert cay.entries == entries(1, 3)
    assert cay.problem.path == path
    assert (bad == "large") == ("larger than" in cay.problem.what)


def test_a_file_that_is_removed_after_it_was_listed_is_no_problem(folder):
    ana, cay = Computer(folder, ANA, entries(1, 3)), Computer(folder, CAY)
    ana.meet()
    # A link to nothing is listed, and cannot be found.
    files_of(folder, ANA)[0].with_name(f"{BEN}.1.jsonl").symlink_to("nothing")
    cay.meet()
    assert cay.entries == entries(1, 3)
    assert cay.problem is None


def test_several_bad_files_are_one_problem(folder):
    ana = Computer(folder, ANA, entries(1, 3))
    ana.meet()
    [good] = files_of(folder, ANA)
    for log_id in (BEN, CAY):
        good.with_name(f"{log_id}.1.jsonl").write_text("no")
    ana.meet()
    assert ana.problem.path.name == f"{BEN}.1.jsonl"
    assert "1 more cannot" in ana.problem.what


@pytest.mark.parametrize(
    "name",
    [
        f"{ANA}.1 (conflicted copy).jsonl",
        f"{ANA}.1.jsonl.tmp",
        f"{ANA.upper()}.1.jsonl",
        f"{ANA}.01.jsonl",
        f"{ANA}.{'9' * 19}.jsonl",
        f"{ANA}.1.jsonl\n",
        f"{ANA}.-1.jsonl",
        ".DS_Store",
        "desktop.ini",
    ],
)
def test_files_with_other_names_are_ignored(folder, name):
    ana, ben = Computer(folder, ANA, entries(1, 3)), Computer(folder, BEN)
    ana.meet()
    own = files_of(folder, ANA)[0].parent
    for place in (own / name, folder / name):
        place.write_text("anything")
    (folder / f"{own.name} (1)").mkdir()
    ben.meet()
    assert ben.entries == entries(1, 3)
    assert ben.problem is None


def test_a_computer_mends_its_own_file_even_if_others_have_its_entries(folder):
    ana, ben = Computer(folder, ANA, entries(1, 3)), Computer(folder, BEN)
    for one in (ana, ben):
        one.meet()
    [own] = files_of(folder, ANA)
    whole = own.read_bytes()
    own.write_bytes(damaged(whole))
    ben.meet()
    assert len(files_of(folder, BEN, ANA)) == 1, "the other computer sends them"
    ana.meet()
    assert own.read_bytes() == whole
    assert ana.problem is None


def test_a_file_that_gets_bad_between_listing_and_reading_is_told(folder, monkeypatch):
    Computer(folder, ANA, entries(1, 3)).meet()
    place = FolderPlace(folder)
    place.join(identity(BEN))
    [bad] = files_of(folder, ANA)
    bad.write_bytes(b"no")
    with pytest.raises(StoreError, match=r"cannot be used .*damaged") as caught:
        place.fetch([Span(ANA, 0, 3)])
    assert str(bad) in str(caught.value)
    assert place.fetch_last_numbers() == {}


def test_an_own_file_that_another_program_changed_is_not_continued(folder):
    ana = FolderPlace(folder)
    ana.join(identity(ANA))
    ana.send(entries(1, 3))
    other = FolderPlace(folder)
    other.join(identity(ANA))
    other.send(entries(4, 5))
    with pytest.raises(StoreError, match="another program changed"):
        ana.send(entries(4, 4))
    assert ana.fetch_last_numbers() == {ANA: 5}


def test_the_file_that_names_the_review_may_be_damaged(folder):
    Computer(folder, ANA, entries(1, 3)).meet()
    [record] = folder.glob(f"*/{REVIEW_FILE}")
    record.write_text("[")
    ben = Computer(folder, BEN)
    ben.meet()
    assert ben.entries == entries(1, 3)


# Folders and disks that cannot be used


def test_a_folder_that_does_not_exist_is_told_and_not_made(folder):
    ana = Computer(folder / "typo", ANA, entries(1, 1))
    with pytest.raises(StoreError, match=r"typo: this folder does not exist.*Create"):
        ana.meet()
    assert list(folder.iterdir()) == []


def test_a_folder_that_vanishes_is_not_made_again(folder):
    ana = Computer(folder, ANA, entries(1, 1))
    ana.place.join(identity(ANA))
    folder.rmdir()
    with pytest.raises(StoreError, match="this folder does not exist"):
        ana.place.send(entries(1, 1))
    assert not folder.exists()
    folder.mkdir()
    ana.meet()
    assert ana.exchange.unsent == 0


def test_a_file_is_no_folder(folder):
    file = folder / "file"
    file.write_text("text")
    with pytest.raises(StoreError, match="this is a file, not a folder"):
        Computer(file, ANA).meet()
    assert file.read_text() == "text"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_a_disk_that_takes_nothing_is_told_until_it_does(folder, code, monkeypatch):
    ana, ben = Computer(folder, ANA, entries(1, 3)), Computer(folder, BEN)
    ana.meet()
    before = whole_folder(folder)

    def fail(*_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        ana.decide()
        with pytest.raises(StoreError, match=os.strerror(code)):
            ana.meet()
        assert ana.exchange.unsent == 1
        assert whole_folder(folder) == before, "the old file is whole"
        ben.meet()
        assert ben.entries == entries(1, 3), "reading goes on"
    ana.meet()
    ben.meet()
    assert ben.entries == entries(1, 4)


def test_a_folder_without_rights_is_told(folder, monkeypatch):
    def refuse(path, *_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    ana = Computer(folder, ANA, entries(1, 3))
    with monkeypatch.context() as patch:
        patch.setattr(os, "mkdir", refuse)
        with pytest.raises(StoreError, match=r"Permission denied.*rights"):
            ana.meet()
    ana.meet()
    assert ana.exchange.unsent == 0


def test_a_file_that_another_program_holds_is_sent_later(folder, monkeypatch):
    ana = Computer(folder, ANA, entries(1, 3))
    ana.meet()

    def hold(*_):
        raise PermissionError("in use")

    with monkeypatch.context() as patch:
        patch.setattr("napari_artifact_review.core.atomic_files.RETRY_DELAYS", ())
        patch.setattr(Path, "replace", hold)
        ana.decide()
        with pytest.raises(StoreError, match=r"another program has .* open"):
            ana.meet()
    assert len(list(folder.rglob("*.jsonl"))) == 1
    ana.meet()
    assert ana.exchange.unsent == 0


@pytest.mark.parametrize("code", [errno.ESTALE, errno.EIO])
def test_only_a_file_that_nfs_dropped_is_opened_again(folder, code, monkeypatch):
    Computer(folder, ANA, entries(1, 3)).meet()
    ben = Computer(folder, BEN)
    read, stale = Path.open, iter([OSError(code, os.strerror(code))])

    def open_once(path, *args, **options):
        if path.suffix == ".jsonl":
            for error in stale:
                raise error
        return read(path, *args, **options)

    monkeypatch.setattr(Path, "open", open_once)
    ben.meet()
    assert (ben.problem is None) == (code == errno.ESTALE)
    ben.meet()
    assert ben.problem is None
    assert ben.entries == entries(1, 3)


class HungFolder:
    """A folder whose listing hangs until `may_go_on` is set."""

    def __init__(self, monkeypatch):
        self.may_go_on, self.is_asked = threading.Event(), threading.Event()
        self.asked = itertools.count()
        scandir = os.scandir

        def hang(path):
            next(self.asked)
            self.is_asked.set()
            assert self.may_go_on.wait(20)
            return scandir(path)

        monkeypatch.setattr(os, "scandir", hang)


def test_a_folder_that_hangs_ends_each_operation_and_is_used_again(folder, monkeypatch):
    disk = HungFolder(monkeypatch)
    place = FolderPlace(folder, deadline=0.05)
    for _ in range(3):
        with pytest.raises(StoreError, match=r"did not answer within 0.05 s"):
            place.join(identity(ANA))
    assert next(disk.asked) == 1, "an operation waits for the one before"
    disk.may_go_on.set()
    place = FolderPlace(folder)
    place.join(identity(ANA))
    place.send(entries(1, 2))
    assert place.fetch_last_numbers() == {ANA: 2}


def test_a_folder_that_hangs_holds_up_neither_offers_nor_closing(folder, monkeypatch):
    disk = HungFolder(monkeypatch)
    exchange = Exchange(FolderPlace(folder, 0.05), identity(ANA), [], print)
    has_problem = threading.Event()
    exchange.changed.connect(lambda: exchange.problem and has_problem.set())
    thread = exchange_thread.start(exchange)
    assert disk.is_asked.wait(20)
    exchange.offer(entries(1, 2))
    assert has_problem.wait(20)
    exchange.close()
    assert has_ended(thread)
    assert exchange.unsent == 2
    assert not disk.may_go_on.is_set()
    disk.may_go_on.set()


# A bad file and an exchange that runs


def test_a_bad_file_does_not_keep_the_last_verdicts_from_being_sent(folder):
    Computer(folder, BEN, entries(1, 1, BEN)).meet()
    files_of(folder, BEN)[0].write_text("no")
    exchange = Exchange(FolderPlace(folder), identity(ANA), [], print, interval=3600)
    has_problem = threading.Event()
    exchange.changed.connect(lambda: exchange.problem and has_problem.set())
    thread = exchange_thread.start(exchange)
    assert has_problem.wait(20)
    exchange.offer(entries(1, 2))
    exchange.close()
    assert has_ended(thread)
    assert exchange.unsent == 0


# Names of meeting places


@pytest.mark.parametrize("text", ["team", Path("team"), "~/team", "a:/team", "a:b"])
def test_a_text_without_a_scheme_or_a_path_is_a_folder(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    place = find_meeting_place(text)
    assert isinstance(place, FolderPlace)
    assert place.name == str(tmp_path / str(text).removeprefix("~/"))


@pytest.mark.parametrize("text", ["", "  ", "a\0b", Path("a\0b")])
def test_what_names_no_folder_is_refused(text):
    with pytest.raises(StoreError, match=r"no meeting place. Name a folder .*Postgre"):
        find_meeting_place(text)


def test_a_home_folder_that_is_not_known_is_told():
    with pytest.raises(StoreError, match="full path"):
        find_meeting_place("~no-such-user-here/team")


def test_an_sqlite_file_is_no_meeting_place(tmp_path):
    with pytest.raises(
        StoreError,
        match=r"cannot exchange verdicts through an SQLite file. Name a folder .*URL",
    ):
        find_meeting_place(f"sqlite:///{tmp_path}/a.db")


def test_a_process_killed_while_it_writes_loses_and_doubles_nothing(folder):
    count = 3000
    for number in range(3):
        command = [sys.executable, exchange_child.__file__, str(folder), ANA]
        process = subprocess.Popen(
            [*command, str(count), "never"], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "offered\n"
        # From its first file to the last one.
        threading.Event().wait(0.03 * number)
        process.kill()
        process.communicate()
    body = [RawEntry(ANA, n, f'{{"n": {n}}}') for n in range(1, count + 1)]
    known = Computer(folder, "9" * 32, body)
    known.meet()
    ben = Computer(folder, BEN)
    ben.meet()
    assert ben.entries == body
    assert ben.problem is None


# Any order of events

EVENTS = ("decide", "decide many", "meet", "kill", "copy", "damage")


def kill_while_writing(computer):
    """Exchange, with a kill after the temporary file is written; begin again."""

    def write_part(path, write):
        with path.with_name(f".{path.name}.0f.part").open("wb") as stream:
            write(stream)
        raise StoreError("killed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{SHARED_FOLDER}.replace_file", write_part)
        with suppress(StoreError):
            computer.meet()
    computer.restart()


@settings(max_examples=many(60, 2000, few=25))
@given(
    st.lists(
        st.tuples(st.sampled_from(EVENTS), st.integers(0, 2), st.integers(0, 9)),
        max_size=25,
    )
)
def test_any_order_of_events_gives_the_same_entries_everywhere(events):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        computers = [Computer(folder, log_id) for log_id in (ANA, BEN, CAY)]
        for event, which, number in events:
            computer = computers[which]
            pieces = sorted(folder.glob("*/*.jsonl"))
            if event == "decide":
                computer.decide()
            elif event == "decide many":
                computer.decide(7)
            elif event == "meet":
                computer.meet()
            elif event == "kill":
                kill_while_writing(computer)
            elif pieces:
                file = pieces[number % len(pieces)]
                if event == "copy":
                    shutil.copy(file, file.with_stem(f"{file.stem} (conflicted copy)"))
                else:
                    file.write_bytes(file.read_bytes()[: -1 - number])
        for computer in computers * 3:
            computer.meet()
        expected = sorted(computers[0].entries)
        assert len(expected) == len(set(expected))
        for computer in computers:
            assert sorted(computer.entries) == expected
            assert computer.exchange.unsent == 0
