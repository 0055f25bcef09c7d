"""Where the guest's packages come from: the archive that apt on this host already uses.

The host's sources are those of its own release; the guest may be of another one of the
same distribution. So the distribution's own sources are picked out (third-party ones are
left aside), and the release's name in them is replaced.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path

from lab.errors import LabError
from lab.image import tools
from lab.image.sources import Source, configured

DEFAULT_SUITES = {"debian": "trixie"}
"""The guest's release; a host of another distribution gets its own."""

DEBIAN_SUITES = ("bookworm", "trixie", "forky", "sid")
UBUNTU_SUITES = ("jammy", "noble", "plucky", "questing", "resolute")

KEYRINGS = {
    "debian": ("debian-archive-keyring", ("debian-archive-keyring.pgp", "debian-archive-keyring.gpg")),
    "ubuntu": ("ubuntu-keyring", ("ubuntu-archive-keyring.gpg",)),
}
"""The package with a distribution's keys, and their files in /usr/share/keyrings."""

COMPONENTS = {"debian": ("main",), "ubuntu": ("main", "universe")}
"""The parts of the archive that the guest's packages are in."""

POCKETS = ("", "-updates", "-security")
"""What is appended to a release's name in the suites that the guest takes packages from."""

REACH = "Check this host's network and its apt sources and proxy; `apt-get update` must work."
"""The remedy where nobody answers."""


@dataclass(frozen=True)
class Mirror:
    """The sources of one guest."""

    distribution: str
    suite: str
    lines: tuple[str, ...]
    """In the one-line format, the release itself first."""
    keyring: Path


@dataclass(frozen=True)
class Archive:
    """The state of one suite on the mirror."""

    suite: str
    sha256: str
    """Of its InRelease file, which names every package's checksum in turn."""
    date: int
    """When it was published, in seconds since 1970."""


def host_release(os_release: Mapping[str, str] | None = None) -> tuple[str, str]:
    """The host's distribution (`debian` or `ubuntu`) and its release's code name.

    Raises:
        LabError: the host is neither of them nor derived from one.
    """
    fields = platform.freedesktop_os_release() if os_release is None else os_release
    if fields.get("ID") in ("debian", "ubuntu"):
        return fields["ID"], fields.get("VERSION_CODENAME", "sid")
    if fields.get("UBUNTU_CODENAME"):
        return "ubuntu", fields["UBUNTU_CODENAME"]
    if fields.get("DEBIAN_CODENAME"):
        return "debian", fields["DEBIAN_CODENAME"]
    raise LabError(
        f"Images are built on Debian and Ubuntu; this host is {fields.get('PRETTY_NAME', 'another system')}",
        "Use `vagrant up` with a public box, or a host that is one of them.",
    )


def find_mirror(suite: str | None = None, *, apt_folder: Path = Path("/etc/apt")) -> Mirror:
    """The mirror of this host for a guest of the given release; the default release where none is given.

    Raises:
        LabError: the host has no source of that distribution, or not its keys.
    """
    distribution, own = host_release()
    wanted = suite or DEFAULT_SUITES.get(distribution, own)
    belongs = "ubuntu" if wanted in UBUNTU_SUITES else "debian" if wanted in DEBIAN_SUITES else distribution
    if belongs != distribution:
        possible = UBUNTU_SUITES if distribution == "ubuntu" else DEBIAN_SUITES
        raise LabError(
            f"The suite {wanted} is {belongs.capitalize()}'s, and this host has {distribution.capitalize()}'s mirror",
            f"Choose one of {', '.join(possible)} with --suite.",
        )
    lines = guest_lines(configured(apt_folder), distribution, own, wanted)
    if not lines:
        raise LabError(
            f"apt on this host has no source of {distribution.capitalize()} {own} in {apt_folder}",
            "Add the distribution's own archive to it; the guest's packages come from there.",
        )
    return Mirror(distribution, wanted, tuple(lines), _keyring(distribution))


def guest_lines(sources: Sequence[Source], distribution: str, own: str, wanted: str) -> list[str]:
    """The guest's sources.list: the host's archive with the release's name replaced.

    Args:
        sources: what apt on the host is configured with.
        distribution: the host's.
        own: the host's release.
        wanted: the guest's release.
    """
    official = [source for source in sources if _is_official(source, distribution, own)]
    lines = []
    for pocket in POCKETS:
        if pocket and wanted == "sid":
            continue
        holding = [source for source in official if _names(distribution, own, pocket) & set(source.suites)]
        if holding:
            # An archive that also has the updates is surely the distribution's; ties go to apt's order.
            best = max(holding, key=lambda source: sum(f"{own}{other}" in source.suites for other in POCKETS))
            components = [part for part in COMPONENTS[distribution] if part in best.components]
            lines.append(f"deb {best.uri.rstrip('/')} {wanted}{pocket} {' '.join(components)}")
        elif not pocket:
            return []
    return lines


def _names(distribution: str, own: str, pocket: str) -> set[str]:
    names = {own + pocket}
    if distribution == "debian":
        aliases = ("stable", "oldstable", "testing", "unstable")
        names |= {alias + pocket for alias in aliases}
        if pocket == "-security":
            names.add(f"{own}/updates")  # its name until Debian 10
    return names


def _is_official(source: Source, distribution: str, own: str) -> bool:
    """Whether a source is the distribution's archive, and not somebody else's for the same release."""
    if "main" not in source.components or source.uri.startswith("cdrom:") or "ppa.launchpad" in source.uri:
        return False
    if not any(_names(distribution, own, pocket) & set(source.suites) for pocket in POCKETS):
        return False
    return not source.signed_by or Path(source.signed_by).name.startswith(f"{distribution}-archive-")


def _keyring(distribution: str) -> Path:
    package, names = KEYRINGS[distribution]
    for name in names:
        path = Path("/usr/share/keyrings") / name
        if path.is_file():
            return path
    raise LabError(
        f"The keys of {distribution.capitalize()}'s archive are not in /usr/share/keyrings",
        f"Install the package {package}.",
    )


def apt_settings(dump: str, uri: str) -> list[str]:
    """The host's settings that a download needs to work: proxies, and leniency about dates.

    Args:
        dump: what `apt-config dump` prints.
        uri: of the mirror, for a program that finds proxies.
    """
    pattern = r'(Acquire::(?:(?:https?|ftp)::Proxy(?:::\S+)?|Check-Valid-Until|Check-Date)) "([^"]+)";'
    found = dict(re.findall(pattern, dump))
    detect = re.search(r'Acquire::http::Proxy-?Auto-?Detect "([^"]+)";', dump, re.IGNORECASE)
    if detect and "Acquire::http::Proxy" not in found:
        # The program is not there in the guest, so it is asked here.
        answer = _ask([detect[1], uri])
        if answer.startswith(("http://", "https://")):
            found["Acquire::http::Proxy"] = answer
    return [f'{name} "{value}";' for name, value in sorted(found.items())]


def _ask(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def look_at(mirror: Mirror, settings: Sequence[str], *, timeout: float | None = None) -> list[Archive]:
    """Fetch the state of each suite with apt, which checks its signature.

    Args:
        mirror: whose suites.
        settings: for apt, as `apt_settings` finds them.
        timeout: seconds for all of it; as long as apt is patient where none is given.

    Raises:
        LabError: the mirror cannot be reached, has no such suite, or the keys do not fit.
    """
    with tempfile.TemporaryDirectory(prefix="boxwright-apt-") as name:
        folder = Path(name)
        (folder / "state/lists/partial").mkdir(parents=True)
        (folder / "cache").mkdir()
        (folder / "sources.list").write_text("".join(f"{line}\n" for line in mirror.lines))
        (folder / "status").touch()
        (folder / "apt.conf").write_text(_private_configuration(folder, mirror.keyring, settings))
        log = folder / "log"
        try:
            tools.run(
                ["apt-get", "update", "-q"],
                log,
                environment={**os.environ, "APT_CONFIG": str(folder / "apt.conf"), "LC_ALL": "C"},
                timeout=timeout,
            )
        except TimeoutError:
            raise LabError(
                f"The mirror {mirror.lines[0].split()[1]} did not answer within {timeout:.0f} s", REACH
            ) from None
        archives = []
        for line in mirror.lines:
            suite = line.split()[2]
            lists = sorted((folder / "state/lists").glob(f"*_dists_{suite}_*Release"))
            if not lists:
                raise _failure(line, mirror, log.read_text("utf-8", "replace"))
            content = lists[0].read_bytes()
            archives.append(Archive(suite, hashlib.sha256(content).hexdigest(), _date(content)))
        return archives


def _private_configuration(folder: Path, keyring: Path, settings: Sequence[str]) -> str:
    """apt.conf(5) that uses nothing of the host's: only the release files are fetched, into `folder`."""
    own = {
        "Dir::Etc::Main": "/dev/null",
        "Dir::Etc::Parts": "/dev/null",
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Trusted": keyring,
        "Dir::Etc::TrustedParts": "/dev/null",
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
        "Acquire::Retries": 2,
        "Acquire::http::Timeout": 20,
        "Acquire::https::Timeout": 20,
        "Acquire::IndexTargets::deb::Packages::DefaultEnabled": "false",
        "Acquire::IndexTargets::deb::Translations::DefaultEnabled": "false",
    }
    return "".join(f'{name} "{value}";\n' for name, value in own.items()) + "".join(
        f"{line}\n" for line in settings
    )


def _date(release: bytes) -> int:
    match = re.search(rb"^Date: (.+)$", release, re.MULTILINE)
    if match is None:
        raise LabError("The mirror's release file has no date", "Try again later, or use another mirror.")
    date = parsedate_to_datetime(match[1].decode())
    return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())


def _failure(line: str, mirror: Mirror, log: str) -> LabError:
    _, uri, suite, *_ = line.split()
    said = "\n".join(row for row in log.splitlines() if row.startswith(("Err:", "E:", "W:", " ")))[-2000:]
    if "NO_PUBKEY" in log or "is not signed" in log or "Missing key" in log:
        return LabError(
            f"The keys in {mirror.keyring} do not fit the suite {suite} of {uri}",
            f"Update the package {KEYRINGS[mirror.distribution][0]} of this host.",
            detail=said,
        )
    if "404" in log or "does not have a Release file" in log:
        return LabError(
            f"The mirror {uri} has no suite {suite}",
            "Choose another with --suite, or another mirror.",
            detail=said,
        )
    return LabError(
        f"The mirror {uri} cannot be reached",
        REACH,
        detail=said,
    )
