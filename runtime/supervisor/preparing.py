"""What a start request means for the child and its cgroup: checked, and written down for both."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from supervisor.container import Spec
from supervisor.errors import EngineError
from supervisor.options import parse_cpus
from supervisor.zygote import INIT

if TYPE_CHECKING:
    from supervisor.records import Record
    from supervisor.rootfs import Rootfs
    from supervisor.start_request import StartRequest
    from supervisor.volumes import FoundVolume

PERIOD = 100_000
"""Microseconds over which the kernel counts a quota of CPU time, as it does by itself and docker does."""

ENVIRONMENT = {
    b"PATH": b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    b"HOME": b"/root",
}


def check(request: StartRequest, init: int, controllers: Sequence[str]) -> None:
    """Make sure that this machine has what is asked for.

    Args:
        request: what is asked for.
        init: the zygote's descriptor of the init; -1 where it was not built.
        controllers: those of the cgroups.

    Raises:
        EngineError: it has not.
    """
    options = request.options
    if request.cpuset:
        _check_cpus(parse_cpus(request.cpuset))
    if options.init and init < 0:
        raise EngineError(
            "the init of --init has not been built",
            f"Build it with `make -C {INIT.parent}`, then restart the supervisor.",
        )
    for option, wanted, controller in (("--cpus", options.cpus, "cpu"), ("--pids", options.pids, "pids")):
        if wanted and controller not in controllers:
            raise EngineError(
                f"{option} needs the {controller} controller of cgroup v2, which this machine does not give us"
            )


def _check_cpus(cpus: list[int]) -> None:
    missing = set(cpus) - os.sched_getaffinity(0)
    if missing:
        have = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        raise EngineError(f"there is no CPU {min(missing)} here", f"--cpuset can name {have}.")


def make_spec(
    request: StartRequest,
    rootfs: Rootfs,
    volumes: list[FoundVolume],
    variables: dict[bytes, bytes],
    init: int,
) -> Spec:
    """What the child must know.

    Args:
        request: what is asked for.
        rootfs: its root.
        volumes: what else of the host it shall see.
        variables: environment variables to set besides the usual ones.
        init: the zygote's descriptor of the init.
    """
    options = request.options
    hostname = options.hostname or request.id
    return Spec(
        argv=list(request.command),
        environment=ENVIRONMENT | {b"HOSTNAME": hostname.encode()} | variables,
        hostname=hostname,
        rootfs=rootfs.path,
        rootfs_key=rootfs.key,
        nice=request.nice,
        cpus=parse_cpus(request.cpuset) if request.cpuset else [],
        workdir=os.fsencode(options.workdir),
        volumes=[(one.place.path, one.place.key, os.fsencode(one.target), one.read_only) for one in volumes],
        read_only=options.read_only,
        init=init if options.init else -1,
    )


def set_shares(record: Record, write: Callable[[str, str | int], None]) -> None:
    """Give a cgroup its share of the CPUs; where the controllers are missing, nice and affinity remain."""
    # region 08.share
    settings: list[tuple[str, str | int]] = []
    if record.nice:
        settings.append(("cpu.weight.nice", record.nice))
    if record.cpuset:
        settings.append(("cpuset.cpus", record.cpuset))
    for name, value in settings:
        try:
            write(name, value)
        except OSError:
            continue
    # endregion 08.share


def set_bounds(request: StartRequest, write: Callable[[str, str | int], None]) -> None:
    """Limit the CPU time and the number of processes.

    Raises:
        EngineError: the kernel refused.
    """
    options = request.options
    try:
        if options.cpus:
            write("cpu.max", f"{round(options.cpus * PERIOD)} {PERIOD}")
        if options.pids:
            write("pids.max", options.pids)
    except OSError as error:
        raise EngineError(f"the limits on CPUs and processes cannot be set: {error.strerror}") from error
