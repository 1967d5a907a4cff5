"""The names that were chosen for a log, in this process and on this computer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from napari_artifact_review.widgets.panels.recent import settings
from napari_artifact_review.widgets.reviewer_choice import (
    chosen_reviewer,
    last_reviewer,
    remember_reviewer,
)

_LATER = """
import sys
from napari_artifact_review.widgets.reviewer_choice import *
print(ascii((chosen_reviewer(sys.argv[1]), last_reviewer(sys.argv[1]))))
"""


def test_a_name_is_chosen_for_a_log(tmp_path):
    assert chosen_reviewer(tmp_path / "a") is None
    assert last_reviewer(tmp_path / "a") is None
    remember_reviewer(tmp_path / "a", "Ana")
    remember_reviewer(tmp_path / "b", "Zoë \u202e=;")
    assert (
        chosen_reviewer(str(tmp_path / "a")) == last_reviewer(tmp_path / "a") == "Ana"
    )
    assert chosen_reviewer(tmp_path / "b") == "Zoë \u202e=;"
    remember_reviewer(tmp_path / "a", "Ben")
    assert chosen_reviewer(tmp_path / "a") == last_reviewer(tmp_path / "a") == "Ben"


def test_a_later_process_proposes_the_name_and_asks_again(tmp_path):
    remember_reviewer(tmp_path / "a", "Zoë")
    command = [sys.executable, "-c", _LATER, str(tmp_path / "a")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ascii((None, "Zoë"))


def test_the_names_of_old_logs_are_forgotten(tmp_path):
    for number in range(101):
        remember_reviewer(tmp_path / str(number), "Ana")
    assert last_reviewer(tmp_path / "0") is None
    assert last_reviewer(tmp_path / "1") == last_reviewer(tmp_path / "100") == "Ana"


@pytest.mark.parametrize("stored", ["no JSON", "[1]", "3"])
def test_damaged_settings_lose_only_proposals(tmp_path, stored):
    settings().setValue("reviewers", stored)
    assert last_reviewer(tmp_path / "a") is None
    remember_reviewer(tmp_path / "a", "Ana")
    assert last_reviewer(tmp_path / "a") == "Ana"
