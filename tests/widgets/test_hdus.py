"""The HDU of the images, chosen in the dock for one image or for all."""

from __future__ import annotations

import numpy as np
from astropy.io import fits
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_artifact_review import open_review

LEFT = Qt.MouseButton.LeftButton


def write(folder, name, values):
    hdus = [fits.PrimaryHDU()]
    hdus += [
        fits.ImageHDU(np.full((600, 800), value, np.float32), name=key)
        for key, value in values.items()
    ]
    fits.HDUList(hdus).writeto(folder / f"{name}.fits", overwrite=True)


def shown(dock):
    return float(dock.controller.full.pixels[0, 0])


def test_an_hdu_is_chosen_for_one_image_and_for_all(viewer, survey, settle, qtbot):
    write(survey.parent, "north", {"DQ": 1, "SCI": 2})
    write(survey.parent, "south", {"SCI": 3, "DQ": 4})
    dock = open_review(viewer, survey)
    around = dock.panel.full_image
    assert shown(dock) == 1
    around.hdu.value = 2
    settle(dock)
    assert shown(dock) == 2
    dock.image_name.value = "south"
    settle(dock)
    assert shown(dock) == 3
    around.hdu.value = 2
    settle(dock)
    assert shown(dock) == 4, "DQ is the second HDU here"
    # The HDU on the screen is found by its name in the other images.
    QTest.mouseClick(around.for_all.native, LEFT)
    settle(dock)
    assert dock.session.hdu == "DQ"
    assert shown(dock) == 4
    dock.image_name.value = "north"
    settle(dock)
    assert shown(dock) == 1


def test_an_hdu_is_given_with_the_table(viewer, survey):
    write(survey.parent, "north", {"DQ": 1, "SCI": 2})
    dock = open_review(viewer, survey, hdu="SCI")
    assert shown(dock) == 2
    assert dock.session.hdu == "SCI"
