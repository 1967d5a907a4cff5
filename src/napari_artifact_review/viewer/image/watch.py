"""A thread that identifies the image on the screen and watches its file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from psygnal import Signal

from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.images.identity import ImageFile
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.view_state import Delays


@dataclass(frozen=True, eq=False)
class _Shown:
    """An image on the screen, and the entries of the log when it was shown."""

    name: str
    full: FullImage
    entries: tuple[Entry, ...]


class ImageWatch:
    """A watch that identifies the image on the screen and detects changes of its file.

    A thread computes the image's identity. It also checks the file every few seconds
    and after each verdict. All methods run in the main thread, which never waits.

    Parameters
    ----------
    session : ReviewSession
        The review.
    delays : Delays
        The viewer's delays.
    run_in_main : callable
        Schedules a function in the main thread; callable from any thread.

    Attributes
    ----------
    changed : Signal
        Emitted when `notes` or `changed_file` has changed.
    notes : tuple of str
        Messages for the reviewer about the image on the screen.
    changed_file : str
        Name of the image if its file has changed since it was read; otherwise empty.
    """

    changed = Signal()

    def __init__(
        self,
        session: ReviewSession,
        delays: Delays,
        run_in_main: Callable[[Callable[[], object]], None],
    ) -> None:
        self._session = session
        self._delays = delays
        self._run_in_main = run_in_main
        self.notes: tuple[str, ...] = ()
        self.changed_file = ""
        self._thread: threading.Thread | None = None
        # Guards the attributes below.
        self._wake = threading.Condition()
        self._shown: _Shown | None = None
        self._is_due = False
        self._is_closed = False

    def show(self, name: str, full: FullImage) -> None:
        """Watch the image that is on the screen now, instead of the previous image."""
        if self._shown is None or self._shown.full is not full:
            self.forget()
            with self._wake:
                self._shown = _Shown(name, full, self._session.log)
        self.check()
        if self._thread is None:
            self._session.pending_changed.connect(self.check)
            # Use a daemon thread, because an unresponsive file server must not delay
            # the exit.
            self._thread = threading.Thread(
                target=self._work, name="artifact-review-watch", daemon=True
            )
            self._thread.start()

    def forget(self, unless: FullImage | None = None) -> None:
        """Stop watching the image on the screen, unless it is the image `unless`."""
        if self._shown is None or self._shown.full is unless:
            return
        with self._wake:
            self._shown = None
        self._tell(None, (), "")

    def check(self) -> None:
        """Schedule a check of the file of the image on the screen."""
        with self._wake:
            self._is_due = True
            self._wake.notify_all()

    def close(self) -> None:
        """Stop watching."""
        if self._thread is not None:
            self._session.pending_changed.disconnect(self.check)
        with self._wake:
            self._is_closed = True
            self._wake.notify_all()

    # In the thread

    def _work(self) -> None:
        identified: _Shown | None = None
        while not self._is_closed:
            shown = self._next()
            if shown is None:
                continue
            if self._is_changed(shown.full):
                self._run_in_main(partial(self._tell, shown, None, shown.name))
            if shown is not identified:
                identified = shown
                self._identify(shown)

    def _next(self) -> _Shown | None:
        """Wait for the next check; return the image on the screen, or None."""
        with self._wake:
            self._wake.wait_for(
                lambda: self._is_closed or self._is_due, self._delays.file_check
            )
            self._is_due = False
            return None if self._is_closed else self._shown

    def _identify(self, shown: _Shown) -> None:
        images = self._session.judged_images
        if images.is_new_version(shown.name, shown.full, shown.entries):
            note = (
                f"{shown.name} is a new version: its earlier verdicts refer to other "
                "pixels and are kept"
            )
            self._run_in_main(partial(self._tell, shown, (note,), None))

    @staticmethod
    def _is_changed(full: FullImage) -> bool:
        """Return whether the file of an image has changed since it was read.

        A missing file does not count as changed, because the pixels on the screen are
        still those of the file.
        """
        if full.file is None:
            return False
        try:
            return ImageFile.at(full.file.path) != full.file
        except OSError:
            return False

    # Results in the main thread

    def _tell(
        self,
        shown: _Shown | None,
        notes: tuple[str, ...] | None,
        changed_file: str | None,
    ) -> None:
        """Update `notes` and `changed_file`; None leaves a value unchanged.

        Do nothing if `shown` is no longer on the screen.
        """
        if shown is not self._shown or self._is_closed:
            return
        before = self.notes, self.changed_file
        self.notes = self.notes if notes is None else notes
        self.changed_file = self.changed_file if changed_file is None else changed_file
        if (self.notes, self.changed_file) != before:
            self.changed.emit()
