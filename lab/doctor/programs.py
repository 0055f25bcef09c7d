"""What runs `lab` itself: Python, its environment, its packages, the clock, and OpenSSH."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from lab import paths
from lab.doctor.finding import Finding, as_root, ask, failed, install, ok, warning
from lab.errors import LabError
from lab.image import tools

NEWEST_PYTHON = (3, 13)
"""ansible-core 2.19, which provisions machines, was released for 3.11 to this one."""

BOOTSTRAP = "./bootstrap.sh"

FUTURE_SECONDS = 60
"""How far a file may seem to come from the future: clocks of network file systems differ."""

READINGS = 1000


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Iterator[Finding]:
    """New enough, and not newer than was tried."""
    shown = "Python " + ".".join(map(str, version))
    if version[:2] < (3, 11):
        yield failed("python", f"{shown}; 3.11 is the least", f"Install a newer one and run {BOOTSTRAP}.")
    elif version[:2] > NEWEST_PYTHON:
        yield warning(
            "python", f"{shown}; ansible-core 2.19 was released for 3.11 to 3.13",
            f"If provisioning fails: `BOXWRIGHT_PYTHON=python3.13 {BOOTSTRAP}`.",
        )  # fmt: skip
    else:
        yield ok("python", shown)


def venv(
    *,
    prefix: Path = Path(sys.prefix),
    base: Path = Path(sys.base_prefix),
    checkout: Path = paths.CHECKOUT,
) -> Iterator[Finding]:
    """`lab` runs in the checkout's environment, and bootstrap.sh finished it from the present lock."""
    own = checkout / ".venv"
    if prefix == base:
        yield warning("venv", f"lab runs outside a virtual environment ({prefix})", f"{BOOTSTRAP} lab doctor")
        return
    if prefix.resolve() != own.resolve():
        yield ok("venv", f"another environment than this checkout's: {prefix}")
        return
    try:
        stamp = (own / "boxwright-stamp").read_text().splitlines()
    except FileNotFoundError:
        yield warning("venv", f"{own} was not finished by bootstrap.sh", BOOTSTRAP)
        return
    # bootstrap.sh writes the hash of the two as the stamp's last line.
    content = (checkout / "requirements.lock").read_bytes() + (checkout / "pyproject.toml").read_bytes()
    if stamp[-1:] != [hashlib.sha256(content).hexdigest()]:
        yield warning("venv", f"{own} is older than requirements.lock or pyproject.toml", BOOTSTRAP)
    else:
        yield ok("venv", f"{own}, finished and up to date")


def dependencies(
    lock: Path = paths.CHECKOUT / "requirements.lock",
    installed: Callable[[str], str] = importlib.metadata.version,
) -> Iterator[Finding]:
    """Every package of the lock is installed, in the version that is locked."""
    missing, other, right = [], [], 0
    for requirement in locked(lock.read_text()):
        wanted = str(requirement.specifier).removeprefix("==")
        try:
            there = installed(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(requirement.name)
            continue
        if there == wanted:
            right += 1
        else:
            other.append(f"{requirement.name} {there} instead of {wanted}")
    if missing:
        yield failed("dependencies", f"not installed: {_some(missing)}", BOOTSTRAP)
    elif other:
        yield warning("dependencies", f"not as locked: {_some(other)}", BOOTSTRAP)
    else:
        yield ok("dependencies", f"{right} packages, all as locked")


def locked(text: str) -> list[Requirement]:
    """The requirements of a lock that hold for this Python; comments and hashes are left out."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        line = re.split(r"\s--|(?:^|\s)#", line)[0].strip()
        try:
            requirement = Requirement(line) if line else None
        except InvalidRequirement:
            continue
        if requirement and (requirement.marker is None or requirement.marker.evaluate()):
            found.append(requirement)
    return found


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def clock(
    *,
    checkout: Path = paths.CHECKOUT,
    now: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[Finding]:
    """Not before anything that exists already, and never backwards."""
    present = now()
    newest = max([*_file_times(checkout), _commit_time(checkout)], default=0.0)
    before = monotonic()
    for _ in range(READINGS):
        after = monotonic()
        if after < before:
            yield failed(
                "clock", f"the monotonic clock went back by {before - after:.6f} s",
                "Time limits cannot hold here; choose another clock source: clocksource= on the kernel's command line.",
            )  # fmt: skip
            return
        before = after
    shown = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(present))
    if present < newest - FUTURE_SECONDS:
        yield failed(
            "clock",
            f"it is {shown}, but this checkout is from {time.strftime('%Y-%m-%d %H:%M', time.gmtime(newest))}",
            as_root("timedatectl set-ntp true"),
        )
    else:
        yield ok("clock", f"{shown}; not before this checkout, and it never went back")


def _file_times(checkout: Path) -> Iterator[float]:
    """When the files that people write were last changed."""
    for folder in ("lab", "runtime", "kernel", "vagrant"):
        for path in (checkout / folder).rglob("*.*"):
            yield path.stat().st_mtime


def _commit_time(checkout: Path) -> float:
    """When the checkout's last commit was made; 0 where git cannot tell."""
    try:
        status, said = ask(["git", "-C", str(checkout), "log", "-1", "--format=%ct"])
    except (LabError, OSError):
        return 0.0
    return float(said) if status == 0 and said.isdecimal() else 0.0


def ssh() -> Iterator[Finding]:
    """OpenSSH's client, for `lab ssh` and for Ansible."""
    try:
        tools.find("ssh")
    except LabError:
        yield failed("ssh", "OpenSSH's client is not installed", install("openssh-client"))
        return
    status, said = ask(["ssh", "-V"])
    if status != 0 or not said.startswith("OpenSSH"):
        yield failed("ssh", f"`ssh -V` says {said[:60]!r}: it is not OpenSSH", install("openssh-client"))
    else:
        yield ok("ssh", said.split(",")[0])
