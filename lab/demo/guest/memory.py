"""Watch a process's resident memory, and the monitor's words about it, until it is gone.

    python3 memory.py PID SECONDS

Prints {"began"}, when the process was made, then {"t", "rss"} for each look (seconds of
CLOCK_BOOTTIME, bytes), {"t", "log"} for each line of the monitor in the kernel log, {"t", "ps"}
with what `engine ps` says right after the soft warning, and last {"t", "end"}: "gone", or
"time" where the process outlived SECONDS.
"""

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PAUSE = 0.05  # seconds between two looks
MARK = "[container_monitor]"


def now() -> float:
    """Seconds since boot; the clock in which the kernel tells when a process began."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def say(**fields: object) -> None:
    """One line of output."""
    print(json.dumps({"t": round(now(), 4), **fields}), flush=True)  # noqa: T201


def new_records(log: int) -> Iterator[str]:
    """The lines of the kernel log since the last call (Documentation/ABI/testing/dev-kmsg)."""
    while True:
        try:
            record = os.read(log, 8192).decode(errors="replace")
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EPIPE:  # EPIPE: older records were overwritten; go on
                raise
            continue
        yield record.partition(";")[2].split("\n")[0]


def resident(pid: int) -> int | None:
    """Resident bytes of a process, or None when it is no more (a zombie has no memory either)."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") or None


def beginning(pid: int) -> float:
    """When a process was made: seconds since boot, starttime of proc_pid_stat(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def main(pid: int, seconds: float) -> None:
    """Watch."""
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    asked = False
    say(began=beginning(pid))
    end = now() + seconds
    # The log from its beginning: what was said before this program stood is not to be missed.
    while now() < end:
        rss = resident(pid)
        if rss is not None:
            say(rss=rss)
        for line in new_records(log):
            if MARK in line and f"pid={pid} " in line:
                say(log=line)
                if "SOFT LIMIT" in line and not asked:
                    asked = True
                    answer = subprocess.run(["engine", "ps"], capture_output=True, text=True, check=False)
                    say(ps=answer.stdout + answer.stderr, status=answer.returncode)
        if rss is None:
            say(end="gone")
            return
        time.sleep(PAUSE)
    say(end="time")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
