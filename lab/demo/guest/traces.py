"""Tell what containers, engines and monitors may leave on a host, read from /proc and /sys.

    python3 traces.py

Prints one JSON object: processes, mounts, listening UNIX sockets, cgroups, module, device, hostname.
"""

import json
import socket
from pathlib import Path

KTHREADD = "2"  # parent of all kernel threads


def processes() -> list[dict[str, object]]:
    """Every process that is no kernel thread (proc_pid_stat(5)). PID and start together are unique."""
    found: list[dict[str, object]] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        name, _, rest = stat.partition("(")[2].rpartition(")")
        state, parent, *fields = rest.split()
        if KTHREADD not in (parent, folder.name):
            found.append(
                {
                    "pid": int(folder.name),
                    "parent": int(parent),
                    "name": name,
                    "state": state,
                    "threads": int(fields[15]),
                    "start": int(fields[17]),  # ticks since boot
                }
            )
    return found


def listening_sockets() -> list[str]:
    """Paths of UNIX sockets that somebody listens on (proc_net(5); flag 10000 is __SO_ACCEPTCON)."""
    found = []
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and int(fields[3], 16) & 0x10000:
            found.append(fields[7])
    return sorted(found)


def main() -> None:
    """Look, and print."""
    cgroups = Path("/sys/fs/cgroup/boxwright")
    print(  # noqa: T201
        json.dumps(
            {
                "processes": processes(),
                # Root and mount point, type and source: not the ids, which are new for every mount.
                "mounts": sorted(
                    f"{line.split()[3]} on {line.split()[4]} type {line.partition(' - ')[2].split()[0]}"
                    for line in Path("/proc/self/mountinfo").read_text().splitlines()
                ),
                "sockets": listening_sockets(),
                "cgroups": sorted(folder.name for folder in cgroups.glob("*/")),
                "module": Path("/sys/module/monitor").exists(),
                "device": Path("/dev/container_monitor").exists(),
                "hostname": socket.gethostname(),
            }
        )
    )


if __name__ == "__main__":
    main()
