"""The section of the report that says how many wrong labels are left."""

from __future__ import annotations

from datetime import date

import pytest

from napari_artifact_review import ReviewSession
from napari_artifact_review.cli import main
from napari_artifact_review.core.learning.remaining import sentence
from napari_artifact_review.report.page import make_page
from tests.report.test_report import Page

DAY = date(2026, 11, 25)


def page_of(session):
    return Page(make_page(session, DAY))


@pytest.fixture
def audited(survey):
    """Audit twelve of 36 cutouts; change two, and leave one unsure, one open."""
    with ReviewSession.open(survey, reviewer="ada") as session:
        session.audit(12, seed=3)
        keys = [session.cutout_index.key_of(row) for row in session.review_queue.rows]
        label = session.predictions.label[session.review_queue.rows]
        for number, key in enumerate(keys[:11]):
            verdict = ["no artifact", "artifact"][label[number] ^ (number < 2)]
            session.set_label("unsure" if number == 10 else verdict, cutouts=[key])
    return survey


def test_without_audit_and_estimate_it_says_so(session):
    with session:
        page = page_of(session)
    assert "0 of 4 looked at; no estimate yet; no audit yet." in page.text
    assert "Estimate, learned" not in page.text
    assert "Audits:" not in page.text


def test_it_has_the_intervals_of_each_audit(audited):
    with ReviewSession.open(audited, read_only=True) as session:
        [audit] = session.remaining.audits
        page = page_of(session)
        said = sentence(session.remaining)
    assert f"{said}." in page.text
    for name, side in (
        ("missed artifacts", audit.sides.missed),
        ("false ones", audit.sides.false),
        ("together", audit.sides.together),
    ):
        [row] = [row for row in page.rows if row[0] == f"audit 1: {name}"]
        assert row[1] == str(side.population)
        assert row[2] == f"{side.sampled - side.unanswered} of {side.sampled}"
        assert row[5] == str(side.unconfirmed)
        for text, (low, high) in (
            (row[6], side.left),
            (row[7], side.left_with_false_alarms),
        ):
            assert text == (f"{low} to {high}" if low < high else f"{low}")
    assert page.rows[-1][0] != "audit 2: together"
    for note in audit.notes:
        assert f"Audit 1: {note}" in page.text
    assert "1 unsure" in page.text
    assert "1 without a verdict" in page.text


def test_it_has_the_estimate_and_its_basis(demo, tmp_path):
    with ReviewSession.open(
        demo.predictions, tmp_path / "none", tmp_path / "out.csv", reviewer="ada"
    ) as session:
        session.set_queue(order="learned")
        for number in range(20):
            session.set_label("artifact" if number % 2 else "no artifact")
            session.next()
        page = page_of(session)
        left = session.remaining
    assert "Estimate, learned from 20 verdicts" in page.text
    rows = {row[0]: row[1:] for row in page.rows}
    queue = left.estimates.queue.together
    assert rows["the errors: together"][:2] == [
        str(queue.found),
        f"{queue.left:,.1f}",
    ]
    assert left.estimates.table is None, "no verdict is about an agreement"
    assert "the whole table: together" not in rows
    assert f"About {left.looks_to_target} more looks" in page.text
    assert "or 1 min." in page.text


def test_the_command_prints_the_sentence(audited, tmp_path, capsys):
    assert main(["report", str(audited), "--output", str(tmp_path / "r.html")]) == 0
    printed = capsys.readouterr().out
    assert "11 of 12 audited, 2 not confirmed" in printed
    assert printed.rstrip().endswith("r.html")
