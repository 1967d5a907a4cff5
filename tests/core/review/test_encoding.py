"""A note with a letter that the table's encoding lacks can be saved."""

from __future__ import annotations

import pandas as pd
import pytest

from napari_artifact_review.core.errors import EncodingError
from napari_artifact_review.core.review.session import ReviewSession

TABLE = "image_name,grid_x,grid_y,label,preds,observer\na,0,0,0,1,Zoë\n"


@pytest.fixture
def path(tmp_path):
    table = tmp_path / "predictions.csv"
    table.write_text(TABLE, encoding="latin-1")
    return table


@pytest.fixture
def output(tmp_path):
    return tmp_path / "test_outputs.csv"


def give(session, note):
    session.set_label("artifact", note=note)


def read(output, encoding):
    return pd.read_csv(output, encoding=encoding, keep_default_na=False).loc[0]


def test_the_error_offers_utf_8_which_works_from_then_on(path, output):
    with ReviewSession.open(path) as session:
        give(session, "trail →")
        with pytest.raises(EncodingError, match=r"LATIN-1, has no '→'.*as UTF-8"):
            session.save()
        assert not output.exists()
        session.save(encoding="utf-8")
        assert session.unsaved == 0
    row = read(output, "utf-8")
    assert (row["note"], row["observer"]) == ("trail →", "Zoë")
    with ReviewSession.open(path) as again:
        assert (again.unsaved, again.notices) == (0, ())
        give(again, "ghost →")
        again.save()
    assert read(output, "utf-8")["note"] == "ghost →"


def test_without_such_a_letter_the_encoding_stays(path, output):
    with ReviewSession.open(path) as session:
        give(session, "à l'est")
        session.save()
    assert read(output, "latin-1")["note"] == "à l'est"


def test_a_table_in_utf_16_stays_so(path, output):
    path.write_text(TABLE, encoding="utf-16")
    with ReviewSession.open(path) as session:
        give(session, "→")
        session.save()
    assert read(output, "utf-16")["note"] == "→"


def test_where_it_was_not_chosen_closing_writes_a_dated_file_as_utf_8(path, output):
    session = ReviewSession.open(path)
    give(session, "→")
    session.close(save=True)
    assert not output.exists()
    [copy] = output.parent.glob("test_outputs.*.csv")
    assert read(copy, "utf-8")["note"] == "→"
    with ReviewSession.open(path) as again:
        assert "LATIN-1, has no '→'" in again.notices[-1]


def test_an_output_of_another_program_is_compared_whatever_the_letters(path, output):
    with ReviewSession.open(path) as session:
        session.save()
        output.write_text(output.read_text("latin-1").replace("Zoë", "Ada"))
        give(session, "→")
        assert session.save("theirs") == output
    assert "Ada" in output.read_text()
