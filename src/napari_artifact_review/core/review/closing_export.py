"""Export of the reviewed table while a review closes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from napari_artifact_review.core.errors import SaveError
from napari_artifact_review.core.review.output import Saved
from napari_artifact_review.core.review.table_saver import TableSaver
from napari_artifact_review.core.texts import on_one_line

#: Longest wait for the export of the table, in seconds.
EXPORT_TIMEOUT = 60.0

_logger = logging.getLogger(__name__)


class ClosingExport:
    """Export of the reviewed table as the last job of a closing review.

    The table is not written if a file already contains every decision.


    Parameters
    ----------
    saver : TableSaver
        Saver of the review.
    failed : callable
        Called with the error if the table or its copy cannot be written.
    spreadsheet : bool
        Whether to also write a copy for spreadsheet programs.
    timeout : float, optional
        Seconds after which the review closes without the table; by default
        `EXPORT_TIMEOUT`.
    """

    def __init__(
        self,
        saver: TableSaver,
        failed: Callable[[Exception], object],
        spreadsheet: bool = False,
        timeout: float | None = None,
    ) -> None:
        self._saver = saver
        self._failed = failed
        self._spreadsheet = spreadsheet
        self._timeout = EXPORT_TIMEOUT if timeout is None else timeout

    def run(self) -> Mapping[str, Any]:
        """Write the table if necessary; return the changes of the stored position."""
        saver = self._saver
        try:
            job = saver.prepare_export(spreadsheet=self._spreadsheet)
            if job is None:
                return {}
            saved = _run_bounded(job, self._timeout)
        except TimeoutError:
            self._failed(
                SaveError(
                    f"the disk has not answered for {self._timeout:.0f} s",
                    remedy="Every recorded verdict is in the log; open the review "
                    "again to save",
                )
            )
            return {}
        # Catch any error, because the review must close; `failed` reports it.
        except Exception as error:  # noqa: BLE001
            self._failed(error)
            return {}
        if saved.spreadsheet_error is not None:
            self._failed(saved.spreadsheet_error)
        saver.set_dated_copy(saved)
        return {"dated_copy": saver.dated_copy}


def _run_bounded(job: Callable[[], Saved], timeout: float) -> Saved:
    """Run a job in a daemon thread; raise a TimeoutError after `timeout` seconds."""
    future: Future[Saved] = Future()

    def run() -> None:
        try:
            future.set_result(job())
        # The future raises the error in the waiting thread.
        except BaseException as error:  # noqa: BLE001
            future.set_exception(error)

    thread = threading.Thread(target=run, name="artifact-review-export", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        # Python is shutting down and cannot start threads.
        run()
    return future.result(timeout)


def log_not_saved(error: Exception) -> None:
    """Log that the reviewed table was not written when its review closed."""
    _logger.error("Not saved when the review closed: %s", on_one_line(str(error)))
