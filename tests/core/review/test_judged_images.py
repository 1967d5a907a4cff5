"""What was judged is known: file, size, time and identity of each full image."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review import ReviewSession
from napari_artifact_review.core import decoders
from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.core.tiled.pyramid_folder import PyramidFolder


@pytest.fixture
def read(survey):
    """Read an image of the survey, as the screen does."""

    def read_into(session, name="north", hdu=None):
        full = read_image(session.images.find(name), hdu)
        session.judged_images.note(name, full)
        return full

    return read_into


def judged(session):
    return [entry.context.get("image") for entry in session.log]


def replace_image(survey, name="north"):
    """Put another image under a name, as a reprocessing does."""
    path = survey.parent / f"{name}.fits"
    pixels, header = fits.getdata(path, header=True)
    fits.PrimaryHDU(pixels[::-1] + 1, header).writeto(path, overwrite=True)


def stored_images(session):
    with closing(sqlite3.connect(session.store)) as log:
        columns = "identity, image_name, size, modified_at"
        return log.execute(f"SELECT {columns} FROM images").fetchall()


def test_a_decision_names_file_size_and_time_at_once_and_the_identity_later(
    survey, session, read
):
    path = survey.parent / "north.fits"
    os.utime(path, ns=(0, 1_700_000_000_000_000_000))
    with session:
        session.set_label("artifact")
        full = read(session)
        session.set_label("no artifact")
        identity = session.judged_images.identify("north", full)
        session.set_label("artifact")
        facts = {
            "file": "north.fits",
            "size": path.stat().st_size,
            "modified_at": "2023-11-14T22:13:20.000000+00:00",
            "hdu": 0,
            "identity": None,
        }
        # An image that was not read is not described.
        assert judged(session) == [None, facts, {**facts, "identity": identity}]
    assert identity.startswith("px1-")
    record = (identity, "north", facts["size"], facts["modified_at"])
    assert stored_images(session) == [record]


def test_verdicts_about_several_images_name_each(session, read):
    with session:
        read(session, "north")
        read(session, "south")
        errors = session.errors
        keys = [
            session.cutout_index.key_of(row)
            for row in errors.index[errors.image_name.isin(["north", "south"])]
        ]
        session.set_label("unsure", cutouts=keys)
        files = {entry.context["image"]["file"] for entry in session.log}
        assert files == {"north.fits", "south.fits"}
        for entry in session.log:
            assert entry.context["image"]["file"] == f"{entry.cutout.image_name}.fits"


def test_a_refused_verdict_that_is_retried_names_the_image_it_was_given_about(
    survey, session, read, slow_disk
):
    read(session)
    before = session.judged_images.facts_of("north")
    slow_disk.faults.append(sqlite3.OperationalError("database or disk is full"))
    command = session.set_label("artifact", wait=20)
    assert command.state == "refused"
    replace_image(survey)
    read(session)
    session.retry_refused()
    session.wait_until_recorded()
    assert judged(session) == [before]
    session.close()


@pytest.mark.parametrize("known_by", ["the decision", "the table of images"])
def test_another_image_under_a_judged_name_is_a_new_version(survey, read, known_by):
    with ReviewSession.open(survey) as session:
        full = read(session)
        if known_by == "the decision":
            session.judged_images.identify("north", full)
        session.set_label("artifact")
        session.judged_images.identify("north", full)
        assert not session.judged_images.is_new_version("north", full, session.log)
    with ReviewSession.open(survey) as session:
        full = read(session)
        assert not session.judged_images.is_new_version("north", full, session.log)
    replace_image(survey)
    with ReviewSession.open(survey) as session:
        full = read(session)
        assert session.judged_images.is_new_version("north", full, session.log)
        # A verdict about it makes it known.
        session.set_label("no artifact")
        assert not session.judged_images.is_new_version("north", full, session.log)


def test_a_copy_of_the_file_is_no_new_version(survey, read):
    with ReviewSession.open(survey) as session:
        session.judged_images.identify("north", read(session))
        session.set_label("artifact")
    path = survey.parent / "north.fits"
    pixels, header = fits.getdata(path, header=True)
    path.unlink()
    fits.PrimaryHDU(pixels, header).writeto(survey.parent / "north.fits.gz")
    with ReviewSession.open(survey) as session:
        full = read(session)
        assert not session.judged_images.is_new_version("north", full, session.log)


def test_another_hdu_of_the_same_file_is_no_new_version(survey, read):
    path = survey.parent / "north.fits"
    pixels = fits.getdata(path)
    hdus = [fits.PrimaryHDU(pixels), fits.ImageHDU(pixels[:, ::-1])]
    fits.HDUList(hdus).writeto(path, overwrite=True)
    with ReviewSession.open(survey) as session:
        session.judged_images.identify("north", read(session))
        session.set_label("artifact")
        other = read(session, hdu=1)
        assert not session.judged_images.is_new_version("north", other, session.log)


def test_the_table_may_name_the_identity(survey, read):
    lines = survey.read_text().splitlines()
    ids = {"north": "exp7-ccd1", "south": "exp7-ccd2", "west": ""}
    names = ["image_id", *(ids[line.split(",")[0]] for line in lines[1:])]
    pairs = zip(lines, names, strict=True)
    survey.write_text("".join(f"{line},{name}\n" for line, name in pairs))
    with ReviewSession.open(survey) as session:
        read(session)
        session.set_label("artifact")
        assert judged(session)[0]["identity"] == "exp7-ccd1"
        west = read(session, "west")
        assert session.judged_images.identify("west", west).startswith("px1-")


def test_a_large_image_is_never_read_whole_for_its_identity(
    survey, read, monkeypatch, tmp_path
):
    monkeypatch.setattr(decoders, "MOST_PIXELS_AT_ONCE", 1000)
    folder = PyramidFolder(tmp_path / "pyramids")
    monkeypatch.setattr(PyramidFolder, "of_user", lambda: folder)
    with ReviewSession.open(survey) as session:
        full = read(session)
        assert full.tiles is not None
        assert session.judged_images.identify("north", full) is None
        session.set_label("artifact")
        assert judged(session)[0]["file"] == "north.fits"
        full.tiles.close()


def test_an_image_of_one_value_has_no_identity(survey, read):
    path = survey.parent / "north.fits"
    fits.PrimaryHDU(np.zeros((600, 800), np.float32)).writeto(path, overwrite=True)
    with ReviewSession.open(survey) as session:
        assert session.judged_images.identify("north", read(session)) is None
        session.set_label("artifact")
        assert judged(session)[0]["identity"] is None
    assert stored_images(session) == []


def test_a_log_without_the_table_of_images_opens_and_gets_it(survey, read):
    with ReviewSession.open(survey) as session:
        session.set_label("artifact")
    with closing(sqlite3.connect(session.store)) as log:
        log.execute("DROP TABLE images")
        log.commit()
    with ReviewSession.open(survey) as session:
        session.judged_images.identify("north", read(session))
        session.set_label("no artifact")
    assert len(stored_images(session)) == 1
    with ReviewSession.open(survey) as session:
        assert len(session.log) == 2


def test_an_image_that_is_read_again_has_one_record(survey, read):
    for time in (1, 2):
        os.utime(survey.parent / "north.fits", ns=(0, time * 10**18))
        with ReviewSession.open(survey) as session:
            session.judged_images.identify("north", read(session))
    [(_, _, _, modified_at)] = stored_images(session)
    assert modified_at.startswith("2033")
