"""A small survey of simulated images, with a real classifier's errors."""

from __future__ import annotations

from .make import DemoSurvey, default_folder, make_demo

__all__ = ["DemoSurvey", "default_folder", "make_demo"]
