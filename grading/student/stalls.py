"""Notices a guest whose kernel hangs in the student's module, sooner than a time limit would.

The kernel itself tells it: its watchdog after twice `watchdog_thresh` seconds (a processor that never comes
back from the kernel), khungtaskd after `hung_task_timeout_secs` (a task that waits for ever); see
Documentation/admin-guide/sysctl/kernel.rst. Where no processor is left to hand on the records, they still
come over the serial console.
"""

from __future__ import annotations

import contextlib
from functools import partial

from grading.guest.kernel_watch import COMPLAINTS, LINES, STALLS, Trouble
from grading.guest.vm import Guest
from lab.errors import MachineError

PATIENCE = {"kernel/watchdog_thresh": "4", "kernel/hung_task_timeout_secs": "15"}
"""Sysctls, in seconds: shorter than in a graded guest, since somebody waits. A stalled host looks the same;
so only what names the module counts at once."""


def watched(guest: Guest) -> None:
    """Let a fresh guest tell stalls sooner, and let whoever waits for an answer learn of them."""
    for name, value in PATIENCE.items():
        with contextlib.suppress(OSError):  # a kernel without hung-task detection, for one
            guest.observer.write(f"/proc/sys/{name}", value.encode())
    guest.on_silence = partial(_raise_if_stalled, guest)
    guest.on_loss = partial(take_from_console, guest)


def _raise_if_stalled(guest: Guest) -> None:
    seen = guest.watch.peek()
    trouble = seen if seen is not None else on_console(guest)
    if trouble and STALLS.search("\n".join(trouble.lines)) and not trouble.may_be_the_hosts:
        raise MachineError("The kernel hangs in the module", "The machine is replaced.")


def take_from_console(guest: Guest) -> None:
    """Where a guest was lost and its observer told nothing, let the serial console tell what its kernel said."""
    seen = on_console(guest)
    if seen is not None and guest.watch.peek() is None:
        guest.watch.machine_broke(seen.lines)


def on_console(guest: Guest) -> Trouble | None:
    """What the kernel complained of on the serial console; None where it did not."""
    lines = guest.serial()
    first = next((at for at, line in enumerate(lines) if COMPLAINTS.search(line)), None)
    if first is None:
        return None
    return Trouble(tuple(_without_time(line) for line in lines[first:][:LINES]), fatal=True)


def _without_time(line: str) -> str:
    """A line of the console without the seconds since boot that the kernel puts before it."""
    return line.partition("] ")[2] if line.startswith("[") else line
