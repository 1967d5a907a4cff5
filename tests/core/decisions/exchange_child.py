"""A process that exchanges entries: exchange_child URL LOG_ID COUNT HOW_IT_ENDS.

It says "offered" once everything is offered. Then it ends as it is told to: "now", with
the exchange under way; "sent", when all is sent; "problem", when the server is in
trouble; or "never".
"""

from __future__ import annotations

import sys
import threading

from napari_artifact_review.core.decisions.exchange import Exchange, find_meeting_place
from napari_artifact_review.core.decisions.meeting_place import RawEntry, ReviewIdentity


def main(url: str, log_id: str, count: int, end: str) -> None:
    review = ReviewIdentity("a" * 32, "fingerprint", "predictions.csv")
    exchange = Exchange(find_meeting_place(url), review, [], lambda _: None)
    is_in_trouble = threading.Event()

    def note() -> None:
        if exchange.problem is not None:
            is_in_trouble.set()

    exchange.changed.connect(note)
    exchange.start()
    for number in range(1, count + 1):
        exchange.offer([RawEntry(log_id, number, f'{{"n": {number}}}')])
    print("offered", flush=True)
    if end == "sent":
        assert exchange.wait_until_sent(60)
    elif end == "problem":
        assert is_in_trouble.wait(60)
    elif end == "never":
        threading.Event().wait()
    exchange.close()
    print("closed", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
