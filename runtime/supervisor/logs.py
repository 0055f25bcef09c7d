"""A container's log: from its pipe, through the bounded buffer, into its file.

The producer thread reads until the end of file, not until the process is gone: what was
written before the end is still in the pipe after it. Standard output and standard error
share one pipe, so the log has them in the order in which they were written.

A disk that takes no more must not stop the container, and must not be hidden: from the
first byte that could not be written the log ends, the rest is read, counted and dropped,
and the record says how much. So the file is always an exact beginning of the output.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from supervisor.buffer import BoundedBuffer
from supervisor.errors import EngineError

CHUNK = 1 << 16
"""Bytes read at once: as much as a pipe holds (pipe(7))."""
CAPACITY = 1 << 20
"""Bytes of the bounded buffer of one container."""


class ContainerLog:
    """The pipe, the buffer, the two threads and the file of one container.

    Args:
        path: where the log is to be. It is written beside that name, as `.<name>.new`, and
            takes the place of an older one only with `publish`.
        changed: called after each change: bytes written, or the log complete.
        complain: called once, with a sentence, when bytes could not be written.
    """

    def __init__(self, path: Path, changed: Callable[[], None], complain: Callable[[str], None]) -> None:
        self.path = path
        self.size = 0  # bytes in the file; only ever grows
        self.lost = 0  # bytes that could not be written
        self.complete = threading.Event()  # every byte is in the file, or counted as lost
        self._draft = path.with_name(f".{path.name}.new")
        self._changed = changed
        self._complain = complain
        self._buffer = BoundedBuffer(CAPACITY)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._draft.unlink(missing_ok=True)
        self._file = os.open(self._draft, flags, 0o640)
        self._identity = os.fstat(self._file).st_ino
        self._pipe, self.input = os.pipe2(os.O_CLOEXEC)
        self._threads: list[threading.Thread] = []

    def publish(self) -> None:
        """Give the file its name; the log of an earlier container of this id goes away."""
        self._draft.rename(self.path)

    def start(self) -> None:
        """Begin to read. `input`, the end for the container, is closed on our side.

        Raises:
            EngineError: the system has no thread left; the log is given up.
        """
        try:
            self._spawn(self._produce)
        except RuntimeError as error:
            self._threads.clear()
            self.discard()
            raise EngineError("the system has no thread left for the log") from error
        os.close(self.input)

    def discard(self) -> None:
        """Give up a log that was never started."""
        for descriptor in (self.input, self._pipe, self._file):
            os.close(descriptor)
        self._draft.unlink(missing_ok=True)
        self.complete.set()

    def open_reader(self) -> int:
        """A descriptor for reading the file.

        Raises:
            EngineError: it is gone, or the container's id has been used again meanwhile.
        """
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise EngineError(f"the log {self.path} cannot be read: {error.strerror}") from error
        if os.fstat(file).st_ino != self._identity:
            os.close(file)
            raise EngineError(f"{self.path} is another log by now", "Was the container's id used again?")
        return file

    def drop(self) -> None:
        """Take away the file of a container that never became one."""
        self._draft.unlink(missing_ok=True)

    def join(self, timeout: float) -> bool:
        """Wait for both threads; whether they have ended."""
        if not self.complete.wait(timeout):
            return False
        for thread in self._threads:
            thread.join()
        return True

    def _spawn(self, work: Callable[[], None]) -> None:
        name = f"{work.__name__.strip('_')} {self.path.stem}"
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _produce(self) -> None:
        """Producer: pipe → buffer."""
        chunk = os.read(self._pipe, CHUNK)
        if chunk:  # a container that never writes never needs a consumer
            self._spawn(self._consume)
            while chunk:
                self._buffer.put(chunk)
                chunk = os.read(self._pipe, CHUNK)
            self._buffer.close()
        os.close(self._pipe)
        if len(self._threads) == 1:
            self._finish()

    def _consume(self) -> None:
        """Consumer: buffer → file."""
        while chunk := self._buffer.get():
            self._append(chunk)
            self._changed()
        self._finish()

    def _append(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
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

    def _finish(self) -> None:
        os.close(self._file)
        self.complete.set()
        self._changed()
