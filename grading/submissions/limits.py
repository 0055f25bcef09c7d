"""How much a submission may hold, and the account that is kept while it is unpacked or copied.

What counts are bytes that were really read and written, never what a header claims.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.errors import LabError

MIB = 1024 * 1024


class TooMuch(LabError):
    """A submission reached one of its limits."""


@dataclass(frozen=True)
class Limits:
    """Generous for a project with a few root file systems in it, small beside the host's disk."""

    members: int = 100_000
    """Files, folders and links. One Alpine tree has about 500."""
    file_bytes: int = 64 * MIB
    """A longer file is left out and noted: it is no source."""
    kept_bytes: int = 1024 * MIB
    """Written in sum."""
    read_bytes: int = 4096 * MIB
    """Decompressed in sum, also of what is left out."""
    ratio: int = 200
    """Decompressed bytes for each byte of the archive, once there are more than `ratio_from`."""
    ratio_from: int = 256 * MIB
    """A log of one repeated line is compressed as well as a bomb; up to here nobody minds."""
    depth: int = 3
    """Archives within archives."""
    folders: int = 40
    """Folders within folders."""
    seconds: float = 120.0
    """For all of it."""


@dataclass
class Budget:
    """What has been used of the limits, for one submission with all archives in it."""

    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], float] = time.monotonic
    members: int = 0
    kept: int = 0
    read: int = 0
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def member(self) -> None:
        """Count one file, folder or link.

        Raises:
            TooMuch: there are too many, or it takes too long.
        """
        self.members += 1
        if self.members > self.limits.members:
            raise _more_than(f"{self.limits.members:,} files")
        self.in_time()

    def keep(self, count: int) -> None:
        """Count bytes that are about to be written.

        Raises:
            TooMuch: the submission is too big.
        """
        self.kept += count
        if self.kept > self.limits.kept_bytes:
            raise _more_than(f"{self.limits.kept_bytes // MIB:,} MiB")

    def decompressed(self, count: int, *, of_this: int, archive_bytes: int) -> None:
        """Count bytes that came out of an archive.

        Args:
            count: how many came out just now.
            of_this: how many came out of this archive so far.
            archive_bytes: the size of the archive itself.

        Raises:
            TooMuch: it swells like a bomb, there is too much, or it takes too long.
        """
        self.read += count
        if of_this > self.limits.ratio_from and of_this > self.limits.ratio * max(archive_bytes, 1):
            raise TooMuch(
                f"the archive unpacks to more than {self.limits.ratio} times its own size, as archive bombs do",
                "Ask for the sources alone.",
            )
        if self.read > self.limits.read_bytes:
            raise _more_than(f"{self.limits.read_bytes // MIB:,} MiB unpacked")
        self.in_time()

    def in_time(self) -> None:
        """See whether there is time left.

        Raises:
            TooMuch: there is none.
        """
        if self.clock() - self.began > self.limits.seconds:
            raise TooMuch(
                f"unpacking takes longer than {self.limits.seconds:.0f} s", "Ask for the sources alone."
            )


def _more_than(much: str) -> TooMuch:
    return TooMuch(f"the submission holds more than {much}", "Ask for the sources alone.")
