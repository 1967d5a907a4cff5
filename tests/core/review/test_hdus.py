"""Images in several HDUs of a file, named by the table or chosen for all images."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.image_cache import ImageCache
from napari_artifact_review.core.images.thumbnails import CutoutReader
from napari_artifact_review.core.review.check import check_review
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.training.exporting.export import export

#: Value of all pixels, and shape, of each HDU.
HDUS = {
    "DQ": (1, (40, 60)),
    "SCI": (2, (400, 600)),
    "ERR": (3, (400, 600)),
    "SCI,2": (4, (400, 600)),
}


def write_image(path, order=tuple(HDUS)):
    hdus = [fits.PrimaryHDU()]
    for key in order:
        value, shape = HDUS[key]
        name, _, version = key.partition(",")
        pixels = np.full(shape, value, np.float32)
        hdus.append(fits.ImageHDU(pixels, name=name, ver=int(version or 1)))
    fits.HDUList(hdus).writeto(path)


def write_table(folder, names):
    lines = ["image_name,grid_x,grid_y,label,preds"]
    lines += [f"{n},{x},{y},0,1" for n in names for x in (0, 200) for y in (0, 200)]
    path = folder / "predictions.csv"
    path.write_text("\n".join([*lines, ""]))
    return path


@pytest.fixture
def path(tmp_path):
    """Write two files; in the second one, the HDUs have another order."""
    write_image(tmp_path / "a.fits")
    write_image(tmp_path / "b.fits", ("SCI", "DQ", "ERR", "SCI,2"))
    return write_table(tmp_path, ["a.fits", "b.fits"])


def seen(session):
    """Return the value of the pixels of each cutout, as the gallery reads them."""
    reader = CutoutReader(ImageCache(session.images))
    rows = range(len(session.table))
    cutouts = [session.catalog.cutout(row) for row in rows]
    values = [np.unique(reader.pixels(cutout)) for cutout in cutouts]
    reader.close()
    return [float(value) for [value] in values]


def test_one_hdu_is_read_in_all_images(path):
    with ReviewSession.open(path, hdu="SCI") as session:
        assert session.hdu == "SCI"
        assert seen(session) == [2.0] * 8
        session.set_label("artifact")
        assert session.log[0].context["view"]["hdu"] == "SCI"
        session.save_position()
    with ReviewSession.open(path) as session:
        assert session.hdu == "SCI", "a review keeps its HDU"
        assert seen(session) == [2.0] * 8
    with ReviewSession.open(path, hdu="ERR") as session:
        assert seen(session) == [3.0] * 8


@pytest.mark.parametrize(
    ("hdu", "value"), [("sci", 2), ("SCI,1", 2), ("SCI,2", 4), ("sci, 2", 4)]
)
def test_an_hdu_is_named_with_its_version(path, hdu, value):
    with ReviewSession.open(path, hdu=hdu) as session:
        assert seen(session) == [value] * 8


def test_the_hdu_decides_the_size_of_images_and_the_check(path):
    summary, faults = check_review(path)
    assert summary == ""
    # Three of the four cutouts lie outside the first HDU of `a.fits`.
    assert len(faults) == 3
    summary, faults = check_review(path, hdu="SCI")
    assert faults == []
    assert "8 cutouts" in summary
    with ReviewSession.open(path, hdu="SCI", reviewer="ada") as session:
        session.set_label("artifact")
        session.save_position()
    assert check_review(path)[1] == [], "the HDU of the review"


def test_a_choice_for_one_image_is_used_by_the_check_too(path):
    with ReviewSession.open(path, reviewer="ada") as session:
        session.images.hdus["a.fits"] = "SCI"
        session.view_settings = session.view_settings | {"hdus": {"a.fits": "SCI"}}
        assert seen(session) == [2.0] * 8
        session.set_label("artifact")
        session.save_position()
    assert check_review(path)[1] == []
    with ReviewSession.open(path) as session:
        assert seen(session) == [2.0] * 8


def test_another_hdu_for_all_replaces_the_choices(path):
    with ReviewSession.open(path) as session:
        session.images.hdus["a.fits"] = "SCI"
        told = []
        session.hdu_changed.connect(lambda: told.append(session.hdu))
        session.set_hdu("ERR")
        assert told == ["ERR"]
        assert seen(session) == [3.0] * 8
        assert session.view_settings["hdus"] == {}


def test_an_export_has_the_pixels_that_were_judged(path, tmp_path):
    with ReviewSession.open(path, reviewer="ada", hdu="SCI,2") as session:
        session.set_label("artifact")
        session.save_position()
    export(path, to=tmp_path / "set")
    [array] = (tmp_path / "set").rglob("*.npy")
    assert np.unique(np.load(array)).tolist() == [4.0]


# Names with an HDU


def test_the_table_names_several_chips_of_one_file(tmp_path):
    write_image(tmp_path / "a.fits")
    names = ['"a.fits[SCI,2]"', "a.fits[ERR]", "a.fits[2]"]
    with ReviewSession.open(write_table(tmp_path, names)) as session:
        assert len(session.image_names) == 3
        assert seen(session) == [4.0] * 4 + [3.0] * 4 + [2.0] * 4
        assert check_review(session.predictions.path)[1] == []


def test_a_name_with_an_hdu_has_precedence_over_that_for_all(tmp_path):
    write_image(tmp_path / "a.fits")
    path = write_table(tmp_path, ["a.fits[ERR]", "a.fits"])
    with ReviewSession.open(path, hdu="SCI") as session:
        assert seen(session) == [3.0] * 4 + [2.0] * 4


def test_spellings_of_one_hdu_are_one_image(tmp_path):
    write_image(tmp_path / "a.fits")
    folder = ImageFolder(
        tmp_path, ["a.fits[SCI]", "./a.fits[sci]", "a.fits[ERR]", "a.fits", "a"]
    )
    assert folder.aliases() == {"./a.fits[sci]": "a.fits[SCI]", "a": "a.fits"}


def test_an_hdu_after_compression_is_found(tmp_path):
    write_image(tmp_path / "a.fits.gz")
    folder = ImageFolder(tmp_path, ["sub/a.fits[SCI]"])
    assert np.unique(folder.read("sub/a.fits[SCI]").pixels).tolist() == [2]


def test_a_missing_hdu_is_named_with_those_that_are_there(tmp_path):
    write_image(tmp_path / "a.fits")
    with pytest.raises(ImageError, match=r"no image HDU MASK.*1 DQ, 2 SCI, 3 ERR"):
        ImageFolder(tmp_path).read("a.fits[MASK]")


def test_images_without_hdus_are_read_all_the_same(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((400, 400), np.float32))
    folder = ImageFolder(tmp_path, ["a"], "SCI")
    assert folder.read("a").pixels.shape == (400, 400)
    folder.hdus["a"] = 1
    with pytest.raises(ImageError, match="only FITS files have HDUs"):
        folder.read("a")


def test_the_hdu_on_the_screen_is_the_one_in_all_images(tmp_path):
    write_image(tmp_path / "a.fits", ("SCI,2", "SCI"))
    write_image(tmp_path / "b.fits", ("SCI", "SCI,2"))
    images = ImageFolder(tmp_path, ["a", "b"])
    images.hdus["a"] = 2
    shown = images.read("a")
    assert shown.pixels[0, 0] == 2
    images.hdus.clear()
    images.hdu = shown.hdu_keys[2]
    assert [images.read(name).pixels[0, 0] for name in ("a", "b")] == [2, 2]
    images.hdu = shown.hdu_keys[1]
    assert [images.read(name).pixels[0, 0] for name in ("a", "b")] == [4, 4]
