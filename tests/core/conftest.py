"""Inputs that the tests of the core share."""

from tests.slow_disk import slow_disk

__all__ = ["slow_disk"]
