"""What a build and a machine take of this host: processors, memory, disk, processes, files, ports."""

from __future__ import annotations

import os
import resource
import shlex
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from lab import paths
from lab.doctor.finding import Finding, failed, ok, warning
from lab.image import build, store
from lab.machine.qemu_command import Hardware

MIB = 1 << 20

QEMU_MIB = 512
"""What QEMU itself takes beside the guest's memory, under emulation (1.1 GiB without tb-size=256)."""

AFTER_BUILD = 1_500_000_000
"""Bytes in the cache for the golden overlay and the warm state (the guest's memory, at most 1 GiB)."""

A_MACHINE = 1_000_000_000
"""Bytes in the state folder for the disk and the snapshots of a machine."""

LEAST_FREE = 500_000_000
"""Bytes without which also a lab that is built already soon stops."""

FILES = 1024
"""Open files: a class graded at once has a socket, a pipe and a log for each machine."""

PROCESSES = 500
"""A build has some 20 processes at a time; each QEMU has about 10 threads, and they count as well."""

FILE_BYTES = 5 << 30
"""The disk of the guest is a file of 4 GiB for a moment."""


def cpus(available: int | None = None) -> Iterator[Finding]:
    """How many processors this process may use."""
    count = len(os.sched_getaffinity(0)) if available is None else available
    if count >= 2:
        yield ok("cpus", f"{count} processors")
    else:
        yield warning("cpus", "one processor; everything takes twice as long", "Give this host a second one.")


def memory(
    *,
    proc: Path = Path("/proc"),
    cgroups: Path = Path("/sys/fs/cgroup"),
    guest_mib: int = Hardware().memory_mib,
) -> Iterator[Finding]:
    """Whether a VM fits into what is free, also under the limit of a container or a session."""
    fields = dict(line.split(":", 1) for line in (proc / "meminfo").read_text().splitlines() if ":" in line)
    free = int(fields["MemAvailable"].split()[0]) // 1024
    where = "free"
    limit = _cgroup_memory_left(proc, cgroups)
    if limit is not None and limit // MIB < free:
        free, where = limit // MIB, "left of this control group's limit"
    need = guest_mib + QEMU_MIB
    found = f"{free} MiB {where}; a machine takes {need} ({guest_mib} and QEMU's own)"
    smaller = f"End other programs, or use smaller machines: `lab up --memory {guest_mib // 2}`."
    if free >= need:
        yield ok("memory", found)
    elif free >= guest_mib:
        yield warning("memory", found, smaller)
    else:
        yield failed("memory", found, smaller)


def _cgroup_memory_left(proc: Path, cgroups: Path) -> int | None:
    """The least that a cgroup v2 above this process leaves, in bytes; None where none has a limit."""
    try:
        lines = (proc / "self/cgroup").read_text().splitlines()
    except OSError:
        return None
    own = next((line[3:] for line in lines if line.startswith("0::")), None)
    left: list[int] = []
    folder = cgroups / (own or "").lstrip("/")
    for group in (folder, *folder.parents) if own is not None else ():
        if not group.is_relative_to(cgroups):
            break
        try:
            most = (group / "memory.max").read_text().strip()
            if most != "max":
                used = int((group / "memory.current").read_text())
                cached = _field((group / "memory.stat").read_text(), "inactive_file")
                left.append(int(most) - used + cached)
        except (OSError, ValueError):
            continue  # the root has no such files
    return min(left, default=None)


def _field(text: str, name: str) -> int:
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(name + " ")), 0)


def free_bytes(path: Path) -> int:
    """What this user may still write on the file system of a folder."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def disk(
    *,
    places: Mapping[str, Path] | None = None,
    free: Callable[[Path], int] = free_bytes,
    built: bool | None = None,
) -> Iterator[Finding]:
    """Whether a build, and then a machine, fits on the disks of cache, state and temporary files.

    Args:
        places: the three folders.
        free: tells how many bytes are free below a folder.
        built: whether there is an image already, so that no build is needed at once.
    """
    where = places or {
        "cache": paths.cache(),
        "state": paths.state(),
        "temporary": Path(tempfile.gettempdir()),
    }
    needs = {
        "cache": build.SPACE_NEEDED["cache"] + AFTER_BUILD,
        "state": A_MACHINE,
        "temporary": build.SPACE_NEEDED["temporary"],
    }
    has_image = bool(store.images()) if built is None else built
    # Folders on one file system share what is free there.
    disks: dict[int, list[str]] = {}
    for name, path in where.items():
        disks.setdefault(path.stat().st_dev, []).append(name)
    found, short, empty = [], [], False
    for names in disks.values():
        there = free(where[names[0]])
        need = sum(needs[name] for name in names)
        found.append(f"{there / 1e9:.1f} GB free for {_listed(names)} ({need / 1e9:.1f} needed)")
        if there < need:
            short += [str(where[name]) for name in names]
            empty = empty or there < LEAST_FREE
    text = ", ".join(found)
    fix = (
        f"Free some space in {' or '.join(short)} (`lab image ls`, `lab destroy --all`), "
        "or name other folders with BOXWRIGHT_CACHE, BOXWRIGHT_STATE or TMPDIR."
    )
    if not short:
        yield ok("disk", text)
    elif has_image and not empty:
        yield warning("disk", f"{text}; an image is there, but another could not be built", fix)
    else:
        yield failed("disk", text, fix)


def _listed(names: list[str]) -> str:
    words = [f"{name} files" if name == "temporary" else name for name in names]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


Limits = Mapping[int, int]


def limits(soft: Limits | None = None) -> Iterator[Finding]:
    """What ulimit allows: open files, processes, the size of a file and of memory; soft limits, -1 for none."""
    kinds = (
        (resource.RLIMIT_NOFILE, "open files", "ulimit -n", FILES, 1),
        (resource.RLIMIT_NPROC, "processes", "ulimit -u", PROCESSES, 1),
        (resource.RLIMIT_FSIZE, "KiB a file", "ulimit -f", FILE_BYTES, 1024),
        (resource.RLIMIT_AS, "KiB of address space", "ulimit -v", 8 << 30, 1024),
    )
    shown = []
    wrong = []
    for kind, what, command, least, unit in kinds:
        limit = resource.getrlimit(kind)[0] if soft is None else soft.get(kind, resource.RLIM_INFINITY)
        if limit == resource.RLIM_INFINITY:
            continue
        shown.append(f"{limit // unit} {what}")
        if limit < least:
            wrong.append(
                (f"{limit // unit} {what}, and {least // unit} are wanted", f"{command} {least // unit}")
            )
    if wrong:
        yield failed(
            "limits",
            "; ".join(text for text, _ in wrong),
            " && ".join(command for _, command in wrong)
            + "   # in this shell; for good in /etc/security/limits.conf",
        )
    else:
        yield ok("limits", ", ".join(shown) or "no limit on files, processes or sizes")


def ports(host: str = "127.0.0.1") -> Iterator[Finding]:
    """A port can be opened on the loopback address, and reached."""
    try:
        with socket.create_server((host, 0)) as server:
            server.settimeout(2)
            address = server.getsockname()
            with socket.create_connection(address, timeout=2), server.accept()[0]:
                pass
    except OSError as error:
        yield failed(
            "ports", f"no port on {host} can be opened and reached: {error.strerror or error}",
            f"Bring the loopback interface up: `ip link set lo up`; no firewall may close {host}.",
        )  # fmt: skip
    else:
        yield ok("ports", f"ports on {host} can be opened and reached")


def folders(state: Path | None = None, cache: Path | None = None) -> Iterator[Finding]:
    """The state folder (it holds keys) and the cache are ours, writable, and closed to others."""
    for name, path in (("state", state or paths.state()), ("cache", cache or paths.cache())):
        yield _folder(f"{name}-folder", path)


def _folder(name: str, path: Path) -> Finding:
    status = path.stat()
    if status.st_uid != os.geteuid():
        return failed(name, f"{path} belongs to another user (id {status.st_uid})",
                      f"Name another folder with BOXWRIGHT_{name.split('-')[0].upper()}.")  # fmt: skip
    try:
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        return failed(
            name, f"{path} cannot be written: {error.strerror}", shlex.join(["chmod", "u+rwx", str(path)])
        )
    mode = status.st_mode & 0o777
    if mode & 0o022:
        return failed(
            name, f"other users may write to {path} (mode {mode:o})", shlex.join(["chmod", "700", str(path)])
        )
    if mode & 0o055:
        return warning(
            name, f"other users may read {path} (mode {mode:o})", shlex.join(["chmod", "700", str(path)])
        )
    return ok(name, f"{path} is writable, and private (mode {mode:o})")
