"""Grades several submissions side by side on this host; hands them over one at a time, as they end."""

from __future__ import annotations

import dataclasses
import queue
import threading
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from grading.run import machines, single, worker
from grading.run.batch import Many, Tell
from grading.run.job import Job
from grading.run.single import Cancelled, Graded, Ground
from grading.run.worker import Cancel, Command

One = Callable[[Job, int, Cancel], Graded]
"""Grades a job in a place (from 0); may raise `Cancelled`."""


def graded(jobs: Sequence[Job], one: One, places: int) -> Generator[Graded, None, None]:
    """Grade jobs in threads, each of which waits for a worker process, and yield what comes of them.

    Whoever stops asking, or is interrupted, gets control back only when every worker and machine is gone.

    Args:
        jobs: in the order in which they are begun.
        one: grades one of them.
        places: how many at once.

    Raises:
        LabError, OSError: what `one` raised; the others are stopped then.
    """
    cancel = Cancel()
    ended: queue.SimpleQueue[Graded | Exception | None] = queue.SimpleQueue()
    left = iter(jobs)
    lock = threading.Lock()

    def take_turns(place: int) -> None:
        try:
            while not cancel.is_set:
                with lock:
                    job = next(left, None)
                if job is None:
                    break
                ended.put(one(job, place, cancel))
        except Cancelled:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where it is waited for
            ended.put(error)
        finally:
            ended.put(None)

    threads = [
        threading.Thread(target=take_turns, args=(place,), name=f"place {place}")
        for place in range(min(places, len(jobs)))
    ]
    running = len(threads)
    try:
        for thread in threads:
            thread.start()
        while running:
            found = ended.get()
            if found is None:
                running -= 1
            elif isinstance(found, Exception):
                raise found
            else:
                yield found
    finally:
        cancel.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        cancel.close()


def local(
    ground: Ground,
    places: int,
    *,
    command: Command = worker.command,
    clean: Callable[[str], None] = machines.remove,
) -> Many:
    """Grades on this host.

    Args:
        ground: with what.
        places: how many at once.
        command: the worker's command line.
        clean: takes a machine away.
    """

    def many(jobs: Sequence[Job], tell: Tell, work: Path) -> Generator[Graded, None, None]:
        def one(job: Job, place: int, cancel: Cancel) -> Graded:
            # A machine of a name is never there twice: its worker has ended before the next one begins.
            job = dataclasses.replace(job, machine=machines.name(place))
            return single.grade(
                job, ground, cancel, work, command=command, clean=clean,
                on_check=lambda check: tell(job.submission, check),
            )  # fmt: skip

        return graded(jobs, one, places)

    return many
