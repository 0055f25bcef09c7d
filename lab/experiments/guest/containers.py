"""Start and end containers through whatever engine the guest has, knowing nothing but the contract.

The process of a container is found by its command line, not by what `engine ps` prints:
so it is the same for an engine in Python and for one in C, finished or not.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

PAUSE = 0.02  # seconds between two looks
STOP_SECONDS = 15.0  # more than an engine's grace


class Failed(Exception):
    """The engine did not do what was asked of it; the text says what."""


def start_command(container: dict[str, object]) -> list[str]:
    """`engine start` for one container.

    Args:
        container: `id`, `rootfs`, `argv` (its program and arguments) and `options` of the command line.
    """
    argv, options = container["argv"], container["options"]
    assert isinstance(argv, list) and isinstance(options, list)
    return ["engine", "start", str(container["id"]), str(container["rootfs"]), *argv, *options]


def find(argv: Sequence[str]) -> int | None:
    """The newest process with exactly this command line (proc_pid_cmdline(5)), if there is one."""
    wanted = "\0".join(argv).encode() + b"\0"
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if (folder / "cmdline").read_bytes() == wanted:
                found.append(int(folder.name))
    return max(found, default=None)


def start(container: dict[str, object], patience: float) -> int:
    """Start a container and return the host PID of its program.

    Args:
        container: as for `start_command`.
        patience: seconds within which it must run its program.

    Raises:
        Failed: the engine refused, or the program is not to be seen.
    """
    command, argv = start_command(container), container["argv"]
    assert isinstance(argv, list)
    result = subprocess.run(
        command, check=False, capture_output=True, text=True, errors="replace", timeout=patience
    )
    if result.returncode != 0:
        raise Failed(f"`{' '.join(command)}` ended with {result.returncode}: {result.stderr.strip()[-500:]}")
    found: list[int] = []

    def runs() -> bool:
        pid = find(argv)
        found.extend([] if pid is None else [pid])
        return pid is not None

    if not until(runs, patience):
        raise Failed(f"`{' '.join(command)}` said that it started, and no process runs {' '.join(argv)}")
    return found[0]


def stop(identifiers: Iterable[str], pids: Iterable[int]) -> None:
    """Stop containers through the engine, and see them gone; what it leaves, the kernel ends.

    Raises:
        Failed: a process was still there.
    """
    pids = list(pids)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)  # one that is still stopped would not hear of SIGTERM
    for identifier in identifiers:
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                ["engine", "stop", identifier], check=False, capture_output=True, timeout=STOP_SECONDS
            )
    left = [pid for pid in pids if not until(lambda pid=pid: not alive(pid), STOP_SECONDS)]  # type: ignore[misc]
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if left:
        raise Failed(f"`engine stop` left processes behind: {', '.join(map(str, left))}")


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie (proc_pid_stat(5))."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def reason(identifier: str, patience: float) -> str:
    """Why a container ended, in the contract's word, as `engine ps` tells it; `unknown` where it does not."""
    said: list[str] = []

    def told() -> bool:
        shown = subprocess.run(
            ["engine", "ps"], check=False, capture_output=True, text=True, errors="replace"
        )
        line = next((each for each in shown.stdout.splitlines() if each.split()[:1] == [identifier]), "")
        words = re.findall(r"\b(hard_limit_killed|stopped|killed)\b", line)
        # `exited` is also the state, so it is the reason only where no other is told.
        said.extend(words or (["exited"] if re.search(r"\bexited\b", line) else []))
        return bool(said)

    until(told, patience)
    return said[0] if said else "unknown"


def until(holds: Callable[[], bool], seconds: float) -> bool:
    """Wait until something holds; whether it did within that time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(PAUSE)
    return True


def hold(pids: Iterable[int], cpus: Iterable[int]) -> None:
    """Bind processes to these CPUs, and let them go all at the same moment.

    They were stopped one by one as they came (SIGSTOP), so none has a lead.
    """
    pids = list(pids)
    for pid in pids:
        os.sched_setaffinity(pid, cpus)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
