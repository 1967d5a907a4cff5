"""The panels and windows of a dock, which successive reviews share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from napari_artifact_review.widgets.parts.background import MainThread
from napari_artifact_review.widgets.parts.focus import main_window_of
from napari_artifact_review.widgets.parts.tool_window import KeptFree, ToolWindow
from napari_artifact_review.widgets.windows.plots import Plots

if TYPE_CHECKING:
    import napari

    from napari_artifact_review.widgets.panels.review_panel import ReviewPanel
    from napari_artifact_review.widgets.windows.columns import ColumnsWindow
    from napari_artifact_review.widgets.windows.compare import CompareWindow
    from napari_artifact_review.widgets.windows.examples import ExamplesPanel
    from napari_artifact_review.widgets.windows.help import HelpPanel
    from napari_artifact_review.widgets.windows.stretches import StretchesPanel
    from napari_artifact_review.widgets.windows.team import TeamWindow


class Workspace:
    """The panels and windows of a dock, each of which is created when first used.

    Successive reviews use the same panels and windows.

    Parameters
    ----------
    dock : QWidget
        The dock that the panels belong to.
    viewer : napari.Viewer
        The viewer that the dock belongs to.
    kept_free : callable
        Returns the rectangles that a window should not cover; see `KeptFree`.

    Attributes
    ----------
    dock : QWidget
        The dock.
    viewer : napari.Viewer
        The viewer.
    plots : Plots
        The plots of the results.
    """

    def __init__(
        self, dock: QWidget, viewer: napari.viewer.Viewer, kept_free: KeptFree
    ) -> None:
        self.dock, self.viewer = dock, viewer
        self.plots = Plots(viewer)
        self._kept_free = kept_free
        self._main_thread = MainThread(dock)

    @cached_property
    def panel(self) -> ReviewPanel:
        """The column with all panels of a review, about three hundred widgets."""
        from napari_artifact_review.widgets.panels.review_panel import ReviewPanel

        panel = ReviewPanel()
        panel.hide()
        panel.results.plots_requested.connect(self.plots.toggle)
        # Delete the panel with the dock, because it has no parent before the first
        # review.
        self.dock.destroyed.connect(panel.native.deleteLater)
        return panel

    @cached_property
    def help(self) -> HelpPanel:
        """The window with keys and colours."""
        from napari_artifact_review.widgets.windows.help import HelpPanel

        return HelpPanel(self.dock, self._kept_free)

    @cached_property
    def examples(self) -> ExamplesPanel:
        """The window with examples of each kind."""
        from napari_artifact_review.widgets.windows.examples import ExamplesPanel

        return ExamplesPanel(self.dock, self._kept_free)

    @cached_property
    def stretches(self) -> StretchesPanel:
        """The window with the current cutout at several stretches."""
        from napari_artifact_review.widgets.windows.stretches import StretchesPanel

        return StretchesPanel(self.dock, self._kept_free)

    @cached_property
    def columns(self) -> ColumnsWindow:
        """The window in which the user says what the columns of a table mean."""
        from napari_artifact_review.widgets.windows.columns import ColumnsWindow

        return ColumnsWindow(self.dock, self._kept_free)

    @cached_property
    def compare(self) -> CompareWindow:
        """The window that compares the model of the review with another one."""
        from napari_artifact_review.widgets.windows.compare import CompareWindow

        return CompareWindow(self.dock, self._kept_free)

    @cached_property
    def team(self) -> TeamWindow:
        """The window of the team of a review."""
        from napari_artifact_review.widgets.windows.team import TeamWindow

        return TeamWindow(self.dock, self._kept_free)

    def make_all(self) -> None:
        """Create every panel and window now."""
        _ = self.panel, self.windows

    @property
    def windows(self) -> tuple[ToolWindow, ...]:
        """The tool windows."""
        pictures = self.examples, self.stretches
        return self.help, *pictures, self.columns, self.compare, self.team

    def hide_windows(self) -> None:
        """Hide the windows, and clear the examples."""
        self.examples.show_session(None)
        for window in self.windows:
            window.hide()

    def run_if_open(self, function: Callable[[], object]) -> None:
        """Run a function in the main thread, unless the window has closed by then."""
        self._main_thread.run(lambda: function() if self._is_in_window() else None)

    def run_later(self, seconds: float, function: Callable[[], object]) -> None:
        """Run a function after a delay in seconds, unless the window has closed."""
        QTimer.singleShot(round(1000 * seconds), partial(self.run_if_open, function))

    def _is_in_window(self) -> bool:
        window = main_window_of(self.dock)
        return window is not None and window.isVisible()
