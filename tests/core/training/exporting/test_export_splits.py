"""Splits by group: never shared, the same for a seed, frozen once they are made."""

from __future__ import annotations

import gzip
import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.scores.jackknife import FEWEST_GROUPS
from napari_artifact_review.core.training.exporting.export import export
from napari_artifact_review.core.training.exporting.export_options import (
    FEWEST_TEST_GROUPS,
)
from napari_artifact_review.core.training.exporting.splits import (
    Group,
    assign_splits,
    joined_groups,
)
from tests.core.training.small import (
    NAMES,
    contents,
    export_small,
    load,
    make_small,
    pixels_of,
)
from tests.nightly import many

GROUPS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 300)), min_size=1, max_size=25
).map(lambda counts: [Group(f"g{i}", *count) for i, count in enumerate(counts)])
SHARES = st.sampled_from(
    [(0.8, 0.1, 0.1), (0.6, 0.2, 0.2), (1.0, 0.0, 0.0), (0.5, 0.0, 0.5)]
)


@settings(max_examples=many(300, 5000, few=100))
@given(GROUPS, SHARES, st.integers(0, 5), st.randoms())
def test_each_group_has_one_split_whatever_the_order(groups, shares, seed, chance):
    splits = assign_splits(groups, shares, seed)
    assert splits.keys() == {group.name for group in groups}
    shuffled = chance.sample(groups, len(groups))
    assert assign_splits(shuffled, shares, seed) == splits
    wanted = {
        name
        for name, share in zip(("train", "validation", "test"), shares, strict=True)
        if share
    }
    assert set(splits.values()) <= wanted
    if sum(group.artifacts > 0 for group in groups) >= len(wanted):
        assert {splits[g.name] for g in groups if g.artifacts} == wanted


@settings(max_examples=many(300, 5000, few=100))
@given(GROUPS, SHARES, st.data())
def test_frozen_groups_stay_and_no_new_one_is_test(groups, shares, data):
    before = data.draw(st.lists(st.sampled_from(groups), unique=True))
    frozen = assign_splits(before, shares, 0)
    splits = assign_splits(groups, (0.8, 0.1, 0.1), 1, frozen)
    assert splits.items() >= frozen.items()
    new = {group.name for group in groups} - frozen.keys()
    assert {splits[name] for name in new} <= {"train", "validation"}


@pytest.mark.parametrize("seed", range(5))
def test_each_split_has_about_its_share_of_artifacts_and_of_cutouts(seed):
    rng = np.random.default_rng(seed)
    artifacts = rng.poisson(rng.gamma(1, 15, 47)).clip(0, 210).tolist()
    groups = [Group(f"g{i}", n, 210 - n) for i, n in enumerate(artifacts)]
    splits = assign_splits(groups, (0.8, 0.1, 0.1), seed)
    for split, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
        chosen = [group for group in groups if splits[group.name] == split]
        found = sum(group.artifacts for group in chosen) / sum(artifacts)
        assert found == pytest.approx(share, abs=0.06)
        assert len(chosen) / 47 == pytest.approx(share, abs=0.06)


@pytest.mark.parametrize("seed", range(5))
def test_few_groups_leave_no_split_without_artifacts(seed):
    counts = {"a": (60, 290), "b": (9, 61), "c": (5, 275), "d": (0, 140)}
    groups = [Group(name, *count) for name, count in counts.items()]
    splits = assign_splits(groups, (0.8, 0.1, 0.1), seed)
    assert {splits[name] for name in "abc"} == {"train", "validation", "test"}
    assert splits["a"] == "train"
    without = [Group(name, 0, 100) for name in "xyz"]
    splits = assign_splits(without, (0.8, 0.1, 0.1), seed)
    assert set(splits.values()) == {"train", "validation", "test"}


def test_another_seed_gives_other_splits():
    groups = [Group(f"g{i}", 10 + i % 3, 100) for i in range(30)]
    first, second = (assign_splits(groups, (0.8, 0.1, 0.1), seed) for seed in (0, 1))
    assert first != second


@settings(max_examples=many(300, 5000, few=100))
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("uvwxyz"))))
def test_groups_with_a_common_image_are_joined(links):
    joined = joined_groups(links)
    for group, identity in links:
        for other, same in links:
            if group == other or identity == same:
                assert joined[group] == joined[other] <= group
    # No more than these: each joined group is connected.
    for root in set(joined.values()):
        reached = {root}
        for _ in links:
            seen = {identity for group, identity in links if group in reached}
            reached |= {group for group, identity in links if identity in seen}
        assert {group for group in joined if joined[group] == root} == reached


@pytest.mark.parametrize("group", ["field", "EXPNUM", "CCDNUM,EXPNUM", None])
def test_images_of_a_group_share_a_split(small, tmp_path, group):
    export_small(small, tmp_path / "out", group=group, split=(0.4, 0.3, 0.3))
    _, table, told = load(tmp_path / "out")
    splits = table.groupby("image_name")["split"].unique()
    assert all(len(found) == 1 for found in splits)
    assert set(table["split"]) == {"train", "validation", "test"}
    if group in ("field", "EXPNUM"):
        for first, second in (("c0", "c1"), ("c2", "c3"), ("c4", "c5")):
            assert splits[first] == splits[second]
    counts = told["counts"]["split"]
    assert sum(one["groups"] for one in counts.values()) == (
        3 if group in ("field", "EXPNUM") else 6
    )


@pytest.mark.parametrize("by_id", [False, True])
def test_copies_share_a_split_although_the_table_has_them_in_two_groups(
    small, tmp_path, by_id
):
    shutil.copy(tmp_path / "c0.fits", tmp_path / "copy.fits")
    lines = [f"copy,{x},0,0,1,0.5,other" for x in (0, 20)]
    small.write_text(small.read_text() + "\n".join(lines) + "\n")
    if by_id:
        frame = pd.read_csv(small)
        frame.assign(image_id=frame["image_name"]).to_csv(small, index=False)
    done = export_small(small, tmp_path / "out", group="field", split=(0.4, 0.3, 0.3))
    splits = done.table.groupby("image_name")["split"].first()
    assert splits["copy"] == splits["c0"] == splits["c1"]
    assert "c0, copy: these images are equal, and share a split." in done.notices


@settings(max_examples=many(20, 300, few=6))
@given(st.permutations(range(36)), st.permutations(range(6)), st.data())
def test_ids_and_splits_survive_reordering_renaming_and_recompression(
    tmp_path_factory, rows, names, data
):
    folder = tmp_path_factory.mktemp("survey")
    table = make_small(folder)
    export_small(table, folder / "out")
    before = load(folder / "out")[1].set_index("id").sort_index()
    other = tmp_path_factory.mktemp("other")
    renamed = {}
    for number, new in enumerate(names):
        renamed[NAMES[number]] = f"c{new}"
        form = data.draw(st.sampled_from(["gz", "npy", "rice", "fits"]))
        write_as(form, folder / f"c{number}.fits", other / f"c{new}", number)
    frame = pd.read_csv(table).iloc[list(rows)]
    frame["image_name"] = frame["image_name"].map(renamed)
    frame.to_csv(other / "t.csv", index=False)
    export_small(other / "t.csv", other / "out")
    after = load(other / "out")[1].set_index("id").sort_index()
    same = ["grid_x", "grid_y", "label", "label_old", "split"]
    pd.testing.assert_frame_equal(after[same], before[same])


def write_as(form, source, target, number):
    """Write the pixels of a file in another form, without loss."""
    if form == "gz":
        packed = gzip.compress(source.read_bytes())
        target.with_suffix(".fits.gz").write_bytes(packed)
    elif form == "npy":
        np.save(target.with_suffix(".npy"), pixels_of(number))
    elif form == "rice":
        pixels = pixels_of(number).astype(np.int32)
        hdu = fits.CompImageHDU(pixels, compression_type="RICE_1")
        hdu.writeto(target.with_suffix(".fits.fz"))
    else:
        shutil.copy(source, target.with_suffix(".fits"))


@settings(max_examples=many(20, 300, few=6))
@given(st.sets(st.integers(0, 5), min_size=1, max_size=5), st.integers(0, 9))
def test_frozen_splits_stay_when_images_come(tmp_path_factory, first, seed):
    folder = tmp_path_factory.mktemp("survey")
    table = make_small(folder)
    whole = pd.read_csv(table)
    numbers = whole["image_name"].str[1:].astype(int)
    whole[numbers.isin(first)].to_csv(folder / "first.csv", index=False)
    export_small(folder / "first.csv", folder / "one", seed=seed)
    before = load(folder / "one")[1].set_index("id")["split"]
    # The second round has only the new images and one of the old ones.
    kept = {min(first)} | set(range(6)) - first
    whole[numbers.isin(kept)].to_csv(folder / "second.csv", index=False)
    export_small(folder / "second.csv", folder / "two", split_from=folder / "one")
    # The third round has all of them, and still knows those of the first one.
    export_small(table, folder / "three", split_from=folder / "two")
    for name in ("two", "three"):
        after = load(folder / name)[1].set_index("id")["split"]
        old = after.index.intersection(before.index)
        assert len(old)
        assert after[old].equals(before[old])
        assert "test" not in set(after.drop(old))
    assert after.index.isin(before.index).sum() == len(before)


def test_a_new_version_of_an_image_keeps_the_split_and_is_told(small, tmp_path):
    export_small(small, tmp_path / "one")
    before = load(tmp_path / "one")[1].groupby("image_name")["split"].first()
    [test] = before.index[before == "test"]
    fits.writeto(tmp_path / f"{test}.fits", pixels_of(9), overwrite=True)
    done = export_small(small, tmp_path / "two", split_from=tmp_path / "one")
    assert done.table.groupby("image_name")["split"].first().equals(before)
    [told] = [text for text in done.notices if "new version" in text]
    assert told.startswith(f"{test}: ")


def test_a_new_image_of_a_test_group_is_test_too(small, tmp_path):
    whole = pd.read_csv(small)
    whole[whole["image_name"] != "c1"].to_csv(tmp_path / "first.csv", index=False)
    # Seed after seed, until the group f0 is test.
    for seed in range(100):
        one = tmp_path / f"one {seed}"
        done = export_small(tmp_path / "first.csv", one, group="field", seed=seed)
        splits = done.table.groupby("image_name")["split"].first()
        if splits["c0"] == "test":
            break
    # The option is that of the earlier export.
    done = export_small(small, tmp_path / "two", split_from=one)
    after = done.table.groupby("image_name")["split"].first()
    assert after["c1"] == "test"
    assert after[splits.index].equals(splits)
    done = export_small(small, tmp_path / "three", split_from=one, group="image_name")
    after = done.table.groupby("image_name")["split"].first()
    assert after["c1"] != "test"
    assert after[splits.index].equals(splits)
    assert any("has other groups (field)" in notice for notice in done.notices)


def test_a_group_in_two_splits_is_one_clear_error(small, tmp_path):
    export_small(small, tmp_path / "one", split=(0.4, 0.3, 0.3))
    with pytest.raises(ReviewError, match=r"the group 'f\d' would be in two splits"):
        export_small(
            small, tmp_path / "two", group="field", split_from=tmp_path / "one"
        )
    assert not (tmp_path / "two" / "export.json").exists()


def test_a_group_of_several_values_in_an_image_is_refused(small, tmp_path):
    small.write_text(
        small.read_text().replace("c1,20,0,0,1,0.5,f0", "c1,20,0,0,1,0.5,f1")
    )
    with pytest.raises(ReviewError, match="'c1' has several groups: 'f0' and 'f1'"):
        export_small(small, tmp_path / "out", group="field")


def test_an_earlier_export_must_be_one(small, tmp_path):
    for text in (None, "{", "{}", json.dumps({"format": "other"})):
        folder = tmp_path / f"earlier {text}"[:20].replace("/", "")
        folder.mkdir()
        if text is not None:
            (folder / "export.json").write_text(text)
        with pytest.raises(ReviewError, match="it is no export"):
            export_small(small, tmp_path / "out", split_from=folder)
    export_small(small, tmp_path / "one")
    told = json.loads((tmp_path / "one/export.json").read_text())
    (tmp_path / "one/export.json").write_text(json.dumps(told | {"version": 2}))
    with pytest.raises(ReviewError, match="version 2, not 1"):
        export_small(small, tmp_path / "out", split_from=tmp_path / "one")
    del told["images"][0]["split"]
    (tmp_path / "one/export.json").write_text(json.dumps(told))
    with pytest.raises(ReviewError, match="the file is damaged"):
        export_small(small, tmp_path / "out", split_from=tmp_path / "one")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", '{"format": "nap', "{}", "[]"])
def test_a_damaged_description_of_an_export_is_told(small, tmp_path, text):
    export_small(small, tmp_path / "one")
    (tmp_path / "one/export.json").write_text(text)
    before = contents(tmp_path / "one")
    for options in ({"to": tmp_path / "one"}, {"split_from": tmp_path / "one"}):
        with pytest.raises(ReviewError) as caught:
            export_small(small, **{"to": tmp_path / "out"} | options)
        assert caught.value.path == tmp_path / "one/export.json"
        assert "the file is damaged" in caught.value.what
        assert "the splits of this export cannot be kept without it" in (
            caught.value.what
        )
        assert caught.value.remedy == "Restore it from a backup, or name another folder"
    assert contents(tmp_path / "one") == before
    assert not (tmp_path / "out").exists()


def test_a_pipe_as_description_of_an_export_is_not_waited_for(small, tmp_path):
    export_small(small, tmp_path / "one")
    (tmp_path / "one/export.json").unlink()
    os.mkfifo(tmp_path / "one/export.json")
    (tmp_path / "none").mkdir()
    os.mkfifo(tmp_path / "none/export.json")
    for name, what in (("one", "not a regular file"), ("none", "it is no export")):
        with pytest.raises(ReviewError, match=what):
            export_small(small, tmp_path / "out", split_from=tmp_path / name)
    assert not (tmp_path / "out").exists()


def test_new_images_without_a_share_are_refused(small, tmp_path):
    frame = pd.read_csv(small)
    frame[frame["image_name"] == "c0"].to_csv(tmp_path / "first.csv", index=False)
    export_small(tmp_path / "first.csv", tmp_path / "one", split=(0, 0, 1))
    with pytest.raises(ReviewError, match="both have the share 0"):
        export_small(
            small, tmp_path / "two", split=(0, 0, 1), split_from=tmp_path / "one"
        )


def test_frames_of_the_sky_by_field(shared_data, tmp_path):
    table = pd.read_csv(shared_data / "sdss/predictions.csv", dtype=str)
    # Most frames of two fields are left out, which saves time.
    table = table[~table["image_name"].str.match("frame-[giru]-00(1035|1992)")]
    table.to_csv(tmp_path / "p.csv", index=False)
    images = shared_data / "sdss/images"
    # A run and a camera column have one field here.
    done = export(tmp_path / "p.csv", images, tmp_path / "out", group="RUN,CAMCOL")
    cutouts, loaded, told = load(tmp_path / "out")
    assert cutouts.shape == (len(table), 200, 200)
    field = loaded["image_name"].str[8:]
    assert (loaded.groupby(field)["split"].nunique() == 1).all()
    assert field.nunique() == len({image["group"] for image in told["images"]}) == 3
    assert loaded[["ra", "dec"]].notna().all(axis=None)
    assert np.isfinite(cutouts).all()
    assert done.skipped == ()
    raw = fits.getdata(images / "frame-g-003918-3-0213.fits.bz2")
    row = loaded.index[
        (loaded["image_name"] == "frame-g-003918-3-0213")
        & (loaded["grid_x"] == 400)
        & (loaded["grid_y"] == 200)
    ]
    np.testing.assert_array_equal(cutouts[row[0]], raw[200:400, 400:600])


def splits_of(folder):
    return load(folder)[1].groupby("image_name")["split"].first()


def test_an_export_into_the_same_folder_keeps_the_splits(small, tmp_path):
    out, whole = tmp_path / "out", pd.read_csv(small)
    shares = (0.4, 0.3, 0.3)
    whole[whole["image_name"] != "c5"].to_csv(tmp_path / "first.csv", index=False)
    export_small(tmp_path / "first.csv", out, split=shares)
    before = splits_of(out)
    # Verdicts change the number of artifacts, and a new export would have other splits.
    changed = whole.assign(label=(whole.index % 7 < whole.index % 5).astype(int))
    changed.to_csv(small, index=False)
    export_small(small, tmp_path / "fresh", split=shares)
    assert not splits_of(tmp_path / "fresh")[before.index].equals(before)
    done = export_small(small, out, split=shares)
    after = splits_of(out)
    assert after[before.index].equals(before)
    assert after["c5"] != "test"
    [told] = [text for text in done.notices if text.startswith("1 image is not in")]
    assert "whose test split stays" in told
    # An image that is left out meanwhile keeps its split too.
    export_small(tmp_path / "first.csv", out, split=shares)
    export_small(small, out, split=shares)
    assert splits_of(out).equals(after)


def test_the_same_export_again_gives_the_same_files(small, tmp_path):
    export_small(small, tmp_path / "one")
    export_small(small, tmp_path / "two", split_from=tmp_path / "one")
    for name in ("one", "two"):
        before = contents(tmp_path / name)
        export_small(small, tmp_path / name)
        assert contents(tmp_path / name) == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"seed": 5}, "seed 0, now 5"),
        ({"split": (0.5, 0.25, 0.25)}, "split 0.8,0.1,0.1, now 0.5,0.25,0.25"),
        ({"group": "field"}, "group none, now field"),
        ({"image_key": ("EXPNUM", "CCDNUM")}, "image-key none, now EXPNUM,CCDNUM"),
    ],
)
def test_other_options_make_no_new_splits_in_the_same_folder(
    small, tmp_path, options, told
):
    out = tmp_path / "out"
    export_small(small, out)
    before = contents(out)
    with pytest.raises(ReviewError, match="made with other options") as found:
        export_small(small, out, **options)
    assert told in str(found.value)
    assert f"Give --split-from {out} to keep its splits" in str(found.value)
    assert contents(out) == before
    if "group" not in options:
        kept = splits_of(out)
        export_small(small, out, split_from=out, **options)
        assert splits_of(out).equals(kept)


def test_an_earlier_export_of_other_images_is_one_error(small, tmp_path):
    whole = pd.read_csv(small)
    is_first = whole["image_name"] == "c0"
    whole[is_first].to_csv(tmp_path / "first.csv", index=False)
    whole[~is_first].to_csv(tmp_path / "others.csv", index=False)
    export_small(tmp_path / "first.csv", tmp_path / "one")
    before = contents(tmp_path / "one")
    for name, options in (("one", {}), ("two", {"split_from": tmp_path / "one"})):
        with pytest.raises(ReviewError, match="none of the images of the earlier"):
            export_small(tmp_path / "others.csv", tmp_path / name, **options)
    after = contents(tmp_path / "one")
    assert {name: after[name] for name in before} == before


def test_a_test_split_that_is_too_small_for_an_interval_is_told(small, tmp_path):
    assert FEWEST_TEST_GROUPS == FEWEST_GROUPS
    for split, expected in (((0, 0, 1), 0), ((1, 0, 0), 0), ((0.6, 0.2, 0.2), 1)):
        done = export_small(small, tmp_path / f"{split}", split=split)
        told = [text for text in done.notices if "no interval" in text]
        assert len(told) == expected
    assert told == [
        "compare gives no interval with fewer than 6 groups in the test split; it "
        f"has {done.counts['split']['test']['groups']}."
    ]
