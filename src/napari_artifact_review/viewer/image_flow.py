"""Requests for images: delivery, smoothing and reading in advance."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

from psygnal import Signal

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.drawing import ReviewDrawing
from napari_artifact_review.viewer.image.loader import ImageLoader
from napari_artifact_review.viewer.image.watch import ImageWatch
from napari_artifact_review.viewer.view_state import Delays, Phase, ViewState

#: Message after the current image is shown, if a verdict was refused before.
REFUSED_WHILE_READ = (
    "The image is shown now. No verdict was given while it was read; press the key "
    "again to give one."
)


class ImageFlow:
    """A handler of requests for images, which delivers only the image requested last.

    Parameters
    ----------
    session : ReviewSession
        The review.
    drawing : ReviewDrawing
        Draws the image.
    delays : Delays
        The viewer's delays.
    run_in_main : callable
        Schedules a function in the main thread; callable from any thread.
    run_later : callable
        Schedules a function after a delay in seconds; called in the main thread.
    show : callable
        Called with the image to draw.
    fail : callable
        Called with the error of an image that cannot be read.

    Attributes
    ----------
    state : ViewState
        The state of the view.
    loader : ImageLoader
        Reads the images.
    watch : ImageWatch
        Identifies the image on the screen, and detects changes of its file.
    name : str
        The name of the image that was requested last.
    hdus : dict of str to int or str
        The HDU that the reviewer chose for each image, by image name.
    view_changed : Signal
        Emitted when `state.name`, `state.waits_for_image` or the current cutout has
        changed.
    said : Signal
        Emitted with a message for the reviewer.
    """

    view_changed = Signal()
    said = Signal(str)

    def __init__(
        self,
        session: ReviewSession,
        drawing: ReviewDrawing,
        delays: Delays,
        run_in_main: Callable[[Callable[[], object]], None],
        run_later: Callable[[float, Callable[[], object]], None],
        show: Callable[[LoadedImage], object],
        fail: Callable[[ImageError], object],
    ) -> None:
        self._session = session
        self._drawing = drawing
        self._delays = delays
        self._run_in_main = run_in_main
        self._run_later = run_later
        self._show = show
        self._fail = fail
        self._request = 0
        self.state = ViewState()
        self.loader = ImageLoader(
            session.images, run_in_main, session.judged_images.note
        )
        self.watch = ImageWatch(session, delays, run_in_main)
        self.name = ""
        self.hdus = session.images.hdus

    # One image

    def request(self, name: str) -> None:
        """Request an image, which is shown after it has been read.

        An image in memory is shown immediately.
        """
        self.cancel()
        self.name = name
        future = self._load(name)
        if future.done():
            self._receive(future)
            return
        self._on_read(future, partial(self._receive, future))
        phase = self.state.phase
        is_silent = phase is not Phase.LOADING_ANNOUNCED
        self.state.enter(Phase.LOADING_SILENTLY if is_silent else phase)
        self._drawing.forget()
        if not is_silent:
            self.view_changed.emit()
        elif phase is not Phase.LOADING_SILENTLY:
            announce = partial(self._announce, self.state.arrivals)
            self._run_later(self._delays.loading_notice, announce)

    def _announce(self, arrivals: int) -> None:
        """Announce that an image is being read, unless one has arrived meanwhile."""
        is_silent = self.state.phase is Phase.LOADING_SILENTLY
        if is_silent and arrivals == self.state.arrivals:
            self.state.announce()
            self._drawing.layers.hide()
            self.view_changed.emit()

    def _receive(self, future: Future[LoadedImage]) -> None:
        error = future.exception()
        if error is None:
            self._show_image(future.result())
        elif isinstance(error, ImageError):
            self._fail(error)
            if self.watch.changed_file != self.name:
                # A changed file can be read again later, when it is complete.
                self.watch.forget()
        else:
            raise error
        # Run these after the image's first frame, so that they do not delay the frame.
        self.run_later(0, self._drawing.prefetch_next)
        self.run_later(0, self.read_ahead)
        self.run_later(self._delays.first_frame, self._drawing.emit_postponed_events)

    def _show_image(self, loaded: LoadedImage) -> None:
        """Show an image, note which version is judged, and watch its file."""
        name, full = self.name, loaded.full
        self._session.judged_images.note(name, full)
        self.watch.forget(unless=full)
        has_refused = self.state.waits_for_image
        self._show(loaded)
        if has_refused:
            self.said.emit(REFUSED_WHILE_READ)
        self.smooth()
        # Start the watch after the first frame, so that it does not delay the frame.
        self.run_later(self._delays.first_frame, lambda: self.watch.show(name, full))

    def smooth(self) -> None:
        """Smooth the image on the screen in a thread, if the sigma has changed."""
        loaded, sigma = self._drawing.loaded, self._drawing.image.display.sigma
        self.loader.smooth(sigma)
        if loaded is not None and loaded.sigma != sigma:
            future = self._load(self.name)
            self._on_read(future, partial(self._receive_smoothed, future))

    def _receive_smoothed(self, future: Future[LoadedImage]) -> None:
        """Show the smoothed image, or restore the previous sigma after an error."""
        loaded, image = self._drawing.loaded, self._drawing.image
        if loaded is None or future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._drawing.show_smoothed(future.result())
            self.run_later(0, self.read_ahead)
            # The user may have chosen another smoothing meanwhile.
            self.smooth()
        elif isinstance(error, ImageError):
            self.said.emit(str(error))
            image.set_display(replace(image.display, sigma=loaded.sigma))
            self.smooth()
            image.display_changed.emit(image.display)
        else:
            raise error

    def read_again(self) -> None:
        """Read the file of the current image again."""
        self.loader.read_again(self.name, self._hdu_of(self.name))
        self.request(self.name)

    def _hdu_of(self, name: str) -> int | str | None:
        return self._session.images.hdu_of(name)

    def choose_hdu(self, index: int) -> None:
        """Show another HDU of the current image's file."""
        self.hdus[self.name] = index
        self.request_again()

    def request_again(self) -> None:
        """Request the current image after another HDU was chosen."""
        self.request(self.name)

    # Tiles

    def draw_tiles_as_they_come(self, loaded: LoadedImage) -> None:
        """Draw the tiles of a tiled image whenever more of them have been read."""
        if loaded.full.tiles is not None:
            loaded.full.tiles.changed.connect(self._on_tiles_read, unique=True)

    def _on_tiles_read(self) -> None:
        """Schedule the drawing of new tiles; called in the thread that reads them."""
        self._run_in_main(self._draw_tiles)

    def _draw_tiles(self) -> None:
        full = self._drawing.full
        if full is None or full.tiles is None:
            return
        if full.tiles.problem is not None:
            self._fail(full.tiles.problem)
            self._drawing.emit_postponed_events()
        else:
            self._drawing.image.refresh()

    def hold_verdict(self) -> None:
        """Set `waits_for_image` until the visible tiles of the cutout have been read.

        Also announce at once that the image is being read, to explain the refused
        verdict.
        """
        self.state.waits_for_image = True
        self._announce(self.state.arrivals)
        self._run_later(self._delays.tile_check, self._check_tiles)

    def _check_tiles(self) -> None:
        if self.state.phase is not Phase.SHOWN or not self.state.waits_for_image:
            return
        if self._drawing.is_in_full_detail:
            self.state.waits_for_image = False
            self.view_changed.emit()
            self.said.emit(REFUSED_WHILE_READ)
        else:
            self._run_later(self._delays.tile_check, self._check_tiles)

    # Other images

    def at_hand(self, name: str) -> LoadedImage | None:
        """Return an untiled image that is in memory, or None."""
        return self.loader.at_hand(name, self._hdu_of(name))

    def read_ahead(self) -> None:
        """Read the next two images and the previous image of the queue in advance."""
        queue, name = self._session.review_queue, self.name
        row = self._session.current_cutout.row
        names = [queue.image_after(row, name)]
        if names[0] is not None:
            names.append(queue.image_after(row, name, names[0]))
        before = queue.image_before(row, name)
        names += [before] if before not in names else []
        self.loader.read_ahead(
            [(name, self._hdu_of(name)) for name in names if name is not None]
        )

    def read_covered(self, name: str) -> None:
        """Read only this image while the canvas is covered."""
        future = self._load(name)
        self.loader.read_ahead([])
        self._on_read(future, self.view_changed.emit)

    def close(self) -> None:
        """Stop watching and reading images."""
        self.watch.close()
        self.loader.close()

    # The latest request

    def cancel(self) -> None:
        """Cancel the current request and the functions scheduled by `run_later`."""
        self._request += 1

    def run_later(self, seconds: float, function: Callable[[], object]) -> None:
        """Run a function after `seconds`, unless the request is cancelled first."""
        self._run_later(seconds, partial(self._run, self._request, function))

    def _on_read(
        self, future: Future[LoadedImage], function: Callable[[], object]
    ) -> None:
        """Run a function after a read, unless the request is cancelled first."""
        run = partial(self._run, self._request, function)
        future.add_done_callback(lambda _: self._run_in_main(run))

    def _run(self, request: int, function: Callable[[], object]) -> None:
        if request == self._request:
            function()

    def _load(self, name: str) -> Future[LoadedImage]:
        return self.loader.load(name, self._hdu_of(name))
