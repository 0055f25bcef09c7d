"""The image's own small initrd: one static program, a few drivers, and `init.sh`.

A distribution's initrd finds out what hardware there is; ours knows. It is made only of
files from the guest, so the host's versions do not matter, and the same guest gives the
same bytes.
"""

from __future__ import annotations

import gzip
import lzma
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from lab.errors import LabError
from lab.machine.cpio import Archive

INIT = Path(__file__).with_name("init.sh")

APPLETS = (
    *("sh", "[", "cat", "cp", "echo", "find", "insmod", "ip"),
    *("mkdir", "mknod", "mount", "sleep", "switch_root", "umount"),
)
"""The names under which `init.sh` calls busybox."""

DRIVERS = (
    "virtio_pci",
    "virtio_mmio",
    "virtio_blk",
    "virtio_net",
    "virtio_rng",
    "ext4",
    "pvpanic_pci",
    "vmgenid",
)
"""Modules that the guest needs before its own udev runs, or, like pvpanic, from the first moment on.
Those that a kernel has built in are left out; what they depend on comes along."""

OPTIONAL_DRIVERS = ("virtio_mmio", "virtio_rng", "pvpanic_pci", "vmgenid")
"""Those without which a guest still boots; some kernels lack them."""


def build(busybox: bytes, modules: Mapping[str, bytes], release: str) -> bytes:
    """The initrd of a kernel.

    Args:
        busybox: the guest's static busybox.
        modules: what `needed_files` names below `/lib/modules/RELEASE/`, by path below that folder.
        release: the kernel's release, for messages.

    Raises:
        LabError: the kernel has a driver neither built in nor as a module.
    """
    archive = Archive()
    for folder in ("dev", "proc", "sys", "new"):
        archive.folder(folder)
    archive.file("init", INIT.read_bytes(), 0o755)
    archive.file("bin/busybox", busybox, 0o755)
    for applet in APPLETS:
        archive.link(f"bin/{applet}", "busybox")
    order = load_order(modules, release)
    for path in order:
        archive.file(f"modules/{_plain_name(path)}", decompressed(path, modules[path]))
    archive.file("modules/order", "".join(f"{_plain_name(path)}\n" for path in order).encode())
    return bytes(archive)


def needed_files(path: str) -> bool:
    """Whether a file below `/lib/modules/RELEASE/` may go into the initrd; see `build`."""
    return path in ("modules.dep", "modules.softdep", "modules.builtin") or ".ko" in PurePosixPath(path).name


def load_order(modules: Mapping[str, bytes], release: str) -> list[str]:
    """Paths of the modules to load, each after those it depends on."""
    dependencies = _parse_dep(modules["modules.dep"].decode())
    paths = {_module_name(path): path for path in dependencies}
    builtin = {_module_name(line) for line in modules["modules.builtin"].decode().split()}
    before = _parse_softdep(modules.get("modules.softdep", b"").decode())
    order: list[str] = []

    def add(name: str, *, optional: bool) -> None:
        if name in builtin:
            return
        if name not in paths:
            if optional:
                return
            raise LabError(
                f"The guest's kernel {release} has no driver {name}",
                "Choose a suite whose kernel runs in QEMU.",
            )
        for early in before.get(name, ()):
            add(early, optional=True)
        # modules.dep names the nearest dependency first (depmod(8)): load from the end.
        for path in (*reversed(dependencies[paths[name]]), paths[name]):
            if path not in order:
                order.append(path)

    for driver in DRIVERS:
        add(driver, optional=driver in OPTIONAL_DRIVERS)
    return order


def decompressed(path: str, content: bytes) -> bytes:
    """A module as `insmod` of busybox takes it, and as the kernel loads it fastest."""
    if path.endswith(".xz"):
        return lzma.decompress(content)
    if path.endswith(".gz"):
        return gzip.decompress(content)
    if path.endswith(".zst"):
        try:
            return subprocess.run(["zstd", "-dc"], input=content, stdout=subprocess.PIPE, check=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            raise LabError(
                f"The guest's kernel module {path} cannot be unpacked: {error}", "Install zstd."
            ) from error
    return content


def _plain_name(path: str) -> str:
    return _module_name(path) + ".ko"


def _module_name(path: str) -> str:
    """The kernel's name of a module: dashes in file names are underscores."""
    return PurePosixPath(path).name.partition(".ko")[0].replace("-", "_")


def _parse_dep(text: str) -> dict[str, list[str]]:
    """`modules.dep`: a module's path, a colon, paths of those it needs."""
    lines = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {path: needed.split() for path, _, needed in lines}


def _parse_softdep(text: str) -> dict[str, list[str]]:
    """`modules.softdep`: lines such as `softdep ext4 pre: crc32c`."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) > 2 and words[0] == "softdep":
            found.setdefault(words[1].replace("-", "_"), []).extend(_pre(words[2:]))
    return found


def _pre(words: Iterable[str]) -> list[str]:
    early: list[str] = []
    reading = False
    for word in words:
        if word.endswith(":"):
            reading = word == "pre:"
        elif reading:
            early.append(word.replace("-", "_"))
    return early
