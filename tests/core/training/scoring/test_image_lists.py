"""Lists of images: a path on each line of a text in UTF-8."""

from __future__ import annotations

import codecs

import pytest

from napari_artifact_review import score
from napari_artifact_review.core.errors import ReviewError


def scored(model, listed, output):
    """Score the images in a list, and return their number."""
    return score(f"{model}:predict", f"@{listed}", output, jobs=1).scored


def test_a_list_may_have_comments_and_a_byte_order_mark(
    model, images, output, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    first, second, third = sorted(images.iterdir())
    second.rename(tmp_path / "#2.fits")
    listed = tmp_path / "files.txt"
    lines = f"{first}\n# the second night\n#2.fits\n#{'-' * 300}\n{third}\n"
    listed.write_bytes(codecs.BOM_UTF8 + lines.encode())
    assert scored(model, listed, output) == 3


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a.fits\n".encode("utf-16"), ": the list of images is in UTF-16. Save it"),
        ("a.fits\n".encode("utf-16-be"), ", line 1: the list of images contains a NUL"),
        (b"a.fits\n\nb\0.fits\n", ", line 3: the list of images contains a NUL"),
        (f"a.fits\n{'b' * 256}\n".encode(), ", line 2: the file name is too long"),
    ],
)
def test_a_list_that_holds_no_paths_is_named(model, output, tmp_path, content, text):
    listed = tmp_path / "files.txt"
    listed.write_bytes(content)
    with pytest.raises(ReviewError) as caught:
        scored(model, listed, output)
    assert str(caught.value).startswith(f"{listed}{text}")
