"""What the builder itself puts into an image, beside packages: the files of `guest/`, and what is switched off.

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
    "dev-hugepages.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty-static.service",
    "getty@tty1.service",
    "ldconfig.service",
    "man-db.timer",
    "motd-news.timer",
    "networking.service",
    "rc-local.service",
    "ssh.socket",
    "sshd-keygen.service",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path",
    "systemd-binfmt.service",
    "systemd-creds.socket",
    "systemd-hostnamed.socket",
    "systemd-hwdb-update.service",
    "systemd-journal-catalog-update.service",
    "systemd-journal-flush.service",
    "systemd-logind.service",
    "systemd-machine-id-commit.service",
    "systemd-modules-load.service",
    "systemd-networkd-wait-online.service",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-pcrphase-sysinit.service",
    "systemd-pcrphase.service",
    "systemd-pstore.service",
    "systemd-random-seed.service",
    "systemd-resolved.service",
    "systemd-sysext.socket",
    "systemd-timesyncd.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-tpm2-setup-early.service",
    "systemd-tpm2-setup.service",
    "systemd-udev-load-credentials.service",
    "systemd-update-done.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
    "unattended-upgrades.service",
    # The initrd did this: device nodes, and the root file system writable.
    "kmod-static-nodes.service",
    "systemd-remount-fs.service",
    "systemd-tmpfiles-setup-dev-early.service",
    "systemd-tmpfiles-setup-dev.service",
    # dpkg did this.
    "systemd-sysusers.service",
)

MASKED_GENERATORS = (
    # Each is a program that systemd runs before anything else, and finds nothing to do.
    "systemd-bless-boot-generator",
    "systemd-cryptsetup-generator",
    "systemd-debug-generator",
    "systemd-gpt-auto-generator",
    "systemd-hibernate-resume-generator",
    "systemd-integritysetup-generator",
    "systemd-rc-local-generator",
    "systemd-run-generator",
    "systemd-ssh-generator",
    "systemd-system-update-generator",
    "systemd-sysv-generator",
    "systemd-tpm2-generator",
    "systemd-veritysetup-generator",
)

LINKS = {
    **{f"etc/systemd/system/{unit}": "/dev/null" for unit in MASKED_UNITS},
    **{f"etc/systemd/system-generators/{name}": "/dev/null" for name in MASKED_GENERATORS},
    "etc/systemd/system/default.target": "/usr/lib/systemd/system/multi-user.target",
    **{
        f"etc/systemd/system/multi-user.target.wants/{unit}": f"/etc/systemd/system/{unit}"
        for unit in (
            "ssh.service",
            "boxwright-dhcp.service",
            "boxwright-emulated.service",
            "boxwright-host-key.service",
        )
    },
    "etc/systemd/system/sysinit.target.wants/boxwright-limits.slice": (
        "/etc/systemd/system/boxwright-limits.slice"
    ),
    # The network's name stays the kernel's, eth0, under which the initrd has set it.
    "etc/systemd/network/99-default.link": "/dev/null",
}
"""Symbolic links in the guest, and where they point."""

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
rm -f etc/fstab
: > etc/machine-id
"""
"""Runs in a shell on the finished tree (mmdebstrap(1), --customize-hook); `$1` is its path."""


def tree_archive() -> bytes:
    """A tar of `guest/` and of `LINKS`; all owned by root, of one fixed time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in files_below(FOLDER):
            content = path.read_bytes()
            entry = _entry(str(path.relative_to(FOLDER)))
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for name, target in sorted(LINKS.items()):
            archive.addfile(_link(name, target))
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
