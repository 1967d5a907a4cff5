"""A file is written completely or not at all, even if the disk or the power fails."""

from __future__ import annotations

import errno
import hashlib
import math
import os
import stat
from functools import partial
from pathlib import Path

import pytest

from napari_artifact_review.core import atomic_files
from napari_artifact_review.core.atomic_files import (
    NotDurableError,
    Written,
    beside,
    digest_of,
    keep_backup,
    replace_file,
)
from napari_artifact_review.core.errors import SaveError
from tests.faults import LOST, STEPS, Disk, Fault, every_fault

posix = pytest.mark.skipif(
    os.name == "nt", reason="Windows has no such modes, links and folders"
)

OLD, NEW = b"before\n" * 3, b"after\n" * 5


@pytest.fixture
def pauses(monkeypatch):
    """Skip the delays of saving, and return the list of them."""
    waited: list[float] = []
    monkeypatch.setattr(atomic_files.time, "sleep", waited.append)
    return waited


@pytest.fixture(autouse=True)
def umask():
    """Make 0o644 the mode of new files."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def path(tmp_path):
    """A file to replace."""
    return older(tmp_path / "out.csv")


def older(path):
    path.write_bytes(OLD)
    # Another mode than that of a new file.
    path.chmod(0o664)
    return path


def write(data):
    return lambda stream: stream.write(data)


def failing(error):
    def fail(stream):
        stream.write(b"half")
        raise error

    return fail


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def parts(folder):
    return [name for name in contents(folder) if name.endswith(".part")]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# --- Results --------------------------------------------------------------------------


def test_the_digest_is_that_of_the_bytes_in_place(path):
    pieces = [b"x" * 100_000, b"", b"y" * 7]

    def several(stream):
        for piece in pieces:
            stream.write(piece)

    written = replace_file(path, several)
    assert path.read_bytes() == b"".join(pieces)
    assert (
        written
        == Written(path, sha256(b"".join(pieces)))
        == Written(path, digest_of(path))
    )


def test_a_system_that_takes_less_at_a_time_gets_the_rest_later(path, monkeypatch):
    take = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: take(handle, data[:1000]))
    data = bytes(range(256)) * 100
    assert replace_file(path, write(data)).digest == sha256(data)
    assert path.read_bytes() == data


def test_a_digest_needs_a_file_that_can_be_read(tmp_path):
    assert digest_of(tmp_path / "none.csv") is None
    with pytest.raises(SaveError, match=r"cannot be read \(this is not a file\)"):
        digest_of(tmp_path)


def test_the_caller_hears_of_the_digest_before_anything_is_replaced(path):
    heard = []

    def about_to_replace(digest):
        heard.append((digest, path.read_bytes()))

    written = replace_file(path, write(NEW), about_to_replace)
    assert heard == [(written.digest, OLD)]


@pytest.mark.parametrize("error", [SaveError("the store is full"), KeyboardInterrupt()])
def test_the_caller_can_stop_everything_at_the_last_moment(path, error):
    def stop(_digest):
        raise error

    with pytest.raises(type(error)) as raised:
        replace_file(path, write(NEW), stop)
    assert raised.value is error
    assert contents(path.parent) == {"out.csv": OLD}


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(28, "No space left on device"), SaveError),
        (UnicodeEncodeError("latin-1", "漢", 0, 1, "no"), SaveError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_what_was_there_stays_if_writing_fails(path, error, raised):
    with pytest.raises(raised):
        replace_file(path, failing(error))
    assert contents(path.parent) == {"out.csv": OLD}


def test_an_error_says_what_where_and_what_to_do(path):
    with (
        Disk(path.parent, Fault("write", code=errno.ENOSPC)),
        pytest.raises(SaveError) as raised,
    ):
        replace_file(path, write(NEW))
    assert raised.value.path == path
    assert raised.value.what == "cannot be written (No space left on device)"
    assert raised.value.remedy.startswith("Nothing was overwritten; choose another")


# --- Order ----------------------------------------------------------------------------


@posix
def test_each_step_waits_for_the_one_before(path):
    with Disk(path.parent) as disk:
        replace_file(path, write(NEW))
    looked = {"stat", "open", "open folder", "close folder"}
    assert [step for step in disk.steps if step not in looked] == [
        "write",
        "flush",
        "chmod",
        "fsync",
        "close",
        "replace",
        "fsync folder",
    ]


@posix
def test_a_backup_has_its_name_only_when_it_is_on_the_disk(path):
    with Disk(path.parent) as disk:
        keep_backup(path)
    looked = {"stat", "open", "open folder", "read", "close folder"}
    assert [step for step in disk.steps if step not in looked] == [
        "write",
        "flush",
        "chmod",
        "fsync",
        "close",
        "close",
        "utime",
        "link",
        "unlink",
        "fsync folder",
    ]


# --- Faults ---------------------------------------------------------------------------


def outcome(folder, fault, save):
    """Save on a disk with a fault; return the result or the SaveError."""
    with Disk(folder, fault) as disk:
        try:
            result = save()
        except SaveError as error:
            result = error
    assert disk.left_open == [], fault
    return result


@posix
@pytest.mark.parametrize("there", [True, False])
def test_no_fault_damages_what_was_there_or_leaves_half(tmp_path, there, pauses):
    struck = set()
    for number, fault in enumerate(every_fault()):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / "out.csv"
        if there:
            older(path)
        before = contents(folder)
        done = Written(path, sha256(NEW))

        result = outcome(
            folder, fault, lambda path=path: replace_file(path, write(NEW))
        )
        if isinstance(result, NotDurableError):
            assert fault.step.endswith(" folder"), fault
            assert result.written == done, fault
            assert contents(folder) == {"out.csv": NEW}, fault
        elif isinstance(result, SaveError):
            assert fault.hits, fault
            assert contents(folder) == before, fault
        elif result == done:
            assert contents(folder) == {"out.csv": NEW}, fault
            # A file that is held for a moment, and a part that is gone already.
            assert not fault.hits or fault.step in ("replace", "unlink"), fault
        else:
            assert (fault.step, fault.code) == ("replace", errno.EACCES), fault
            assert result.path != path, fault
            assert contents(folder) == {**before, result.path.name: NEW}, fault

        with Disk(folder):
            assert replace_file(path, write(NEW)) == done, fault
        assert parts(folder) == [], fault
        if fault.hits:
            struck.add(fault.step)
    never = {"read", "truncate", "utime", "link", "rename"}
    assert struck == set(STEPS) - never - (set() if there else {"chmod"})


@posix
def test_no_fault_damages_the_original_or_leaves_half_a_backup(tmp_path, pauses):
    struck = set()
    for number, fault in enumerate(every_fault()):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = older(folder / "out.csv")

        result = outcome(folder, fault, partial(keep_backup, path))
        expected = {"out.csv": OLD}
        if isinstance(result, SaveError):
            assert "the backup of out.csv cannot be made" in str(result), fault
            assert fault.hits, fault
        else:
            assert not fault.hits or fault.step == "unlink", fault
            expected[result.name] = OLD
        if fault.step == "unlink":
            expected |= dict.fromkeys(parts(folder), OLD)
        assert contents(folder) == expected, fault

        with Disk(folder):
            backup = keep_backup(path)
        assert backup.read_bytes() == OLD, fault
        if fault.hits:
            struck.add(fault.step)
    assert struck == set(STEPS) - {"truncate", "rename", "replace"}


def test_a_digest_is_right_or_an_error(path):
    struck = set()
    for fault in every_fault():
        result = outcome(path.parent, fault, lambda: digest_of(path))
        if fault.hits:
            assert isinstance(result, SaveError), fault
            struck.add(fault.step)
        else:
            assert result == sha256(OLD), fault
    assert struck == {"stat", "open", "read", "close"}


def test_what_cannot_be_removed_hides_no_error(path, pauses):
    full = Fault("write", code=errno.ENOSPC)
    stuck = Fault("unlink", code=errno.EIO, times=math.inf)
    with (
        Disk(path.parent, full, stuck),
        pytest.raises(SaveError, match="No space left"),
    ):
        replace_file(path, write(NEW))
    assert path.read_bytes() == OLD
    assert stuck.hits == 1


def test_what_is_held_for_a_moment_is_removed_all_the_same(path, pauses):
    full = Fault("write", code=errno.ENOSPC)
    held = Fault("unlink", code=errno.EACCES, times=3)
    disk = Disk(path.parent, full, held)
    with disk, pytest.raises(SaveError, match="No space left"):
        replace_file(path, write(NEW))
    assert contents(path.parent) == {"out.csv": OLD}
    assert held.hits == len(pauses) == 3


@posix
def test_a_backup_that_may_not_last_is_none(path):
    with (
        Disk(path.parent, Fault("fsync folder", code=errno.EIO)),
        pytest.raises(SaveError, match=r"backup of out\.csv cannot be made"),
    ):
        keep_backup(path)
    assert contents(path.parent) == {"out.csv": OLD}


@posix
def test_a_new_file_that_may_not_last_is_told_as_such(path):
    with (
        Disk(path.parent, Fault("fsync folder", code=errno.EIO)),
        pytest.raises(NotDurableError, match="in place and complete") as raised,
    ):
        replace_file(path, write(NEW))
    assert contents(path.parent) == {"out.csv": NEW}
    assert raised.value.written == Written(path, sha256(NEW))
    assert "Nothing was overwritten" not in str(raised.value)


@posix
@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP])
def test_a_share_that_cannot_sync_folders_is_no_fault(path, code):
    unable = Fault("fsync folder", code=code, times=math.inf)
    with Disk(path.parent, unable):
        backup = keep_backup(path)
        replace_file(path, write(NEW))
    assert contents(path.parent) == {"out.csv": NEW, backup.name: OLD}
    assert unable.hits == 2


# --- A power cut ----------------------------------------------------------------------


@posix
@pytest.mark.parametrize("there", [True, False])
def test_a_power_cut_leaves_the_old_or_the_new_file(tmp_path, there):
    path = tmp_path / "out.csv"
    before = older(path).read_bytes() if there else None
    with Disk(tmp_path) as disk:
        replace_file(path, write(NEW))
    found = [{state.get(path) for state in states} for states in disk.power_cuts]
    assert found[0] == {before}
    assert set().union(*found) == {before, NEW}
    # Once saving has succeeded, the new file stays.
    assert found[-1] == {NEW}


@posix
def test_a_power_cut_leaves_a_whole_backup_or_none(path):
    with Disk(path.parent) as disk:
        backup = keep_backup(path)
    found = [{state.get(backup) for state in states} for states in disk.power_cuts]
    assert set().union(*found) == {None, OLD}
    assert found[-1] == {OLD}
    assert {state[path] for states in disk.power_cuts for state in states} == {OLD}


@posix
def test_a_power_cut_leaves_what_was_put_beside_a_held_file(path, pauses):
    with Disk(path.parent, Fault("replace", code=errno.EBUSY, times=math.inf)) as disk:
        written = replace_file(path, write(NEW))
    found = [
        {state.get(written.path) for state in states} for states in disk.power_cuts
    ]
    assert set().union(*found) == {None, NEW}
    assert found[-1] == {NEW}


@posix
@pytest.mark.parametrize("step", ["in place", "without fsync", "without the folder's"])
def test_the_disk_of_these_tests_finds_out_what_may_be_lost(path, step):
    """Each of the usual ways to save a file without enough care."""
    with Disk(path.parent) as disk:
        if step == "in place":
            path.write_bytes(NEW)
        else:
            part = path.with_suffix(".part")
            with part.open("wb") as stream:
                stream.write(NEW)
                stream.flush()
                if step == "without the folder's":
                    os.fsync(stream.fileno())
            part.replace(path)
    assert path.read_bytes() == NEW
    last = {state[path] for state in disk.power_cuts[-1]}
    assert (
        last
        == {
            "in place": {LOST},
            "without fsync": {OLD, LOST},
            "without the folder's": {OLD, NEW},
        }[step]
    )


# --- A file that another program holds ------------------------------------------------


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EBUSY])
def test_a_held_file_is_replaced_once_it_is_let_go(path, code, pauses):
    held = Fault("replace", code=code, times=len(atomic_files.RETRY_DELAYS))
    with Disk(path.parent, held):
        written = replace_file(path, write(NEW))
    assert written.path == path
    assert contents(path.parent) == {"out.csv": NEW}
    assert held.hits == len(pauses) > 3
    assert 1.5 < sum(pauses) < 2.5


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EBUSY])
def test_what_is_never_let_go_is_saved_beside(path, code, pauses):
    heard = []
    with Disk(path.parent, Fault("replace", code=code, times=math.inf)):
        written = replace_file(path, write(NEW), heard.append)
    assert written.path.match("out.*Z.csv")
    assert written.digest == sha256(NEW)
    assert heard == [written.digest]
    assert contents(path.parent) == {"out.csv": OLD, written.path.name: NEW}
    assert 1.5 < sum(pauses) < 2.5


def test_a_damaged_disk_is_not_waited_for(path, pauses):
    with (
        Disk(path.parent, Fault("replace", code=errno.EIO, times=math.inf)),
        pytest.raises(SaveError),
    ):
        replace_file(path, write(NEW))
    assert contents(path.parent) == {"out.csv": OLD}
    assert pauses == []


@pytest.mark.parametrize(
    ("winerror", "held"), [(5, True), (32, True), (33, True), (23, False)]
)
def test_windows_tells_a_held_file_from_a_damaged_disk(
    path, monkeypatch, pauses, winerror, held
):
    """On Windows both are PermissionErrors."""

    def refuse(*_paths):
        error = PermissionError(errno.EACCES, "refused")
        error.winerror = winerror
        raise error

    monkeypatch.setattr(os, "replace", refuse)
    if held:
        assert replace_file(path, write(NEW)).path != path
    else:
        with pytest.raises(SaveError):
            replace_file(path, write(NEW))
    assert bool(pauses) == held
    assert path.read_bytes() == OLD


@posix
def test_what_a_link_points_to_is_saved_beside_that(tmp_path, path, pauses):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.csv"
    link.symlink_to(path)
    with Disk(tmp_path, Fault("replace", code=errno.EBUSY, times=math.inf)):
        written = replace_file(link, write(NEW))
    assert written.path.parent == path.parent
    assert written.path.read_bytes() == NEW
    assert list(link.parent.iterdir()) == [link]


# --- Modes, links, folders ------------------------------------------------------------


@posix
@pytest.mark.parametrize("mode", [0o640, 0o664, 0o600, 0o444])
def test_mode_and_link_are_kept(tmp_path, mode):
    target, link = tmp_path / "target.csv", tmp_path / "out.csv"
    target.write_bytes(OLD)
    target.chmod(mode)
    link.symlink_to(target)
    assert replace_file(link, write(NEW)).path == link
    assert link.is_symlink()
    assert target.read_bytes() == NEW
    assert stat.S_IMODE(target.stat().st_mode) == mode
    assert stat.S_IMODE(keep_backup(link).stat().st_mode) == mode


@posix
def test_a_secret_file_is_secret_while_it_is_written(path):
    path.chmod(0o600)
    seen = []

    def look(stream):
        seen.append(stat.S_IMODE(os.fstat(stream.fileno()).st_mode))
        stream.write(NEW)

    replace_file(path, look)
    assert seen == [0o600]


@posix
def test_a_file_system_without_modes_is_not_asked_for_one(path):
    """On such file systems all files have the same mode, which cannot be set."""
    path.chmod(0o600)
    with Disk(path.parent, Fault("chmod", code=errno.EPERM, times=math.inf)):
        replace_file(path, write(NEW))
    assert path.read_bytes() == NEW


@posix
def test_a_new_file_has_the_mode_that_any_new_file_has(tmp_path):
    path = tmp_path / "out.csv"
    replace_file(path, write(b""))
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@posix
def test_a_link_to_nothing_gets_its_file(tmp_path):
    link = tmp_path / "out.csv"
    link.symlink_to("target.csv")
    assert keep_backup(link) is None
    assert digest_of(link) is None
    replace_file(link, write(NEW))
    assert link.is_symlink()
    assert (tmp_path / "target.csv").read_bytes() == NEW


@posix
def test_a_link_to_itself_is_a_fault(tmp_path):
    link = tmp_path / "out.csv"
    link.symlink_to("out.csv")
    for save in (lambda: replace_file(link, write(NEW)), lambda: keep_backup(link)):
        with pytest.raises(SaveError):
            save()
    assert [each.name for each in tmp_path.iterdir()] == ["out.csv"]
    assert link.is_symlink()


def test_a_folder_that_is_not_there_is_a_fault(tmp_path):
    with pytest.raises(SaveError, match="Nothing was overwritten"):
        replace_file(tmp_path / "none" / "out.csv", write(b""))


@posix
def test_a_folder_that_takes_no_file_is_a_fault(tmp_path):
    # Only a virtual file system of the kernel refuses root.
    folder = tmp_path if os.geteuid() else Path("/sys/kernel")
    if folder == tmp_path:
        older(folder / "out.csv")
        folder.chmod(0o500)
    before = sorted(folder.iterdir())
    with pytest.raises(SaveError, match="Permission denied"):
        replace_file(folder / "out.csv", write(NEW))
    assert sorted(folder.iterdir()) == before
    tmp_path.chmod(0o700)


@posix
def test_a_file_that_the_system_cuts_short_is_a_fault(path):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(SaveError, match="File too large"):
            replace_file(path, write(b"x" * (1 << 21)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(path.parent) == {"out.csv": OLD}


def test_a_folder_in_place_of_the_file_is_a_fault(tmp_path):
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(SaveError, match="this is not a file"):
        replace_file(tmp_path / "out.csv", write(b""))
    with pytest.raises(SaveError, match="this is not a file"):
        keep_backup(tmp_path / "out.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


@posix
def test_a_device_is_no_file_to_read(tmp_path):
    link = tmp_path / "out.csv"
    link.symlink_to(os.devnull)
    for read in (keep_backup, digest_of):
        with pytest.raises(SaveError, match="this is not a file"):
            read(link)


# --- Names ----------------------------------------------------------------------------


def test_every_backup_has_a_name_of_its_own(tmp_path):
    path = tmp_path / "out.csv"
    assert keep_backup(path) is None
    backups = []
    for text in ("one", "two"):
        path.write_text(text)
        backups.append(keep_backup(path))
    assert [backup.read_text() for backup in backups] == ["one", "two"]
    assert all(backup.match("out.*.backup.csv") for backup in backups)


def test_a_backup_is_as_old_as_its_original(path):
    os.utime(path, (1e9, 1e9))
    assert keep_backup(path).stat().st_mtime == 1e9


@posix
def test_a_temporary_name_that_is_taken_is_not_written_through(path, monkeypatch):
    """In a shared folder, another user may have put a link there."""
    victim = path.with_name("victim")
    victim.write_bytes(b"another's")
    monkeypatch.setattr(atomic_files.secrets, "token_hex", lambda _size: "00")
    path.with_name(f".{path.name}.00.part").symlink_to(victim)
    with pytest.raises(SaveError, match="File exists"):
        replace_file(path, write(NEW))
    assert victim.read_bytes() == b"another's"
    assert path.read_bytes() == OLD


@pytest.mark.parametrize("linking", ["possible", "impossible"])
def test_no_dated_name_takes_the_place_of_a_file(path, monkeypatch, pauses, linking):
    taken = path.with_name("taken.csv")
    taken.write_bytes(b"another's")
    monkeypatch.setattr(atomic_files, "beside", lambda *_: taken)
    faults = [Fault("replace", code=errno.EBUSY, times=math.inf)]
    if linking == "impossible":
        faults.append(Fault("link", code=errno.EPERM, times=math.inf))
    with Disk(path.parent, *faults):
        with pytest.raises(SaveError, match="File exists"):
            keep_backup(path)
        with pytest.raises(SaveError, match="File exists"):
            replace_file(path, write(NEW))
    assert contents(path.parent) == {"out.csv": OLD, "taken.csv": b"another's"}


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP, errno.EINVAL])
def test_a_file_system_without_links_takes_backups_too(path, code):
    with Disk(path.parent, Fault("link", code=code, times=math.inf)) as disk:
        backup = keep_backup(path)
    assert contents(path.parent) == {"out.csv": OLD, backup.name: OLD}
    assert "rename" in disk.steps


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("out.csv", "out.20*Z.csv"),
        ("night.v2.fits.gz", "night.v2.20*Z.fits.gz"),
        ("out", "out.20*Z"),
    ],
)
def test_a_name_beside_is_of_the_same_format(name, pattern):
    assert beside(Path("folder") / name).match(f"folder/{pattern}")
