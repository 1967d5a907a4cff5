"""Descriptors come back as they were stored, or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.errors import CacheError
from napari_artifact_review.core.learning import descriptors
from napari_artifact_review.core.learning.descriptor_cache import DescriptorCache

SIZE = 20
WIDTH = len(descriptors.NAMES)


def grid(count=6):
    return np.arange(count) % 3 * SIZE, np.arange(count) // 3 * SIZE


def numbers(seed=0, count=6):
    found = np.random.default_rng(seed).normal(size=(count, WIDTH))
    found[0] = np.nan
    return found.astype(np.float16)


@pytest.fixture
def cache(tmp_path):
    return DescriptorCache(tmp_path / "cache" / "descriptors")


def files(cache):
    return sorted(cache.path.iterdir())


def is_there(cache, identity, seed=0):
    found = cache.get(identity, *grid(), SIZE)
    if found is None:
        return False
    np.testing.assert_array_equal(found, numbers(seed))
    assert found.dtype == np.float16
    return True


def test_what_was_stored_comes_back(cache):
    assert cache.get("px1-a", *grid(), SIZE) is None
    cache.put("px1-a", *grid(), SIZE, numbers())
    cache.put("px1-b", *grid(), SIZE, numbers(1))
    assert is_there(cache, "px1-a")
    assert is_there(DescriptorCache(cache.path), "px1-b", 1)


def test_the_user_s_folder_is_a_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(
        "napari_artifact_review.core.learning.descriptor_cache.cache_folder",
        lambda: tmp_path,
    )
    DescriptorCache.of_user(most=2**20).put("px1-a", *grid(), SIZE, numbers())
    assert list(tmp_path.rglob("*.descriptors"))
    assert is_there(DescriptorCache.of_user(), "px1-a")


def test_another_image_grid_size_or_version_is_not_there(cache, monkeypatch):
    cache.put("px1-a", *grid(), SIZE, numbers())
    x, y = grid()
    assert cache.get("px1-b", x, y, SIZE) is None
    assert cache.get("px1-a", x + 1, y, SIZE) is None
    assert cache.get("px1-a", y, x, SIZE) is None
    assert cache.get("px1-a", x[:5], y[:5], SIZE) is None
    assert cache.get("px1-a", x, y, SIZE + 1) is None
    monkeypatch.setattr(descriptors, "VERSION", "another")
    assert cache.get("px1-a", x, y, SIZE) is None


@given(st.permutations(range(6)))
def test_the_order_of_the_cutouts_does_not_matter(order):
    x, y = grid()
    with tempfile.TemporaryDirectory() as folder:
        cache = DescriptorCache(Path(folder))
        cache.put("px1-a", x[order], y[order], SIZE, numbers()[order])
        assert is_there(cache, "px1-a")
        found = cache.get("px1-a", x[order], y[order], SIZE)
        np.testing.assert_array_equal(found, numbers()[order])


@given(st.data())
def test_a_damaged_file_is_not_there_and_is_replaced(data):
    with tempfile.TemporaryDirectory() as folder:
        cache = DescriptorCache(Path(folder))
        cache.put("px1-a", *grid(), SIZE, numbers())
        [path] = files(cache)
        whole = path.read_bytes()
        at = data.draw(st.integers(0, len(whole) - 1))
        if data.draw(st.booleans()):
            path.write_bytes(whole[:at])
        else:
            byte = bytes([whole[at] ^ data.draw(st.integers(1, 255))])
            path.write_bytes(whole[:at] + byte + whole[at + 1 :])
        assert cache.get("px1-a", *grid(), SIZE) is None
        cache.put("px1-a", *grid(), SIZE, numbers())
        assert is_there(cache, "px1-a")
        assert files(cache) == [path]


def test_a_file_under_the_name_of_another_is_not_there(cache):
    cache.put("px1-a", *grid(), SIZE, numbers())
    [first] = files(cache)
    cache.put("px1-b", *grid(), SIZE, numbers(1))
    [second] = set(files(cache)) - {first}
    shutil.copy(first, second)
    assert cache.get("px1-b", *grid(), SIZE) is None


def test_the_least_recently_used_files_go_first(cache):
    cache.put("px1-0", *grid(), SIZE, numbers())
    [path] = files(cache)
    small = DescriptorCache(cache.path, most=4 * path.stat().st_size)
    for name in "12":
        small.put(f"px1-{name}", *grid(), SIZE, numbers())
    for age, file in enumerate(
        sorted(files(cache), key=lambda f: f.stat().st_mtime_ns)
    ):
        os.utime(file, ns=(age, age))
    # The oldest is used now, so that the next one is older.
    assert is_there(small, "px1-0")
    for name in "3456":
        small.put(f"px1-{name}", *grid(), SIZE, numbers())
        total = sum(file.stat().st_size for file in files(cache))
        assert total <= small.most
        assert is_there(small, f"px1-{name}")
        assert is_there(small, "px1-0")
    assert not is_there(small, "px1-1")


def test_files_of_other_processes_count(cache):
    cache.put("px1-0", *grid(), SIZE, numbers())
    size = files(cache)[0].stat().st_size
    caches = [DescriptorCache(cache.path, most=40 * size) for _ in range(2)]
    for number in range(200):
        caches[number % 2].put(f"px1-{number}", *grid(), SIZE, numbers())
        # A process looks at the folder when it has written a sixteenth.
        total = sum(file.stat().st_size for file in files(cache))
        assert total <= 40 * size * (1 + 1 / 16) + size


def test_what_is_larger_than_the_cache_is_not_stored(cache):
    DescriptorCache(cache.path, most=0).put("px1-a", *grid(), SIZE, numbers())
    assert not cache.path.exists()


def test_leftovers_of_killed_processes_are_removed(cache):
    cache.path.mkdir(parents=True)
    old, new = (cache.path / f".{age}.part" for age in ("old", "new"))
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    cache.put("px1-a", *grid(), SIZE, numbers())
    assert not old.exists()
    assert new.exists()


def test_a_file_that_another_process_removes_is_not_there(cache, monkeypatch):
    cache.put("px1-a", *grid(), SIZE, numbers())
    [path] = files(cache)
    read = Path.read_bytes

    def read_and_remove(self):
        data = read(self)
        self.unlink()
        return data

    monkeypatch.setattr(Path, "read_bytes", read_and_remove)
    assert is_there(cache, "px1-a")
    assert not path.exists()


def test_two_processes_may_remove_the_same_file(cache, monkeypatch):
    cache.put("px1-0", *grid(), SIZE, numbers())
    [first] = files(cache)
    unlink = Path.unlink

    def unlink_twice(self, missing_ok=False):
        unlink(self)
        unlink(self, missing_ok)

    small = DescriptorCache(cache.path, most=first.stat().st_size)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink_twice)
        small.tidy(1)
    assert files(cache) == []


def test_a_full_disk_is_an_error_of_its_own_and_leaves_nothing(cache, monkeypatch):
    def no_space(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", no_space)
        with pytest.raises(CacheError, match=r"No space left on device.*goes on"):
            cache.put("px1-a", *grid(), SIZE, numbers())
    assert files(cache) == []
    cache.put("px1-a", *grid(), SIZE, numbers())
    assert is_there(cache, "px1-a")


def test_a_folder_that_cannot_be_made_is_an_error_of_its_own(tmp_path):
    (tmp_path / "file").touch()
    cache = DescriptorCache(tmp_path / "file" / "descriptors")
    with pytest.raises(CacheError, match="cannot be written"):
        cache.put("px1-a", *grid(), SIZE, numbers())
    with pytest.raises(CacheError, match="cannot be read"):
        cache.get("px1-a", *grid(), SIZE)


def test_a_cache_that_cannot_be_marked_can_be_read(cache, monkeypatch):
    cache.put("px1-a", *grid(), SIZE, numbers())

    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("os.utime", read_only)
    assert is_there(cache, "px1-a")


CHILD = """
import sys
from pathlib import Path
import numpy as np
from napari_artifact_review.core.learning import descriptors
from napari_artifact_review.core.learning.descriptor_cache import DescriptorCache

cache = DescriptorCache(Path(sys.argv[1]), most=20_000)
x, y = np.arange(6) % 3 * 20, np.arange(6) // 3 * 20
for turn in range(100):
    name, value = f"px1-{turn % 20}", turn % 20
    cache.put(name, x, y, 20, np.full((6, len(descriptors.NAMES)), value, np.float16))
    found = cache.get(name, x, y, 20)
    assert found is None or (found == value).all()
"""


def test_processes_share_it(tmp_path):
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    children = [
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for child in children:
        _, err = child.communicate()
        assert child.returncode == 0, err
    assert not list(tmp_path.glob(".*"))
