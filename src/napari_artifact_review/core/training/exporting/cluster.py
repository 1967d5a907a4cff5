"""Tasks on the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from napari_artifact_review.core.errors import ReviewError

T = TypeVar("T")
R = TypeVar("R")

#: Seconds to wait for the scheduler.
TIMEOUT = 30


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
        Address of the scheduler, such as "tcp://host:8786".

    Raises
    ------
    ReviewError
        If the extra `cluster` is not installed, the scheduler does not answer, or a
        task raises an error.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise ReviewError(
            "a scheduler needs the package distributed",
            remedy='Install it with pip install "napari-artifact-review[cluster]"',
        ) from error
    try:
        client = Client(address, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ReviewError(
            f"the scheduler {address} does not answer "
            f"({str(error) or type(error).__name__})",
            remedy="Start it with dask scheduler, and give its address",
        ) from error
    with client:
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
