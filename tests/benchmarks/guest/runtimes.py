"""Runs in the guest: times the engine, crun, runc and podman in turns.

Usage: runtimes.py ROUNDS ROOTFS BUNDLE. A supervisor is running; ROOTFS is a copy of the base
rootfs, BUNDLE a folder for the runtimes. Prints the seconds of each round as JSON.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PROGRAM = ["/bin/true"]


def ask_supervisor(*arguments: str) -> None:
    """One request without a client's process: what is left is create, exec, reap and the answer."""
    body = b"".join(word.encode() + b"\0" for word in ("/", "", *arguments))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("/run/boxwright/engine.sock")
        client.sendall(b"bxw2" + len(body).to_bytes(4, "big") + body)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    if answer[-5:] != b"\0\0\0\0\0":
        raise RuntimeError(f"the supervisor answered {answer!r}")


def run(*command: str) -> None:
    """A command as a process; it must succeed."""
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def prepare_bundle(bundle: Path, rootfs: str) -> None:
    """A bundle as `runc spec` makes it, with our rootfs and program, and no terminal."""
    bundle.mkdir(exist_ok=True)
    (bundle / "config.json").unlink(missing_ok=True)
    subprocess.run(["runc", "spec"], check=True, cwd=bundle)
    config = json.loads((bundle / "config.json").read_text())
    config["process"].update(terminal=False, args=PROGRAM)
    config["root"] = {"path": rootfs, "readonly": False}
    (bundle / "config.json").write_text(json.dumps(config))


def jobs(rootfs: str, bundle: Path) -> dict[str, Callable[[int], None]]:
    """What is timed: a name, and what one round of it does."""
    found: dict[str, Callable[[int], None]] = {
        "engine": lambda number: ask_supervisor("run", f"bench{number}", rootfs, *PROGRAM),
        "crun": lambda number: run("crun", "run", "--bundle", str(bundle), f"bench{number}"),
        "engine run": lambda number: run("engine", "run", f"bench{number}", rootfs, *PROGRAM),
        "runc": lambda number: run("runc", "run", "--bundle", str(bundle), f"bench{number}"),
    }
    if shutil.which("podman"):
        # As near as it comes to what the others do: a folder as root, the host's network.
        podman = ("podman", "--cgroup-manager=cgroupfs", "run", "--rm", "--network=host", "--rootfs")
        found["podman"] = lambda _: run(*podman, rootfs, *PROGRAM)
    return found


def main(rounds: int, rootfs: str, bundle: Path) -> None:
    """Measure, and print."""
    prepare_bundle(bundle, rootfs)
    times: dict[str, list[float]] = {}
    for name, job in jobs(rootfs, bundle).items():
        try:
            job(0)  # warms up, and shows whether it runs here
        except (OSError, subprocess.CalledProcessError) as error:
            sys.stderr.write(f"{name} does not run here: {error}\n")
        else:
            times[name] = []
    for number in range(1, rounds + 1):
        for name, job in jobs(rootfs, bundle).items():
            if name in times:
                began = time.perf_counter()
                job(number)
                times[name].append(time.perf_counter() - began)
    sys.stdout.write(json.dumps(times) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
