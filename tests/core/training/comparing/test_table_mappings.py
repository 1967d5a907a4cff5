"""Comparisons of tables with other columns and values: which mapping is for which."""

from __future__ import annotations

import pandas as pd
import pytest

from napari_artifact_review import ReviewSession, compare
from napari_artifact_review.cli import main
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.tables.mapping import TableMapping
from tests.two_models import KEY, write_models

PERCENT = TableMapping(confidence_scale="percent")
INVERTED = TableMapping(confidence_of="no artifact")


@pytest.fixture
def models(tmp_path):
    return write_models(tmp_path)


def run(*arguments):
    return main(["compare", *map(str, arguments)])


def confidence_in(path):
    """Return the confidences in the order of a comparison."""
    return pd.read_csv(path).sort_values(KEY)["confidence"]


def as_percent(models, name):
    path = getattr(models, name)
    before = confidence_in(path)
    models.rewrite(name, confidence=(100 * pd.read_csv(path)["confidence"]).round(1))
    return before


def test_a_scale_is_never_applied_silently_to_a_table_without_it(models, capsys):
    before = confidence_in(models.old)
    as_percent(models, "new")
    options = (models.old, models.new, "--confidence-scale", "percent")
    assert run(*options) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert f"{models.old}" in line
    assert "it can be read with and without the mapping that is given" in line
    assert "--mapping-for old, new or labels" in line
    assert run(*options, "--mapping-for", "new") == 0
    out = capsys.readouterr().out
    assert (
        "Tables read: old.csv without a mapping; new.csv with the given mapping "
        "(--confidence-scale percent)."
    ) in out.splitlines()
    found = compare(models.old, models.new, mapping=PERCENT, mapping_for=["new"])
    assert found.rows["old_confidence"].tolist() == before.tolist()
    assert found.rows["new_confidence"].max() <= 1


def test_a_table_that_needs_the_mapping_gets_it(models):
    before = as_percent(models, "old")
    as_percent(models, "new")
    found = compare(models.old, models.new, mapping=PERCENT)
    assert found.rows["old_confidence"].tolist() == pytest.approx(before.tolist())


@pytest.mark.parametrize("mapping", [None, TableMapping()])
def test_tables_with_the_usual_names_need_no_line(models, mapping):
    notices = compare(models.old, models.new, mapping=mapping).notices
    assert not any("Tables read" in notice for notice in notices)


@pytest.mark.parametrize("name", ["output", "predictions"])
def test_a_table_is_read_as_its_review_was(models, tmp_path, capsys, name):
    before = as_percent(models, "old")
    path = models.old.rename(tmp_path / "first.csv")
    with ReviewSession.open(path, mapping=PERCENT, reviewer="ada") as session:
        session.set_label("artifact")
        session.save()
        tables = {"output": session.output, "predictions": path}
    found = compare(tables[name], models.new)
    assert found.rows["old_confidence"].tolist() == pytest.approx(before.tolist())
    [notice] = found.notices
    assert "with that of its review (--confidence-scale percent)" in notice
    assert "new.csv without a mapping" in notice


def test_the_mapping_of_another_table_in_the_folder_is_not_used(models):
    # Both tables have the same cutouts, and the log is that of the old one.
    as_percent(models, "old")
    before = confidence_in(models.new)
    with ReviewSession.open(models.old, mapping=PERCENT, reviewer="ada") as session:
        session.set_label("artifact")
    found = compare(models.old, models.new)
    assert found.rows["new_confidence"].tolist() == before.tolist()


def test_the_class_of_the_confidence_is_asked_for_if_it_is_unclear(models):
    with pytest.raises(ReviewError, match="with and without the mapping"):
        compare(models.old, models.new, mapping=INVERTED)
    found = compare(
        models.old, models.new, mapping=INVERTED, mapping_for=["old", "new"]
    )
    table = confidence_in(models.old)
    assert found.rows["old_confidence"].tolist() == pytest.approx((1 - table).tolist())


def test_the_tables_of_a_mapping_need_a_mapping(models):
    with pytest.raises(ReviewError, match="no mapping is given for the table new"):
        compare(models.old, models.new, mapping_for=["new"])
    with pytest.raises(ReviewError, match="cannot be for 'both'"):
        compare(models.old, models.new, mapping=PERCENT, mapping_for=["both"])


def test_a_comparison_without_mappings_says_nothing_of_them(models):
    assert compare(models.old, models.new).notices == ()


def test_an_open_review_is_read_as_it_is_open(models, tmp_path):
    before = as_percent(models, "old")
    output = tmp_path / "elsewhere.csv"
    options = {"output": output, "mapping": PERCENT}
    with ReviewSession.open(models.old, **options) as session:
        found = compare(session, models.new, session)
    assert found.rows["old_confidence"].tolist() == pytest.approx(before.tolist())


def test_a_damaged_log_of_a_table_is_told(models):
    log = models.new.with_name("test_outputs.csv.review.sqlite")
    log.write_bytes(b"SQLite format 3\0" + bytes(2000))
    with pytest.raises(ReviewError) as caught:
        compare(models.old, models.new)
    assert caught.value.path == log
