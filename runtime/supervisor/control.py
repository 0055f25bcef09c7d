"""The control socket: take in requests, and give each to a worker thread.

One thread reads all requests that are still incomplete, so a silent or slow client costs
a descriptor and nothing else. Whoever has not said what it wants after `SILENCE` seconds
is let go; when too many are silent at once, the oldest is. A complete request gets a
thread of its own, which may block on its client as long as it likes: nobody else waits for it.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from supervisor.errors import ENGINE_ERROR, EngineError
from supervisor.protocol import (
    STDERR,
    STDOUT,
    WANT_INPUT,
    ProtocolError,
    RawRequest,
    decode_request,
    end_frame,
    frame,
)
from supervisor.state import Place

SILENCE = 10.0
"""Seconds a client has for its request."""
MAX_SILENT = 256
MAX_WORKERS = 1024
FAREWELL = 2.0
"""Seconds that clients have, at the shutdown, to take their last answer."""
SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC)
"""What no client that goes away causes."""
PATIENCE = 10.0
"""Seconds that a request without a client may go on after that."""


class Reply:
    """The way back to one client. Every method raises OSError when the client is gone."""

    def __init__(self, connection: socket.socket, request: RawRequest, early: bytes = b"") -> None:
        self.connection = connection
        self.request = request
        self.early = early  # what the client sent behind its request
        self.ended = False

    def send(self, frames: bytes, hear: Callable[[bytes], None] | None) -> None:
        """Send what may be long, and hear meanwhile what the client says: Ctrl-C need not wait for all of it."""
        rest, poll = memoryview(frames), select.poll()
        poll.register(self.connection, select.POLLIN | select.POLLOUT)
        while rest:
            for _, what in poll.poll():
                if what & select.POLLIN:
                    word = self.connection.recv(256)
                    if not word:
                        raise BrokenPipeError
                    if hear is not None:
                        hear(word)
                if what & ~select.POLLIN:
                    with suppress(BlockingIOError):
                        rest = rest[self.connection.send(rest, socket.MSG_DONTWAIT) :]

    def out(self, data: bytes) -> None:
        """Bytes for the client's standard output."""
        self.connection.sendall(frame(STDOUT, data))

    def err(self, data: bytes) -> None:
        """Bytes for its standard error."""
        self.connection.sendall(frame(STDERR, data))

    def error(self, text: str) -> None:
        """A message for its standard error."""
        self.err(f"engine: {text}\n".encode("utf-8", "backslashreplace"))

    def end(self, status: int, output: str = "") -> None:
        """The exit status, and the last of the output before it."""
        last = frame(STDOUT, output.encode("utf-8", "backslashreplace")) if output else b""
        self.ended = True
        self.connection.sendall(last + end_frame(status))

    def hear(self) -> bytes | None:
        """What the client has sent since; None when it is gone. Blocks while it is silent."""
        try:
            return self.connection.recv(256) or None
        except OSError:
            return None

    def take_input(self) -> int:
        """Ask the client for its standard input: the reading end of a pipe.

        Raises:
            EngineError: it gives something else.
        """
        self.connection.sendall(frame(WANT_INPUT, b""))
        self.connection.settimeout(SILENCE)
        while True:
            data, descriptors, _, _ = socket.recv_fds(self.connection, 256, 1)
            self.early += data.replace(b"\0", b"")  # a signal that came before the answer
            if descriptors or not data:
                break
        self.connection.settimeout(None)
        if descriptors and stat.S_ISFIFO(os.fstat(descriptors[0]).st_mode):
            return descriptors[0]
        for descriptor in descriptors:
            os.close(descriptor)
        raise EngineError("the client was to hand over a pipe for standard input, and did not")


Handler = Callable[[RawRequest, Reply], None]


@dataclass
class _Pending:
    """A client that has not finished its request."""

    connection: socket.socket
    deadline: float
    data: bytearray = field(default_factory=bytearray)


class Control:
    """The listening socket and its threads.

    Args:
        place: where the socket is to be; its folder is locked by us.
        handle: does what a request asks, in a thread of its own; must end its reply.
        say: prints a line for whoever runs the supervisor.
    """

    def __init__(self, place: Place, handle: Handler, say: Callable[[str], None]) -> None:
        self._path = place.socket
        self._handle = handle
        self._say = say
        self._pending: dict[int, _Pending] = {}  # by descriptor, the oldest first
        self._workers: set[threading.Thread] = set()
        self._connections: set[socket.socket] = set()  # of the workers
        self._lock = threading.Lock()  # of the two above
        self._stopping = False
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._listener = self._listen()
        status = self._path.stat()
        self._identity = (status.st_dev, status.st_ino)
        self._poll = select.epoll()
        self._poll.register(self._listener, select.EPOLLIN)
        self._poll.register(self._wake, select.EPOLLIN)
        self._thread = threading.Thread(target=self._work, name="control", daemon=True)
        self._thread.start()

    def _listen(self) -> socket.socket:
        # We hold the folder's lock, so whoever made a socket that lies there is dead.
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        mask = os.umask(0o177)  # for root only, from the first moment
        try:
            listener.bind(os.fspath(self._path))
        finally:
            os.umask(mask)
        listener.listen(512)
        return listener

    def close(self) -> None:
        """Take no more requests. Those that are being worked on go on."""
        self._stopping = True
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        self._listener.close()
        for pending in self._pending.values():
            pending.connection.close()
        self._pending.clear()
        self._poll.close()
        os.close(self._wake)
        # region 09.socket
        try:
            status = self._path.stat()
            if (status.st_dev, status.st_ino) == self._identity:
                self._path.unlink()
        except FileNotFoundError:
            pass  # somebody was faster
        # endregion 09.socket

    def join(self) -> None:
        """Wait for the workers; cut off the clients that do not take their answer."""
        deadline = time.monotonic() + FAREWELL
        while workers := self._busy():
            workers[0].join(max(0.05, deadline - time.monotonic()))
            if time.monotonic() >= deadline + PATIENCE:
                self._say(f"{len(workers)} requests wait inside the kernel, and are left")
                return
            if time.monotonic() >= deadline:
                with self._lock:
                    for connection in self._connections:
                        with suppress(OSError):  # it was no longer connected
                            connection.shutdown(socket.SHUT_RDWR)

    def _busy(self) -> list[threading.Thread]:
        with self._lock:
            return list(self._workers)

    def _work(self) -> None:
        while not self._stopping:
            for descriptor, _ in self._poll.poll(self._patience()):
                if descriptor == self._listener.fileno():
                    self._accept()
                elif descriptor in self._pending:
                    self._read(self._pending[descriptor])
            now = time.monotonic()
            for pending in list(self._pending.values()):
                if pending.deadline > now:
                    break
                self._refuse(pending, f"no complete request came within {SILENCE:.0f} seconds")

    def _patience(self) -> float | None:
        """Seconds until the oldest silent client is let go."""
        for pending in self._pending.values():
            return max(0.0, pending.deadline - time.monotonic())
        return None

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return  # it is gone already
        except OSError:  # EMFILE, ENFILE, ENOMEM: make room, and come back for it
            if self._pending:
                self._refuse(next(iter(self._pending.values())), "too many clients")
            else:
                time.sleep(0.05)  # nothing of ours to give up; a worker must end first
            return
        connection.setblocking(False)
        if len(self._pending) >= MAX_SILENT:
            self._refuse(next(iter(self._pending.values())), "too many silent clients")
        pending = _Pending(connection, time.monotonic() + SILENCE)
        try:
            self._poll.register(connection, select.EPOLLIN)
        except OSError:  # ENOSPC, ENOMEM
            _refuse(connection, "the system takes no more clients")
            return
        self._pending[connection.fileno()] = pending
        self._read(pending)  # most often the request is here already

    def _read(self, pending: _Pending) -> None:
        # region 04.reading
        try:
            data = pending.connection.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._forget(pending)
            pending.connection.close()
            return
        pending.data += data
        try:
            decoded = decode_request(pending.data)
        except ProtocolError as error:
            self._refuse(pending, str(error))
            return
        if decoded is not None:
            self._forget(pending)
            self._employ(pending.connection, *decoded)
        # endregion 04.reading

    def _forget(self, pending: _Pending) -> None:
        del self._pending[pending.connection.fileno()]
        self._poll.unregister(pending.connection)

    def _refuse(self, pending: _Pending, why: str) -> None:
        """Say why, if the client is there to hear it, and hang up."""
        self._forget(pending)
        _refuse(pending.connection, why)

    def _employ(self, connection: socket.socket, request: RawRequest, early: bytes) -> None:
        """Give a request to a new worker."""
        # region 04.serving
        with self._lock:
            if len(self._workers) >= MAX_WORKERS:
                _refuse(connection, "too many requests at once")
                return
            connection.setblocking(True)
            worker = threading.Thread(target=self._serve, args=(connection, request, early), daemon=True)
            self._workers.add(worker)
            self._connections.add(connection)
        try:
            worker.start()
        except RuntimeError:  # the system has no thread left
            self._dismiss(worker, connection)
            _refuse(connection, "the system has no thread left for this request")
        # endregion 04.serving

    def _serve(self, connection: socket.socket, request: RawRequest, early: bytes) -> None:
        reply = Reply(connection, request, early)
        try:
            try:
                self._handle(request, reply)
            except EngineError as error:
                reply.error(str(error))
                reply.end(error.exit_status)
        except OSError as error:
            # Most often the client is gone; what it asked for has been done or refused all the same.
            if error.errno in SCARCE:
                with suppress(OSError):
                    reply.error(f"the system has nothing left for this request: {error.strerror}")
                    reply.end(ENGINE_ERROR)
        except Exception as error:  # noqa: BLE001 - a bug of ours: the client shall hear of it, the rest go on
            self._say("".join(traceback.format_exception(error)).rstrip())
            with suppress(OSError):
                reply.error(f"a bug of the engine: {type(error).__name__}: {error}")
                reply.end(ENGINE_ERROR)
        finally:
            self._dismiss(threading.current_thread(), connection)
            connection.close()

    def _dismiss(self, worker: threading.Thread, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)
            self._workers.discard(worker)


def _refuse(connection: socket.socket, why: str) -> None:
    connection.setblocking(False)
    with suppress(OSError):
        connection.send(frame(STDERR, f"engine: {why}\n".encode()) + end_frame(ENGINE_ERROR))
    connection.close()
