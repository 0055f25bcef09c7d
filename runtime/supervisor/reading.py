"""Reading a log back: which part of it, by stream, time and lines, and sending that to a client.

The place where to begin is found from the index and from the end of the log, so asking for
the last ten lines of a gigabyte reads a few pages. From there on the log is read in order
and cut where the stream changes; whoever follows it goes on from where the last look ended.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.index import STDOUT, UNKNOWN, Run
from supervisor.moments import stamp
from supervisor.protocol import frame

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.live import Container
    from supervisor.logs import ContainerLog

PIECE = 1 << 17
"""Bytes of a log that are read and sent at once."""
LONGEST = 2**31 - 1
"""Milliseconds that poll(2) waits at most."""
RUNS = 256
"""Records of the index that are read at once."""


@dataclass(frozen=True)
class Selection:
    """Which part of a log."""

    stream: int = 0  # STDOUT or STDERR; 0 for both
    apart: bool = False  # standard error goes to the client's own; otherwise all to its standard output
    since: int = 0  # microseconds since the epoch
    until: int = 0  # the same; 0 for no end
    tail: int = -1  # so many lines at the end; -1 for all
    timestamps: bool = False  # before each line, when it arrived


ALL = Selection()
APART = Selection(apart=True)


class Reader:
    """One reader of one log.

    Args:
        log: the log; it need not be complete.
        selection: what to read of it.

    Raises:
        EngineError: it cannot be read.
    """

    def __init__(self, log: ContainerLog, selection: Selection = ALL) -> None:
        self._log = log
        self._selection = selection
        self._file, self._view = log.open_reader()
        self._fresh = {0: True, 1: True, 2: True}  # by stream: whether its next byte begins a line
        end = log.size
        self.position = 0  # all before it has been sent, or was not asked for
        if selection.since:
            start = self._view.since(selection.since)
            self.position = min(start, end) if start >= 0 else end
        if selection.until:
            stop = self._view.since(selection.until)
            end = min(stop, end) if stop >= 0 else end
        if selection.tail >= 0:
            self.position = self._last_lines(selection.tail, self.position, end)

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self._file)
        self._view.close()

    def send(self, reply: Reply, hear: Callable[[bytes], None] | None = None) -> None:
        """Send what has been written since the last look.

        Args:
            reply: the way to the client.
            hear: called with what the client says meanwhile.

        Raises:
            OSError: the client is gone.
        """
        end = self._log.size
        while self.position < end:
            block = os.pread(self._file, min(PIECE, end - self.position), self.position)
            if not block:
                self.position = end  # somebody has cut the file
                return
            apart = self._selection.apart
            frames = b"".join(frame((apart and stream) or STDOUT, data) for stream, data in self._cut(block))
            self.position += len(block)
            if frames:
                reply.send(frames, hear)

    def _cut(self, block: bytes) -> Iterator[tuple[int, bytes]]:
        """The parts of a block that were asked for, each of one stream."""
        chosen = self._selection
        for run, begin, end in self._runs(self.position, self.position + len(block)):
            if chosen.stream not in (0, run.stream) or run.time < chosen.since:
                continue
            if chosen.until and run.time >= chosen.until:
                continue
            data = block[begin - self.position : end - self.position]
            yield run.stream, self._stamped(run, data) if chosen.timestamps else data

    def _stamped(self, run: Run, data: bytes) -> bytes:
        mark = stamp(run.time) + b" "
        fresh = self._fresh[run.stream]
        self._fresh[run.stream] = ends = data.endswith(b"\n")
        body = (data[:-1] if ends else data).replace(b"\n", b"\n" + mark)
        return (mark if fresh else b"") + body + (b"\n" if ends else b"")

    def _runs(self, start: int, end: int) -> Iterator[tuple[Run, int, int]]:
        """The runs in a part of the log, with what of the part is theirs: begin and end."""
        number = max(0, self._view.at(start))
        while start < end:
            runs = self._view[number : number + RUNS] or [Run(0, start, UNKNOWN)]
            number += len(runs) - 1
            last = len(runs) < RUNS  # then the newest run goes on to the end
            for run, following in zip(runs, [*runs[1:], None], strict=True):
                stop = min(end, following.start if following else end if last else start)
                if start < stop:
                    yield run, start, stop
                    start = stop

    def _last_lines(self, lines: int, start: int, end: int) -> int:
        """Where in a part of the log its last lines begin."""
        if not lines:
            return end
        newest = True
        for begin, stop in self._backwards(start, end):
            block = os.pread(self._file, stop - begin, begin)
            at = len(block)
            if newest and block.endswith(b"\n"):
                at -= 1  # it ends the last line, and does not begin another
            newest = False
            while (at := block.rfind(b"\n", 0, at)) >= 0:
                lines -= 1
                if not lines:
                    return begin + at + 1
        return start

    def _backwards(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The pieces of a part of the log that are of the stream asked for, the last one first."""
        stream = self._selection.stream
        number = self._view.at(end - 1) if stream else 0
        while start < end and number >= 0:
            first = max(0, number - RUNS + 1)
            runs = self._view[first : number + 1] if stream else [Run(0, start, 0)]
            for run in reversed(runs):
                begin = max(start, run.start)
                while begin < end:
                    at = max(begin, end - PIECE) if run.stream == stream else begin
                    if run.stream == stream:
                        yield at, end
                    end = at
            number = first - 1


def follow(
    container: Container,
    reader: Reader,
    reply: Reply,
    *,
    hear: Callable[[bytes], None] | None = None,
    deadline: Callable[[], float | None] = lambda: None,
) -> bool:
    """Send a log as it grows, until the container has ended and its log is complete.

    A client that takes it slowly, or not at all, holds up this thread and nothing else.

    Args:
        container: whose log it is.
        reader: the way to read it; it is not closed.
        reply: the way to the client.
        hear: called with what the client says meanwhile.
        deadline: milliseconds after which to end all the same; None for never.

    Returns:
        False when the client is gone.

    Raises:
        OSError: the client is gone.
    """
    log = container.log
    assert log is not None
    watcher = container.watch()
    try:
        poll = select.poll()
        poll.register(watcher, select.POLLIN)
        poll.register(reply.connection, select.POLLIN)
        while True:
            ended = container.exited.is_set() and log.complete.is_set()
            reader.send(reply, hear)
            left = deadline()
            if ended or (left is not None and left <= 0):
                return True
            for descriptor, _ in poll.poll(left if left is None else min(left, LONGEST)):
                if descriptor == watcher:
                    os.eventfd_read(watcher)
                    continue
                word = reply.connection.recv(256)
                if not word:
                    return False
                if hear is not None:
                    hear(word)
    finally:
        container.unwatch(watcher)
