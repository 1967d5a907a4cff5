"""Merged files: records of images and saves, and the summary."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.decisions.log_copies import read_log, write_log
from napari_artifact_review.core.decisions.schema import (
    Binding,
    ImageRecord,
    SaveRecord,
    StoreContents,
)
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.team.merge import merge_logs

LOG = "1" * 32
TABLE = Binding("/survey/p.csv", "fingerprint")


def entries(*labels, before=(), images="a", log_id=LOG):
    log = DecisionLog(before, log_id=log_id)
    for label in labels:
        verdict = ("no artifact", "artifact")[label]
        decisions = [
            Decision(CutoutKey(name, 0, 0), label, "Ana", "2026", verdict)
            for name in images
        ]
        log.add(log.decide(decisions, {}))
    return list(log.entries)


def rename(entry, **values):
    return replace(entry, **values).after(None)


def image(name="a", size=1, modified_at="2026-01-01"):
    return ImageRecord("px1-0", name, size, modified_at)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a log, and returns its file."""
    numbers = itertools.count()

    def write(logged, saves=(), images=(), binding=TABLE):
        path = tmp_path / f"{next(numbers)}.sqlite"
        contents = StoreContents(
            binding, list(logged), list(saves), log_id=LOG, images=list(images)
        )
        write_log(path, contents)
        return path

    return write


def merged(paths, folder):
    """Return the contents after merges in every order, which are equal."""
    found = []
    for number, order in enumerate(itertools.permutations(paths)):
        into = folder / f"into{number}.sqlite"
        merge_logs(order, into)
        merge_logs(order[:1], into)
        found.append(read_log(into))
    for other in found[1:]:
        assert (other.entries, other.saves) == (found[0].entries, found[0].saves)
        assert other.images == found[0].images
    return found[0]


def test_images_of_all_files_are_kept_with_their_latest_state(write, tmp_path):
    newer = image(size=2, modified_at="2026-01-02")
    one = write(entries(1), images=[newer])
    other = write(entries(1), images=[image(), image("b")])
    assert merged([one, other], tmp_path).images == [newer, image("b")]


def test_saves_say_which_entries_they_have_after_a_split(write, tmp_path):
    trunk = entries(1, 0)
    early = SaveRecord("early", "x.csv", {LOG: 1}, "", "2026-01-01")
    late = SaveRecord("late", "x.csv", {LOG: 4}, "", "2026-01-02")
    other = SaveRecord("other", "x.csv", {LOG: 3}, "", "2026-01-03")
    one = write(entries(0, 1, 1, before=trunk), [early, late])
    two = write(entries(1, before=trunk), [early, other])
    contents = merged([one, two], tmp_path)
    saves = {save.digest: save for save in contents.saves}
    assert saves["early"].last_numbers == {LOG: 1}
    counts = {
        digest: sorted(save.last_numbers.values()) for digest, save in saves.items()
    }
    # The first 2 entries stay; the table of `late` has 2 of 3 entries of its branch.
    assert counts == {"early": [1], "late": [2, 2], "other": [1, 2]}
    assert [save.saved_at for save in contents.saves] == [
        "2026-01-01",
        "2026-01-02",
        "2026-01-03",
    ]


def test_a_save_about_a_log_that_is_not_there_is_kept(write, tmp_path):
    save = SaveRecord("digest", "x.csv", {"2" * 32: 7, LOG: 1}, "", "2026-01-01")
    contents = merged([write(entries(1), [save])], tmp_path)
    assert contents.saves == [save]


@pytest.mark.parametrize("logs", [{"a": 1, "b": 2}, {"b": 2, "a": 1}])
def test_a_save_has_the_last_number_of_each_log_in_any_order(write, tmp_path, logs):
    first, second = entries(1, log_id="a"), entries(0, 1, log_id="b")
    save = SaveRecord("digest", "x.csv", logs, "2026")
    contents = merged([write(first + second, [save])], tmp_path)
    assert contents.saves[0].last_numbers == {"a": 1, "b": 2}


def test_a_damaged_record_of_a_save_is_an_error(write, tmp_path):
    path = write(entries(1), [SaveRecord("digest", "x.csv", {LOG: 1}, "2026")])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE saves SET heads = '5'")
    with pytest.raises(StoreError, match="damaged"):
        merge_logs([path], tmp_path / "into.sqlite")


@pytest.mark.parametrize("into", ["missing/into.sqlite", "."])
def test_an_output_that_cannot_be_a_file_is_refused(write, tmp_path, into):
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(StoreError, match="folder"):
        merge_logs([write(entries(1))], folder / into)
    assert [*folder.iterdir()] == []
    assert not (tmp_path / "folder.lock").exists()


def test_a_log_without_verdicts_belongs_to_any_review(write, tmp_path):
    empty = write([], binding=Binding("/other/p.csv", "another"))
    one = write(entries(1))
    merge_logs([one, empty], tmp_path / "into.sqlite")
    with pytest.raises(StoreError, match="none of them is about a cutout"):
        merge_logs([empty, one], tmp_path / "other.sqlite")


def test_rules_that_two_surveys_share_make_them_no_common_review(write, tmp_path):
    rules = [rename(entry, action="set rules") for entry in entries(1)]
    other = Decision(CutoutKey("b", 0, 0), 1, "Ben", "2026", "artifact")
    log = DecisionLog(rules, log_id=LOG)
    log.add(log.decide([other], {}))
    far = write(log.entries, binding=Binding("/other/p.csv", "another"))
    with pytest.raises(StoreError, match="none of them is about a cutout") as caught:
        merge_logs([write(entries(1)), far], tmp_path / "into.sqlite")
    assert caught.value.path == far


def test_a_reviewer_of_an_earlier_round_is_no_reviewer_of_this_one(write, tmp_path):
    carried = [rename(entry, action="carry", reviewer="Eve") for entry in entries(1)]
    log = write(entries(0, before=carried))
    summary = merge_logs([log], tmp_path / "into.sqlite")
    assert summary.given[0].verdicts == {"Ana": 1}
    assert summary.logs_of == {"Ana": (LOG,)}


@pytest.mark.parametrize("link", ["cutout", "table"])
def test_logs_belong_together_by_way_of_others(write, tmp_path, link):
    tables = [Binding(f"/{n}/p.csv", f"fingerprint {n}") for n in range(3)]
    one = write(entries(1), binding=tables[0])
    both = entries(1, images="ab", log_id="2" * 32)
    between = write(both, binding=tables[1])
    last = write(
        entries(1, images="b" if link == "cutout" else "c", log_id="3" * 32),
        binding=tables[2 if link == "cutout" else 1],
    )
    with pytest.raises(StoreError, match="none of them is about a cutout") as caught:
        merge_logs([one, last], tmp_path / "into.sqlite")
    assert "/0/p.csv" in str(caught.value)
    assert str(last) in str(caught.value)
    merge_logs([one, last, between], tmp_path / "into.sqlite")


def test_a_merged_file_stays_the_same_review(write, tmp_path):
    into = tmp_path / "into.sqlite"
    into.write_bytes(b"")
    first = write(entries(1))
    merge_logs([first], into)
    before = read_log(into)
    assert before.review_id != read_log(first).review_id
    merge_logs([write(entries(0, log_id="2" * 32))], into)
    after = read_log(into)
    assert (after.review_id, after.log_id) == (before.review_id, before.log_id)


def test_a_table_that_was_saved_from_two_logs_has_the_entries_of_both(write, tmp_path):
    logs = entries(1), entries(1, log_id="2" * 32)
    saves = [SaveRecord("digest", f"{e[0].log_id}.csv", {e[0].log_id: 1}, "2026")
             for e in logs]  # fmt: skip
    paths = [write(log, [save]) for log, save in zip(logs, saves, strict=True)]
    [save] = merged(paths, tmp_path).saves
    assert save.last_numbers == {LOG: 1, "2" * 32: 1}
    assert save.path == saves[0].path


def test_the_summary_names_each_file_once_for_each_branch(write, tmp_path):
    trunk = entries(1)
    paths = [
        write(entries(*labels, before=trunk)) for labels in ([0], [1], [0, 0], [1, 1])
    ]
    summary = merge_logs(paths, tmp_path / "into.sqlite")
    branches = [(each.paths, each.branches) for each in summary.divergences]
    # The copies 0 and 2 agree on the second entry, and so do 1 and 3.
    assert branches == [((paths[0], paths[1]), 2)]
    assert [log.new for log in summary.given] == [2, 1, 1, 1]
    assert (summary.entries, summary.logs) == (5, 3)
    assert summary.logs_of == {"Ana": (LOG,)}
    assert summary.written.path == Path(tmp_path / "into.sqlite")
