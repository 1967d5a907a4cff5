from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import cache, partialmethod
from pathlib import Path
from typing import Any

import napari
import pytest
from napari._qt.qt_viewer import QtViewer
from napari._qt.threads.status_checker import StatusChecker
from napari.settings import get_settings
from napari.utils._proxies import PublicOnlyProxy
from npe2 import PluginManifest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QSettings
from qtpy.QtWidgets import QApplication

from napari_artifact_review import open_review
from napari_artifact_review.widgets import ReviewWidget
from tests.widgets.windows import WINDOWS, Windows

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


@pytest.fixture(scope="session")
def _process_windows() -> Iterator[Windows]:
    """Keep a window for the tests of this process, and close it after the last one."""
    with pytest.MonkeyPatch.context() as patch:
        # As in `make_napari_viewer`: no thread that follows the mouse, and no IPython.
        patch.setattr(StatusChecker, "start", lambda *_: None)
        patch.setattr(QtViewer, "_get_console", lambda *_: None)
        WINDOWS.begin()
        yield WINDOWS
        WINDOWS.close()
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _own_garbage_only(_process_windows: Windows) -> None:
    """Have Python look for garbage only among what a test makes.

    napari collects garbage at each layer that goes, and keeps much of each window.
    """
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Check after a test, and all its fixtures, that it left nothing behind."""
    result = yield
    if _has_passed(item):
        item.funcargs.clear()
        WINDOWS.check()
    else:
        # A traceback may hold anything.
        gc.collect()
    return result


def _has_passed(item: pytest.Item) -> bool:
    # napari's plugin for pytest notes the outcome; without a call there is none.
    return hasattr(item, "rep_call") and item.rep_call.passed


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
def windows(
    _process_windows: Windows, qtbot, request, monkeypatch
) -> Iterator[Windows]:
    """Let a test use windows, and clean up after it."""
    # As in `make_napari_viewer_proxy`: plugins touch a viewer in the main thread only.
    monkeypatch.setenv("NAPARI_ENSURE_PLUGIN_MAIN_THREAD", "True")
    get_settings().reset()
    yield _process_windows
    _process_windows.end_test(has_failed=not _has_passed(request.node))


@pytest.fixture
def viewer(windows: Windows) -> napari.Viewer:
    """Show a real window, as good as new: it may have been that of the test before."""
    return PublicOnlyProxy(windows.viewer())


@pytest.fixture
def make_viewer(windows: Windows) -> Callable[[], napari.Viewer]:
    """Make windows that no other test has had, and none will have."""
    return lambda: PublicOnlyProxy(windows.make())


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
