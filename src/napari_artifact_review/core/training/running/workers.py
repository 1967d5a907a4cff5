"""Run the tasks of images: in this process, in local processes, or on a cluster."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Generator, Sequence
from concurrent.futures import (
    CancelledError,
    Future,
    ProcessPoolExecutor,
    as_completed,
)
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.training.cluster import connected
from napari_artifact_review.core.training.running.run_kind import RunKind
from napari_artifact_review.core.training.running.tasks import (
    ImageTask,
    Outcome,
    check_task,
    run_task,
)
from napari_artifact_review.core.training.running.worker_process import begin_worker

if TYPE_CHECKING:
    import distributed

_GO_ON = "Run the same command again to go on"


def run_tasks(
    tasks: Sequence[ImageTask],
    jobs: int | None = None,
    scheduler: str | None = None,
) -> Generator[Outcome]:
    """Run tasks, and yield their outcomes as they end.

    The first outcome, without a name, says whether the run can begin; it comes before
    any task begins.

    Parameters
    ----------
    tasks : sequence of ImageTask
        At least one task.
    jobs : int, optional
        Number of local processes; by default one for each core. With 1, the tasks run
        in this process.
    scheduler : str, optional
        Address of a dask scheduler, whose workers run the tasks.

    Raises
    ------
    ReviewError
        If a worker process dies, or the scheduler does not answer.
    """
    if scheduler is not None:
        return _run_on_cluster(scheduler, tasks)
    count = min(jobs or available_cores(), len(tasks))
    if count == 1:
        return _run_here(tasks)
    return _run_in_processes(count, tasks)


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _run_here(tasks: Sequence[ImageTask]) -> Generator[Outcome]:
    yield check_task(tasks[0])
    yield from map(run_task, tasks)


def _run_in_processes(count: int, tasks: Sequence[ImageTask]) -> Generator[Outcome]:
    kind = tasks[0].kind
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        count,
        # A forked process would share the threads and locks of this one.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=begin_worker,
        initargs=(max(1, available_cores() // count),),
    )
    is_done = False
    left: dict[Future[Outcome], str] = {}
    try:
        yield pool.submit(check_task, tasks[0]).result()
        left = {pool.submit(run_task, task): task.image.name for task in tasks}
        for future in as_completed([*left]):
            yield future.result()
            del left[future]
        is_done = True
    except BrokenProcessPool as error:
        # The workers take the images in order.
        names = ", ".join([*left.values()][:count])
        doing = f" while it scored one of the images {names}" if left else ""
        raise ReviewError(
            f"a worker process ended without an answer{doing}; perhaps the memory was "
            f"full, or {kind.suspect} crashed",
            remedy=f"{_GO_ON}, with fewer --jobs if the memory was full (a script that "
            f'calls {kind.command}() needs: if __name__ == "__main__")',
        ) from error
    finally:
        pool.shutdown(wait=is_done, cancel_futures=True)
        if not is_done:
            # Parts are written whole or not at all, so a worker may end at any time.
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
                child.join()


def _run_on_cluster(address: str, tasks: Sequence[ImageTask]) -> Generator[Outcome]:
    kind = tasks[0].kind
    with connected(address) as client:
        import distributed

        first = client.submit(check_task, tasks[0], pure=False)
        yield _result_of(first, "", address, kind)
        futures = client.map(run_task, list(tasks), pure=False)
        names = {f.key: t.image.name for f, t in zip(futures, tasks, strict=True)}
        try:
            for future in distributed.as_completed(futures, loop=client.loop):
                yield _result_of(future, names[future.key], address, kind)
                # The scheduler need not keep what is known.
                future.release()
        finally:
            client.cancel(futures, force=True)


def _result_of(
    future: distributed.Future[Any], name: str, address: str, kind: RunKind
) -> Outcome:
    """Return the outcome of a task on a cluster."""
    import distributed

    try:
        found = future.result()
    except distributed.KilledWorker as error:
        raise ReviewError(
            f"the workers at {address} end while they {kind.command} the image {name}; "
            f"perhaps their memory is full, or {kind.suspect} crashes",
            remedy=f"Give them more memory or fewer threads. {_GO_ON}",
        ) from error
    except ImportError as error:
        raise ReviewError(
            f"the workers at {address} cannot {kind.command} ({error})",
            remedy="Install napari-artifact-review on the workers too",
        ) from error
    except (OSError, CancelledError) as error:
        raise ReviewError(
            f"the scheduler at {address} no longer answers", remedy=_GO_ON
        ) from error
    assert isinstance(found, Outcome)
    return found
