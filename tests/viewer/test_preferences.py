"""The user's defaults for reviews in napari's preferences."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace

import pytest
from napari import settings
from npe2 import PluginManifest

from napari_artifact_review.viewer.preferences import CATEGORY, PLUGIN, Preferences


def test_napari_s_preferences_offer_each_default():
    manifest = PluginManifest.from_distribution(PLUGIN)
    offered = manifest.contributions.configurations[CATEGORY].properties
    assert {name: x.default for name, x in offered.items()} == asdict(Preferences())


@pytest.mark.parametrize("plugins", [{}, {PLUGIN: SimpleNamespace()}])
def test_without_napari_s_settings_the_defaults_are_in_force(monkeypatch, plugins):
    monkeypatch.setattr(settings, "get_plugin_settings", lambda: plugins)
    assert Preferences.in_force() == Preferences()


def test_a_changed_preference_is_in_force(monkeypatch):
    changed = SimpleNamespace(review=SimpleNamespace(advance_to="next in queue"))
    monkeypatch.setattr(settings, "get_plugin_settings", lambda: {PLUGIN: changed})
    assert Preferences.in_force().advance_to == "next in queue"
