"""What a container is asked to be: the data that goes from a command line to a start.

The commands make it, and everything that starts a container reads it; neither knows the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from supervisor.records import MIB
from supervisor.volumes import FoundVolume, VolumeRequest

SOFT_MIB, HARD_MIB = 40, 64
"""The limits where none are given."""


@dataclass(frozen=True)
class StartOptions:
    """The options that only stand before the command."""

    remove: bool = False
    timeout: float = 0  # seconds; 0 for none
    environment: tuple[str, ...] = ()  # NAME=VALUE, or NAME alone
    environment_files: tuple[str, ...] = ()
    workdir: str = "/"
    hostname: str = ""  # empty for the id
    init: bool = False
    read_only: bool = False
    volumes: tuple[VolumeRequest, ...] = ()
    cpus: float = 0  # 0 for no limit
    pids: int = 0  # 0 for no limit
    join_streams: bool = False

    def describe(self, identifier: str, volumes: list[FoundVolume]) -> dict[str, object]:
        """What the record keeps, as JSON shows it; the keys stay."""
        return {
            "hostname": self.hostname or identifier,
            "init": self.init,
            "read_only": self.read_only,
            "volumes": [
                {"source": one.place.path, "destination": one.target, "read_only": one.read_only}
                for one in volumes
            ],
            "cpus": self.cpus or None,
            "pids_limit": self.pids or None,
            "timeout_seconds": self.timeout or None,
            "remove": self.remove,
            "join_streams": self.join_streams,
        }


@dataclass(frozen=True)
class StartRequest:
    """`start`, or `run` where `attached`."""

    id: str
    rootfs: str
    command: tuple[bytes, ...]
    soft_limit: int = SOFT_MIB * MIB  # bytes
    hard_limit: int = HARD_MIB * MIB  # bytes
    nice: int = 0
    cpuset: str = ""  # as given, such as "0-1,3"; empty for all
    attached: bool = False
    options: StartOptions = StartOptions()
