"""The report of a comparison: its contents, and that every text is escaped."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from napari_artifact_review import compare
from napari_artifact_review.cli import main
from napari_artifact_review.core.training.comparing.comparison_texts import (
    estimate_text,
    headline,
)
from napari_artifact_review.report.compare_page import make_comparison_page
from tests.report.test_report import Page
from tests.two_models import write_export, write_models

DAY = date(2026, 11, 28)


def other_model(survey):
    """Write a table of another model of the small survey, and return its path."""
    table = pd.read_csv(survey)
    confidence = table["confidence"].to_numpy().copy()
    confidence[table["label"] == 1] = 0.99
    confidence[0] = 0.98
    other = survey.with_name("other.csv")
    table.assign(confidence=confidence, preds=(confidence >= 0.95).astype(int)).to_csv(
        other, index=False
    )
    return other


def test_it_has_the_numbers_with_their_intervals(tmp_path):
    models = write_models(tmp_path)
    found = compare(models.old, models.new)
    page = Page(make_comparison_page(found, DAY))
    assert headline(found) in page.text
    scores = found.headline
    rows = [row for row in page.rows if row and row[0] == "average precision"]
    name = "average_precision"
    assert rows == [
        [
            "average precision",
            *(
                estimate_text(part[name])
                for part in (scores.old, scores.new, scores.difference)
            ),
        ]
    ]
    low = f"{scores.difference[name].low:.3f} to "
    assert low in rows[0][3]
    assert "jackknife-t" in page.text
    assert "can rank a better model lower" in page.text
    assert "Verdicts alone" not in page.text
    assert "2026-11-28" in page.text
    # The curves are the only picture, because no folder of images was given.
    assert len(page.images) == 1
    counts = {f"{title} ({len(which)})" for title, which in
              (("Mended", found.mended), ("Broken", found.broken))}  # fmt: skip
    assert all(text in page.text for text in counts)


def test_pictures_show_what_was_mended_and_broken(survey, tmp_path, capsys):
    other = other_model(survey)
    output = tmp_path / "compare.html"
    arguments = ["compare", str(survey), str(other), "--images", str(survey.parent)]
    assert main([*arguments, "--report", str(output)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == f"Report written to {output}"
    page = Page(output.read_text())
    found = compare(survey, other, images=survey.parent)
    # The new model finds the two misses, and calls one empty cutout an artifact.
    assert (len(found.mended), len(found.broken)) == (2, 1)
    assert len(page.images) == 1 + 3
    assert all(source.startswith("data:image/png") for source in page.images[1:])
    assert "No picture" not in page.text
    (survey.parent / "north.fits").unlink()
    page = Page(make_comparison_page(compare(survey, other, images=survey.parent), DAY))
    assert "No picture" in page.text
    assert "No brightness" in page.text


def test_texts_of_the_tables_are_escaped(tmp_path):
    models = write_models(tmp_path)
    bad = "<script>alert('&')</script>"
    for path in (models.old, models.new):
        table = pd.read_csv(path)
        name = table["image_name"].where(table["image_name"] != "image000", bad)
        table.assign(image_name=name).to_csv(path, index=False)
    truth = models.truth.assign(
        image_name=models.truth["image_name"].where(
            models.truth["image_name"] != "image000", bad
        )
    )
    export = write_export(
        tmp_path / "export", truth, sorted(truth["image_name"].unique()),
        kind=np.where(truth["label"] == 1, bad, ""),
        decision=np.where(truth["label"] == 1, "artifact", ""),
    )  # fmt: skip
    html = make_comparison_page(compare(models.old, models.new, test=export), DAY)
    page = Page(html)
    assert "script" not in {tag for tag, _ in page.tags}
    assert any(row and row[0] == bad for row in page.rows)
    assert "Traceback" not in html
    assert "Verdicts alone" in page.text
    assert "By the labels before the review, the old model has " in page.text


@pytest.mark.parametrize("missing", ["old", "new"])
def test_a_model_without_confidence_has_no_curve(tmp_path, missing):
    models = write_models(tmp_path)
    models.rewrite(missing, confidence=None)
    page = Page(make_comparison_page(compare(models.old, models.new), DAY))
    rows = [row for row in page.rows if row and row[0] == "average precision"]
    assert rows == [["average precision", "—", "—", "—"]]
    assert "There is no average precision" in page.text


def test_the_same_comparison_gives_the_same_page(tmp_path):
    models = write_models(tmp_path)
    pages = {
        make_comparison_page(compare(models.old, models.new), DAY) for _ in range(2)
    }
    assert len(pages) == 1
