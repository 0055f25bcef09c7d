"""Watch a container's resident memory, and the monitor's words about it, from its start to its end.

    python3 memory.py ID PROGRAM SECONDS

Waits until the kernel log says that the monitor registered the container ID, and so learns its
PID; looks at its memory as soon as it executes PROGRAM. Prints {"t", "ready"} first, {"t",
"began", "pid"} when the container is there, {"t", "rss"} for each look (seconds since boot,
bytes), {"t", "log"} for each line of the monitor about it, {"t", "ps"} with what `engine ps`
says right after the soft warning, and last {"t", "end"}: "gone", or "time" where SECONDS
were over first.
"""

import errno
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PAUSE = 0.05  # seconds between two looks


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
    """When a process was made: seconds since boot, starttime of proc_pid_stat(5); now if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return now()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def executes(pid: int, program: str) -> bool:
    """Whether it runs that program; until then it is a copy of the process that made it."""
    try:
        return os.readlink(f"/proc/{pid}/exe").endswith(program)  # noqa: PTH115 - its path in another mount namespace
    except (FileNotFoundError, ProcessLookupError):
        return False


def main(identifier: str, program: str, seconds: float) -> None:
    """Watch."""
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    os.lseek(log, 0, os.SEEK_END)
    end = now() + seconds
    pid = None
    own_program = False
    question: subprocess.Popen[str] | None = None
    answered = False
    say(ready=True)
    while now() < end:
        # First whether it is there, then what the monitor said of it, so that nothing is missing of that.
        own_program = own_program or (pid is not None and executes(pid, program))
        rss = resident(pid) if pid is not None else None
        gone = pid is not None and rss is None
        if rss is not None and own_program:
            say(rss=rss)
        for line in new_records(log):
            if f"container={identifier} " not in line:
                continue
            registered = re.search(r"Registering container=\S+ pid=(\d+)", line)
            if registered:
                pid = int(registered[1])
                say(began=beginning(pid), pid=pid)
            say(log=line)
            if "SOFT LIMIT" in line and question is None:
                question = subprocess.Popen(
                    ["engine", "ps"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
                )
        if question is not None and not answered and (gone or question.poll() is not None):
            with suppress(subprocess.TimeoutExpired):
                say(ps=question.communicate(timeout=max(0.1, end - now()))[0])
            answered = True
        if gone:
            say(end="gone")
            return
        time.sleep(PAUSE)
    say(end="time")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
