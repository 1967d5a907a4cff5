"""The documents agree with the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from npe2 import PluginManifest
from sklearn import metrics as sk

from benchmarks.audit import print_examples
from napari_artifact_review import ReviewSession
from napari_artifact_review.cli import main
from napari_artifact_review.viewer.input.key_choice import CATEGORY
from napari_artifact_review.viewer.input.keys import KEY_TABLE
from napari_artifact_review.viewer.preferences import PLUGIN

ROOT = Path(__file__).parents[1]


def test_a_page_has_the_key_table():
    page = (ROOT / "docs/keys.md").read_text()
    rows = re.findall(r"^\| (`.*`) \| (.*) \|$", page, flags=re.MULTILINE)
    told = {(keys.replace("`", ""), title) for keys, title in rows}
    assert {(action.label, action.title) for action in KEY_TABLE} == told


def test_napari_s_preferences_offer_the_key_table():
    manifest = PluginManifest.from_distribution(PLUGIN)
    offered = manifest.contributions.configurations[CATEGORY].properties
    assert {name: (x.title, x.default) for name, x in offered.items()} == {
        action.name: (action.title, ", ".join(action.keys)) for action in KEY_TABLE
    }


def test_pictures_and_links_are_there():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text()):
            name, _, heading = target.partition("#")
            path = page.parent / name if name else page
            assert path.exists(), f"{page.name} points to {target}"
            if heading:
                assert heading in headings(path), f"{page.name} points to {target}"


def headings(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}


def test_each_promise_has_its_test():
    page = (ROOT / "docs/promises.md").read_text()
    named = re.findall(r"`(\S+\.py)::(\w*)`", page)
    assert named
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(), f"{file}::{test}"
    rows = [line for line in page.splitlines() if re.match(r"\| (?!promise)\w", line)]
    assert all("::test_" in row for row in rows), "a promise is shown by something"


def test_contributing_names_every_module():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    package = ROOT / "src/napari_artifact_review"
    for module in package.rglob("[!_]*.py"):
        assert f"`{module.relative_to(package).as_posix()}`" in page


def test_the_example_without_a_window_runs(survey, monkeypatch, capsys):
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    [example] = [block for block in blocks if "ReviewSession" in block]
    (survey.parent / "images").mkdir()
    monkeypatch.chdir(survey.parent)
    exec(compile(example, "README.md", "exec"), {})
    assert ReviewSession.open("test_outputs.csv").progress == (4, 4)
    assert capsys.readouterr().out.count("image_name") == 4


EXAMPLES = re.findall(
    r"```csv\n(.*?)```.*?```sh\n(.*?)\n```",
    (ROOT / "docs/tables.md").read_text(),
    flags=re.DOTALL,
)


@pytest.mark.parametrize(("table", "command"), EXAMPLES)
def test_each_table_of_the_docs_opens_by_its_command(
    tmp_path, monkeypatch, table, command
):
    program, action, *arguments = shlex.split(command)
    assert (program, action) == ("napari-artifact-review", "open")
    path = tmp_path / arguments[0]
    path.write_text(table)
    monkeypatch.chdir(tmp_path)
    assert main(["save", *arguments]) == 0
    saved = [line.split(",") for line in Path("test_outputs.csv").read_text().split()]
    assert len(saved) >= 9
    # The review keeps the mapping.
    assert main(["save", arguments[0]]) == 0
    with ReviewSession.open(path) as session:
        outcomes = session.table["outcome"].value_counts()
        assert (outcomes > 1).all()
        assert len(outcomes) == 4
        session.set_label("artifact")
        session.save()
    lines = Path("test_outputs.csv").read_text().splitlines()
    for before, after in zip(table.splitlines(), lines, strict=True):
        assert after.startswith(before.rstrip(";"))


def test_there_are_four_tables_in_the_docs():
    assert len(EXAMPLES) == 4


def test_the_example_of_the_numbers_prints_what_the_page_says(
    tmp_path, monkeypatch, capsys
):
    page = (ROOT / "docs/results.md").read_text()
    table, example, told = (
        re.search(rf"```{kind}\n(.*?)```", page, flags=re.DOTALL)[1]
        for kind in ("csv", "python", "text")
    )
    (tmp_path / "predictions.csv").write_text(table)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "results.md", "exec"), {})
    assert capsys.readouterr().out == told
    with ReviewSession.open("predictions.csv", read_only=True) as session:
        label, preds, confidence, label_new = (
            session.table[name].to_numpy(float)
            for name in ("label", "preds", "confidence", "label_new")
        )
    for line, labels in zip(told.splitlines(), (label, label_new), strict=False):
        ours = [float(number) for number in re.findall(r" (\d\.\d+)", line)]
        assert ours == pytest.approx(
            [
                sk.precision_score(labels, preds),
                sk.recall_score(labels, preds),
                sk.f1_score(labels, preds),
                sk.average_precision_score(labels, confidence),
            ],
            abs=5e-4,
        )


def test_the_audit_of_the_docs_prints_what_the_page_says(capsys):
    page = (ROOT / "docs/stopping.md").read_text()
    _, example = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    told = re.search(r"```text\n(.*?)```", page, flags=re.DOTALL)[1]
    exec(compile(example, "stopping.md", "exec"), {})
    assert capsys.readouterr().out == told
    print_examples()
    assert capsys.readouterr().out in page


def test_the_audit_of_a_session_in_the_docs_runs(session):
    page = (ROOT / "docs/stopping.md").read_text()
    example, _ = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    with session:
        # The small survey has fewer cutouts than the example.
        exec(
            compile(example.replace("400", "12"), "stopping.md", "exec"),
            {"session": session},
        )
        assert len(session.remaining.audits) == 1


def test_the_model_of_the_docs_scores_the_demo(demo, tmp_path, monkeypatch, capsys):
    page = (ROOT / "docs/rounds.md").read_text()
    model = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0]
    command = re.search(r"```sh\n(napari-artifact-review score .*)\n", page)[1]
    (tmp_path / "model.py").write_text(model)
    (tmp_path / "images").symlink_to(demo.images)
    (tmp_path / "labels.csv").write_bytes(demo.predictions.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert main([*shlex.split(command)[1:], "--jobs", "1"]) == 0
    assert "630 cutouts written" in capsys.readouterr().out
    with ReviewSession.open("predictions.csv", "images", read_only=True) as session:
        label, confidence = session.table["label"], session.table["confidence"]
        # It finds far more than chance does.
        found = sk.average_precision_score(label, confidence)
        assert found > 2 * label.mean()
