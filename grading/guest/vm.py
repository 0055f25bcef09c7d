"""A graded machine: fresh, with our observer in it before anything of the submission is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from grading.guest.frames import Stream
from grading.guest.kernel_watch import KernelWatch, Trouble
from grading.guest.observer import Observer
from grading.guest.patience import Patience
from grading.guest.records import Process
from grading.guest.tools import POOL, POOL_SIZE, PREPARE, Tools
from lab import lifecycle
from lab.console import Progress
from lab.deploy import ROOTFS_BASE
from lab.errors import LabError, MachineError
from lab.machine.boot import serial_tail
from lab.machine.channel import is_open_in_guest
from lab.machine.deadline import thread_times
from lab.machine.process import running_pid
from lab.machine.qemu_command import Hardware
from lab.machine.record import machine_folder
from lab.machine.remote import RemoteMachine

TOOLS = "/run/boxwright-tools"
"""Where the read-only disk is mounted."""

CREDENTIALS = "/run/credentials/"
"""Where systemd mounts what it gives to a service, as long as that runs."""

PORT = "boxwright.observer"
"""Of the guest: the observer that runs in the saved state has it open."""

MOUNT = f"mkdir -p {TOOLS} && mount -o ro /dev/vdb {TOOLS}"

SETTINGS = {
    "kernel/hung_task_timeout_secs": "20",
    "kernel/panic_on_oops": "0",
    "kernel/core_pattern": "|/bin/false",
    "kernel/printk_devkmsg": "on",
    "kernel/sched_autogroup_enabled": "0",
}
"""Sysctls of a graded guest: a hang is told while its check runs, an oops leaves the guest alive to be looked
at, a core dump fills no disk, nobody's lines are dropped,
and a nice value counts between sessions as within one (Documentation/admin-guide/sysctl/kernel.rst)."""


@dataclass(frozen=True)
class Baseline:
    """What the guest was like before anything was delivered."""

    mounts: tuple[str, ...]
    propagation: tuple[str, ...]
    hostname: str
    modules: frozenset[str]


class Guest:
    """One machine and its observer.

    Args:
        machine: of any kind.
        stream: to the observer in it, with which nobody spoke before.
        pid: the QEMU that runs it alone, whose processor time measures what a guest could do; None for no such.
        new_name: of a guest that goes on from a saved state, and is to be given this name and the host's time.
        has_observer: whether a program of the guest holds the other end of the stream still.
    """

    def __init__(
        self,
        machine: RemoteMachine[Any],
        stream: Stream,
        *,
        pid: int | None = None,
        new_name: str = "",
        has_observer: Callable[[], bool] = lambda: True,
    ) -> None:
        self.machine = machine
        self._has_observer = has_observer
        self.watch = KernelWatch()
        self.on_silence: Callable[[], None] = lambda: None
        """Asked as well while an answer is waited for; raises `MachineError` where none will come."""
        self.on_loss: Callable[[], None] = lambda: None
        """Asked when it does not answer any more, for what can be seen from outside."""
        self.patience = Patience(machine.record.slowness, partial(thread_times, pid) if pid else None)
        self.observer = Observer(stream, patience=self.patience, alive=self._alive, is_late=bool(new_name))
        self.observer.on_kernel = self.watch.record
        if new_name:
            self._rename(new_name)
        for name, value in SETTINGS.items():
            try:
                self.observer.write(f"/proc/sys/{name}", value.encode())
            except OSError:
                continue  # a kernel without hung-task detection, for one
        self.kernel = self.observer.proc("sys/kernel/osrelease").strip()
        self.baseline = Baseline(
            tuple(self.mounts()),
            tuple(self.propagation()),
            self.observer.proc("sys/kernel/hostname").strip(),
            self.modules(),
        )
        self.observer.note_bystanders()

    def _rename(self, name: str) -> None:
        self.observer.write("/proc/sys/kernel/hostname", name.encode())
        # Some programs complain where a host cannot look up its own name.
        self.observer.write("/etc/hosts", self.observer.read("/etc/hosts") + f"127.0.1.1 {name}\n".encode())

    def mounts(self) -> list[str]:
        """The host's mount table as PID 1 sees it, without the numbers that any mount changes."""
        lines = self._mountinfo()
        return sorted(" ".join(line.split()[3:6]) + " " + line.partition(" - ")[2] for line in lines)

    def propagation(self) -> list[str]:
        """Where mounts of the host reach whom: `shared`, `master` and the like, without the groups' numbers."""
        lines = [line.partition(" - ")[0].split() for line in self._mountinfo()]
        return sorted(
            " ".join([fields[4], *(each.partition(":")[0] for each in fields[6:])]) for fields in lines
        )

    def _mountinfo(self) -> list[str]:
        """Lines of proc_pid_mountinfo(5), but for those that come and go with services of systemd's own.

        One that is given credentials has a mount for them while it runs (systemd.exec(5), "CREDENTIALS"), as
        systemd-tmpfiles-clean.service, which a timer starts a quarter of an hour after boot.
        """
        lines = self.observer.proc("1/mountinfo").splitlines()
        return [line for line in lines if not line.split()[4].startswith(CREDENTIALS)]

    def modules(self) -> frozenset[str]:
        """Names of the loaded kernel modules."""
        return frozenset(line.split()[0] for line in self.observer.proc("modules").splitlines())

    def newcomers(self) -> list[Process]:
        """Processes that were not there before the delivery; those of the observer's own jobs included."""
        return self.observer.processes()

    def trouble(self, *, ask: bool = True) -> Trouble | None:
        """What the kernel complained of since the last call.

        Args:
            ask: have the guest answer first, so that nothing of it is still on its way.

        Raises:
            MachineError: it does not answer, and has not complained.
        """
        lost: MachineError | None = None
        if ask:
            try:
                self.observer.proc("uptime")
            except MachineError as error:
                lost = error
                self.on_loss()
        for event in self.machine.events():
            if event.kind in ("panic", "reset", "shutdown"):
                self.watch.machine_broke([f"{event.kind} {event.detail}".strip(), *self.serial()])
                break
        trouble = self.watch.take()
        if trouble is None and lost is not None:
            raise lost
        return trouble

    def serial(self) -> list[str]:
        """The end of the serial console, from the last complaint on."""
        return serial_tail(self.machine.folder, 40).splitlines()

    def _alive(self) -> None:
        for event in self.machine.events():
            if event.kind in ("panic", "reset", "shutdown"):
                raise MachineError(f"The guest is gone: {event.kind} {event.detail}".strip())
        if not self._has_observer():
            raise MachineError("The guest's observer was lost: it ended")
        self.on_silence()

    def close(self) -> None:
        """Let go of it; the machine goes on."""
        self.observer.close()
        self.machine.close()


def fresh_guest(name: str, tools: Tools, progress: Progress, suite: str | None = None) -> Guest:
    """A new QEMU machine of that name, a clone of the warm state that has the tools' disk.

    Raises:
        LabError: there is a machine of that name still, or none can be made.
    """
    if (machine_folder(name) / "machine.json").exists():
        raise LabError(
            f"Machine {name!r} is there still, and not fresh any more",
            f"End the `lab` or `grade` that works on it, or remove it: lab destroy {name}",
        )
    prepare = f"{MOUNT} && sh {TOOLS}/{PREPARE.name} {ROOTFS_BASE} {POOL} {POOL_SIZE} {PORT}"
    hardware = Hardware(read_only_disk=str(tools.disk), prepare=prepare, channel=PORT)
    machine = lifecycle.up(name, progress, suite=suite, hardware=hardware)
    try:
        pid = running_pid(machine.folder)
        if machine.channel is None:  # booted, since there is no warm state
            stream: Stream = machine.connection.talk(f"{MOUNT} && exec {TOOLS}/observer")
            return Guest(machine, stream, pid=pid)
        has_observer = partial(is_open_in_guest, machine.folder)
        return Guest(machine, machine.channel, pid=pid, new_name=name, has_observer=has_observer)
    except BaseException:
        machine.close()
        remove_guest(name)
        raise


def remove_guest(name: str) -> None:
    """Take the machine away, whatever state it is in."""
    try:
        lifecycle.destroy(name)
    except LabError:
        return  # there is none
