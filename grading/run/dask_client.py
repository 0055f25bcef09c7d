"""Sends jobs to Dask workers and takes the results as they come: `grade run --dask`.

The scheduler hands a job to another worker when one dies, so that costs time and nothing else. Whoever can
reach a Dask scheduler can run programs on its workers: it belongs on 127.0.0.1, behind SSH or TLS
(distributed.dask.org, "TLS/SSL"; the client takes what Dask's own configuration says).
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grading.run import dask_worker, parcels, single, skeleton
from grading.run.batch import Many, Tell
from grading.run.job import Job
from grading.run.places import places
from grading.run.preparation import without_machine
from grading.run.single import Graded, Ground
from lab.errors import LabError

LOCAL = "local"
"""In place of an address: a cluster of processes on this host, as long as the run lasts."""

CONNECT_SECONDS = 15
WORKER_SECONDS = 60
"""Until the first worker is there."""

ATTEMPTS = 2
"""How often a job is sent whose host could not grade it. Where its worker dies, the scheduler itself hands it
to another one, as often as its `allowed-failures` says (three times by default)."""

AHEAD = 2
"""Jobs that are sent before there is a worker for them."""


@contextmanager
def client(address: str, jobs: int | None = None) -> Iterator[Any]:
    """A connection to a scheduler that has workers.

    Args:
        address: of the scheduler, `tcp://HOST:PORT`, or `local`.
        jobs: for `local`: how many workers.

    Raises:
        LabError: nobody answers there, or no worker comes.
    """
    import dask
    from distributed import Client, LocalCluster

    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set({"distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s"}))
        if address == LOCAL:
            where: Any = stack.enter_context(
                LocalCluster(  # type: ignore[no-untyped-call]
                    n_workers=jobs or places(), threads_per_worker=1, host="127.0.0.1", dashboard_address=None,
                    memory_limit=0,  # the VMs are no memory of the workers'
                )
            )  # fmt: skip
        else:
            where = address
        try:
            found: Any = stack.enter_context(
                Client(where, timeout=CONNECT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
            )
            found.wait_for_workers(1, timeout=WORKER_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            raise LabError(
                f"No Dask scheduler with workers answers at {address}: {error or type(error).__name__}",
                "Start one with `dask scheduler`, and on each host, in this checkout: "
                "./bootstrap.sh dask worker ADDRESS --nthreads 1.",
            ) from error
        yield found


def ground(client: Any, suite: str) -> Ground:
    """Make all workers ready, and say with what they grade.

    Raises:
        LabError: a worker is not able to, or has other checks than this checkout.
    """
    ours = without_machine()
    images: Counter[str] = Counter()
    kernel = ""
    for address, text in client.run(dask_worker.ground_text, suite).items():
        told = json.loads(text)
        if "error" in told:
            raise LabError(f"The Dask worker {address} cannot grade: {told['error']}", told.get("remedy", ""))
        if told["checks"] != ours.checks_hash:
            raise LabError(
                f"The Dask worker {address} has other checks than this checkout",
                "Bring its checkout to the same state, and start it again.",
            )
        images[told["image"]] += 1
        kernel = told["kernel"]
    ((image, _),) = images.most_common(1)
    return Ground(ours.checks, ours.checks_hash, image, kernel, images=frozenset(images))


def remote(client: Any, ground: Ground) -> Many:
    """Grades on the workers that a client is connected to."""

    def many(jobs: Sequence[Job], tell: Tell, work: Path) -> Generator[Graded, None, None]:
        sending = _Sending(client, ground, work)
        waiting = [(job, 1) for job in reversed(jobs)]
        try:
            while waiting or sending.running:
                # A few more than there are workers: each finds work at once, and few archives wait in memory.
                while waiting and len(sending.running) < _threads(client) + AHEAD:
                    job, attempt = waiting.pop()
                    try:
                        sending.send(job, attempt)
                    except LabError as error:
                        yield single.undecided(job, ground, str(error))
                if sending.running:
                    job, attempt, came = sending.next()
                    if isinstance(came, Graded):
                        yield came
                    elif attempt < ATTEMPTS:
                        waiting.insert(0, (job, attempt + 1))
                    else:
                        yield single.undecided(job, ground, str(came))
        finally:
            sending.stop()

    return many


class _Sending:
    """What is under way."""

    def __init__(self, client: Any, ground: Ground, work: Path) -> None:
        from distributed import as_completed

        self._client, self._ground, self._work = client, ground, work
        self._coming: Any = as_completed(loop=client.loop)  # type: ignore[no-untyped-call]
        self._starters = ""
        self.running: dict[str, tuple[Job, int, Any]] = {}

    def send(self, job: Job, attempt: int) -> None:
        """Send a job.

        Raises:
            LabError: its submission cannot be sent.
        """
        packed = parcels.pack(job, self._work)
        self._starters = self._starters or skeleton.to_text(skeleton.read(job))  # one for the class
        with self._connected():
            future = self._client.submit(
                dask_worker.grade_text, parcels.job_to_text(job), packed, self._starters,
                self._ground.checks_hash, pure=False, key=f"grade-{secrets.token_hex(8)}",
            )  # fmt: skip
            self.running[future.key] = job, attempt, future
            self._coming.add(future)

    def next(self) -> tuple[Job, int, Graded | LabError]:
        """Wait for the next one that ends, whichever it is.

        Raises:
            LabError: the scheduler was lost.
        """
        from distributed import KilledWorker

        with self._connected():
            future = next(self._coming)
            job, attempt, _ = self.running.pop(future.key)
            try:
                return job, attempt, parcels.graded_from_text(future.result())
            except KilledWorker:
                return job, attempt, LabError("Every Dask worker that began to grade it was lost")
            except LabError as error:
                return job, attempt, error

    def stop(self) -> None:
        """Let go of what is under way; the workers notice, and take their machines away."""
        with contextlib.suppress(LabError, OSError), self._connected():
            self._client.cancel([future for _, _, future in self.running.values()], force=True)

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Turn what a lost scheduler looks like into the one sentence."""
        from concurrent.futures import CancelledError

        from distributed.client import FutureCancelledError
        from distributed.comm.core import CommClosedError

        try:
            yield
        except (CancelledError, FutureCancelledError, CommClosedError, TimeoutError) as error:
            raise LabError(
                f"The Dask scheduler was lost: {error or type(error).__name__}",
                "What is done is in the gradebook; call it again to go on.",
            ) from error


def _threads(client: Any) -> int:
    threads: dict[str, int] = client.nthreads()
    return max(1, sum(threads.values()))
