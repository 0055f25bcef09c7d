"""A container that the engine was asked for, and where it is seen: in the guest's kernel."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from grading.api.expectations import look_until, wait_until
from grading.guest.observer import GuestError, Job
from grading.guest.records import Finished, Process

if TYPE_CHECKING:
    from grading.api.engine import Engine
    from grading.api.listing import Listing


LISTED_LEAST = 3
"""Containers for which any answer of `ps` has room."""

LISTED_SECONDS = 1.0
"""In which `ps` lists what was started, if it ever does."""

REFUSED_SECONDS = 1.0
"""Until it is believed that a container whose client said no is not there."""

BROUGHT_IN_SECONDS = 0.5
"""In which a program that brings a container into its namespaces, as unshare(1), has done so."""

TOLD_SECONDS = 3.5
"""The most until `probe told` has grown past its limit: it was not told, where the engine has copied the rootfs."""

KEPT_SECONDS = {1: 5.0, 2: 3.0}
"""By level: in which an output is kept. Level 1 asks of nobody to write at once what has come."""

UNKEPT_MOST = {1: 2, 2: 1}
UNKEPT_SECONDS = 1.5
"""Where so many more outputs were waited for in vain than were kept (by level), the others have only this time; at
level 1 each, at level 2 those together that are waited for together."""


def and_said(words: str, most: int = 300) -> str:
    """The last words of a program, for a sentence about it, in a failure.

    Args:
        words: all that it printed.
        most: characters.
    """
    return f"and said {words[-most:]!r}" if words else "and said nothing"


@dataclass(frozen=True)
class Rootfs:
    """A root file system for one container: Alpine, and the probe under a name that nothing else has."""

    path: str
    nonce: str

    @property
    def probe(self) -> str:
        """The probe's path inside."""
        return f"/probe-{self.nonce}"


@dataclass
class Container:
    """What was asked of the engine, and where to find it in the kernel."""

    engine: Engine
    id: str
    rootfs: Rootfs
    client: Job | None = None
    """Of `start`."""
    job: Job | None = None
    """Of `run`, while it goes on."""

    @property
    def processes(self) -> list[Process]:
        """Its living processes, as the kernel tells them: those that execute the probe of its rootfs.

        One that ends has lost its command line a moment before it is a zombie. Those in a PID namespace of their own
        come first: before them there may be who brought them there, as unshare(1), with the probe in its arguments.
        """
        found = [
            process
            for process in self.engine.observer.processes()
            if process.words and self.rootfs.probe in process.words and not self._is_client(process)
        ]
        return sorted(found, key=lambda process: len(process.space_pids) < 2)

    def _is_client(self, process: Process) -> bool:
        return self.engine.words[-1] in process.words

    @property
    def init(self) -> Process | None:
        """PID 1 of its PID namespace; None where it is gone, or never was one."""
        mine = self.processes
        for process in mine:
            if process.space_pids[-1] == 1:
                return process
        if not mine:
            return None
        space = mine[0].spaces["pid"]
        for process in self.engine.observer.processes():
            if process.spaces["pid"] == space and process.space_pids[-1:] == (1,):
                return process
        return None

    def await_running(self, seconds: float = 10) -> Process:
        """Wait until its program runs; returns the process that executes the probe."""
        what = f"a process of container {self.id}"
        wait_until(
            lambda: self.processes or self._is_refused(), seconds, what, actual=self._why_there_is_none
        )
        # What is refused is started no more, but its end may be told before its process shows.
        first = wait_until(lambda: self.processes, REFUSED_SECONDS, what, actual=self._why_there_is_none)[0]
        if self._may_be_a_way_in(first):

            def one_inside() -> Process | None:
                return next((each for each in self.processes if not self._may_be_a_way_in(each)), None)

            return wait_until(one_inside, BROUGHT_IN_SECONDS) or first
        return first

    def _may_be_a_way_in(self, process: Process) -> bool:
        """Whether it is another program that has the probe in its arguments, and is in no PID namespace of its own."""
        return len(process.space_pids) < 2 and process.words[0] != self.rootfs.probe

    def _is_refused(self) -> bool:
        """Whether the client that asked for it has said no."""
        answer = self._answer()
        return answer is not None and answer.refuses

    def _answer(self) -> Finished | None:
        """The end of the client that asked for it; None where that goes on, or there was none."""
        client = self.client or self.job
        return client.wait(0) if client else None

    def _why_there_is_none(self) -> str:
        """What there is to say, to the student, where no process of it is seen."""
        told = ["no process executes its command"]
        if answer := self._answer():
            command = "start" if self.client else "run"
            told.append(f"`engine {command}` ended with status {answer.ending} {and_said(answer.said)}")
        state = "lives" if self.engine.supervisor_lives else "has ended"
        told.append(f"the supervisor {state} {and_said(self.engine.supervisors_words)}")
        return "; ".join(told)

    def log_files(self, word: bytes) -> list[str]:
        """Files of up to 1 MiB that hold what it wrote, wherever the engine keeps its logs; found by a word of it."""
        began = f"{self.rootfs.path}{self.rootfs.probe}.args"  # written right before
        return self.engine.log_places.files_with(word, self, began)

    def await_ready(self, seconds: float = 5) -> bool:
        """Wait until `probe polite` or `probe stubborn` has its handler for SIGTERM; False where it has not.

        The kernel tells it (proc(5), `SigCgt` in /proc/pid/status), whatever is kept of what it writes. A program
        begins without handlers: execve(2).
        """
        return bool(wait_until(lambda: any(map(self._handles_sigterm, self.processes)), seconds))

    def _handles_sigterm(self, process: Process) -> bool:
        status = self.engine.observer.proc(f"{process.pid}/status")
        caught = re.search(r"^SigCgt:\t([0-9a-f]+)$", status, re.MULTILINE)
        return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)

    def tell(self) -> None:
        """Let `probe told` go on, or `probe exit` end: it was found, and may end whenever it is to."""
        self.engine.observer.write(f"{self.rootfs.path}/go-{self.rootfs.nonce}", b"")

    def grow_past(self, mib: int) -> None:
        """Tell `probe told` to go on, and wait until it has grown past so many MiB, or is gone.

        It was not told, where the engine has copied the rootfs; then it goes on by itself, later.
        """
        self.tell()
        wait_until(
            lambda: max((each.rss_bytes >> 20 for each in self.processes), default=mib) >= mib, TOLD_SECONDS
        )

    def kill(self) -> None:
        """End what is left of it from outside, with SIGKILL; the engine is not asked."""
        for process in self.processes:
            with contextlib.suppress(GuestError):  # it has ended meanwhile
                self.engine.observer.signal(process.pid, signal.SIGKILL, start=process.start)

    def await_gone(self, seconds: float = 10) -> bool:
        """Wait until none of its processes lives; False where one stays."""
        return await_all_gone([self], seconds)

    def place_of(self, name: str) -> str:
        """Where the observer finds a file that the probe has made in its root; empty where it is not.

        In the rootfs that was named; of an engine that copies it, or puts an overlay on it, in the root of a process of
        the container, while one lives. A process in the host's root is in no rootfs.
        """
        observer = self.engine.observer
        path = f"{self.rootfs.path}/{name}"
        if observer.stat(path) is not None:
            return path
        with contextlib.suppress(GuestError):  # it ends this very moment
            for process in self.processes:
                root = f"proc:{process.pid}/root"
                if observer.stat(f"{root}/{name}") is not None and not self._is_the_hosts(root):
                    return f"{root}/{name}"
        return ""

    def _is_the_hosts(self, root: str) -> bool:
        its, hosts = self.engine.observer.stat(f"{root}/."), self.engine.observer.stat("/.")
        return not its or not hosts or (its.device, its.inode) == (hosts.device, hosts.inode)

    def handled_sigterm(self) -> bool:
        """Whether the handler of `probe polite` has run: it leaves a file, and says so before it ends."""
        nonce = self.rootfs.nonce
        return bool(self.place_of(f"term-{nonce}")) or bool(self.log_files(f"{nonce} bye".encode()))

    def view(self, seconds: float = 10) -> dict[str, bytes]:
        """What `probe view` or `probe escape` found inside, by key: read from its root, not from its log."""
        path = wait_until(
            lambda: self.place_of(f"view-{self.rootfs.nonce}"), seconds, f"the probe in {self.id} has looked around",
            actual=lambda: f"it has not; `logs` shows {self.engine.logs(self.id)[-400:]!r}",
        )  # fmt: skip
        found = {}
        for line in self.engine.observer.read(path).decode("ascii", "replace").splitlines():
            _, key, value = [*line.split(" "), "", ""][:3]
            found[key] = bytes.fromhex(value)
        return found

    def log(self, word: bytes) -> bytes:
        """What the engine has kept of its output: a file of it that holds a word, else what `logs` shows.

        A file first: to look into it starts nobody, and whether `logs` shows it is a check of its own.
        """
        with contextlib.suppress(GuestError):  # it was moved this very moment
            for path in self.log_files(word):
                return self.engine.observer.read(path)
        return self.engine.logs(self.id)

    def await_log(self, word: bytes, seconds: float | None = None) -> bytes:
        """Wait until a word of its output has been kept; returns what there is then, or at the deadline."""
        return await_logs([(self, word)], seconds)[0]

    def await_shown(self, word: bytes, seconds: float = 2) -> bytes:
        """Wait until `logs` shows a word of its output; returns what it shows then, or at the deadline."""
        return _await_outputs(self.engine, [(lambda: self.engine.logs(self.id), word)], seconds)[0]


def await_logs(wanted: Sequence[tuple[Container, bytes]], seconds: float | None = None) -> list[bytes]:
    """`Container.await_log` of several, beside each other.

    Args:
        wanted: at least one, each with a word of its output.
        seconds: for all together, on a fast machine; `KEPT_SECONDS` where nothing is said.
    """
    looks = [(partial(container.log, word), word) for container, word in wanted]
    engine = wanted[0][0].engine
    return _await_outputs(engine, looks, KEPT_SECONDS[engine.level] if seconds is None else seconds)


def _await_outputs(
    engine: Engine, wanted: Sequence[tuple[Callable[[], bytes], bytes]], seconds: float
) -> list[bytes]:
    outputs = [b""] * len(wanted)
    few_seconds = UNKEPT_SECONDS * (len(wanted) if engine.level == 1 else 1)
    few = engine.observer.patience.deadline(min(seconds, few_seconds))

    def is_over() -> bool:
        for at, (look, word) in enumerate(wanted):
            if word not in outputs[at]:
                outputs[at] = look()
        if all(word in output for output, (_, word) in zip(outputs, wanted, strict=True)):
            return True
        return engine.outputs_missed >= UNKEPT_MOST[engine.level] and few.left() <= 0

    wait_until(is_over, seconds)
    for output, (_, word) in zip(outputs, wanted, strict=True):
        engine.outputs_missed += -1 if word in output else 1
    return outputs


def await_all_gone(containers: Iterable[Container], seconds: float = 10) -> bool:
    """Wait until no process of any of these lives; False where one stays.

    Args:
        containers: as many as there are.
        seconds: for all together, on a fast machine.
    """
    waited = list(containers)
    return bool(wait_until(lambda: not any(each.processes for each in waited), seconds))


def await_told(engine: Engine, containers: Collection[Container], seconds: float) -> Listing:
    """Wait until `ps` tells of each that it has ended; returns what it told last.

    One that lists none of them after `LISTED_SECONDS` never will.
    """
    until = time.monotonic() + engine.observer.patience.quiet(LISTED_SECONDS)

    def is_told(listing: Listing) -> bool:
        is_hopeless = time.monotonic() > until and not any(listing.entry(each.id) for each in containers)
        return is_hopeless or all(listing.ended(each.id) for each in containers)

    listing = look_until(engine.ps, is_told, seconds)
    if all(listing.ended(each.id) for each in containers):
        return listing
    return engine.ps(*list(containers)[-LISTED_LEAST:])
