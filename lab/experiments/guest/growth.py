"""Watch the memory of one growing container from its start to its end.

    python3 -m lab.experiments.guest.growth JSON

Prints lines of JSON with {"t"} in seconds since boot: {"began"} when its program runs, {"rss",
"charged", "peak"} for each look (bytes; the latter two are memory.current and memory.peak of its
cgroup, and null where the monitor holds the limits), {"limit", "rss"} when a warning or a kill is
told of, and last {"end", "reason"}: `gone`, or `time` where it outlived its time and was stopped.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from lab.demo.guest.cpu import cgroup_of
from lab.demo.guest.memory import beginning, new_records, now, resident, say
from lab.experiments.guest import containers


def number(path: Path) -> int | None:
    """The number in a file of a cgroup; None once the group is gone."""
    try:
        return int(path.read_text())
    except OSError:
        return None


def warned(cgroup: Path) -> bool:
    """Whether the group was ever above its memory.high (`high` of memory.events)."""
    with contextlib.suppress(OSError):
        return re.search(r"^high [1-9]", (cgroup / "memory.events").read_text(), re.MULTILINE) is not None
    return False


def await_end(pid: int, seconds: float) -> None:
    """Wait for the end of a process that has given back its memory: the rest may take a moment."""
    containers.until(lambda: not containers.alive(pid), seconds)


def main(asked: dict[str, object]) -> None:
    """Watch.

    Args:
        asked: `container` (as for `containers.start_command`), `by` (monitor or cgroup), `seconds` at
            most, `pause` between two looks in seconds, `patience` for the engine in seconds.

    Raises:
        containers.Failed: the engine did not start it, or did not stop it.
    """
    container = asked["container"]
    assert isinstance(container, dict)
    seconds, pause, patience = (float(str(asked[key])) for key in ("seconds", "pause", "patience"))
    identifier, argv = str(container["id"]), list(container["argv"])
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    os.lseek(log, 0, os.SEEK_END)
    starting = subprocess.Popen(
        containers.start_command(container), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    pid: int | None = None
    cgroup: Path | None = None
    soft = False
    end = now() + patience
    while now() < end:
        pid_before, pid = pid, pid or containers.find(argv)
        if pid is None:
            if starting.poll():
                raise containers.Failed(f"`engine start` failed: {starting.communicate()[1].strip()[-500:]}")
            time.sleep(containers.PAUSE)
            continue
        if pid_before is None:
            say(began=beginning(pid))
            end = now() + seconds
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            cgroup = cgroup or (cgroup_of(pid) if asked["by"] == "cgroup" else None)
        rss = resident(pid)
        if rss is not None:
            charged = number(cgroup / "memory.current") if cgroup else None
            say(rss=rss, charged=charged, peak=number(cgroup / "memory.peak") if cgroup else None)
        if cgroup and not soft and warned(cgroup):
            soft = True
            say(limit="soft", rss=rss)
        for line in new_records(log):
            told = re.search(r"(SOFT|HARD) LIMIT container=(\S+) pid=\d+ rss=(\d+)", line)
            if told and told[2] == identifier:
                say(limit=told[1].lower(), rss=int(told[3]))
        if rss is None:
            await_end(pid, patience)
            break
        time.sleep(pause)
    if pid is None:
        starting.kill()
        raise containers.Failed(f"no process ran {' '.join(argv)} within {patience:.0f} s")
    gone = not containers.alive(pid)
    ended = now()
    if not gone:
        containers.stop([identifier], [pid])
    starting.communicate(timeout=patience)
    print(  # noqa: T201
        json.dumps(
            {
                "t": round(ended, 4),
                "end": "gone" if gone else "time",
                "reason": containers.reason(identifier, patience),
            }
        )
    )


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except containers.Failed as error:
        sys.exit(str(error))
