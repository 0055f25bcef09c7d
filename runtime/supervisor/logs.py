"""A container's log: from its pipes, through the bounded buffer, into its file.

The producer thread reads both pipes, standard output and standard error, until their end
of file, not until the process is gone: what was written before the end is still in a pipe
after it. Each pipe keeps its own order. Between the two nobody can: they are read as soon
as they have something, and when both have, standard output goes first. A container whose
streams share one pipe (`joined`) has them in the order in which they were written.

A disk that takes no more must not stop the container, and must not be hidden: from the
first byte that could not be written the log ends, the rest is read, counted and dropped,
and the record says how much. So the file is always an exact beginning of the output.
"""

from __future__ import annotations

import fcntl
import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from supervisor.buffer import BoundedBuffer
from supervisor.errors import EngineError
from supervisor.index import STDERR, STDOUT, UNKNOWN, Index, View

CHUNK = 1 << 18
"""Bytes of a pipe, and bytes read at once. Larger than the 64 KiB that a pipe has by itself
(pipe(7)), so that a bulk writer makes us switch between threads less often."""
CAPACITY = 1 << 20
"""Bytes of the bounded buffer of one container."""
RETRY = 0.05
"""Seconds until a thread is asked for again that the system did not have."""

_names = threading.Lock()
"""Held while a log takes its name or gives it up."""
_named: dict[Path, ContainerLog] = {}
"""Whose log each name is now. The number of a file does not tell: a file system gives it again."""


@dataclass(slots=True)
class Chunk:
    """What was read at once."""

    stream: int  # STDOUT, STDERR; UNKNOWN where they share a pipe
    time: int  # microseconds since the epoch
    data: bytes

    def __len__(self) -> int:
        return len(self.data)


class ContainerLog:
    """The pipes, the buffer, the two threads, the file and the index of one container.

    Args:
        path: where the log is to be. It is written beside that name, as `.<name>.new`, and
            takes the place of an older one only with `publish`. Its index is `.<name>.index`.
        changed: called after each change: bytes written, or the log complete.
        complain: called once, with a sentence, when bytes could not be written.
        joined: whether both streams go into one pipe.

    Raises:
        OSError: the file or a pipe cannot be made; nothing is left.
    """

    def __init__(
        self,
        path: Path,
        changed: Callable[[], None],
        complain: Callable[[str], None],
        joined: bool = False,
    ) -> None:
        self.path = path
        self.joined = joined
        self.size = 0  # bytes in the file; only ever grows
        self.lost = 0  # bytes that could not be written
        self.complete = threading.Event()  # every byte is in the file, or counted as lost
        self.index = Index(path.with_name(f".{path.name}.index"), complain)
        self._draft = path.with_name(f".{path.name}.new")
        self._changed = changed
        self._complain = complain
        self._buffer: BoundedBuffer[Chunk] = BoundedBuffer(CAPACITY)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._draft.unlink(missing_ok=True)
        self._file = os.open(self._draft, flags, 0o640)
        self._identity = os.fstat(self._file).st_ino
        self._pipes: dict[int, int] = {}  # the ends we read, and their streams; standard output first
        self.inputs: tuple[int, ...] = ()  # the ends for the container's 1 and 2; the same where joined
        for stream in (UNKNOWN,) if joined else (STDOUT, STDERR):
            try:
                pipe, write_end = os.pipe2(os.O_CLOEXEC)
            except OSError:
                self.discard()
                raise
            self._pipes[pipe] = stream
            self.inputs += (write_end,)
            # Not blocking, because a container can open its own pipe and read from it, and what
            # was there a moment ago is gone.
            os.set_blocking(pipe, False)
            with suppress(OSError):  # fs.pipe-max-size may be smaller
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, CHUNK)
        self._threads: list[threading.Thread] = []

    @property
    def stdout(self) -> int:
        """What becomes the container's descriptor 1."""
        return self.inputs[0]

    @property
    def stderr(self) -> int:
        """What becomes the container's descriptor 2."""
        return self.inputs[-1]

    def publish(self) -> None:
        """Give the file its name; the log of an earlier container of this id goes away."""
        with _names:
            if self.path in _named:
                _named[self.path].index.forget()
            self.index.publish()
            self._draft.rename(self.path)
            _named[self.path] = self

    def start(self) -> None:
        """Begin to read. `inputs`, the ends for the container, are closed on our side.

        Raises:
            EngineError: the system has no thread left; the log is given up.
        """
        try:
            self._spawn(self._produce)
        except RuntimeError as error:
            self.discard()
            raise EngineError("the system has no thread left for the log") from error
        for descriptor in self.inputs:
            os.close(descriptor)

    def discard(self) -> None:
        """Give up a log that was never started."""
        for descriptor in (*self.inputs, *self._pipes, self._file):
            os.close(descriptor)
        self._draft.unlink(missing_ok=True)
        self.complete.set()

    def open_reader(self) -> tuple[int, View]:
        """A descriptor for reading the file, and a view of its index; both to be closed.

        Raises:
            EngineError: it is gone, or the container's id has been used again meanwhile.
        """
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise EngineError(f"the log {self.path} cannot be read: {error.strerror}") from error
        try:
            if _named.get(self.path) is not self or os.fstat(file).st_ino != self._identity:
                raise EngineError(f"{self.path} is another log by now", "Was the container's id used again?")
            return file, self.index.view()
        except BaseException as error:
            os.close(file)
            if isinstance(error, OSError):
                raise EngineError(
                    f"the index of the log {self.path} cannot be read: {error.strerror}"
                ) from error
            raise

    def drop(self) -> None:
        """Take away the file of a container that never became one."""
        self._draft.unlink(missing_ok=True)
        self.index.remove()

    def remove(self) -> None:
        """Take away log and index, unless that is done, or another log has their place by now."""
        with _names:
            if _named.get(self.path) is not self:
                return
            with suppress(FileNotFoundError):
                if self.path.stat().st_ino == self._identity:  # nobody else has put a file there
                    self.path.unlink()
            self.index.remove()
            del _named[self.path]

    def join(self, timeout: float) -> bool:
        """Wait for both threads; whether they have ended."""
        if not self.complete.wait(timeout):
            return False
        for thread in self._threads:
            thread.join()
        return True

    def _spawn(self, work: Callable[[], None]) -> None:
        """Begin one of the two threads.

        Raises:
            RuntimeError: the system has none left for the first; the second is waited for, since
                the container lives by then: its pipes fill, it waits, and nothing is lost.
        """
        name = f"{work.__name__.strip('_')} {self.path.stem}"
        while True:
            thread = threading.Thread(target=work, name=name, daemon=True)
            self._threads.append(thread)  # before it begins: the producer counts them
            try:
                thread.start()
                return
            except RuntimeError:
                self._threads.remove(thread)
                if not self._threads:
                    raise
            time.sleep(RETRY)

    def _produce(self) -> None:
        """Producer: pipes → buffer."""
        # region 05.producer
        poll = select.poll()
        for pipe in self._pipes:
            poll.register(pipe, select.POLLIN)
        pipes = list(self._pipes)  # those not yet at their end
        while pipes:
            ready = {pipe for pipe, _ in poll.poll()}
            # poll() looks at one pipe after the other, and in between something may be written to
            # the first and then to the second. So the first is read before the second, in any case.
            ready.add(pipes[0])
            for pipe in [pipe for pipe in pipes if pipe in ready]:
                try:
                    data = os.read(pipe, CHUNK)
                except BlockingIOError:
                    continue
                if not data:
                    poll.unregister(pipe)
                    pipes.remove(pipe)
                    continue
                if len(self._threads) == 1:  # a container that never writes never needs a consumer
                    self._spawn(self._consume)
                self._buffer.put(Chunk(self._pipes[pipe], int(time.time() * 1e6), data))
        self._buffer.close()
        for pipe in self._pipes:
            os.close(pipe)
        if len(self._threads) == 1:
            self._finish()
        # endregion 05.producer

    # region 05.consumer
    def _consume(self) -> None:
        """Consumer: buffer → file."""
        while chunk := self._buffer.get():
            self._append(chunk)
            self._changed()
        self._finish()

    def _append(self, chunk: Chunk) -> None:
        rest = memoryview(chunk.data)
        if not self.lost:
            self.index.add(chunk.stream, self.size, chunk.time)
        while rest and not self.lost:
            try:
                written = os.write(self._file, rest)
            except OSError as error:  # ENOSPC, EDQUOT, EIO, EFBIG: all the same to us
                self.lost = len(rest)
                self._complain(
                    f"the log {self.path} ends after {self.size} bytes: {error.strerror}; "
                    "what the container writes from here on is lost"
                )
                return
            self.size += written
            rest = rest[written:]
        self.lost += len(rest)

    # endregion 05.consumer

    def _finish(self) -> None:
        os.close(self._file)
        self.index.finish()
        self.complete.set()
        self._changed()
