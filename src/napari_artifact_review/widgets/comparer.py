"""A comparer of the model of a review with another one, which works in threads."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices

from napari_artifact_review.core.decisions.recorder import ANSWER_TIMEOUT
from napari_artifact_review.core.errors import ReviewError, SaveError, TableError
from napari_artifact_review.widgets.file_writer import FileWriter
from napari_artifact_review.widgets.parts.background import (
    Background,
    Connections,
    MainThread,
)
from napari_artifact_review.widgets.unblinding import confirm_unblinding
from napari_artifact_review.widgets.windows.compare import CompareTexts

if TYPE_CHECKING:
    import pandas as pd

    from napari_artifact_review.core.atomic_files import Written
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.core.training.comparing.comparison import Comparison
    from napari_artifact_review.widgets.panels.results import ResultsPanel
    from napari_artifact_review.widgets.windows.compare import (
        CompareRequest,
        CompareWindow,
    )


@dataclass(frozen=True, eq=False)
class _Compared:
    """A comparison, its cutouts to review, and its texts."""

    comparison: Comparison
    differing: pd.DataFrame
    texts: CompareTexts


class Comparer:
    """A comparer of the model of a review with another one.

    Parameters
    ----------
    session : ReviewSession
        The review.
    panel : ResultsPanel
        The panel with the button that shows the window.
    window : CompareWindow
        Asks for the other model, and shows the result.
    main_thread : MainThread
        Runs functions in the thread of the window.
    """

    def __init__(
        self,
        session: ReviewSession,
        panel: ResultsPanel,
        window: CompareWindow,
        main_thread: MainThread,
    ) -> None:
        self._session, self._window = session, window
        self._main_thread = main_thread
        self._comparing = Background(main_thread)
        self._writing = Background(main_thread)
        self._writer = FileWriter(window, self._writing)
        self._given_up = Event()
        self._compared: _Compared | None = None
        self._connections = Connections()
        window.reset(session.predictions.path.name)
        for signal, slot in (
            (panel.compare_requested, window.show_form),
            (window.compare_requested, self.compare),
            (window.cancelled, self._cancel),
            (window.report_requested, self.ask_for_report),
            (window.table_requested, self.ask_for_table),
        ):
            self._connections.connect(signal, slot)

    @property
    def is_comparing(self) -> bool:
        """Whether the models are being compared."""
        return self._comparing.busy

    def compare(self) -> None:
        """Compare the models as the form says."""
        request = self._window.request
        if request is None:
            return
        self._window.show_message()
        self._window.show_busy("Reading the labels of the review...")
        self._given_up = given_up = Event()
        job = partial(_compare, self._session, request, partial(self._step, given_up))
        self._comparing.start(job, self._show, self._fail)

    def show_outdated(self) -> None:
        """Show that the comparison is older than the last verdict."""
        self._window.show_outdated()

    def give_up(self) -> None:
        """Ignore the results of all jobs, and end a comparison at its next step."""
        self._cancel()
        self._writing.give_up()

    def close(self) -> None:
        """Give up all jobs, and disconnect from the window."""
        self._connections.close()
        self.give_up()
        self._compared = None

    def _cancel(self) -> None:
        self._given_up.set()
        self._comparing.give_up()

    def _step(self, given_up: Event, text: str) -> None:
        """Show the next step of a comparison, or end a comparison that was given up.

        A thread calls this method.
        """
        if given_up.is_set():
            raise CancelledError
        self._main_thread.run(
            lambda: None if given_up.is_set() else self._window.show_busy(text)
        )

    def _show(self, compared: _Compared) -> None:
        self._compared = compared
        self._window.show_busy("")
        self._window.show_result(compared.texts)

    def _fail(self, error: Exception) -> None:
        self._compared = None
        self._window.show_busy("")
        self._window.show_result(None)
        if not isinstance(error, ReviewError):
            raise error
        self._window.show_message(error=_without_options(str(error)))

    # Files

    def ask_for_report(self) -> None:
        """Ask for the file of the report, and write the report."""
        suggested = self._session.output.with_name("compare.html")
        path = self._writer.ask("Write report", suggested, "Reports (*.html)")
        if path is None or self._compared is None:
            return
        if confirm_unblinding(self._session, self._window):
            job = partial(_write_report, self._compared.comparison, path)
            self._writer.write(job, path, self._show_report)

    def ask_for_table(self) -> None:
        """Ask for the file of the cutouts to review, and write the table."""
        from napari_artifact_review.core.tables.table_formats import SUFFIXES

        suffixes = f"Tables ({' '.join('*' + suffix for suffix in SUFFIXES)})"
        suggested = self._session.output.with_name("differ.csv")
        path = self._writer.ask("Write table to review", suggested, suffixes)
        if path is not None and self._compared is not None:
            job = partial(_write_table, self._compared, self._session.output, path)
            self._writer.write(job, path, self._show_table)

    def _show_report(self, written: Written) -> None:
        path = written.path
        is_open = QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
        hint = "" if is_open else " Open it in a browser."
        self._say_written(f"Report written to {path}.{hint}", written)

    def _show_table(self, written: Written) -> None:
        text = (
            f"Table written to {written.path}. To decide these cutouts, open it as a "
            "review of its own."
        )
        self._say_written(text, written)

    def _say_written(self, text: str, written: Written) -> None:
        self._window.show_message(f"{text} {written.backup_notice}".strip())


def _compare(
    session: ReviewSession, request: CompareRequest, step: Callable[[str], None]
) -> _Compared:
    """Compare the models by all verdicts so far; a thread calls this function."""
    # Import in this thread, because this imports scipy.
    from napari_artifact_review.core.training.comparing.comparison import compare
    from napari_artifact_review.core.training.comparing.differing_cutouts import (
        differing_cutouts,
    )

    own = session.predictions
    _check_other(request.other, own.path)
    is_complete = session.wait_until_recorded(ANSWER_TIMEOUT) and not session.refused
    folder = session.images.folder
    # Open a separate session, because the reviewer continues to use `session`.
    with session.open_read_only() as labels:
        step("Comparing the models...")
        old: ReviewSession | Path = labels
        new: ReviewSession | Path = request.other
        if not request.is_new:
            old, new = new, old
        comparison = compare(
            old,
            new,
            labels,
            test=request.test,
            images=folder if folder.is_dir() else None,
            mapping=own.mapping,
            cutout_size=session.cutout_size,
            brightness=False,
        )
    step("Comparing the models...")
    differing = differing_cutouts(comparison)
    return _Compared(
        comparison, differing, _texts(comparison, len(differing), is_complete)
    )


def _check_other(other: Path, own: Path) -> None:
    if other.exists() and other.samefile(own):
        raise TableError(
            "this is the table of the review itself",
            path=other,
            remedy="Choose the predictions of another model",
        )


def _texts(comparison: Comparison, to_review: int, is_complete: bool) -> CompareTexts:
    """Return the texts of a comparison."""
    from napari_artifact_review.core.training.comparing import comparison_texts as texts

    scores = comparison.headline
    old, new = (comparison.tables[title].path.name for title in ("old", "new"))
    rows = []
    for name, title in texts.METRIC_NAMES.items():
        parts = (scores.old[name], scores.new[name], scores.difference[name])
        before, after, difference = map(texts.estimate_text, parts)
        rows.append((title[0].upper() + title[1:], before, after, difference))
    details = [
        " ".join(texts.label_sentences(comparison)),
        " ".join(texts.prediction_sentences(comparison)),
        "" if is_complete else "Pending and refused verdicts are not included.",
        texts.group_sentence(comparison),
        " ".join((*texts.interval_reasons(scores), *scores.notes)),
        " ".join(comparison.notices),
    ]
    return CompareTexts(
        f"Old model: {old}. New model: {new}.",
        texts.headline(comparison),
        rows,
        f"{texts.change_sentence(scores)} {_undecided(comparison, to_review)}".strip(),
        _without_options("\n\n".join(filter(None, details))),
        to_review,
    )


def _undecided(comparison: Comparison, to_review: int) -> str:
    """Return how many of the cutouts on which the models differ have no verdict."""
    rows = comparison.rows
    differ = int((rows["old_preds"] != rows["new_preds"]).sum())
    if not differ:
        return ""
    cutouts = "1 cutout" if differ == 1 else f"{differ:,} cutouts"
    return f"The models differ on {cutouts}, {to_review:,} of them without a verdict."


def _without_options(text: str) -> str:
    """Return a text without the options of the command line that it names."""
    return re.sub(r" \(--[a-z][^)]*\)", "", text)


def _write_report(comparison: Comparison, path: Path) -> Written:
    # Import in this thread, because this imports matplotlib.
    from napari_artifact_review.report.compare_page import write_comparison

    return write_comparison(comparison, path, datetime.now(UTC).date())


def _write_table(compared: _Compared, output: Path, path: Path) -> Written:
    from napari_artifact_review.core.training.comparing.differing_cutouts import (
        write_differing,
    )

    if path.absolute() == output or (path.exists() and _is_same(path, output)):
        raise SaveError(
            "this is the output of the review",
            path=path,
            remedy="Name another file to write",
        )
    return write_differing(compared.differing, compared.comparison, path)


def _is_same(path: Path, other: Path) -> bool:
    return other.exists() and path.samefile(other)
