"""The index of a log: which of its bytes came from which stream, and when.

The log is the exact bytes and nothing else, so what is known about them lies beside it:
one record for each run, that is, for bytes that follow each other in the log, came from
one stream and arrived within `GRAIN`. A record holds where the run begins; it ends where
the next begins. So a chunk that continues a run costs nothing at all, and both a moment
and a place in the log are found by bisection.

The newest records are in memory, and go to a file by the page: most logs never need one.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, overload

UNKNOWN, STDOUT, STDERR = 0, 1, 2
"""Streams. Unknown: both in one pipe, or the disk took no more of the index."""

GRAIN = 10_000
"""Microseconds. What arrives within this time of a run's first byte belongs to that run."""
PAGE = 4096
"""Bytes of records that are kept in memory."""

_RECORD = struct.Struct("<QQ")  # microseconds since the epoch; where it begins, times 4, plus the stream


class Run(NamedTuple):
    """Bytes of one stream that arrived together."""

    time: int  # microseconds since the epoch: arrival of its first byte; never less than the run's before
    start: int  # where it begins in the log
    stream: int


class Index:
    """The runs of one log, for the thread that writes them and for any that read.

    Args:
        path: of its file, once it needs one and is published.
        complain: called once, with a sentence, when the disk takes no more records.
    """

    def __init__(self, path: Path, complain: Callable[[str], None]) -> None:
        self.path = path
        self._draft = path.with_name(path.name + ".new")
        self._complain = complain
        self._last = Run(0, 0, -1)
        self._lock = threading.Lock()  # of all below
        self._published = False
        self._forgotten = False  # its file, if it has one, is not to be found any more
        self._file = -1  # open from the first page until `finish`
        self._identity = 0  # its inode; 0 while there is no file
        self._paged = 0  # records in the file
        self._tail = bytearray()  # those that are not
        self.broken = False  # the disk took no more; the last record is of an unknown stream
        self._views: set[View] = set()

    def add(self, stream: int, start: int, time: int) -> None:
        """From `start` on the log holds bytes of `stream` that arrived at `time` (microseconds)."""
        time = max(time, self._last.time)  # a clock that is set back must not spoil the search
        if (stream == self._last.stream and time - self._last.time < GRAIN) or self.broken:
            return
        with self._lock:
            if len(self._tail) >= PAGE:
                self._turn_page(start)
            self._last = Run(time, start, UNKNOWN if self.broken else stream)
            self._tail += _RECORD.pack(time, start << 2 | self._last.stream)

    def _turn_page(self, start: int) -> None:
        """Move the records in memory to the file."""
        try:
            if self._file < 0:
                self._open()
            if os.pwrite(self._file, self._tail, self._paged * _RECORD.size) < len(self._tail):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self.broken = True
            self._complain(
                f"the index {self.path} ends: {error.strerror}; from byte {start} of the log on "
                "its two streams cannot be told apart"
            )
            return
        self._paged += len(self._tail) // _RECORD.size
        self._tail.clear()

    def _place(self) -> Path:
        if self._forgotten:  # it may be another's by now
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return self.path if self._published else self._draft

    def _open(self) -> None:
        path = self._place()
        path.unlink(missing_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        self._identity = os.fstat(self._file).st_ino
        for view in self._views:
            view.file = os.dup(self._file)

    def publish(self) -> None:
        """Take the place of the index of an earlier container of this id."""
        with self._lock:
            if self._identity:
                self._draft.rename(self.path)
            else:
                self.path.unlink(missing_ok=True)
            self._published = True

    def finish(self) -> None:
        """Close the file; nothing will be added any more."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def forget(self) -> None:
        """Make and open no file any more, for another index is about to take the place."""
        with self._lock:
            self._forgotten = True

    def remove(self) -> None:
        """Take the file away, if there is one, and make none any more; views that are open go on."""
        with self._lock:
            self._forgotten = True
            path = self.path if self._published else self._draft
            with suppress(FileNotFoundError):
                if self._identity == path.stat().st_ino:
                    path.unlink()

    def view(self) -> View:
        """A view for one reader, who must close it.

        Raises:
            OSError: the file is gone, or about to be.
        """
        view = View(self)
        with self._lock:
            if self._file >= 0:
                view.file = os.dup(self._file)
            elif self._identity:
                view.file = os.open(self._place(), os.O_RDONLY | os.O_CLOEXEC)
            self._views.add(view)
        return view


class View(Sequence[Run]):
    """The runs of an index as a sequence that may grow, for one reader."""

    def __init__(self, index: Index) -> None:
        self.file = -1  # a descriptor of its own, as soon as there is a file
        self._index = index

    def __len__(self) -> int:
        index = self._index
        with index._lock:
            return index._paged + len(index._tail) // _RECORD.size

    @overload
    def __getitem__(self, position: int) -> Run: ...

    @overload
    def __getitem__(self, position: slice) -> list[Run]: ...

    def __getitem__(self, position: int | slice) -> Run | list[Run]:
        if isinstance(position, slice):
            first, end, _ = position.indices(len(self))
            return self._read(first, end - first)
        if not 0 <= position < len(self):
            raise IndexError(position)
        return self._read(position, 1)[0]

    def _read(self, first: int, count: int) -> list[Run]:
        index = self._index
        with index._lock:
            paged, tail = index._paged, bytes(index._tail)
        data = b""
        if first < paged:
            data = os.pread(self.file, min(count, paged - first) * _RECORD.size, first * _RECORD.size)
        begin = max(0, first - paged) * _RECORD.size
        data += tail[begin : begin + count * _RECORD.size - len(data)]
        return [Run(time, place >> 2, place & 3) for time, place in _RECORD.iter_unpack(data)]

    def at(self, place: int) -> int:
        """The number of the run in which a byte of the log lies; -1 if there is none yet."""
        return bisect_right(self, place, key=lambda run: run.start) - 1

    def since(self, time: int) -> int:
        """Where in the log the first run begins that arrived at `time` or later; -1 if there is none."""
        position = bisect_left(self, time, key=lambda run: run.time)
        return self[position].start if position < len(self) else -1

    def close(self) -> None:
        """Give the descriptor back."""
        with self._index._lock:
            self._index._views.discard(self)
            if self.file >= 0:
                os.close(self.file)
                self.file = -1
