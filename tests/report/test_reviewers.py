"""The section of the report about several reviewers and their agreement."""

from __future__ import annotations

import re
from datetime import date

import pytest

from napari_artifact_review.cli import main
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.team.agreement_texts import (
    REFERENCES,
    main_sentence,
    sentences,
)
from napari_artifact_review.report import page as report
from napari_artifact_review.report import reviewers
from tests.report.test_report import Page

DAY = date(2026, 11, 25)


def give(path, name, verdicts, **options):
    with ReviewSession.open(path, reviewer=name) as session:
        for cutout, verdict in verdicts.items():
            session.set_label(verdict, cutouts=[cutout], **options)


def keys(path):
    with ReviewSession.open(path, read_only=True) as session:
        rows = range(len(session.predictions.label))
        return [session.cutout_index.key_of(row) for row in rows]


def page_of(path):
    with report.open_for_report(path) as session:
        return report.make_page(session, DAY), session.agreement()


@pytest.fixture
def team(survey):
    """Three reviewers decide twelve cutouts; Zoë differs on two, Ben alone on one."""
    cutouts = keys(survey)[:12]
    give(survey, "Ana", dict.fromkeys(cutouts, "artifact"), kind="ghost")
    others = dict.fromkeys(cutouts, "artifact")
    give(survey, "Ben", others | {cutouts[0]: "no artifact"})
    give(survey, "Zoë <b>", dict.fromkeys(cutouts[:2], "no artifact"))
    give(survey, "Zoë <b>", {cutouts[0]: "unsure"})
    return survey


def test_it_has_the_sentences_the_tables_and_the_sources(team):
    source, agreement = page_of(team)
    page = Page(source)
    for sentence in sentences(agreement):
        assert sentence in page.text
    for reference in REFERENCES:
        assert reference in page.text
    titles = [row[0] for row in page.rows if row]
    assert "Ana and Ben" in titles
    assert "Ana and Zoë <b>" in titles, "names are texts and not markup"
    assert "darkest quarter: Ana" in titles
    assert "ghost: Zoë <b>" in titles
    assert page.text.index("Agreement of the reviewers") < page.text.index("Plots")


def test_it_says_what_each_has_done_by_which_rules(team):
    cutout = keys(team)[0]
    with ReviewSession.open(team, reviewer="Ben") as ben:
        ben.set_team_rules(majority=3, repeat_share=0.1)
        ben.adjudicate("artifact", cutout=cutout)
    source, _ = page_of(team)
    page = Page(source)
    assert "Reviewers Ana (12), Ben (12), Zoë <b> (2)  Queue" in page.text
    work = {row[0]: row for row in page.rows if len(row) == 8}
    assert work["Ben"][1] == "12"
    assert work["Ben"][5] == "1"
    assert work["Zoë <b>"][3] == "1"
    assert "10 % of the looks repeat" in page.text
    assert "at least 3 equal verdicts" in page.text
    assert "Set by Ben, " in page.text


def test_disputed_cutouts_have_their_votes_and_a_picture(team):
    first, second = keys(team)[:2]
    source, _ = page_of(team)
    page = Page(source)
    votes = "Ana: artifact (ghost); Ben: no artifact; Zoë <b>: unsure"
    assert [first.title, votes] in page.rows
    assert second.title not in [row[0] for row in page.rows if len(row) == 2], (
        "a majority has decided it"
    )
    [gallery] = re.findall(r"<h2>Disputed \(1\)</h2>(.*?)<h2>", source, re.S)
    assert gallery.count("<img") == 1
    assert "<h2>Unsure" not in source, "a disputed cutout is shown once"


def test_only_the_first_of_many_disputed_cutouts_are_listed(team, monkeypatch):
    monkeypatch.setattr(reviewers, "MOST_DISPUTED", 1)
    monkeypatch.setattr(report, "MOST_DISPUTED", 1)
    cutouts = keys(team)
    give(team, "Zoë <b>", {cutouts[20]: "artifact", cutouts[21]: "artifact"})
    give(team, "Ben", {cutouts[20]: "no artifact", cutouts[21]: "no artifact"})
    page = Page(page_of(team)[0])
    assert "2 more are not shown. Those below" in page.text
    assert "before the review. 2 more are not shown." in page.text


def test_images_that_cannot_be_read_are_told(team):
    [*images] = team.parent.glob("north*")
    images[0].write_bytes(b"no image")
    page = Page(page_of(team)[0])
    assert "1 image cannot be read for the brightness; the first one:" in page.text


def test_of_many_images_some_are_read_for_the_brightness(team, monkeypatch):
    monkeypatch.setattr(reviewers, "_MOST_IMAGES", 1)
    cutouts = keys(team)
    names = {cutout.image_name for cutout in cutouts}
    more = [next(one for one in cutouts if one.image_name == name) for name in names]
    give(team, "Ana", dict.fromkeys(more, "artifact"))
    page = Page(page_of(team)[0])
    assert "have the cutouts of 1 of 3 images with votes." in page.text


def test_one_reviewer_has_no_such_section(survey):
    give(survey, "Ana", {keys(survey)[0]: "artifact"})
    source, _ = page_of(survey)
    assert "Agreement" not in source
    assert "Disputed" not in source
    assert "\n\n\n<h2>Plots" not in source


def test_the_command_prints_the_main_sentence(team, tmp_path, capsys):
    output = str(tmp_path / "report.html")
    assert main(["report", str(team), "--output", output]) == 0
    _, agreement = page_of(team)
    assert main_sentence(agreement) in capsys.readouterr().out.splitlines()


def test_the_command_says_nothing_of_agreement_for_one_reviewer(
    survey, tmp_path, capsys
):
    give(survey, "Ana", {keys(survey)[0]: "artifact"})
    assert main(["report", str(survey), "--output", str(tmp_path / "r.html")]) == 0
    assert "AC1" not in capsys.readouterr().out
