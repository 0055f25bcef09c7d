"""What the kernel's well-known complaints mean, a sentence each, for whoever meets them for the first time."""

from __future__ import annotations

import re
from collections.abc import Iterable

MEANINGS: tuple[tuple[str, str], ...] = (
    (
        r"scheduling while atomic|sleeping function called from invalid context",
        "Something that may sleep (a mutex, kmalloc with GFP_KERNEL, copy_from_user) was called where sleeping is "
        "forbidden: in an interrupt, a timer's callback, under a spinlock or within rcu_read_lock.",
    ),
    (
        r"NULL pointer dereference",
        "A NULL pointer was followed: a lookup that found nothing, or an allocation that failed, was not checked.",
    ),
    (
        r"unable to handle page fault|general protection fault|unable to handle kernel paging",
        "A pointer was followed that leads nowhere: most often to something that was freed, or never set. In a "
        "freed object the address often looks like 6b6b… or dead….",
    ),
    (
        r"soft lockup",
        "A processor has been in the kernel for seconds without letting anybody else run: a loop without an end, "
        "or a spinlock that its holder never gives back.",
    ),
    (
        r"hard LOCKUP",
        "A processor has not even taken interrupts for seconds: it spins with them switched off.",
    ),
    (
        r"blocked for more than|hung task",
        "A task waits in the kernel and nobody wakes it: a mutex that was not given back (look at every return "
        "between lock and unlock), or a deadlock of two locks.",
    ),
    (
        r"detected stalls|self-detected stall",
        "RCU waits in vain for a processor: somebody stays within rcu_read_lock, or loops without an end.",
    ),
    (
        r"refcount_t: underflow|refcount_t: saturated|refcount_t: addition on 0|refcount_t:",
        "A reference was given back once too often, or taken of something that was gone already: each get has "
        "exactly one put, and the put comes last.",
    ),
    (
        r"list_add corruption|list_del corruption|list_add double add",
        "A list was changed by two at once, or an entry was added or removed twice: the lock does not cover "
        "every place that touches the list.",
    ),
    (
        r"possible circular locking|possible recursive locking|inconsistent lock state|possible deadlock",
        "Lockdep has seen locks taken in an order that can deadlock, even if this time it went well.",
    ),
    (r"KASAN", "Memory was used after it was freed, or beyond its end; the lines say who freed it."),
    (
        r"Bad page state|page dumped because",
        "A page of memory was freed while somebody still used it, or twice.",
    ),
    (
        r"divide error",
        "Something was divided by zero.",
    ),
    (
        r"kobject_add_internal failed|cannot create duplicate",
        "The device is registered already: an earlier load did not take it away.",
    ),
    (r"stack-protector", "A local variable was written beyond its end."),
    (
        r"kernel BUG at",
        "A BUG_ON in the kernel's own code: something was called in a state it must never be in.",
    ),
    (
        r"WARNING:",
        "The kernel found something that must never be so, and went on; the line names the place in its source.",
    ),
    (
        r"Kernel panic",
        "The kernel gave up: it could not go on after what the lines before tell.",
    ),
)
"""The more exact ones first (kernel/sched/core.c, arch/x86/mm/fault.c, kernel/watchdog.c, kernel/hung_task.c,
kernel/rcu/tree_stall.h, lib/refcount.c, lib/list_debug.c, kernel/locking/lockdep.c)."""

MOST_MEANINGS = 3
NOT_OURS = re.compile(
    r"^\s*(?:\? |CPU: |Hardware name|Modules linked in|Code: |RIP: 0033|R[A-Z0-9]{2}: [0-9a-f]{16})"
)
"""Lines of a report that say nothing to a beginner."""


def meanings(lines: Iterable[str]) -> tuple[str, ...]:
    """What these lines mean, the first first; empty where none is well known."""
    found: dict[str, None] = {}
    for line in lines:
        meaning = next((text for pattern, text in MEANINGS if re.search(pattern, line)), None)
        if meaning:
            found[meaning] = None
    return tuple(found)[:MOST_MEANINGS]


def telling(lines: Iterable[str], most: int = 8) -> tuple[str, ...]:
    """The lines that say most: complaints, where it was, and the calls that led through the module."""
    every = list(lines)
    head = every[:1]
    wanted = [
        line
        for line in every[1:]
        if not NOT_OURS.search(line)
        and (
            re.search(r"\[monitor\]|^RIP: |\bmonitor_\w+\+0x", line)
            or any(re.search(p, line) for p, _ in MEANINGS)
        )
    ]
    return tuple(dict.fromkeys([*head, *wanted]))[:most]
