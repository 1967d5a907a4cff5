"""A small survey: generated images, and a real classifier's errors on them."""

from __future__ import annotations

from .make import DemoSurvey, default_folder, make_demo

__all__ = ["DemoSurvey", "default_folder", "make_demo"]
