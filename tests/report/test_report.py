"""The report: the contents of the page, and that nothing else is written."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from datetime import date
from html.parser import HTMLParser
from importlib.metadata import version

import imageio.v3 as imageio
import matplotlib
import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review.cli import main
from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.images.display import Brightness, Display
from napari_artifact_review.core.images.image_cache import ImageCache
from napari_artifact_review.core.images.stretch import ColorMapper, smoothed
from napari_artifact_review.core.images.thumbnails import CutoutReader
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.report import page as report
from napari_artifact_review.report.texts import number_text, range_text

DAY = date(2026, 11, 25)
NOTE = "<script>alert('&')</script>"


class Page(HTMLParser):
    """The contents of a page: its tables as rows of texts, its pictures, its text."""

    def __init__(self, source):
        super().__init__()
        self.rows, self.images, self.tags, self.text = [], [], [], ""
        self.in_cell = False
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.in_cell = True
        elif tag == "img":
            self.images.append(dict(attributes)["src"])

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        self.text += " ".join(data.split()) + " "
        if self.in_cell:
            self.rows[-1][-1] += data.strip()


@pytest.fixture
def reviewed(session):
    """Decide about the four errors: two changed, one unsure, one open."""
    with session:
        session.select("north", 400, 200)
        session.set_label("artifact", "ghost", NOTE)
        session.select("south", 600, 400)
        session.set_label("no artifact")
        session.select("south", 0, 0)
        session.set_label("unsure")
    return session


@pytest.fixture
def page(reviewed):
    return Page(report.make_page(reviewed, DAY))


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_has_the_numbers_of_the_session(page, reviewed):
    found = reviewed.metrics()
    rows = {row[0]: row[1:] for row in page.rows if len(row) == 4}
    for title, name in (("precision", "precision"), ("F1", "f1"),
                        ("average precision", "average_precision"),
                        ("false negatives (FN)", "fn")):  # fmt: skip
        assert rows[title] == [
            number_text(found["before"][name]),
            number_text(found["after"][name]),
            range_text(found["lowest"][name], found["highest"][name]),
        ]
    assert rows["precision"] == ["0.500", "0.750", "0.750 to 1.000"]
    assert ["FP", "2", "2", "1", "0", "1"] in page.rows
    assert ["FN", "2", "1", "0", "1", "0"] in page.rows
    assert "2 cutouts are undecided" in page.text
    confusion = [row for row in page.rows if row[0] == "no artifact"]
    assert confusion == [["no artifact", "2", "30"], ["no artifact", "1", "31"]]


def test_it_says_what_was_reviewed_by_whom_and_with_what(page, reviewed, survey):
    for text in (
        f"Table {survey} ",
        f"Images 3 in {survey.parent} ",
        "Cutouts 36, 200 px each; 3 reviewed ",
        "Reviewers ada (3) ",
        "Queue FP FN, by image ",
        "Threshold the table's own predictions ",
        "Report of 2026-11-25 (UTC) ",
        f"numpy {version('numpy')}, ",
        f"napari-artifact-review {version('napari-artifact-review')}, ",
    ):
        assert text in page.text
    reviewed.set_threshold(0.5)
    other = Page(report.make_page(reviewed, DAY))
    assert "Threshold predicted artifact at a confidence of 0.5 or above" in other.text
    reviewed.set_queue(("FP",), columns=[("observer", "<", "8")])
    other = Page(report.make_page(reviewed, DAY))
    assert "Queue FP, observer < 8, table order " in other.text


def test_it_says_what_was_carried_from_the_previous_round(reviewed, survey, tmp_path):
    new = tmp_path / "round 2" / "predictions.csv"
    new.parent.mkdir()
    new.write_text(survey.read_text())
    with ReviewSession.open(
        new, survey.parent, reviewer="eve", previous=survey
    ) as session:
        session.select("north", 200, 0)
        session.set_label("artifact")
        page = Page(report.make_page(session, DAY))
    assert f"Previous round {session.round_summary.text} " in page.text
    assert "; 1 reviewed " in page.text
    assert "Reviewers eve (1) " in page.text
    assert "Queue FP FN TP TN, new errors and contradicted verdicts, by" in page.text
    assert page.text.count("carried from the previous round ") >= 3


def test_it_shows_the_changed_and_the_unsure_as_they_look(page, reviewed):
    assert "Changed labels (2)" in page.text
    assert "Unsure (1)" in page.text
    cutouts = [source for source in page.images if source.startswith("data:image/png")]
    assert len(cutouts) == 3
    # The label that the model doubts most is the first.
    row = reviewed.cutout_index.row_of(CutoutKey("north", 400, 200))
    cutout = reviewed.catalog.cutout(row)
    png = imageio.imread(base64.b64decode(cutouts[0].partition(",")[2]))
    expected = CutoutReader(ImageCache(reviewed.images)).picture(cutout)[:, :, 0]
    assert (png == expected).all()
    told = " ".join(page.text.partition("Changed labels")[2].split())
    assert "FP, label 0 → 1 , ghost north (400, 200) confidence 0.9700, ada" in told


def picture_of(page, number=0):
    """Return the pixels of a picture in a page."""
    sources = [x for x in page.images if x.startswith("data:image/png")]
    return imageio.imread(base64.b64decode(sources[number].partition(",")[2]))


def judge(session, view):
    """Give a verdict as in a window with view settings; return the cutout."""
    session.select("north", 400, 200)
    session.view_settings = view
    session.set_label("artifact")
    row = session.cutout_index.row_of(CutoutKey("north", 400, 200))
    return session.catalog.cutout(row)


def test_a_picture_is_displayed_as_it_was_when_it_was_judged(session, survey):
    display = Display("percentile", 98, sigma=3, colormap="magma", stretch="asinh")
    view = {
        "display": display.as_json(),
        "contrast_limits": [200400.0, 399600.0],
        "gamma": 1.5,
        "y_up": True,
        "hdus": {"west": 3, "north": 0},
    }
    cutout = judge(session, view)
    # A later display belongs to later decisions.
    session.view_settings = {"display": Display().as_json()}
    page = Page(report.make_page(session, DAY))
    pixels = smoothed(fits.getdata(survey.parent / "north.fits"), 3)[200:400, 400:600]
    colors = matplotlib.colormaps["magma"](np.linspace(0, 1, 1024))[:, :3]
    brightness = Brightness.of(pixels)
    fixed = display.with_limits(200400, 399600)
    expected = ColorMapper.of(fixed, brightness, colors, 1.5).paint(pixels)[::-1]
    assert (picture_of(page) == expected).all()
    assert cutout.reviewed
    assert (
        "Displayed as judged: 98 %, asinh, smoothing 3 px, limits 2.004e+05 to "
        "3.996e+05, colormap magma, gamma 1.5, HDU 0, y up"
    ) in page.text


def test_a_picture_has_the_hdu_that_was_judged(session, survey):
    pixels = np.arange(480_000, dtype=np.float32).reshape(600, 800)
    second = fits.ImageHDU(pixels[::-1, ::-1].copy())
    fits.HDUList([fits.PrimaryHDU(pixels), second]).writeto(
        survey.parent / "north.fits", overwrite=True
    )
    view = {"display": Display().as_json(), "contrast_limits": [0, 5e5]}
    judge(session, view)
    first = picture_of(Page(report.make_page(session, DAY)))
    session.set_label("unsure")
    judge(session, view | {"hdus": {"north": 1}})
    page = Page(report.make_page(session, DAY))
    assert "HDU 1" in page.text
    assert picture_of(page)[0, 0] > picture_of(page)[-1, -1]
    assert first[0, 0] < first[-1, -1]


def test_after_an_undo_it_is_the_display_of_the_decision_before(session):
    judge(session, {"display": Display(stretch="log").as_json()})
    session.view_settings = {"display": Display(stretch="sqrt").as_json()}
    session.set_label("artifact", "ghost")
    assert "ZScale, sqrt" in report.make_page(session, DAY)
    session.undo()
    page = report.make_page(session, DAY)
    assert "ZScale, log" in page
    assert "sqrt" not in page


@pytest.mark.parametrize(
    "view",
    [
        {},
        {"zoom": 2.0},
        {"display": "?", "contrast_limits": [3, 1], "gamma": -1, "hdus": [1]},
        {"display": {"colormap": "of napari alone"}, "gamma": True, "y_up": 1},
    ],
)
def test_a_view_that_cannot_be_understood_leaves_a_picture(session, view):
    judge(session, view)
    page = Page(report.make_page(session, DAY))
    assert picture_of(page).shape[:2] == (200, 200)
    if not view.keys() & {"display"}:
        assert "Display not recorded; shown here: ZScale of each cutout" in page.text
    if view.get("gamma") is True:
        assert "colormap of napari alone (here in grey)" in page.text


def test_what_people_wrote_is_text_and_never_runs(page):
    assert [tag for tag, _ in page.tags if tag == "script"] == []
    assert NOTE in page.text


def test_it_needs_no_network(page, reviewed):
    for _, attributes in page.tags:
        assert "href" not in attributes
        assert attributes.get("src", "data:").startswith("data:")
    source = report.make_page(reviewed, DAY)
    assert not re.search(r"@import|url\(|https?:", source)
    assert len(page.images) == 5


def test_it_breaks_no_table_and_no_picture_across_pages(reviewed):
    source = report.make_page(reviewed, DAY)
    assert "size: A4" in source
    for what in (r"\ntable \{", r"\.pictures figure \{", r"\.plot \{"):
        assert re.search(rf"{what}[^}}]*break-inside: avoid", source)


def test_the_same_review_gives_the_same_bytes_on_a_day(reviewed, survey, tmp_path):
    code = (
        "import sys, pathlib, datetime\n"
        "from napari_artifact_review.report.page import open_for_report, write_report\n"
        "with open_for_report(sys.argv[1]) as session:\n"
        "    day = datetime.date.fromisoformat(sys.argv[3])\n"
        "    write_report(session, pathlib.Path(sys.argv[2]), day)\n"
    )
    written = []
    for number, day in enumerate(("2026-11-25", "2026-11-25", "2026-11-26")):
        output = tmp_path / f"{number}.html"
        subprocess.run(
            [sys.executable, "-c", code, str(survey), str(output), day],
            env={**os.environ, "PYTHONHASHSEED": str(number)},
            check=True,
        )
        written.append(output.read_text())
    assert written[0] == written[1] != written[2]
    assert written[0].replace("2026-11-25 ", "2026-11-26 ") == written[2]


def test_more_than_are_worth_looking_at_are_counted(reviewed, monkeypatch):
    monkeypatch.setattr(report, "MOST_PICTURES", 1)
    page = Page(report.make_page(reviewed, DAY))
    assert "1 more are not shown." in page.text
    assert len(page.images) == 4


def test_an_image_that_is_gone_or_broken_leaves_its_place_and_says_why(
    reviewed, survey
):
    (survey.parent / "north.fits").unlink()
    (survey.parent / "south.fits").write_bytes(b"no image")
    page = Page(report.make_page(reviewed, DAY))
    faults = re.findall(r"No picture: (\S+)", page.text)
    assert len(faults) == 3
    assert str(survey.parent / "south.fits") in page.text
    assert "north" in faults[0] + page.text.partition("No picture: ")[2][:300]
    assert len(page.images) == 2


def test_a_review_without_verdicts_has_a_report(survey):
    with report.open_for_report(survey) as session:
        page = Page(report.make_page(session, DAY))
    assert "Reviewers none yet" in page.text
    assert "4 cutouts are undecided" in page.text
    assert "Changed labels" not in page.text


def test_the_command_writes_its_output_and_no_other_file(
    reviewed, survey, tmp_path, capsys
):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    before = contents(tmp_path)
    output = folder / "report.html"
    assert main(["report", str(survey), "--output", str(output)]) == 0
    out, err = capsys.readouterr()
    left = "3 of 4 looked at; no estimate yet; no audit yet."
    assert (out, err) == (f"{left}\nReport written to {output}\n", "")
    after = contents(tmp_path)
    assert b"ada (3)" in after.pop(output)
    assert after == before


def test_it_is_made_while_a_window_holds_the_review(session, survey, tmp_path):
    output = tmp_path / "report.html"
    session.set_label("artifact")
    assert main(["report", str(survey), "--output", str(output)]) == 0
    assert "ada (1)" in output.read_text()
    session.set_label("no artifact")
    session.close()


@pytest.mark.parametrize("kept", [True, False])
def test_a_saved_table_has_the_same_report_with_its_store_or_without(
    survey, tmp_path, kept
):
    saved = tmp_path / "mine.csv"
    with ReviewSession.open(survey, output=saved, reviewer="bo") as session:
        session.next()
        session.set_label("artifact", note="an aeroplane")
        session.save()
        numbers = session.metrics()
    if not kept:
        saved.with_name("mine.csv.review.sqlite").unlink()
    with report.open_for_report(saved) as session:
        assert session.metrics() == numbers
        assert len(session.log) == kept
        page = Page(report.make_page(session, DAY))
    assert "Reviewers bo (1)" in page.text
    assert "an aeroplane" in page.text
    assert "Changed labels (1)" in page.text


def test_decisions_beside_another_output_are_found_by_its_name(
    survey, tmp_path, capsys
):
    saved, output = tmp_path / "mine.csv", tmp_path / "report.html"
    with ReviewSession.open(survey, output=saved, reviewer="bo") as session:
        session.set_label("artifact")
    command = ["report", str(survey), "--output", str(output)]
    assert main([*command, "--reviewed", str(saved)]) == 0
    assert "bo (1)" in output.read_text()
    store = f"sqlite:///{tmp_path / 'mine.csv.review.sqlite'}"
    assert main([*command, "--store", store]) == 0
    assert "bo (1)" in output.read_text()
    assert main(command) == 2
    assert "its review has another output: mine.csv" in capsys.readouterr().err


def test_what_is_wrong_is_one_line_and_nothing_is_written(survey, tmp_path, capsys):
    page, nowhere = tmp_path / "r.html", tmp_path / "nowhere"
    typo = tmp_path / "reviewd.csv"
    for table, output, more, told in (
        (tmp_path / "none.csv", page, (), "none.csv: cannot be read"),
        (survey, survey, (), "predictions.csv: a report must be an HTML file"),
        (
            survey,
            nowhere / "r.html",
            (),
            "nowhere: the folder does not exist. Create it",
        ),
        (
            survey,
            page,
            ("--reviewed", typo),
            "reviewd.csv: there is no log of verdicts",
        ),
        (
            survey,
            page,
            ("--images", nowhere),
            "the folder of the images does not exist",
        ),
    ):
        before = contents(tmp_path)
        names = [table, "--output", output, *more]
        assert main(["report", *map(str, names)]) == 2
        out, err = capsys.readouterr()
        assert (out, len(err.splitlines())) == ("", 1)
        assert told in err
        assert contents(tmp_path) == before


def test_a_path_that_is_no_text_is_spelt_out(survey, capsys):
    folder = survey.parent / os.fsdecode(b"n\xffght")
    folder.mkdir()
    survey = survey.rename(folder / survey.name)
    output = folder / "r.html"
    assert main(["report", str(survey), "--output", str(output)]) == 0
    assert "n\\udcffght" in output.read_text()
    assert "n\\udcffght" in capsys.readouterr().out
