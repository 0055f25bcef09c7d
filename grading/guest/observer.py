"""The host's end of the observer: what a check sees of a guest, and does in it.

The observer (`grading/observer/`) is a static program that runs in the guest before the
submission is delivered. Many requests may be under way at once, from several threads; each
takes a round trip of a millisecond or a few.
"""

from __future__ import annotations

import errno
import itertools
import os
import queue
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from grading.guest import frames
from grading.guest.patience import Patience
from grading.guest.records import (
    FileStatus,
    Finished,
    KernelRecord,
    Process,
    read_kernel_record,
    read_process,
    socket_address,
)
from grading.guest.shared_look import SharedLook
from lab.errors import MachineError
from lab.machine.deadline import PASSED, Deadline

ANSWER_SECONDS = 20.0
"""The most for a request that does not wait for a program, on a fast machine."""

REMEMBERED = 300
"""Programs whose words and outputs are kept for a look at what went before a failure."""


class GuestError(OSError):
    """The guest's kernel refused a request; `errno` says why."""


class _Answers:
    """What has come for one request."""

    def __init__(self) -> None:
        self.frames: queue.SimpleQueue[tuple[str, float, list[bytes]]] = queue.SimpleQueue()


class Job:
    """A program in the guest that the observer started."""

    def __init__(self, observer: Observer, words: tuple[str, ...], answers: _Answers, given: float) -> None:
        self._observer = observer
        self.words = words
        self._answers = answers
        self._stdout, self._stderr = bytearray(), bytearray()
        self.finished: Finished | None = None
        self._lock = threading.RLock()
        _, self.began, (pid, start) = observer.next_frame(answers, ANSWER_SECONDS, "start")
        self.pid, self.start = int(pid), int(start)
        self._ends = observer.patience.until(given) if given else None

    def signal(self, number: int, *, group: bool = False) -> None:
        """Send it a signal, or to its whole process group. Raises `GuestError` where it is gone."""
        self._observer.signal(self.pid, number, start=self.start, group=group)

    def wait(self, seconds: float | None = None) -> Finished | None:
        """Wait for its end; None where it has not ended after so many seconds (of a fast machine)."""
        with self._lock:
            patience = self._observer.patience
            deadline = patience.deadline(seconds) if seconds is not None else self._ends or patience.until(0)
            while self.finished is None:
                try:
                    self._take(*self._observer.frame_before(self._answers, deadline, self.words[0]))
                except TimeoutError:
                    if seconds is None:
                        raise MachineError(
                            f"The guest's observer did not tell the end of {self.words[0]}"
                        ) from None
                    return None
            return self.finished

    def output(self) -> tuple[bytes, bytes]:
        """Standard output and error so far."""
        with self._lock:
            while self.finished is None:
                try:
                    self._take(*self._observer.frame_before(self._answers, PASSED, self.words[0]))
                except TimeoutError:
                    break
            return bytes(self._stdout), bytes(self._stderr)

    def peek(self) -> bytes:
        """What has been taken in of its outputs; asks nobody, so it may be less than there is."""
        return bytes(self._stdout) + bytes(self._stderr)

    def _take(self, kind: str, when: float, fields: list[bytes]) -> None:
        if kind == "O":
            self._stdout += fields[0]
        elif kind == "E":
            self._stderr += fields[0]
        elif kind == "R":
            status, expired, out, err, ended = (int(field) for field in fields)
            self.finished = Finished(
                self.words, status, bytes(self._stdout), bytes(self._stderr), out, err,
                self.began, ended / 1e9, bool(expired),
            )  # fmt: skip


class Handle:
    """A device or a socket that the observer holds open."""

    def __init__(self, observer: Observer, number: int, answers: _Answers) -> None:
        self._observer = observer
        self._number = number
        self._answers = answers
        self.received = bytearray()
        self.ended = False

    def ioctl(self, code: int, argument: bytes | None) -> tuple[int, int, bytes]:
        """ioctl(2): its result, errno (0 where it succeeded), and the argument afterwards.

        Args:
            code: the request.
            argument: what the pointer leads to; None for a pointer that leads nowhere.
        """
        result, number, after = self._observer.ask("ioctl", self._number, code, argument or b"")
        return int(result), int(number), after

    def send(self, content: bytes, *, last: bool = False) -> int:
        """Send bytes, and say with `last` that no more come; how many the socket took."""
        [taken] = self._observer.ask("send", self._number, content, int(last))
        return int(taken)

    def receive(self, seconds: float, enough: Callable[[bytes], bool] = lambda got: False) -> bytes:
        """What has come by the other side's end, until it is enough, or within so many seconds (of a fast machine)."""
        deadline = self._observer.patience.deadline(seconds)
        while not self.ended and not enough(bytes(self.received)):
            try:
                _, _, fields = self._observer.frame_before(self._answers, deadline, "socket")
            except TimeoutError:
                break
            self.ended = not fields or not fields[0]
            self.received += fields[0] if fields else b""
        return bytes(self.received)

    def close(self) -> None:
        """Close it."""
        self._observer.ask("close", self._number)


class Observer:
    """What runs in the guest on our behalf.

    Args:
        stream: to a program that nobody spoke with before.
        patience: makes a time limit in seconds fit the machine's speed.
        alive: raises `MachineError` when it can be told from outside that the machine is lost.
        is_late: whether the guest's clock is, so that it is given the host's time.

    Raises:
        MachineError: it does not answer.
    """

    def __init__(
        self,
        stream: frames.Stream,
        *,
        patience: Patience | None = None,
        alive: Callable[[], None] = lambda: None,
        is_late: bool = False,
    ) -> None:
        self._token = secrets.token_bytes(frames.TOKEN_SIZE)
        self._stream = stream
        self.patience = patience or Patience(1.0)
        self._alive = alive
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Answers] = {}
        self._lock = threading.Lock()
        self._lost = ""
        self.kernel: list[KernelRecord] = []
        """The kernel's log since the observer was started; only ever appended to."""
        self.on_kernel: Callable[[KernelRecord], None] = lambda record: None
        self.jobs: deque[Job] = deque(maxlen=REMEMBERED)
        """The programs that it was asked to start, the newest last: evidence."""
        self._newcomers = SharedLook(self._processes)
        threading.Thread(target=self._receive, name="observer", daemon=True).start()
        self.ask("hello", self._token, time.time_ns() if is_late else 0)

    def start(
        self,
        *words: str,
        folder: str = "/",
        stdin: bytes = b"",
        timeout: float = 30,
        limit: int = 1 << 20,
        user: int = 0,
    ) -> Job:
        """Start a program.

        Args:
            words: the program, looked up in a fixed PATH, and its arguments.
            folder: its working directory.
            stdin: its standard input, which then ends.
            timeout: seconds on a fast machine after which it is killed; 0 for none.
            limit: bytes of each of its outputs that are kept; the rest is read and only counted.
            user: its user and group id.
        """
        given = self.patience.now(timeout)
        _, answers = self._send("start", int(given * 1000), limit, folder, user, stdin, *words)
        job = Job(self, words, answers, given)
        self.jobs.append(job)
        return job

    def run(
        self,
        *words: str,
        folder: str = "/",
        stdin: bytes = b"",
        timeout: float = 30,
        limit: int = 1 << 20,
        user: int = 0,
    ) -> Finished:
        """Start a program and wait for its end; the arguments are those of `start`."""
        job = self.start(*words, folder=folder, stdin=stdin, timeout=timeout, limit=limit, user=user)
        finished = job.wait()
        assert finished is not None
        return finished

    def signal(self, pid: int, number: int, *, start: int = -1, group: bool = False) -> None:
        """kill(2), for the process with that start time only where one is given."""
        self.ask("signal", pid, start, number, int(group))

    def processes(self, *, everybody: bool = False) -> list[Process]:
        """All processes but the kernel's own threads and, unless everybody is asked for, the bystanders."""
        return self._processes("all") if everybody else list(self._newcomers())

    def _processes(self, *which: str) -> list[Process]:
        fields = self.ask("processes", *which)
        return [read_process(fields[at : at + 9]) for at in range(0, len(fields), 9)]

    def kernel_threads(self) -> frozenset[int]:
        """PIDs of the kernel's own threads: the children of kthreadd, which is PID 2 (proc(5), `children`)."""
        return frozenset(map(int, self.proc("2/task/2/children").split()))

    def note_bystanders(self) -> None:
        """Take all processes that there are now for bystanders, whom `processes` leaves out."""
        self.ask("bystanders")

    def read(self, path: str, *, offset: int = 0, most: int = 16 << 20) -> bytes:
        """Bytes of a regular file; `proc:` before a path means the observer's own procfs."""
        return self.ask("read", path, offset, most)[0]

    def proc(self, path: str) -> str:
        """A file of the observer's own procfs as text, as `1/mountinfo`; empty where there is none."""
        try:
            return self.read(f"proc:{path}").decode("utf-8", "backslashreplace")
        except GuestError:
            return ""

    def write(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Make a file, or replace its contents."""
        self.ask("write", path, f"{mode:o}", content)

    def stat(self, path: str) -> FileStatus | None:
        """lstat(2); None where there is nothing."""
        try:
            kind, mode, *numbers = self.ask("stat", path)
        except GuestError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return None
            raise
        size, device, inode, device_number, links = (int(number) for number in numbers)
        return FileStatus(kind.decode(), int(mode, 8), size, device, inode, device_number, links)

    def names(self, path: str) -> list[str]:
        """Names in a folder, sorted."""
        return sorted(name.decode("utf-8", "backslashreplace") for name in self.ask("list", path))

    def link(self, path: str) -> str:
        """Where a link leads; empty where there is none."""
        try:
            return self.ask("link", path)[0].decode("utf-8", "backslashreplace")
        except GuestError:
            return ""

    def search(self, word: bytes, folders: Iterable[str], *, since: str, depth: int = 2) -> list[str]:
        """Regular files that hold a word; those above 1 MiB are left out.

        Args:
            word: what is looked for.
            folders: where; one that is not there holds nothing.
            since: a path; files that did not change (`st_ctime`) after it did are left out.
            depth: how many folders below these are looked through, too.
        """
        return [os.fsdecode(path) for path in self.ask("search", word, since, depth, *folders)]

    def make_root(self, base: str, path: str, program: str, name: str, pool: str) -> None:
        """Make a root file system of hard links to another's files, with a copy of a program in it.

        Args:
            base: the other.
            path: of the new one.
            program: path of the program.
            name: of its copy.
            pool: a folder of such that are ready but for the program, named 0, 1, …; it may be missing or used up.
        """
        self.ask("root", base, path, program, name, pool)

    def open(self, path: str) -> Handle:
        """Open a device for reading and writing."""
        return self._handle("open", path)

    def executors(self, path: str) -> Handle:
        """A look-out for who executes a file; `records.read_executors` reads what it receives."""
        return self._handle("executors", path)

    def connect(self, path: str, kind: int = socket.SOCK_STREAM) -> Handle:
        """Connect to a UNIX socket of a type as `socket.SOCK_STREAM`, by its path or (with `@`) its abstract name."""
        return self._handle("connect", socket_address(path), int(kind))

    def close(self) -> None:
        """Let it end."""
        self._stream.close()

    def ask(self, *fields: str | int | bytes) -> list[bytes]:
        """Send a request and wait for its one answer. Raises `GuestError` where it was refused."""
        number, answers = self._send(*fields)
        try:
            _, _, found = self.next_frame(answers, ANSWER_SECONDS, str(fields[0]))
        finally:
            with self._lock:
                self._waiting.pop(number, None)
        return found

    def next_frame(self, answers: _Answers, seconds: float, what: str) -> tuple[str, float, list[bytes]]:
        """The next frame for a request, within so many seconds on a fast machine."""
        try:
            return self.frame_before(answers, self.patience.deadline(seconds), what)
        except TimeoutError:
            raise MachineError(
                f"The guest's observer did not answer ({what}) within {self.patience.quiet(seconds):.0f} s"
            ) from None

    def frame_before(
        self, answers: _Answers, deadline: Deadline, what: str
    ) -> tuple[str, float, list[bytes]]:
        """The next frame before the deadline, or `TimeoutError`."""
        while True:
            left = deadline.left()
            try:
                kind, when, fields = answers.frames.get(timeout=min(max(left, 0), 0.5))
            except queue.Empty:
                if self._lost:
                    raise MachineError(self._lost) from None
                self._alive()
                if left <= 0:
                    raise TimeoutError(what) from None
                continue
            if kind == "F":
                raise GuestError(int(fields[0]), f"{what}: {os.strerror(int(fields[0]))}")
            if kind == "L":
                answers.frames.put((kind, when, fields))
                raise MachineError(self._lost)
            return kind, when, fields

    def _handle(self, what: str, path: str, *more: int) -> Handle:
        number, answers = self._send(what, path, *more)
        self.next_frame(answers, ANSWER_SECONDS, f"{what} {path}".replace("\0", "@"))
        return Handle(self, number, answers)

    def _send(self, *fields: str | int | bytes) -> tuple[int, _Answers]:
        answers = _Answers()
        with self._lock:
            if self._lost:
                raise MachineError(self._lost)
            number = next(self._numbers)
            self._waiting[number] = answers
            try:
                self._stream.sendall(frames.request(number, *fields))
            except (OSError, EOFError) as error:
                self._lose(f"The connection to the guest's observer was lost: {error or 'closed'}")
                raise MachineError(self._lost) from error
        return number, answers

    def _receive(self) -> None:
        try:
            for frame in frames.received(self._stream, self._token):
                self._dispatch(frame)
            reason = "it ended, or the connection did"
        except (OSError, EOFError, ValueError) as error:
            reason = str(error) or type(error).__name__
        with self._lock:
            self._lose(f"The guest's observer was lost: {reason}")

    def _lose(self, reason: str) -> None:
        self._lost = self._lost or reason
        for answers in self._waiting.values():
            answers.frames.put(("L", 0.0, []))

    def _dispatch(self, frame: frames.Frame) -> None:
        if frame.kind == "K":
            record = read_kernel_record(frame.fields[0])
            if record:
                self.kernel.append(record)
                self.on_kernel(record)
            return
        with self._lock:
            answers = self._waiting.get(frame.number)
        if answers is not None:
            answers.frames.put((frame.kind, frame.when, frame.fields))
