"""Nothing of the host's is left open to a container."""

from __future__ import annotations

from dataclasses import dataclass

from grading.api import check, expect, scenario
from grading.api.engine import Engine
from grading.guest.records import Executor, read_executors

COMMON = 0xA80425FB
"""The fourteen capabilities that docker's containers keep, a bit for each (linux/capability.h)."""

HELD_SECONDS = 5.0
"""In which the program of a container is executed, after `start`."""


@dataclass(frozen=True)
class Born:
    """What a container's program has got, told by itself and by the kernel."""

    descriptors: dict[int, str]
    status: dict[str, str]
    """Of /proc/self/status (proc_pid_status(5))."""
    calls: dict[str, str]
    """Of each system call that it tried the errno; 0 where it was made."""

    def mask(self, name: str) -> int:
        """One of its five sets of capabilities, a bit for each."""
        return int(self.status.get(name, "0"), 16)


@scenario(containers=2)
def born(engine: Engine) -> Born:
    """A program in a container that was started beside another looks at its rights, and tries what it can call."""
    first = engine.start("sleep 600", name="beside")
    view = engine.start("calls NONCE", name="walled", running=False).view()
    engine.stop(first.id)
    told = {key: value.decode("utf-8", "replace") for key, value in view.items()}
    lines = (line.partition(":") for line in told.get("status", "").splitlines())
    return Born(
        {int(key[3:]): target for key, target in told.items() if key.startswith("fd.")},
        {name: value.strip() for name, _, value in lines},
        {key[5:]: number for key, number in told.items() if key.startswith("call.")},
    )


@scenario(containers=1)
def executor(engine: Engine) -> Executor | None:
    """Who executes a container's program, held by the kernel at that moment. None where nobody was seen."""
    rootfs = engine.new_rootfs()
    lookout = engine.observer.executors(f"{rootfs.path}{rootfs.probe}")
    container = engine.start("sleep 600", name="born", rootfs=rootfs)
    received = lookout.receive(HELD_SECONDS, lambda got: b"\0" in got)
    lookout.close()
    engine.stop(container.id)
    return next(iter(read_executors(received)), None)


@check(
    "containers",
    level=2,
    needs=["containers.starts"],
    hint="close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) in the child.",
)
def test_no_descriptor_leaks_in(born: Born) -> None:
    """A container begins with standard input, output and error, and nothing else.

    A leaked descriptor is a way to the supervisor's socket, to other containers' pipes, or to the host's files.
    """
    more = {number: target for number, target in born.descriptors.items() if number > 2}
    expect(not more, "descriptors 0, 1 and 2", more)


@check(
    "containers",
    level=2,
    beyond=True,
    needs=["containers.starts"],
    hint="prctl(PR_SET_NO_NEW_PRIVS, 1) before exec, and PR_CAP_AMBIENT_CLEAR_ALL.",
)
def test_no_new_privileges(born: Born) -> None:
    """Nobody in a container gains privileges by executing a program.

    A set-user-ID program that somebody has left in a rootfs makes root of nobody then.
    """
    expect(
        born.status.get("NoNewPrivs") == "1", "NoNewPrivs: 1", f"NoNewPrivs: {born.status.get('NoNewPrivs')}"
    )
    expect(not born.mask("CapAmb"), "an empty ambient set", f"CapAmb: {born.status.get('CapAmb')}")


@check(
    "containers",
    level=2,
    beyond=True,
    needs=["containers.starts"],
    hint="PR_CAPBSET_DROP for each capability that is not among the fourteen, until the kernel knows no more.",
)
def test_capabilities_stay_away(born: Born) -> None:
    """The bounding set of a container holds the common fourteen capabilities at most.

    Root that executes a program is given all that the bounding set has.
    """
    more = born.mask("CapBnd") & ~COMMON
    expect(
        not more, f"none but those of {COMMON:x}", f"CapBnd: {born.status.get('CapBnd')}, {more:x} too many"
    )


@check(
    "containers",
    level=2,
    beyond=True,
    needs=["containers.starts"],
    hint="capset(2) with the fourteen as permitted and effective, and nothing as inheritable.",
)
def test_capabilities_are_given_up(born: Born, executor: Executor | None) -> None:
    """Root in a container has the common fourteen capabilities at most, and hands none on.

    They are given up before the program is executed: what exec takes away, it does by the bounding set.
    """
    before = executor.permitted if executor else 0
    for name, mask in (
        ("before exec", before),
        ("CapEff", born.mask("CapEff")),
        ("CapPrm", born.mask("CapPrm")),
    ):
        expect(not mask & ~COMMON, f"{name}: none but those of {COMMON:x}", f"{name}: {mask:x}")
    expect(not born.mask("CapInh"), "an empty inheritable set", f"CapInh: {born.status.get('CapInh')}")


@check(
    "containers",
    level=2,
    points=2,
    beyond=True,
    needs=["containers.starts"],
    hint="A filter that looks at the architecture first, then at the number, and of clone() at the flags.",
)
def test_calls_are_filtered(born: Born) -> None:
    """A seccomp filter takes away system calls that no capability guards.

    A new user namespace, by whichever of the calls that make one; key rings, which all containers share;
    page faults handled by user space; and rings whose work no filter sees. Also by the interface of 32-bit
    programs, in which the same calls have other numbers.
    """
    expect(born.status.get("Seccomp") == "2", "Seccomp: 2", f"Seccomp: {born.status.get('Seccomp')}")
    made = ", ".join(sorted(name for name, number in born.calls.items() if number == "0"))
    expect(born.calls and not made, "each of these calls fails", f"made: {made or 'nothing was tried'}")


@check(
    "containers",
    level=2,
    beyond=True,
    needs=["containers.starts"],
    hint="memfd_create(2) with MFD_ALLOW_SEALING, the whole program, F_ADD_SEALS; execute that.",
)
def test_engine_is_sealed(executor: Executor | None) -> None:
    """What becomes a container is executed from a file that nobody can write.

    /proc/PID/exe leads from inside a container to the file of the engine, whatever the root is (CVE-2019-5736).
    """
    expect(
        executor is not None,
        "the container's program is executed from its rootfs",
        "nobody was seen to do so",
    )
    assert executor is not None
    expect(
        executor.is_sealed, "it is executed by a process that runs from a sealed copy in memory",
        f"by process {executor.pid}, which runs from {executor.path}",
    )  # fmt: skip
