"""What the measuring programs in the guest share."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOTFS_BASE = Path("/srv/boxwright/rootfs-base")
LOGS = Path("/var/log/boxwright")


def say(found: object) -> None:
    """The last line of a program here is its findings, as JSON."""
    sys.stdout.write(json.dumps(found) + "\n")


def ask_supervisor(*arguments: str) -> None:
    """One request without a client's process: what is left is create, exec, reap and the answer."""
    body = b"".join(word.encode() + b"\0" for word in ("/", "", *arguments))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("/run/boxwright/engine.sock")
        client.sendall(b"bxw2" + len(body).to_bytes(4, "big") + body)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    if answer[-5:] != b"\0\0\0\0\0":
        raise RuntimeError(f"the supervisor answered {answer!r}")


def run(*command: str) -> str:
    """A command that must succeed; gives what it prints."""
    done = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return done.stdout.decode()


def rootfs(name: str) -> Path:
    """A root file system for one container: the base's files under another folder."""
    path = Path("/srv") / name
    shutil.rmtree(path, ignore_errors=True)
    run("cp", "-al", str(ROOTFS_BASE), str(path))
    return path


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition, looking every two milliseconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} took more than {seconds:.0f} s")
        time.sleep(0.002)


def bundle(name: str, root: Path, *program: str) -> Path:
    """A bundle as `runc spec` makes it, with a rootfs and a program, and no terminal."""
    path = Path("/run/bundles") / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    subprocess.run(["runc", "spec"], check=True, cwd=path)
    config = json.loads((path / "config.json").read_text())
    config["process"].update(terminal=False, args=list(program))
    config["root"] = {"path": str(root), "readonly": False}
    config["hostname"] = name
    (path / "config.json").write_text(json.dumps(config))
    return path


class Conmon:
    """A container of crun's under conmon, which writes its log."""

    def __init__(self, name: str, path: Path, log: Path) -> None:
        self.name = name
        exits = Path("/run/conmon-exits")
        exits.mkdir(exist_ok=True)
        sockets = Path("/run/conmon-sockets")
        sockets.mkdir(exist_ok=True)
        self.pid_file = path / "conmon.pid"
        run(
            "conmon", "--cid", name, "--cuuid", name, "--name", name,
            "--runtime", "/usr/bin/crun", "--bundle", str(path),
            "--container-pidfile", str(path / "pid"), "--conmon-pidfile", str(self.pid_file),
            "--log-path", f"k8s-file:{log}", "--exit-dir", str(exits), "--socket-dir-path", str(sockets),
        )  # fmt: skip
        until(self.pid_file.exists, 60, "conmon")

    def start(self) -> None:
        """Let the program begin."""
        until(
            lambda: (
                subprocess.run(["crun", "start", self.name], check=False, capture_output=True).returncode == 0
            ),
            60,
            "crun",
        )

    @property
    def pid(self) -> int:
        """Of conmon."""
        return int(self.pid_file.read_text())

    def wait(self, seconds: float) -> None:
        """Until conmon is gone, and so the log complete."""
        until(lambda: not Path(f"/proc/{self.pid}").exists(), seconds, "conmon's end")

    def remove(self) -> None:
        """Take the container away."""
        subprocess.run(["crun", "delete", "--force", self.name], check=True, capture_output=True)


def pss_kib(pid: int) -> int:
    """A process's share of memory in KiB (proc_pid_smaps(5), smaps_rollup)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise ValueError(f"process {pid} has no Pss")


def supervisor_pids() -> list[int]:
    """The supervisor and its zygote: the unit's main process and those children that are no containers."""
    main = int(run("systemctl", "show", "--property=MainPID", "--value", "bench"))
    containers = {entry["pid"] for entry in json.loads(run("engine", "ps", "--format", "json"))}
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    return [main, *(int(pid) for pid in children if int(pid) not in containers)]
