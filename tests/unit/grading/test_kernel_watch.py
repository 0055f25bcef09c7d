"""What a kernel's complaint says of whose doing it is."""

from __future__ import annotations

import pytest

from grading.guest.kernel_watch import KernelWatch, Trouble
from grading.guest.records import KernelRecord

REGISTERING = "[  206.892949] [container_monitor] Registering container=reuse-0-429 pid=429"


@pytest.mark.parametrize(
    ("lines", "fatal", "unexplained"),
    [
        (("panic", REGISTERING), True, True),
        (("the machine is gone",), True, True),
        (("panic", REGISTERING, "[  207.1] BUG: unable to handle page fault for address: 0000"), True, False),
        (("panic", "[  207.1] Kernel panic - not syncing: Fatal exception"), True, False),
        ((REGISTERING,), False, False),
    ],
)
def test_a_machine_that_is_gone_without_a_word_may_not_be_the_submissions_doing(
    lines: tuple[str, ...], fatal: bool, unexplained: bool
) -> None:
    assert Trouble(lines, fatal).is_unexplained is unexplained


@pytest.mark.parametrize(
    "before", ["", "[   12.345678] ", "[  206.892949][  T123] ", "[    1.000000][    C0] ", "<4>"]
)
@pytest.mark.parametrize(
    "text",
    [
        "Kernel panic - not syncing: Fatal exception in interrupt",
        "BUG: kernel NULL pointer dereference, address: 0000000000000008",
        "BUG: unable to handle page fault for address: ffffc90000a3d000",
        "BUG: scheduling while atomic: engine/812/0x00000100",
        "BUG: sleeping function called from invalid context at kernel/locking/mutex.c:585",
        "BUG: Bad page state in process engine  pfn:1a2b3",
        "BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!",
        "BUG kmalloc-64 (Tainted: G           OE     ): Poison overwritten",
        "BUG kmalloc-64 (Not tainted): Redzone overwritten",
        "BUG: KASAN: slab-use-after-free in walk+0x33/0x90 [monitor]",
        "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [insmod:900]",
        "watchdog: Watchdog detected hard LOCKUP on cpu 0",
        "watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 0",
        "NMI watchdog: Watchdog detected hard LOCKUP on cpu 1",
        "WARNING: CPU: 0 PID: 812 at kernel/time/timer.c:1030 __mod_timer+0x2b4/0x3c0",
        "WARNING: CPU: 0 PID: 7 at /root/soft_limit/monitor.c:30 walk+0x10/0x20 [monitor]",
        "WARNING: possible circular locking dependency detected",
        "WARNING: possible recursive locking detected",
        "WARNING: inconsistent lock state",
        "WARNING: bad unlock balance detected!",
        "WARNING: suspicious RCU usage",
        "[ BUG: Invalid wait context ]",
        "INFO: possible recursive locking detected",
        "INFO: task rmmod:914 blocked for more than 120 seconds.",
        "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
        "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-...D } 21 jiffies",
        "rcu: INFO: rcu_preempt self-detected stall on CPU",
        "Oops: 0000 [#1] PREEMPT SMP NOPTI",
        "Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI",
        "Oops: general protection fault, probably for non-canonical address 0xdead000000000108: 0000 [#1]",
        "general protection fault, probably for non-canonical address 0xdead000000000108: 0000 [#1] SMP",
        "general protection fault: 0000 [#1] SMP",
        "divide error: 0000 [#1] PREEMPT SMP NOPTI",
        "Internal error: Oops: 0000000096000046 [#1] SMP",
        "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008",
        "kernel BUG at mm/slub.c:448!",
        "list_add corruption. prev->next should be next (ffff8881), but was 0000. (prev=ffff8882).",
        "list_del corruption, ffff888100a3d000->next is LIST_POISON1 (dead000000000100)",
        "list_add double add: new=ffff8881, prev=ffff8881, next=ffff8882.",
        "refcount_t: underflow; use-after-free.",
        "KASAN: null-ptr-deref in range [0x0000000000000008-0x000000000000000f]",
        "UBSAN: array-index-out-of-bounds in monitor.c:40:12",
        "kobject_add_internal failed for container_monitor with -EEXIST",
        "kobject: kobject_add_internal failed for container_monitor with -EEXIST",
        "sysfs: cannot create duplicate filename '/devices/virtual/misc/container_monitor'",
        "page dumped because: nonzero _refcount",
    ],
)  # fmt: skip
def test_what_the_kernel_complains_of_is_found(before: str, text: str) -> None:
    assert told(before + text) is not None


@pytest.mark.parametrize("before", ["", "[   12.345678] ", "[  206.892949][  T123] "])
@pytest.mark.parametrize(
    "text",
    [
        "[container_monitor] WARNING: SOFT LIMIT container=a pid=5 rss=1 limit=1",
        "[monitor] WARNING: PID 812 RSS 20480 KB > Soft Limit.",
        "container_monitor: WARNING: process 812 is above its soft limit",
        "WARNING: container_monitor: SOFT LIMIT exceeded by a (pid 5)",
        "WARNING: [container_monitor] Hard limit exceeded by a (pid 5)",
        "[container_monitor] SOFT LIMIT WARNING: container=a pid=5",
        "[container_monitor] BUG: a task without memory, pid=5",
        "[container_monitor] Oops, no such container",
        "[container_monitor] HARD LIMIT container=general protection fault",
        "traps: engine[4242] general protection fault ip:55d0 sp:7ffd error:0 in engine[55d0+3000]",
        "traps: engine[4242] trap divide error ip:55d0 sp:7ffd error:0 in engine[55d0+3000]",
        "traps: engine[4242] trap invalid opcode ip:55d0 sp:7ffd error:0 in engine[55d0+3000]",
        "engine[4242]: segfault at 0 ip 000055d0 sp 00007ffd error 4 in engine[55d0+3000]",
        "engine[4242] general protection fault ip:55d0 sp:7ffd error:0 in libc.so.6[7f00+1000]",
    ],
)
def test_what_a_monitor_says_or_a_program_dies_of_is_no_complaint_of_the_kernel(
    before: str, text: str
) -> None:
    assert told(before + text) is None


def told(text: str) -> Trouble | None:
    watch = KernelWatch()
    watch.record(KernelRecord(1, 0, 4, 1.0, text))
    return watch.take()
