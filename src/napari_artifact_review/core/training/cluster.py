"""Connection to the workers of a Dask cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from napari_artifact_review.core.errors import ReviewError

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")
R = TypeVar("R")

#: Seconds to wait for the scheduler, and for its first worker.
TIMEOUT = 20


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """Connect to a scheduler that has workers, and disconnect at the end.

    Parameters
    ----------
    address : str
        Address of the scheduler, such as "tcp://host:8786".

    Yields
    ------
    distributed.Client
        The connection.

    Raises
    ------
    ReviewError
        If the extra `cluster` is not installed, or the scheduler does not answer or has
        no workers.
    """
    try:
        import distributed
    except ImportError as error:
        raise ReviewError(
            "a scheduler needs the package distributed",
            remedy='pip install "napari-artifact-review[cluster]" installs it',
        ) from error
    _check_scheduler(address)
    with distributed.Client(address, timeout=TIMEOUT, set_as_default=False) as client:
        try:
            client.wait_for_workers(1, timeout=TIMEOUT)
        except TimeoutError as error:
            raise ReviewError(
                f"the scheduler at {address} has no workers",
                remedy="Start workers, and run the same command again",
            ) from error
        yield client


def _check_scheduler(address: str) -> None:
    """Check that a scheduler answers.

    A client that cannot connect prints tracebacks when Python ends, so this needs none.
    """
    from distributed import Security
    from distributed.comm.core import connect
    from distributed.utils import LoopRunner

    async def connect_once() -> None:
        options = Security().get_connection_args("client")
        # The timeout of connect leaves out the answer of another kind of server.
        async with asyncio.timeout(2 * TIMEOUT):
            comm = await connect(address, timeout=TIMEOUT, **options)
        await comm.close()

    # Unlike asyncio.run, this works in a notebook, which has a loop of its own.
    runner = LoopRunner()
    runner.start()
    try:
        runner.run_sync(connect_once)
    # The last two: no port or an unknown scheme, and no certificate for TLS.
    except (OSError, ValueError, TypeError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise ReviewError(
            f"no scheduler answers at {address} ({reason or type(error).__name__})",
            remedy="Check the address, such as tcp://host:8786; dask scheduler prints "
            "it when it starts",
        ) from error
    finally:
        runner.stop()


def run_on_cluster(
    function: Callable[[T], R], tasks: Sequence[T], address: str
) -> Iterator[R]:
    """Run tasks on the workers of a cluster, and yield results as they come.

    If a worker ends, the scheduler gives its tasks to other workers.

    Parameters
    ----------
    function : callable
        Function for a task; workers import it by its name.
    tasks : sequence
        Tasks that can be pickled.
    address : str
        Address of the scheduler.

    Raises
    ------
    ReviewError
        If a task raises an error. For other reasons, see `connected`.
    """
    with connected(address) as client:
        from distributed import as_completed

        futures = client.map(function, tasks, pure=False)
        try:
            for future in as_completed(futures, loop=client.loop):
                failure = future.exception()
                if failure is not None:
                    raise ReviewError(
                        f"a task on the cluster {address} failed: "
                        f"{type(failure).__name__}: {failure}",
                        remedy="Install the same versions for all workers, and give "
                        "them the folders of the images and of the output",
                    ) from failure
                yield future.result()
        finally:
            client.cancel(futures)
