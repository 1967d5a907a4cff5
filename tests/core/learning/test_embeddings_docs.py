"""The example of the docs writes embeddings that a review can read."""

from __future__ import annotations

import re
from pathlib import Path

from napari_artifact_review.core.learning.embeddings import read_embeddings
from napari_artifact_review.core.tables.reading import read_predictions

PAGE = Path(__file__).parents[3] / "docs/descriptors.md"


def test_the_example_of_the_docs_can_be_read(survey, monkeypatch):
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    monkeypatch.chdir(survey.parent)
    exec(compile(example, "descriptors.md", "exec"), {})
    found = read_embeddings("embeddings.parquet", read_predictions(survey))
    assert found.vectors.shape == (36, 512)
    assert (found.missing, found.unknown) == (0, 0)
