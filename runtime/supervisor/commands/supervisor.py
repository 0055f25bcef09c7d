"""`engine supervisor`: not a request, but whom requests are made to; see `supervisor/__main__.py`."""

from __future__ import annotations

from supervisor.commands.base import Command
from supervisor.errors import UsageError
from supervisor.options import Line


def parse(line: Line) -> None:
    """Refuse.

    Raises:
        UsageError: always.
    """
    raise UsageError("`engine supervisor` is the supervisor itself, not a request to it")


SUPERVISOR = Command(
    name="supervisor",
    usage="<base-rootfs>",
    summary="stay up and own the containers",
    text="""\
Stay up and own the containers, until SIGTERM or SIGINT (Ctrl-C); then stop them all, write
their logs to the end and exit 0. <base-rootfs> is the root file system that containers'
root file systems are copied from. Where the kernel monitor is loaded it enforces the
memory limits, cgroup v2 does otherwise; which, is said at the start and by `engine ps`.
""",
    parse=parse,
    completes="files",
)
