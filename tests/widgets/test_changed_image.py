"""An image that is replaced while it is shown, or since it was judged, is told."""

from __future__ import annotations

from threading import Event

import numpy as np
import pytest
from astropy.io import fits
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_artifact_review import open_review


@pytest.fixture
def replace_image(survey):
    """Put another image under a name, as a reprocessing does."""

    def replace(name="north", change=1):
        path = survey.parent / f"{name}.fits"
        pixels, header = fits.getdata(path, header=True)
        new = path.with_suffix(".new")
        fits.PrimaryHDU(pixels[::-1] + np.float32(change), header).writeto(new)
        new.replace(path)

    return replace


def banner(dock):
    changed = dock.panel.changed_file
    return changed.text.tooltip if changed.native.isVisible() else ""


def notes(dock):
    return dock.panel.note.value if dock.panel.note.visible else ""


def read_again(dock):
    QTest.mouseClick(dock.panel.changed_file.read.native, Qt.MouseButton.LeftButton)


def identified(dock, name="north"):
    facts = dock.session.judged_images.facts_of(name)
    return facts is not None and facts["identity"] is not None


def test_a_verdict_has_the_image_and_soon_its_identity(dock, press, qtbot):
    press(dock, "J")
    first = dock.session.log[0].context["image"]
    assert (first["file"], first["hdu"]) == ("north.fits", 0)
    qtbot.waitUntil(lambda: identified(dock))
    press(dock, "K")
    second = dock.session.log[1].context["image"]
    assert second["identity"].startswith("px1-")
    assert {**first, "identity": None} == {**second, "identity": None}


def test_no_verdict_waits_for_an_identity(dock, press, qtbot, settle, monkeypatch):
    images, may_go_on, begun = dock.session.judged_images, Event(), Event()
    identify = images.identify

    def identify_late(*image):
        begun.set()
        assert may_go_on.wait(30)
        return identify(*image)

    qtbot.waitUntil(lambda: identified(dock))
    monkeypatch.setattr(images, "identify", identify_late)
    dock.session.select_image("south")
    settle(dock)
    qtbot.waitUntil(begun.is_set)
    press(dock, "J", "K", "H")
    known = [entry.context["image"]["identity"] for entry in dock.session.log]
    assert known == [None] * 3
    may_go_on.set()
    qtbot.waitUntil(lambda: identified(dock, "south"))


def test_a_replaced_image_is_told_after_a_verdict_and_read_again_on_a_click(
    dock, press, qtbot, settle, replace_image
):
    controller = dock.controller
    controller.delays.file_check = 1000
    qtbot.waitUntil(lambda: identified(dock))
    before = dock.session.judged_images.facts_of("north")
    assert banner(dock) == ""
    replace_image()
    press(dock, "J")
    qtbot.waitUntil(lambda: "The file of north has changed" in banner(dock))
    # The verdict was about the pixels that were on the screen.
    assert dock.session.log[0].context["image"] == before
    pixels = controller.full.pixels
    read_again(dock)
    qtbot.waitUntil(lambda: controller.full is not None)
    settle(dock)
    assert not np.array_equal(controller.full.pixels, pixels)
    assert banner(dock) == ""
    # Its earlier verdict was about another version, and stays.
    qtbot.waitUntil(lambda: "north is a new version" in notes(dock))
    assert dock.session.current.label_new == 1
    press(dock, "K")
    after = dock.session.log[1].context["image"]
    assert after["identity"] not in (None, before["identity"])


def test_a_replaced_image_is_told_within_seconds_without_a_verdict(
    dock, qtbot, replace_image
):
    dock.controller.delays.file_check = 0.05
    qtbot.waitUntil(lambda: identified(dock))
    replace_image()
    qtbot.waitUntil(lambda: "The file of north has changed" in banner(dock))


def test_the_notice_is_about_the_image_on_the_screen(
    dock, press, qtbot, settle, replace_image
):
    qtbot.waitUntil(lambda: identified(dock))
    replace_image()
    press(dock, "J")
    qtbot.waitUntil(lambda: banner(dock) != "")
    dock.session.select_image("south")
    settle(dock)
    assert banner(dock) == ""
    dock.session.select_image("north")
    settle(dock)
    qtbot.waitUntil(lambda: "The file of north has changed" in banner(dock))


def test_a_file_that_is_not_complete_yet_can_be_read_once_more(
    dock, press, qtbot, settle, survey, replace_image
):
    path = survey.parent / "north.fits"
    qtbot.waitUntil(lambda: identified(dock))
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    press(dock, "J")
    qtbot.waitUntil(lambda: banner(dock) != "")
    read_again(dock)
    qtbot.waitUntil(lambda: dock.controller.view == "failed")
    assert dock.panel.changed_file.native.isVisible()
    path.write_bytes(whole)
    read_again(dock)
    qtbot.waitUntil(lambda: dock.controller.view == "shown")
    assert banner(dock) == ""


def test_a_new_version_is_told_when_it_is_opened(
    dock, press, qtbot, viewer, survey, replace_image
):
    qtbot.waitUntil(lambda: identified(dock))
    press(dock, "J")
    dock.close_review()
    replace_image()
    again = open_review(viewer, survey)
    qtbot.waitUntil(lambda: "north is a new version" in notes(again))
    assert again.session.current.label_new == 1
    again.session.select_image("south")
    qtbot.waitUntil(lambda: identified(again, "south"))
    assert notes(again) == ""


def test_the_same_pixels_in_another_file_are_not_told(
    dock, press, qtbot, viewer, survey
):
    qtbot.waitUntil(lambda: identified(dock))
    press(dock, "J")
    dock.close_review()
    path = survey.parent / "north.fits"
    pixels, header = fits.getdata(path, header=True)
    path.unlink()
    fits.PrimaryHDU(pixels, header).writeto(path.with_name("north.fits.gz"))
    again = open_review(viewer, survey)
    qtbot.waitUntil(lambda: identified(again))
    assert notes(again) == ""


def test_a_gallery_shows_the_new_pixels_after_a_reading(
    dock, press, qtbot, settle, replace_image
):
    def picture():
        qtbot.keyClick(dock.window(), Qt.Key.Key_F5)
        qtbot.waitUntil(lambda: dock.gallery is not None)
        found = dock.gallery.pictures.find
        row = dock.session.current_cutout.row
        qtbot.waitUntil(lambda: found(row) is not None)
        pixels = found(row).picture
        qtbot.keyClick(dock.window(), Qt.Key.Key_F5)
        settle(dock)
        return pixels

    before = picture()
    qtbot.waitUntil(lambda: identified(dock))
    replace_image(change=500)
    press(dock, "J")
    qtbot.waitUntil(lambda: banner(dock) != "")
    read_again(dock)
    settle(dock)
    qtbot.waitUntil(lambda: banner(dock) == "")
    assert not np.array_equal(picture(), before)
