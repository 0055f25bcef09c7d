"""Two containers at once, each in a world of its own."""

from __future__ import annotations

from dataclasses import dataclass

from grading.api import check, expect, scenario, wait_until
from grading.api.container import Container, await_all_gone
from grading.api.engine import Engine
from grading.guest.observer import Observer
from grading.guest.records import Finished, Process
from grading.guest.vm import Guest


@dataclass(frozen=True)
class World:
    """Two containers, as they see themselves and as the host's kernel sees them."""

    containers: tuple[Container, Container]
    views: tuple[dict[str, bytes], dict[str, bytes]]
    processes: tuple[Process, Process]
    """Those that execute the probe."""
    inits: tuple[Process | None, Process | None]
    host: Process
    host_name: str
    answers: tuple[Finished | None, ...]
    """Of the two clients; None where one had not ended while its container lived."""


@scenario
def world(engine: Engine, observer: Observer) -> World:
    """Start two that look around and then sleep; look at both while both live."""
    both = engine.start("view NONCE 600", name="alpha"), engine.start("view NONCE 600", name="beta")
    clients = [each.client for each in both if each.client]
    wait_until(lambda: all(client.wait(0) for client in clients), 4)
    answers = tuple(client.wait(0) for client in clients)
    processes = both[0].await_running(), both[1].await_running()
    views = both[0].view(), both[1].view()
    inits = both[0].init, both[1].init
    first = next(process for process in observer.processes(everybody=True) if process.pid == 1)
    found = World(both, views, processes, inits, first, observer.proc("sys/kernel/hostname").strip(), answers)
    for container in both:
        engine.stop(container.id)
    return found


def text(view: dict[str, bytes], key: str) -> str:
    """What was seen under a key."""
    return view.get(key, b"").decode("utf-8", "backslashreplace")


@check(
    "containers",
    points=2,
    needs=["build.engine_builds"],
    hint="Follow one `start` through client, supervisor and clone().",
)
def test_starts(world: World) -> None:
    """`start` starts a container: its command runs.

    Seen in the kernel's own list of processes, not in what the engine says.
    """
    expect(world.processes[0].words, "a process that executes the command", "none")


@check(
    "control", points=2, needs=["containers.starts"],
    hint="Who reads until the other end is closed waits for everybody who has it: also a child that inherited it.",
)  # fmt: skip
def test_start_returns(world: World) -> None:
    """`start` returns once the container is recorded, and does not wait for its end."""
    for answer in world.answers:
        expect(
            answer is not None and not answer.timed_out,
            "the client ends while its container runs",
            "it still waits",
        )
        assert answer is not None
        expect(answer.code == 0, "status 0", f"{answer.code}: {answer.error_text}")


@check(
    "containers",
    points=2,
    needs=["containers.starts"],
    hint="The supervisor must be able to have several children.",
)
def test_two_at_once(world: World) -> None:
    """Two containers run at the same time under one supervisor."""
    first, second = world.processes
    expect(first.pid != second.pid, "two processes", first.pid)
    spaces = first.spaces["mnt"], second.spaces["mnt"]
    expect(spaces[0] != spaces[1], "each has a mount namespace of its own", spaces)


@check(
    "containers",
    needs=["containers.starts"],
    hint="CLONE_NEWPID in clone(): unshare() moves only later children.",
)
def test_own_pid_namespace(world: World) -> None:
    """Each container is in a PID namespace of its own, with a PID 1."""
    for process in world.processes:
        expect(
            process.spaces["pid"] != world.host.spaces["pid"],
            "another PID namespace than the host's",
            process.spaces["pid"],
        )
    expect(
        world.processes[0].spaces["pid"] != world.processes[1].spaces["pid"],
        "one for each container",
        "they share one",
    )
    for init in world.inits:
        expect(init is not None and init.space_pids[-1] == 1, "its first process is PID 1 inside", init)


@check(
    "containers",
    level=2,
    needs=["containers.own_pid_namespace"],
    hint="Execute the command itself, without a shell between.",
)
def test_command_is_pid_1(world: World) -> None:
    """The command itself is PID 1 of its container."""
    for view in world.views:
        expect(text(view, "pid") == "1", "getpid() is 1", text(view, "pid"))


@check("containers", needs=["containers.starts"], hint="CLONE_NEWUTS, then sethostname() in the child.")
def test_own_uts_namespace(world: World) -> None:
    """Each container has a hostname that is not the host's business."""
    for process in world.processes:
        expect(
            process.spaces["uts"] != world.host.spaces["uts"],
            "another UTS namespace than the host's",
            process.spaces["uts"],
        )


@check(
    "containers",
    level=2,
    needs=["containers.own_uts_namespace"],
    hint="sethostname() with the container's id.",
)
def test_hostname_is_the_id(world: World) -> None:
    """A container's hostname is its id."""
    for container, view in zip(world.containers, world.views, strict=True):
        expect(text(view, "hostname") == container.id, container.id, text(view, "hostname"))


@check("containers", needs=["containers.starts"], hint="CLONE_NEWNS.")
def test_own_mount_namespace(world: World) -> None:
    """Each container has a mount table of its own."""
    for process in world.processes:
        expect(
            process.spaces["mnt"] != world.host.spaces["mnt"],
            "another mount namespace than the host's",
            process.spaces["mnt"],
        )


@check("containers", level=2, needs=["containers.starts"], hint="CLONE_NEWIPC.")
def test_own_ipc_namespace(world: World) -> None:
    """Each container has System V IPC and message queues of its own."""
    for process in world.processes:
        expect(
            process.spaces["ipc"] != world.host.spaces["ipc"],
            "another IPC namespace than the host's",
            process.spaces["ipc"],
        )


@check(
    "containers",
    points=2,
    needs=["containers.own_mount_namespace", "containers.own_pid_namespace"],
    hint='mount("proc", "/proc", "proc", …) after the new root is entered.',
)
def test_own_proc(world: World) -> None:
    """/proc in a container works, and shows the container's processes only."""
    for view in world.views:
        pids = sorted(int(name) for name in text(view, "proc").split() if name.isdigit())
        expect(pids, "processes in /proc", text(view, "proc")[:200] or "/proc is empty")
        expect(pids[0] == 1 and len(pids) <= 3, "PID 1 and what it started, and nothing of the host's", pids)
        expect(
            b"NSpid" in view.get("status", b""),
            "/proc/self/status can be read",
            view.get("status", b"")[:100],
        )


@check(
    "containers",
    needs=["containers.own_uts_namespace"],
    hint="sethostname() belongs into the child, after it has its own UTS namespace.",
)
def test_host_keeps_its_name(world: World, guest: Guest) -> None:
    """The host's hostname stays what it was."""
    expect(world.host_name == guest.baseline.hostname, guest.baseline.hostname, world.host_name)


@check(
    "teardown",
    points=3,
    stage="alone",
    needs=["containers.starts"],
    hint='mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) before any other mount in the child.',
)
def test_host_is_as_before(engine: Engine, guest: Guest) -> None:
    """When the containers are gone, the host's mounts, /proc and hostname are what they were.

    Mounts propagate: without making them private first, a container's /proc lands on the host.
    """
    containers = [engine.start("sleep 600", name="trace") for _ in range(2)]
    for container in containers:
        engine.stop(container.id)
    if not await_all_gone(containers, 8):  # that `stop` does not end them is another check's
        for container in containers:
            container.kill()
        await_all_gone(containers)
    observer = guest.observer
    expect(observer.stat("/proc/1/stat"), "the host's /proc works", "/proc/1/stat is gone")
    now, before = guest.mounts(), list(guest.baseline.mounts)
    expect(not set(now) - set(before), "no new mount", [line for line in now if line not in before][:10])
    expect(
        not set(before) - set(now), "no mount is missing", [line for line in before if line not in now][:10]
    )
    name = observer.proc("sys/kernel/hostname").strip()
    expect(name == guest.baseline.hostname, f"the hostname {guest.baseline.hostname}", name)
