"""The module's end: refused while it is used, otherwise leaving nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from grading.api import check, expect, scenario, wait_until
from grading.api.module import DEVICE, Module
from grading.guest.observer import Observer
from grading.guest.records import Finished
from grading.session import Session

TURNS = 2
WORKS = ["hard.monitor_kills", "soft.soft_limit_is_told", "hard.hard_limit_is_told"]
"""What else shows a module that does something, and so has something to take away: it may have words of its own,
or understand its own engine only."""

LEFT_SECONDS = {1: 2.4, 2: 1.2}
"""In which a timer goes off that was left behind, by level: a monitor looks every second; some, of those that only
level 1 asks for, every two."""


@dataclass(frozen=True)
class Unloaded:
    """A module that was taken away."""

    done: Finished
    gone: bool
    device: bool
    threads: list[str]
    """Of the kernel's, those that still run its code."""
    lines: list[str]
    again: Finished


@scenario
def unloaded(module: Module, observer: Observer, graded: Session) -> Unloaded:
    """Without an engine; then load it again."""
    graded.end_engine()
    mark = module.log.mark()
    done = module.unload()
    gone = bool(wait_until(lambda: not module.loaded, 3))
    lines = module.log.since(mark)
    device = observer.stat(DEVICE) is not None
    threads = module.threads_left() if gone else []
    if gone and not threads:
        module.let_timers_go_off(LEFT_SECONDS[graded.level])  # the kernel is watched meanwhile
    again = module.load()
    return Unloaded(done, gone, device, threads, lines, again)


@check(
    "teardown",
    points=2,
    stage="alone",
    half="monitor",
    needs=["soft.monitor_warns"],
    otherwise=WORKS,
    hint="Undo in reverse order: device, work or timer, list.",
)
def test_module_unloads(unloaded: Unloaded, graded: Session) -> None:
    """The module can be unloaded, and takes its device, its threads and its timers with it."""
    if unloaded.threads:
        graded.replace_guest()  # they may go on at any time, in what was freed
    expect(
        unloaded.done.code == 0 and unloaded.gone,
        "rmmod succeeds",
        unloaded.done.error_text or unloaded.done.code,
    )
    expect(not unloaded.device, f"{DEVICE} is gone", "it is still there")
    expect(not unloaded.threads, "no kernel thread runs its code any more", unloaded.threads)
    expect(unloaded.again.code == 0, "it can be loaded again", unloaded.again.error_text)


@check(
    "teardown",
    stage="alone",
    half="monitor",
    needs=["soft.monitor_warns"],
    otherwise=WORKS,
    hint=".owner = THIS_MODULE",
)
def test_module_in_use_stays(module: Module, graded: Session) -> None:
    """While the device is open, the module cannot be unloaded."""
    graded.end_engine()
    with module.opened():
        done = module.unload()
        stayed = module.loaded
    if not stayed:
        graded.replace_guest()  # an open file leads to where the module was
    expect(done.code != 0 and stayed, "rmmod is refused", f"status {done.code}")


@check("teardown", level=2, stage="alone", half="monitor", needs=["teardown.module_unloads"])
def test_module_says_that_it_is_unloaded(unloaded: Unloaded) -> None:
    """The kernel log says that the module was unloaded, and nothing else."""
    expect(
        unloaded.lines[:1] == ["[container_monitor] Module unloaded."] and len(unloaded.lines) <= 1,
        "the one line `[container_monitor] Module unloaded.`",
        unloaded.lines,
    )


@check(
    "teardown",
    stage="alone",
    half="monitor",
    needs=["soft.monitor_warns"],
    otherwise=["hard.monitor_kills"],
    hint="cancel_delayed_work_sync() or timer_delete_sync() before anything is freed.",
)
def test_module_unloads_with_entries(module: Module, graded: Session) -> None:
    """Unloading right after work leaves no timer and no entry behind: the kernel stays whole.

    An entry or a timer that outlives its module is a crash some moments later; unless the module is loaded again
    before, to the same addresses.
    """
    graded.end_engine()
    from grading.api.module import REGISTER, request

    for turn in range(TURNS):
        holder = module.holder("hold 12")
        holder.await_output(b"held")
        with module.opened() as device:
            device.ioctl(REGISTER, request(holder.pid, 4 << 20, 900 << 20, f"turn-{turn}-{holder.pid}"))
            wait_until(partial(module.log.about, holder.pid, what="SOFT"), 3)
        done = module.unload()
        expect(done.code == 0, "rmmod succeeds", done.error_text)
        holder.end()
        if turn == TURNS - 1:
            module.let_timers_go_off(LEFT_SECONDS[graded.level])  # the kernel is watched meanwhile
        expect(module.load().code == 0, "it can be loaded again", "it cannot")
