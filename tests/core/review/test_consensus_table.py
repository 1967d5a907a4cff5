"""The consensus as a table, and every verdict beside it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from napari_artifact_review import cli
from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.errors import SaveError
from napari_artifact_review.core.review.session import ReviewSession

HEADER = "image_name,grid_x,grid_y,label,preds,colour\n"
ROWS = "".join(f"a,{x},0,0,1,blue\n" for x in range(0, 1000, 200))
CUTOUTS = [CutoutKey("a", x, 0) for x in range(0, 1000, 200)]


def give(session, *verdicts):
    for cutout, verdict in zip(CUTOUTS, verdicts, strict=False):
        if verdict is not None:
            session.set_label(verdict, note=f"by {session.reviewer}", cutouts=[cutout])


@pytest.fixture
def path(tmp_path) -> Path:
    """Make a review of three reviewers and an adjudicator."""
    table = tmp_path / "predictions.csv"
    table.write_text(HEADER + ROWS)
    verdicts = {
        "Ana": ("artifact", "artifact", "artifact", "unsure"),
        "Ben": ("artifact", "no artifact", "no artifact", None),
        "Eva": ("artifact", "artifact", None, None),
    }
    for name, given in verdicts.items():
        with ReviewSession.open(table, reviewer=name) as session:
            give(session, *given)
    return table


@pytest.fixture
def saved(path):
    with ReviewSession.open(path, reviewer="Dan") as session:
        return session.save_consensus()


def test_the_consensus_has_its_columns_after_those_of_a_review(saved, path):
    text = saved.table.read_text()
    assert text.startswith(
        "image_name,grid_x,grid_y,label,preds,colour,error_id,label_new,reviewed_by,"
        "reviewed_at,decision,kind,note,n_reviewers,agreement,adjudicated_by\n"
    )
    table = pd.read_csv(saved.table, dtype=str, keep_default_na=False)
    assert table.label_new.tolist() == ["1", "1", "0", "0", "0"]
    assert table.reviewed_by.tolist() == [*["Ana;Ben;Eva"] * 2, "Ana;Ben", "Ana", ""]
    assert table.decision.tolist()[:3] == ["artifact", "artifact", "unsure"]
    assert table.n_reviewers.tolist() == ["3", "3", "2", "1", "0"]
    assert table.agreement.tolist() == ["1.0", "0.6667", "0.5", "", ""]
    assert set(table.adjudicated_by) == {""}
    assert saved.disputed == 1
    assert path.read_text() == HEADER + ROWS


def test_an_adjudication_is_in_the_consensus(path):
    with ReviewSession.open(path, reviewer="Dan") as session:
        session.adjudicate("artifact", note="settled", cutout=CUTOUTS[2])
        saved = session.save_consensus()
    row = pd.read_csv(saved.table, dtype=str, keep_default_na=False).iloc[2]
    assert (row.label_new, row.decision, row.note) == ("1", "artifact", "settled")
    assert (row.reviewed_by, row.adjudicated_by) == ("Ana;Ben", "Dan")
    assert saved.disputed == 0


def test_votes_have_a_row_a_verdict(path):
    with ReviewSession.open(path, reviewer="Ana") as session:
        session.undo()
        session.adjudicate("artifact", cutout=CUTOUTS[1])
        votes = pd.read_csv(session.save_consensus().votes, keep_default_na=False)
    assert len(votes) == 10
    ana = votes[votes.reviewer == "Ana"]
    assert ana.verdict.tolist() == [*["artifact"] * 3, "unsure", "artifact"]
    assert ana.action.tolist() == [*["decide"] * 4, "adjudicate"]
    assert ana.undone.tolist() == [0, 0, 0, 1, 0]
    assert votes.blind.tolist()[:9] == [1] * 9
    assert votes.note[0] == "by Ana"
    assert votes[["log_id", "number"]].duplicated().sum() == 0


def test_a_saved_consensus_opens_in_round_two(saved, tmp_path):
    before = pd.read_csv(saved.table, dtype=str, keep_default_na=False)
    output = tmp_path / "round_two.csv"
    with ReviewSession.open(saved.table, output=output, reviewer="Ana") as session:
        assert session.table.label_new.tolist() == [1, 1, 0, 0, 0]
        assert session.table.reviewed_by[0] == "Ana;Ben;Eva"
        session.set_label("no artifact", cutouts=[CUTOUTS[4]])
        session.save()
    after = pd.read_csv(output, dtype=str, keep_default_na=False)
    assert after.iloc[:4].equals(before.iloc[:4])
    with ReviewSession.open(
        tmp_path / "predictions.csv",
        output=tmp_path / "next.csv",
        reviewer="Ana",
        previous=saved.table,
    ) as session:
        assert session.table.label_new.tolist() == [1, 1, 0, 0, 0]


def test_a_review_of_one_saves_its_verdicts_as_the_consensus(tmp_path):
    table = tmp_path / "predictions.csv"
    table.write_text(HEADER + ROWS)
    with ReviewSession.open(table, reviewer="Ana") as session:
        give(session, "artifact", "unsure")
        saved = session.save_consensus()
    found = pd.read_csv(saved.table, dtype=str, keep_default_na=False)
    assert found.label_new.tolist() == ["1", "0", "0", "0", "0"]
    assert found.n_reviewers.tolist()[:3] == ["1", "1", "0"]


def test_other_files_of_these_names_are_kept(path):
    with ReviewSession.open(path, reviewer="Dan") as session:
        consensus = session.output.with_name("test_outputs_consensus.csv")
        consensus.write_text("mine")
        session.save_consensus()
        session.save_consensus()
    backups = [*path.parent.glob("*.backup.csv")]
    assert [one.read_text() for one in backups] == ["mine"]


def test_the_predictions_are_never_replaced(path):
    with (
        ReviewSession.open(path, reviewer="Dan") as session,
        pytest.raises(SaveError, match="would replace the predictions"),
    ):
        session.save_consensus(path)
    assert path.read_text() == HEADER + ROWS


@pytest.mark.parametrize("name", ["votes.csv", "predictions.csv"])
def test_tables_of_a_review_named_votes_are_never_replaced(tmp_path, name):
    table, folder = tmp_path / name, tmp_path / "elsewhere"
    folder.mkdir()
    output = tmp_path / ("reviewed.csv" if name == "votes.csv" else "votes.csv")
    table.write_text(HEADER + ROWS)
    with ReviewSession.open(table, output=output, reviewer="Ana") as session:
        give(session, "artifact")
        session.save()
        before = output.read_bytes()
        with pytest.raises(SaveError, match="would replace the"):
            session.save_consensus()
        with pytest.raises(SaveError, match="name of the table of all verdicts"):
            session.save_consensus(folder / "Votes.csv")
    assert table.read_text() == HEADER + ROWS
    assert output.read_bytes() == before


def test_a_compressed_output_has_a_consensus_beside_it(path, tmp_path):
    output = tmp_path / "reviewed.csv.gz"
    with ReviewSession.open(path, output=output, reviewer="Dan") as session:
        saved = session.save_consensus()
    assert saved.table == tmp_path / "reviewed_consensus.csv.gz"
    assert len(pd.read_csv(saved.table)) == 5


def test_a_note_that_the_encoding_lacks_is_saved_as_utf_8(path, capsys):
    path.write_bytes(path.read_bytes().replace(b"blue", "bl\xfc".encode("latin-1")))
    with ReviewSession.open(path, reviewer="Eva") as session:
        session.set_label("artifact", note="\u2603", cutouts=[CUTOUTS[4]])
    command = ["save", str(path), "--consensus"]
    assert cli.main(command) == 2
    assert "save it as UTF-8" in capsys.readouterr().err
    assert not path.with_name("votes.csv").exists()
    assert cli.main([*command, "--encoding", "utf-8"]) == 0
    table = path.with_name("test_outputs_consensus.csv")
    assert "\u2603" in table.read_text(encoding="utf-8")


def test_copies_for_spreadsheets_have_no_formula(path, capsys):
    with ReviewSession.open(path, reviewer="Eva") as session:
        session.set_label("artifact", note="=1+1", cutouts=[CUTOUTS[4]])
    assert cli.main(["save", str(path), "--consensus", "--spreadsheet-safe"]) == 0
    out = capsys.readouterr().out
    for name in ("test_outputs_consensus_spreadsheet.csv", "votes_spreadsheet.csv"):
        copy = path.with_name(name)
        assert str(copy) in out
        assert ",'=1+1," in copy.read_text(encoding="utf-8-sig")
    assert ",=1+1," in path.with_name("votes.csv").read_text()


@pytest.mark.parametrize("option", [("--keep", "ours"), ("--reviewer", "Ana")])
def test_an_option_without_an_effect_on_the_consensus_is_refused(path, option, capsys):
    assert cli.main(["save", str(path), "--consensus", *option]) == 2
    assert option[0] in capsys.readouterr().err
    assert not path.with_name("votes.csv").exists()


def test_an_own_column_of_such_a_name_is_not_replaced(path):
    path.write_text(path.read_text().replace("colour", "agreement"))
    with (
        ReviewSession.open(path, reviewer="Dan") as session,
        pytest.raises(SaveError, match="have a column agreement already"),
    ):
        session.save_consensus()


@pytest.mark.parametrize("suffix", [".fits", ".parquet", ".ecsv"])
def test_every_format_has_the_columns(path, suffix, tmp_path):
    output = tmp_path / f"all{suffix}"
    with ReviewSession.open(path, reviewer="Dan") as session:
        session.save_consensus(output)
    with ReviewSession.open(output, output=tmp_path / "new.csv") as session:
        table = session.table
        assert pd.to_numeric(table.n_reviewers).tolist() == [3, 3, 2, 1, 0]
        shares = pd.to_numeric(table.agreement)
        assert shares.tolist()[:3] == [1, 0.6667, 0.5]
        assert shares[3:].isna().all()


def test_the_command_writes_it(path, tmp_path, capsys):
    output = tmp_path / "team.csv"
    command = ["save", str(path), "--consensus", "--output", str(output)]
    assert cli.main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"Consensus written to {output}",
        f"Verdicts of all reviewers written to {tmp_path / 'votes.csv'}",
        "1 cutout still disputed, with the label from before the review",
    ]
    assert pd.read_csv(output).label_new.tolist() == [1, 1, 0, 0, 0]


def test_the_command_refuses_an_output_of_no_consensus(path, tmp_path, capsys):
    assert cli.main(["save", str(path), "--output", str(tmp_path / "team.csv")]) == 2
    assert "--consensus" in capsys.readouterr().err


def test_the_command_saves_no_table_without_the_verdicts_of_a_team(path, capsys):
    assert cli.main(["save", str(path)]) == 2
    line = capsys.readouterr().err
    assert "verdicts of Ana, Ben, Eva" in line
    assert "--consensus" in line
    assert not path.with_name("test_outputs.csv").exists()
    assert cli.main(["save", str(path), "--reviewer", "Ben"]) == 0
    table = pd.read_csv(path.with_name("test_outputs.csv"))
    assert table.reviewed_by.dropna().unique().tolist() == ["Ben"]
