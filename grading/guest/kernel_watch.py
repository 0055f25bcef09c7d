"""Watches a guest's kernel while checks run: what it complains about is kept with its lines.

Complaints come from the observer's stream of kernel records (only those that the kernel itself
wrote), and from outside: a panic, a reset or the end of the VM. Under emulation a stalled host
looks like a lockup inside; such complaints are the submission's only where its module is named.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from grading.guest.records import KernelRecord

BEGIN = r"(?:^(?:<\d+>)?|\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? )"
"""Where a record's text begins: with the line, or on the serial console after the time and, with
CONFIG_PRINTK_CALLER, after whoever wrote it (kernel/printk/printk.c, info_print_prefix)."""

COMPLAINTS = re.compile(
    BEGIN + r"(?:Kernel panic|(?:watchdog: )?BUG: |\[ BUG: |BUG \S.*\((?:Not t|T)ainted|"
    r"WARNING: (?!.*(?i:soft|hard) (?i:limit))|(?:Oops|general protection fault|divide error|invalid opcode|"
    r"stack segment): |general protection fault, |Internal error: |[Kk]ernel BUG at|Unable to handle kernel|"
    r"(?:rcu: )?INFO: .*(?:detected (?:expedited )?stalls|self-detected stall)|INFO: task .* blocked for|"
    r"INFO: possible|(?:NMI )?(?:watchdog: )?(?:CPU\d+: )?Watchdog detected hard LOCKUP|"
    r"list_(?:add|del) (?:corruption|double add)|refcount_t: |KASAN: |UBSAN: |KCSAN: |"
    r"(?:kobject: )?kobject_add_internal failed|sysfs: cannot create duplicate|page dumped because)"
)
"""How a kernel begins to complain (kernel/panic.c, lib/bug.c, kernel/watchdog.c, kernel/hung_task.c,
kernel/locking/lockdep.c, kernel/rcu/tree_stall.h, mm/slub.c, lib/list_debug.c, lib/refcount.c, fs/sysfs/dir.c,
arch/*/kernel/traps.c). At the beginning of a record only: a monitor may write `[monitor] WARNING: …` of a limit, and
what the kernel tells of a program that crashed begins with the program's name or with `traps: `."""

STALLS = re.compile(r"soft lockup|detected stalls|self-detected stall|blocked for|hard LOCKUP|clocksource")
MODULE_NAMED = re.compile(r"\[monitor\]|\bmonitor\(")
LINES = 40
"""As many lines of a complaint are kept."""


@dataclass(frozen=True)
class Trouble:
    """One complaint."""

    lines: tuple[str, ...]
    fatal: bool = False
    """Whether the machine is gone with it."""

    @property
    def may_be_the_hosts(self) -> bool:
        """Whether a stalled host looks the same, and nothing names the module."""
        text = "\n".join(self.lines)
        return bool(STALLS.search(text)) and not MODULE_NAMED.search(text)

    @property
    def is_unexplained(self) -> bool:
        """Whether the machine is gone and its kernel said nothing of why: an emulator's fault looks like that, too."""
        return self.fatal and not any(COMPLAINTS.search(line) for line in self.lines)


class KernelWatch:
    """Collects complaints; told of each record as it arrives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._fatal = False

    def record(self, record: KernelRecord) -> None:
        """One more record of the kernel's log."""
        if record.facility != 0:
            return
        with self._lock:
            if self._lines:
                if len(self._lines) < LINES:
                    self._lines.append(record.text)
            elif COMPLAINTS.search(record.text):
                self._lines.append(record.text)

    def machine_broke(self, lines: Sequence[str]) -> None:
        """The machine is gone or has panicked; the lines are the end of its serial console."""
        with self._lock:
            self._fatal = True
            self._lines = (self._lines + list(lines))[:LINES] or ["the machine is gone"]

    def peek(self) -> Trouble | None:
        """What there was since the last time that it was taken."""
        with self._lock:
            return Trouble(tuple(self._lines), self._fatal) if self._lines else None

    def take(self) -> Trouble | None:
        """The same, once."""
        with self._lock:
            if not self._lines:
                return None
            found = Trouble(tuple(self._lines), self._fatal)
            self._lines, self._fatal = [], False
            return found
