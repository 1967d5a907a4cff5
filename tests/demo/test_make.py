"""The files of the demo survey: complete, reproducible, never half made."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.demo import DemoSurvey, make_demo, make_demo_in_cache

CUTOUT = ["image_name", "grid_x", "grid_y"]


@pytest.fixture(scope="module")
def predictions(demo: DemoSurvey) -> pd.DataFrame:
    return pd.read_csv(demo.predictions)


@pytest.fixture(scope="module")
def both(demo: DemoSurvey, predictions: pd.DataFrame) -> pd.DataFrame:
    truth = pd.read_csv(demo.truth)
    return predictions.merge(truth, on=CUTOUT, validate="one_to_one")


def contents(folder: Path) -> dict[str, bytes]:
    files = (f for f in folder.rglob("*") if f.is_file())
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in files}


def test_tables_have_their_columns(demo: DemoSurvey) -> None:
    assert list(pd.read_csv(demo.predictions)) == [
        *CUTOUT,
        *("label", "preds", "confidence"),
    ]
    assert list(pd.read_csv(demo.truth)) == [
        *CUTOUT,
        *("true_label", "kind", "wrong_label"),
    ]


def test_every_cutout_of_every_image_is_listed_once(
    demo: DemoSurvey, predictions: pd.DataFrame
) -> None:
    grid = {(x, y) for x in range(0, 4200, 200) for y in range(0, 2000, 200)}
    assert sorted(predictions.image_name.unique()) == sorted(
        file.stem for file in demo.images.iterdir()
    )
    for _, rows in predictions.groupby("image_name"):
        assert len(rows) == len(grid)
        assert set(zip(rows.grid_x, rows.grid_y, strict=True)) == grid


def test_prediction_is_confidence_from_0_95_on(demo: DemoSurvey) -> None:
    table = pd.read_csv(demo.predictions, dtype={"confidence": str})
    assert table.confidence.str.fullmatch(r"[01]\.\d{4}").all()
    assert (table.preds == (table.confidence.astype(float) >= 0.95)).all()


def test_each_image_gives_something_to_review(predictions: pd.DataFrame) -> None:
    for _, rows in predictions.groupby("image_name"):
        outcomes = set(zip(rows.label, rows.preds, strict=True))
        assert outcomes == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_errors_are_as_rare_as_in_a_survey(predictions: pd.DataFrame) -> None:
    share = (predictions.label != predictions.preds).mean()
    assert 0.03 < share < 0.09


def test_wrong_labels_are_known_and_some_show_as_errors(both: pd.DataFrame) -> None:
    wrong = both.label != both.true_label
    assert (wrong == both.wrong_label.astype(bool)).all()
    assert 0.01 < wrong.mean() < 0.05
    shown = both[wrong & (both.label != both.preds)]
    assert set(shown.label) == {0, 1}


def test_reviewing_every_error_improves_the_labels(both: pd.DataFrame) -> None:
    error = both.label != both.preds
    reviewed = both.label.where(~error, both.true_label)
    left = (reviewed != both.true_label).sum()
    assert left < both.wrong_label.sum() / 2


def test_kind_says_what_is_there(both: pd.DataFrame) -> None:
    named = ~both.kind.isin(["none", "bright star"])
    assert (named == both.true_label.astype(bool)).all()
    kinds = set(both.kind[named].str.split("+").explode())
    assert kinds == {
        "satellite trail",
        "ghost",
        "scattered light",
        "cosmic ray",
        "bad column",
    }


def test_classifier_tells_artifacts_from_sky(both: pd.DataFrame) -> None:
    median = both.groupby("true_label").confidence.median()
    assert median[0] < 0.1
    assert median[1] > 0.8


def test_image_is_a_survey_image(demo: DemoSurvey) -> None:
    for file in demo.images.iterdir():
        with fits.open(file) as hdus:
            header, data = hdus[0].header, hdus[0].data
        assert data.shape == (2000, 4200)
        assert 500 < np.median(data) < 1500
        assert data.max() == header["SATURATE"]
        assert {"OBJECT", "EXPTIME", "FILTER", "BUNIT", "DATE-OBS"} <= set(header)


def test_image_has_a_place_on_the_sky(demo: DemoSurvey) -> None:
    for file in demo.images.iterdir():
        wcs = WCS(fits.getheader(file))
        centre = wcs.pixel_to_world(2099.5, 999.5)
        assert -90 < centre.dec.deg < 90
        scales = proj_plane_pixel_scales(wcs) * 3600
        np.testing.assert_allclose(scales, 0.263)
        x, y = wcs.world_to_pixel(wcs.pixel_to_world(4199, 0))
        np.testing.assert_allclose([x, y], [4199, 0], atol=1e-6)


def test_image_depends_on_seed_and_number_alone(
    demo: DemoSurvey, tmp_path: Path
) -> None:
    small = contents(make_demo(tmp_path / "small", images=1, seed=0).images.parent)
    large = contents(demo.images.parent)
    assert small.pop("demo.json") != large["demo.json"]
    for name, found in small.items():
        assert large[name].startswith(found), name


def test_the_same_demo_is_used_again(demo: DemoSurvey) -> None:
    folder = demo.images.parent
    before = {f: f.stat().st_mtime_ns for f in folder.rglob("*")}
    steps: list[tuple[int, int, str]] = []
    assert make_demo(folder, 3, 0, lambda *step: steps.append(step)) == demo
    assert steps == []
    assert {f: f.stat().st_mtime_ns for f in folder.rglob("*")} == before


@pytest.mark.parametrize(("images", "seed"), [(2, 0), (3, 1)])
def test_another_demo_is_not_overwritten(
    demo: DemoSurvey, images: int, seed: int
) -> None:
    folder = demo.images.parent
    before = json.loads((folder / "demo.json").read_text())
    with pytest.raises(ReviewError, match="new or an empty folder"):
        make_demo(folder, images, seed)
    assert json.loads((folder / "demo.json").read_text()) == before


def test_someone_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_text("mine")
    with pytest.raises(ReviewError, match="something other than this demo"):
        make_demo(tmp_path)
    assert contents(tmp_path) == {"predictions.csv": b"mine"}


def test_cancelled_demo_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    before = list(tmp_path.rglob("*"))

    def cancel(done: int, total: int, what: str) -> None:
        assert list(tmp_path.rglob("*")) != before
        assert total > 2
        assert what
        if done == 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        make_demo(folder, images=2, progress=cancel)
    assert list(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("images", "seed"), [(0, 0), (3, -1)])
def test_impossible_demo_is_refused(tmp_path: Path, images: int, seed: int) -> None:
    with pytest.raises(ValueError, match="at least one image"):
        make_demo(tmp_path / "demo", images, seed)
    assert not any(tmp_path.iterdir())


def test_importing_the_demo_is_light() -> None:
    code = (
        "import sys, napari_artifact_review.demo;"
        "print(*{'astropy', 'pandas', 'scipy', 'sklearn'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == []


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the files of a demo without a classifier."""

    def make_in(folder: Path, images: int, *_: object) -> None:
        survey = DemoSurvey.in_folder(folder)
        survey.images.mkdir(parents=True)
        for path in (survey.predictions, survey.truth):
            path.touch()
        for index in range(images):
            (survey.images / f"demo_{index + 1:04d}.fits").touch()

    monkeypatch.setattr("napari_artifact_review.demo.make._make_in", make_in)


@pytest.mark.parametrize("fault", ["no folder can be made", "the demo is read-only"])
def test_a_cache_that_cannot_be_written_costs_the_cache_not_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None, fault: str
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(
        "napari_artifact_review.demo.make.default_folder",
        lambda *_: cache / "app" / "demo",
    )
    if fault == "no folder can be made":
        cache.write_text("a file in the place of the folder")
    else:
        make_demo_in_cache(1)
        refuse_files(cache, monkeypatch)
    survey = make_demo_in_cache(1)
    assert survey.predictions.is_file()
    assert not survey.predictions.is_relative_to(cache)
    assert str(survey.predictions.parents[1]) in survey.notice
    assert str(cache) in survey.notice


def refuse_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no file be made in a folder, also where the tests may write anywhere."""
    make = tempfile.TemporaryFile

    def temporary_file(**named: object) -> object:
        if Path(str(named.get("dir"))).is_relative_to(folder):
            raise PermissionError(13, "Permission denied", str(folder))
        return make(**named)

    monkeypatch.setattr("tempfile.TemporaryFile", temporary_file)


def test_a_demo_in_the_cache_has_no_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    monkeypatch.setattr(
        "napari_artifact_review.demo.make.default_folder", lambda *_: tmp_path / "demo"
    )
    survey = make_demo_in_cache(1)
    assert survey.notice == ""
    assert make_demo_in_cache(1) == survey
    assert survey.predictions.parent == tmp_path / "demo"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, quick: None) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReviewError, match=r"file/demo: .* cannot be written \(\w+"):
        make_demo(tmp_path / "file" / "demo", images=1)
