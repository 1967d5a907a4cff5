"""Empty meeting places of each kind, for tests that hold for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

#: Marks of tests for one kind of `meeting_place`. Those for a server also use `server`.
on_server = pytest.mark.parametrize("meeting_place", ["server"], indirect=True)
on_folder = pytest.mark.parametrize("meeting_place", ["folder"], indirect=True)


@pytest.fixture(params=["folder", pytest.param("server", marks=pytest.mark.postgres)])
def meeting_place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Make an empty meeting place, and return its folder or URL."""
    if request.param == "folder":
        folder = tmp_path / "shared folder"
        folder.mkdir()
        return str(folder)
    server = request.getfixturevalue("server")
    url: str = server.url(server.make_database())
    return url
