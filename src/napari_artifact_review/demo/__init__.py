"""Small demo survey: simulated images, and the errors of a real classifier."""

from __future__ import annotations

from .make import DemoSurvey, default_folder, make_demo, make_demo_in_cache

__all__ = ["DemoSurvey", "default_folder", "make_demo", "make_demo_in_cache"]
