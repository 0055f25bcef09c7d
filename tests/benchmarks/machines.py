"""The figures of images and machines; where Vagrant is there, it is the peer."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import private_libvirt
from table import Row, at_most

from lab import paths
from lab.console import Progress

LAB = Path(sys.executable).with_name("lab")


def timed(job: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def lab(*arguments: str) -> float:
    """Seconds that a command of `lab` takes."""
    command = [LAB, *arguments]
    return timed(lambda: subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True))


def images(progress: Progress) -> list[Row]:
    """A base image and its golden overlay, built from nothing in a cache of their own."""
    progress.step("Building an image")
    with tempfile.TemporaryDirectory(prefix="boxwright-bench-") as name:
        cache = Path(name)
        if (downloads := paths.cache() / "alpine").is_dir():
            (cache / "alpine").symlink_to(downloads)
        environment = {**os.environ, "BOXWRIGHT_CACHE": name}
        subprocess.run(
            [LAB, "image", "build"],
            env=environment,
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        [manifest] = cache.glob("images/*/manifest.json")
        [golden] = cache.glob("images/*/golden/*/golden.json")
        base = float(json.loads(manifest.read_text())["image"]["build_seconds"])
        provisioned = float(json.loads(golden.read_text())["seconds"])
    return [
        Row("base image", base, "s", **at_most(base, 90, "s")),
        Row("its first boot and the playbook", provisioned, "s", **at_most(provisioned, 90, "s")),
    ]


def starts(rounds: int, progress: Progress) -> list[Row]:
    """A new machine from the warm state and by booting; and a snapshot restored."""
    name = f"bench-start-{os.getpid()}"
    warm, cold, restored = [], [], []
    try:
        for number in range(rounds):
            progress.step(f"Starting machines ({number + 1} of {rounds})")
            for times, options in ((cold, ["--cold"]), (warm, [])):
                times.append(lab("up", name, *options))
                if times is cold:
                    lab("destroy", name)
            lab("snapshot", "one", "--machine", name)
            restored.append(lab("restore", "one", "--machine", name))
            lab("destroy", name)
    finally:
        subprocess.run([LAB, "destroy", name], check=False, capture_output=True)
    up, boot, restore = (statistics.median(times) for times in (warm, cold, restored))
    return [
        Row("`lab up`, whole command", up, "s", "lab up --cold", boot, rounds=rounds, **at_most(up, 12, "s")),
        Row(
            "`lab restore`, whole command",
            restore,
            "s",
            "lab up --cold",
            boot,
            rounds=rounds,
            **at_most(restore, 2, "s"),
        ),
    ]


def vagrants(rounds: int, progress: Progress) -> list[Row]:
    """`vagrant up` with the local box, and its snapshots, beside `lab`'s own."""
    if reason := private_libvirt.why_not():
        progress.step(f"Vagrant is not measured: {reason}")
        return []
    ups, restores, own_ups, own_restores = [], [], [], []
    name = f"bench-vagrant-{os.getpid()}"
    with (
        tempfile.TemporaryDirectory(prefix="boxwright-bench-") as folder,
        private_libvirt.private_libvirt(Path(folder)) as libvirt,
    ):
        libvirt.workspace.mkdir()
        libvirt.lab("box", timeout=300)
        try:
            for number in range(rounds):
                progress.step(f"vagrant up ({number + 1} of {rounds})")
                ups.append(timed(lambda: libvirt.run("vagrant", "up", timeout=300)))
                libvirt.run("vagrant", "snapshot", "save", "one", timeout=100)
                restores.append(
                    timed(
                        lambda: libvirt.run(
                            "vagrant", "snapshot", "restore", "--no-provision", "one", timeout=100
                        )
                    )
                )
                libvirt.run("vagrant", "destroy", "--force", timeout=100)
                own_ups.append(lab("up", name))
                lab("snapshot", "one", "--machine", name)
                own_restores.append(lab("restore", "one", "--machine", name))
                lab("destroy", name)
        finally:
            subprocess.run([LAB, "destroy", name], check=False, capture_output=True)
    up, restore, own_up, own_restore = (statistics.median(t) for t in (ups, restores, own_ups, own_restores))
    return [
        Row("`vagrant up` with the local box, playbook included", up, "s", "lab up", own_up,
            rounds=rounds, **at_most(up, 50, "s")),
        Row("`lab restore`", own_restore, "s", "vagrant snapshot restore", restore, rounds=rounds),
    ]  # fmt: skip
