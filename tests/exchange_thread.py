"""The thread of an exchange, which has no public name."""

from __future__ import annotations

import threading

from napari_artifact_review.core.decisions.exchange import Exchange


def start(exchange: Exchange) -> threading.Thread:
    """Start an exchange, and return the thread that it starts."""
    before = threading.enumerate()
    exchange.start()
    [thread] = [
        thread
        for thread in threading.enumerate()
        if thread.name == "artifact-review-exchange" and thread not in before
    ]
    return thread


def has_ended(thread: threading.Thread, timeout: float = 60) -> bool:
    """Wait for a thread at most `timeout` seconds; return whether it has ended."""
    thread.join(timeout)
    return not thread.is_alive()
