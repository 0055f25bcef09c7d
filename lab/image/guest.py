"""What the builder itself puts into an image, beside packages: the files of `guest/`, and units switched off.

They make the guest boot fast and the same bytes come out. What a lab VM is for, on any
machine, is not here but in the playbook.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from lab.image.inputs import files_below

FOLDER = Path(__file__).with_name("guest")

MASKED_UNITS = (
    # Nothing of this is any use in a machine that lives for minutes, and each costs boot time.
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "ldconfig.service",
    "man-db.timer",
    "motd-news.timer",
    "networking.service",
    "ssh.socket",
    "sshd-keygen.service",
    "systemd-binfmt.service",
    "systemd-hwdb-update.service",
    "systemd-journal-catalog-update.service",
    "systemd-journal-flush.service",
    "systemd-logind.service",
    "systemd-networkd.service",
    "systemd-networkd-wait-online.service",
    "systemd-pcrphase.service",
    "systemd-pcrphase-sysinit.service",
    "systemd-pstore.service",
    "systemd-random-seed.service",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
    "systemd-update-done.service",
    "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service",
    "unattended-upgrades.service",
)

CUSTOMIZE = r"""
set -eu
cd "$1"
mkdir -p usr/share/boxwright
# Which state of the mirror this is, for the manifest.
cd var/lib/apt/lists
sha256sum -- *Release > "$1/usr/share/boxwright/archives"
cd "$1"
# What is drawn by chance or tells the time of the build.
rm -f etc/ssh/ssh_host_* etc/.pwd.lock var/lib/systemd/random-seed var/lib/dbus/machine-id
rm -f var/cache/debconf/*-old var/cache/ldconfig/aux-cache var/log/*.log var/log/apt/*
rm -rf var/log/journal
# The host's proxies are not the guest's.
rm -f etc/apt/apt.conf.d/99mmdebstrap
: > etc/machine-id
"""
"""Runs in a shell on the finished tree (mmdebstrap(1), --customize-hook); `$1` is its path."""


def tree_archive() -> bytes:
    """A tar of `guest/` and of the links that mask units; all owned by root, of one fixed time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in files_below(FOLDER):
            content = path.read_bytes()
            entry = _entry(str(path.relative_to(FOLDER)))
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for unit in MASKED_UNITS:
            archive.addfile(_link(f"etc/systemd/system/{unit}", "/dev/null"))
        wants = "etc/systemd/system/multi-user.target.wants/ssh.service"
        archive.addfile(_link(wants, "/etc/systemd/system/ssh.service"))
    return buffer.getvalue()


def _entry(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mtime = 0
    return entry


def _link(name: str, target: str) -> tarfile.TarInfo:
    entry = _entry(name)
    entry.type = tarfile.SYMTYPE
    entry.linkname = target
    entry.mode = 0o777
    return entry
