"""Where a build takes packages and Alpine from: are the sources configured, trusted and reachable?

Nothing here waits for long: a network that swallows packets is found out by a time limit.
"""

from __future__ import annotations

import platform
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lab import paths
from lab.console import NoProgress
from lab.doctor.finding import Finding, failed, from_error, install, ok, warning
from lab.errors import LabError
from lab.image import alpine, contents, mirror, tools

SECONDS = 6.0
"""Within which the mirror must have answered; it takes half a second or so."""

QUICK = ('Acquire::Retries "0";', 'Acquire::http::Timeout "4";', 'Acquire::https::Timeout "4";')
"""For apt: fail where a build would be patient."""

AHEAD_SECONDS = 3600
"""How far the mirror's date may be in the future before this host's clock counts as wrong."""


def keyring(
    suite: str | None = None, *, distribution: str | None = None, folder: Path = Path("/usr/share/keyrings")
) -> Iterator[Finding]:
    """The distribution's keys are installed, and among them the guest's release's own."""
    kind, own = (distribution, "") if distribution else mirror.host_release()
    wanted = suite or mirror.DEFAULT_SUITES.get(kind, own)
    package, names = mirror.KEYRINGS[kind]
    if not any((folder / name).is_file() for name in names):
        yield failed("keyring", f"{kind.capitalize()}'s archive keys are not in {folder}", install(package))
    elif kind == "debian" and wanted != "sid" and not any(folder.glob(f"debian-archive-{wanted}-stable.*")):
        # Debian signs each release with a key of its own, which the package has in a file too.
        yield failed("keyring", f"{package} is older than {wanted}: it lacks its key", install(package))
    else:
        yield ok("keyring", f"{package}, with the key of {wanted}")


Look = Callable[[mirror.Mirror, Sequence[str], float], list[mirror.Archive]]


def look(source: mirror.Mirror, settings: Sequence[str], seconds: float) -> list[mirror.Archive]:
    """Let apt fetch the mirror's state and check its signatures, within a time limit."""
    return mirror.look_at(source, settings, timeout=seconds)


def reachable(
    suite: str | None = None,
    *,
    apt_folder: Path = Path("/etc/apt"),
    fetch: Look = look,
    seconds: float = SECONDS,
) -> Iterator[Finding]:
    """apt reaches the mirror of the guest's release, and its signature is good."""
    try:
        source = mirror.find_mirror(suite, apt_folder=apt_folder)
        uri = source.lines[0].split()[1]
        settings = mirror.apt_settings(tools.output(["apt-config", "dump"]), uri)
        began = time.monotonic()
        archives = fetch(source, [*settings, *QUICK], seconds)
    except LabError as error:
        yield from_error("mirror", error)
        return
    took = time.monotonic() - began
    newest = max(archive.date for archive in archives)
    if newest > time.time() + AHEAD_SECONDS:
        date = time.strftime("%Y-%m-%d %H:%M", time.gmtime(newest))
        yield warning(
            "mirror",
            f"{uri} was last changed at {date}, which this host's clock takes for the future",
            "Set the clock: `timedatectl set-ntp true`.",
        )
    else:
        yield ok("mirror", f"{uri} has {source.suite}, signed, and answered in {took:.1f} s")


Head = Callable[[str, float], int]


def head(url: str, seconds: float) -> int:
    """The HTTP status of a page, without its content. Raises `OSError` where nobody answers in time."""
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def alpine_source(
    *, machine: str | None = None, shared: Path | None = None, ask: Head = head, seconds: float = SECONDS
) -> Iterator[Finding]:
    """Alpine's tarball is here with the right checksum, or there is a source from which it can be had.

    Args:
        machine: architecture as `uname -m` prints it; this host's by default.
        shared: the folder beside the checkout.
        ask: asks a web server for a page.
        seconds: that it may take.
    """
    wanted = contents.read()
    machine = machine or platform.machine()
    beside = shared or paths.CHECKOUT.parent / "shared"
    name = alpine.file_name(wanted, machine)
    if alpine.at_hand(wanted, machine, shared=beside):
        found = alpine.find(wanted, NoProgress(), machine=machine, shared=beside)
        yield ok("alpine", f"{found.path}, of the right checksum")
        return
    if len(alpine.known_digests(wanted, machine)) > 1:
        yield ok("alpine", "in the cache, made from the Python package (not Alpine's own tarball)")
        return
    url = alpine.url(wanted, machine)
    try:
        status = ask(url, seconds)
        reason = "" if status == 200 else f"it answers with status {status}"
    except OSError as error:
        reason = str(getattr(error, "reason", error))
    if not reason:
        yield ok("alpine", f"not here yet; {url} has it")
        return
    here = f"Put {name} into {alpine.folder()} (from a machine with a network)."
    site = url.split("/")[2]
    package = wanted.alpine_fallback
    if machine in package["sha256s"]:
        yield warning(
            "alpine",
            f"{site} is not reachable ({reason}); the Python package {package['package']} will be tried instead,"
            " whose Alpine is another version",
            here,
        )
    else:
        yield failed("alpine", f"not here, and {site} is not reachable: {reason}", here)
