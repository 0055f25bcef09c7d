"""What an image build needs of the host beside room: its tools, and user namespaces that really work."""

from __future__ import annotations

import getpass
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lab.doctor.finding import Finding, as_root, ask, failed, install, ok, sentence, skipped
from lab.errors import LabError
from lab.image import tools

IDS = 65536
"""Subordinate ids that mmdebstrap asks for (mmdebstrap(1), unshare mode)."""

Ask = Callable[[Sequence[str]], tuple[int, str]]

APPARMOR = "kernel/apparmor_restrict_unprivileged_userns"


def build_tools(path: str = tools.SEARCH_PATH) -> Iterator[Finding]:
    """All programs that a build calls; mmdebstrap and newuidmap have checks of their own."""
    names = [name for name in tools.PACKAGES if name not in ("mmdebstrap", "newuidmap")]
    missing = [name for name in names if shutil.which(name, path=path) is None]
    if missing:
        packages = [tools.PACKAGES[name] for name in missing]
        yield failed("build-tools", f"not installed: {', '.join(missing)}", install(*packages))
    else:
        yield ok("build-tools", ", ".join(names))


def mmdebstrap() -> Iterator[Finding]:
    """It is there and runs."""
    try:
        tools.find("mmdebstrap")
    except LabError as error:
        yield failed("mmdebstrap", sentence(error.what), install("mmdebstrap"))
        return
    status, said = ask(["mmdebstrap", "--version"])
    if status == 0:
        yield ok("mmdebstrap", said)
    else:
        yield failed("mmdebstrap", f"it does not run: {sentence(said)[-120:]}", install("mmdebstrap", "perl"))


def namespaces(
    *, user: int | None = None, sysctl: Path = Path("/proc/sys"), run: Ask = ask
) -> Iterator[Finding]:
    """Whether a build gets the namespaces it needs, tried with the very call that it makes.

    Args:
        user: id of the user who builds; this one by default.
        sysctl: the folder of the kernel's settings.
        run: runs a program.
    """
    root = (os.geteuid() if user is None else user) == 0
    reason = "" if root else _kernel_says_no(sysctl)
    command = (
        ["unshare", "--mount", "true"]
        if root
        else ["unshare", "--user", "--map-root-user", "--mount", "true"]
    )
    status, said = run(command)
    works = status == 0
    detail = said
    if shutil.which("mmdebstrap", path=tools.SEARCH_PATH):
        # What counts: Ubuntu lets mmdebstrap do what it forbids unshare (an AppArmor profile).
        status, detail = run(["mmdebstrap", "--unshare-helper", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        works = status == 0
    said = detail or said
    if works:
        what = "mount namespaces" if root else "user and mount namespaces"
        yield ok("namespaces", f"{what} work for this user")
    elif root:
        yield failed(
            "namespaces",
            f"root may not mount in a mount namespace here: {sentence(said)[-120:]}",
            "In a container, start it with --privileged; otherwise use another host.",
        )
    else:
        yield failed(
            "namespaces",
            f"this user's namespaces do not work: {sentence(said)[-120:]}",
            reason
            or "See the check subordinate-ids; or build as root: `sudo ./bootstrap.sh lab image build`.",
        )
    yield _apparmor(root, works, sysctl)


def _kernel_says_no(sysctl: Path) -> str:
    """What to type where a setting of the kernel forbids user namespaces; empty where none does."""
    for setting, forbids, allow in (
        ("user/max_user_namespaces", "0", "15000"),
        ("kernel/unprivileged_userns_clone", "0", "1"),  # Debian's and Ubuntu's own
        (APPARMOR, "1", "0"),  # Ubuntu 23.10 and later
    ):
        if _read(sysctl / setting) == forbids:
            return as_root(f"sysctl -w {setting.replace('/', '.')}={allow}")
    return ""


def _apparmor(root: bool, works: bool, sysctl: Path) -> Finding:
    value = _read(sysctl / APPARMOR)
    name = APPARMOR.replace("/", ".")
    if value in (None, "0"):
        return ok("apparmor", "user namespaces are not restricted by AppArmor")
    if root:
        return skipped("apparmor", f"{name}={value} does not concern root")
    if works:
        return ok("apparmor", f"{name}={value}, but mmdebstrap has a profile that allows it")
    return failed(
        "apparmor", f"{name}={value} forbids this user's namespaces", as_root(f"sysctl -w {name}=0")
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def subordinate_ids(
    *,
    user: int | None = None,
    name: str | None = None,
    files: Sequence[Path] = (Path("/etc/subuid"), Path("/etc/subgid")),
    path: str = tools.SEARCH_PATH,
) -> Iterator[Finding]:
    """An ordinary user has a range of ids that the guest's files can belong to, and the programs to use it."""
    number = os.geteuid() if user is None else user
    if number == 0:
        yield skipped("subordinate-ids", "root needs none")
        return
    who = name or getpass.getuser()
    programs = [shutil.which(program, path=path) for program in ("newuidmap", "newgidmap")]
    if None in programs:
        yield failed("subordinate-ids", "newuidmap and newgidmap are not installed", install("uidmap"))
        return
    for program in programs:
        if program and not _has_privilege(Path(program)):
            yield failed(
                "subordinate-ids", f"{program} is neither setuid root nor has file capabilities",
                as_root("apt-get install --reinstall uidmap"),
            )  # fmt: skip
            return
    lacking = [str(file) for file in files if _largest_range(file, {who, str(number)}) < IDS]
    if lacking:
        first = max(100000, *(_end(file) for file in files))
        free = f"{first}-{first + IDS - 1}"
        yield failed(
            "subordinate-ids",
            f"{who} has no range of {IDS} ids in {' and '.join(lacking)}",
            as_root(f"usermod --add-subuids {free} --add-subgids {free} {who}"),
        )
    else:
        yield ok("subordinate-ids", f"{who} has {IDS} or more, with newuidmap and newgidmap")


def _has_privilege(program: Path) -> bool:
    status = program.stat()
    if status.st_mode & stat.S_ISUID and status.st_uid == 0:
        return True
    try:
        return bool(os.getxattr(program, "security.capability"))
    except OSError:
        return False


def _ranges(file: Path) -> Iterator[tuple[str, int, int]]:
    """Owner, first id and count of each range in a file as subuid(5) describes it."""
    for line in (_read(file) or "").splitlines():
        fields = line.split(":")
        if len(fields) == 3 and fields[1].isdecimal() and fields[2].isdecimal():
            yield fields[0], int(fields[1]), int(fields[2])


def _largest_range(file: Path, names: set[str]) -> int:
    return max((count for owner, _, count in _ranges(file) if owner in names), default=0)


def _end(file: Path) -> int:
    """The first id after all ranges."""
    return max((first + count for _, first, count in _ranges(file)), default=0)
