"""Connection to the workers of a Dask cluster."""

from __future__ import annotations

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
    try:
        client = distributed.Client(address, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ReviewError(
            f"no scheduler answers at {address}",
            remedy="Check the address; dask scheduler prints it when it starts",
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=TIMEOUT)
        except TimeoutError as error:
            raise ReviewError(
                f"the scheduler at {address} has no workers",
                remedy="Start workers, and run the same command again",
            ) from error
        yield client


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
