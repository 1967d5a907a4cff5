"""A child process for long computations, so that the window stays responsive.

`multiprocessing` would run the user's script again in the child process, unless the
script guards its main part. A separate program does not.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar, cast

from napari_artifact_review.core.errors import ReviewError

P = ParamSpec("P")
R = TypeVar("R")

#: Variables by which numerical libraries learn their number of threads.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

#: Added to the niceness of the process, so that the window comes first.
_NICENESS = 10


class ProcessEndedError(ReviewError):
    """The child process ended during a computation, or could not be started."""


class ChildProcess:
    """A process that runs one function after the other.

    The process starts with the first call of `run`, and ends with `close` or with its
    parent. `run` may be called from any thread.

    Parameters
    ----------
    purpose : str, optional
        What the process computes, for messages.
    """

    def __init__(self, purpose: str = "the learned order") -> None:
        self._purpose = purpose
        # One thread at a time may use the streams of the process.
        self._running = threading.Lock()
        # Guards the two attributes below, which `close` needs during a computation.
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function in the process, and return its result.

        Parameters
        ----------
        function : callable
            Function at the top level of an installed module.
        *args, **kwargs
            Arguments that can be pickled.

        Raises
        ------
        ProcessEndedError
            If the process ends before it answers, for example because the system ran
            out of memory or `close` was called.
        Exception
            The error that the function raised.
        """
        with self._running:
            process = self._started()
            try:
                assert process.stdin is not None
                assert process.stdout is not None
                pickle.dump((function, args, kwargs), process.stdin)
                process.stdin.flush()
                is_result, answer = pickle.load(process.stdout)
            except (OSError, EOFError, pickle.UnpicklingError) as error:
                self._end(process)
                raise ProcessEndedError(
                    f"the process that computes {self._purpose} ended",
                    remedy="Free some memory, and open the review again",
                ) from error
        if not is_result:
            raise cast(Exception, answer)
        return cast(R, answer)

    def close(self) -> None:
        """End the process at once; a running computation raises an error."""
        with self._lock:
            self._is_closed = True
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            # The end of the process ends a running computation.
            with self._running:
                self._end(process)

    def _started(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_closed:
                raise ProcessEndedError("the review is closed")
            if self._process is None or self._process.poll() is not None:
                self._process = _start(self._purpose)
            return self._process

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    # The rest of a job cannot be written to a process that has ended.
                    continue


def _start(purpose: str) -> subprocess.Popen[bytes]:
    # The child finds this package where this process has found it.
    root = str(Path(__file__).parents[3])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = dict.fromkeys(_THREADS, "1") | os.environ
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
    except OSError as error:
        raise ProcessEndedError(
            f"no process can be started for {purpose} ({error})"
        ) from error


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Run the jobs of a parent process until it closes the stream."""
    with ThreadPoolExecutor(1) as executor:
        while True:
            try:
                function, args, kwargs = pickle.load(jobs)
            except EOFError:
                return
            job = executor.submit(function, *args, **kwargs)
            # The parent raises the error of a job.
            error = job.exception()
            answer = (True, job.result()) if error is None else (False, error)
            pickle.dump(answer, answers)
            answers.flush()


def _main() -> None:
    import signal

    # An interrupt from the keyboard is for the parent, which closes the stream.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    # What a library prints must not become part of an answer.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    _main()
