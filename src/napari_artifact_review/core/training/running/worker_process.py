"""The start of a local worker process, before numpy is imported."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading

#: Variables by which numerical libraries learn their number of threads.
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def begin_worker(threads: int) -> None:
    """Prepare a worker process.

    The numerical libraries share the cores with the other workers, unless the user's
    environment says otherwise. An interrupt from the keyboard is left to the parent
    process. The worker ends when its parent process ends, however that happens.

    Parameters
    ----------
    threads : int
        Number of threads for the numerical libraries.
    """
    for name in _THREADS:
        os.environ.setdefault(name, str(threads))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
