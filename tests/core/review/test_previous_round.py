"""A next round: what is carried from a previous round, and what is asked again."""

from __future__ import annotations

import csv
import itertools
import os
import shutil
import sqlite3
import tempfile
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.decisions.decision import utc_now
from napari_artifact_review.core.errors import ReviewError, StoreError
from napari_artifact_review.core.review.check import check_review
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.scores.pace import pace_of
from tests.nightly import many

COLUMNS = ("image_name", "grid_x", "grid_y", "label", "preds", "confidence")
REVIEWED = ("label_new", "reviewed_by", "reviewed_at", "decision", "kind", "note")
VERDICTS = ("artifact", "no artifact", "unsure")

#: A cutout of another image, which shows that positions are pixels.
FAR = ("z", 2000, 2000, 0, 0, 0.1)


def write(path, rows, columns=COLUMNS):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([columns, *rows])
    return path


def key_of(row):
    return row.image_name, int(row.grid_x), int(row.grid_y)


def verdicts_in(session):
    """Return the verdict and the reviewer of each reviewed cutout."""
    table = session.table[session.table.decision != ""]
    return {key_of(row): (row.decision, row.reviewed_by) for row in table.itertuples()}


# What is carried, compared with a plain model

POSITIONS = st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 3))
PREVIOUS = st.dictionaries(POSITIONS, st.sampled_from(VERDICTS), max_size=8)
CUTOUTS = st.sets(POSITIONS, max_size=10)


def plain_model(old, new, old_size, new_size):
    """Return the verdict that each new cutout gets; None where verdicts differ."""
    candidates = defaultdict(list)
    for (name, x, y), verdict in old.items():
        if old_size == new_size and (name, x, y) in new:
            candidates[name, x, y].append((2.0, verdict))
            continue
        for other, left, top in new:
            wide = min(x + old_size, left + new_size) - max(x, left)
            high = min(y + old_size, top + new_size) - max(y, top)
            share = max(0, wide) * max(0, high) / max(old_size, new_size) ** 2
            if other == name and share >= 0.5:
                candidates[other, left, top].append((share, verdict))
    found = {}
    for cutout, several in candidates.items():
        exact = [one for one in several if one[0] == 2.0] or several
        verdicts = {verdict for _, verdict in exact}
        found[cutout] = verdicts.pop() if len(verdicts) == 1 else None
    return found


@settings(max_examples=many(150, 2000, few=25))
@given(
    PREVIOUS,
    CUTOUTS,
    st.sampled_from(((0, 0), (100, 0), (60, 30), (100, 100), (150, 0))),
    st.sampled_from((200, 150, 280, 400)),
    st.sampled_from(("same names", "other names", "other suffix")),
    st.booleans(),
)
def test_what_is_carried_is_what_a_plain_model_carries(
    previous, cutouts, shift, size, naming, from_log
):
    # Two cutouts of an image of their own make the spacing 200 px in each table.
    old = {
        (name, 200 * x, 200 * y): verdict for (name, x, y), verdict in previous.items()
    }
    new = {(name, size * x + shift[0], size * y + shift[1]) for name, x, y in cutouts}
    names = {
        "same names": lambda name: name,
        "other names": lambda name: f"{name}2",
        "other suffix": lambda name: f"{name}.fits",
    }[naming]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "old", "predictions.csv")
        columns = (*COLUMNS, "image_id")
        anchors = [("z", 0, 0, 0, 0, 0.5, "id z"), ("z", 200, 200, 0, 0, 0.5, "id z")]
        rows = [(*cutout, 0, 1, 0.9, f"id {cutout[0]}") for cutout in old]
        write(path, [*anchors, *rows], columns)
        with ReviewSession.open(path, reviewer="ada", cutout_size=200) as session:
            for cutout, verdict in old.items():
                session.select(*cutout)
                session.set_label(verdict, "ghost" if verdict == "artifact" else "")
            session.save()
        log = Path(session.store)
        if naming == "other suffix":
            # The files say that both names are one image.
            for name in "ab":
                Path(folder, "new").mkdir(exist_ok=True)
                Path(folder, "new", f"{name}.fits").touch()
            columns, anchors = COLUMNS, [one[:-1] for one in anchors]
        ids = {name: [f"id {name}"] * (len(columns) - 6) for name in "abz"}
        rows = [
            (names(name), x, y, 0, 0, 0.1, *ids[name]) for name, x, y in sorted(new)
        ]
        table = write(Path(folder, "new", "p.csv"), [*anchors, *rows], columns)
        options = {"cutout_size": size, "previous": log if from_log else session.output}
        with ReviewSession.open(table, reviewer="eve", **options) as session:
            carried = verdicts_in(session)
            table = session.table.set_index(["image_name", "grid_x", "grid_y"])
            left_out = session.round_summary.not_carried
        wanted = plain_model(old, new, 200, size)
        assert carried == {
            (names(name), x, y): (verdict, "ada")
            for (name, x, y), verdict in wanted.items()
            if verdict is not None
        }
        for cutout, (verdict, _) in carried.items():
            assert table.label_new[cutout] == (verdict == "artifact")
            assert table.kind[cutout] == ("ghost" if verdict == "artifact" else "")
        # Each verdict is carried or listed.
        unmatched = {one.cutout for one in left_out}
        for cutout, verdict in old.items():
            reached = plain_model({cutout: verdict}, new, 200, size)
            if not reached or any(wanted[one] is None for one in reached):
                assert cutout in unmatched


def test_of_agreeing_verdicts_the_largest_overlap_is_carried(tmp_path):
    old = [("a", 0, 0, 0, 1, 0.9), ("a", 200, 0, 0, 1, 0.9)]
    path = write(tmp_path / "old" / "predictions.csv", old)
    with ReviewSession.open(path, reviewer="ada", cutout_size=200) as session:
        session.set_label("artifact", "trail")
    with ReviewSession.open(path, reviewer="bob") as session:
        session.select("a", 200, 0)
        session.set_label("artifact", "ghost")
    new = write(tmp_path / "new" / "p.csv", [("a", 90, 0, 0, 1, 0.9), FAR])
    with ReviewSession.open(new, cutout_size=200, previous=path) as session:
        assert session.current["kind"] == "trail"
        assert session.current["reviewed_by"] == "ada"


def test_overlapping_verdicts_that_differ_are_listed_and_none_is_carried(tmp_path):
    old = [("a", 0, 0, 0, 1, 0.9), ("a", 200, 0, 0, 1, 0.9)]
    path = write(tmp_path / "old" / "predictions.csv", old)
    with ReviewSession.open(path, reviewer="ada", cutout_size=200) as session:
        session.set_label("artifact")
        session.select("a", 200, 0)
        session.set_label("no artifact")
    new = write(tmp_path / "new" / "p.csv", [("a", 100, 0, 0, 1, 0.9), FAR])
    with ReviewSession.open(new, cutout_size=200, previous=path) as session:
        assert verdicts_in(session) == {}
        listed = session.round_summary.not_carried
        assert [(one.cutout, one.verdict) for one in listed] == [
            (("a", 0, 0), "artifact"),
            (("a", 200, 0), "no artifact"),
        ]
        assert "verdicts on a (100, 0) differ" in listed[0].text
    summary, faults = check_review(new, cutout_size=200, previous=path)
    # The images are not there, which is a fault of its own.
    assert (summary, len(faults)) == ("", 1)


# The sky


def sky_image(path, x=0.0, y=0.0, **cards):
    """Write an image whose first pixel is a pixel of a larger image of the sky."""
    header = fits.Header()
    header.update(
        CTYPE1="RA---TAN",
        CTYPE2="DEC--TAN",
        CRVAL1=150.0,
        CRVAL2=2.0,
        CRPIX1=501.0 - x,
        CRPIX2=301.0 - y,
        CDELT1=-5e-5,
        CDELT2=5e-5,
    )
    header.update(cards)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.arange(600 * 800, dtype=np.float32).reshape(600, 800)
    fits.PrimaryHDU(pixels + len(path.name), header).writeto(path)


@settings(max_examples=many(60, 500, few=8))
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 3), st.integers(0, 2)),
        st.sampled_from(VERDICTS),
        min_size=1,
    ),
    st.sampled_from((0, 40, 100, 110, 200, 1000)),
    st.sampled_from((0, 40, 90)),
)
def test_other_images_are_matched_on_the_sky(verdicts, across, down):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sky_image(folder / "old" / "a.fits")
        # The first pixel of the new image is pixel (across, down) of the old image.
        sky_image(folder / "new" / "other.fits", across, down)
        grid = list(itertools.product(range(0, 800, 200), range(0, 600, 200)))
        path = folder / "old" / "predictions.csv"
        write(path, [("a", x, y, 0, 1, 0.9) for x, y in grid])
        old = {("a", 200 * x, 200 * y): said for (x, y), said in verdicts.items()}
        with ReviewSession.open(path, reviewer="ada") as session:
            for cutout, said in old.items():
                session.select(*cutout)
                session.set_label(said)
        rows = [("other", x, y, 0, 1, 0.9) for x, y in grid]
        new = write(folder / "new" / "p.csv", rows)
        with ReviewSession.open(new, previous=path) as session:
            carried = verdicts_in(session)
            notices = " ".join(session.notices)
        shifted = {(name, x - across, y - down): v for (name, x, y), v in old.items()}
        wanted = plain_model(shifted, {("a", x, y) for x, y in grid}, 200, 200)
        assert carried == {
            ("other", x, y): (verdict, "ada")
            for (_, x, y), verdict in wanted.items()
            if verdict is not None
        }
        assert ("on the sky" in notices) == bool(carried)


def test_a_turned_image_is_matched_on_the_sky(tmp_path):
    sky_image(tmp_path / "old" / "a.fits")
    # Columns and rows change sides: pixel (x, y) becomes (799 - x, 599 - y).
    turned = {"CRPIX1": 300.0, "CRPIX2": 300.0, "CDELT1": 5e-5, "CDELT2": -5e-5}
    sky_image(tmp_path / "new" / "b.fits", **turned)
    path = write(tmp_path / "old" / "predictions.csv", [("a", 0, 0, 0, 1, 0.9)])
    with ReviewSession.open(path, reviewer="ada", cutout_size=200) as session:
        session.set_label("artifact")
    grid = itertools.product(range(0, 800, 200), range(0, 600, 200))
    new = write(tmp_path / "new" / "p.csv", [("b", x, y, 0, 1, 0.9) for x, y in grid])
    with ReviewSession.open(new, previous=path) as session:
        assert verdicts_in(session) == {("b", 600, 400): ("artifact", "ada")}


def test_without_a_wcs_another_image_is_not_matched(tmp_path):
    sky_image(tmp_path / "old" / "a.fits")
    sky_image(tmp_path / "new" / "b.fits", CTYPE1="LINEAR", CTYPE2="LINEAR")
    path = write(tmp_path / "old" / "predictions.csv", [("a", 0, 0, 0, 1, 0.9)])
    with ReviewSession.open(path, reviewer="ada", cutout_size=200) as session:
        session.set_label("artifact")
    new = write(tmp_path / "new" / "p.csv", [("b", 0, 0, 0, 1, 0.9)])
    with ReviewSession.open(new, cutout_size=200, previous=path) as session:
        assert verdicts_in(session) == {}
        [listed] = session.round_summary.not_carried
        assert listed.reason == "its image is not in the new table"
        assert [n for n in session.notices if "could be carried" in n] == [
            f"Previous round {path}: 0 of 1 verdicts could be carried; check "
            "--previous lists the reasons."
        ]


# Once, undone, saved, exchanged


@pytest.fixture
def rounds(survey, tmp_path):
    """Review three errors of the small survey; return both tables of predictions.

    In the next round, the model agrees with one verdict, contradicts two, and makes two
    new errors.
    """
    old = tmp_path / "round 1" / "predictions.csv"
    old.parent.mkdir()
    shutil.copyfile(survey, old)
    with ReviewSession.open(old, survey.parent, reviewer="ada") as session:
        for cutout, verdict in (
            (("north", 200, 0), "no artifact"),
            (("north", 400, 200), "no artifact"),
            (("south", 0, 0), "artifact"),
        ):
            session.select(*cutout)
            session.set_label(verdict, note=f"seen {verdict}")
        session.save()
    table = pd.read_csv(survey, dtype=str)
    changed = {("north", 200, 0): "1", ("south", 0, 0): "0", ("west", 0, 0): "1"}
    for (name, x, y), preds in changed.items():
        which = (table.image_name == name) & (table.grid_x == str(x))
        table.loc[which & (table.grid_y == str(y)), "preds"] = preds
    table.to_csv(survey, index=False)
    return old, survey


def test_carried_verdicts_stand_and_are_not_progress(rounds):
    old, new = rounds
    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        assert verdicts_in(session) == {
            ("north", 200, 0): ("no artifact", "ada"),
            ("north", 400, 200): ("no artifact", "ada"),
            ("south", 0, 0): ("artifact", "ada"),
        }
        # New: west (0, 0) and south (600, 400). Contradicted: the three verdicts.
        assert [key_of(row) for row in session.queue.itertuples()] == [
            ("west", 0, 0),
            ("south", 600, 400),
            ("north", 200, 0),
            ("north", 400, 200),
            ("south", 0, 0),
        ]
        assert session.progress == (0, 5)
        assert (session.unsaved, session.stored) == (0, 0)
        assert pace_of(session.log).verdicts == 0
        assert {(e.action, e.origin, e.reviewer) for e in session.log} == {
            ("carry", "carried", "ada")
        }
        summary = session.round_summary
        assert (summary.carried, summary.contradicted) == (3, 3)
        # The error at south (600, 400) is old, and that at west (0, 0) is new.
        assert (summary.new, summary.gone, summary.old) == (1, 0, 4)
        assert f"{summary.text}." in session.notices
        assert session.current_cutout.is_carried is False
        session.select("south", 0, 0)
        assert session.current_cutout.is_carried


def test_the_queue_knows_new_contradicted_and_settled(rounds):
    old, new = rounds

    def queued(state):
        session.set_queue(state=state)
        return {key_of(row) for row in session.queue.itertuples()}

    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        assert queued("new errors") == {("west", 0, 0), ("south", 600, 400)}
        assert len(queued("contradicted")) == 3
        assert queued("settled") == set()
        session.set_threshold(0.98)
        # Now the model predicts no artifact anywhere.
        assert queued("settled") == {("north", 200, 0), ("north", 400, 200)}
        assert queued("contradicted") == {("south", 0, 0)}
        session.set_threshold(None)
        session.set_queue(state="new errors")
        session.set_label("no artifact")
        assert len(session.queue) == 1
        assert session.progress == (1, 2)


def test_a_settled_verdict_is_never_asked_again(rounds):
    old, new = rounds
    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        session.set_threshold(0.98)
        session.set_queue(outcomes=("FP", "FN", "TP", "TN"))
        asked = set()
        while (key := key_of(session.current)) not in asked:
            asked.add(key)
            session.next_unreviewed()
        assert not {("north", 200, 0), ("north", 400, 200)} & asked
        assert ("south", 0, 0) in asked
        assert len(asked) == len(session.table) - 2 == session.progress[1]


def test_a_verdict_of_this_round_wins_and_counts(rounds):
    old, new = rounds
    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        session.set_queue(state="contradicted")
        assert session.progress == (0, 3)
        session.set_label("artifact")
        assert session.progress == (1, 3)
        assert session.unsaved == 1
        assert session.current["reviewed_by"] == "eve"
        # The undo of a verdict of this round brings back the carried one.
        session.undo()
        assert session.current["reviewed_by"] == "ada"
        assert (session.progress, session.unsaved) == ((0, 3), 0)


def test_the_same_verdict_of_the_same_reviewer_is_a_new_one(rounds):
    old, new = rounds
    with ReviewSession.open(new, reviewer="ada", previous=old) as session:
        session.select("south", 0, 0)
        note = session.current["note"]
        assert session.set_label("artifact", note=note)
        assert not session.set_label("artifact", note=note)
        assert not session.current_cutout.is_carried
        assert session.progress == (1, 5)


def test_what_was_carried_is_undone_by_one_undo(rounds):
    old, new = rounds
    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        session.select("west", 0, 0)
        session.set_label("no artifact")
        assert session.undo()
        assert session.undo()
        assert not session.undo()
        assert verdicts_in(session) == {}
        assert (session.unsaved, session.drafts) == (0, {})
        # Without verdicts, the queue has the errors of the new model.
        assert len(session.queue) == len(session.errors) == session.progress[1]
        assert (session.table.label_new == session.table.label).all()
        assert session.redo()
        assert len(verdicts_in(session)) == 3


def test_each_verdict_is_carried_once(rounds, tmp_path):
    old, new = rounds
    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        assert session.undo()
        store = Path(session.store)
        first = len(session.log)
    # Also from the log or the reviewed table, and also after an undo.
    reviewed = old.with_name("test_outputs.csv")
    log = old.with_name("test_outputs.csv.review.sqlite")
    copied = tmp_path / "elsewhere" / "reviewed.csv"
    copied.parent.mkdir()
    shutil.copyfile(reviewed, copied)
    for previous in (old, reviewed, log, copied):
        with ReviewSession.open(new, reviewer="eve", previous=previous) as session:
            assert len(session.log) == first
            assert verdicts_in(session) == {}
    assert store.exists()


def test_another_previous_round_adds_what_is_new(rounds, survey, tmp_path):
    old, new = rounds
    with ReviewSession.open(new, reviewer="eve", previous=old):
        pass
    with ReviewSession.open(old, survey.parent, reviewer="ada") as session:
        session.select("south", 0, 0)
        session.set_label("no artifact")
        session.select("west", 0, 0)
        session.set_label("unsure")
    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        assert verdicts_in(session)["south", 0, 0] == ("no artifact", "ada")
        assert verdicts_in(session)["west", 0, 0] == ("unsure", "ada")
        assert sum(entry.action == "carry" for entry in session.log) == 5
    # An older round does not replace what is newer.
    older = tmp_path / "older.csv"
    row = ("south", 0, 0, 0, 1, 0.9, 1, "dan", "2020-01-01T00:00:00Z", "artifact")
    write(older, [row], (*COLUMNS, *REVIEWED[:4]))
    with ReviewSession.open(new, cutout_size=200, previous=older) as session:
        assert verdicts_in(session)["south", 0, 0] == ("no artifact", "ada")


def test_carried_verdicts_are_saved_and_resumed(rounds):
    old, new = rounds
    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        carried, queue = verdicts_in(session), session.queue.index.tolist()
        saved = session.save()
    table = pd.read_csv(saved, dtype=str, keep_default_na=False)
    before = pd.read_csv(new, dtype=str, keep_default_na=False)
    assert table[list(before.columns)].equals(before)
    row = table[(table.image_name == "south") & (table.grid_x == "0")].iloc[0]
    assert (row.label_new, row.decision, row.reviewed_by) == ("1", "artifact", "ada")
    # From the predictions and from the output.
    for path in (new, saved):
        with ReviewSession.open(path, reviewer="eve") as session:
            assert verdicts_in(session) == carried
            assert not session.disagreements
            assert session.unsaved == 0
            assert session.queue.index.tolist() == queue
            assert session.round_summary.carried == 3
    # A third round carries them with their first reviewer.
    third = new.parent / "third" / "p.csv"
    third.parent.mkdir()
    shutil.copyfile(new, third)
    with ReviewSession.open(third, new.parent, previous=new) as session:
        assert verdicts_in(session) == carried


def test_closing_writes_no_table_for_carried_verdicts_alone(rounds):
    old, new = rounds
    session = ReviewSession.open(new, reviewer="eve", previous=old)
    session.close(save=True)
    assert not session.output.exists()
    session = ReviewSession.open(new, reviewer="eve", previous=old)
    session.set_label("artifact")
    session.close(save=True)
    assert "ada" in session.output.read_text()


def test_a_table_that_repeats_the_previous_verdicts_is_a_new_round(rounds):
    old, new = rounds
    reviewed = pd.read_csv(old.with_name("test_outputs.csv"), dtype=str)
    table = pd.read_csv(new, dtype=str)
    for name in REVIEWED:
        table[name] = reviewed[name]
    table.to_csv(new, index=False)
    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        assert session.progress == (0, 5)
        assert session.round_summary.carried == 3


def test_a_verdict_of_the_new_table_is_not_replaced(rounds):
    old, new = rounds
    table = pd.read_csv(new, dtype=str)
    which = (table.image_name == "south") & (table.grid_x == "0")
    which &= table.grid_y == "0"
    values = {"label_new": "0", "reviewed_by": "zoe", "reviewed_at": "2026"}
    for name, value in {**values, "decision": "no artifact"}.items():
        table[name] = np.where(which, value, table["label"] if "new" in name else "")
    table.to_csv(new, index=False)
    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        assert verdicts_in(session)["south", 0, 0] == ("no artifact", "zoe")
        [listed] = session.round_summary.not_carried
        assert listed.reason == "the new table has another verdict on south (0, 0)"


def test_a_read_only_review_shows_them_and_writes_nothing(rounds):
    old, new = rounds
    before = sorted(new.parent.iterdir())
    with ReviewSession.open(new, previous=old, read_only=True) as session:
        assert len(verdicts_in(session)) == 3
        assert session.round_summary.carried == 3
        assert session.refused == ()
    assert sorted(new.parent.iterdir()) == before
    # The log is reopened for editing, and the verdicts are recorded.
    with ReviewSession.open(new, reviewer="eve") as writer:
        with ReviewSession.open(new, previous=old) as session:
            assert len(verdicts_in(session)) == 3
            assert verdicts_in(writer) == {}
        writer.close()
        with session.reopen() as again:
            assert sum(entry.action == "carry" for entry in again.log) == 3


def test_a_user_choice_of_the_queue_stays(rounds):
    old, new = rounds
    with ReviewSession.open(new, reviewer="eve") as session:
        session.set_queue(("TP",), order="random", seed=4)
    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        assert session.review_queue.rule.order == "random"
    with ReviewSession.open(new, reviewer="eve") as session:
        session.set_queue(order="image")
        assert session.undo()
    other = new.with_name("other.csv")
    with ReviewSession.open(new, output=other, reviewer="eve") as session:
        assert session.review_queue.rule.state == "all"
    with ReviewSession.open(new, output=other, previous=old) as session:
        assert session.review_queue.rule.state == "next round"


def test_exchanged_names_are_told_by_their_identity(tmp_path):
    columns = (*COLUMNS, "image_id")
    old = [("a", 0, 0, 0, 1, 0.9, "A"), ("b", 0, 0, 0, 1, 0.9, "B")]
    path = write(tmp_path / "old" / "predictions.csv", old, columns)
    with ReviewSession.open(path, reviewer="ada", cutout_size=200) as session:
        session.select("a", 0, 0)
        session.set_label("artifact")
        session.select("b", 0, 0)
        session.set_label("no artifact")
    new = [("b", 0, 0, 0, 1, 0.9, "A"), ("a", 0, 0, 0, 1, 0.9, "B")]
    table = write(tmp_path / "new" / "p.csv", new, columns)
    with ReviewSession.open(table, cutout_size=200, previous=path) as session:
        assert verdicts_in(session) == {
            ("b", 0, 0): ("artifact", "ada"),
            ("a", 0, 0): ("no artifact", "ada"),
        }
    # A new version of an image under its name keeps its verdicts, and is told.
    new = [("a", 0, 0, 0, 1, 0.9, "A2"), ("c", 0, 0, 0, 1, 0.9, "C")]
    table = write(tmp_path / "third" / "p.csv", new, columns)
    with ReviewSession.open(table, cutout_size=200, previous=path) as session:
        assert verdicts_in(session) == {("a", 0, 0): ("artifact", "ada")}
        assert "1 image had other pixels" in " ".join(session.notices)


def test_a_pixel_identity_of_both_logs_matches_renamed_images(survey, tmp_path):
    old = tmp_path / "old" / "predictions.csv"
    old.parent.mkdir()
    shutil.copyfile(survey, old)
    with ReviewSession.open(old, survey.parent, reviewer="ada") as session:
        identify(session, "south")
        session.select("south", 0, 0)
        session.set_label("artifact")
    new = tmp_path / "new" / "p.csv"
    new.parent.mkdir()
    new.write_text(survey.read_text().replace("south", "renamed"))
    # No header helps here.
    pixels = fits.getdata(survey.with_name("south.fits"))
    np.save(new.with_name("renamed.npy"), pixels.astype(np.float32))
    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        assert verdicts_in(session) == {}
        identify(session, "renamed")
    # Once the image was read, its identity is known.
    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        assert verdicts_in(session) == {("renamed", 0, 0): ("artifact", "ada")}


def identify(session, name):
    from napari_artifact_review.core.images.folder import read_image

    full = read_image(session.images.find(name))
    session.judged_images.note(name, full)
    assert session.judged_images.identify(name, full)


# What goes wrong


def test_a_previous_round_that_cannot_be_read_is_one_line(rounds, tmp_path):
    _, new = rounds
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"SQLite format 3\0" + bytes(200))
    nonsense = tmp_path / "nonsense.csv"
    nonsense.write_text("a,b\n1,2\n")
    pipe = tmp_path / "pipe.csv"
    # Opening it would wait for a writer.
    os.mkfifo(pipe)
    for previous, what in (
        (tmp_path / "missing.csv", "there is no such file"),
        (damaged, "cannot be read"),
        (nonsense, "cannot be read"),
        (tmp_path, "cannot be read"),
        (pipe, "this is not a file"),
    ):
        with pytest.raises(ReviewError, match=what) as caught:
            ReviewSession.open(new, previous=previous)
        assert "\n" not in str(caught.value)
        assert str(previous) in str(caught.value)
        _, faults = check_review(new, previous=previous)
        assert [str(fault) for fault in faults] == [str(caught.value)]
    # The review can be opened afterwards.
    with ReviewSession.open(new, reviewer="eve") as session:
        assert session.round_summary is None


def test_the_previous_round_is_not_this_round(rounds):
    old, _ = rounds
    reviewed = old.with_name("test_outputs.csv")
    log = old.with_name("test_outputs.csv.review.sqlite")
    before = log.read_bytes()
    next_to_it = old.with_name("next.csv")
    shutil.copyfile(old, next_to_it)
    for previous in (reviewed, log, old):
        with pytest.raises(ReviewError, match="Name another output than test_outputs"):
            ReviewSession.open(next_to_it, previous=previous)
    assert log.read_bytes() == before
    output = old.with_name("round 2.csv")
    with ReviewSession.open(next_to_it, output=output, previous=old) as session:
        assert session.round_summary.carried == 3


def test_verdicts_that_a_full_disk_refused_are_carried_later(rounds, slow_disk):
    old, new = rounds
    slow_disk.faults.append(sqlite3.OperationalError("database or disk is full"))
    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        assert verdicts_in(session) == {}
        assert [command.title for command in session.refused] == ["3 cutouts: carried"]
        assert "disk is full" in str(session.problem)
        session.retry_refused()
        session.wait_until_recorded()
        assert len(verdicts_in(session)) == 3
        assert (session.refused, session.problem) == ((), None)
        assert session.round_summary.carried == 3


def test_a_previous_table_without_verdicts_is_told(rounds, tmp_path):
    _, new = rounds
    path = write(tmp_path / "unseen" / "p.csv", [("north", 0, 0, 0, 1, 0.9)])
    with ReviewSession.open(new, cutout_size=200, previous=path) as session:
        [notice] = session.notices[-1:]
        assert notice.startswith(f"Previous round {path}: It has no verdicts; ")
        assert session.review_queue.rule.state == "all"


def test_an_older_version_refuses_a_log_with_carried_verdicts(rounds):
    old, new = rounds

    def version(path):
        with closing(sqlite3.connect(path)) as db:
            return db.execute("SELECT schema_version FROM review").fetchone()[0]

    with ReviewSession.open(new, reviewer="eve") as session:
        session.set_label("artifact")
    # Older versions know version 3.
    assert version(session.store) == 3
    with ReviewSession.open(new, reviewer="eve", previous=old) as session:
        assert session.round_summary.carried == 3
    assert version(session.store) == 4
    with ReviewSession.open(new, reviewer="eve") as session:
        assert session.round_summary.carried == 3
    with closing(sqlite3.connect(session.store)) as db:
        db.execute("UPDATE decisions SET reviewer = 'eve' WHERE action = 'carry'")
        db.commit()
    with pytest.raises(StoreError, match="missing or damaged"):
        ReviewSession.open(new)


def test_check_lists_what_is_not_carried(rounds, survey):
    old, new = rounds
    with ReviewSession.open(old, survey.parent, reviewer="ada") as session:
        session.select("west", 0, 0)
        session.set_label("artifact")
    lines = new.read_text().splitlines(keepends=True)
    new.write_text("".join(line for line in lines if not line.startswith("west,0,0,")))
    summary, faults = check_review(new, previous=old)
    assert faults == []
    first, second, *listed = summary.splitlines()
    assert "0 of them reviewed" in first
    assert second == (
        "3 verdicts carried from the previous round; 3 of them contradicted; errors: "
        "0 new, 0 gone, 4 old; 1 verdict not carried"
    )
    [line] = listed
    assert line.startswith("west (0, 0): artifact by ada ")
    assert line.endswith("no cutout of the new table overlaps it by half")
    assert not new.with_name("test_outputs.csv.review.sqlite").exists()


# The whole


def test_39_errors_of_the_demo_are_not_asked_again_unless_contradicted(demo, tmp_path):
    old = tmp_path / "round 1" / "predictions.csv"
    old.parent.mkdir()
    shutil.copyfile(demo.predictions, old)
    truth = pd.read_csv(demo.truth).set_index(["image_name", "grid_x", "grid_y"])
    with ReviewSession.open(old, demo.images, reviewer="ada") as session:
        asked = [key_of(row) for row in session.queue.itertuples()]
        assert len(asked) == 39
        for key in asked:
            session.select(*key)
            session.set_label("artifact" if truth.iloc[:, 0][key] else "no artifact")
        verdicts = verdicts_in(session)
        session.save()
    # The next model predicts otherwise in a tenth of the cutouts.
    table = pd.read_csv(old, dtype={"confidence": str})
    flipped = np.random.default_rng(7).random(len(table)) < 0.1
    table.loc[flipped, "preds"] = 1 - table.loc[flipped, "preds"]
    new = write(tmp_path / "round 2" / "p.csv", table.to_numpy(), table.columns)
    preds = {key_of(row): row.preds for row in table.itertuples()}
    labels = {key_of(row): row.label for row in table.itertuples()}
    agreeing = {
        key for key, (said, _) in verdicts.items() if (said == "artifact") == preds[key]
    }
    new_errors = {key for key in preds if labels[key] != preds[key]} - set(verdicts)
    assert min(map(len, (agreeing, new_errors, set(verdicts) - agreeing))) > 0
    with ReviewSession.open(new, demo.images, reviewer="eve", previous=old) as session:
        assert verdicts_in(session) == verdicts
        queue = [key_of(row) for row in session.queue.itertuples()]
        assert set(queue[: len(new_errors)]) == new_errors
        assert set(queue[len(new_errors) :]) == set(verdicts) - agreeing
        seen = []
        while session.review_queue.left:
            seen.append(key_of(session.current))
            session.set_label("artifact")
            session.next_unreviewed()
        assert seen == queue
        assert session.progress == (len(queue), len(queue))
        summary = session.round_summary
        assert summary.new == len(new_errors)
        assert (summary.gone, summary.old) == (len(agreeing), 39 - len(agreeing))
        assert summary.contradicted == 39 - len(agreeing)


def test_the_time_of_the_first_verdict_stays(rounds):
    old, new = rounds
    with ReviewSession.open(old) as session:
        times = {e.cutout: e.decided_at for e in session.log}
    now = utc_now()
    with ReviewSession.open(new, previous=old) as session:
        carried = {entry.cutout: entry for entry in session.log}
        assert {key: entry.decided_at for key, entry in carried.items()} == times
        assert max(times.values()) <= now
        source = next(iter(carried.values())).context["carried_from"]
        assert source["match"] == "cutout"
        assert source["entry"][1] == 1


@pytest.mark.parametrize("name", ["nosuch.csv", "new_reviewed.csv"])
def test_a_previous_round_that_is_refused_leaves_no_file(rounds, tmp_path, name):
    _, new = rounds
    output = new.with_name("new_reviewed.csv")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ReviewError):
        ReviewSession.open(new, output=output, previous=new.with_name(name))
    assert sorted(tmp_path.rglob("*")) == before


FOLDERS = ("images/{}.fits", "/data/run1/{}.fits", "run1/{}", "../../survey/{}.fits")


@pytest.mark.parametrize("pattern", FOLDERS)
@pytest.mark.parametrize("swapped", [False, True])
def test_folders_in_the_image_names_of_a_round_lose_no_verdict(
    tmp_path, pattern, swapped
):
    patterns = ("{}", pattern) if swapped else (pattern, "{}")
    tables = []
    for title, written in zip(("old", "new"), patterns, strict=True):
        rows = [(written.format(name), 0, 0, 0, 1, 0.9) for name in "ab"]
        tables.append(write(tmp_path / title / "p.csv", rows))
    with ReviewSession.open(tables[0], reviewer="ada", cutout_size=200) as session:
        session.select(patterns[0].format("b"), 0, 0)
        session.set_label("artifact")
        session.save()
        output = session.output
    options = {"cutout_size": 200, "previous": output}
    with ReviewSession.open(tables[1], reviewer="eve", **options) as session:
        verdict = ("artifact", "ada")
        assert verdicts_in(session) == {(patterns[1].format("b"), 0, 0): verdict}


def test_another_night_with_other_pixels_has_no_carried_verdict(tmp_path):
    columns = (*COLUMNS, "image_id")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "ccd01.fits").touch()
    tables = [
        write(
            tmp_path / night / "p.csv", [(f"{night}/ccd01", *FAR[1:], night)], columns
        )
        for night in ("night1", "night2")
    ]
    with ReviewSession.open(tables[0], cutout_size=200) as session:
        session.select("night1/ccd01", 2000, 2000)
        session.set_label("artifact")
        session.save()
        output = session.output
    with ReviewSession.open(
        tables[1], tmp_path / "images", cutout_size=200, previous=output
    ) as session:
        assert verdicts_in(session) == {}
        [listed] = session.round_summary.not_carried
        assert "its image is not in the new table" in listed.text


@pytest.mark.parametrize("from_log", [False, True])
def test_errors_are_counted_by_the_predictions_of_both_rounds(tmp_path, from_log):
    # Two errors without a verdict, and six other cutouts with one.
    label, preds = [1, 0, 0, 1, 0, 0, 1, 0], [1, 1, 0, 0, 0, 0, 1, 0]
    keys = [(name, x, y) for name in "ab" for x in (0, 200) for y in (0, 200)]
    rows = [(*key, *one, 0.5) for key, *one in zip(keys, label, preds, strict=True)]
    old = write(tmp_path / "old" / "p.csv", rows)
    with ReviewSession.open(old, cutout_size=200) as session:
        for key, truth, predicted in zip(keys, label, preds, strict=True):
            if truth == predicted:
                session.select(*key)
                session.set_label("artifact" if truth else "no artifact")
        session.save()
        previous = Path(session.store) if from_log else session.output
    new = write(tmp_path / "new" / "p.csv", rows)
    with ReviewSession.open(new, cutout_size=200, previous=previous) as session:
        assert session.round_summary.text == (
            "6 verdicts carried from the previous round; 0 of them contradicted; "
            "errors: 0 new, 0 gone, 2 old"
        )
    # The predictions of the previous round are not known any more.
    with ReviewSession.open(new) as session:
        assert session.round_summary.text == (
            "6 verdicts carried from the previous round; 0 of them contradicted"
        )


def test_an_error_that_a_verdict_found_is_old(tmp_path):
    rows = [("a", 0, 0, 0, 0, 0.1), ("a", 200, 0, 0, 1, 0.9), FAR]
    old = write(tmp_path / "old" / "p.csv", rows)
    with ReviewSession.open(old, cutout_size=200) as session:
        session.select("a", 0, 0)
        session.set_label("artifact")
        session.save()
    rows[1], rows[2] = ("a", 200, 0, 0, 0, 0.1), (*FAR[:4], 1, 0.9)
    new = write(tmp_path / "new" / "p.csv", rows)
    with ReviewSession.open(new, cutout_size=200, previous=old) as session:
        summary = session.round_summary
        assert (summary.new, summary.gone, summary.old) == (1, 1, 1)
        assert summary.contradicted == 1
