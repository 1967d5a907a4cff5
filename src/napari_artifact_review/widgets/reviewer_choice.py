"""The names that the user chose for the reviewer of each log."""

from __future__ import annotations

import json
from pathlib import Path

from napari_artifact_review.widgets.panels.recent import settings

#: Key of the names in the dock's stored settings, and how many logs are stored there.
_REVIEWERS, _MOST = "reviewers", 100

#: The names that were chosen in this process, by the path of the log.
_CHOSEN: dict[str, str] = {}


class ReviewerNeededError(Exception):
    """An exception for a log with verdicts of others; the form asks for the name.

    Attributes
    ----------
    log : Path
        File of the log.
    names : tuple of str
        Names of the reviewers in the log, the last to give a verdict first.
    default : str
        Name of a reviewer that chooses none: the login name.
    """

    def __init__(self, log: Path, names: tuple[str, ...], default: str) -> None:
        super().__init__(log, names, default)
        self.log, self.names, self.default = log, names, default


def find_reviewer(
    predictions: Path, output: Path | None, store: str | Path | None
) -> str | None:
    """Return the name that was chosen in this process for the log of a review.

    The result is None, for the login name, if the log has no verdicts of others. This
    function reads a file; call it in a thread.

    Parameters
    ----------
    predictions, output, store
        As for `ReviewSession.open`.

    Raises
    ------
    ReviewerNeededError
        If the log has verdicts of others, and no name was chosen.
    StoreError
        If the log cannot be read.
    """
    # Import in this thread, because this imports the database library.
    from napari_artifact_review.core.decisions.log_opening import stored_reviewers
    from napari_artifact_review.core.review.opening import name_of_reviewer

    output, log = log_of(predictions, output, store)
    if (chosen := chosen_reviewer(log)) is not None:
        return chosen
    names, default = stored_reviewers(log, output), name_of_reviewer(None)
    if {*names} <= {default}:
        return None
    raise ReviewerNeededError(log, names, default)


def log_of(
    predictions: Path, output: Path | None, store: str | Path | None = None
) -> tuple[Path, Path]:
    """Return the output of a review and the file of its log, as absolute paths.

    The parameters are those of `ReviewSession.open`.

    Raises
    ------
    StoreError
        If `store` is a URL that is invalid or not supported.
    """
    from napari_artifact_review.core.decisions.log_opening import (
        find_log_path,
        log_in_use,
    )
    from napari_artifact_review.core.review.paths import default_output
    from napari_artifact_review.core.user_folders import absolute_path

    output = absolute_path(output or default_output(absolute_path(predictions)))
    return output, log_in_use(find_log_path(store, output), output)


def chosen_reviewer(log: str | Path) -> str | None:
    """Return the name that was chosen in this process for a log, or None."""
    return _CHOSEN.get(str(log))


def last_reviewer(log: str | Path) -> str | None:
    """Return the name that was last chosen on this computer for a log, or None."""
    return _stored().get(str(log))


def remember_reviewer(log: str | Path, name: str) -> None:
    """Store the name that the user chose for a log.

    This process uses it from now on. Later ones propose it.
    """
    _CHOSEN[str(log)] = name
    others = [(other, by) for other, by in _stored().items() if other != str(log)]
    latest = [(str(log), name), *others][:_MOST]
    settings().setValue(_REVIEWERS, json.dumps(dict(latest)))


def _stored() -> dict[str, str]:
    try:
        stored = json.loads(str(settings().value(_REVIEWERS, "{}")))
        return {str(log): str(name) for log, name in stored.items()}
    except (AttributeError, ValueError):
        # The setting is damaged. The user loses only proposals of names.
        return {}
