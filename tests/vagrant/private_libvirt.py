"""A libvirtd of our own, and commands that run beside it; for the tests and the benchmarks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import paths

SCRIPT = Path(__file__).with_name("private_libvirt.sh")
NEEDED = ("vagrant", "libvirtd", "virtlogd", "virsh", "dnsmasq", "iptables", "rsync", "grub-mkimage")
START_SECONDS = 60.0


class PrivateLibvirt:
    """Runs commands where the private libvirtd is, with a Vagrant that has nothing of the user's."""

    def __init__(self, folder: Path, pid: int) -> None:
        self.folder = folder
        self.pid = pid
        self.workspace = folder / "workspace"
        # Images are shared, boxes are not: the user's own box stays the one in the catalogue.
        cache = folder / "cache"
        for name in ("images", "alpine"):
            (paths.cache() / name).mkdir(exist_ok=True, mode=0o700)
        cache.mkdir()
        for name in ("images", "alpine"):
            (cache / name).symlink_to(paths.cache() / name)
        self.environment = {
            **os.environ,
            "VAGRANT_HOME": str(folder / "vagrant-home"),
            "VAGRANT_DOTFILE_PATH": str(folder / "vagrant-state"),
            "VAGRANT_CWD": str(paths.CHECKOUT / "vagrant"),
            "VAGRANT_CHECKPOINT_DISABLE": "1",
            "VAGRANT_DEFAULT_PROVIDER": "libvirt",
            "BOXWRIGHT_CACHE": str(cache),
            "BOXWRIGHT_STATE": str(folder / "state"),
            "BOXWRIGHT_WORKSPACE": str(self.workspace),
        }

    def run(self, *command: str, timeout: float, stderr: bool = True) -> str:
        """What a command prints; it must succeed within so many seconds.

        Args:
            command: the program and its arguments.
            timeout: seconds.
            stderr: give its standard error, too.
        """
        # Files, and a group of its own: a daemon that it leaves behind must not hold us up.
        log, errors = self.folder / "command.log", self.folder / "command.err"
        with log.open("wb") as output, errors.open("wb") as apart:
            started = subprocess.Popen(
                ["nsenter", f"--target={self.pid}", "--net", "--mount", "--pid", f"--wd={paths.CHECKOUT}", *command],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output if stderr else apart,
                start_new_session=True,
            )  # fmt: skip
            try:
                status = started.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, signal.SIGKILL)
                started.wait()
                status = -1
        said = log.read_text("utf-8", "replace")
        ended = "did not end in time" if status == -1 else f"ended with {status}"
        assert status == 0, f"{' '.join(command)} {ended}:\n{said[-4000:]}{errors.read_text()[-4000:]}"
        return said

    def lab(self, *arguments: str, timeout: float, stderr: bool = True) -> str:
        """Run `lab`."""
        return self.run(str(paths.CHECKOUT / ".venv/bin/lab"), *arguments, timeout=timeout, stderr=stderr)


def why_not() -> str:
    """Why there can be none here; empty where there can."""
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (./bootstrap.sh --with vagrant)"
    return "" if os.geteuid() == 0 else "a libvirtd of our own needs root"


@contextmanager
def private_libvirt(folder: Path) -> Iterator[PrivateLibvirt]:
    """A libvirtd with its state in an empty folder, for as long as the block lasts."""
    namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with (folder / "libvirtd.log").open("wb") as log:
        holder = subprocess.Popen(
            ["unshare", *namespaces, "sh", str(SCRIPT), str(folder)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (folder / "ready").exists():
            if holder.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"libvirtd did not start: {(folder / 'libvirtd.log').read_text()}")
            time.sleep(0.1)
        children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
        yield PrivateLibvirt(folder, int(children[0]))
    finally:
        holder.kill()
        holder.wait()
