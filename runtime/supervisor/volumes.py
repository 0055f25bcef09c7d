"""Volumes: files and folders of the host that a container shall see, as the command line names them."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass

from supervisor.errors import EngineError, UsageError
from supervisor.options import show
from supervisor.rootfs import Rootfs, find_place

OURS = ("/proc", "/dev")
"""Where the engine mounts what belongs to the container."""


@dataclass(frozen=True)
class VolumeRequest:
    """A volume as it was asked for."""

    source: str
    target: str  # absolute, tidied
    read_only: bool


def parse_volume(text: str) -> VolumeRequest:
    """A volume from `SRC:DST[:ro]`.

    Raises:
        UsageError: it is something else.
    """
    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    if not source or not target or mode not in ("", "ro", "rw"):
        raise UsageError(f"--volume is SOURCE:TARGET or SOURCE:TARGET:ro, not {show(text)}")
    if "/" not in source and source not in (".", ".."):
        raise UsageError(
            f"{show(source)} as a source would be a named volume, which there are none of",
            f"For a folder of that name write ./{source}." if source.isprintable() else "",
        )
    if not target.startswith("/"):
        raise UsageError(f"the target {show(target)} of a volume is not an absolute path")
    tidy = posixpath.normpath("/" + target.lstrip("/"))
    if tidy == "/" or any(tidy == folder or tidy.startswith(folder + "/") for folder in OURS):
        raise UsageError(
            f"a volume cannot be mounted on {show(target)}", "The engine mounts something there."
        )
    return VolumeRequest(source, tidy, mode == "ro")


@dataclass(frozen=True)
class FoundVolume:
    """A volume whose source has been looked at."""

    place: Rootfs
    target: str
    read_only: bool


def find_volumes(requests: tuple[VolumeRequest, ...], directory: str) -> list[FoundVolume]:
    """Look at the sources, seen from the client's working directory.

    Raises:
        EngineError: one is not there, or two have the same target.
    """
    targets = [request.target for request in requests]
    for target in targets:
        if targets.count(target) > 1:
            raise UsageError(f"two volumes are to be mounted on {show(target)}")
    volumes = []
    for request in requests:
        full = os.path.join(directory, request.source)  # noqa: PTH118 - `..` as the kernel understands it
        try:
            place = find_place(full)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise EngineError(
                f"the source {show(request.source)} of a volume cannot be used: {why}",
                "Give a file or a folder of this machine.",
            ) from error
        volumes.append(FoundVolume(place, request.target, request.read_only))
    return volumes
