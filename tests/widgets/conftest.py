from __future__ import annotations

import gc
from collections.abc import Callable
from functools import cache, partialmethod
from pathlib import Path
from typing import Any

import napari
import pytest
from npe2 import PluginManifest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QSettings
from qtpy.QtWidgets import QApplication

from napari_artifact_review import open_review
from napari_artifact_review.widgets import ReviewWidget

_discover = PluginManifest.discover


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep folders, recent reviews and keys of a test apart from the user's."""
    # For the processes that a test starts.
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    for form in (QSettings.Format.NativeFormat, QSettings.Format.IniFormat):
        QSettings.setPath(form, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    monkeypatch.setattr(napari.settings, "_CFG_PATH", str(tmp_path / "napari.yaml"))
    monkeypatch.setattr(napari.settings, "_PLUGIN_SETTINGS", {})


@pytest.fixture(autouse=True)
def _own_garbage_only() -> None:
    """Have Python look for garbage only among what a test makes.

    napari collects garbage at each layer that goes, and keeps much of each window.
    """
    # What the test before left behind, sessions and their threads, goes first.
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _plugins_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have not each window read the manifests of all plugins anew."""
    monkeypatch.setattr(PluginManifest, "discover", lambda **_: _plugins())


@cache
def _plugins() -> list[Any]:
    return list(_discover())


@pytest.fixture(autouse=True)
def _slow_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer than the five seconds of pytest-qt for what does come."""
    waiting = partialmethod(QtBot.waitUntil, timeout=30_000)
    monkeypatch.setattr(QtBot, "waitUntil", waiting)


@pytest.fixture
def viewer(make_napari_viewer_proxy) -> napari.Viewer:
    """Show a real window."""
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1400, 900)
    return viewer


@pytest.fixture
def dock(viewer, survey: Path, qtbot) -> ReviewWidget:
    """Dock the widget through the manifest and open the small survey in it.

    A verdict stays at its cutout; see `instrument` for one that goes on.
    """
    widget = open_review(viewer, survey)
    widget.auto_advance.value = False
    # A virtual display has no window manager that would give a window the focus.
    widget.window().activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is not None)
    return widget


@pytest.fixture
def instrument(dock: ReviewWidget) -> ReviewWidget:
    """Have a verdict go on to the next cutout, as it does for a reviewer."""
    dock.auto_advance.value = True
    return dock


@pytest.fixture
def settle(qtbot) -> Callable[[ReviewWidget], None]:
    """Wait until the image of the current cutout is on the screen, or known bad."""

    def wait(widget: ReviewWidget) -> None:
        qtbot.waitUntil(lambda: widget.controller.view != "loading", timeout=20_000)

    return wait


@pytest.fixture
def press(qtbot) -> Callable[..., None]:
    """Press keys where napari's window gets them when no field has the focus.

    By default each is recorded before the next one, however busy the machine is.
    """

    def press_keys(widget: ReviewWidget, *keys: str, wait: bool = True) -> None:
        for key in keys:
            qtbot.keyClick(widget.window(), key)
            if wait:
                qtbot.waitUntil(lambda: widget.pending == 0)

    return press_keys
