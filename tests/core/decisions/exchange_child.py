"""A process that exchanges entries: exchange_child PLACE LOG_ID COUNT HOW_IT_ENDS.

It prints "offered" once all entries are offered. HOW_IT_ENDS is "now", with the
exchange under way; "sent", when all entries are sent; "problem", when the server has a
problem; or "never".
"""

from __future__ import annotations

import sys
import threading

from napari_artifact_review.core.decisions.exchange import Exchange, find_meeting_place
from napari_artifact_review.core.decisions.meeting_place import RawEntry, ReviewIdentity


def main(place: str, log_id: str, count: int, end: str) -> None:
    review = ReviewIdentity("a" * 32, "fingerprint", "predictions.csv", "9" * 32)
    exchange = Exchange(find_meeting_place(place), review, [], lambda _: None)
    is_sent, is_in_trouble = threading.Event(), threading.Event()

    def note() -> None:
        if exchange.problem is not None:
            is_in_trouble.set()
        if offered == count and exchange.unsent == 0:
            is_sent.set()

    offered = 0
    exchange.changed.connect(note)
    exchange.start()
    for number in range(1, count + 1):
        offered = number
        exchange.offer([RawEntry(log_id, number, f'{{"n": {number}}}')])
    print("offered", flush=True)
    if end == "sent":
        assert is_sent.wait(60)
    elif end == "problem":
        assert is_in_trouble.wait(60)
    elif end == "never":
        threading.Event().wait()
    exchange.close()
    print("closed", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
